"""Lists that a staged loop appends to:  for ...: out.append(x)   ->   an array per element of a trip, written trip by trip.

A `for` whose number of trips is known, and whose every trip appends the same kinds of things, is traced again with the
decision ("grow", place, generation, kinds).  In the loop the list then holds a `Held` alone; what a trip appends is
stored at the trip's number in arrays made before the loop; afterwards the list holds what was in it before and the elements of
those arrays, each read where it is used.  `gathered` makes an array of such a list at once.  Start with `Growing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.graph import Value
from . import dispatch, integers, tracer
from .arrays import TracedArray
from .carried import Carried
from .control import Control
from .held import Held, look
from .iteration import Space
from .scalars import PYTHON_SCALARS, TracedScalar
from .state import Path, State
from .tracer import Restart
from .values import cast_weak
from .views import Frozen

# Elements that are appended in one trip, and trips, up to which this is done.
MOST_ELEMENTS = 16
MOST_TRIPS = 1 << 17
# From so many elements of one array on, an array of a list takes that array as a whole.
LONG_RUN = 4
GENERATIONS = 3

PYTHON_TYPES = {t.__name__: t for t in PYTHON_SCALARS}

# What is appended: ("scalar", a Python kind or ""), with dtype and extents; or ("tuple", kinds).
Kind = tuple


class Appended(TracedScalar):
    """A scalar in a list, which is an element of an array: read where it is used."""

    __slots__ = ("array", "index", "weak")

    def __init__(self, array: TracedArray, index: int, weak: str) -> None:
        self.array, self.index, self.weak, self.known = array, index, weak, None

    @property
    def value(self) -> Value:  # type: ignore[override]
        element = self.array[self.index].value
        return cast_weak(element, self.weak) if self.weak else element


@dataclass(slots=True)
class Growth:
    """One list: where it is found, what was in it, what each trip appends, and the arrays for that, in order."""

    path: Path
    target: list
    before: list
    kinds: tuple[Kind, ...]
    arrays: list[TracedArray]


class Growing:
    """The lists that one staged loop appends to, as decided in an earlier attempt at the trace."""

    def __init__(self, control: Control, space: Space, decision: tuple) -> None:
        _, self.place, self.generation, kinds = decision
        self.space = space.specialised()
        found = lists_in(control.snapshot())
        self.lists: list[Growth] = []
        # Leaves whose arrays are in a list too.
        self.shared: set[Path] = set()
        for path, own in kinds:
            if path not in found or self.space.trips is None:
                raise Restart(("hold", self.place))
            arrays = [_room(self.space.trips, k) for kind in own for k in _leaves(kind)]
            self.lists.append(Growth(path, found[path], found[path][:], own, arrays))
            found[path][:] = [Held(self.place)]

    def collect(self, loop: Carried, control: Control, index: Value) -> None:
        """At the end of a trip: store what it appended."""
        added = [g.target[1:] for g in self.lists]
        if not all(g.target and type(g.target[0]) is Held for g in self.lists):
            raise Restart(("hold", self.place))
        new = [tuple(map(kind_of, items)) for items in added]
        if any(k is None for kinds in new for k in kinds):
            raise Restart(("hold", self.place))
        if any(kinds != g.kinds for kinds, g in zip(new, self.lists, strict=True)):
            if self.generation == GENERATIONS:
                raise Restart(("hold", self.place))
            changed = tuple((g.path, kinds) for g, kinds in zip(self.lists, new, strict=True))
            raise Restart(("grow", self.place, self.generation + 1, changed))
        trip = self._trip(index)
        for g, items in zip(self.lists, added, strict=True):
            for array, x in zip(g.arrays, (x for item in items for x in _parts(item)), strict=True):
                array[trip] = x
            g.target[:] = g.target[:1]
        self._check_sharing(loop, control, [x for items in added for item in items for x in _parts(item)])

    def _trip(self, index: Value) -> Any:
        start, step = self.space.start, self.space.step
        if start == 0 and step == 1:
            return TracedScalar(index)
        trip = (TracedScalar(index) - start) // step
        integers.set_bounds(trip.value, [integers.form_of(0)], [integers.form_of(self.space.trips - 1)])  # type: ignore[operator]
        return trip

    def _check_sharing(self, loop: Carried, control: Control, items: Sequence[Any]) -> None:
        """Python's list holds the arrays themselves: nobody may write to them later."""
        arrays = [x for x in items if isinstance(x, TracedArray)]
        held = [x.view.storage for x in arrays]
        if len(set(held)) < len(held) or any(s in loop.state.storages for s in held):
            raise Restart(("hold", self.place))
        self.shared = set()
        for path, x in control.snapshot().leaves.items():
            if isinstance(x, TracedArray) and x.view.storage in held:
                head = loop.head.get(path)
                if len(path) > 1 or (isinstance(head, TracedArray) and head.view.storage.written):
                    raise Restart(("hold", self.place))
                self.shared.add(path)

    def finish(self, control: Control) -> None:
        """After the loop: the lists hold all that was appended."""
        assert self.space.trips is not None
        registry = tracer.current().appended
        leaves = control.snapshot().leaves
        for path in self.shared:
            if isinstance(leaves.get(path), TracedArray):
                leaves[path].view.storage.frozen = Frozen(f"'{path[0]}', which a list holds too", self.place)
        for g in self.lists:
            items: list[Any] = []
            for k in range(self.space.trips):
                parts = iter([_element(array, k, weak, registry)
                              for array, weak in zip(g.arrays, (k[1] for kind in g.kinds for k in _leaves(kind)), strict=True)])
                items += [_assemble(kind, parts) for kind in g.kinds]
            g.target[:] = [*g.before, *items]


