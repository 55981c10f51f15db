"""Lists in lists, dicts and tuples that grow at run time: each is a stretch of one pool of memory, and a number says which.

A pool has columns for the elements of all its lists and, per list, where it begins, how long it is and for how many elements it has
room; a list without room moves to the end of the pool, with twice as much.  What stands for a list in the program is its number, a
value like any other: two names, or two places of a list, that have the same number have the same list.

Which lists are in a pool is decided where one is put into another list (`pooled`): the trace begins again, and what is made at that
place is in the pool from the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import ArrayType
from . import dispatch, integers, list_algorithms, tracer
from .arrays import TracedArray
from .assumptions import check_room, room_at
from .list_elements import POOLED
from .run_time_lists import INT, POOLED_CLASS, Holding, RunTimeList, element_view
from .scalars import TracedScalar
from .values import cast, cast_weak
from .views import Storage, view_of


class Pool(RunTimeList):
    """The memory of many lists. Its own length is that of all memory given out."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.lists_room = room_at(f"the lists of {place}", INT.itemsize)
        self.starts, self.lengths, self.rooms = (self._per_list() for _ in range(3))
        self.count_storage = Storage(tracer.constant(np.int64(0), ArrayType(INT)))

    def _per_list(self) -> Storage:
        return Storage(tracer.builder().zeros(ArrayType(INT, (self.lists_room,))))

    def list_of(self, number: Any) -> PooledList:
        """The list with this number."""
        found = object.__new__(PooledList)
        found._stand_for(self, number)
        return found

    def new_number(self) -> Value:
        count = cast_weak(self.count_storage.value, "int")
        integers.set_bounds(count, [integers.form_of(0)], [integers.form_of(self.lists_room)])
        end = tracer.emit("py_add", [count, tracer.constant(1)])
        count = check_room(count, self.lists_room, f"the lists of {self.place}", end)
        self.count_storage.value, self.count_storage.written = cast(end, INT), True
        return count


class PooledList(RunTimeList):
    """Stands for a list of a pool. number: which one, a py.int."""

    def __init__(self, place: str, items: Iterable[Any] = (), least: Holding | None = None) -> None:
        pool = pool_of(place)
        assert pool is not None
        self._stand_for(pool, TracedScalar(pool.new_number()))
        self._begin_with(list(items), bounded=False)

    def _stand_for(self, pool: Pool, number: TracedScalar) -> None:
        self.pool, self.number = pool, number
        self.place, self.first, self.is_being_filled = pool.place, 0, False

    @property
    def holding(self) -> Holding | None:  # type: ignore[override]
        return self.pool.holding

    @property
    def columns(self) -> Any:  # type: ignore[override]
        return self.pool.columns

    @property
    def memories(self) -> list[Storage]:  # type: ignore[override]
        return self.pool.memories

    @property
    def tags(self) -> Storage | None:  # type: ignore[override]
        return self.pool.tags

    def memory(self) -> tuple[Storage, ...]:
        return ()

    def size(self) -> Holding | None:
        return None

    def another(self, place: str, least: Holding | None = None) -> RunTimeList:
        return RunTimeList(place)

    # Where its elements lie

    def _of_this(self, storage: Storage) -> Value:
        value = cast_weak(element_view(storage, self.number.value).read(), "int")
        integers.set_bounds(value, [integers.form_of(0)], [integers.form_of(self.pool.room)])
        return value

    def _set_of_this(self, storage: Storage, value: Value) -> None:
        element_view(storage, self.number.value).write(cast(value, INT))

    def length_value(self) -> Value:
        return self._of_this(self.pool.lengths) if self.holding is not None else tracer.constant(0)

    def _set_length(self, value: Value) -> None:
        self._set_of_this(self.pool.lengths, value)

    def _place(self, at: Value) -> Value:
        place = tracer.emit("py_add", [self._of_this(self.pool.starts), at])
        integers.set_bounds(place, [integers.form_of(0)], [integers.form_of(self.pool.room)])
        return place

    def _filled(self, memory: Storage) -> TracedArray:
        start = TracedScalar(self._of_this(self.pool.starts))
        return TracedArray(view_of(memory))[start:start + self.entries]

    def _needed(self) -> int | None:
        return None

    def _make_room(self, more: Any) -> Value:
        _run(list_algorithms.make_room_in_pool, self, more)
        return self.length_value()

    @property
    def capacity(self) -> TracedScalar:
        return TracedScalar(self._of_this(self.pool.rooms))

    def move_to_end(self, room: Any) -> None:
        """Give it so much room, at the end of the pool."""
        begin = self.pool.length_value()
        room = room.value if isinstance(room, TracedScalar) else tracer.constant(room)
        end = tracer.emit("py_add", [begin, room])
        begin = check_room(begin, self.pool.room, self.place, end)
        n = self.entries
        start, to = TracedScalar(self._of_this(self.pool.starts)), TracedScalar(begin)
        for storage in (*self.memories, *([] if self.tags is None else [self.tags])):
            memory = TracedArray(view_of(storage))
            dispatch.call(np.copyto, (memory[to:to + n], memory[start:start + n]), {})
        self.pool._set_length(end)
        self._set_of_this(self.pool.starts, begin)
        self._set_of_this(self.pool.rooms, room)


POOLED_CLASS.append(PooledList)


def pool_of(place: str) -> Pool | None:
    """The pool that what is made at a place is in."""
    trace = tracer.current()
    name = next((d[2] for d in trace.decisions if d[:2] == (POOLED, place)), None)
    return None if name is None else trace.pools[name]


def begin_pools() -> None:
    """Make the pools that earlier attempts at the trace have found; they are there from the start."""
    trace = tracer.current()
    for name in sorted({d[2] for d in trace.decisions if d[0] == POOLED}):
        trace.pools[name] = Pool(name)


def _run(f: Callable[..., Any], *args: Any) -> Any:
    return dispatch.FUNCTIONS["call"](f, args, {})
