"""The order of a new array's axes in memory: NumPy's K order, from the strides of the arrays it is made from.

NumPy has two of them: `keep_order` is that of its iterator (ufuncs, reductions), `stride_order` that of its copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ir.types import Dim
from .strides import AnyStride


def keep_order(operands: Sequence[tuple[tuple[Dim, ...], tuple[AnyStride | None, ...]]], dims: tuple[Dim, ...],
               ) -> tuple[int, ...] | None:
    """NumPy's K order: the axes, slowest first, of a new array made from operands with these extents and strides.

    An insertion sort by absolute stride, from C order; axes that operands rank differently stay in C order.
    """
    rank = len(dims)
    if rank < 2:
        return None
    columns: list[list[Any]] = []
    for own, strides in operands:
        lead = rank - len(own)
        columns.append([0] * lead + [0 if isinstance(d, int) and d == 1 else s for d, s in zip(own, strides, strict=True)])
    if any(s is None for c in columns for s in c):
        return None
    order = list(reversed(range(rank)))  # fastest first
    for i in range(1, rank):
        axis, place = order[i], i
        for j in range(i - 1, -1, -1):
            swap = _is_faster(columns, axis, order[j])
            if swap:
                place = j
            elif swap is not None:
                break
        order.insert(place, order.pop(i))
    layout = tuple(reversed(order))
    return None if layout == tuple(range(rank)) else layout


def _is_faster(columns: Sequence[Sequence[Any]], a: int, b: int) -> bool | None:
    """Does axis `a` step by less than axis `b`? None where no operand tells."""
    answer: bool | None = None
    for strides in columns:
        if strides[a] and strides[b]:
            if abs(strides[b]) <= abs(strides[a]):
                return False
            answer = True
    return answer


def stride_order(strides: Sequence[AnyStride | None]) -> tuple[int, ...]:
    """The axes by decreasing stride, an axis of stride 0 (broadcast) fastest: what NumPy's copies keep."""
    if any(s is None for s in strides):
        return tuple(range(len(strides)))
    return tuple(sorted(range(len(strides)), key=lambda k: -abs(strides[k])))  # type: ignore[arg-type]


def order_layout(order: str, operands: Sequence[tuple[tuple[Dim, ...], tuple[AnyStride | None, ...]]], dims: tuple[Dim, ...],
                 is_fortran: bool) -> tuple[int, ...] | None:
    """The layout that order= "C", "F", "A" or "K" asks for. is_fortran: what "A" follows."""
    if order == "K":
        return keep_order(operands, dims)
    if order == "F" or (order == "A" and is_fortran):
        return tuple(reversed(range(len(dims)))) if len(dims) > 1 else None
    return None
