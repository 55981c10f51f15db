"""Making arrays: zeros, ones, full, empty, eye, arange, linspace, array, asarray, copies, and their `_like` forms."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ...ir.builder import dim_template
from ...ir.graph import Value
from ...ir.types import DTYPE_NAMES, Dim
from .. import tracer
from ..arrays import TracedArray, any_traced, as_array, as_numpy, constant_array, dims_of, new_array, operand, value_of, wrap
from ..dispatch import FUNCTIONS, call, implements, implements_method
from ..extents import shape_dims
from ..growing import gathered
from ..memory_order import stride_order
from ..scalars import TracedScalar, concrete, derivation, to_kind
from ..ufuncs import promotable
from ..values import broadcast, cast, check_dtype, common_dims


def _order_layout(order: str, rank: int) -> tuple[int, ...] | None:
    if order in ("C", "K", "A") or rank < 2:
        return None
    if order == "F":
        return tuple(reversed(range(rank)))
    raise ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got '{order}')")


def like_order(a: TracedArray) -> tuple[int, ...] | None:
    """The memory order of a new array like `a`: axes by decreasing stride, an axis of stride 0 (broadcast) fastest."""
    if a.ndim < 2 or a.view.is_c_contiguous or any(s is None for s in a.view.strides):
        return None
    if a.view.is_f_contiguous:
        return tuple(reversed(range(a.ndim)))
    order = stride_order(a.view.strides)
    return None if order == tuple(range(a.ndim)) else order


def filled(value: Any, dims: tuple[Dim, ...], dtype: np.dtype, order: str = "C") -> TracedArray:
    """A new array of these extents holding `value` everywhere."""
    v = value_of(value, check_dtype(dtype))
    return new_array(broadcast(v, dims), _order_layout(order, len(dims)))


@implements(np.zeros, np.empty)
def zeros(shape: Any, dtype: Any = float, order: str = "C", *, device: Any = None, like: Any = None) -> TracedArray:
    return filled(0, shape_dims(shape), np.dtype(dtype if dtype is not None else float), order)


@implements(np.ndarray)
def ndarray(shape: Any, dtype: Any = float, buffer: Any = None, offset: int = 0, strides: Any = None, order: Any = None,
            ) -> TracedArray:
    if buffer is not None or offset or strides is not None:
        raise tracer.unsupported("np.ndarray over given memory", instead="np.frombuffer outside, or slicing")
    return zeros(shape, dtype, order or "C")


@implements(("getitem", type(np.mgrid)), ("getitem", type(np.ogrid)))
def grid(owner: Any, index: Any) -> Any:
    """`np.mgrid[index]` or `np.ogrid[index]`; bounds become known numbers, and NumPy computes the coordinates of each axis."""
    index = tuple(map(_known_bounds, index)) if isinstance(index, tuple) else _known_bounds(index)
    if owner.sparse or not isinstance(index, tuple):
        return owner[index]
    axes = call(np.broadcast_arrays, tuple(map(as_array, np.ogrid[index])), {})
    return call(np.stack, (axes,), {})


def _known_bounds(s: Any) -> Any:
    return slice(*(concrete(e, "a bound of a grid") for e in (s.start, s.stop, s.step))) if isinstance(s, slice) else s


@implements(np.ones)
def ones(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None, like: Any = None) -> TracedArray:
    return filled(1, shape_dims(shape), np.dtype(dtype if dtype is not None else float), order)


@implements(np.full)
def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *, device: Any = None, like: Any = None) -> TracedArray:
    fill = operand(fill_value)
    if dtype is None:
        dtype = np.dtype(promotable(fill)) if not isinstance(promotable(fill), np.dtype) else promotable(fill)
    dims = shape_dims(shape)
    if isinstance(fill, TracedArray):
        return new_array(broadcast(value_of(fill, np.dtype(dtype)), dims), _order_layout(order, len(dims)))
    return filled(_unsafe(fill, np.dtype(dtype)), dims, np.dtype(dtype), order)


def _unsafe(x: Any, dtype: np.dtype) -> Any:
    """A Python number converted as assignment converts it (a float into an integer array is truncated)."""
    is_float = x.kind == "float" if isinstance(x, TracedScalar) else isinstance(x, float)
    return as_numpy(x) if is_float and dtype.kind in "iub" else x


def _like(a: Any, dtype: Any, order: str, shape: Any) -> tuple[tuple[Dim, ...], np.dtype, tuple[int, ...] | None]:
    a = as_array(a)
    dims = a.view.dims if shape is None else shape_dims(shape)
    kept = like_order(a) if order in "KA" and len(dims) == a.ndim else _order_layout(order, len(dims))
    if order == "A":
        kept = _order_layout("F", len(dims)) if a.view.is_f_contiguous and not a.view.is_c_contiguous else None
    return dims, np.dtype(dtype) if dtype is not None else a.dtype, kept


def _fill_like(functions: tuple[Callable, ...], value: int) -> None:
    @implements(*functions)
    def implementation(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
                       device: Any = None) -> TracedArray:
        dims, kind, layout = _like(a, dtype, order, shape)
        return new_array(broadcast(value_of(value, check_dtype(kind)), dims), layout)


_fill_like((np.zeros_like, np.empty_like), 0)
_fill_like((np.ones_like,), 1)


@implements(np.full_like)
def full_like(a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
              device: Any = None) -> TracedArray:
    dims, kind, layout = _like(a, dtype, order, shape)
    v = value_of(_unsafe(operand(fill_value), kind), check_dtype(kind))
    return new_array(broadcast(v, dims), layout)


def iota(dims: tuple[Dim, ...], axis: int, dtype: np.dtype) -> Value:
    """The index along one axis, at every place."""
    extents = [d for d in dims if isinstance(d, Value)]
    return tracer.emit("iota", extents, dims=dim_template(dims, 0), axis=axis, dtype=DTYPE_NAMES[np.dtype(dtype)])


@implements(np.eye)
def eye(N: Any, M: Any = None, k: Any = 0, dtype: Any = float, order: str = "C", *, device: Any = None, like: Any = None,
        ) -> TracedArray:
    n = shape_dims(N)[0]
    dims = (n, n if M is None else shape_dims(M)[0])
    i64 = np.dtype(np.int64)
    row = tracer.emit("add", [iota(dims, 0, i64), broadcast(value_of(k, i64), dims)])
    on = tracer.emit("equal", [row, iota(dims, 1, i64)])
    return new_array(cast(on, check_dtype(np.dtype(dtype))), _order_layout(order, 2))


@implements(np.identity)
def identity(n: Any, dtype: Any = None, *, like: Any = None) -> TracedArray:
    return eye(n, dtype=float if dtype is None else dtype)


@implements(np.linspace)
def linspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
             axis: int = 0, *, device: Any = None) -> Any:
    if isinstance(num, TracedScalar) and num.known is None and num.value.dtype.kind in "iu":
        num = to_kind(num, "int")
    counted = isinstance(num, TracedScalar) and num.kind == "int" and num.known is None
    if counted and derivation(num) is None:
        return _counted_linspace(start, stop, num, endpoint, retstep, dtype, axis)
    n: Any = num if counted else operator.index(concrete(num, "the number of samples"))
    if n < 0:
        raise ValueError(f"Number of samples, {n}, must be non-negative.")
    div = (n - 1) if endpoint else n
    kind, first, last, delta = _interval(start, stop)
    dims = common_dims(dims_of(first), dims_of(last))
    y = new_array(iota(shape_dims(n), 0, np.dtype(np.int64))).astype(kind)
    y = y[(slice(None), *(None,) * len(dims))]
    step: Any = np.nan
    if div > 0:
        step = call(np.true_divide, (delta, div), {})
        nonzero = call(np.all, (call(np.not_equal, (step, 0), {}),), {}) if dims else call(np.not_equal, (step, 0), {})
        scaled = call(np.multiply, (y, step), {})
        spread = call(np.multiply, (call(np.true_divide, (y, div), {}), delta), {})
        y = call(np.where, (nonzero, scaled, spread), {})
    else:
        y = call(np.multiply, (y, delta), {})
    y = call(np.add, (y, first), {})
    if endpoint and n > 1:
        y[-1, ...] = last
    y = _spaced(y, kind, dtype, axis)
    return (y, step) if retstep else y


def _interval(start: Any, stop: Any) -> tuple[np.dtype, Any, Any, Any]:
    """The dtype of what lies between, both ends in it, and their distance."""
    kinds = [promotable(x) for x in map(operand, (start, stop))]
    strong, weak = [k for k in kinds if isinstance(k, np.dtype)], [k(0) for k in kinds if not isinstance(k, np.dtype)]
    kind = np.result_type(*strong, *weak, 0.0)
    first, last = (operand(call(np.multiply, (x, 1.0), {})) for x in (start, stop))
    return kind, first, last, call(np.subtract, (last, first), {"dtype": kind})


def _spaced(y: TracedArray, kind: np.dtype, dtype: Any, axis: int) -> TracedArray:
    """The samples in the dtype, and along the axis, that were asked for."""
    wanted = np.dtype(dtype) if dtype is not None else kind
    if axis != 0:
        y = call(np.moveaxis, (y, 0, axis), {})
    if wanted.kind in "iu" and dtype is not None:
        y = call(np.floor, (y,), {})
    return y.astype(wanted, copy=False)


def _counted_linspace(start: Any, stop: Any, n: TracedScalar, endpoint: bool, retstep: bool, dtype: Any, axis: int) -> Any:
    """As many samples as the data say: what depends on their number is chosen element by element."""
    kind, first, last, delta = _interval(start, stop)
    dims = common_dims(dims_of(first), dims_of(last))
    place = new_array(iota(shape_dims(n), 0, np.dtype(np.int64)))[(slice(None), *(None,) * len(dims))]
    count = wrap(cast(n.value, np.dtype(np.int64)))
    div = count - 1 if endpoint else count
    parts = call(np.maximum, (div, 1), {}).astype(kind)
    step = call(np.true_divide, (delta, parts), {})
    k = place.astype(kind)
    nonzero = call(np.all, (call(np.not_equal, (step, 0), {}),), {})
    y = call(np.where, (nonzero, call(np.multiply, (k, step), {}),
                        call(np.multiply, (call(np.true_divide, (k, parts), {}), delta), {})), {})
    y = call(np.add, (y, first), {})
    if endpoint:
        is_last = call(np.logical_and, (call(np.equal, (place, div), {}), call(np.greater, (count, 1), {})), {})
        y = call(np.where, (is_last, last, y), {})
    y = _spaced(as_array(y), kind, dtype, axis)
    return (y, call(np.where, (call(np.greater, (div, 0), {}), step, np.nan), {})[()]) if retstep else y


@implements(np.fromiter)
def from_iterable(iter: Any, dtype: Any, count: Any = -1, *, like: Any = None) -> TracedArray:
    """np.fromiter(iter, dtype, count)"""
    items = FUNCTIONS["call"](list, (iter,), {})
    if isinstance(items, list) and len(items) < count:
        raise ValueError(f"iterator too short: Expected {count} but iterator had only {len(items)} items.")
    result = array(items, dtype) if isinstance(items, list) else call(np.array, (items,), {"dtype": dtype})
    return result if count < 0 else result[:count]


@implements(np.array)
def array(object: Any, dtype: Any = None, *, copy: Any = True, order: str = "K", subok: bool = False, ndmin: int = 0,
          like: Any = None) -> TracedArray:
    if isinstance(object, deque):
        object = list(object)
    if isinstance(object, TracedArray):
        result = _converted(object, dtype, order, bool(copy))
    elif isinstance(object, (list, tuple)) and any_traced(object):
        found = gathered(object, array)
        result = _from_nested(object, dtype) if found is None else as_array(found, dtype)
    elif isinstance(object, TracedScalar):
        result = _scalar_array(object, dtype)
    else:
        result = constant_array(np.array(object, dtype=dtype, order=order))  # type: ignore[call-overload]
    while result.ndim < ndmin:
        result = result[None]
    return result


def _scalar_array(x: TracedScalar, dtype: Any) -> TracedArray:
    return new_array(value_of(x, None if dtype is None else check_dtype(np.dtype(dtype))))


def _converted(a: TracedArray, dtype: Any, order: str, always: bool) -> TracedArray:
    kind = a.dtype if dtype is None else check_dtype(np.dtype(dtype))
    right_order = order in "KA" or (order == "C" and a.view.is_c_contiguous) or (order == "F" and a.view.is_f_contiguous)
    if not always and kind == a.dtype and right_order:
        return a
    layout = like_order(a) if order == "K" else _order_layout(order, a.ndim)
    if order == "A":
        layout = _order_layout("F", a.ndim) if a.view.is_f_contiguous and not a.view.is_c_contiguous else None
    return new_array(cast(a.view.read(), kind), layout)


def _from_nested(x: list | tuple, dtype: Any) -> TracedArray:
    """np.array([a, [b, ...]]): the rows one after another."""
    rows = [e if isinstance(e, (TracedArray, TracedScalar)) else
            _from_nested(e, None) if isinstance(e, (list, tuple)) and any_traced(e) else e for e in x]
    kinds = [promotable(operand(r)) for r in rows]
    if dtype is not None:
        kind = np.dtype(dtype)
    elif all(not isinstance(k, np.dtype) for k in kinds):
        kind = np.result_type(*[np.dtype(k) for k in kinds])
    else:
        # A list's Python numbers are not weak: np.array([np.float32(1), 2.0]) is float64.
        kind = np.result_type(*[k if isinstance(k, np.dtype) else np.dtype(k) for k in kinds])
    arrays = [new_array(value_of(r, check_dtype(kind))) if not isinstance(r, TracedArray) else as_array(r, kind) for r in rows]
    if len({a.view.dims for a in arrays if all(isinstance(d, int) for d in a.view.dims)}) > 1:
        raise ValueError("setting an array element with a sequence. The requested array has an inhomogeneous shape after 1 "
                         f"dimensions. The detected shape was ({len(arrays)},) + inhomogeneous part.")
    return new_array(call(np.stack, (arrays,), {}).view.read())


@implements(np.asarray, np.asanyarray)
def asarray(a: Any, dtype: Any = None, order: str = "K", *, device: Any = None, copy: Any = None, like: Any = None) -> TracedArray:
    if isinstance(a, TracedArray):
        return _converted(a, dtype, "K" if order is None else order, bool(copy))
    return array(a, dtype, order="K" if order is None else order)


@implements(np.ascontiguousarray)
def ascontiguousarray(a: Any, dtype: Any = None, *, like: Any = None) -> TracedArray:
    a = asarray(a, dtype, "C")
    return a if a.ndim else a[None]


@implements(np.asfortranarray)
def asfortranarray(a: Any, dtype: Any = None, *, like: Any = None) -> TracedArray:
    a = asarray(a, dtype, "F")
    return a if a.ndim else a[None]


@implements(np.copy)
def copy_array(a: Any, order: str = "K", subok: bool = False) -> TracedArray:
    return array(a, order=order)


@implements_method("copy")
def copy_method(a: TracedArray, order: str = "C") -> TracedArray:
    return _converted(a, None, order, True)


@implements_method("astype")
def astype(a: TracedArray, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True,
           ) -> TracedArray:
    kind = np.dtype(dtype)
    if not np.can_cast(a.dtype, kind, casting):  # type: ignore[arg-type]
        raise TypeError(f"Cannot cast array data from {a.dtype!r} to {kind!r} according to the rule '{casting}'")
    return _converted(a, kind, order, bool(copy))


@implements(np.astype)
def astype_function(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> TracedArray:
    if not isinstance(x, (TracedArray, TracedScalar, np.ndarray, np.generic)):
        raise TypeError(f"Input should be a NumPy array. It is of type {type(x)}.")
    return astype(as_array(x), dtype, copy=copy)


@implements_method("fill")
def fill(a: TracedArray, value: Any) -> None:
    a[...] = value


@implements(np.tri)
def tri(N: Any, M: Any = None, k: Any = 0, dtype: Any = float, *, like: Any = None) -> TracedArray:
    n = shape_dims(N)[0]
    dims = (n, n if M is None else shape_dims(M)[0])
    return new_array(cast(triangle_mask(dims, k), np.dtype(dtype)))


def triangle_mask(dims: tuple[Dim, ...], k: Any) -> Value:
    """Where column - row <= k, over the last two of `dims`."""
    i64 = np.dtype(np.int64)
    rank = len(dims)
    edge = tracer.emit("add", [iota(dims, rank - 2, i64), broadcast(value_of(k, i64), dims)])
    return tracer.emit("less_equal", [iota(dims, rank - 1, i64), edge])


def _square(m: TracedArray) -> tuple[Dim, ...]:
    """The extents of the last two axes; NumPy takes the one of a vector twice."""
    return m.view.dims[-2:] if m.ndim != 1 else m.view.dims * 2


@implements(np.tril)
def tril(m: Any, k: Any = 0) -> TracedArray:
    m = as_array(m)
    return call(np.where, (new_array(triangle_mask(_square(m), k)), m, call(np.zeros, (1, m.dtype), {})), {})


@implements(np.triu)
def triu(m: Any, k: Any = 0) -> TracedArray:
    m = as_array(m)
    below = new_array(triangle_mask(_square(m), k - 1))
    return call(np.where, (below, call(np.zeros, (1, m.dtype), {}), m), {})


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    rank = len(xi)
    arrays = [as_array(x).reshape((1,) * k + (-1,) + (1,) * (rank - k - 1)) for k, x in enumerate(xi)]
    if indexing == "xy" and rank > 1:
        arrays[0] = arrays[0].reshape((1, -1) + (1,) * (rank - 2))
        arrays[1] = arrays[1].reshape((-1, 1) + (1,) * (rank - 2))
    if not sparse:
        arrays = list(call(np.broadcast_arrays, tuple(arrays), {}))
    return tuple(a.copy() for a in arrays) if copy else tuple(arrays)
