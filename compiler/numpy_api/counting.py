"""Counting into bins: bincount and histogram."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import integers, tracer
from ..arrays import TracedArray, any_traced, as_array, new_array, value_of, wrap
from ..builtin_functions import BUILTINS
from ..dispatch import call, implements
from ..scalars import TracedScalar, concrete, derivation, to_kind
from ..ufuncs import promotable
from ..values import broadcast, cast
from .axes import check_same_shape

_STEPS = np.histogram._implementation.__globals__  # type: ignore[attr-defined]
_INT64 = np.dtype(np.int64)


def counts(places: TracedArray, weights: Any, size: Any, dtype: np.dtype) -> TracedArray:
    """How often each of 0 .. size - 1 occurs among `places`, or the sum of the weights there; in order, as NumPy adds."""
    start = call(np.zeros, (size,), {"dtype": dtype})
    added = broadcast(value_of(1 if weights is None else weights, dtype), places.view.dims)
    return new_array(tracer.emit("scatter_add", [start.view.read(), added, places.view.read()], axes=(0,), position=0,
                                 unique=False))


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> TracedArray:
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError("object of too small depth for desired array" if x.ndim == 0 else "object too deep for desired array")
    if minlength is None:
        raise TypeError("'NoneType' object cannot be interpreted as an integer")
    least = operator.index(concrete(minlength, "minlength"))
    if least < 0:
        raise ValueError("'minlength' must not be negative")
    dtype = _INT64 if weights is None else np.dtype(np.float64)
    n = x.shape[0]
    if isinstance(n, int) and n == 0:
        return call(np.zeros, (least,), {"dtype": dtype if weights is not None else _INT64})
    if x.dtype.kind not in "biu":
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to {_INT64!r} according to the rule 'safe'")
    if weights is not None:
        weights = as_array(weights)
        if not np.can_cast(weights.dtype, dtype, "safe"):
            raise TypeError(f"Cannot cast array data from {weights.dtype!r} to {dtype!r} according to the rule 'safe'")
        if weights.shape != x.shape:
            raise ValueError("The weights and list don't have the same length.")
    v = cast(x.view.read(), _INT64)
    lowest, highest = (tracer.emit(f"reduce_{which}", [v], axes=(0,)) for which in ("min", "max"))  # one sweep, before the check
    sound = tracer.emit("greater_equal", [lowest, value_of(np.int64(0))])
    places = new_array(tracer.emit("check", [v, sound], exception="ValueError",
                                   message="'list' argument must have no negative elements"))
    most: Any = to_kind(TracedScalar(highest), "int")
    size = BUILTINS[max](most + 1, least)
    integers.set_bounds(value_of(size), [integers.form_of(least)], [])
    return counts(places, weights, size, dtype)


def _edges(a: Any, bins: Any, span: Any, weights: Any) -> tuple[Any, Any]:
    """NumPy's own choice of bin edges; and first edge, last edge, count where the bins are equal."""
    if isinstance(bins, str):
        bins = _number_of_bins(as_array(a), bins, span, weights)
    if isinstance(bins, TracedScalar) and bins.kind == "int" and bins.known is None:
        return _equal_edges(a, bins, span)
    return call(_STEPS["_get_bin_edges"], (a, bins, span, weights), {})


def _number_of_bins(a: TracedArray, method: str, span: Any, weights: Any) -> Any:
    """As many bins as one of NumPy's estimators finds: a number of the data."""
    estimators = _STEPS["_hist_bin_selectors"]
    if method not in estimators:
        raise ValueError(f"{method!r} is not a valid estimator for `bins`")
    if weights is not None:
        raise TypeError("Automated estimation of the number of bins is not supported for weighted data")
    if method == "stone":
        raise tracer.unsupported("np.histogram with bins='stone'", "it tries as many bins as fit the data", "give their number")
    if isinstance(a.size, int) and a.size == 0:
        return 1
    first, last = outer_edges(a, span)
    some: Any = True
    if isinstance(a.size, TracedScalar):
        some = call(np.greater, (a.size, 0), {})
        a = call(np.append, (a, call(np.asarray, (first,), {"dtype": a.dtype})), {})[:call(max, (a.size, 1), {})]
    if span is not None:
        inside = call(np.logical_and, (call(np.greater_equal, (a, first), {}), call(np.less_equal, (a, last), {})), {})
        some = call(np.logical_and, (call(np.any, (inside,), {}), some), {})
        # If nothing lies in the range, the estimators look at all elements, so that they have one, and their answer is not used.
        a = a[call(np.logical_or, (inside, call(np.logical_not, (some,), {})), {})]
    width = call(estimators[method], (a, (first, last)), {})
    if a.dtype.kind in "iu":
        width = call(np.where, (call(np.logical_and, (call(np.not_equal, (width, 0), {}), call(np.less, (width, 1), {})), {}), 1,
                                width), {})
    ratio = call(np.ceil, (call(np.true_divide, (_distance(last, first), width), {}),), {})
    count = call(np.where, (call(np.logical_and, (call(np.not_equal, (width, 0), {}), some), {}), ratio, 1), {})
    return to_kind(count[()].astype(_INT64), "int")


