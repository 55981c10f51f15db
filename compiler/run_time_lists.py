"""Lists that are appended to in staged loops and branches: their length is known only at run time.

Such a list is memory for as many elements as may be appended, and a count; both are storages, so loops and branches carry them.
A list begins as Python's own; where its length would have to join, the trace starts again with the decision that the list made
at that place grows (`GROWS`), and its first `append` decides the type of its elements and how many there may be (`HOLDS`).

Start with `made_list`; `RunTimeList` is what stands for the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.builder import Slot
from ..ir.graph import Block, Value
from ..ir.types import ArrayType, WeakType
from ..ir.viewmap import Axis
from . import dispatch, integers, tracer
from .arrays import TracedArray, as_array, index_value, is_traced, new_array, value_of
from .compaction import first_elements
from .scalars import PYTHON_SCALARS, TracedScalar
from .tracer import Restart
from .values import cast, cast_weak
from .views import Storage, view_of

# Decisions: ("grows", place), ("holds", place, _Holding).
GROWS, HOLDS = "grows", "holds"


@dataclass(frozen=True, slots=True)
class _Holding:
    """What a list holds: arrays of these extents, or with `kind` numbers: "int", "float", ... of Python, "" of NumPy."""

    dtype: np.dtype
    dims: tuple[int, ...]
    kind: str | None
    capacity: int


def made_list(place: str, items: list[Any]) -> Any:
    """A list display of the program."""
    trace = tracer.current()
    if (GROWS, place) in trace.decisions:
        return RunTimeList(place, items)
    trace.lists[id(items)] = (items, place, len(trace.loops), trace.depth)
    return items


def note_length(method: Any) -> None:
    """A method of a list is called; one that makes it longer in a region may have to let it grow."""
    trace = tracer.current()
    found = trace.lists.get(id(method.__self__))
    if found is not None and trace.depth > found[3] and method.__name__ in ("append", "extend", "insert", "pop", "clear"):
        trace.longer[found[1]] = None


def call_on_list(f: Any, args: tuple, kwargs: dict) -> Any:
    """A function of growing lists: their length, their elements in a new list, or what the function makes of an array."""
    first = args[0]
    if f is len and isinstance(first, RunTimeList):
        return first.length
    if f is isinstance and isinstance(first, RunTimeList):
        return isinstance([], args[1])
    arrays = tuple(a.array() if isinstance(a, RunTimeList) else a for a in args)
    kind = first.holding.kind if isinstance(first, RunTimeList) and first.holding is not None else None
    if f in (sum, min, max) and kind is not None:
        function = {sum: np.sum, min: np.min, max: np.max}[f]
        found = dispatch.call(function, arrays[:1], {})
        return TracedScalar(cast_weak(value_of(found), kind)) if kind else found
    implementation = dispatch.find(f)
    if f in (np.stack, np.vstack, np.concatenate, np.hstack) and isinstance(first, RunTimeList):
        return _joined(f, first, *args[1:], **kwargs)
    if implementation is None:
        raise tracer.unsupported(f"{getattr(f, '__name__', f)} of a list that is appended to in a loop",
                                 instead="np.array(list)")
    return implementation(*arrays, **kwargs)


def growth() -> Restart | None:
    """The decision that lets a list grow which some region has made longer."""
    trace = tracer.current()
    return next((Restart((GROWS, place)) for place in trace.longer if (GROWS, place) not in trace.decisions), None)


def _joined(function: Any, items: RunTimeList, axis: int = 0) -> TracedArray:
    """The arrays in a list along their first axis, or along a new one."""
    array = items.array()
    new_axis = function is np.stack or (function is np.vstack and array.ndim == 2)
    if axis != 0 or (function is np.hstack and array.ndim != 2) or (array.ndim < 2 and function is not np.stack):
        raise tracer.unsupported(f"numpy.{function.__name__} of a list that is appended to in a loop", instead="np.stack(list)")
    return array if new_axis else array.reshape((-1, *array.shape[2:]))


class RunTimeList:
    """Stands for a list; every method is Python's."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, place: str, items: Iterable[Any]) -> None:
        trace = tracer.current()
        self.place = place
        self.loops, self.first = len(trace.loops), 0
        self.sites: dict[Any, dict[Any, int]] = {}
        held = [d[2] for d in trace.decisions if d[0] == HOLDS and d[1] == place]
        self.holding: _Holding | None = max(held, key=lambda h: h.capacity) if held else None
        if self.holding is not None:
            dims = (self.holding.capacity, *self.holding.dims)
            self.buffer = Storage(tracer.builder().zeros(ArrayType(self.holding.dtype, dims)))
            self.count = Storage(tracer.constant(np.int64(0), ArrayType(np.dtype(np.int64))))
        for x in items:
            self.first += 1
            self._add(x, self.first)

    def memory(self) -> tuple[Storage, ...]:
        """What it is made of: the elements' memory and their count."""
        return () if self.holding is None else (self.buffer, self.count)

    def arrive(self, values: Iterable[Value]) -> RunTimeList:
        """The list after a branch in which it was made, which hands on what its memory holds."""
        for storage, v in zip(self.memory(), values, strict=True):
            storage.value, storage.written = v, True
            if storage not in tracer.current().storages:
                tracer.current().storages.append(storage)
        return self

    # Growth

    def append(self, x: Any) -> None:
        trace = tracer.current()
        trips = 1
        for loop in trace.loops[self.loops:]:
            if loop.most is None:
                raise tracer.unsupported("appending to a list in this loop", "nothing known while compiling bounds its length",
                                         "append in a for loop over a range, or fill a part of an array")
            trips *= loop.most
        # One place of the program may be traced several times in one region, or in one within it, where a loop is unrolled.
        here = self.sites.setdefault((tracer.here(), trips), {})
        block = trace.builder.block
        here[block] = max((here[b] for b in _around(block) if b in here), default=0) + 1
        self._add(x, self.first + sum(t * max(n.values()) for (_, t), n in self.sites.items()))

    def extend(self, items: Iterable[Any]) -> None:
        for x in items:
            self.append(x)

    def _add(self, x: Any, needed: int) -> None:
        found = _held(x, needed)
        if self.holding is None or self.holding.capacity < needed:
            raise Restart((HOLDS, self.place, found))
        if (found.dtype, found.dims, found.kind) != (self.holding.dtype, self.holding.dims, self.holding.kind):
            raise tracer.unsupported("appending values of different types to a list in a loop",
                                     f"it holds {_described(self.holding)}, and this is {_described(found)}")
        if isinstance(x, TracedArray):
            x.view.storage.frozen = "an array that a list holds"
        at = self._length_value()
        room = tracer.emit("py_less", [at, tracer.constant(self.holding.capacity)])
        at = tracer.emit("check", [at, room], exception="RuntimeError", message="a list has grown beyond its bound")
        self._element(at).write(cast(value_of(as_array(x) if isinstance(x, np.ndarray) else x), self.holding.dtype))
        self.count.value = cast(tracer.emit("py_add", [at, tracer.constant(1)]), np.dtype(np.int64))
        self.count.written = True

    def pop(self, index: Any = -1) -> Any:
        if not (isinstance(index, int) and index == -1):
            raise tracer.unsupported("popping from the middle of a list in compiled code", instead="pop() from its end")
        length = self._length_value()
        some = tracer.emit("py_greater", [length, tracer.constant(0)])
        length = tracer.emit("check", [length, some], exception="IndexError", message="pop from empty list")
        last = tracer.emit("py_subtract", [length, tracer.constant(1)])
        x = self._read(last)
        self.count.value, self.count.written = cast(last, np.dtype(np.int64)), True
        return x

    def clear(self) -> None:
        self.count.value, self.count.written = tracer.constant(np.int64(0), ArrayType(np.dtype(np.int64))), True

    # Reading

    def _length_value(self) -> Any:
        value = cast_weak(self.count.value, "int")
        assert self.holding is not None
        integers.set_bounds(value, [integers.form_of(0)], [integers.form_of(self.holding.capacity)])
        return value

    @property
    def length(self) -> Any:
        """Its length, as a Python int."""
        return TracedScalar(self._length_value()) if self.holding is not None else 0

    def _element(self, at: Any) -> Any:
        assert self.holding is not None
        rest = tuple(Axis(0, ((1, k),)) for k in range(len(self.holding.dims)))
        return view_of(self.buffer).affine((Axis(Slot(0)), *rest), (at,), self.holding.dims)

    def _read(self, at: Any) -> Any:
        assert self.holding is not None
        value = self._element(at).read()
        if self.holding.kind is None:
            row = new_array(value)
            row.view.storage.frozen = "an element of a list"
            return row
        return TracedScalar(cast_weak(value, self.holding.kind) if self.holding.kind else value)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise tracer.unsupported("a slice of a list in compiled code", instead="slice np.array(list)")
        if self.holding is None:
            raise IndexError("list index out of range")
        return self._read(self._position(index))

    def __setitem__(self, index: Any, x: Any) -> None:
        if self.holding is None:
            raise IndexError("list assignment index out of range")
        at = self._position(index, "list assignment index out of range")
        found = _held(x, 0)
        if (found.dtype, found.dims, found.kind) != (self.holding.dtype, self.holding.dims, self.holding.kind):
            raise tracer.unsupported("values of different types in a list in a loop", f"it holds {_described(self.holding)}")
        self._element(at).write(cast(value_of(x), self.holding.dtype))

    def _position(self, index: Any, message: str = "list index out of range") -> Any:
        length = self._length_value()
        i = cast_weak(index_value(index), "int") if is_traced(index) else tracer.constant(int(index))
        zero = tracer.constant(0)
        at = tracer.emit("where", [tracer.emit("py_less", [i, zero]), tracer.emit("py_add", [i, length]), i])
        inside = tracer.emit("py_bitwise_and", [tracer.emit("py_greater_equal", [at, zero]), tracer.emit("py_less", [at, length])])
        return tracer.emit("check", [at, inside], exception="IndexError", message=message)

    def array(self) -> TracedArray:
        """Its elements, as np.array has them."""
        if self.holding is None:
            return new_array(tracer.builder().zeros(ArrayType(np.dtype(np.float64), (0,))))
        return first_elements(self.buffer.value, self._length_value())


def _around(block: Block | None) -> Iterator[Block]:
    """A block and those that it stands in."""
    while block is not None:
        yield block
        block = block.owner.block if block.owner is not None else None


def _held(x: Any, capacity: int) -> _Holding:
    """What a list of such values holds."""
    if isinstance(x, (TracedArray, np.ndarray)):
        dims = as_array(x).view.dims
        if not all(isinstance(d, int) for d in dims):
            raise tracer.unsupported("appending arrays whose extents are known only at run time to a list in a loop")
        return _Holding(np.dtype(x.dtype), tuple(dims), None, capacity)  # type: ignore[arg-type]
    if isinstance(x, (TracedScalar, np.generic, *PYTHON_SCALARS)):
        type_ = value_of(x).type
        return _Holding(type_.dtype, (), type_.kind if isinstance(type_, WeakType) else "", capacity)  # type: ignore[union-attr]
    raise tracer.unsupported(f"appending a {type(x).__name__} to a list in a loop", "lists that grow hold numbers or arrays")


def _described(h: _Holding) -> str:
    return f"{h.dtype} arrays of shape {h.dims}" if h.kind is None else f"Python {h.kind}s" if h.kind else f"NumPy {h.dtype}s"

