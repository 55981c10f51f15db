"""Leaves that are one of several objects at a loop's head: their options, and the number that says which, from trip to trip.

Options are found as the loop's passes turn them up: what exists outside the loop is the object that it is, or if it is a view, one
whose numbers are carried where they differ (`moving.py`); of scalars there is one option per type; arrays made in the loop are
one option per type and extents, carried as values.  Extents that a trip decides are carried beside the array, which lies in
memory with room for them (`loop_rooms.py`).  Leaves that begin and end every pass alike share their number (`u, v = v, u`), so
one branch per trip settles them all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..ir.graph import Block, Value
from ..ir.types import PY_BOOL, PY_INT, ArrayType, Dim, Type
from . import dispatch, integers, tracer
from .array_form import ArrayForm, form_of_array, in_form, step_of
from .arrays import TracedArray, value_of
from .choice import Choice, at_hand
from .joins import JoinError, defined_value, filler, scalar_type
from .loop_rooms import LoopRooms
from .moving import MovingView, dims_inside, view_from
from .padding import padded, unpadded
from .passage import mapped_tag, numbers_at_hand, options_of, tag_key
from .run_time_lists import RunTimeList
from .scalars import TracedScalar
from .sharing import told_apart
from .state import UNREACHABLE, Path, Tentative, Undefined, describe, is_scalar, is_static, name_of, same_leaf
from .values import broadcast
from .views import Storage, view_of

# A leaf of more options is made anew by each trip: a function, a list of run-time length.
_MOST_OPTIONS = 8


@dataclass(slots=True)
class Slot:
    """One option. type: of the value that is carried for it, None if none is; object: what it is then. view: of one from outside,
    with the numbers that are carried. form: of an array. moving: its axes whose extents trips decide, and that are 0 in its type;
    path: that of its rooms."""

    type: Type | None
    object: Any = None
    view: MovingView | None = None
    form: ArrayForm | None = None
    moving: tuple[int, ...] = ()
    path: Path = ()

    @property
    def stepped(self) -> bool:
        """Is it carried how far apart NumPy's array has its elements?"""
        return self.moving == (0,) and len(self.dims) == 1

    @property
    def dims(self) -> tuple[Dim, ...]:
        return self.type.dims if isinstance(self.type, ArrayType) else ()

    def moved(self, x: Any) -> MovingView | None:
        """The view, with the numbers in which `x` differs from it carried too; None if that is another."""
        if self.view is None or not isinstance(x, TracedArray) or told_apart(self.object, x):
            return None
        return self.view.reaching(x.view)

    def holds(self, x: TracedArray) -> bool:
        """Is an array made in the loop of this option's type?"""
        if not isinstance(self.type, ArrayType) or (self.type.dtype, self.form) != (x.dtype, form_of_array(x)):
            return False
        return len(self.dims) == x.ndim and all(
            k in self.moving or d is e or d == e for k, (d, e) in enumerate(zip(self.dims, x.view.dims, strict=True)))


@dataclass(slots=True)
class _Leaf:
    slots: list[Slot]
    tentative: bool
    kind: Hashable = None
    head: Any = None
    heads: list[list[Value]] = field(default_factory=list)

    @property
    def key(self) -> Hashable:
        """Leaves with equal keys have one number."""
        return self.kind, len(self.slots)


