"""Choosing elements: where, clip, sort, argsort, take and put, choose, select, searching, rounding to decimals."""

from __future__ import annotations

import builtins
import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...ir.graph import Value
from ...ir.types import Dim, same_dims
from .. import list_algorithms, tracer
from ..arrays import TracedArray, any_traced, as_array, deliver, dims_of, new_array, operand, value_of, wrap
from ..dispatch import BUILTINS, FUNCTIONS, alias_method, call, implements, implements_method
from ..memory_order import keep_order
from ..regions import check
from ..scalars import TracedScalar, concrete, is_weak, to_kind
from ..ufuncs import CLIP, call_ufunc, promotable
from ..values import broadcast, cast, check_dtype, common_dims
from .axes import one_axis
from .creation import like_order

_NO_VALUE = np._NoValue  # type: ignore[attr-defined]


def promoted(*operands: Any) -> np.dtype:
    """The common dtype of operands under NEP 50 (Python scalars are weak)."""
    kinds = [promotable(x) for x in operands]
    strong = [k for k in kinds if isinstance(k, np.dtype)]
    weak = [k(0) for k in kinds if not isinstance(k, np.dtype)]
    return np.result_type(*strong, *weak)


def _choice_wraps() -> bool:
    """Does this NumPy's `where` let a Python int wrap around?  It did before 2.5; since then it raises, as ufuncs do."""
    try:
        np.where(True, 300, np.uint8(0))
    except OverflowError:
        return False
    return True


_CHOICE_WRAPS = _choice_wraps()


def _choice(x: Any, dtype: np.dtype) -> Any:
    """One of `where`'s choices, a Python int being converted as this NumPy does."""
    if dtype.kind not in "iu":
        return x
    if type(x) is int:
        return np.where(True, x, dtype.type(0))[()]
    if _CHOICE_WRAPS and isinstance(x, TracedScalar) and x.kind == "int":
        return TracedScalar(cast(x.value, np.dtype(np.int64)))
    return x


@implements(np.where)
def where(condition: Any, x: Any = _NO_VALUE, y: Any = _NO_VALUE, /) -> Any:
    if x is _NO_VALUE and y is _NO_VALUE:
        return call(np.nonzero, (condition,), {})
    if x is _NO_VALUE or y is _NO_VALUE:
        raise ValueError("either both or neither of x and y should be given")
    c, x, y = operand(condition), operand(x), operand(y)
    kind = check_dtype(promoted(x, y))
    x, y = _choice(x, kind), _choice(y, kind)
    test = cast(value_of(c), np.dtype(bool))
    dims = common_dims(*map(dims_of, (c, x, y)))
    values = [broadcast(value_of(v, kind), dims) for v in (x, y)]
    result = tracer.emit("where", [broadcast(test, dims), *values])
    arrays = [a.view for a in (c, x, y) if isinstance(a, TracedArray)]
    return new_array(result, keep_order([(v.dims, v.strides) for v in arrays], dims))


def _known_integer(x: Any, kind: np.dtype | None) -> Any:
    """A bound that the dtype may not hold, if it is known, as it is."""
    known = x.known.value if isinstance(x, TracedScalar) and x.kind == "int" and x.known is not None else 0
    low, high = (np.iinfo(kind).min, np.iinfo(kind).max) if kind is not None and kind.kind in "iu" else (-(2**31), 2**31 - 1)
    return x if low <= known <= high else concrete(x, "a bound")


def _within(bound: Any, limit: int, nearer: Any) -> Any:
    """A run-time Python integer as a bound, or the dtype's limit if it lies beyond."""
    if not isinstance(bound, TracedScalar) or bound.kind != "int" or not -(2**63) <= limit < 2**63:
        return bound
    return BUILTINS[nearer](bound, limit)


