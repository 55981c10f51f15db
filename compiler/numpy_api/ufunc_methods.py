"""The methods reduce, accumulate, reduceat and at of any ufunc: loops over the ufunc itself.

`numpy_api.reductions` comes first: sums, products, extremes and logic have ops of their own.  Here an axis is walked by a
`for` region whose body is the ufunc, in NumPy's order; `ufunc_chains.py` says where NumPy's own loop does it.  Which dtype
it runs in is asked of NumPy (`working_dtype`).  Errors that depend on the ufunc alone are raised by NumPy on an empty array
(`refuse_as_numpy`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...ir.graph import Block, Value
from ...ir.types import PY_INT, ArrayType, Dim
from .. import dispatch, tracer
from ..advanced import Selection, select
from ..arrays import TracedArray, as_array, check_writeable, deliver, operand, value_of, wrap
from ..compaction import size_of
from ..indexing import Indices, basic_view, parse
from ..memory_order import keep_order
from ..staging import inside
from ..values import broadcast, cast, check_dtype, fits, shape_text
from ..views import reshape_value
from .axes import one_axis
from .ufunc_chains import chained, is_long, with_exponents

INT64 = np.dtype(np.int64)
# Ufuncs whose elements may be combined in any order, and so over several axes; the others refuse more than one.
_REORDERABLE = (np.fmax, np.fmin, np.gcd, np.hypot, np.logaddexp, np.logaddexp2)


def working_dtype(ufunc: np.ufunc, given: np.dtype, dtype: Any, out: np.dtype | None = None) -> np.dtype:
    """The dtype that a reduction by `ufunc` computes in; NumPy's error if there is none."""
    signature = {} if dtype is None else {"signature": (np.dtype(dtype), None, None)}
    loop = ufunc.resolve_dtypes((out, given, None), casting="unsafe", reduction=True, **signature)
    return check_dtype(loop[0])


def refuse_as_numpy(ufunc: np.ufunc, method: str, a: TracedArray, *rest: Any) -> None:
    """Raise what NumPy raises for this method of this ufunc, whatever the elements."""
    if ufunc.nin != 2 or ufunc.nout != 1 or ufunc.signature is not None:
        getattr(ufunc, method)(np.empty((0,) * a.ndim, a.dtype), *rest)


def apply(ufunc: np.ufunc, *values: Value) -> Value:
    """ufunc(*values), of the first value's dtype."""
    return cast(value_of(dispatch.call(ufunc, tuple(wrap(v) for v in values), {})), values[0].dtype)


@contextmanager
def _region() -> Any:
    """A region's block to emit into; arrays made there are gone afterwards."""
    storages = tracer.current().storages
    count, block = len(storages), Block()
    with inside(block):
        yield block
    del storages[count:]


def each(start: Any, stop: Any, initial: Sequence[Value], body: Callable[[Value, list[Value]], Sequence[Value]]) -> list[Value]:
    """for i in range(start, stop): state = body(i, state); the last state. i is an int64 of rank 0."""
    with _region() as block:
        index = block.add_arg(PY_INT)
        state = [block.add_arg(v.type) for v in initial]
        block.yields = list(body(tracer.emit("cast", [index], dtype="i64"), state))
    bounds = [tracer.constant(b) if isinstance(b, int) else tracer.emit("cast", [b], dtype="py.int") if b.type != PY_INT else b
              for b in (start, stop, 1)]
    return tracer.current().builder.emit("for", [*bounds, *initial], {}, [block], loc=tracer.here())


def _taken(x: Value, index: Value, axis: int) -> Value:
    """x[..., index, ...], the index being in range."""
    return tracer.emit("gather", [x, index], axes=(axis,), position=axis)


def _placed(x: Value, new: Value, index: Value, axis: int) -> Value:
    return tracer.emit("scatter", [x, new, index], axes=(axis,), position=axis, unique=True)


def _int64(k: int) -> Value:
    return tracer.constant(np.int64(k))


# reduce ----------------------------------------------------------------------------------------------------------------


