"""What the two sides of a branch hand on for leaves that are no single value after it: each becomes a `Choice`.

The options are the objects that the leaf is at the ends of the sides.  What exists outside stays the object that it is; of
scalars there is one option per type; an array made on a side is handed on with its storage, so that others over it stay views
of the same memory, or, if there are none, as one option with an array made on the other side.  The number of the option is
handed on too, once for leaves that choose alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from ..ir.graph import Block, Value, defining_block, is_inside
from ..ir.types import PY_INT, ArrayType, Dim, Type, same_dims
from . import integers, tracer
from .arrays import TracedArray, value_of
from .choice import Choice, at_hand
from .joins import Joined, JoinError, filler, join, leaf_value, scalar_type, values_beside, wrap_leaf
from .masked_values import MaskedValues
from .moving import MovingView, view_from
from .padding import Room, padded, room_for, unpadded
from .run_time_lists import RunTimeList
from .scalars import TracedScalar
from .sharing import told_apart
from .state import LENGTH, Path, Undefined, describe, is_scalar, is_static, name_of, same_leaf
from .views import Affine, Reshape, Step, Storage, View

# Rebuilds an option from what was handed on.
Rebuild = Callable[[Sequence[Value]], Any]

# An array made on one side and one made on the other, and what they are joined.
Pair = tuple[Joined, tuple[TracedArray, TracedArray]]


@dataclass(slots=True)
class _Option:
    key: Hashable
    object: Any
    rebuild: Rebuild


def options_of(x: Any) -> tuple[Any, ...]:
    """What a leaf may be."""
    x = at_hand(x)
    if isinstance(x, Undefined):
        return ()
    return x.options if isinstance(x, Choice) else (x,)


def mapped_tag(x: Any, numbers: Sequence[int]) -> Value:
    """The number of a leaf's option after a renumbering."""
    x = at_hand(x)
    if not isinstance(x, Choice):
        return tracer.constant(numbers[0] if numbers else 0)
    if list(numbers) == list(range(len(x.options))):
        return x.tag.value
    out = tracer.constant(numbers[-1])
    for k in reversed(range(len(numbers) - 1)):
        is_it = tracer.emit("py_equal", [x.tag.value, tracer.constant(k)])
        out = tracer.emit("where", [is_it, tracer.constant(numbers[k]), out])
    return out


def tag_key(x: Any, numbers: Sequence[int]) -> Hashable:
    """What two leaves have in common that choose alike."""
    x = at_hand(x)
    return (x.tag.value, tuple(numbers)) if isinstance(x, Choice) else numbers[0] if numbers else 0


def numbers_at_hand(x: Any, numbers: Sequence[tuple[int, Sequence[Dim]]]) -> list[Value]:
    """Of the numbers that belong to some options of `x`, each with its own, those of the one that it is."""
    tag = getattr(at_hand(x), "tag", None)
    chosen = list(numbers[-1][1])
    for k, own in numbers[:-1]:
        if tag is not None:
            is_it = tracer.emit("py_equal", [tag.value, tracer.constant(k)])
            chosen = [c if c is n or c == n else tracer.emit("where", [is_it, integers.as_value(n), integers.as_value(c)])
                      for n, c in zip(own, chosen, strict=True)]
    return list(map(integers.as_value, chosen))


def substituted(view: View, storage: Storage, values: dict[Value, Value]) -> View:
    """The same view of another storage, with other values for its numbers."""

    def new(d: Dim) -> Dim:
        return values.get(d, d) if isinstance(d, Value) else d

    steps: list[Step] = []
    for s in view.steps:
        if isinstance(s, Affine):
            s = Affine(s.map, tuple(values.get(v, v) for v in s.starts), tuple(map(new, s.dims)))
        elif isinstance(s, Reshape):
            s = Reshape(tuple(map(new, s.dims)))
        steps.append(s)
    return replace(view, storage=storage, steps=tuple(steps), dims=tuple(map(new, view.dims)))


def numbers_of(view: View) -> list[Value]:
    """The values that a view's place and size depend on."""
    found = [v for s in view.steps for v in (*getattr(s, "starts", ()), *getattr(s, "dims", ()))]
    return list(dict.fromkeys(v for v in (*found, *view.dims) if isinstance(v, Value)))


