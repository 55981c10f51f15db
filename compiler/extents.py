"""Shapes that the program gives, as extents: `np.zeros(n)`, `rng.random((n, 3))`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import Dim
from . import integers, tracer
from .arrays import TracedArray, value_of
from .regions import check
from .scalars import TracedScalar, concrete, to_kind


def shape_dims(shape: Any) -> tuple[Dim, ...]:
    """A shape argument as extents: ints, or run-time values where an entry is a traced integer of unknown value."""
    shape = shape.tolist() if isinstance(shape, np.ndarray) else shape
    entries = tuple(shape) if isinstance(shape, (tuple, list)) or (isinstance(shape, TracedArray) and shape.ndim) else (shape,)
    return tuple(_extent(d) for d in entries)


def _extent(d: Any) -> Dim:
    if isinstance(d, Value):
        return d
    if isinstance(d, TracedArray):
        d = d[()]
    if isinstance(d, TracedScalar) and d.known is None:
        # An extent is a Python int, whatever its dtype.
        extent = value_of(to_kind(d, "int") if d.value.dtype.kind in "iu" else d)
        if not integers.is_nonnegative(integers.form_of(extent)):
            check(tracer.emit("py_greater_equal", [extent, tracer.constant(0)]), ValueError("negative dimensions are not allowed"))
        return extent
    d = operator.index(concrete(d, "a shape"))
    if d < 0:
        raise ValueError("negative dimensions are not allowed")
    return d
