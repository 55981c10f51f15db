"""Reductions and cumulative functions: sum, prod, mean, var, max, argmax, any, cumsum, ... and ufunc.reduce, accumulate.

`reduce_ufunc` is the common road: promotion of the dtype, `where`, `initial`, `keepdims`, `out`, and the memory order of
the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ir.graph import Value
from ...ir.types import Dim
from .. import integers, tracer
from ..arrays import TracedArray, as_array, deliver, new_array, value_of, wrap
from ..dispatch import alias_method, call, implements
from ..memory_order import keep_order
from ..scalars import TracedScalar, concrete
from ..ufuncs import truths
from ..values import broadcast, cast, common_dims
from ..views import reshape_value
from .axes import one_axis, some_axes
from .ufunc_chains import chained, is_long
from .ufunc_methods import generic_accumulate, generic_reduce, refuse_as_numpy, working_dtype

_NO_VALUE = np._NoValue  # type: ignore[attr-defined]

# Ufuncs that can be reduced: the op, and the element that changes nothing (None: there is none).
_REDUCTIONS: dict[np.ufunc, tuple[str, Any]] = {
    np.add: ("reduce_sum", 0), np.multiply: ("reduce_prod", 1), np.maximum: ("reduce_max", None),
    np.minimum: ("reduce_min", None), np.bitwise_and: ("reduce_and", -1), np.bitwise_or: ("reduce_or", 0),
    np.bitwise_xor: ("reduce_xor", 0), np.logical_and: ("reduce_and", True), np.logical_or: ("reduce_or", False),
    np.logical_xor: ("reduce_xor", False),
}
_ACCUMULATIONS = {np.add: "cumsum", np.multiply: "cumprod", np.maximum: "cummax", np.minimum: "cummin",
                  np.bitwise_and: "cumand", np.bitwise_or: "cumor", np.bitwise_xor: "cumxor", np.logical_and: "cumand",
                  np.logical_or: "cumor", np.logical_xor: "cumxor"}


def layout_without(a: TracedArray, axes: Sequence[int]) -> tuple[int, ...] | None:
    """The memory order of the result when `axes` are reduced away: the operand's, without them."""
    kept = [k for k in range(a.ndim) if k not in axes]
    whole = keep_order([(a.view.dims, a.view.strides)], a.view.dims)
    layout = tuple(kept.index(k) for k in whole if k in kept) if whole is not None else tuple(range(len(kept)))
    return None if layout == tuple(range(len(kept))) else layout


def finish(a: TracedArray, value: Value, axes: Sequence[int], keepdims: Any, out: Any) -> Any:
    """Give a reduced value to the caller, with its extents of 1 if asked for."""
    layout = layout_without(a, axes)
    keep = keepdims is not _NO_VALUE and bool(concrete(keepdims, "keepdims"))
    if not keep:
        return deliver(wrap(value, layout), out, "unsafe")
    ones: tuple[Dim, ...] = tuple(1 if k in axes else d for k, d in enumerate(a.view.dims))
    full = None if layout is None else _with_axes(layout, axes, a.ndim)
    kept = wrap(reshape_value(value, ones), full)
    return deliver(kept, out, "unsafe")


def _with_axes(layout: tuple[int, ...], axes: Sequence[int], rank: int) -> tuple[int, ...]:
    """The memory order with the reduced axes (of extent 1) slowest."""
    kept = [k for k in range(rank) if k not in axes]
    return (*axes, *(kept[k] for k in layout))