def growing(control: Control, space: Space) -> Growing | None:
    """The lists that the loop at this place grows, if an earlier attempt has found some."""
    decisions = [d for d in tracer.current().decisions if d[0] == "grow" and d[1] == control.place]
    if not decisions or ("hold", control.place) in tracer.current().decisions:
        return None
    return Growing(control, space, max(decisions, key=lambda d: d[2]))


def restart_growing(state: State, space: Space, place: str) -> Restart | None:
    """The decision to grow the lists that the body has just appended to, if they can be."""
    decisions = tracer.current().decisions
    trips = space.trips if space.trips is not None else space.trips_at_hand
    if trips is None or trips > MOST_TRIPS or ("hold", place) in decisions or any(
            d[:2] == ("grow", place) for d in decisions):
        return None
    before = {id(x): contents for x, contents in state.containers}
    grown: list[tuple[Path, tuple[Kind, ...]]] = []
    for path, x in lists_in(state).items():
        old = before.get(id(x))
        if old is None or len(x) <= len(old) or not all(a is b for a, b in zip(x, old, strict=False)):
            continue
        kinds = tuple(map(kind_of, x[len(old):]))
        if None in kinds or len([leaf for k in kinds for leaf in _leaves(k or ())]) > MOST_ELEMENTS:
            return None
        grown.append((path, kinds))  # type: ignore[arg-type]
    return Restart(("grow", place, 0, tuple(grown))) if grown else None


def lists_in(state: State) -> dict[Path, list]:
    """The lists in reach of a loop, by path, each once."""
    found: dict[Path, list] = {}
    seen: set[int] = set()

    def go(path: Path, x: Any) -> None:
        if isinstance(x, (list, dict)) and id(x) not in seen:
            seen.add(id(x))
            if type(x) is list:
                found[path] = x
            for k, e in x.items() if isinstance(x, dict) else enumerate(x):
                go((*path, k), e)
        elif type(x) is tuple:
            for k, e in enumerate(x):
                go((*path, k), e)
        elif id(x) in tracer.current().fresh:
            go((*path, "."), x.__dict__)

    for name, x in zip(state.names, state.values, strict=True):
        go((name,), x)
    for number, c in enumerate(tracer.current().containers.values()):
        go(("caller's", number), c.twin)
    return found