def fold(ufunc: np.ufunc, x: Value, axes: Sequence[int], initial: Value | None, mask: Value | None) -> Value:
    """The reduction over `axes`, from `initial` (None: from the first element), of what the mask picks."""
    if len(axes) != 1:
        x, mask = (None if v is None else _joined(v, axes) for v in (x, mask))  # type: ignore[assignment]
        axes = (0,)
    assert x is not None
    (axis,) = axes
    if mask is None and is_long(ufunc, "reduce", x, axis):
        x = with_exponents(ufunc, x, axis, 1 if initial is None else 0)
        operands = [x] if initial is None else [x, initial]
        return chained("reduce", ufunc, axis, operands, lambda: _folded(ufunc, x, axis, initial, None))
    return _folded(ufunc, x, axis, initial, mask)


def _folded(ufunc: np.ufunc, x: Value, axis: int, initial: Value | None, mask: Value | None) -> Value:
    start = 0 if initial is not None else 1
    state = _taken(x, _int64(0), axis) if initial is None else initial

    def step(i: Value, state: list[Value]) -> list[Value]:
        new = apply(ufunc, state[0], _taken(x, i, axis))
        return [new if mask is None else tracer.emit("where", [_taken(mask, i, axis), new, state[0]])]

    return each(start, x.dims[axis], [state], step)[0]


def _joined(x: Value, axes: Sequence[int]) -> Value:
    """The axes as one, in front."""
    kept = [k for k in range(len(x.dims)) if k not in axes]
    moved = tracer.emit("transpose", [x], axes=(*axes, *kept)) if axes else x
    return reshape_value(moved, (int(np.prod([tracer.static_extent(x.dims[k], "a reduction over several axes") for k in axes])),
                                 *(x.dims[k] for k in kept)))


def generic_reduce(ufunc: np.ufunc, a: TracedArray, axes: Sequence[int], dtype: Any, out: np.dtype | None, initial: Any,
                   mask: Value | None) -> Value:
    """The reduced value of ufunc.reduce over `axes`; `initial` is None if none is given."""
    kind = working_dtype(ufunc, a.dtype, dtype, out)
    if len(axes) > 1 and ufunc not in _REORDERABLE:
        ufunc.reduce(np.ones((2,) * a.ndim, kind), axis=tuple(axes))  # raises NumPy's error
    x = cast(a.view.read(), kind)
    if initial is None and ufunc in _REORDERABLE and ufunc.identity is not None:
        initial = ufunc.reduce(np.empty(0, kind))  # hypot and gcd make even a single element positive
    if not axes and initial is None:
        return x
    if mask is not None and initial is None and ufunc.identity is None:
        raise ValueError(f"reduction operation '{ufunc.__name__}' does not have an identity, so to use a where mask one has "
                         "to specify 'initial'")
    rest = tuple(d for k, d in enumerate(x.dims) if k not in axes)
    empty = any(isinstance(x.dims[k], int) and x.dims[k] == 0 for k in axes)
    if initial is None and (empty or mask is not None):
        initial = ufunc.reduce(np.empty(0, kind)) if empty or ufunc.identity is not None else None
    begin = None if initial is None else broadcast(value_of(initial, kind), rest)
    if empty and begin is not None:
        return begin
    plain = mask is None and axes and kind.kind in "biuf" and (begin is None or ufunc is not np.subtract)
    direct = _DIRECT.get(ufunc) if plain else None
    if direct is None:
        return fold(ufunc, x, axes, begin, mask)
    found = direct(ufunc, *_unravelled(ufunc, x, axes))
    return found if begin is None else apply(ufunc, begin, found)


# Reductions that other reductions make, in vectors and on threads; axes are not empty and neither are their extents.

def _unravelled(ufunc: np.ufunc, x: Value, axes: Sequence[int]) -> tuple[Value, Sequence[int]]:
    """The array that x ravels, if all of it is reduced and which element is the first does not matter: it is read as it lies."""
    if ufunc is np.subtract and x.dtype.kind == "f":
        return x, axes
    while x.op is not None and x.op.name == "reshape" and len(axes) == len(x.dims):
        x = x.op.operands[0]
        axes = tuple(range(len(x.dims)))
    return x, axes