@implements(_STEPS["_hist_bin_doane"])
def doane(x: TracedArray, range: Any) -> Any:
    """The width by Doane's rule; zero if all elements are equal."""
    if isinstance(x.size, int) and x.size <= 2:
        return 0.0
    size = BUILTINS[max](x.size, 3)
    spread = call(np.sqrt, (6.0 * (size - 2) / ((size + 1.0) * (size + 3)),), {})
    sigma = call(np.std, (x,), {})
    some = call(np.logical_and, (call(np.greater, (sigma, 0.0), {}), call(np.greater, (x.size, 2), {})), {})
    centred: Any = call(np.subtract, (x, call(np.mean, (x,), {})), {})
    skewness = call(np.mean, (call(np.power, (centred / call(np.where, (some, sigma, 1.0), {}), 3), {}),), {})
    parts = 1.0 + call(np.log2, (size,), {}) + call(np.log2, (1.0 + call(np.absolute, (skewness,), {}) / spread,), {})
    return call(np.where, (some, call(np.ptp, (x,), {}) / parts, 0.0), {})


def _equal_edges(a: Any, count: Any, span: Any) -> tuple[Any, Any]:
    """The edges of equal bins, as many as the run finds."""
    found = wrap(value_of(count, _INT64))
    count = to_kind(_required(found, call(np.greater, (found, 0), {}), "`bins` must be positive, when an integer"), "int")
    first, last = outer_edges(a, span)
    given = [promotable(x) for x in (() if span is None else span)]
    kind = np.result_type(a.dtype, *(k(0) if isinstance(k, type) else k for k in given))
    kind = np.result_type(kind, float) if kind.kind in "iu" else kind
    edges = as_array(call(np.linspace, (first, last, count + 1), {"dtype": kind}))
    rising = call(np.all, (call(np.less, (edges[:-1], edges[1:]), {}),), {})
    last = _required(last, rising, "Too many bins for data range. Cannot create so many finite-sized bins.")
    return edges, (first, last, wrap(value_of(count, _INT64)))


@implements(_STEPS["_get_outer_edges"])
def outer_edges(a: Any, range: Any) -> tuple[Any, Any]:
    """The first and last edge: those of `range`, else of the data; a single value gets a bin of width 1."""
    if range is not None and not any_traced(range):
        return call("numpy body", (_STEPS["_get_outer_edges"], (a, range), {}), {})
    a = as_array(a)
    if range is not None:
        first, last = range
        rising = call(np.less_equal, (first, last), {})
        first = _required(first, rising, "max must be larger than min in range parameter.")
    elif isinstance(a.size, int) or derivation(a.size) is not None:
        if a.size == 0:
            return 0, 1
        first, last = call(np.min, (a,), {}), call(np.max, (a,), {})
    else:
        least, most = (-np.inf, np.inf) if a.dtype.kind == "f" else (np.iinfo(a.dtype).min, np.iinfo(a.dtype).max)
        empty = call(np.equal, (a.size, 0), {})
        first, last = (call(np.where, (empty, a.dtype.type(edge), call(f, (a,), {"initial": beyond})), {})[()]
                       for edge, f, beyond in ((0, np.min, most), (1, np.max, least)))
    finite = call(np.logical_and, (call(np.isfinite, (first,), {}), call(np.isfinite, (last,), {})), {})
    first = _required(first, finite, f"{'autodetected' if range is None else 'supplied'} range is not finite")
    single = call(np.equal, (first, last), {})
    return tuple(call(np.where, (single, call(np.add, (edge, shift), {}), edge), {})[()]
                 for edge, shift in ((first, -0.5), (last, 0.5)))  # type: ignore[return-value]


