"""np.gradient: second-order differences, on even and uneven spacings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..arrays import TracedArray, as_array, new_array, value_of
from ..dispatch import call, implements
from ..regions import check
from ..scalars import TracedScalar, concrete, derivation


def _spacings(f: TracedArray, varargs: tuple, axes: tuple[int, ...]) -> list[Any]:
    """Per axis a number, or the distances between its samples."""
    if not varargs:
        return [1.0] * len(axes)
    given = [v if np.ndim(v) == 0 else as_array(v) for v in varargs]
    if len(given) == 1 and not (isinstance(given[0], TracedArray) and given[0].ndim):
        return given * len(axes)
    if len(given) != len(axes):
        raise TypeError("invalid number of arguments")
    out: list[Any] = []
    for x, k in zip(given, axes, strict=True):
        if not isinstance(x, TracedArray) or not x.ndim:
            out.append(x)
            continue
        if x.ndim != 1:
            raise ValueError("distances must be either scalars or 1d")
        if x.shape[0] != f.shape[k]:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        x = x.astype(np.float64) if x.dtype.kind in "biu" else x
        out.append(call(np.diff, (x,), {}))
    return out


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = as_array(f)
    axes = tuple(range(f.ndim)) if axis is None else normalize_axis_tuple(concrete(axis, "an axis"), f.ndim)
    spacings = _spacings(f, varargs, axes)
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    if f.dtype.kind == "b":
        np.subtract.resolve_dtypes((f.dtype, f.dtype, None))  # raises NumPy's TypeError
    if f.dtype.kind in "iu":
        f = f.astype(np.float64)
    out = []
    for k, h in zip(axes, spacings, strict=True):
        enough, few = f.shape[k] >= edge_order + 1, ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are required.")
        if isinstance(enough, TracedScalar) and derivation(enough) is None:
            check(value_of(enough), few)
        elif not enough:
            raise few
        moved = call(np.moveaxis, (f, k, 0), {})
        steps = h if isinstance(h, TracedArray) and h.ndim else None
        out.append(_differences(f, k, moved, h, edge_order) if steps is None else _uneven(f, k, moved, steps, edge_order))
    return out[0] if len(axes) == 1 else tuple(out)


def _result(f: TracedArray, axis: int) -> tuple[TracedArray, TracedArray]:
    """A new array like `f`, and its view with the axis in front."""
    out = call(np.empty_like, (f,), {"dtype": f.dtype})
    return out, call(np.moveaxis, (out, axis, 0), {})


def _differences(f: TracedArray, axis: int, y: TracedArray, h: Any, edge_order: int) -> TracedArray:
    out, d = _result(f, axis)
    d[1:-1] = (y[2:] - y[:-2]) / (2. * h)
    if edge_order == 1:
        d[0] = (y[1] - y[0]) / h
        d[-1] = (y[-1] - y[-2]) / h
    else:
        d[0] = (-1.5 / h) * y[0] + (2. / h) * y[1] + (-0.5 / h) * y[2]
        d[-1] = (0.5 / h) * y[-3] + (-2. / h) * y[-2] + (1.5 / h) * y[-1]
    return out


def _uneven(f: TracedArray, axis: int, y: TracedArray, h: TracedArray, edge_order: int) -> TracedArray:
    """NumPy takes the even formula where all distances are equal: that is decided when the program runs."""
    out, d = _result(f, axis)
    one, two = (x.reshape((-1,) + (1,) * (y.ndim - 1)) for x in (h[:-1], h[1:]))
    a = -two / (one * (one + two))
    b = (two - one) / (one * two)
    c = one / (two * (one + two))
    d[1:-1] = a * y[:-2] + b * y[1:-1] + c * y[2:]
    if edge_order == 1:
        d[0] = (y[1] - y[0]) / h[0]
        d[-1] = (y[-1] - y[-2]) / h[-1]
    else:
        s, t = h[0], h[1]
        d[0] = -(2. * s + t) / (s * (s + t)) * y[0] + (s + t) / (s * t) * y[1] + -s / (t * (s + t)) * y[2]
        s, t = h[-2], h[-1]
        d[-1] = t / (s * (s + t)) * y[-3] + -(t + s) / (s * t) * y[-2] + (2. * t + s) / (t * (s + t)) * y[-1]
    even = _differences(f, axis, y, h[0], edge_order)
    equal = call(np.all, (call(np.equal, (h, h[0]), {}),), {})
    chosen = call(np.where, (equal, even, out), {})
    return new_array(value_of(chosen), out.view.storage.layout)