@implements(np.clip)
def clip(a: Any, a_min: Any = _NO_VALUE, a_max: Any = _NO_VALUE, out: Any = None, *, min: Any = _NO_VALUE, max: Any = _NO_VALUE,
         **kwargs: Any) -> Any:
    given = [name for name, bound in (("a_min", a_min), ("a_max", a_max)) if bound is not _NO_VALUE]
    if len(given) == 1:
        raise TypeError(f"clip() missing 1 required positional argument: '{'a_max' if given == ['a_min'] else 'a_min'}'")
    if given and (min is not _NO_VALUE or max is not _NO_VALUE):
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    a = a if isinstance(a, (TracedArray, TracedScalar)) else as_array(a)
    kind = getattr(a, "dtype", None)
    a_min, a_max, min, max = (_known_integer(b, kind) for b in (a_min, a_max, min, max))
    low = a_min if a_min is not _NO_VALUE else (None if min is _NO_VALUE else min)
    high = a_max if a_max is not _NO_VALUE else (None if max is _NO_VALUE else max)
    if low is None and high is None:
        return call(np.positive, (a,), {"out": out, **kwargs})
    if kind is not None and kind.kind in "iu":
        # A bound beyond the dtype does not clip.
        info = np.iinfo(kind)
        if type(low) is int and low <= info.min:
            low = None if high is not None else info.min
        if type(high) is int and high >= info.max:
            high = None if low is not None else info.max
        low, high = _within(low, info.min, builtins.max), _within(high, info.max, builtins.min)
    if high is None:
        return call(np.maximum, (a, low), {"out": out, **kwargs})
    if low is None:
        return call(np.minimum, (a, high), {"out": out, **kwargs})
    return call_ufunc(CLIP, a, low, high, out=out, **kwargs)


@implements_method("clip")
def clip_method(a: Any, min: Any = None, max: Any = None, out: Any = None, **kwargs: Any) -> Any:
    return clip(a, min, max, out, **kwargs)