def _required(x: Any, good: Any, message: str) -> Any:
    values = [value_of(as_array(v)[()]) for v in (x, good)]
    return TracedScalar(tracer.emit("check", values, exception="ValueError", message=message))


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    a = as_array(a)
    return _edges(call(np.ravel, (a.astype(np.uint8) if a.dtype.kind == "b" else a,), {}), bins, range, weights)[0]


@implements(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> tuple:
    a = as_array(a)
    if a.dtype.kind == "b":
        a = a.astype(np.uint8)
    if weights is not None:
        weights = as_array(weights)
        check_same_shape(weights, a, ValueError("weights should have the same shape as a."))
        weights = call(np.ravel, (weights,), {})
    a = call(np.ravel, (a,), {})
    edges, uniform = _edges(a, bins, range, weights)
    edges = as_array(edges)
    n = edges.shape[0] - 1
    inside, places = _equal_bins(a, edges, *uniform) if uniform is not None else _given_bins(a, edges)
    places = new_array(value_of(call(np.where, (inside, places, n), {})))
    dtype = _INT64 if weights is None else weights.dtype
    work = _INT64 if weights is None else np.result_type(weights.dtype, np.float64)
    result = counts(places, weights, n + 1, work)[:n].astype(dtype)
    if not density:
        return result, edges
    widths = call(np.diff, (edges,), {}).astype(float)
    return result / widths / result.sum(), edges


def _distance(a: Any, b: Any) -> Any:
    """a - b, as an unsigned number for integers, which it then always fits."""
    dtype = np.result_type(*(x.dtype if hasattr(x, "dtype") else x for x in (a, b)))
    if dtype.kind != "i":
        return call(np.subtract, (a, b), {"dtype": dtype})
    return call(np.subtract, (call(np.asarray, (a,), {"dtype": dtype}), call(np.asarray, (b,), {"dtype": dtype})), {},
                ).astype(np.dtype(f"u{dtype.itemsize}"))


def _equal_bins(a: TracedArray, edges: TracedArray, first: Any, last: Any, n: Any) -> tuple[Any, Any]:
    """Which elements lie in bins, and in which; an index that rounding has put beside its bin is corrected."""
    inside = call(np.logical_and, (call(np.greater_equal, (a, first), {}), call(np.less_equal, (a, last), {})), {})
    a = a.astype(edges.dtype, copy=False)
    scaled = call(np.multiply, (call(np.true_divide, (_distance(a, first), _distance(last, first)), {}), n), {})
    index = call(np.where, (inside, call(np.asarray, (scaled,), {"dtype": _INT64}), 0), {})
    index = call(np.where, (call(np.equal, (index, n), {}), n - 1, index), {})
    index = call(np.where, (call(np.less, (a, _pick(edges, index)), {}), call(np.subtract, (index, 1), {}), index), {})
    index = call(np.maximum, (index, 0), {})
    above = call(np.greater_equal, (a, _pick(edges, call(np.add, (index, 1), {}))), {})
    above = call(np.logical_and, (above, call(np.not_equal, (index, n - 1), {})), {})
    return inside, call(np.where, (above, call(np.add, (index, 1), {}), index), {})


def _pick(edges: TracedArray, index: Any) -> TracedArray:
    return new_array(tracer.emit("gather", [edges.view.read(), value_of(index)], axes=(0,), position=0))


def _given_bins(a: TracedArray, edges: TracedArray) -> tuple[Any, Any]:
    kind = np.result_type(a.dtype, edges.dtype)
    a, edges = a.astype(kind), edges.astype(kind)
    n = operator.index(edges.shape[0]) - 1
    inside = call(np.logical_and, (call(np.greater_equal, (a, edges[0]), {}), call(np.less_equal, (a, edges[n]), {})), {})
    index = call(np.subtract, (call(np.searchsorted, (edges, a, "right"), {}), 1), {})
    return inside, call(np.minimum, (index, n - 1), {})
