"""Exponentials, logarithms, trigonometric and hyperbolic functions: exp, exp2, expm1, log, log2, log10, log1p, logaddexp,
logaddexp2, sin, cos, tan, arcsin, arccos, arctan, arctan2, sinh, cosh, tanh, arcsinh, arccosh, arctanh, deg2rad, rad2deg.

Each row: the scalar operation, the complex formula, the derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..builder import Builder
from ..expr import Expr, op, select
from ..graph import Value
from ..opdef import Complex
from . import complex_formulas, complex_trigonometry
from .families import Partial, transpose_from, ufunc_op
from .pointwise import by_kind, number, scalar

LN2 = math.log(2.0)
LN10 = math.log(10.0)


def _function(ufunc: np.ufunc, name: str, complex: Callable[[Complex], Complex], partial: Partial,
              domain: tuple[float, float] = (-3.0, 3.0)) -> None:
    ufunc_op(ufunc, by_kind(scalar(name), complex=complex), [partial], domain=domain)


# Exponentials and logarithms -------------------------------------------------------------------------------------------

_function(np.exp, "exp", complex_formulas.exponential, lambda ctx, t, x, y: ctx.multiply(t, y))
_function(np.exp2, "exp2", complex_trigonometry.exponential2, lambda ctx, t, x, y: ctx.multiply(t, ctx.multiply(y, LN2)))
_function(np.expm1, "expm1", complex_trigonometry.exponential_minus_1,
          lambda ctx, t, x, y: ctx.multiply(t, ctx.add(y, 1)))
_function(np.log, "log", complex_formulas.logarithm, lambda ctx, t, x, y: ctx.divide(t, x), (0.1, 5.0))
_function(np.log2, "log2", lambda z: complex_formulas.scale(complex_formulas.logarithm(z), 1 / LN2),
          lambda ctx, t, x, y: ctx.divide(t, ctx.multiply(x, LN2)), (0.1, 5.0))
_function(np.log10, "log10", lambda z: complex_formulas.scale(complex_formulas.logarithm(z), 1 / LN10),
          lambda ctx, t, x, y: ctx.divide(t, ctx.multiply(x, LN10)), (0.1, 5.0))
_function(np.log1p, "log1p", complex_trigonometry.logarithm_plus_1,
          lambda ctx, t, x, y: ctx.divide(t, ctx.add(x, 1)), (-0.5, 5.0))


def _logaddexp(unit: float, correction: Callable[[Expr], Expr]) -> Callable[[Expr, Expr], Expr]:
    """max + correction(-|difference|); the sum of equals, infinities included, is one unit more."""

    def formula(x: Expr, y: Expr) -> Expr:
        difference = x - y
        above = x + correction(-difference)
        below = y + correction(difference)
        unequal = select(difference > 0.0, above, select(difference <= 0.0, below, difference))
        return select(x.equals(y), x + unit, unequal)

    return formula


def _share(exponential: str) -> list[Partial]:
    """The operand's share of the sum, exp(x - r); equal infinities differ by 0."""

    def share(ctx: Builder, t: Value, x: Value, r: Value) -> Value:
        zero = ctx.zeros(x.type)
        difference = ctx.where(ctx.equal(x, r), zero, ctx.subtract(x, r))
        return ctx.multiply(t, getattr(ctx, exponential)(difference))

    return [lambda ctx, t, x, y, r: share(ctx, t, x, r), lambda ctx, t, x, y, r: share(ctx, t, y, r)]


ufunc_op(np.logaddexp, by_kind(_logaddexp(LN2, lambda d: op("log1p", op("exp", d)))), _share("exp"),
         traits=["commutative"])
ufunc_op(np.logaddexp2, by_kind(_logaddexp(1.0, lambda d: op("log1p", op("exp2", d)) * (1 / LN2))), _share("exp2"),
         traits=["commutative"])


# Trigonometric ---------------------------------------------------------------------------------------------------------

_function(np.sin, "sin", complex_trigonometry.sine, lambda ctx, t, x, y: ctx.multiply(t, ctx.cos(x)))
_function(np.cos, "cos", complex_trigonometry.cosine, lambda ctx, t, x, y: ctx.negative(ctx.multiply(t, ctx.sin(x))))
_function(np.tan, "tan", complex_trigonometry.tangent,
          lambda ctx, t, x, y: ctx.multiply(t, ctx.add(ctx.multiply(y, y), 1)), (-1.2, 1.2))


