"""A branch on a run-time condition: both sides are traced from one state, and what differs at their ends is joined."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..ir.graph import Block, Value, defining_block, is_inside
from ..ir.types import Dim, same_dims
from . import integers, tracer
from .arrays import TracedArray
from .choice import Choice, at_hand
from .container_aliases import check_containers, own_dicts
from .control import Control
from .growing import Appended
from .joins import Joined, JoinError, defined_value, dims_of_leaf, join, leaf_value, values_beside, wrap_leaf
from .jumps import RETURN_VALUE
from .masked_values import MaskedValues
from .moving import MovingView, moving_view, view_from
from .padding import Room, memory_of, padded, room_for, unpadded
from .passage import Passage
from .run_time_lists import KEYED, RunTimeList, growth
from .scalars import TracedScalar
from .sharing import arrays_in, is_visible, names_holding, told_apart
from .state import (
    LENGTH,
    UNREACHABLE,
    Either,
    Path,
    State,
    Tentative,
    Undefined,
    container_at,
    hollow,
    name_of,
    put_contents,
    same_leaf,
    take_apart,
    untentative,
)
from .structures import as_options, common_options
from .views import Frozen, Storage


@dataclass(slots=True)
class End:
    """How one side ended."""

    block: Block
    leaves: dict[Path, Any]
    values: tuple
    storages: dict[Storage, Value]
    contents: list[tuple[Any, Any]]
    reachable: bool


class Branch:
    """The two sides of one `if`."""

    def __init__(self, control: Control) -> None:
        self.control, self.state = control, control.snapshot()
        self.frame = names_holding(tracer.user_frame(), control.live)
        self.ends: list[End] = []

    def open(self) -> None:
        self.state.restore()
        self.control.set(self.state.values)

    def close(self, block: Block) -> None:
        values = own_dicts(self.control.place, self.control.names, self.control.get())
        self.state.adopt_inputs()
        after = State(self.control.names, values, self.control.carried)
        self.ends.append(End(block, self.state.without_dead(after.leaves), values, dict(after.storages), after.containers,
                             block not in tracer.current().unreachable))

    def merge(self, condition: Value, inside: Callable[[Block], AbstractContextManager]) -> None:
        """Emit the `if` and give every leaf and storage its value after it."""
        then, other = self.ends
        for end in self.ends:
            for s, v in self.state.storages.items():
                end.storages.setdefault(s, v)
        self.condition = condition
        self._drop_unreachable(then, other)
        self._make_options(then, other, inside)
        for name, x, y in zip(self.control.names, then.values, other.values, strict=True):
            if name in self.control.carried and then.reachable and other.reachable:
                check_containers(self.control.place, name, x, y)
        base = self._common_structure(then, other)
        self.moved: dict[Path, MovingView] = {}
        self.bits: dict[Path, bool] = {}
        # Those that share memory with a choice.
        self.entangled: set[Path] = set()
        self.shared = self._shared()
        self.passage = Passage([e.block for e in self.ends], self.state.storages, [e.storages for e in self.ends],
                               self.control.place, self.shared)
        kept, joined = self._join(then, other)
        storages = [s for s in self.state.storages
                    if not then.storages[s] is other.storages[s] is self.state.storages[s]]
        dims, extents = self._dims(joined, then, other)
        rooms = {key: self._room(key, dims, joined, pair) for key, pair in extents.items()}
        for side, end in enumerate(self.ends):
            for s, v in end.storages.items():
                s.value = v
            with inside(end.block):
                end.block.yields = self._yields(end, side, joined, dims, (extents, rooms), storages)
        self.state.restore()
        results = iter(tracer.current().builder.emit("if", [condition], {}, [then.block, other.block], loc=tracer.here()))
        lengths = {key: next(results) for key in extents}
        for key, v in lengths.items():
            integers.set_bounds(v, [integers.form_of(0)], [integers.form_of(rooms[key].size)])
        for x, contents in then.contents:
            put_contents(x, contents)
        changed = dict(kept)
        for path, j in joined.items():
            v = next(results)
            if any(isinstance(d, tuple) for d in dims.get(path, ())):
                v = unpadded(v, [lengths[d] if isinstance(d, tuple) else d for d in dims[path]])
            changed[path] = wrap_leaf(v, j, [next(results) for _ in j.beside])
            self._freeze(path, changed[path])
            self._note_alternatives(path, changed[path])
        for path, m in self.moved.items():
            changed[path] = m.at([next(results) for _ in range(m.count)])
            if m.tentative:
                changed[path] = Tentative(changed[path], TracedScalar(next(results)))
        bits = {path: TracedScalar(next(results)) for path, unsure in self.bits.items() if unsure}
        handed_on = [next(results) for _ in self.passage.types]
        for s in storages:
            s.value, s.written = next(results), True
        for path, x in self.passage.arrive(handed_on).items():
            changed[path] = Tentative(x, bits[path]) if path in bits else x
        self.state.values = base
        self.control.set(self.state.variables(changed))

    def _drop_unreachable(self, then: End, other: End) -> None:
        """A side that ends in a raise hands nothing on: it is given the other's leaves, as far as they exist there."""
        if not then.reachable and not other.reachable:
            tracer.current().unreachable.add(tracer.current().builder.block)
        for a, b in ((then, other), (other, then)):
            if not a.reachable and b.reachable:
                a.values, a.contents = b.values, b.contents
                a.leaves = {p: x if p[-1] == LENGTH or is_outside(x, b.block, self.state) else UNREACHABLE
                            for p, x in b.leaves.items()}

    def _make_options(self, then: End, other: End, inside: Callable[[Block], AbstractContextManager]) -> None:
        """A name that is a tuple on one side and something else on the other becomes one of both, on either side."""
        for k, name in enumerate(self.control.names):
            if name == RETURN_VALUE or name not in self.control.carried or then.values[k] is other.values[k]:
                continue
            options = common_options(then.values[k], other.values[k])
            if options is None:
                continue
            for end in (then, other):
                with inside(end.block):
                    value = as_options(end.values[k], options)
                end.values = (*end.values[:k], value, *end.values[k + 1:])
                for p in [p for p in end.leaves if p[0] == name]:
                    del end.leaves[p]
                take_apart((name,), value, end.leaves, [])

    def _common_structure(self, then: End, other: End) -> tuple:
        """The variables' values to put joined leaves into; a side without a value takes the other's structure."""
        base = list(then.values)
        for k, name in enumerate(self.control.names):
            if name not in self.control.carried:
                continue
            for a, b in ((then, other), (other, then)):
                if isinstance(a.values[k], Undefined) and not isinstance(b.values[k], Undefined):
                    base[k] = b.values[k]
                    for p in [p for p in a.leaves if p[0] == name]:
                        del a.leaves[p]
                    a.leaves.update({p: x if p[-1] == LENGTH else a.values[k] for p, x in b.leaves.items() if p[0] == name})
            if name == RETURN_VALUE and then.reachable and other.reachable and not self._joins(name, then, other):
                base[k] = self._either(k, then, other)
        return tuple(base)

    def _joins(self, name: str, then: End, other: End) -> bool:
        """Can the two values of a name be one, exactly as they are?"""
        a, b = ({p: x for p, x in e.leaves.items() if p[0] == name} for e in (then, other))
        if set(a) != set(b):
            return False
        try:
            return all(same_leaf(x, b[p]) or isinstance(x, Undefined) or isinstance(b[p], Undefined) or
                       join(p, x, b[p]) is not None for p, x in a.items()) and not any(told_apart(x, b[p]) for p, x in a.items())
        except JoinError:
            return False

    def _either(self, k: int, then: End, other: End) -> Either:
        """Give both sides the structure that holds either value."""
        x, y = then.values[k], other.values[k]
        for end, value in ((then, Either(True, x, hollow(y))), (other, Either(False, hollow(x), y))):
            for p in [p for p in end.leaves if p[0] == RETURN_VALUE]:
                del end.leaves[p]
            take_apart((RETURN_VALUE,), value, end.leaves, [])
        return Either(True, x, hollow(y))

    def _join(self, then: End, other: End) -> tuple[dict[Path, Any], dict[Path, Joined]]:
        kept: dict[Path, Any] = {}
        joined: dict[Path, Joined] = {}
        try:
            if set(then.leaves) != set(other.leaves):
                names = sorted({str(p[0]) for p in set(then.leaves) ^ set(other.leaves)})
                raise JoinError(f"the structure of {', '.join(names)} differs")
            for path, a in then.leaves.items():
                b = other.leaves[path]
                if (same_leaf(a, b) and not told_apart(a, b)) or (isinstance(a, Undefined) and isinstance(b, Undefined)):
                    kept[path] = a if a is not UNREACHABLE else b
                elif self._is_one_sided(a, b, then) or self._is_one_sided(b, a, other):
                    kept[path] = self._tentative(path, a, b)
                elif not told_apart(a, b) and (moved := self._moved(path, a, b)) is not None:
                    self.moved[path] = moved
                elif told_apart(a, b) or self._is_choice(path, a, b) or (path in self.shared and self._can_choose(path, a, b)):
                    self._choose(path, a, b)
                else:
                    try:
                        joined[path] = join(path, a, b)
                    except JoinError:
                        self._choose(path, a, b)
        except JoinError as e:
            containers = self._of_several_lengths(then, other)
            raise growth(*containers) or growth(*containers, of=KEYED) or tracer.unsupported(
                "this branch", f"after it, {e}") from None
        return kept, joined

    def _of_several_lengths(self, then: End, other: End) -> list[Any]:
        """What the variables are and were whose structure after the two sides, or length, differs."""
        paths = set(then.leaves) ^ set(other.leaves) | {
            p for p, n in then.leaves.items() if p[-1] == LENGTH and n != other.leaves.get(p)}
        ends = [dict(zip(self.control.names, values, strict=True)) for values in (self.state.values, then.values, other.values)]
        inner = [container_at(values.get(p[0]), p) for p in sorted(paths, key=str) if len(p) > 2 for values in ends]
        names = {p[0] for p in paths}
        return inner + [x for values in ends for n, x in values.items() if n in names]

    def _is_choice(self, path: Path, a: Any, b: Any) -> bool:
        """Must this leaf stay one of two objects, since it is one already or is written to?"""
        ends = [at_hand(untentative(x)) for x in (a, b)]
        if any(isinstance(x, Choice) for x in ends):
            return True
        return ("select", self.control.place) in tracer.current().decisions and all(
            isinstance(x, (TracedArray, Undefined)) for x in ends) and any(
            isinstance(x, TracedArray) and x.view.storage in self.state.storages for x in ends)

    def _choose(self, path: Path, a: Any, b: Any) -> None:
        pair = [untentative(x) for x in (a, b)]
        self.bits[path] = path[0] != RETURN_VALUE and any(
            isinstance(x, (Tentative, Undefined)) and x is not UNREACHABLE for x in (a, b))
        self.passage.choose(path, pair)

    def _can_choose(self, path: Path, a: Any, b: Any) -> bool:
        if ("select", self.control.place) not in tracer.current().decisions and path not in self.entangled:
            return False
        trial = Passage(self.passage.blocks, self.passage.outer, self.passage.last, self.passage.place, self.shared)
        try:
            trial.choose(path, [untentative(x) for x in (a, b)])
        except JoinError:
            return False
        return True

    def _shared(self) -> set[Path]:
        """Leaves over memory made on a side that others show too: what one of them writes, the others must see."""
        found: set[Path] = set()
        for end in self.ends:
            by_storage: dict[Storage, list[Path]] = {}
            for path, x in end.leaves.items():
                for y in arrays_in(x, 0):
                    if y.view.storage not in self.state.storages:
                        by_storage.setdefault(y.view.storage, []).append(path)
            for paths in by_storage.values():
                found.update(paths if len(set(paths)) > 1 else ())
                if any(isinstance(at_hand(untentative(end.leaves[p])), Choice) for p in paths):
                    self.entangled.update(paths)
        return found

    def _moved(self, path: Path, a: Any, b: Any) -> MovingView | None:
        """Both sides' leaves as one view whose starts differ, if they are views of one array from before the branch."""
        sides = list(zip((a, b), self.ends, strict=True))
        arrays = [(untentative(x), e) for x, e in sides if isinstance(untentative(x), TracedArray)]
        if not arrays or any(y.view.storage not in self.state.storages for y, _ in arrays):
            return None
        if len(arrays) == 2:
            found = moving_view(arrays[0][0].view, arrays[1][0].view)
            if found is not None and arrays[0][0] is arrays[1][0]:
                found = replace(found, array=arrays[0][0])
        elif any(isinstance(x, Undefined) for x in (a, b)):
            found = view_from(arrays[0][0], arrays[0][1].block)
        else:
            return None
        unsure = path[0] != RETURN_VALUE and any(isinstance(x, (Tentative, Undefined)) and x is not UNREACHABLE for x in (a, b))
        return None if found is None else replace(found, tentative=unsure)

    def _is_one_sided(self, a: Any, b: Any, end: End) -> bool:
        """Has `b`'s side no value, and is `a` one that exists outside the branch?"""
        return isinstance(b, Undefined) and not isinstance(a, Tentative) and is_outside(a, end.block, self.state)

    def _tentative(self, path: Path, a: Any, b: Any) -> Any:
        """The value of the side that has one, defined if that side was taken."""
        if UNREACHABLE in (a, b) or path[0] == RETURN_VALUE:
            return b if isinstance(a, Undefined) else a
        if isinstance(b, Undefined):
            return Tentative(a, TracedScalar(self.condition))
        return Tentative(b, TracedScalar(tracer.emit("py_logical_not", [self.condition])))

    def _dims(self, joined: dict[Path, Joined], then: End, other: End,
              ) -> tuple[dict[Path, tuple], dict[tuple, tuple[Dim, Dim]]]:
        """Per joined array its extents: an extent, or a key into `extents` where the sides differ."""
        dims: dict[Path, tuple] = {}
        extents: dict[tuple, tuple[Dim, Dim]] = {}
        for path, j in joined.items():
            if j.rank is None:
                continue
            pair = [dims_of_leaf(e.leaves[path]) for e in (then, other)]
            own: list[Any] = []
            for k in range(j.rank):
                a, b = (_or_other(pair, side, k, (then, other)) for side in (0, 1))
                if a is b or a == b:
                    own.append(a)
                else:
                    key = (_key(a), _key(b))
                    extents.setdefault(key, (a, b))
                    own.append(key)
            dims[path] = tuple(own)
        return dims, extents

    def _room(self, key: tuple, dims: dict[Path, tuple], joined: dict[Path, Joined], extents: Sequence[Dim]) -> Room:
        """The room of an axis whose extents differ, of the arrays that have it."""
        path, own = next((path, own) for path, own in dims.items() if key in own)
        others = math.prod(d for d in own if isinstance(d, int))
        room = room_for(extents, f"axis {own.index(key)} of '{name_of(path)}'", self.control.place,
                        others * joined[path].type.dtype.itemsize)
        return Room(max(room.size, self._extent_at_hand(path, own.index(key), room.size)), room.place)

    def _extent_at_hand(self, path: Path, axis: int, least: int) -> int:
        """That of memory from before the branch in which a side's array lies already, if it is enough: nothing is copied then."""
        for end in self.ends:
            x = untentative(end.leaves[path])
            if isinstance(x, TracedArray) and x.view.storage in self.state.storages and not x.view.steps:
                whole = memory_of(self.state.storages[x.view.storage])
                if whole is not None and isinstance(whole.dims[axis], int) and whole.dims[axis] >= least:  # type: ignore[operator]
                    return whole.dims[axis]  # type: ignore[return-value]
        return 0

    def _yields(self, end: End, side: int, joined: dict[Path, Joined], dims: dict[Path, tuple], differing: tuple[dict, dict],
                storages: list[Storage]) -> list[Value]:
        extents, rooms = differing
        lengths = {key: rooms[key].checked(pair[side]) for key, pair in extents.items()}
        out = list(lengths.values())
        for path, j in joined.items():
            own = tuple(lengths[d] if isinstance(d, tuple) else d for d in dims.get(path, ()))
            v = leaf_value(end.leaves[path], j, own)
            if any(isinstance(d, tuple) for d in dims.get(path, ())):
                room = [rooms[d].size if isinstance(d, tuple) else d for d in dims[path]]
                v = padded(v, room, self._memory(path, room, v.dtype))
            out += [v, *values_beside(end.leaves[path], j)]
        for path, m in self.moved.items():
            x = untentative(end.leaves[path])
            out += [integers.as_value(d) for d in m.numbers(x.view)] if isinstance(x, TracedArray) else [
                tracer.constant(0)] * m.count
            if m.tentative:
                out.append(defined_value(end.leaves[path]))
        out += [defined_value(end.leaves[path]) for path, unsure in self.bits.items() if unsure]
        return [*out, *self.passage.yields(side), *(end.storages[s] for s in storages)]

    def _memory(self, path: Path, room: list[Dim], dtype: np.dtype) -> Value | None:
        """Memory from before the branch in which a side's array lies already: the other side's may as well be put there."""
        for end in self.ends:
            x = untentative(end.leaves[path])
            if isinstance(x, TracedArray) and x.view.storage in self.state.storages and not x.view.steps:
                found = memory_of(self.state.storages[x.view.storage])
                if found is not None and found.dtype == dtype and same_dims(found.dims, tuple(room)):
                    return found
        return None

    def _note_alternatives(self, path: Path, x: Any) -> None:
        """A result that is an array that others see on one side is returned as that array; it is not written to any more."""
        x = untentative(x)
        if not isinstance(x, TracedArray) or x.view.storage.frozen is None:
            return
        for side, end in enumerate(self.ends):
            y = untentative(end.leaves[path])
            if isinstance(y, TracedArray) and is_outside(y, end.block, self.state):
                taken = self.condition if side == 0 else tracer.emit("py_logical_not", [self.condition])
                tracer.current().alternatives.setdefault(x.view.storage, []).append((taken, y))

    def _freeze(self, path: Path, x: Any) -> None:
        """An array that is one of two places must not be written if someone else may see either."""
        x = x.value if isinstance(x, Tentative) else x
        if not isinstance(x, TracedArray):
            return
        if path in self.shared:
            x.view.storage.frozen = Frozen(f"'{name_of(path)}', which shares its memory with another name since a branch on "
                                           "run-time values", self.control.place)
        for end in self.ends:
            y = end.leaves[path]
            y = y.value if isinstance(y, Tentative) else y
            if isinstance(y, TracedArray) and y.view.storage.frozen is not None:
                x.view.storage.frozen = y.view.storage.frozen
            if isinstance(y, TracedArray) and y.view.storage in self.state.storages and is_visible(
                    y.view.storage, path, self.frame, end.leaves):
                x.view.storage.frozen = y.view.storage.frozen = Frozen(
                    f"'{name_of(path)}', which is one of two arrays since a branch on run-time values", self.control.place)


