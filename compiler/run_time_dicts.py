"""Dicts and sets whose keys only the run knows.

The entries (key, value) are those of a list that grows at run time (`run_time_lists.py`); a table of numbers finds
them by the hash of a key (`dict_algorithms.py`).  A dict begins as Python's own; where a run-time value is a key, or its keys
would have to join, the trace starts again with the decision that the dict made at that place grows.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import ArrayType
from . import dict_algorithms, dispatch, integers, tracer
from .arrays import any_traced, value_of
from .iteration import Space
from .list_elements import Column, Fixed, Kind, Leaf, Record, kind_of, note_change
from .list_functions import OF_LISTS, filled, place_of
from .run_time_lists import GROWABLE, INT, KEYED, Holding, RunTimeList, element_view, growth, made_list, note_length
from .scalars import TracedScalar
from .values import cast, cast_weak
from .views import Storage

# 2^64 divided by the golden ratio, odd: multiplicative hashing (Knuth, vol. 3, section 6.4).
_GOLDEN = 0x9E3779B97F4A7C15


class RunTimeDict(RunTimeList):
    """Stands for a dict; every method is Python's."""

    python: type = dict
    methods: dict[str, Callable[..., Any]] = {
        name: getattr(dict_algorithms, name) for name in ("get", "setdefault", "popitem", "update")}

    def __init__(self, place: str, items: Iterable[tuple[Any, Any]] = (), factory: Callable[[], Any] | None = None,
                 least: Holding | None = None) -> None:
        self.factory = factory
        self.count_storage = Storage(tracer.constant(np.int64(0), ArrayType(INT)))
        super().__init__(place, (), least)
        if self.holding is not None:
            self.bits = max(3, (2 * self.room - 1).bit_length())
            self.mask = (1 << self.bits) - 1
            # Which entries were not taken out.
            self.alive = self._memory(Column(np.dtype(bool)))
            self.table = Storage(tracer.builder().zeros(ArrayType(INT, (1 << self.bits,))))
        for key, value in items:
            self[key] = value

    def memory(self) -> tuple[Storage, ...]:
        return (*super().memory(), self.count_storage, self.table, self.alive) if self.holding is not None else ()

    def another(self, place: str, least: Holding | None = None) -> RunTimeList:
        return type(self)(place, (), self.factory, least)

    def take(self, other: RunTimeList) -> None:
        if other.holding is not None:
            _run(dict_algorithms.update, self, other)

    def as_python(self, items: list[Any]) -> Any:
        return defaultdict(self.factory, items) if self.python is defaultdict else self.python(dict(items))

    def settle(self) -> None:
        """Leave only entries that are there."""
        if self.holding is not None:
            _run(dict_algorithms.settle, self)

    # Entries, for `dict_algorithms`

    @property
    def length(self) -> Any:
        """How many keys there are."""
        return TracedScalar(self._count()) if self.holding is not None else 0

    def _count(self) -> Value:
        value = cast_weak(self.count_storage.value, "int")
        integers.set_bounds(value, [integers.form_of(0)], [integers.form_of(self.room)])
        return value

    def _set_count(self, value: Value) -> None:
        self.count_storage.value, self.count_storage.written = cast(value, INT), True

    def find(self, key: Any) -> Any:
        return -1 if self.holding is None else _run(dict_algorithms.find, self, key)

    def slot_of(self, key: Any) -> TracedScalar:
        """The place of the table where the search for a key begins."""
        hashed = _hashed(_words(key, kind_of(key), self._key_kinds()))
        shift = tracer.constant(np.uint64(64 - self.bits), ArrayType(np.dtype(np.uint64)))
        slot = cast_weak(cast(tracer.emit("right_shift", [hashed, shift]), INT), "int")
        integers.set_bounds(slot, [integers.form_of(0)], [integers.form_of(self.mask)])
        return TracedScalar(slot)

    def _key_kinds(self) -> list[Kind]:
        return [k.parts[0] for k in self.holding.kinds if isinstance(k, Record)] if self.holding is not None else []

    def entry_at(self, slot: Any) -> TracedScalar:
        """The number of the entry that a place of the table has, -1 if it is free."""
        read = cast_weak(element_view(self.table, integers.as_value(_plain(slot))).read(), "int")
        return TracedScalar(tracer.emit("py_subtract", [read, tracer.constant(1)]))

    def set_entry(self, slot: Any, at: Any) -> None:
        number = tracer.emit("py_add", [integers.as_value(_plain(at)), tracer.constant(1)])
        element_view(self.table, integers.as_value(_plain(slot))).write(cast(number, INT))

    def item_at(self, at: Any) -> tuple[Any, Any]:
        return self.read(integers.as_value(_plain(at)))

    def key_at(self, at: Any) -> Any:
        return self.item_at(at)[0]

    def value_at(self, at: Any) -> Any:
        return self.item_at(at)[1]

    def is_alive(self, at: Any) -> Any:
        return TracedScalar(cast_weak(element_view(self.alive, integers.as_value(_plain(at))).read(), "bool"))

    def _set_alive(self, at: Any, truth: bool) -> None:
        element_view(self.alive, integers.as_value(_plain(at))).write(tracer.constant(np.bool_(truth), ArrayType(np.dtype(bool))))

    def set_value(self, at: Any, value: Any) -> None:
        self._set(at, (self.key_at(at), value))

    def move_entry(self, at: Any, to: Any) -> None:
        at, to = (integers.as_value(_plain(x)) for x in (at, to))
        for memory in (*self.memories, *([] if self.tags is None else [self.tags]), self.alive):
            element_view(memory, to).write(element_view(memory, at).read())

    def push(self, key: Any, value: Any) -> None:
        at = self.entries
        super().append((key, value))
        self._set_alive(at, True)
        self._set_count(tracer.emit("py_add", [self._count(), tracer.constant(1)]))

    def take_out(self, at: Any) -> None:
        self._set_alive(at, False)
        self._set_count(tracer.emit("py_subtract", [self._count(), tracer.constant(1)]))

    def is_crowded(self) -> Any:
        """Is there no room left, and half of it taken by entries that were taken out?"""
        if self.holding is None:
            return False
        full = tracer.emit("py_equal", [integers.as_value(_plain(self.entries)), tracer.constant(self.room)])
        few = tracer.emit("py_less_equal", [self._count(), tracer.constant(self.room // 2)])
        return TracedScalar(tracer.emit("py_bitwise_and", [full, few]))

    def cut(self, n: Any) -> None:
        """Keep the first n entries, with an empty table."""
        self._set_length(integers.as_value(_plain(n)))
        zeros = tracer.builder().zeros(ArrayType(INT, (1 << self.bits,)))
        self.table.value, self.table.written = zeros, True

    # Python's

    def __getitem__(self, key: Any) -> Any:
        if self.factory is not None:
            return _run(dict_algorithms.made_item, self, key, self.factory)
        if self.holding is None:
            raise KeyError(key)
        return _run(dict_algorithms.item, self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _run(dict_algorithms.store, self, key, value)

    def __delitem__(self, key: Any) -> None:
        _run(dict_algorithms.delete, self, key)

    def contains(self, key: Any) -> Any:
        return self.find(key) >= 0

    def clear(self) -> None:
        if self.holding is not None:
            self._set_count(tracer.constant(0))
            self.cut(0)

    def pop(self, key: Any, *default: Any) -> Any:
        return _run(dict_algorithms.pop_or if default else dict_algorithms.pop, self, key, *default)

    def copy(self) -> RunTimeList:
        return filled(self.another(place_of("a copy"), self.size()), lambda found: found.take(self))

    def keys(self) -> DictView:
        return DictView(self, self.key_at, lambda entry: entry.parts[0])

    def gone_through(self) -> DictView:
        """What a loop over it goes through."""
        return self.keys()

    def values(self) -> DictView:
        return DictView(self, self.value_at, lambda entry: entry.parts[1])

    def items(self) -> DictView:
        return DictView(self, self.item_at, lambda entry: entry)

    def __or__(self, other: Any) -> Any:
        raise tracer.unsupported("joining dicts whose keys only the run knows", instead="d.update(other)")


class DictView:
    """What d.keys(), d.values() and d.items() return."""

    def __init__(self, of: RunTimeDict, element: Callable[[Any], Any], part: Callable[[Record], Kind]) -> None:
        """element: what it has of an entry; part: the kind of that."""
        self.of, self.element, self.part = of, element, part

    def space(self) -> Any:
        """What a loop goes through: the entries that there are at its beginning, each read where the loop gets to it."""
        if self.of.holding is None:
            return ()
        numbers = Holding((Leaf(Column(INT), "int"),), self.of.room)
        places = filled(RunTimeList(place_of("places"), (), numbers), lambda found: _run(dict_algorithms.places, self.of, found))
        return Space(0, places.length, 1, lambda k: self.element(places[k]))

    def listed(self) -> RunTimeList:
        if self.of.holding is None:
            return RunTimeList(place_of("a view"))
        kinds = tuple(dict.fromkeys(self.part(k) for k in self.of.holding.kinds if isinstance(k, Record)))
        found = RunTimeList(place_of("a view"), (), Holding(kinds, self.of.room))
        return filled(found, lambda found: _run(dict_algorithms.listed, self.of, self.element, found))


def run_time_key(d: Any, key: Any) -> bool:
    """Does a run-time value decide which key of a dict or set of Python's this is?  Begin again, so that it grows, if it can."""
    if not (any_traced(key) and isinstance(d, (dict, set))):
        return False
    if _is_known(key):
        return False
    trace = tracer.current()
    few = all(loop.trips is not None and loop.trips <= _FEW_TRIPS for loop in trace.loops)
    if not (few and trace.loops) and (decided := growth(d, of=KEYED)) is not None:
        raise decided
    return True


# Loops of so few trips are unrolled where their counters are keys.
_FEW_TRIPS = 8


def _is_known(key: Any) -> bool:
    if isinstance(key, tuple):
        return all(map(_is_known, key))
    return not isinstance(key, TracedScalar) or key.known is not None


def _words(key: Any, kind: Kind, kinds: list[Kind]) -> list[Value]:
    """The numbers that a key's hash is made of: equal for equal keys, whatever their types."""
    if isinstance(kind, Fixed):
        return [_constant(sum(b << (8 * (k % 7)) for k, b in enumerate(repr(kind.object).encode())))]
    if isinstance(kind, Record) and kind.cls is dict:
        raise TypeError("unhashable type: 'dict'")
    if isinstance(kind, Record):
        alike = [k for k in kinds if isinstance(k, Record) and len(k.parts) == len(kind.parts)]
        return [w for n, part in enumerate(kind.parts) for w in _words(key[n], part, [k.parts[n] for k in alike])]
    if not isinstance(kind, Leaf) or kind.python is None:
        raise TypeError("unhashable type: 'numpy.ndarray'")
    value = value_of(key)
    if any(isinstance(k, Leaf) and k.column.dtype.kind not in "biu" for k in (kind, *kinds)):
        zero = tracer.constant(np.float64(0), ArrayType(np.dtype(np.float64)))
        # Negative zero is equal to zero.
        whole = tracer.emit("add", [cast(value, np.dtype(np.float64)), zero])
        return [tracer.emit("reinterpret", [whole], dtype="u64")]
    return [cast(cast(value, INT), np.dtype(np.uint64))]


def _hashed(words: list[Value]) -> Value:
    out: Value | None = None
    for w in words:
        mixed = w if out is None else tracer.emit("bitwise_xor", [w, tracer.emit("right_shift", [out, _constant(29)])])
        out = tracer.emit("multiply", [mixed, _constant(_GOLDEN)])
    return out if out is not None else _constant(0)


def _constant(x: int) -> Value:
    return tracer.constant(np.uint64(x & (1 << 64) - 1), ArrayType(np.dtype(np.uint64)))


def _plain(x: Any) -> Any:
    return x.value if isinstance(x, TracedScalar) else x


def _run(f: Callable[..., Any], *args: Any) -> Any:
    return dispatch.FUNCTIONS["call"](f, args, {})


class RunTimeDefaultDict(RunTimeDict):
    python = defaultdict


class RunTimeCounter(RunTimeDict):
    python = Counter

    def __getitem__(self, key: Any) -> Any:
        return _run(dict_algorithms.get, self, key, 0)


GROWABLE[dict] = lambda place, d: RunTimeDict(place, d.items())
GROWABLE[defaultdict] = lambda place, d: RunTimeDefaultDict(place, d.items(), d.default_factory)
GROWABLE[Counter] = lambda place, d: RunTimeCounter(place, d.items())


# What the program makes, and what functions take

def made_dict(place: str, starred: tuple[int, ...], parts: tuple) -> Any:
    """A dict display. parts: keys and values, one after the other; those numbered in `starred` are dicts to be put in."""
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    if not any(any_traced(k) for k, _ in pairs) and not any(isinstance(pairs[n][1], RunTimeDict) for n in starred):
        return made_list(place, {k: v for n, (key, x) in enumerate(pairs)
                                 for k, v in (x.items() if n in starred else ((key, x),))})
    found = RunTimeDict(" called from ".join([place, *tracer.call_path()[1:]]))
    for n, (key, x) in enumerate(pairs):
        if n in starred:
            _run(dict_algorithms.update, found, x)
        else:
            found[key] = x
    return found


# Methods of containers that leave them as they are.
_READING = ("get", "keys", "values", "items", "copy", "index", "count", "union", "intersection", "difference", "issubset")


def note_method(method: Any, args: tuple) -> None:
    """A method of a container that Python holds is called."""
    if method.__name__ not in _READING:
        note_change(method.__self__)
    if isinstance(method.__self__, (list, deque)):
        note_length(method)
    elif args:
        run_time_key(method.__self__, args[0])


def listed(x: Any) -> Any:
    """Of a view of a dict, a list."""
    return x.listed() if isinstance(x, DictView) else x


def gone_through(x: Any) -> Any:
    """What a loop over a dict, or a view of one, goes through."""
    if isinstance(x, RunTimeDict):
        x = x.gone_through()
    return x.space() if isinstance(x, DictView) else x


def keys_listed(f: Any, args: tuple) -> tuple:
    """The arguments of a function that goes through them: lists of keys for dicts, of elements for views."""
    if f in _OF_DICTS:
        return args
    in_any_order = f in (sorted, min, max, any, all, set)
    return tuple([(a.keys() if in_any_order else a.gone_through()).listed() if isinstance(a, RunTimeDict) else listed(a)
                  for a in args])


_OF_DICTS = (len, bool, isinstance, type, dict)
OF_LISTS[dict] = lambda d: d.copy()