def _root_of_one_minus_square(ctx: Builder, x: Value) -> Value:
    """sqrt(1 - x**2) in the factors (1 - x)(1 + x), exact near the ends."""
    one = ctx.full(1, x.type)
    return ctx.sqrt(ctx.multiply(ctx.subtract(one, x), ctx.add(one, x)))


_function(np.arcsin, "asin", complex_trigonometry.arcsine,
          lambda ctx, t, x, y: ctx.divide(t, _root_of_one_minus_square(ctx, x)), (-0.9, 0.9))
_function(np.arccos, "acos", complex_trigonometry.arccosine,
          lambda ctx, t, x, y: ctx.negative(ctx.divide(t, _root_of_one_minus_square(ctx, x))), (-0.9, 0.9))
_function(np.arctan, "atan", complex_trigonometry.arctangent,
          lambda ctx, t, x, y: ctx.divide(t, ctx.add(ctx.multiply(x, x), 1)))


def _arctan2_partial(sign: int) -> Partial:
    """t times the other coordinate over the squared distance; zero at the origin."""

    def partial(ctx: Builder, t: Value, y: Value, x: Value, r: Value) -> Value:
        square = ctx.add(ctx.multiply(x, x), ctx.multiply(y, y))
        divisor = ctx.where(ctx.equal(square, 0), ctx.full(1, square.type), square)
        slope = ctx.divide(x if sign > 0 else ctx.negative(y), divisor)
        return ctx.multiply(t, slope)

    return partial


ufunc_op(np.arctan2, by_kind(scalar("atan2")), [_arctan2_partial(1), _arctan2_partial(-1)])

# Hyperbolic ------------------------------------------------------------------------------------------------------------

_function(np.sinh, "sinh", complex_trigonometry.hyperbolic_sine, lambda ctx, t, x, y: ctx.multiply(t, ctx.cosh(x)))
_function(np.cosh, "cosh", complex_trigonometry.hyperbolic_cosine, lambda ctx, t, x, y: ctx.multiply(t, ctx.sinh(x)))


def _tanh_partial(ctx: Builder, t: Value, x: Value, y: Value) -> Value:
    one = ctx.full(1, y.type)
    return ctx.multiply(ctx.multiply(t, ctx.add(one, y)), ctx.subtract(one, y))


_function(np.tanh, "tanh", complex_trigonometry.hyperbolic_tangent, _tanh_partial)
_function(np.arcsinh, "asinh", complex_trigonometry.hyperbolic_arcsine,
          lambda ctx, t, x, y: ctx.divide(t, ctx.sqrt(ctx.add(ctx.multiply(x, x), 1))))


def _arccosh_partial(ctx: Builder, t: Value, x: Value, y: Value) -> Value:
    one = ctx.full(1, x.type)
    return ctx.divide(t, ctx.multiply(ctx.sqrt(ctx.subtract(x, one)), ctx.sqrt(ctx.add(x, one))))


_function(np.arccosh, "acosh", complex_trigonometry.hyperbolic_arccosine, _arccosh_partial, (1.1, 5.0))


def _arctanh_partial(ctx: Builder, t: Value, x: Value, y: Value) -> Value:
    one = ctx.full(1, x.type)
    return ctx.divide(t, ctx.multiply(ctx.subtract(one, x), ctx.add(one, x)))


_function(np.arctanh, "atanh", complex_trigonometry.hyperbolic_arctangent, _arctanh_partial, (-0.9, 0.9))


# Angles in degrees -----------------------------------------------------------------------------------------------------

def _scaled(ufunc: np.ufunc, also: np.ufunc, numerator: float, denominator: float) -> None:
    """Multiplication by a constant that is itself rounded in the operand's type."""

    def factor(x: Expr) -> Expr:
        kind = np.float32 if x.dtype == "f32" else np.float64
        return number(float(kind(numerator) / kind(denominator)), x)

    def partial(ctx: Builder, t: Value, *rest: Value) -> Value:
        return getattr(ctx, ufunc.__name__)(t)

    ufunc_op(ufunc, by_kind(lambda x: x * factor(x)), [partial], also=(also,), transpose=transpose_from(partial),
             traits=["linear"])


_scaled(np.deg2rad, np.radians, math.pi, 180.0)
_scaled(np.rad2deg, np.degrees, 180.0, math.pi)
