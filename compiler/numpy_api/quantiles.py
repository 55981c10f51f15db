"""Quantiles whose positions are known only when the program runs: of q that is traced, or of what is left without NaN.

NumPy's own code does the rest (axes, validation, the other cases); the functions here stand in for its private steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tracer
from ..arrays import TracedArray, as_array, new_array, value_of
from ..builtin_functions import BUILTINS
from ..dispatch import call, implements
from ..hooks import call as call_function
from ..scalars import to_kind

_QUANTILE = np.quantile._implementation.__globals__  # type: ignore[attr-defined]
_NAN = np.nanquantile._implementation.__globals__  # type: ignore[attr-defined]


def _own(f: Callable, *args: Any, **kwargs: Any) -> Any:
    """NumPy's own code for `f`."""
    return call("numpy body", (f, args, kwargs), {})


@implements(_QUANTILE["_quantile_is_valid"])
def quantile_is_valid(q: Any) -> Any:
    q = as_array(q)
    inside = call(np.logical_and, (call(np.greater_equal, (q, 0.0), {}), call(np.less_equal, (q, 1.0), {})), {})
    return to_kind(call(np.all, (inside,), {}), "bool")


@implements(_QUANTILE["_quantile"])
def quantile(arr: Any, quantiles: Any, axis: int = -1, method: str = "linear", out: Any = None, weights: Any = None,
             weak_q: bool = False) -> Any:
    if weights is not None:
        return _delivered(_weighted(arr, quantiles, weights, axis, skip=False), out)
    if not isinstance(quantiles, TracedArray) or method not in _QUANTILE["_QuantileMethods"]:
        return _own(_QUANTILE["_quantile"], arr, quantiles, axis, method, out, weights, weak_q)
    a = as_array(arr)
    lines = call(np.sort, (call(np.moveaxis, (a, axis, -1), {}),), {"axis": -1})
    n = lines.shape[-1]
    result = _picked(lines, n, quantiles, method, weak_q)
    if a.dtype.kind in "fc":
        last = lines[..., -1]
        result = call(np.where, (call(np.isnan, (last,), {}), last, result), {}).astype(as_array(result).dtype)
    return _delivered(new_array(value_of(result)), out)  # in C order


def _delivered(result: Any, out: Any) -> Any:
    result = as_array(result)
    if out is not None:
        call(np.copyto, (out, result), {"casting": "unsafe"})
        return out
    return result if result.ndim else result[()]


def _picked(lines: TracedArray, n: Any, q: TracedArray, method: str, weak: bool) -> Any:
    """The quantiles of sorted lines of which the first n elements count; q's axis comes first."""
    props = _QUANTILE["_QuantileMethods"][method]
    flat = call(np.ravel, (q,), {})
    per_line = isinstance(n, TracedArray)
    count = n.astype(q.dtype)[..., None] if per_line else n
    virtual = as_array(call_function(props["get_virtual_index"], (count, flat), {}))
    top = call(np.maximum, (call(np.subtract, (n, 1), {}), 0), {})[..., None] if per_line else BUILTINS[max](n - 1, 0)

    def values(places: Any) -> TracedArray:
        places = call(np.clip, (as_array(places).astype(np.int64), 0, top), {})
        wide = call(np.broadcast_to, (places, (*lines.shape[:-1], flat.shape[0])), {})
        return call(np.take_along_axis, (lines, wide, -1), {})

    if props["fix_gamma"] is None or (method == "linear" and virtual.dtype.kind in "iu"):
        found = values(virtual)
    else:
        low = call(np.floor, (virtual,), {})
        gamma = as_array(_own(_QUANTILE["_get_gamma"], virtual, low, props))
        gamma = gamma.astype(np.result_type(lines.dtype, 0.0)) if weak else gamma
        found = as_array(_own(_QUANTILE["_lerp"], values(low), values(call(np.add, (low, 1), {})), gamma))
    return call(np.moveaxis, (found, -1, 0), {}).reshape((*q.shape, *lines.shape[:-1])) if q.ndim > 1 else (
        call(np.moveaxis, (found, -1, 0), {}) if q.ndim else found.reshape(lines.shape[:-1]))


def _without_nan(a: Any, axis: Any) -> tuple[TracedArray, TracedArray]:
    """The sorted lines along the axis, NaN last, and how many elements of each are not NaN."""
    x = as_array(a)
    if axis is None:
        x, axis = call(np.ravel, (x,), {}), 0
    x = call(np.moveaxis, (x, axis, -1), {})
    numbers = call(np.logical_not, (call(np.isnan, (x,), {}),), {})
    count = as_array(call(np.sum, (numbers,), {"axis": -1, "dtype": np.int64}))
    return call(np.sort, (x,), {"axis": -1}), count


