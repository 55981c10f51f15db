"""Lists that are appended to in staged loops and branches: their length is known only at run time.

Such a list is columns of memory for as many elements as there is room for, a tag per element if they are of several kinds, and a
count; all are storages, so loops and branches carry them.  A list begins as Python's own; where its length would have to join, the
trace starts again with the decision that the list made at that place grows (`GROWS`), and its first elements decide what it holds
(`HOLDS`).  Where the program bounds the number of appends that is its room; elsewhere the room is assumed (`assumptions.py`).

Start with `made_list`; `RunTimeList` is what stands for the list; `list_functions.py` has what functions make of it.
"""

from __future__ import annotations

import math
import types
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.builder import Slot
from ..ir.graph import Value
from ..ir.ops.shaping import emit_shaped
from ..ir.types import DTYPE_NAMES, ArrayType
from ..ir.viewmap import Axis
from . import dispatch, integers, tracer
from .arrays import TracedArray, as_array, index_value, is_traced, new_array, value_of
from .assumptions import check_room, room_at
from .choice import first_choice, spread
from .list_elements import (
    MOST_KINDS,
    POOLED,
    Column,
    Kind,
    Leaf,
    assembled,
    columns_of,
    described,
    kind_of,
    leaves_of,
    note_keys,
    one_of,
    parts_of,
    places_of,
)
from .scalars import TracedScalar
from .tracer import Restart
from .values import cast, cast_weak
from .views import Storage, View, view_of

# Decisions: ("grows", place), ("holds", place, Holding).
GROWS, HOLDS = "grows", "holds"
# Room that is reserved for elements because the program bounds their number; beyond, what is needed shows while running.
MOST_BOUNDED = 1 << 16
INT = np.dtype(np.int64)
# More numbers than these, with which a list begins, are written as an array.
MOST_ONE_BY_ONE = 4
LONGER = ("append", "extend", "insert", "pop", "clear", "remove", "appendleft", "popleft", "extendleft", "del",
          "heappush", "heappop", "heapreplace", "heappushpop")


# Methods of lists other than those of the class (`list_functions.py`).
METHODS: dict[str, Callable[..., Any]] = {}
# What stands for an object of a type whose length only the run knows: f(place, the object).
GROWABLE: dict[type, Callable[[str, Any], RunTimeList]] = {list: lambda place, items: RunTimeList(place, items)}


@dataclass(frozen=True, slots=True)
class Holding:
    """What a list holds, and its room; assumed: nothing bounds what it needs."""

    kinds: tuple[Kind, ...]
    room: int
    assumed: bool = False


# Types of what has keys: `run_time_dicts.py`.
KEYED = (dict, defaultdict, Counter, set)


def is_pooled(place: str) -> bool:
    """Are lists made at this place in a pool?"""
    return any(d[:2] == (POOLED, place) for d in tracer.current().decisions)


# What stands for a list in a pool: `pooled_lists.PooledList`.
POOLED_CLASS: list[type] = []


def made_list(place: str, items: Any) -> Any:
    """A list display of the program, or a list or deque that a call has made."""
    trace = tracer.current()
    place = " called from ".join([place, *tracer.call_path()[1:]])
    if (GROWS, place) in trace.decisions or (type(items) is list and is_pooled(place)):
        return GROWABLE[type(items)](place, items)
    trace.lists[id(items)] = (items, place, len(trace.loops), trace.depth)
    return items


def new_list(items: Any) -> Any:
    """What an operation of the program returns, which makes a list of its own."""
    if type(items) is not list or id(items) in tracer.current().lists:
        return items
    return made_list(f"made at {tracer.call_path()[0]}", items)


def note_length(method: Any) -> None:
    """A method of a list is called; one that makes it longer in a region may have to let it grow."""
    note_growth(method.__self__, method.__name__)


def note_growth(items: Any, name: str) -> None:
    trace = tracer.current()
    found = trace.lists.get(id(items))
    if found is not None and trace.depth > found[3] and name in LONGER:
        trace.longer[found[1]] = None


