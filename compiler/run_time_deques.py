"""collections.deque where a loop or branch changes its length: a list whose first element moves.

The elements lie one after the other from `head` on.  Where the memory ends they move to its beginning, if at least half of it is
free; a deque that grows to the left moves to the right by as much as it holds.  Either way an element moves once, on average, for
each one that was put in or taken out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import ArrayType
from . import dispatch, integers, list_algorithms, tracer
from .arrays import TracedArray
from .choice import first_choice, spread
from .run_time_lists import GROWABLE, INT, METHODS, Holding, RunTimeList
from .scalars import TracedScalar
from .values import cast, cast_weak
from .views import Storage, view_of


class RunTimeDeque(RunTimeList):
    """Stands for a deque; every method is Python's."""

    python = deque
    methods: dict[str, Callable[..., Any]] = {
        name: getattr(list_algorithms, name) for name in ("index", "insert", "remove", "count", "reverse", "rotate")}
    empty_message, index_message = "pop from an empty deque", "deque index out of range"
    assignment_message = "deque index out of range"

    def __init__(self, place: str, items: Iterable[Any] = (), maxlen: int | None = None,
                 least: Holding | None = None) -> None:
        self.head_storage = Storage(tracer.constant(np.int64(0), ArrayType(INT)))
        super().__init__(place, items, least)
        self.maxlen = maxlen

    def memory(self) -> tuple[Storage, ...]:
        return (*super().memory(), self.head_storage) if self.holding is not None else ()

    def another(self, place: str, least: Holding | None = None) -> RunTimeList:
        return RunTimeDeque(place, (), self.maxlen, least)

    def as_python(self, items: list[Any]) -> Any:
        return deque(items, self.maxlen)

    # Growth

    def append(self, x: Any) -> None:
        if self.maxlen is None:
            self.push(x)
        else:
            _run(list_algorithms.append_bounded, self, x, self.maxlen)

    def push(self, x: Any) -> None:
        super().append(x)

    def appendleft(self, x: Any) -> None:
        if self.maxlen is None:
            self.push_left(x)
        else:
            _run(list_algorithms.appendleft_bounded, self, x, self.maxlen)

    def push_left(self, x: Any) -> None:
        if first_choice(x) is not None:
            spread(self.push_left, x)
            return
        # How far it moves to the right is not counted, so nothing bounds the room.
        self._hold(self._kind_of(x), None)
        _run(list_algorithms.make_room_left, self)
        self._set_head(tracer.emit("py_subtract", [self._head_value(), tracer.constant(1)]))
        length = self.length_value()
        self._set_length(tracer.emit("py_add", [length, tracer.constant(1)]))
        self._write(tracer.constant(0), x)

    def extend(self, items: Any) -> None:
        _run(list_algorithms.extend, self, items)

    def extendleft(self, items: Any) -> None:
        _run(list_algorithms.extendleft, self, items)

    def _make_room(self, more: Any) -> Value:
        _run(list_algorithms.make_room_right, self, more, self.room)
        return super()._make_room(more)

    def move(self, to: Any) -> None:
        """Let the elements lie from `to` on, where they do not overlap what they take now."""
        n = self.length
        for storage in (*self.memories, *([] if self.tags is None else [self.tags])):
            memory = TracedArray(view_of(storage))
            dispatch.call(np.copyto, (memory[to:to + n], memory[self.head:self.head + n]), {})
        self._set_head(to.value if isinstance(to, TracedScalar) else tracer.constant(to))

    def leave(self, free: Any) -> None:
        """Move to the right by as many places as are given, for which there must be room."""
        self.move(TracedScalar(self._with_room(free.value, (free + self.length).value)))

    def popleft(self) -> Any:
        if self.holding is None:
            raise IndexError(self.empty_message)
        length = self._some()
        x = self.read(tracer.constant(0))
        self._set_head(tracer.emit("py_add", [self._head_value(), tracer.constant(1)]))
        self._set_length(tracer.emit("py_subtract", [length, tracer.constant(1)]))
        return x

    # Where the elements lie

    @property
    def head(self) -> TracedScalar:
        return TracedScalar(self._head_value())

    def _head_value(self) -> Value:
        value = cast_weak(self.head_storage.value, "int")
        integers.set_bounds(value, [integers.form_of(0)], [integers.form_of(self.room)])
        return value

    def _set_head(self, value: Value) -> None:
        self.head_storage.value, self.head_storage.written = cast(value, INT), True

    def _place(self, at: Value) -> Value:
        place = tracer.emit("py_add", [at, self._head_value()])
        integers.set_bounds(place, [integers.form_of(0)], [integers.form_of(self.room)])
        return place

    def _filled(self, memory: Storage) -> TracedArray:
        return TracedArray(view_of(memory))[self.head:self.head + self.entries]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise TypeError("sequence index must be integer, not 'slice'")
        return super().__getitem__(index)


def _run(f: Callable[..., Any], *args: Any) -> Any:
    return dispatch.FUNCTIONS["call"](f, args, {})


GROWABLE[deque] = lambda place, items: RunTimeDeque(place, items, items.maxlen)
RunTimeDeque.methods["pop"] = RunTimeList.pop_last
RunTimeDeque.methods["copy"] = lambda items: METHODS["copy"](items)