def is_outside(x: Any, block: Block, state: State) -> bool:
    """Does this leaf mean the same outside the region?"""
    if isinstance(x, Tentative):
        return is_outside(x.value, block, state) and is_outside(x.defined, block, state)
    if isinstance(x, RunTimeList):
        return all(s in state.storages for s in x.memory())
    if isinstance(x, Appended):
        return is_outside(x.array, block, state)
    if isinstance(x, MaskedValues):
        return is_outside(x.full, block, state) and not is_inside(defining_block(x.mask), block)
    if isinstance(x, TracedScalar):
        return not is_inside(defining_block(x.value), block)
    if isinstance(x, Choice):
        return all(is_outside(e, block, state) for e in (x.tag, *x.options))
    if isinstance(x, TracedArray):
        values = [v for s in x.view.steps for v in (*getattr(s, "starts", ()), *getattr(s, "dims", ()))]
        return x.view.storage in state.storages and not any(
            isinstance(v, Value) and is_inside(defining_block(v), block) for v in values)
    return True


def _or_other(pair: list[tuple[Dim, ...]], side: int, k: int, ends: tuple[End, End]) -> Dim:
    """An extent on one side; where that side has no array, the other's, if it is known there."""
    if pair[side]:
        return pair[side][k]
    d = pair[1 - side][k]
    return 0 if isinstance(d, Value) and is_inside(defining_block(d), ends[1 - side].block) else d


def _key(d: Dim) -> Any:
    return ("extent", d) if isinstance(d, int) else id(d)