def _without_nan(ufunc: np.ufunc, x: Value, axes: Sequence[int]) -> Value:
    """fmax and fmin: the extreme of what is a number, NaN if nothing is."""
    kind = ufunc.__name__ if x.dtype.kind == "f" else ufunc.__name__[1:]
    return tracer.emit(f"reduce_{kind}", [x], axes=tuple(axes))


def _difference(ufunc: np.ufunc, x: Value, axes: Sequence[int]) -> Value:
    """The first less the sum of the others; of whole numbers, which wrap, twice the first less the sum of all."""
    if x.dtype.kind in "iu":
        first = x
        for axis in reversed(axes):
            first = _taken(first, _int64(0), axis)
        return tracer.emit("subtract", [tracer.emit("add", [first, first]), tracer.emit("reduce_sum", [x], axes=tuple(axes))])
    (axis,) = axes
    return tracer.emit("subtract", [_taken(x, _int64(0), axis), _sum_of_rest(x, axis)])


def _sum_of_rest(x: Value, axis: int) -> Value:
    a = wrap(x)
    rest = a[(slice(None),) * axis + (slice(1, None),)]
    return tracer.emit("reduce_sum", [value_of(rest)], axes=(axis,))


def _log_of_sum(ufunc: np.ufunc, x: Value, axes: Sequence[int]) -> Value:
    """max + log(sum(exp(x - max)))"""
    power, logarithm = ("exp", "log") if ufunc is np.logaddexp else ("exp2", "log2")
    greatest = tracer.emit("reduce_max", [x], axes=tuple(axes))
    shift = tracer.emit("where", [tracer.emit("isfinite", [greatest]), greatest, tracer.builder().zeros(greatest.type)])
    ones = tuple(1 if k in axes else d for k, d in enumerate(x.dims))
    terms = tracer.emit(power, [tracer.emit("subtract", [x, broadcast(reshape_value(shift, ones), x.dims)])])
    return tracer.emit("add", [tracer.emit(logarithm, [tracer.emit("reduce_sum", [terms], axes=tuple(axes))]), shift])


_DIRECT: dict[np.ufunc, Callable[[np.ufunc, Value, Sequence[int]], Value]] = {
    np.fmax: _without_nan, np.fmin: _without_nan, np.subtract: _difference, np.logaddexp: _log_of_sum,
    np.logaddexp2: _log_of_sum}


# accumulate, reduceat --------------------------------------------------------------------------------------------------


def generic_accumulate(ufunc: np.ufunc, a: TracedArray, axis: int, dtype: Any, out: np.dtype | None) -> Value:
    """ufunc.accumulate along `axis`."""
    ufunc.accumulate(np.empty(0, a.dtype), dtype=dtype, out=None if out is None else np.empty(0, out))  # raises NumPy's error
    x = cast(a.view.read(), working_dtype(ufunc, a.dtype, dtype, out))
    if any(isinstance(d, int) and d == 0 for d in x.dims):
        return x
    if is_long(ufunc, "accumulate", x, axis):
        x = with_exponents(ufunc, x, axis, 1)
        return chained("accumulate", ufunc, axis, [x], lambda: _accumulated(ufunc, x, axis))
    return _accumulated(ufunc, x, axis)


def _accumulated(ufunc: np.ufunc, x: Value, axis: int) -> Value:
    def step(i: Value, state: list[Value]) -> list[Value]:
        total, done = state
        total = apply(ufunc, total, _taken(x, i, axis))
        return [total, _placed(done, total, i, axis)]

    if axis and axis == len(x.dims) - 1:
        return _accumulated_lines(ufunc, x)
    return each(1, x.dims[axis], [_taken(x, _int64(0), axis), x], step)[1]


