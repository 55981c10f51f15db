"""Affine view maps: how an element of a view is found in the array it views.

`slice` and `update_slice` share this form, so a chain of views is one access.  A map has one `Axis` per axis of the viewed
array; that axis' index is  start + sum(step * out_index[axis] for step, axis in terms).  A start is an int, or the `Slot` of
an operand of type py.int (or an integer array of rank 0), already wrapped and checked.  Slices (also with negative steps),
integer indices, newaxis, transposition, broadcasting, diagonals and sliding windows are all such maps, and so is any
composition of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def broadcast_map(dims: Sequence, to: Sequence) -> ViewMap:
    """The map of NumPy broadcasting from extents `dims` to extents `to`."""
    lead = len(to) - len(dims)
    return tuple(Axis() if isinstance(d, int) and d == 1 and not (isinstance(to[lead + k], int) and to[lead + k] == 1)
                 else Axis(0, ((1, lead + k),)) for k, d in enumerate(dims))