def reduce_ufunc(ufunc: np.ufunc, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NO_VALUE,
                 initial: Any = _NO_VALUE, where: Any = _NO_VALUE) -> Any:
    """ufunc.reduce with axis=None meaning all axes."""
    if out is Ellipsis:
        return as_array(reduce_ufunc(ufunc, a, axis, dtype, None, keepdims, initial, where))
    a = as_array(a)
    refuse_as_numpy(ufunc, "reduce", a)
    out = out[0] if isinstance(out, tuple) else out
    axes = some_axes(axis, a.ndim)
    if ufunc not in _REDUCTIONS:
        mask = None if where is _NO_VALUE or where is True else broadcast(_truth(where), a.view.dims)
        first = None if initial is _NO_VALUE else initial
        reduced = generic_reduce(ufunc, a, axes, dtype, None if out is None else out.dtype, first, mask)
        return finish(a, reduced, axes, keepdims, out)
    op, neutral = _REDUCTIONS[ufunc]
    kind = working_dtype(ufunc, a.dtype, dtype, None if out is None else out.dtype)
    if kind == np.dtype(bool):  # sums and products of truths
        op, neutral = {"reduce_sum": ("reduce_or", False), "reduce_prod": ("reduce_and", True)}.get(op, (op, neutral))
    if initial is None:
        initial = _NO_VALUE
    if op == "reduce_sum" and kind.kind in "fc" and initial is not _NO_VALUE:
        neutral = kind.type(-0.0) if kind.kind == "f" else kind.type(complex(-0.0, -0.0))
    value = cast(a.view.read(), kind)
    if where is not _NO_VALUE and where is not True:
        if neutral is None and initial is _NO_VALUE:
            raise ValueError(f"reduction operation '{ufunc.__name__}' does not have an identity, so to use a where mask one has "
                             "to specify 'initial'")
        value = _masked(value, where, initial if neutral is None else neutral)
    empty = any(isinstance(a.view.dims[k], int) and a.view.dims[k] == 0 for k in axes)
    if empty and neutral is None:
        if initial is _NO_VALUE:
            raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
        reduced = broadcast(value_of(initial, kind), tuple(d for k, d in enumerate(a.view.dims) if k not in axes))
    else:
        if neutral is None and initial is _NO_VALUE:
            value = not_empty(value, axes, f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
        reduced = tracer.emit(op, [value], axes=axes) if axes else value
        if initial is not _NO_VALUE:
            first = broadcast(value_of(initial, kind), reduced.dims)
            summed = tracer.emit(ufunc.__name__, [first, reduced])
            reduced = _signed_zeros(value, first, summed, axes) if _may_be_negative_zero(initial, op, kind) else summed
    return finish(a, reduced, axes, keepdims, out)


def _may_be_negative_zero(initial: Any, op: str, kind: np.dtype) -> bool:
    if op != "reduce_sum" or kind.kind not in "fc":
        return False
    return not isinstance(initial, int | float | np.floating) or (initial == 0 and bool(np.signbit(initial)))


def _signed_zeros(value: Value, first: Value, total: Value, axes: Sequence[int]) -> Value:
    """A sum that began with `first`: -0.0 where all its terms are, which the sum of the elements alone does not tell."""
    if value.dtype.kind == "c":
        terms = [[tracer.emit(part, [v]) for v in (value, first, total)] for part in ("real", "imag")]
        return tracer.emit("complex", [_signed_zeros(v, f, t, axes) for v, f, t in terms])
    negative = tracer.emit("signbit", [value])
    negative = tracer.emit("reduce_and", [negative], axes=axes) if axes else negative
    both = tracer.emit("logical_and", [tracer.emit("signbit", [first]), negative])
    zero = tracer.emit("equal", [total, tracer.builder().zeros(total.type)])
    return tracer.emit("where", [tracer.emit("logical_and", [both, zero]), first, total])


def not_empty(value: Value, axes: Sequence[int], message: str) -> Value:
    """`value`, whose run-time extents along `axes` must not turn out to be 0: else ValueError."""
    for d in (value.dims[k] for k in axes):
        if isinstance(d, Value) and not integers.at_most(1, d):
            some = tracer.emit("py_greater", [d, tracer.constant(0)])
            value = tracer.emit("check", [value, some], exception="ValueError", message=message)
    return value


def _truth(where: Any) -> Value:
    mask = value_of(truths(where))
    if mask.dtype != np.dtype(bool):
        raise TypeError(f"Cannot cast array data from {mask.dtype!r} to dtype('bool') according to the rule 'safe'")
    return mask


def _masked(value: Value, where: Any, neutral: Any) -> Value:
    mask = broadcast(_truth(where), value.dims)
    filler = broadcast(value_of(neutral, value.dtype) if not isinstance(neutral, int) or value.dtype.kind not in "u"
                       else tracer.constant(np.asarray(neutral).astype(value.dtype).item(), value.type), value.dims)
    return tracer.emit("where", [mask, value, filler])


def implement_methods(ufunc: np.ufunc) -> None:
    @implements((ufunc, "reduce"))
    def reduce(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = _NO_VALUE,
               where: Any = True) -> Any:
        return reduce_ufunc(ufunc, array, axis, dtype, out, keepdims, initial, where)

    @implements((ufunc, "accumulate"))
    def accumulate(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        return accumulate_ufunc(ufunc, array, axis, dtype, out)


for _ufunc in {f for f in vars(np).values() if isinstance(f, np.ufunc)}:
    implement_methods(_ufunc)


def accumulate_ufunc(ufunc: np.ufunc, a: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """ufunc.accumulate; axis None flattens, as np.cumsum does."""
    out = None if out is Ellipsis else out  # its results are arrays anyway
    a = as_array(a)
    refuse_as_numpy(ufunc, "accumulate", a)
    if a.ndim == 0:
        raise TypeError("cannot accumulate on a scalar")
    if axis is None:
        a, axis = call(np.ravel, (a,), {}), 0
    k = one_axis(axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis, a.ndim)
    out = out[0] if isinstance(out, tuple) else out
    if ufunc in _ACCUMULATIONS:
        value = cast(a.view.read(), working_dtype(ufunc, a.dtype, dtype, None if out is None else out.dtype))
        result = _accumulated(ufunc, _ACCUMULATIONS[ufunc], value, k)
    else:
        result = generic_accumulate(ufunc, a, k, dtype, None if out is None else out.dtype)
    layout = keep_order([(a.view.dims, a.view.strides)], a.view.dims)
    return deliver(wrap(result, layout), out, "unsafe")


def _accumulated(ufunc: np.ufunc, op: str, value: Value, axis: int) -> Value:
    def scan() -> Value:
        return tracer.emit(op, [value], axis=axis, reverse=False, exclusive=False)

    return chained("accumulate", ufunc, axis, [value], scan) if is_long(ufunc, "accumulate", value, axis) else scan()


def _plain_reduction(function: Callable, ufunc: np.ufunc) -> None:
    @implements(function)
    def implementation(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NO_VALUE,
                       initial: Any = _NO_VALUE, where: Any = _NO_VALUE) -> Any:
        return reduce_ufunc(ufunc, a, axis, dtype, out, keepdims, initial, where)


def _extreme(functions: tuple[Callable, ...], ufunc: np.ufunc) -> None:
    @implements(*functions)
    def implementation(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _NO_VALUE, initial: Any = _NO_VALUE,
                       where: Any = _NO_VALUE) -> Any:
        return reduce_ufunc(ufunc, a, axis, None, out, keepdims, initial, where)


def _truths(function: Callable, ufunc: np.ufunc) -> None:
    @implements(function)
    def implementation(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _NO_VALUE, *, where: Any = _NO_VALUE) -> Any:
        return reduce_ufunc(ufunc, a, axis, None, out, keepdims, _NO_VALUE, where)


_plain_reduction(np.sum, np.add)
_plain_reduction(np.prod, np.multiply)
_extreme((np.max, np.amax) if np.max is not np.amax else (np.max,), np.maximum)
_extreme((np.min, np.amin) if np.min is not np.amin else (np.min,), np.minimum)
_truths(np.any, np.logical_or)
_truths(np.all, np.logical_and)


def _position(function: Callable) -> None:
    name = function.__name__

    @implements(function)
    def implementation(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = _NO_VALUE) -> Any:
        a = as_array(a)
        axes = tuple(range(a.ndim)) if axis is None else (one_axis(axis, a.ndim),) if a.ndim else ()
        if any(isinstance(a.view.dims[k], int) and a.view.dims[k] == 0 for k in axes):
            raise ValueError(f"attempt to get {name} of an empty sequence")
        value = not_empty(a.view.read(), axes, f"attempt to get {name} of an empty sequence")
        found = tracer.emit(name, [value], axes=axes) if axes else tracer.constant(np.int64(0))
        # Unlike other reductions, NumPy's argmax gives C order whatever the operand's.
        if keepdims is not _NO_VALUE and concrete(keepdims, "keepdims"):
            found = reshape_value(found, tuple(1 if k in axes else d for k, d in enumerate(a.view.dims)))
        return deliver(wrap(found), out)


_position(np.argmax)
_position(np.argmin)


def _count(a: TracedArray, axes: Sequence[int], where: Any, keepdims: Any = _NO_VALUE) -> Any:
    """How many elements go into each mean: an int, or an array of them under a mask."""
    if where is _NO_VALUE or where is True:
        n: Any = 1
        for k in axes:
            n = n * a.shape[k]
        return n
    mask = new_array(broadcast(value_of(where), common_dims(a.view.dims)))
    return reduce_ufunc(np.add, mask, tuple(axes), np.int64, None, keepdims)


def _keep(result: Any, a: TracedArray, axes: Sequence[int]) -> Any:
    """A reduced result with extents of 1 in place of the reduced axes."""
    index = tuple(None if k in axes else slice(None) for k in range(a.ndim))
    return as_array(result)[index] if axes else result


@implements(np.mean)
def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = _NO_VALUE, *, where: Any = _NO_VALUE,
         ) -> Any:
    a = as_array(a)
    axes = some_axes(axis, a.ndim)
    half = dtype is None and a.dtype == np.float16
    if dtype is None and a.dtype.kind in "biu":
        dtype = np.float64
    total = reduce_ufunc(np.add, a, axes, np.float32 if half else dtype, out, keepdims, _NO_VALUE, where)
    result = _divided(total, _count(a, axes, where, keepdims))
    return result if out is not None or not half else _as_half(result)


def _divided(total: Any, count: Any) -> Any:
    """A sum divided in place, in its own dtype: what NumPy's means and variances end with."""
    divisor = _as_divisor(count, total)
    if isinstance(total, TracedArray):
        return call(np.true_divide, (total, divisor), {"out": total, "casting": "unsafe"})
    quotient = call(np.true_divide, (total, divisor), {})
    return wrap(cast(value_of(quotient), value_of(total).dtype))


def _as_half(result: Any) -> Any:
    return call(np.astype, (result, np.float16), {}) if isinstance(result, TracedArray) else wrap(
        cast(value_of(result), np.dtype(np.float16)))


def _as_divisor(count: Any, total: Any) -> Any:
    """The count in the real dtype of the sum, so that dividing by it does not promote."""
    if isinstance(count, (TracedArray, TracedScalar)) and not isinstance(count, int):
        dtype = value_of(total).dtype
        if dtype == np.float16:  # counts go further than halves
            return count
        return call(np.asarray, (count,), {"dtype": np.empty(0, dtype).real.dtype if dtype.kind in "fc" else np.float64})
    return count


@implements(np.var)
def var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = _NO_VALUE, *,
        where: Any = _NO_VALUE, mean: Any = _NO_VALUE, correction: Any = _NO_VALUE) -> Any:
    if correction is not _NO_VALUE and not (isinstance(ddof, int) and ddof == 0):
        raise ValueError("ddof and correction can't be provided simultaneously.")
    a = as_array(a)
    axes = some_axes(axis, a.ndim)
    half = dtype is None and a.dtype == np.float16
    if dtype is None and a.dtype.kind in "biu":
        dtype = np.float64
    work = np.dtype(np.float32) if half else np.dtype(dtype) if dtype is not None else a.dtype
    count = _count(a, axes, where)
    if mean is _NO_VALUE:
        total = reduce_ufunc(np.add, a, axes, work, None, _NO_VALUE, _NO_VALUE, where)
        mean = _keep(_divided(total, count), a, axes)
    centred = call(np.subtract, (call(np.asarray, (a,), {"dtype": work}) if half else a, mean), {})
    if centred.dtype.kind == "c":
        squares = call(np.add, (call(np.square, (centred.real,), {}), call(np.square, (centred.imag,), {})), {})
    else:
        squares = call(np.square, (centred,), {})
    total = reduce_ufunc(np.add, squares, axes, None if half else dtype, out, keepdims, _NO_VALUE, where)
    freedom = _count(a, axes, where, keepdims) - (ddof if correction is _NO_VALUE else correction)
    freedom = max(freedom, 0) if isinstance(freedom, (int, float)) else call(np.maximum, (freedom, 0), {})
    result = _divided(total, freedom)
    return result if out is not None or not half else _as_half(result)


def root_of_squares(x: Any) -> Any:
    """np.sqrt of a sum of squares: a length or a spread, with derivative zero at zero."""
    root = call(np.sqrt, (x,), {})
    made = value_of(root).op
    if made is None or made.name != "sqrt" or made.result.dtype.kind == "c":
        return root
    value = tracer.emit("root_of_squares", made.operands)
    if not isinstance(root, TracedArray):
        return TracedScalar(value)
    root.view.storage.value = value
    return root


@implements(np.std)
def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = _NO_VALUE, **others: Any,
        ) -> Any:
    spread = var(a, axis, dtype, out, ddof, keepdims, **others)
    if isinstance(spread, TracedArray):
        np.sqrt.resolve_dtypes((spread.dtype, spread.dtype))  # its error, where the root does not fit into `out`
    return deliver(root_of_squares(spread), spread if isinstance(spread, TracedArray) else None)


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = _NO_VALUE) -> Any:
    greatest = reduce_ufunc(np.maximum, a, axis, None, None, keepdims)
    return deliver(call(np.subtract, (greatest, reduce_ufunc(np.minimum, a, axis, None, None, keepdims)), {}), out)


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    a = as_array(a)
    return reduce_ufunc(np.add, call(np.astype, (a, np.bool), {"copy": False}), axis, np.int64, None, keepdims)


@implements(np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return accumulate_ufunc(np.add, _at_least_1d(a), axis, dtype, out)


@implements(np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return accumulate_ufunc(np.multiply, _at_least_1d(a), axis, dtype, out)


def _at_least_1d(a: Any) -> TracedArray:
    a = as_array(a)
    return a if a.ndim else a[None]


for _name, _function in (("sum", np.sum), ("prod", np.prod), ("max", np.max), ("min", np.min), ("any", np.any), ("all", np.all),
                         ("argmax", np.argmax), ("argmin", np.argmin), ("mean", np.mean), ("var", np.var), ("std", np.std),
                         ("cumsum", np.cumsum), ("cumprod", np.cumprod)):
    alias_method(_name, _function)

