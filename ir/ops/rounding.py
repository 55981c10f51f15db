"""Rounding and the make-up of floats: floor, ceil, trunc, rint, signbit, copysign, heaviside, nextafter, spacing, ldexp,
frexp_mantissa, frexp_exponent.

Those that work on the bits of f16 do so in 16 bits, since a neighbour in f32 is not one in f16.
"""

from __future__ import annotations

import math

import numpy as np

from ..expr import Expr, bitcast, cast, op, select
from ..opdef import Complex, Missing, Sample
from ..scalar import BITS
from .families import (
    SHAPES,
    elementwise,
    evaluate_by_name,
    infer_from_loop,
    jvp_from,
    transpose_from,
    ufunc_op,
    zero_tangent,
)
from .pointwise import by_kind, is_finite, is_nan, number, scalar

_NEIGHBOURS = Missing("steps between neighbouring floats, where a derivative has no meaning")


def _rounding(ufunc: np.ufunc) -> None:
    name = ufunc.__name__
    ufunc_op(ufunc, by_kind(scalar(name), integer=lambda x: x, boolean=lambda x: x,
                            complex=lambda z: Complex(op(name, z.re), op(name, z.im))),
             zero_tangent, traits=["idempotent"])


_rounding(np.floor)
_rounding(np.ceil)
_rounding(np.trunc)
_rounding(np.rint)  # ties to even


def _bits(x: Expr) -> Expr:
    return bitcast(x, f"i{BITS[x.dtype]}")


def signbit(x: Expr) -> Expr:
    return _bits(x) < 0


ufunc_op(np.signbit, by_kind(signbit, half=signbit), zero_tangent)

ufunc_op(
    np.copysign, by_kind(scalar("copysign")),
    [lambda ctx, t, x, y, r: ctx.where(ctx.equal(ctx.signbit(x), ctx.signbit(y)), t, ctx.negative(t)), None])


def _heaviside(x: Expr, at_zero: Expr) -> Expr:
    step = select(x < 0.0, number(0.0, x), number(1.0, x))
    return select(is_nan(x), x, select(x.equals(0.0), at_zero, step))


ufunc_op(np.heaviside, by_kind(_heaviside),
         [None, lambda ctx, t, x, h, r: ctx.where(ctx.equal(x, 0), t, ctx.zeros(t.type))])


# Neighbours ------------------------------------------------------------------------------------------------------------

def _next_after(x: Expr, y: Expr) -> Expr:
    """One step from x towards y: floats of one sign are ordered as their bits."""
    bits = _bits(x)
    away = (x > 0.0) ^ (x > y)
    step = select(away, bits + 1, bits - 1)
    zero = bitcast(_bits(op("copysign", number(0.0, x), y)) | 1, x.dtype)
    moved = select(x.equals(0.0), zero, bitcast(step, x.dtype))
    return select(is_nan(x) | is_nan(y), x + y, select(x.equals(y), y, moved))


# Of two zeros nextafter is the second; in half precision NumPy returned the first before 2.5.
_HALF_TAKES_SECOND = bool(np.signbit(np.nextafter(np.float16(0.0), np.float16(-0.0))))


def _half_next_after(x: Expr, y: Expr) -> Expr:
    wide_x, wide_y = cast(x, "f32"), cast(y, "f32")
    bits = _bits(x)
    step = select((wide_x > 0.0) ^ (wide_x > wide_y), bits + 1, bits - 1)
    zero = (_bits(y) & -0x8000) | 1
    moved = bitcast(select(wide_x.equals(0.0), zero, step), "f16")
    nan = is_nan(wide_x) | is_nan(wide_y)
    same = y if _HALF_TAKES_SECOND else x
    return select(nan, cast(wide_x + wide_y, "f16"), select(wide_x.equals(wide_y), same, moved))


ufunc_op(np.nextafter, by_kind(_next_after, half=_half_next_after), _NEIGHBOURS)


def _spacing(x: Expr) -> Expr:
    """The step to the neighbour away from zero, with x's sign (positive at zeros)."""
    step = bitcast(_bits(x) + 1, x.dtype) - x
    least = bitcast(_bits(number(0.0, x)) + 1, x.dtype)
    return select(is_finite(x), select(x.equals(0.0), least, step), number(math.nan, x))


def _half_spacing(x: Expr) -> Expr:
    """In f16 NumPy takes the neighbour above, so it is always positive."""
    wide = cast(x, "f32")
    bits = _bits(x)
    above = bitcast(select(wide.equals(0.0), number(1, bits), select(wide > 0.0, bits + 1, bits - 1)), "f16")
    step = cast(above, "f32") - wide
    return cast(select(is_finite(wide), step, number(math.nan, wide)), "f16")


ufunc_op(np.spacing, by_kind(_spacing, half=_half_spacing), _NEIGHBOURS)


# Powers of two ---------------------------------------------------------------------------------------------------------

def _ldexp(x: Expr, n: Expr) -> Expr:
    bounded = op("max", op("min", n, 5000), -5000)
    return op("scalef", x, cast(bounded, x.dtype))


ufunc_op(
    np.ldexp, by_kind(_ldexp), [lambda ctx, t, x, n, r: ctx.ldexp(t, n), None],
    transpose=transpose_from(lambda ctx, ct, x, n: ctx.ldexp(ct, n), None),
    dtypes=("f16", "f32", "f64"),
    samples=tuple(Sample((s, s), dtypes=(None, d)) for s in SHAPES for d in ("i32", "i64")))


def _split(x: Expr) -> tuple[Expr, Expr, Expr]:
    """Of finite nonzero x: bits of the scaled x (subnormals made normal), and its exponent with 0.5 <= |m| < 1."""
    stored, bias, fraction = (8, 126, 23) if x.dtype == "f32" else (11, 1022, 52)
    lift = 2 * fraction
    small = op("abs", x) < 2.0 ** (1 - bias)
    bits = _bits(select(small, x * 2.0**lift, x))
    mask = (1 << stored) - 1
    exponent = ((bits >> fraction) & mask) - select(small, number(bias + lift, bits), number(bias, bits))
    mantissa = (bits & ~(mask << fraction)) | (bias << fraction)
    plain = is_finite(x) & x.differs(0.0)
    return plain, bitcast(mantissa, x.dtype), exponent


def _mantissa(x: Expr) -> Expr:
    plain, mantissa, _ = _split(x)
    return select(plain, mantissa, x)


def _exponent(x: Expr) -> Expr:
    plain, _, exponent = _split(x)
    return cast(select(plain, exponent, 0), "i32")


elementwise(
    "frexp_mantissa", 1, infer=infer_from_loop(np.frexp), evaluate=evaluate_by_name("frexp", 0), lower=by_kind(_mantissa),
    jvp=jvp_from([lambda ctx, t, x, m: ctx.ldexp(t, ctx.negative(ctx.frexp_exponent(x)))]), dtypes=("f16", "f32", "f64"),
    doc="The first result of np.frexp.")
elementwise(
    "frexp_exponent", 1, infer=infer_from_loop(np.frexp, 1), evaluate=evaluate_by_name("frexp", 1),
    lower=by_kind(_exponent), jvp=zero_tangent, dtypes=("f16", "f32", "f64"), doc="The second result of np.frexp.")