def kind_of(x: Any) -> Kind | None:
    """What is appended, if arrays can hold it: numbers, whole arrays of known extents in C order, tuples of those."""
    if type(x) is tuple and x:
        kinds = tuple(map(kind_of, x))
        return None if None in kinds else ("tuple", kinds)
    if isinstance(x, TracedScalar):
        return ("scalar", x.kind or "", x.value.dtype.str, ())
    if isinstance(x, PYTHON_SCALARS):
        return ("scalar", type(x).__name__, np.dtype(type(x)).str, ())
    if isinstance(x, np.generic) and x.dtype.kind in "biufc":
        return ("scalar", "", x.dtype.str, ())
    if isinstance(x, TracedArray) and not x.view.steps and x.view.storage.layout is None and x.view.storage.source is None and (
            all(isinstance(d, int) for d in x.view.dims)):
        return ("array", "", x.dtype.str, x.view.dims)
    return None


def _leaves(kind: Kind) -> Iterator[Kind]:
    if kind and kind[0] == "tuple":
        for k in kind[1]:
            yield from _leaves(k)
    else:
        yield kind


def _parts(x: Any) -> Iterator[Any]:
    if isinstance(x, tuple):
        for e in x:
            yield from _parts(e)
    else:
        yield x


def _assemble(kind: Kind, parts: Iterator[Any]) -> Any:
    return tuple(_assemble(k, parts) for k in kind[1]) if kind[0] == "tuple" else next(parts)


def _room(trips: int, kind: Kind) -> TracedArray:
    _, _, dtype, dims = kind
    return dispatch.call(np.empty, ((trips, *dims), np.dtype(dtype)), {})


def _element(array: TracedArray, k: int, weak: str, registry: dict) -> Any:
    is_scalar = len(array.view.dims) == 1
    x: Any = Appended(array, k, weak) if is_scalar else array[k]
    if is_scalar and tracer.current().depth:
        # In a region the element is read at once: where the region's values are joined, it must be one of them.
        x = TracedScalar(x.value)
    registry[id(x)] = (x, array, k)
    return x


def gathered(x: list | tuple, convert: Callable[[Any], TracedArray]) -> TracedArray | None:
    """The list as an array, if stretches of it are elements of arrays one after the other; None if there are none."""
    for e in x:
        look([e])
    runs = list(_runs(x))
    if not any(whole is not None for _, whole in runs):
        return None
    pieces = [whole if whole is not None else convert(items) for items, whole in runs]
    return pieces[0][...].copy() if len(pieces) == 1 else dispatch.call(np.concatenate, (pieces,), {})


def _runs(x: Sequence[Any]) -> Iterator[tuple[list, TracedArray | None]]:
    """Stretches of a list: with the array whose elements they are, or None."""
    registry = tracer.current().appended
    at, plain = 0, 0
    while at < len(x):
        array = _array_from(x, at, registry)
        if array is None:
            at += 1
            continue
        if plain < at:
            yield list(x[plain:at]), None
        yield [], array
        at = plain = at + len(array)
    if plain < len(x):
        yield list(x[plain:]), None


def _array_from(x: Sequence[Any], at: int, registry: dict) -> TracedArray | None:
    """The array all of whose elements stand in the list from here on; of tuples, their arrays side by side."""
    first = x[at]
    if type(first) is tuple and first and all(id(e) in registry for e in first):
        columns = [_array_from([row[k] if type(row) is tuple and len(row) == len(first) else None for row in x], at, registry)
                   for k in range(len(first))]
        same = len({c.view.dims for c in columns if c is not None}) == 1 and all(c is not None for c in columns)
        return dispatch.call(np.stack, (columns,), {"axis": 1}) if same else None
    found = registry.get(id(first))
    if found is None or found[2] != 0:
        return None
    array = found[1]
    rows = len(array)
    stretch = x[at:at + rows]
    if rows < LONG_RUN or len(stretch) < rows:
        return None
    own = (registry.get(id(e)) for e in stretch)
    return array if all(o is not None and o[1] is array and o[2] == k for k, o in enumerate(own)) else None