# Views of one array from before the branch that differ only in numbers, and the view that they are then.
Moving = tuple[MovingView, list[TracedArray]]


class Passage:
    """What one branch hands on for its choices. outer: the storages from before it; last: what they
    and those made on a side hold at its end; shared: leaves over memory made on a side that others show too."""

    def __init__(self, blocks: Sequence[Block], outer: dict[Storage, Value], last: Sequence[dict[Storage, Value]],
                 place: str, shared: Collection[Path]) -> None:
        self.blocks, self.outer, self.last, self.place, self.shared = blocks, outer, last, place, shared
        # Of extents that only one side knows.
        self.rooms: dict[Any, Room] = {}
        self.checked: dict[Value, Value] = {}
        self.types: list[Type] = []
        self.columns: dict[Hashable, int] = {}
        self.values: list[list[Callable[[], Value] | None]] = []
        self.storages: dict[int, Storage] = {}
        self.leaves: dict[Path, tuple[int, list[_Option]]] = {}

    def _column(self, key: Hashable, type: Type, side: int, value: Callable[[], Value]) -> int:
        if key not in self.columns:
            self.columns[key] = len(self.types)
            self.types.append(type)
            self.values.append([None, None])
        k = self.columns[key]
        self.values[k][side] = value
        return k

    def _row(self, key: Hashable, types: Sequence[Type], values: Mapping[int, Callable[[], Sequence[Value]]]) -> list[int]:
        """Columns for several values that belong together. values: those that a side hands on."""
        for side, f in values.items():
            of_side = cache(f)
            for n, t in enumerate(types):
                self._column((key, n), t, side, lambda n=n, of_side=of_side: of_side()[n])  # type: ignore[misc]
        return [self.columns[key, n] for n in range(len(types))]

    def choose(self, path: Path, ends: Sequence[Any]) -> None:
        """Hand on a leaf that is one of `ends`, by side."""
        found: list[_Option] = []
        numbers: list[list[int]] = []
        pairs = self._pairs(path, ends) if path not in self.shared else []
        moving = self._moving(ends)
        for side, x in enumerate(ends):
            numbers.append([])
            for x_ in options_of(x):
                o = self._paired(path, x_, pairs) or self._moved(path, x_, ends, moving) or self._option(path, side, x_)
                k = next((k for k, f in enumerate(found) if f.key == o.key and (
                    o.key is not None or same_leaf(f.object, o.object))), len(found))
                if k == len(found):
                    found.append(o)
                numbers[side].append(k)
        keys = [tag_key(x, n) for x, n in zip(ends, numbers, strict=True)]
        for side, (x, n) in enumerate(zip(ends, numbers, strict=True)):
            tag = self._column(("tag", *keys), PY_INT, side, lambda x=x, n=n: mapped_tag(x, n))  # type: ignore[misc]
        self.leaves[path] = tag, found

    def _option(self, path: Path, side: int, x: Any) -> _Option:
        if path[-1] == LENGTH:
            raise JoinError(f"the size or the keys of '{path[0]}' change")
        if is_scalar(x):
            type = scalar_type(x)
            k = self._column((path, type), type, side, lambda: value_of(x))
            return _Option(("scalar", type), x, lambda results: TracedScalar(results[k]))
        if isinstance(x, TracedArray):
            return self._array(path, side, x)
        if isinstance(x, RunTimeList) and any(s not in self.outer for s in x.memory()):
            places = [self._column((side, s), ArrayType(s.dtype, s.dims), side, lambda s=s: self.last[side][s])  # type: ignore[misc]
                      for s in x.memory()]
            return _Option(None, x, lambda results: x.arrive([results[k] for k in places]))
        if is_static(x):
            return _Option(None, x, lambda results: x)
        if isinstance(x, MaskedValues):
            raise x.refusal()
        raise JoinError(f"'{name_of(path)}' is {describe(x)} on one path")

    def _array(self, path: Path, side: int, x: TracedArray) -> _Option:
        block, storage = self.blocks[side], x.view.storage
        numbers = [v for v in numbers_of(x.view) if is_inside(defining_block(v), block)]
        if storage in self.outer and not numbers:
            return _Option((storage, x.view.steps, id(x) in tracer.current().twins), x, lambda results: x)
        if storage not in self.outer:
            step = [v for v in [storage.step] if v is not None and is_inside(defining_block(v), block)]
            numbers = list(dict.fromkeys([*numbers, *self._make_rooms(path, storage, block), *step]))
        columns = {v: self._column((side, v), v.type, side, lambda v=v: self._number(v)) for v in numbers}  # type: ignore[misc]
        if storage in self.outer:
            return _Option((side, storage, x.view.steps), x, lambda results: TracedArray(
                substituted(x.view, storage, {v: results[k] for v, k in columns.items()})))
        sized = any(d in self.rooms for d in storage.dims)
        room = tuple(self.rooms[d].size if d in self.rooms else d for d in storage.dims)
        k = self._column((side, storage), ArrayType(storage.dtype, room), side, lambda: self._memory(side, storage, room))

        def rebuild(results: Sequence[Value]) -> TracedArray:
            values = {v: results[c] for v, c in columns.items()}
            if k not in self.storages:
                whole = unpadded(results[k], [values.get(d, d) for d in storage.dims]) if sized else results[k]  # type: ignore[arg-type]
                self.storages[k] = Storage(whole, None if sized else storage.strides, None, storage.writeable, storage.layout)
                self.storages[k].written = True
                self.storages[k].step = None if storage.step is None else values.get(storage.step, storage.step)
            return TracedArray(substituted(x.view, self.storages[k], values))

        return _Option((side, storage, x.view.steps), x, rebuild)

    def _moving(self, ends: Sequence[Any]) -> list[Moving]:
        """Views of arrays from before the branch that differ only in numbers: those are one option."""
        groups: list[Moving] = []
        for side, end in enumerate(ends):
            for x in options_of(end):
                own = view_from(x, self.blocks[side]) if isinstance(x, TracedArray) and x.view.storage in self.outer else None
                if own is None:
                    continue
                for k, (view, members) in enumerate(groups):
                    found = view.reaching(x.view)
                    if found is not None and not any(told_apart(x, y) for y in members):
                        groups[k] = found.joined(own), [*members, x]
                        break
                else:
                    groups.append((own, [x]))
        return [(view, members) for view, members in groups if view.count and len(members) > 1]

    def _moved(self, path: Path, x: Any, ends: Sequence[Any], groups: Sequence[Moving]) -> _Option | None:
        """The option of a view that is one of such a group."""
        for number, (view, members) in enumerate(groups):
            if any(x is y for y in members):
                key = (path, "moving", number)
                row = self._row(key, [PY_INT] * view.count, {side: partial(_numbers, end, view, members)
                                                             for side, end in enumerate(ends) if _among(end, members)})
                return _Option(key, x, partial(_view_at, view, row))
        return None

    def _pairs(self, path: Path, ends: Sequence[Any]) -> list[Pair]:
        """The arrays made on the two sides that are one option: else there would be one more after each branch."""
        own, others = ([x for x in options_of(e) if isinstance(x, TracedArray) and x.view.storage not in self.outer
                        and x.view.storage.frozen is None] for e in ends)
        pairs: list[Pair] = []
        for a in own:
            for b in others:
                if not any(b is y for _, (_, y) in pairs) and (joined := _joined(path, a, b)) is not None:
                    pairs.append((joined, (a, b)))
                    break
        return pairs

    def _paired(self, path: Path, x: Any, pairs: Sequence[Pair]) -> _Option | None:
        """The option of an array that is one of a pair."""
        for number, (joined, pair) in enumerate(pairs):
            if any(x is y for y in pair):
                return self._either(path, (path, "pair", number), joined, pair)
        return None

    def _either(self, path: Path, key: Hashable, joined: Joined, pair: tuple[TracedArray, TracedArray]) -> _Option:
        first = pair[0].view
        others = math.prod(d for d in first.dims if isinstance(d, int))
        rooms = {k: room_for((d, e), f"axis {k} of '{name_of(path)}'", self.place, others * first.dtype.itemsize)
                 for k, (d, e) in enumerate(zip(first.dims, pair[1].view.dims, strict=True)) if not (d is e or d == e)}
        dims = tuple(rooms[k].size if k in rooms else d for k, d in enumerate(first.dims))

        def handed_on(side: int) -> list[Value]:
            own = tuple(rooms[k].checked(d) if k in rooms else d for k, d in enumerate(pair[side].view.dims))
            v = leaf_value(pair[side], joined, own)
            return [*(own[k] for k in rooms), *values_beside(pair[side], joined), padded(v, dims) if rooms else v]  # type: ignore[list-item]

        row = self._row(key, [*[PY_INT] * len(rooms), *joined.beside, ArrayType(first.dtype, dims)],
                        {side: partial(handed_on, side) for side in (0, 1)})

        def rebuild(results: Sequence[Value]) -> TracedArray:
            *numbers, v = [results[c] for c in row]
            sizes = dict(zip(rooms, numbers, strict=False))
            for k, n in sizes.items():
                integers.set_bounds(n, [integers.form_of(0)], [integers.form_of(rooms[k].size)])
            v = unpadded(v, [sizes.get(k, d) for k, d in enumerate(dims)]) if rooms else v
            return wrap_leaf(v, joined, numbers[len(rooms):])

        return _Option(key, pair[0], rebuild)

    def _make_rooms(self, path: Path, storage: Storage, block: Block) -> list[Value]:
        """The extents of an array that only a side knows: there is room for each in what is handed on."""
        found = [d for d in storage.dims if isinstance(d, Value) and is_inside(defining_block(d), block)]
        others = math.prod(d for d in storage.dims if isinstance(d, int))
        for d in found:
            if d not in self.rooms:
                what = f"axis {storage.dims.index(d)} of '{name_of(path)}'"
                self.rooms[d] = room_for([d], what, self.place, others * storage.dtype.itemsize)
        return found

    def _number(self, v: Value) -> Value:
        """A number of a side's array as it is handed on."""
        if v not in self.rooms:
            return v
        if v not in self.checked:
            self.checked[v] = self.rooms[v].checked(v)
        return self.checked[v]

    def _memory(self, side: int, storage: Storage, room: tuple[Dim, ...]) -> Value:
        v = self.last[side][storage]
        if same_dims(room, storage.dims):
            return v
        dims = tuple(self._number(d) if isinstance(d, Value) else d for d in storage.dims)
        return padded(tracer.builder().broadcast_to(v, dims), room)

    def yields(self, side: int) -> list[Value]:
        """What a side hands on; called inside its block."""
        out = []
        for type, values in zip(self.types, self.values, strict=True):
            value = values[side]
            out.append(value() if value is not None else filler(type, type.dims if isinstance(type, ArrayType) else ()))
        return out

    def arrive(self, results: Sequence[Value]) -> dict[Path, Any]:
        """The leaves after the branch."""
        out = {}
        for key, k in self.columns.items():
            v = key[1] if isinstance(key, tuple) and len(key) == 2 else None
            if v in self.rooms:
                integers.set_bounds(results[k], [integers.form_of(0)], [integers.form_of(self.rooms[v].size)])
        for path, (tag, options) in self.leaves.items():
            objects = tuple(o.rebuild(results) for o in options)
            out[path] = objects[0] if len(objects) == 1 else Choice(TracedScalar(results[tag]), objects)
        return out


def _joined(path: Path, a: TracedArray, b: TracedArray) -> Joined | None:
    """What two arrays are joined, if that makes no extent of theirs unknown."""
    if any(isinstance(d, int) and isinstance(e, int) and d != e for d, e in zip(a.view.dims, b.view.dims, strict=False)):
        return None
    try:
        return join(path, a, b)
    except JoinError:
        return None


def _among(x: Any, members: Sequence[TracedArray]) -> list[int]:
    """The numbers of the options of `x` that are among these."""
    return [k for k, o in enumerate(options_of(x)) if any(o is y for y in members)]


def _numbers(x: Any, view: MovingView, members: Sequence[TracedArray]) -> list[Value]:
    """The numbers of a view, as `x` has them where it is one of these."""
    return numbers_at_hand(x, [(k, view.numbers(options_of(x)[k].view)) for k in _among(x, members)])


def _view_at(view: MovingView, row: Sequence[int], results: Sequence[Value]) -> TracedArray:
    return view.at([results[k] for k in row])