class LoopChoices:
    """The choices of one loop, at a place of the program. outer: the storages from before it."""

    def __init__(self, outer: Mapping[Storage, Value], place: str) -> None:
        self.outer = outer
        self.rooms = LoopRooms(place)
        self.leaves: dict[Path, _Leaf] = {}

    def __contains__(self, path: Path) -> bool:
        return path in self.leaves

    def begin(self, path: Path, before: Any, after: Any, block: Block) -> None:
        """From the next pass on, this leaf is a choice."""
        leaf = self.leaves[path] = _Leaf([], False)
        try:
            self.end(path, before, after, block)
        except JoinError:
            del self.leaves[path]
            raise
        leaf.kind = tag_key(_plain(before), self._numbers(leaf, before))

    def end(self, path: Path, before: Any, after: Any, block: Block) -> bool:
        """Take in what the leaf is at the end of a pass; True if that was known."""
        leaf = self.leaves[path]
        slots, unsure = leaf.slots[:], leaf.tentative
        for x in (before, after):
            leaf.tentative |= isinstance(x, (Undefined, Tentative)) and x is not UNREACHABLE
            for option in options_of(_plain(x)):
                k = self._find(leaf, option)
                if k is None:
                    leaf.slots.append(self._slot(path, len(leaf.slots), option, block))
                elif (view := leaf.slots[k].moved(option)) is not None and not view.moves_like(leaf.slots[k].view):  # type: ignore[arg-type]
                    leaf.slots[k] = replace(leaf.slots[k], view=view)
        roomy = self._fit(leaf, (before, after))
        if len(leaf.slots) > _MOST_OPTIONS:
            raise JoinError(f"'{name_of(path)}' is another object in each trip", True)
        known = len(slots) == len(leaf.slots) and all(a is b for a, b in zip(slots, leaf.slots, strict=True))
        return roomy and known and unsure == leaf.tentative

    def _fit(self, leaf: _Leaf, ends: Sequence[Any]) -> bool:
        """Make room for the extents of arrays; True if there was room."""
        roomy = True
        for o in (o for x in ends for o in options_of(_plain(x))):
            k = self._find(leaf, o)
            slot = leaf.slots[k] if k is not None else None
            for axis in slot.moving if slot is not None else ():
                roomy &= self.rooms.fit(slot.path, axis, slot.dims, o.view.dims[axis], o.dtype.itemsize)  # type: ignore[union-attr]
        return roomy

    def _slot(self, path: Path, number: int, x: Any, block: Block) -> Slot:
        if is_scalar(x):
            return Slot(scalar_type(x))
        if isinstance(x, TracedArray):
            if x.view.storage in self.outer:
                view = view_from(x, block)
                if view is None:
                    raise JoinError(f"'{name_of(path)}' is a view that moves, and of different arrays")
                return Slot(None, x, replace(view, tentative=False))
            moving = tuple(k for k, d in enumerate(x.view.dims) if dims_inside((d,), block))
            dims = tuple(0 if k in moving else d for k, d in enumerate(x.view.dims))
            return Slot(ArrayType(x.dtype, dims), x, None, form_of_array(x), moving, (*path, number))
        if isinstance(x, RunTimeList) and any(s not in self.outer for s in x.memory()):
            raise JoinError(f"'{name_of(path)}' is another list in each trip", True)
        if is_static(x):
            return Slot(None, x)
        raise JoinError(f"'{name_of(path)}' is {describe(x)} at the end of a trip")

    def _find(self, leaf: _Leaf, x: Any) -> int | None:
        """The number of the option that `x` is."""
        for k, s in enumerate(leaf.slots):
            if is_scalar(x):
                if s.type == scalar_type(x):
                    return k
            elif s.view is not None:
                if s.moved(x) is not None:
                    return k
            elif s.type is None:
                if same_leaf(s.object, x) and not told_apart(s.object, x):
                    return k
            elif isinstance(x, TracedArray) and x.view.storage not in self.outer and s.holds(x):
                return k
        return None

    def _numbers(self, leaf: _Leaf, x: Any) -> list[int]:
        return [self._find(leaf, o) or 0 for o in options_of(_plain(x))] or [0]

    def refine(self, ends: Mapping[Path, Any]) -> bool:
        """Leaves that do not end a pass alike have numbers of their own; True if none had to be separated."""
        by_key: dict[Hashable, set[Hashable]] = {}
        keys = {p: tag_key(_plain(ends[p]), self._numbers(leaf, ends[p])) for p, leaf in self.leaves.items()}
        for p, leaf in self.leaves.items():
            by_key.setdefault(leaf.key, set()).add(keys[p])
        stable = True
        for p, leaf in self.leaves.items():
            if len(by_key[leaf.key]) > 1:
                leaf.kind = (leaf.kind, p)
                stable = False
        return stable

    def _by_key(self) -> dict[Hashable, Path]:
        """Per number, the first leaf that has it."""
        first: dict[Hashable, Path] = {}
        for p, leaf in self.leaves.items():
            first.setdefault(leaf.key, p)
        return first

    # A pass

    def open(self, block: Block) -> dict[Path, Any]:
        """The leaves at the head of a pass; what is carried for them are arguments of `block`."""
        tags = {key: TracedScalar(block.add_arg(PY_INT)) for key in self._by_key()}
        for leaf in self.leaves.values():
            leaf.heads = [[block.add_arg(t) for t in self._types(s)] for s in leaf.slots]
            leaf.head = self._made(leaf, tags[leaf.key], leaf.heads, block)
            if leaf.tentative:
                leaf.head = Tentative(leaf.head, TracedScalar(block.add_arg(PY_BOOL)))
        return {p: leaf.head for p, leaf in self.leaves.items()}

    def _types(self, s: Slot) -> list[Type]:
        """Of what is carried for an option: of an array its extents that move, the step of one with one axis, and its memory."""
        if s.type is None:
            return [PY_INT] * s.view.count if s.view is not None else []
        return [*[PY_INT] * (len(s.moving) + s.stepped), self._memory(s) if isinstance(s.type, ArrayType) else s.type]

    def _memory(self, s: Slot) -> ArrayType:
        assert isinstance(s.type, ArrayType)
        return ArrayType(s.type.dtype, self.rooms.of(s.path, s.dims)) if s.moving else s.type

    def _made(self, leaf: _Leaf, tag: TracedScalar, values: Sequence[Sequence[Value]], block: Block | None = None) -> Any:
        """The leaf that these values make; in `block`, if that is not the current one."""
        options: list[Any] = []
        for s, found in zip(leaf.slots, values, strict=True):
            if s.view is not None:
                options.append(s.view.at(found))
            elif s.type is None:
                options.append(s.object)
            elif s.form is not None:
                options.append(in_form(self._array(s, found, block), s.form))
                options[-1].view.storage.step = found[1] if s.stepped else None
            else:
                options.append(TracedScalar(found[0]))
        return options[0] if len(options) == 1 else Choice(tag, tuple(options))

    def _array(self, s: Slot, found: Sequence[Value], block: Block | None) -> Value:
        if not s.moving:
            return found[0]
        dims = list(s.dims)
        for axis, v in zip(s.moving, found, strict=False):
            integers.set_bounds(v, [integers.form_of(0)], [integers.form_of(self.rooms.sizes[s.path, axis])])
            dims[axis] = v
        builder = tracer.current().builder
        outer, builder.block = builder.block, block or builder.block
        v = unpadded(found[-1], dims)
        builder.block = outer
        return v

    def storages(self) -> Iterator[Storage]:
        """The carried arrays' memory in the present pass."""
        for leaf in self.leaves.values():
            yield from (o.view.storage for o in options_of(_plain(leaf.head)) if isinstance(o, TracedArray)
                        and o.view.storage not in self.outer)

    def values(self, leaves: Mapping[Path, Any], inside: bool) -> list[Value]:
        """What is handed to the next trip, or with inside=False to the first."""
        first = self._by_key()
        out = [mapped_tag(_plain(leaves[p]), self._numbers(self.leaves[p], leaves[p])) for p in first.values()]
        for p, leaf in self.leaves.items():
            for k, s in enumerate(leaf.slots):
                if self._types(s):
                    out += self._values(leaf, k, _plain(leaves[p]), inside)
            if leaf.tentative:
                out.append(defined_value(leaves[p]))
        return out

    def _values(self, leaf: _Leaf, k: int, x: Any, inside: bool) -> list[Value]:
        """What is handed on for option k of a leaf that is `x` now."""
        slot, numbers, options = leaf.slots[k], self._numbers(leaf, x), options_of(x)
        found = [o for o, n in zip(options, numbers, strict=False) if n == k]
        if not found:
            return leaf.heads[k] if inside else [filler(t, t.dims if isinstance(t, ArrayType) else ()) for t in self._types(slot)]
        if slot.view is not None:
            return self._numbers_of_one(x, options, found, lambda o: slot.view.numbers(o.view))  # type: ignore[union-attr]
        chosen = self._one_of(x, options, found)
        if not slot.moving:
            return [broadcast(value_of(chosen), slot.dims) if slot.dims else value_of(chosen)]
        dims = list(chosen.view.dims)
        for axis in slot.moving:
            group = slot.path, axis
            dims[axis] = integers.as_value(self.rooms.checked(group, {group: group}, dims[axis]))
        whole = padded(tracer.builder().broadcast_to(value_of(chosen), tuple(dims)), self._memory(slot).dims,
                       leaf.heads[k][-1] if inside else None)
        step = self._numbers_of_one(x, options, found, lambda o: [step_of(o)]) if slot.stepped else []
        return [*(dims[axis] for axis in slot.moving), *step, whole]  # type: ignore[list-item]

    @staticmethod
    def _one_of(x: Any, options: Sequence[Any], found: Sequence[Any]) -> Any:
        """Of several options of one type, the one that a leaf is."""
        tag, chosen = getattr(at_hand(x), "tag", None), found[-1]
        for number, o in enumerate(options):
            if tag is not None and any(o is f for f in found[:-1]):
                is_it = TracedScalar(tracer.emit("py_equal", [tag.value, tracer.constant(number)]))
                chosen = dispatch.FUNCTIONS["conditional"](is_it, lambda o=o: _copy(o), lambda other=chosen: _copy(other))
        return chosen

    @staticmethod
    def _numbers_of_one(x: Any, options: Sequence[Any], found: Sequence[Any],
                        numbers: Callable[[Any], Sequence[Dim]]) -> list[Value]:
        """The numbers of that one."""
        return numbers_at_hand(x, [(k, numbers(o)) for k, o in enumerate(options) if any(o is f for f in found)])

    def finish(self, results: Iterator[Value], surely: Mapping[Path, bool]) -> dict[Path, Any]:
        """The leaves after the loop. surely: is a leaf there, whatever its bit says?"""
        tags = {key: TracedScalar(next(results)) for key in self._by_key()}
        out: dict[Path, Any] = {}
        for p, leaf in self.leaves.items():
            out[p] = self._made(leaf, tags[leaf.key], [[next(results) for _ in self._types(s)] for s in leaf.slots])
            if leaf.tentative:
                bit = TracedScalar(next(results))
                out[p] = out[p] if surely[p] else Tentative(out[p], bit)
        return out

    def number_of_arrays(self) -> Choice | None:
        """The one choice whose number settles all that are of arrays; None if there is none, or several."""
        heads = {leaf.key: leaf for leaf in self.leaves.values() if any(isinstance(s.object, TracedArray) for s in leaf.slots)}
        if len(heads) != 1:
            return None
        found = _plain(next(iter(heads.values())).head)
        return found if isinstance(found, Choice) and len(found.options) <= 3 else None


def _copy(x: TracedArray) -> TracedArray:
    return TracedArray(view_of(Storage(value_of(x))))


def _plain(x: Any) -> Any:
    return x.value if isinstance(x, Tentative) else x
