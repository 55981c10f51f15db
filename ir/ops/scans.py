"""Cumulative ops along one axis: `cumsum`, `cumprod`, `cummax`, `cummin`, `cumand`, `cumor`, `cumxor`, `linear_recurrence`.

Attributes: `axis`; `reverse` runs from the end; with `exclusive` an element is the combination of those before it (after
it, in reverse) without itself, beginning with the neutral element.  The dtype is the operand's.  Elements are combined in
order, as `ufunc.accumulate` does, so results are NumPy's to the bit.

`linear_recurrence(a, b)`: h[k] = a[k] * h[k-1] + b[k] from zero; `exclusive` gives h[k-1].  It is what derivatives of scans
are made of, right also where elements are zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..builder import Builder
from ..expr import Expr, const, select
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..opdef import Complex, Linear, LowerContext, Missing, OpDef, Sample, Scalar, Statements, register
from ..scalar import scalar_type
from ..types import Dim, Type, same_dims
from .reductions import INTEGERS, highest, lowest, takes_over
from .shaping import (
    ALL_DTYPES,
    INEXACT,
    NUMBERS,
    Terms,
    add_scalars,
    array_type,
    batched,
    check_axes,
    iota,
    loop_nest,
    multiply_scalars,
    no_tangent,
    or_zeros,
    real,
)

Combine = Callable[[Scalar, Scalar], Scalar]

_NOT_LINEAR = Missing("not linear")


def _infer(operands: list[Value], attrs: dict) -> list[Type]:
    type_ = array_type(operands[0])
    check_axes([attrs["axis"]], type_.rank)
    for x in operands[1:]:
        if x.dtype != type_.dtype or not same_dims(x.dims, type_.dims):
            raise TypeError(f"operands differ in type: {type_} and {x.type}")
    return [type_]


def _batch(name: str) -> Callable[..., list[Value]]:
    def batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
        values = [batched(ctx, x, f, size) for x, f in zip(operands, flags, strict=True)]
        return ctx.emit(name, values, {**attrs, "axis": attrs["axis"] + 1})

    return batch


# --- lowering ----------------------------------------------------------------------------------------------------------


def _parts(x: Scalar) -> tuple[Expr, ...]:
    return tuple(x) if isinstance(x, Complex) else (x,)


def _whole(parts: Sequence[Expr]) -> Scalar:
    return parts[0] if len(parts) == 1 else Complex(*parts)


def _choose(condition: Expr, a: Scalar, b: Scalar) -> Scalar:
    return _whole([select(condition, x, y) for x, y in zip(_parts(a), _parts(b), strict=True)])


def lower_scan(ctx: LowerContext, op: Op, start: Scalar, step: Callable[[Scalar, tuple[Expr, ...]], Scalar],
               special: Callable[[tuple[Expr, ...]], Scalar] | None) -> None:
    """Fill ctx.out() by state = step(state, index) along the axis; the state at the first index is special(index), or,
    where `start` is neutral, step(start, index).

    Along the last axis the state is carried in scalars, line after line; else whole rows follow one another, each made
    from the one before, so that memory runs contiguously either way.
    """
    axis, reverse, exclusive = op.attrs["axis"], op.attrs["reverse"], op.attrs["exclusive"]
    extents = ctx.dims(op.result)
    n = extents[axis]

    def first(index: tuple[Expr, ...]) -> Scalar:
        return special(index) if special is not None else step(start, index)

    def at(outer: Sequence[Expr], k: Expr | int, inner: Sequence[Expr]) -> tuple[Expr, ...]:
        k = k if isinstance(k, Expr) else const(k)
        return (*outer, n - 1 - k if reverse else k, *inner)

    if axis == len(extents) - 1:
        with loop_nest(ctx, extents[:axis]) as outer:
            def body(k: Expr, state: tuple[Expr, ...]) -> tuple[Expr, ...]:
                index = at(outer, k, ())
                new = step(_whole(state), index)
                new = ctx.let(new if special is None else _choose(k.equals(0), special(index), new))
                ctx.store(ctx.out(), index, _whole(state) if exclusive else new)
                return _parts(new)

            ctx.carry(0, n, _parts(start), body)
        return
    with loop_nest(ctx, extents[:axis]) as outer:
        with ctx.branch(n > 0), loop_nest(ctx, extents[axis + 1:]) as inner:
            index = at(outer, 0, inner)
            ctx.store(ctx.out(), index, start if exclusive else first(index))
        with ctx.loop(1, n, "seq") as k, loop_nest(ctx, extents[axis + 1:]) as inner:
            state = ctx.load(ctx.out(), at(outer, k - 1, inner))
            ctx.store(ctx.out(), at(outer, k, inner), _next_row(state, step, first, at, outer, k, inner, exclusive))


def _next_row(state: Scalar, step: Callable, first: Callable, at: Callable, outer: Sequence[Expr], k: Expr,
              inner: Sequence[Expr], exclusive: bool) -> Scalar:
    if not exclusive:
        return step(state, at(outer, k, inner))
    before = at(outer, k - 1, inner)
    return _choose(k.equals(1), first(before), step(state, before))


def _lower_cumulative(combine: Combine, neutral: Callable[[str], int | float]) -> Statements:
    def lower(ctx: LowerContext, op: Op) -> None:
        dtype = op.result.dtype
        scalar = scalar_type(dtype)
        start: Scalar = const(neutral(scalar), scalar)
        if dtype.kind == "c":
            start = Complex(real(start), const(0 if neutral(scalar) == 1 else neutral(scalar), scalar))
        # A complex product with the neutral element may make a NaN of an infinity, so the first element is taken as it is.
        special = (lambda i: ctx.read(0, i)) if dtype.kind == "c" else None
        lower_scan(ctx, op, start, lambda state, i: combine(state, ctx.read(0, i)), special)

    return Statements(lower, reads_once=True)


# --- the family --------------------------------------------------------------------------------------------------------


def _flip(x: Any, axis: int) -> Any:
    return x[(slice(None),) * axis + (slice(None, None, -1),)]


def _shifted(xp: Any, h: Any, axis: int, start: Any) -> Any:
    """h one place later, beginning with `start`."""
    out = xp.full(h.shape, start, h.dtype)
    lead = (slice(None),) * axis
    out[(*lead, slice(1, None))] = h[(*lead, slice(None, -1))]
    return out


def _evaluate(ufunc: np.ufunc, neutral: Callable[[str], int | float]) -> Callable[..., list]:
    def evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
        x, axis = operands[0], attrs["axis"]
        h = getattr(xp, ufunc.__name__).accumulate(_flip(x, axis) if attrs["reverse"] else x, axis=axis, dtype=x.dtype)
        if attrs["exclusive"]:
            h = _shifted(xp, h, axis, _neutral_element(x.dtype, neutral))
        return [_flip(h, axis) if attrs["reverse"] else h]

    return evaluate


def _neutral_element(dtype: np.dtype, neutral: Callable[[str], int | float]) -> Any:
    value = neutral(scalar_type(dtype))
    if dtype.kind == "c":
        return dtype.type(complex(value, 0 if value == 1 else value))
    return np.asarray(value).astype(dtype)[()]


_SHAPES = (((5,), 0), ((3, 4), 1), ((3, 4), 0), ((2, 3, 2), 1), ((0, 3), 0), ((3, 0), 0), ((1,), 0))
_SAMPLES = tuple(Sample((shape,), {"axis": axis, "reverse": reverse, "exclusive": exclusive})
                 for shape, axis in _SHAPES
                 for reverse, exclusive in ((False, False), (True, False), (False, True), (True, True)))


def _cumulative(name: str, ufunc: np.ufunc, combine: Combine, neutral: Callable[[str], int | float], jvp: Callable,
                dtypes: tuple[str, ...], numpy: tuple[Callable, ...] = (), **more: Any) -> None:
    register(OpDef(
        name, _infer, _evaluate(ufunc, neutral), _lower_cumulative(combine, neutral), jvp,
        more.pop("transpose", _NOT_LINEAR), _batch(name), attrs=("axis", "reverse", "exclusive"), dtypes=dtypes,
        numpy=(*numpy, ufunc.accumulate), samples=_SAMPLES, doc=f"np.{ufunc.__name__}.accumulate along `axis`.", **more))


def _jvp_cumsum(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    t = tangents[0]
    return [None if t is None else ctx.emit("cumsum", [t], attrs)[0]]


def _transpose_cumsum(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g = cotangents[0]
    return [None if g is None else ctx.emit("cumsum", [g], {**attrs, "reverse": not attrs["reverse"]})[0]]


def _jvp_cumprod(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    x, t = primals[0], tangents[0]
    if t is None:
        return [None]
    before = ctx.emit("cumprod", [x], {**attrs, "exclusive": True})[0]
    return ctx.emit("linear_recurrence", [x, ctx.multiply(t, before)], attrs)  # type: ignore[return-value]


def _jvp_extreme(name: str, beyond: str) -> Callable[..., Terms]:
    """The tangent of the element that is attained; of an equal pair, half of each."""

    def jvp(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
        x, t, axis = primals[0], tangents[0], attrs["axis"]
        if t is None:
            return [None]
        before = ctx.emit(name, [x], {**attrs, "exclusive": True})[0]
        zero, one, half = (ctx.full(v, x.type) for v in (0, 1, 0.5))
        keeps = ctx.where(ctx.equal(before, x), half, ctx.where(getattr(ctx, beyond)(before, x), one, zero))
        keeps = ctx.where(ctx.isnan(before), one, keeps)
        # The first element has none before it.
        place = iota(ctx, x.dims, axis)
        if attrs["reverse"]:
            place = ctx.emit("cumsum", [ctx.full(1, place.type)], {"axis": axis, "reverse": True, "exclusive": True})[0]
        keeps = ctx.where(ctx.equal(place, 0), zero, keeps)
        return ctx.emit("linear_recurrence", [keeps, ctx.multiply(ctx.subtract(one, keeps), t)], attrs)  # type: ignore

    return jvp


def _extreme(combine: str, truth: str, compare: str) -> Combine:
    def scalars(state: Scalar, x: Scalar) -> Scalar:
        if isinstance(x, Complex):
            return _choose(takes_over(x, state, compare), x, state)
        assert isinstance(state, Expr)
        return scalar_op(truth if x.dtype == "i1" else combine, state, x)

    return scalars


def _bitwise(name: str) -> Combine:
    return lambda state, x: scalar_op(name, state, x)  # type: ignore[arg-type]


# -0.0 is the neutral element of IEEE addition: 0.0 + -0.0 would lose the sign.
_cumulative("cumsum", np.add, add_scalars, lambda s: -0.0 if s[0] == "f" else 0, _jvp_cumsum, NUMBERS, (np.cumsum,),
            transpose=_transpose_cumsum, traits=frozenset({"linear"}))
_cumulative("cumprod", np.multiply, multiply_scalars, lambda s: 1, _jvp_cumprod, NUMBERS, (np.cumprod,))
_cumulative("cummax", np.maximum, _extreme("max", "or", "gt"), lowest, _jvp_extreme("cummax", "greater"), ALL_DTYPES)
_cumulative("cummin", np.minimum, _extreme("min", "and", "lt"), highest, _jvp_extreme("cummin", "less"), ALL_DTYPES)
_cumulative("cumand", np.bitwise_and, _bitwise("and"), lambda s: (1 << int(s[1:])) - 1 if s[0] == "u" else -1, no_tangent,
            ("bool", *INTEGERS), (np.logical_and.accumulate,))
_cumulative("cumor", np.bitwise_or, _bitwise("or"), lambda s: 0, no_tangent, ("bool", *INTEGERS), (np.logical_or.accumulate,))
_cumulative("cumxor", np.bitwise_xor, _bitwise("xor"), lambda s: 0, no_tangent, ("bool", *INTEGERS),
            (np.logical_xor.accumulate,))

# --- linear_recurrence -------------------------------------------------------------------------------------------------


def _evaluate_recurrence(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    axis = attrs["axis"]
    a, b = (_flip(v, axis) if attrs["reverse"] else v for v in operands)
    h = xp.array(b)
    lead = (slice(None),) * axis
    for k in range(1, h.shape[axis]):
        h[(*lead, k)] = a[(*lead, k)] * h[(*lead, k - 1)] + b[(*lead, k)]
    if attrs["exclusive"]:
        h = _shifted(xp, h, axis, 0)
    return [_flip(h, axis) if attrs["reverse"] else h]


def _lower_recurrence(ctx: LowerContext, op: Op) -> None:
    zero = const(0, scalar_type(op.result.dtype))
    start: Scalar = Complex(zero, zero) if op.result.dtype.kind == "c" else zero
    lower_scan(ctx, op, start,
               lambda state, i: add_scalars(multiply_scalars(ctx.read(0, i), state), ctx.read(1, i)),
               lambda i: ctx.read(1, i))


def _jvp_recurrence(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value],
                    attrs: dict) -> Terms:
    (a, b), (da, db) = primals, tangents
    if da is None and db is None:
        return [None]
    term = or_zeros(ctx, db, b)
    if da is not None:
        before = ctx.emit("linear_recurrence", [a, b], {**attrs, "exclusive": True})[0]
        term = ctx.add(term, ctx.multiply(da, before))
    return ctx.emit("linear_recurrence", [a, term], attrs)  # type: ignore[return-value]


def _transpose_recurrence(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    """The cotangents of b obey G[k] = g[k] + a[k+1] * G[k+1]; with F[k] = a[k] * G[k] that is a recurrence again."""
    g, a = cotangents[0], operands[0]
    if isinstance(a, Linear):
        raise TypeError("linear_recurrence is linear in its second operand only")
    if g is None:
        return [None, None]
    back = {**attrs, "reverse": not attrs["reverse"], "exclusive": True}
    if attrs["exclusive"]:
        return [None, ctx.emit("linear_recurrence", [a, g], back)[0]]
    return [None, ctx.add(g, ctx.emit("linear_recurrence", [a, ctx.multiply(a, g)], back)[0])]


register(OpDef(
    "linear_recurrence", _infer, _evaluate_recurrence, Statements(_lower_recurrence, reads_once=True), _jvp_recurrence,
    _transpose_recurrence, _batch("linear_recurrence"), attrs=("axis", "reverse", "exclusive"), dtypes=INEXACT,
    samples=tuple(Sample((shape, shape), attrs=s.attrs) for s in _SAMPLES for shape in s.shapes),
    doc="h[k] = a[k] * h[k-1] + b[k] along `axis`, from zero."))