def growth(*values: Any, of: tuple[type, ...] = (list, deque)) -> Restart | None:
    """The decision that lets a list grow, or what else is of these types: one that some region has made longer, or a given one."""
    trace = tracer.current()
    places = [*trace.longer, *(trace.lists[id(x)][1] for x in values if type(x) in of and id(x) in trace.lists)]
    return next((Restart((GROWS, place)) for place in places if (GROWS, place) not in trace.decisions), None)


class RunTimeList:
    """Stands for a list; every method is Python's."""

    __hash__ = None  # type: ignore[assignment]
    python: type = list
    maxlen: int | None = None
    methods = METHODS
    empty_message, index_message = "pop from empty list", "list index out of range"
    assignment_message = "list assignment index out of range"

    def __new__(cls, place: str = "", *args: Any, **kwargs: Any) -> RunTimeList:
        return object.__new__(POOLED_CLASS[0] if cls is RunTimeList and is_pooled(place) else cls)

    def __init__(self, place: str, items: Iterable[Any] = (), least: Holding | None = None) -> None:
        """least: what it is about to be filled with (`filled`), so that no trace has to find that out."""
        trace = tracer.current()
        self.place = place
        self.loops, self.first = len(trace.loops), 0 if least is None else least.room
        self.is_being_filled = False
        # Per number of trips, how many appends that are made so often have been traced.
        self.sites: dict[int, int] = {}
        held = [d[2] for d in trace.decisions if d[0] == HOLDS and d[1] == place]
        self.holding: Holding | None = max(held, key=lambda h: (len(h.kinds), h.assumed, h.room)) if held else least
        if least is not None and held:
            self.holding = _united(self.holding, least)
        if self.holding is not None:
            self.columns = columns_of(self.holding.kinds)
            note_keys(self.holding.kinds)
            self.memories = [self._memory(c) for c in self.columns]
            self.tags = self._memory(Column(INT)) if len(self.holding.kinds) > 1 else None
            self.length_storage = Storage(tracer.constant(np.int64(0), ArrayType(INT)))
        self._begin_with(list(items))

    def _begin_with(self, items: list[Any], bounded: bool = True) -> None:
        """Put in what a list that Python holds has. bounded: so many elements are counted (`_needed`)."""
        kinds = {self._kind_of(x) for x in items} if len(items) > MOST_ONE_BY_ONE else set()
        kind = next(iter(kinds)) if len(kinds) == 1 else None
        if isinstance(kind, Leaf) and kind.python is not None and not kind.pool:
            self.first += len(items)
            self._hold(kind, self.first if bounded else None)
            self._write_numbers(kind, items)
            return
        for x in items:
            self.first += 1
            self._add(x, self.first if bounded else None)

    def _write_numbers(self, kind: Leaf, items: list[Any]) -> None:
        """Append numbers of one kind as one array."""
        assert self.holding is not None
        at, n = self._make_room(len(items)), len(items)
        start: Any = TracedScalar(self._place(at))
        end = start + n
        (place,) = places_of(kind, self.columns)
        values = dispatch.call(np.array, (items,), {"dtype": self.columns[place].dtype})
        TracedArray(view_of(self.memories[place]))[start:end] = values
        if self.tags is not None:
            TracedArray(view_of(self.tags))[start:end] = self.holding.kinds.index(kind)
        self._set_length(tracer.emit("py_add", [at, tracer.constant(n)]))

    @property
    def room(self) -> int:
        assert self.holding is not None
        if not self.holding.assumed:
            return self.holding.room
        return room_at(self.place, max((c.dtype.itemsize * math.prod(c.dims) for c in self.columns), default=1))

    def _memory(self, column: Column) -> Storage:
        dims = (self.room, *column.dims)
        return Storage(emit_shaped(tracer.builder(), "empty", [], dims, dtype=DTYPE_NAMES[column.dtype]))

    def memory(self) -> tuple[Storage, ...]:
        """What it is made of: its columns, tags and count."""
        if self.holding is None:
            return ()
        return (*self.memories, *([] if self.tags is None else [self.tags]), self.length_storage)

    def arrive(self, values: Iterable[Value]) -> RunTimeList:
        """The list after a branch in which it was made, which hands on what its memory holds."""
        for storage, v in zip(self.memory(), values, strict=True):
            storage.value, storage.written = v, True
            if storage not in tracer.current().storages:
                tracer.current().storages.append(storage)
        return self

    def __getattr__(self, name: str) -> Any:
        what = self.python.__name__
        if not hasattr(self.python, name):
            raise AttributeError(f"'{what}' object has no attribute '{name}'")
        if name in self.methods:
            return types.MethodType(self.methods[name], self)
        raise tracer.unsupported(f"{what}.{name} of a {what} that is appended to in a loop", instead=f"np.array({what})")

    def another(self, place: str, least: Holding | None = None) -> RunTimeList:
        """An empty list of this kind."""
        return RunTimeList(place, (), least)

    def size(self) -> Holding | None:
        """What it holds, and at most how many; None if nothing was ever put in."""
        return None if self.holding is None else Holding(self.holding.kinds, self.room)

    def take(self, other: RunTimeList) -> None:
        """Fill it, which is empty, with the elements of another."""
        if other.holding is None:
            return
        if self.holding is None or self.holding.kinds != other.holding.kinds:
            METHODS["__iadd__"](self, other)
            return
        n = TracedScalar(self._with_room(other.length.value, self._place(other.length.value)))
        for own, column in zip([*self.memories, *([] if self.tags is None else [self.tags])], other.all_columns(), strict=True):
            TracedArray(view_of(own))[:n] = column
        self._set_length(n.value)

    def settle(self) -> None:
        """Before it is handed to the caller."""

    def as_python(self, items: list[Any]) -> Any:
        """What the caller gets."""
        return items

    # Growth

    def append(self, x: Any) -> None:
        if first_choice(x) is not None:
            spread(self.append, x)
            return
        self._add(x, self._needed())

    def _needed(self) -> int | None:
        """How many elements there may be after one more from this place; None if nothing bounds them."""
        if self.is_being_filled:
            return 0
        trace = tracer.current()
        trips = 1
        for loop in trace.loops[self.loops:]:
            if loop.most is None or trips * loop.most > MOST_BOUNDED:
                return None
            trips *= loop.most
        # Each time that an append is traced counts: in an unrolled loop one place appends several times, and a body that is traced
        # more than once only makes for more room.
        self.sites[trips] = self.sites.get(trips, 0) + 1
        return self.first + sum(t * n for t, n in self.sites.items())

    def _add(self, x: Any, needed: int | None) -> None:
        self._hold(self._kind_of(x), needed)
        at = self._make_room(1)
        self._write(at, x)
        self._set_length(tracer.emit("py_add", [at, tracer.constant(1)]))

    def _hold(self, kind: Kind, needed: int | None) -> None:
        """Begin again if the list cannot hold this."""
        old = self.holding
        kinds = old.kinds if old is not None else ()
        assumed = needed is None or (old is not None and old.assumed)
        room = max(needed or 0, old.room if old is not None else 0)
        if old is not None and room > old.room:
            # Not by one element each time that the trace starts again.
            room = max(room, 2 * old.room)
        assumed = assumed or room > MOST_BOUNDED
        if old is None or kind not in kinds or assumed != old.assumed or (not assumed and room > old.room):
            if kind not in kinds and len(kinds) == MOST_KINDS:
                raise tracer.unsupported("appending values of different types to a list in a loop",
                                         f"it holds {', '.join(map(described, kinds))} already, and this is {described(kind)}")
            raise Restart((HOLDS, self.place, Holding(kinds if kind in kinds else (*kinds, kind), room, assumed)))

    def _kind_of(self, x: Any) -> Kind:
        return kind_of(x, self._kind_of_list)

    def _kind_of_list(self, x: Any) -> Kind | None:
        """Of a list that is put into this one: it has a place in a pool, or gets one when the trace begins again."""
        trace = tracer.current()
        if type(x) is POOLED_CLASS[0]:
            return Leaf(Column(INT), "int", x.place)  # type: ignore[attr-defined]
        known = trace.lists.get(id(x))
        place = x.place if type(x) is RunTimeList else known[1] if type(x) is list and known is not None else None
        if place is None or is_pooled(place):
            return None
        kinds = self.holding.kinds if self.holding is not None else ()
        pool = next((leaf.pool for k in kinds for leaf in leaves_of(k) if leaf.pool), f"the lists in {self.place}")
        raise Restart((POOLED, place, pool))

    def _make_room(self, more: Any) -> Value:
        """The list's length, for so many more elements there is room now."""
        at = self.length_value()
        return self._with_room(at, self._place(tracer.emit("py_add", [at, integers.as_value(more)])))

    def _with_room(self, x: Value, end: Value) -> Value:
        """`x`, where the elements may end at `end`."""
        if self.holding is not None and self.holding.assumed:
            return check_room(x, self.room, self.place, end)
        fits = tracer.emit("py_less_equal", [end, tracer.constant(self.room)])
        return tracer.emit("check", [x, fits], exception="RuntimeError", message="a list has grown beyond its bound")

    def _place(self, at: Value) -> Value:
        """Where in its memory the element at a place lies."""
        return at

    def _write(self, at: Value, x: Any) -> None:
        assert self.holding is not None
        kind, at = self._kind_of(x), self._place(at)
        for place, part in zip(places_of(kind, self.columns), parts_of(kind, x), strict=True):
            if isinstance(part, TracedArray):
                part.view.storage.frozen = "an array that a list holds"
            value = part.number.value if isinstance(part, RunTimeList) else value_of(
                as_array(part) if isinstance(part, np.ndarray) else part)
            element_view(self.memories[place], at).write(cast(value, self.columns[place].dtype))
        if self.tags is not None:
            element_view(self.tags, at).write(tracer.constant(np.int64(self.holding.kinds.index(kind)), ArrayType(INT)))

    def pop_last(self) -> Any:
        if self.holding is None:
            raise IndexError(self.empty_message)
        length = self._some()
        last = tracer.emit("py_subtract", [length, tracer.constant(1)])
        x = self.read(last)
        self._set_length(last)
        return x

    def _some(self) -> Value:
        """The length, which must not be 0."""
        length = self.length_value()
        some = tracer.emit("py_greater", [length, tracer.constant(0)])
        return tracer.emit("check", [length, some], exception="IndexError", message=self.empty_message)

    def clear(self) -> None:
        if self.holding is not None:
            self._set_length(tracer.constant(0))

    def __add__(self, other: Any) -> Any:
        return METHODS["__add__"](self, other)

    def __radd__(self, other: Any) -> Any:
        return METHODS["__add__"](other, self)

    def __iadd__(self, other: Any) -> Any:
        return METHODS["__iadd__"](self, other)

    def _set_length(self, value: Value) -> None:
        self.length_storage.value, self.length_storage.written = cast(value, INT), True

    # Reading

    def length_value(self) -> Value:
        """The length, as a py.int."""
        value = cast_weak(self.length_storage.value, "int")
        integers.set_bounds(value, [integers.form_of(0)], [integers.form_of(self.room)])
        return value

    @property
    def entries(self) -> Any:
        """How many elements its memory holds, as a Python int."""
        return TracedScalar(self.length_value()) if self.holding is not None else 0

    @property
    def length(self) -> Any:
        """Its length, as a Python int."""
        return self.entries

    def column(self, k: int) -> TracedArray:
        """A view of the elements of one column."""
        return self._filled(self.memories[k])

    def tag_column(self) -> TracedArray:
        assert self.tags is not None
        return self._filled(self.tags)

    def _filled(self, memory: Storage) -> TracedArray:
        return TracedArray(view_of(memory))[:self.entries]

    def all_columns(self) -> list[TracedArray]:
        return [*map(self.column, range(len(self.memories))), *([] if self.tags is None else [self.tag_column()])]

    def read(self, at: Value) -> Any:
        """The element at a place that there is."""
        assert self.holding is not None
        at = self._place(at)
        seen: dict[tuple[Leaf, int], Any] = {}
        found = [self._read_as(kind, at, seen) for kind in self.holding.kinds]
        if self.tags is None:
            return found[0]
        return one_of(TracedScalar(cast_weak(element_view(self.tags, at).read(), "int")), self.holding.kinds, found)

    def _read_as(self, kind: Kind, at: Value, seen: dict[tuple[Leaf, int], Any]) -> Any:
        parts = []
        for key in zip(leaves_of(kind), places_of(kind, self.columns), strict=True):
            if key not in seen:
                seen[key] = self._part(key[0], self.memories[key[1]], at)
            parts.append(seen[key])
        return assembled(kind, iter(parts))

    def _part(self, leaf: Leaf, memory: Storage, at: Value) -> Any:
        if leaf.pool:
            return tracer.current().pools[leaf.pool].list_of(TracedScalar(cast_weak(element_view(memory, at).read(), "int")))
        if leaf.python is None:
            row = new_array(element_view(memory, at).read())
            row.view.storage.frozen = "an element of a list"
            return row
        value = element_view(memory, at).read()
        return TracedScalar(cast_weak(value, leaf.python) if leaf.python else value)

    def position(self, index: Any, message: str = "") -> Value:
        """The place of an element, counted from the end if the index is negative."""
        message = message or self.index_message
        if self.holding is None:
            raise IndexError(message)
        length = self.length_value()
        i = cast_weak(index_value(index), "int") if is_traced(index) else tracer.constant(int(index))
        zero = tracer.constant(0)
        at = tracer.emit("where", [tracer.emit("py_less", [i, zero]), tracer.emit("py_add", [i, length]), i])
        inside = tracer.emit("py_bitwise_and", [tracer.emit("py_greater_equal", [at, zero]), tracer.emit("py_less", [at, length])])
        at = tracer.emit("check", [at, inside], exception="IndexError", message=message)
        integers.set_bounds(at, [integers.form_of(0)], [integers.form_of(length).plus(integers.form_of(1), -1)])
        return at

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return METHODS["slice"](self, index)
        return self.read(self.position(index))

    def __setitem__(self, index: Any, x: Any) -> None:
        if isinstance(index, slice):
            raise tracer.unsupported("assigning to a slice of a list that is appended to in a loop", instead="set its elements")
        self._set(index, x)

    def _set(self, index: Any, x: Any) -> None:
        if first_choice((index, x)) is not None:
            spread(self._set, index, x)
            return
        at = self.position(index, self.assignment_message)
        self._hold(self._kind_of(x), 0)
        self._write(at, x)


    def __iter__(self) -> Any:
        raise tracer.unsupported("going through a list that is appended to in a loop here", instead="a for loop over it")

    def __delitem__(self, index: Any) -> None:
        METHODS["__delitem__"](self, index)


def _united(a: Holding | None, b: Holding | None) -> Holding | None:
    """What holds either."""
    if a is None or b is None:
        return b if a is None else a
    return Holding(tuple(dict.fromkeys([*a.kinds, *b.kinds])), max(a.room, b.room), a.assumed or b.assumed)


def sum_of_sizes(lists: Iterable[Any]) -> Holding | None:
    """What a list holds that is filled with the elements of these; None if that is not known."""
    found: Holding | None = None
    for x in lists:
        if not isinstance(x, RunTimeList):
            return None
        size = x.size()
        both = _united(found, size)
        if found is not None and size is not None and both is not None:
            both = Holding(both.kinds, found.room + size.room)
        found = both
    return found


def element_view(memory: Storage, at: Value) -> View:
    """The view of one element."""
    dims = memory.dims[1:]
    rest = tuple(Axis(0, ((1, k),)) for k in range(len(dims)))
    return view_of(memory).affine((Axis(Slot(0)), *rest), (at,), dims)