@implements(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> TracedArray:
    a = as_array(a)
    if axis is None:
        a, axis = call(np.ravel, (a,), {}), -1
    k = one_axis(axis, a.ndim)
    # NumPy sorts a copy that keeps the operand's memory order.
    result = tracer.emit("sort", [a.view.read()], axis=k, kind=_sort_kind(kind, stable))
    return new_array(result, like_order(a))


@implements(np.argsort)
def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    a = as_array(a)
    if axis is None or a.ndim == 0:
        a, axis = call(np.ravel, (a,), {}), -1
    k = one_axis(axis, a.ndim)
    return new_array(tracer.emit("argsort", [a.view.read()], axis=k, kind=_sort_kind(kind, stable)))


def _sort_kind(kind: Any, stable: Any) -> str:
    if stable:
        return "stable"
    names = {None: "quicksort", "q": "quicksort", "h": "heapsort", "m": "stable", "s": "stable", "mergesort": "stable"}
    kind = names.get(kind, kind)
    if kind not in ("quicksort", "heapsort", "stable"):
        raise ValueError(f"sort kind must be one of 'quick', 'heap', or 'stable' (got '{kind}')")
    return kind


alias_method("argsort", np.argsort)


@implements_method("sort")
def sort_method(a: TracedArray, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    a[...] = sort(a, operator.index(concrete(axis, "an axis")), kind, stable=stable)


@implements(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    a = as_array(a)
    if axis is None:
        a, axis = call(np.ravel, (a,), {}), 0
    k = one_axis(axis, a.ndim)
    if mode not in ("raise", "clip", "wrap"):
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got '{mode}')")
    places = operand(np.asarray(indices, np.intp) if isinstance(indices, list) and not any_traced(indices) else indices)
    if isinstance(places, TracedArray) and not np.can_cast(places.dtype, np.int64, "same_kind"):
        raise TypeError(f"Cannot cast array data from {places.dtype!r} to dtype('int64') according to the rule 'safe'")
    dims = (*a.view.dims[:k], *dims_of(places), *a.view.dims[k + 1:])
    if isinstance(out, TracedArray) and not same_dims(out.view.dims, dims):
        raise ValueError("output array does not match result of ndarray.take")
    if isinstance(places, TracedArray):
        places = places.astype(np.int64, copy=False)
    if a.view.dims[k] == 0:
        _check_takes_nothing(dims)
        return deliver(wrap(tracer.builder().zeros(a.view.read().type.with_dims(dims))), out)  # type: ignore[union-attr]
    if mode == "clip":
        places = call(np.clip, (places, 0, a.shape[k] - 1), {})
    elif mode == "wrap":
        places = call(np.remainder, (places, a.shape[k]), {})
    # NumPy looks at the indexes only where it takes something.
    if 0 in a.view.dims[:k]:
        places = call(np.multiply, (places, 0), {})
    for n, d in zip(a.shape[:k], a.view.dims[:k], strict=True):
        if isinstance(d, Value):
            places = call(np.where, (n > 0, places, 0), {})
    found = value_of(a[(*(slice(None),) * k, places)])
    return deliver(wrap(found), out)


def _check_takes_nothing(dims: Sequence[Dim]) -> None:
    empty = [tracer.emit("py_equal", [d, tracer.constant(0)]) for d in dims if isinstance(d, Value)]
    error = IndexError("cannot do a non-empty take from an empty axes.")
    if not empty and 0 not in dims:
        raise error
    if 0 not in dims:
        check(functools.reduce(lambda a, b: tracer.emit("py_bitwise_or", [a, b]), empty), error)


alias_method("take", np.take)


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> TracedArray:
    a, places = as_array(arr), as_array(indices)
    if axis is None:
        a, axis = call(np.ravel, (a,), {}), 0
    return a[_along(a, places, one_axis(axis, a.ndim))]


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    places = as_array(indices)
    if axis is None:
        if places.ndim != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        arr.flat[places] = values
        return
    arr[_along(arr, places, one_axis(axis, arr.ndim))] = values


def _along(a: TracedArray, places: TracedArray, axis: int) -> tuple:
    if places.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if places.ndim != a.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return tuple(places if k == axis else call(np.arange, (a.shape[k],), {}).reshape(
        tuple(-1 if j == k else 1 for j in range(a.ndim))) for k in range(a.ndim))


@implements(np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not condlist:
        raise ValueError("select with an empty condition list is not possible")
    kind = promoted(*map(operand, choicelist), operand(default))
    result = value_of(operand(default), kind)
    for c, x in zip(reversed(condlist), reversed(choicelist)):
        dims = common_dims(result.dims, dims_of(operand(c)), dims_of(operand(x)))
        result = tracer.emit("where", [broadcast(value_of(c), dims), broadcast(value_of(operand(x), kind), dims),
                                       broadcast(result, dims)])
    return new_array(result)


@implements(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """One `where` after another for a few choices, which no memory is made for; more are stacked and gathered."""
    given = [operand(c) for c in choices]
    kind = check_dtype(promoted(*given))
    picked, options = as_array(a), [as_array(value_of(c, kind)) if is_weak(c) else as_array(c) for c in given]
    if picked.dtype.kind not in "biu":
        raise TypeError(f"Cannot cast array data from {picked.dtype!r} to dtype('int64') according to the rule 'safe'")
    dims = common_dims(picked.view.dims, *[c.view.dims for c in options])
    chosen = cast(broadcast(value_of(picked), dims), np.dtype(np.int64))
    count = len(options)
    if mode == "clip":
        places = call(np.clip, (new_array(chosen), 0, count - 1), {})
    elif mode == "wrap":
        places = call(np.remainder, (new_array(chosen), count), {})
    elif mode == "raise":
        low, high = (broadcast(value_of(np.int64(v)), dims) for v in (0, count - 1))
        limits = tracer.emit("greater_equal", [chosen, low]), tracer.emit("less_equal", [chosen, high])
        inside = tracer.emit("logical_and", list(limits))
        all_inside = tracer.emit("reduce_and", [inside], axes=tuple(range(len(dims)))) if dims else inside
        places = new_array(tracer.emit("check", [chosen, all_inside], exception="ValueError",
                                       message="invalid entry in choice array"))
    else:
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got '{mode}')")
    wide = [broadcast(cast(value_of(c), kind), dims) for c in options]
    if count > 8:
        stacked = call(np.stack, ([new_array(w) for w in wide],), {})
        return deliver(wrap(value_of(take_along_axis(stacked, as_array(places)[None], 0)[0])), out)
    result = wide[-1]
    for k in reversed(range(count - 1)):
        here = value_of(call(np.equal, (places, k), {}))
        result = tracer.emit("where", [here, wide[k], result])
    return deliver(wrap(result), out)


@implements_method("choose")
def choose_method(a: TracedArray, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    return choose(a, choices, out, mode)


@implements(np.round, np.around) if np.round is not np.around else implements(np.round)
def round_to(a: Any, decimals: Any = 0, out: Any = None) -> Any:
    a = operand(a) if not isinstance(a, (TracedArray, TracedScalar)) else a
    decimals = operator.index(concrete(decimals, "decimals"))
    kind = promotable(a)
    is_array = isinstance(a, TracedArray)
    scaled_order = {"order": "F" if is_array and a.view.is_f_contiguous and not a.view.is_c_contiguous else "C"}
    if isinstance(kind, np.dtype) and kind.kind == "b":
        if decimals:
            np.multiply.resolve_dtypes((kind, float, kind))  # raises as NumPy does
        a = call(np.asarray, (a,), {"dtype": np.float16})
        kind = np.dtype(np.float16)
    if isinstance(kind, np.dtype) and kind.kind in "iu":
        if decimals >= 0:
            return deliver(new_array(a.view.read(), like_order(a)) if is_array and a.ndim else wrap(value_of(a)), out)
        scale = 10 ** -decimals
        tens = call(np.rint, (call(np.divide, (a, scale), scaled_order),), {})
        result = call(np.multiply, (tens, scale), {})
        return deliver(result.astype(kind), out)
    if isinstance(kind, np.dtype) and kind.kind == "c":
        parts = [round_to(p, decimals) for p in (a.real, a.imag)]
        result = tracer.emit("complex", [value_of(p) for p in parts])
        return deliver(wrap(result, like_order(a) if is_array else None), out)
    if decimals == 0:
        return call(np.rint, (a,), {"out": out})
    scale = 10.0 ** abs(decimals)
    first, second = (np.multiply, np.divide) if decimals > 0 else (np.divide, np.multiply)
    return call(second, (call(np.rint, (call(first, (a, scale), scaled_order),), {}), scale), {"out": out})


alias_method("round", np.round)


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    a = operand(x)
    kind = promotable(a)
    if not isinstance(kind, np.dtype):
        kind = np.dtype(kind)
    if kind.kind == "c":
        parts = [value_of(nan_to_num(p, True, nan, posinf, neginf)) for p in (a.real, a.imag)]
        result = wrap(tracer.emit("complex", parts))
    elif kind.kind != "f":
        result = as_array(a).copy() if isinstance(a, TracedArray) else wrap(value_of(a, kind))
    else:
        info = np.finfo(kind)
        v = wrap(value_of(a, kind)) if is_weak(a) else a
        high, low = (info.max if posinf is None else posinf), (info.min if neginf is None else neginf)
        r = call(np.where, (call(np.isnan, (v,), {}), kind.type(nan), v), {})
        r = call(np.where, (call(np.equal, (v, kind.type(np.inf)), {}), kind.type(high), r), {})
        result = call(np.where, (call(np.equal, (v, kind.type(-np.inf)), {}), kind.type(low), r), {})
        if not dims_of(a):
            result = wrap(value_of(result))
    if isinstance(a, TracedArray) and a.ndim:
        result = new_array(result.view.read(), like_order(a))
    if not copy and isinstance(x, TracedArray):
        x[...] = result
        return x
    return result


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    x, y = as_array(a1), as_array(a2)
    if x.ndim != y.ndim or any(p != q for p, q in zip(x.view.dims, y.view.dims) if isinstance(p, int) and isinstance(q, int)):
        return False
    if any(p is not q for p, q in zip(x.view.dims, y.view.dims) if isinstance(p, Value) or isinstance(q, Value)):
        equal = functools.partial(_equal_elements, or_both_nan=equal_nan)
        return FUNCTIONS["call"](list_algorithms.equal_where_alike, (x, y, equal), {})
    return _equal_elements(x, y, equal_nan)


def _equal_elements(x: TracedArray, y: TracedArray, or_both_nan: bool) -> Any:
    same = call(np.equal, (x, y), {})
    if or_both_nan:
        same = call(np.logical_or, (same, call(np.logical_and, (call(np.isnan, (x,), {}), call(np.isnan, (y,), {})), {})), {})
    return to_kind(call(np.all, (same,), {}), "bool")


@implements(np.diff)
def diff(a: Any, n: Any = 1, axis: Any = -1, prepend: Any = _NO_VALUE, append: Any = _NO_VALUE) -> Any:
    order = operator.index(concrete(n, "the order of diff"))
    if order < 0:
        raise ValueError(f"order must be non-negative but got {order!r}")
    if order == 0:
        return a
    a = as_array(a)
    if a.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    k = one_axis(axis, a.ndim)
    pieces = [a]
    for extra, at in ((prepend, 0), (append, len(pieces))):
        if extra is not _NO_VALUE:
            e = as_array(extra)
            if e.ndim == 0:
                e = call(np.broadcast_to, (e, tuple(1 if j == k else d for j, d in enumerate(a.shape))), {})
            pieces.insert(0 if at == 0 else len(pieces), e)
    if len(pieces) > 1:
        a = call(np.concatenate, (pieces,), {"axis": k})
    lead = (slice(None),) * k
    for _ in range(order):
        high, low = a[(*lead, slice(1, None))], a[(*lead, slice(None, -1))]
        a = call(np.not_equal if a.dtype.kind == "b" else np.subtract, (high, low), {})
    return a


@implements(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    plain = []
    for x in arrays_and_dtypes:
        if isinstance(x, (TracedArray, TracedScalar)):
            kind = promotable(x)
            plain.append(kind if isinstance(kind, np.dtype) else kind(0))
        else:
            plain.append(x)
    return np.result_type(*plain)
