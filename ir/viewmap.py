"""Affine view maps: how an element of a view is found in the array it views.

`slice` and `update_slice` share this form, so a chain of views is one access.  A map has one `Axis` per axis of the viewed
array; that axis' index is  start + sum(step * out_index[axis] for step, axis in terms).  A start is an int, or the `Slot` of
an operand of type py.int (or an integer array of rank 0), already wrapped and checked.  Slices (also with negative steps),
integer indices, newaxis, transposition, broadcasting, diagonals and sliding windows are all such maps, and so is any
composition of them.

Start with `Axis`; `apply_map` says what a map means; `basic_index_map` makes one from a NumPy index.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .builder import Slot


@dataclass(frozen=True, slots=True)
class Axis:
    """The index along one axis of the viewed array: start + sum of step * (index along view axis `axis`)."""

    start: int | Slot = 0
    terms: tuple[tuple[int, int], ...] = ()

    def __repr__(self) -> str:
        parts = [] if self.start == 0 and self.terms else [repr(self.start)]
        parts += [f"i{axis}" if step == 1 else f"{step}*i{axis}" for step, axis in self.terms]
        return " + ".join(parts)


ViewMap = tuple[Axis, ...]


def identity_map(rank: int) -> ViewMap:
    return tuple(Axis(0, ((1, k),)) for k in range(rank))


def permutation_map(axes: Sequence[int]) -> ViewMap:
    """The map of `np.transpose(x, axes)`: view axis k is axis axes[k] of x."""
    place = {a: k for k, a in enumerate(axes)}
    return tuple(Axis(0, ((1, place[a]),)) for a in range(len(axes)))


def is_permutation(view_map: ViewMap, rank: int) -> bool:
    """Does a view of this rank only exchange axes?"""
    return sorted(a.terms for a in view_map) == [((1, k),) for k in range(rank)] and all(a.start == 0 for a in view_map)


def broadcast_map(dims: Sequence, to: Sequence) -> ViewMap:
    """The map of NumPy broadcasting from extents `dims` to extents `to`."""
    lead = len(to) - len(dims)
    return tuple(Axis() if isinstance(d, int) and d == 1 and not (isinstance(to[lead + k], int) and to[lead + k] == 1)
                 else Axis(0, ((1, lead + k),)) for k, d in enumerate(dims))


def invert_permutation(axes: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes `axes`."""
    out = [0] * len(axes)
    for k, a in enumerate(axes):
        out[a] = k
    return tuple(out)


def apply_map(view_map: ViewMap, index: Sequence, start_of: Callable[[Slot], Any]) -> tuple:
    """The index in the viewed array of view element `index`: over ints, arrays or scalar expressions alike."""
    out = []
    for axis in view_map:
        at = start_of(axis.start) if isinstance(axis.start, Slot) else axis.start
        for step, k in axis.terms:
            at = index[k] * step + at
        out.append(at)
    return tuple(out)


def compose(outer: ViewMap, inner: ViewMap,
            combine: Callable[[int | Slot, int, int | Slot], int | Slot] | None = None) -> ViewMap | None:
    """The map of a view (`outer`) of a view (`inner`), onto the array that `inner` views.

    combine(a, step, b) makes the start a + step * b where that is no int and neither operand alone; without it such a
    composition is None.
    """
    out = []
    for axis in inner:
        start: int | Slot = axis.start
        terms: dict[int, int] = {}
        for step, k in axis.terms:
            through = outer[k]
            added = _add_starts(start, step, through.start, combine)
            if added is None:
                return None
            start = added
            for inner_step, place in through.terms:
                terms[place] = terms.get(place, 0) + step * inner_step
        out.append(Axis(start, tuple((s, k) for k, s in sorted(terms.items()) if s)))
    return tuple(out)


def _add_starts(a: int | Slot, step: int, b: int | Slot, combine: Callable | None) -> int | Slot | None:
    if isinstance(b, int):
        if b == 0 or step == 0:
            return a
        if isinstance(a, int):
            return a + step * b
    elif a == 0 and step == 1:
        return b
    return combine(a, step, b) if combine is not None else None


def insert_axis(view_map: ViewMap) -> ViewMap:
    """The same view of every element of a new leading axis, which leads the view as well."""
    return (Axis(0, ((1, 0),)), *(shift_axes(a, 1) for a in view_map))