def _accumulated_lines(ufunc: np.ufunc, x: Value) -> Value:
    """Along the last axis: line after line, so that memory is walked in order."""
    count, length = int(np.prod([tracer.static_extent(d, "accumulate") for d in x.dims[:-1]])), x.dims[-1]
    lines = reshape_value(x, (count, length))

    def line(j: Value, state: list[Value]) -> list[Value]:
        def step(i: Value, inner: list[Value]) -> list[Value]:
            element = tracer.emit("gather", [lines, j, i], axes=(0, 1), position=0)
            total = apply(ufunc, inner[0], element)
            return [total, tracer.emit("scatter", [inner[1], total, j, i], axes=(0, 1), position=0, unique=True)]

        first = tracer.emit("gather", [lines, j, _int64(0)], axes=(0, 1), position=0)
        return [each(1, length, [first, state[0]], step)[1]]

    return reshape_value(each(0, count, [lines], line)[0], x.dims)


def implement_reduceat(ufunc: np.ufunc) -> None:
    @dispatch.implements((ufunc, "reduceat"))
    def reduceat(array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        a, out = as_array(array), None if out is Ellipsis else out  # its results are arrays anyway
        refuse_as_numpy(ufunc, "reduceat", a, [0])
        if not a.ndim:
            raise TypeError("cannot reduceat on a scalar")
        k = one_axis(axis, a.ndim)
        out = out[0] if isinstance(out, tuple) else out
        where = _checked_indices(ufunc, indices, a.view.dims[k])
        x = cast(a.view.read(), working_dtype(ufunc, a.dtype, dtype, None if out is None else out.dtype))
        if is_long(ufunc, "reduceat", x, k) and where.dims != (0,):
            found = chained("reduceat", ufunc, k, [x, where], lambda: _reduced_at(ufunc, x, where, k))
        else:
            found = _reduced_at(ufunc, x, where, k)
        return deliver(wrap(found, _memory_order(a)), out, "unsafe")


def _memory_order(a: TracedArray) -> tuple[int, ...] | None:
    return keep_order([(a.view.dims, a.view.strides)], a.view.dims)


def _checked_indices(ufunc: np.ufunc, indices: Any, extent: Dim) -> Value:
    """The indices, or IndexError for the first that is out of range."""
    known = [] if isinstance(indices, TracedArray) or not isinstance(extent, int) else np.ravel(indices).tolist()
    for i in known:
        if isinstance(i, int) and not 0 <= i < extent:  # type: ignore[operator]
            raise IndexError(f"index {i} out-of-bounds in {ufunc.__name__}.reduceat [0, {extent})")
    where = as_array(indices, INT64).view.read()
    if len(where.dims) != 1:
        raise ValueError("reduceat takes a vector of indices")
    if isinstance(where.dims[0], int) and where.dims[0] == 0:
        return where
    length = _int64(extent) if isinstance(extent, int) else cast(extent, INT64)
    bad = tracer.emit("logical_or", [tracer.emit("less", [where, tracer.builder().zeros(where.type)]),
                                     tracer.emit("greater_equal", [where, broadcast(length, where.dims)])])
    first = _taken(where, tracer.emit("argmax", [bad], axes=(0,)), 0)
    fine = tracer.emit("logical_not", [tracer.emit("reduce_or", [bad], axes=(0,))])
    return tracer.emit("check", [where, fine, first, length], exception="IndexError",
                       message=f"index {{0}} out-of-bounds in {ufunc.__name__}.reduceat [0, {{1}})")


def _reduced_at(ufunc: np.ufunc, x: Value, where: Value, axis: int) -> Value:
    """Per index the reduction up to the next one, or the element there if that is not beyond."""
    count, extent = where.dims[0], x.dims[axis]
    ends = broadcast(_int64(extent) if isinstance(extent, int) else cast(extent, INT64), (1,))
    dims = (*x.dims[:axis], count, *x.dims[axis + 1:])
    result = tracer.builder().zeros(ArrayType(x.dtype, dims))
    if isinstance(count, int) and count == 0:
        return result
    ends = value_of(dispatch.call(np.concatenate, ((wrap(where), wrap(ends)),), {}))

    def segment(j: Value, state: list[Value]) -> list[Value]:
        first = _taken(where, j, 0)
        after = tracer.emit("add", [first, _int64(1)])
        stop = _taken(ends, tracer.emit("add", [j, _int64(1)]), 0)
        total = each(after, stop, [_taken(x, first, axis)],
                     lambda i, inner: [apply(ufunc, inner[0], _taken(x, i, axis))])[0]
        return [_placed(state[0], total, j, axis)]

    return each(0, count, [result], segment)[0]


# at --------------------------------------------------------------------------------------------------------------------


def implement_at(ufunc: np.ufunc) -> None:
    if (ufunc, "at") in dispatch.FUNCTIONS:
        return

    @dispatch.implements((ufunc, "at"))
    def at(a: Any, indices: Any, *b: Any) -> None:
        if not isinstance(a, TracedArray):
            raise TypeError("first operand must be array")
        if ufunc.nout != 1 or ufunc.signature is not None or len(b) != ufunc.nin - 1:
            ufunc.at(np.zeros(1), [0], *[1 for _ in b])  # raises NumPy's error
        check_writeable(a.view, "assignment destination is read-only")
        combine_in_order(ufunc, a, indices, b)


@dispatch.implements(("ufunc", "at"))
def combine_in_order(ufunc: np.ufunc, a: TracedArray, indices: Any, b: Sequence[Any]) -> None:
    """a[i] = ufunc(a[i], b) for one index after the other, each step rounded to a's dtype."""
    items = parse(indices, a.view.dims)
    others = [operand(x) for x in b]
    _check_loop(ufunc, a, others)
    if not any(isinstance(i, Indices) for i in items):
        target = TracedArray(basic_view(a.view, items))
        dispatch.call(ufunc, (target, *others), {"out": (target,), "casting": "unsafe"})
        return
    found = select(a, items)
    values = [_spread(value_of(x), found) for x in others]
    view = found.view
    view.write(_in_order(ufunc, found, view.read(), values))


def _check_loop(ufunc: np.ufunc, a: TracedArray, others: Sequence[Any]) -> None:
    ufunc.resolve_dtypes((a.dtype, *(value_of(x).dtype for x in others), None))


def _spread(v: Value, found: Selection) -> Value:
    if not fits(v.dims, found.dims):
        raise ValueError(f"shape mismatch: value array of shape {shape_text(v.dims)} could not be broadcast to indexing "
                         f"result of shape {shape_text(found.dims)}")
    return broadcast(v, found.dims)


def _in_order(ufunc: np.ufunc, found: Selection, base: Value, values: Sequence[Value]) -> Value:
    """The indexed extents as one, walked in C order."""
    extents, place = found.indices[0].dims, found.position
    count = size_of(extents)
    indices = [reshape_value(v, (count,)) for v in found.indices]
    flat = [reshape_value(v, (*v.dims[:place], count, *v.dims[place + len(extents):])) for v in values]
    if len(base.dims) == len(indices) == len(flat) == 1 and flat[0].dtype == base.dtype and is_long(ufunc, "at", base, 0):
        exponents = with_exponents(ufunc, flat[0], 0, 0)
        return chained("at", ufunc, 0, [base, indices[0], exponents], lambda: _one_by_one(ufunc, found, base, indices, [exponents]))
    return _one_by_one(ufunc, found, base, indices, flat)


def _one_by_one(ufunc: np.ufunc, found: Selection, base: Value, indices: Sequence[Value], flat: Sequence[Value]) -> Value:
    place, count = found.position, indices[0].dims[0]

    def step(i: Value, state: list[Value]) -> list[Value]:
        where = [_taken(v, i, 0) for v in indices]
        old = tracer.emit("gather", [state[0], *where], axes=found.axes, position=place)
        new = apply(ufunc, old, *(_taken(v, i, place) for v in flat))
        return [tracer.emit("scatter", [state[0], new, *where], axes=found.axes, position=place, unique=True)]

    return each(0, count, [base], step)[0]


for _ufunc in {f for f in vars(np).values() if isinstance(f, np.ufunc)}:
    implement_reduceat(_ufunc)
    implement_at(_ufunc)