@implements(_NAN["_nanquantile_ureduce_func"])
def nanquantile(a: Any, q: Any, weights: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
                method: str = "linear", weak_q: bool = False) -> Any:
    if weights is not None:
        result = _weighted(a, q, weights, axis, skip=True)
        if as_array(a).ndim > 1 and axis is not None:
            moved = call(np.moveaxis, (a, axis, -1), {})
            found, result = result, call(np.empty_like, (moved,), {"shape": result.shape})
            result[...] = found
        return result if out is None else _delivered(result, out)  # NumPy's is an array even of no axes
    if method not in _QUANTILE["_QuantileMethods"]:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {_QUANTILE['_QuantileMethods'].keys()}")
    lines, count = _without_nan(a, axis)
    result = as_array(_picked(lines, count, as_array(q), method, weak_q))
    if lines.dtype.kind in "fc":
        empty = call(np.equal, (count, 0), {})
        result = call(np.where, (empty, lines.dtype.type(np.nan), result), {}).astype(result.dtype)
    return _delivered(result, out)


def _weighted(a: Any, q: Any, weights: Any, axis: int | None, skip: bool) -> Any:
    """The first element up to which the weights are a part q of all; with `skip`, a NaN has none, and is the result if alone."""
    a, w = as_array(a), as_array(weights)
    if axis is None:
        a, w, axis = call(np.ravel, (a,), {}), call(np.ravel, (w,), {}), 0
    lines = call(np.moveaxis, (a, axis, -1), {})
    w = call(np.moveaxis, (w, axis, -1), {}) if w.ndim == a.ndim else call(np.broadcast_to, (w, lines.shape), {})
    if skip and a.dtype.kind in "fc":
        missing = call(np.isnan, (lines,), {})
        alone = call(np.all, (missing,), {"axis": -1, "keepdims": True})
        w = call(np.where, (alone, 1, call(np.where, (missing, 0, w), {})), {})
    order = call(np.argsort, (lines,), {"axis": -1})
    lines = call(np.take_along_axis, (lines, order, -1), {})
    part = call(np.cumsum, (call(np.take_along_axis, (w, order, -1), {}),), {"axis": -1, "dtype": np.float64})
    part = call(np.true_divide, (part, part[..., -1:]), {})
    sound = call(np.logical_not, (call(np.any, (call(np.isnan, (part[..., -1],), {}),), {}),), {})
    part = new_array(tracer.emit("check", [value_of(part), value_of(sound)], exception="ValueError",
                                 message="Weights included NaN, inf or were all zero."))
    q = as_array(q)
    part = part.astype(q.dtype) if q.dtype.kind == "f" else part
    part = call(np.where, (call(np.equal, (part, 0), {}), -1, part), {})
    before = call(np.less, (part[..., None, :], call(np.ravel, (q,), {})[:, None]), {})
    place = call(np.minimum, (call(np.sum, (before,), {"axis": -1}), call(np.subtract, (lines.shape[-1], 1), {})), {})
    found = call(np.take_along_axis, (lines, place, -1), {})
    if a.dtype.kind in "fc":
        last = alone if skip else call(np.isnan, (lines[..., -1:],), {})
        found = call(np.where, (last, lines[..., -1:], found), {})
    found = call(np.moveaxis, (found, -1, 0), {})
    return new_array(value_of(found.reshape((*q.shape, *found.shape[1:]))))


@implements(_NAN["_nanmedian"])
def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False) -> Any:
    lines, count = _without_nan(a, axis)
    low = call(np.maximum, (call(np.floor_divide, (call(np.subtract, (count, 1), {}), 2), {}), 0), {})
    high = call(np.minimum, (call(np.floor_divide, (count, 2), {}), call(max, (lines.shape[-1] - 1, 0), {})), {})
    places = call(np.stack, ([low, high],), {"axis": -1})
    middle = call(np.mean, (call(np.take_along_axis, (lines, places, -1), {}),), {"axis": -1})
    if lines.dtype.kind in "fc":
        empty = call(np.equal, (count, 0), {})
        middle = new_array(value_of(call(np.where, (empty, lines.dtype.type(np.nan), middle), {}), lines.dtype))
    return _delivered(middle, out)