def shift_axes(axis: Axis, by: int) -> Axis:
    """The axis' index in terms of view axes that stand `by` places later."""
    return Axis(axis.start, tuple((step, k + by) for step, k in axis.terms))


def renumber_slots(view_map: ViewMap, new: Callable[[int], int]) -> ViewMap:
    """Slots of operand k become slots of operand new(k)."""
    return tuple(replace(a, start=Slot(new(a.start.operand))) if isinstance(a.start, Slot) else a for a in view_map)


def slots_of(view_map: ViewMap) -> list[Slot]:
    return [a.start for a in view_map if isinstance(a.start, Slot)]


def is_identity(view_map: ViewMap) -> bool:
    """Does view element i show element i?  (The extents may still be smaller.)"""
    return view_map == identity_map(len(view_map))


def is_injective(view_map: ViewMap, dims: Sequence) -> bool:
    """Is it certain that no element is shown twice?  Decided from steps and extents; False where that does not prove it."""
    varying = [k for k, d in enumerate(dims) if not (isinstance(d, int) and d <= 1)]
    if any(isinstance(d, int) and d == 0 for d in dims):
        return True
    terms = [[(step, k) for step, k in a.terms if step and k in varying] for a in view_map]
    alone = {t[0][1] for t in terms if len(t) == 1}
    # Axes that are some viewed axis' only term are told apart there; the others must be nested within one viewed axis.
    shared = [k for k in varying if k not in alone]
    return not shared or any(_nested(a, varying, dims) and set(shared) <= {k for _, k in a.terms} for a in view_map)


def _nested(axis: Axis, varying: Sequence[int], dims: Sequence) -> bool:
    """Do the terms, like the digits of a number, never carry into each other?"""
    reach: int | None = 0
    for step, k in sorted((abs(step), k) for step, k in axis.terms if k in varying):
        if reach is None or step <= reach:
            return False
        # Beyond a run-time extent nothing else may follow.
        reach = reach + step * (dims[k] - 1) if isinstance(dims[k], int) else None
    return True


def bounds(axis: Axis, dims: Sequence) -> tuple[int, int] | None:
    """The least and greatest index that the view reaches along a viewed axis, or None if a run-time value decides."""
    if isinstance(axis.start, Slot) or not all(isinstance(dims[k], int) for _, k in axis.terms):
        return None
    ends = [step * (dims[k] - 1) for step, k in axis.terms]
    return axis.start + sum(min(e, 0) for e in ends), axis.start + sum(max(e, 0) for e in ends)


def basic_index_map(index: Any, dims: Sequence[int]) -> tuple[ViewMap, tuple[int, ...]]:
    """The map and extents of `x[index]` for static extents: ints, slices, Ellipsis and None, as NumPy has them."""
    items = list(index) if isinstance(index, tuple) else [index]
    used = sum(1 for k in items if k is not None and k is not Ellipsis)
    if sum(1 for k in items if k is Ellipsis) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if used > len(dims):
        raise IndexError(f"too many indices for array: array is {len(dims)}-dimensional, but {used} were indexed")
    if not any(k is Ellipsis for k in items):
        items.append(Ellipsis)
    view_map: list[Axis] = []
    extents: list[int] = []
    for item in items:
        if item is None:
            extents.append(1)
        elif item is Ellipsis:
            for n in dims[len(view_map):len(view_map) + len(dims) - used]:
                view_map.append(Axis(0, ((1, len(extents)),)))
                extents.append(n)
        elif isinstance(item, slice):
            start, stop, step = item.indices(dims[len(view_map)])
            n = len(range(start, stop, step))
            # An empty slice may start beyond the end; nothing is read, and 0 is always in range.
            view_map.append(Axis(start if n else 0, ((step, len(extents)),)))
            extents.append(n)
        else:
            view_map.append(Axis(wrap_index(operator.index(item), len(view_map), dims[len(view_map)])))
    return tuple(view_map), tuple(extents)


def wrap_index(k: int, axis: int, extent: int) -> int:
    """`k` counted from the front, or NumPy's IndexError."""
    if not -extent <= k < extent:
        raise IndexError(f"index {k} is out of bounds for axis {axis} with size {extent}")
    return k + extent if k < 0 else k
