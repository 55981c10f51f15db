"""Axis arguments, as NumPy reads them: negative, tuples, None; AxisError as NumPy's.  Arrays that must agree in shape."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ...ir.types import same_dims
from ..arrays import TracedArray, value_of
from ..regions import check
from ..scalars import concrete


def whole_number(x: Any) -> Any:
    """x, which must be an integer, and no truth value; traced values are looked at later."""
    if isinstance(x, (bool, np.bool)):
        raise TypeError("an integer is required")
    return operator.index(x) if isinstance(x, (float, np.generic, np.ndarray)) else x  # type: ignore[arg-type]


def one_axis(axis: Any, rank: int, name: str | None = None) -> int:
    """An axis counted from the front."""
    return normalize_axis_index(whole_number(concrete(axis, "an axis")), rank, name)


def some_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from the front, sorted; None means all."""
    if axis is None:
        return tuple(range(rank))
    if isinstance(axis, Sequence):
        return tuple(sorted(normalize_axis_tuple(tuple(concrete(a, "an axis") for a in axis), rank, "axis")))
    if rank == 0 and concrete(axis, "an axis") in (0, -1):
        return ()  # NumPy lets scalars be reduced along axis 0
    return (one_axis(axis, rank),)


def check_same_shape(a: TracedArray, b: TracedArray, error: ValueError) -> None:
    """The error if the arrays differ in shape, at once or when the program runs."""
    if a.ndim != b.ndim:
        raise error
    for d, e, n, m in zip(a.view.dims, b.view.dims, a.shape, b.shape, strict=True):
        if isinstance(d, int) and isinstance(e, int):
            if d != e:
                raise error
        elif not same_dims((d,), (e,)):
            check(value_of(n == m, np.dtype(bool)), error)
