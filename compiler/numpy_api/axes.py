"""Axis arguments, as NumPy reads them: negative, tuples, None; AxisError as NumPy's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..scalars import concrete


def one_axis(axis: Any, rank: int, name: str | None = None) -> int:
    """An axis counted from the front."""
    return normalize_axis_index(concrete(axis, "an axis"), rank, name)


def some_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from the front, sorted; None means all."""
    if axis is None:
        return tuple(range(rank))
    if isinstance(axis, Sequence):
        return tuple(sorted(normalize_axis_tuple(tuple(concrete(a, "an axis") for a in axis), rank, "axis")))
    if rank == 0 and concrete(axis, "an axis") in (0, -1):
        return ()  # NumPy lets scalars be reduced along axis 0
    return (one_axis(axis, rank),)
