"""Everyday numerical functions made of others: angles, NaN-ignoring reductions, polynomials, integrals of samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import TracedArray, as_array, deliver, extent, operand
from ..dispatch import call, implements, implements_method
from ..extents import shape_dims
from ..scalars import TracedScalar
from ..ufuncs import promotable
from .axes import one_axis, some_axes
from .reductions import reduce_ufunc

_NO_VALUE = np._NoValue  # type: ignore[attr-defined]


@implements_method("conj", "conjugate")
def conjugate_method(a: TracedArray) -> TracedArray:
    """Unlike the function, the method gives a real array itself."""
    return call(np.conjugate, (a,), {}) if a.dtype.kind == "c" else a


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    z = z if isinstance(z, (TracedArray, TracedScalar)) else as_array(z)
    real, imag = (z.real, z.imag) if promotable(z).kind == "c" else (z, 0)
    result = call(np.arctan2, (imag, real), {})
    return call(np.multiply, (result, 180 / np.pi), {}) if deg else result


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> TracedArray:
    flat = call(np.ravel, (as_array(a),), {})
    dims = shape_dims(new_shape)
    size = math.prod(map(extent, dims))
    if not (isinstance(size, int) and isinstance(flat.size, int)):
        return _resized(flat, size).reshape(dims)
    if flat.size == 0 or size == 0:
        return call(np.zeros, (dims,), {"dtype": flat.dtype})
    repeats = -(-size // flat.size)
    rows = call(np.broadcast_to, (flat, (repeats, flat.size)), {})
    return rows.reshape(-1)[:size].reshape(dims).copy()


def _resized(flat: TracedArray, size: Any) -> TracedArray:
    """So many of the elements, again and again, in numbers that only the run knows; zeros if there is none."""
    zero = call(np.zeros, (1,), {"dtype": flat.dtype})
    count = call(np.maximum, (flat.size, 1), {})
    return call(np.concatenate, ((flat, zero),), {})[call(np.arange, (size,), {}) % count]


def _without_nan(a: Any, filler: Any) -> tuple[Any, Any]:
    """The array with NaN replaced, and where it was not NaN (None for types without NaN)."""
    a = as_array(a)
    if a.dtype.kind not in "fc":
        return a, None
    valid = call(np.logical_not, (call(np.isnan, (a,), {}),), {})
    return call(np.where, (valid, a, a.dtype.type(filler)), {}), valid


def _ignoring(function: Callable, plain: Callable, filler: float) -> None:
    @implements(function)
    def implementation(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NO_VALUE, **others: Any,
                       ) -> Any:
        filled, _ = _without_nan(a, filler)
        return call(plain, (filled,), {"axis": axis, "dtype": dtype, "out": out, "keepdims": keepdims, **others})


_ignoring(np.nansum, np.sum, 0.0)
_ignoring(np.nanprod, np.prod, 1.0)


def _extreme_ignoring(function: Callable, plain: Callable, reduce: np.ufunc, filler: float) -> None:
    @implements(function)
    def implementation(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _NO_VALUE, **others: Any) -> Any:
        a = as_array(a)
        if a.dtype.kind != "c":
            return reduce_ufunc(reduce, a, axis, None, out, keepdims, **others)
        filled, valid = _without_nan(a, filler)
        result = call(plain, (filled,), {"axis": axis, "keepdims": keepdims, **others})
        some = call(np.any, (valid,), {"axis": axis, "keepdims": keepdims})
        result = call(np.where, (some, result, np.nan), {}).astype(filled.dtype, copy=False)
        result = result if result.ndim else result[()]
        return result if out is None else call(np.copyto, (out, result), {}) or out


_extreme_ignoring(np.nanmax, np.max, np.fmax, -np.inf)
_extreme_ignoring(np.nanmin, np.min, np.fmin, np.inf)


@implements(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NO_VALUE, **others: Any) -> Any:
    filled, valid = _without_nan(a, 0.0)
    if valid is None:
        return call(np.mean, (filled,), {"axis": axis, "dtype": dtype, "out": out, "keepdims": keepdims, **others})
    _refuse_exact(dtype, out)
    where = others.get("where", _NO_VALUE)
    valid = valid if where is _NO_VALUE else call(np.logical_and, (valid, where), {})
    return call(np.mean, (filled,), {"axis": axis, "dtype": dtype, "out": out, "keepdims": keepdims, "where": valid})


def _refuse_exact(dtype: Any, out: Any) -> None:
    for kind, name in ((dtype, "dtype"), (getattr(out, "dtype", None), "out")):
        if kind is not None and not issubclass(np.dtype(kind).type, np.inexact):
            raise TypeError(f"If a is inexact, then {name} must be inexact")


def _spread_ignoring(function: Callable, plain: Callable) -> None:
    @implements(function)
    def implementation(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = _NO_VALUE, *,
                       where: Any = _NO_VALUE, mean: Any = _NO_VALUE, correction: Any = _NO_VALUE) -> Any:
        filled, valid = _without_nan(a, 0.0)
        if valid is not None:
            _refuse_exact(dtype, out)
            where = valid if where is _NO_VALUE else call(np.logical_and, (valid, where), {})
        given = {"where": where, "mean": mean, "correction": correction}
        result = call(plain, (filled, axis, dtype, out, ddof, keepdims), {k: v for k, v in given.items() if v is not _NO_VALUE})
        if valid is None:
            return result
        count = call(np.sum, (where,), {"axis": axis, "dtype": np.int64, "keepdims": keepdims})
        few = call(np.less_equal, (count, ddof if correction is _NO_VALUE else correction), {})
        result_or_nan = call(np.where, (few, as_array(result).dtype.type(np.nan), result), {})
        return deliver(result_or_nan if as_array(result).ndim else result_or_nan[()], out)


_spread_ignoring(np.nanvar, np.var)
_spread_ignoring(np.nanstd, np.std)


@implements(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    return call(np.trunc, (operand(x),), {"out": out})


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    p, x = as_array(p), operand(x)
    result: Any = call(np.zeros_like, (x,), {}) if isinstance(x, TracedArray) else 0
    for k in range(len(p)):
        result = call(np.add, (call(np.multiply, (result, x), {}), p[k]), {})
    return result


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: Any = -1) -> Any:
    y = as_array(y)
    k = one_axis(axis, y.ndim)
    step: Any = dx
    if x is not None:
        x = as_array(x)
        step = call(np.diff, (x,), {"axis": 0 if x.ndim == 1 else k})
        if x.ndim == 1:
            step = step.reshape(tuple(-1 if j == k else 1 for j in range(y.ndim)))
    lead = (slice(None),) * k
    pairs = call(np.add, (y[(*lead, slice(1, None))], y[(*lead, slice(None, -1))]), {})
    return call(np.sum, (call(np.true_divide, (call(np.multiply, (step, pairs), {}), 2.0), {}),), {"axis": k})


@implements(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    a = as_array(a)
    axes = some_axes(axis, a.ndim)
    rest = [k for k in range(a.ndim) if k not in axes]
    kept = tuple(a.shape[k] for k in rest)
    line = call(np.transpose, (a, (*rest, *axes)), {}).reshape((*kept, math.prod(a.shape[k] for k in axes)))
    n = line.shape[-1]
    ordered = call(np.sort, (line,), {"axis": -1})
    middle = ordered[..., (n - 1) // 2:n // 2 + 1]
    result = call(np.mean, (middle,), {"axis": -1})
    if a.dtype.kind in "fc" and not isinstance(n, int):
        result = call(np.where, (call(np.any, (call(np.isnan, (line,), {}),), {"axis": -1}), a.dtype.type(np.nan), result), {})
        result = result if result.ndim else result[()]
    elif a.dtype.kind in "fc" and n != 0:  # a NaN, sorted last, makes the median NaN
        last = ordered[..., -1]
        result = call(np.where, (call(np.isnan, (last,), {}), last, result), {})
        result = result if result.ndim else result[()]
    if keepdims:
        result = as_array(result).reshape(tuple(1 if k in axes else d for k, d in enumerate(a.shape)))
    return result if out is None else call(np.copyto, (out, result), {}) or out
