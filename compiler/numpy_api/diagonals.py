"""Diagonals: views of them, matrices made of them, their sums."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...ir.viewmap import Axis
from ..arrays import TracedArray, as_array
from ..dispatch import BUILTINS, alias_method, call, implements
from ..extents import shape_dims
from ..scalars import concrete
from .axes import one_axis


@implements(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> TracedArray:
    a = as_array(a)
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    i, j = one_axis(axis1, a.ndim, "axis1"), one_axis(axis2, a.ndim, "axis2")
    if i == j:
        raise ValueError("axis1 and axis2 cannot be the same")
    offset = int(concrete(offset, "the offset"))
    rows, columns = a.shape[i], a.shape[j]
    first = (max(-offset, 0), max(offset, 0))
    length = BUILTINS[max](BUILTINS[min](rows - first[0], columns - first[1]), 0)
    some = not isinstance(length, int) or length > 0
    rest = [k for k in range(a.ndim) if k not in (i, j)]
    last = len(rest)
    map_ = [Axis()] * a.ndim
    for place, k in enumerate(rest):
        map_[k] = Axis(0, ((1, place),))
    map_[i], map_[j] = Axis(first[0] if some else 0, ((1, last),)), Axis(first[1] if some else 0, ((1, last),))
    dims = (*(a.view.dims[k] for k in rest), *shape_dims(length))
    return TracedArray(a.view.affine(tuple(map_), (), dims, False))


alias_method("diagonal", np.diagonal)


@implements(np.diag)
def diag(v: Any, k: int = 0) -> TracedArray:
    v = as_array(v)
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = v.shape[0] + abs(k)
    out = call(np.zeros, ((n, n),), {"dtype": v.dtype})
    _writeable(diagonal(out, k))[...] = v
    return out


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> TracedArray:
    return diag(call(np.ravel, (as_array(v),), {}), k)


def _writeable(a: TracedArray) -> TracedArray:
    return TracedArray(replace(a.view, writeable=True))


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """One number goes through a view; NumPy's own code repeats several, and wraps."""
    if not isinstance(a, TracedArray) or a.ndim != 2 or wrap or np.ndim(val):
        call("numpy body", (np.fill_diagonal, (a, val, wrap), {}), {})
    else:
        _writeable(diagonal(a))[...] = val


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    return call(np.sum, (diagonal(a, offset, axis1, axis2),), {"axis": -1, "dtype": dtype, "out": out})


alias_method("trace", np.trace)
