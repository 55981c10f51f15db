"""Comparisons, logic and extremes: less, less_equal, greater, greater_equal, equal, not_equal, logical_and, logical_or,
logical_xor, logical_not, isnan, isinf, isfinite, maximum, minimum, fmax, fmin.

Complex numbers are ordered as NumPy orders them: by real part, then by imaginary part.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..builder import Builder
from ..expr import Expr, cast, const, op
from ..graph import Value
from ..opdef import Complex, Pointwise, Scalar
from .families import ufunc_op, zero_tangent
from .pointwise import by_kind, choose, in_f32, is_finite, is_inf, is_nan, is_signed, scalar, truth


def _mixed_sign(name: str, formula: Callable[[Expr, Expr], Expr]) -> Callable[[Expr, Expr], Expr]:
    """`formula` for integers of one type; i64 with u64, which no type holds, is decided by the sign first."""

    def compare(x: Expr, y: Expr) -> Expr:
        if x.dtype == y.dtype:
            return formula(x, y)
        signed = x if is_signed(x) else y
        same = formula(cast(x, "u64"), cast(y, "u64"))
        smaller_first = name in ("lt", "le", "ne") if signed is x else name in ("gt", "ge", "ne")
        return (signed < 0) | same if smaller_first else (signed >= 0) & same

    return compare


def _ordered(name: str) -> Callable[[Complex, Complex], Expr]:
    """Lexicographic order; a NaN in either imaginary part makes it false unless the real parts are equal."""
    strict = {"lt": "lt", "le": "lt", "gt": "gt", "ge": "gt"}[name]

    def compare(x: Complex, y: Complex) -> Expr:
        first = op(strict, x.re, y.re) & ~is_nan(x.im) & ~is_nan(y.im)
        return first | (x.re.equals(y.re) & op(name, x.im, y.im))

    return compare


def _comparison(ufunc: np.ufunc, name: str, complex: Callable[[Complex, Complex], Expr], traits: tuple[str, ...] = ()) -> None:
    ufunc_op(ufunc, by_kind(scalar(name), integer=_mixed_sign(name, scalar(name)), boolean=scalar(name), complex=complex),
             zero_tangent, traits=traits)


_comparison(np.less, "lt", _ordered("lt"))
_comparison(np.less_equal, "le", _ordered("le"))
_comparison(np.greater, "gt", _ordered("gt"))
_comparison(np.greater_equal, "ge", _ordered("ge"))
_comparison(np.equal, "eq", lambda x, y: x.re.equals(y.re) & x.im.equals(y.im), ("commutative",))
_comparison(np.not_equal, "ne", lambda x, y: x.re.differs(y.re) | x.im.differs(y.im), ("commutative",))

# Of truth values.
ufunc_op(np.logical_and, Pointwise(lambda x, y: truth(x) & truth(y)), zero_tangent, traits=["commutative"], absorbing=False)
ufunc_op(np.logical_or, Pointwise(lambda x, y: truth(x) | truth(y)), zero_tangent, traits=["commutative"], absorbing=True)
ufunc_op(np.logical_xor, Pointwise(lambda x, y: truth(x) ^ truth(y)), zero_tangent, traits=["commutative"])
ufunc_op(np.logical_not, Pointwise(lambda x: ~truth(x)), zero_tangent)


def _always(value: bool) -> Callable[[Expr], Expr]:
    return lambda x: const(value, "i1")


ufunc_op(np.isnan, by_kind(is_nan, integer=_always(False), boolean=_always(False), complex=is_nan), zero_tangent)
ufunc_op(np.isinf, by_kind(is_inf, integer=_always(False), boolean=_always(False),
                           complex=lambda z: is_inf(z.re) | is_inf(z.im)), zero_tangent)
ufunc_op(np.isfinite, by_kind(is_finite, integer=_always(True), boolean=_always(True),
                              complex=lambda z: is_finite(z.re) & is_finite(z.im)), zero_tangent)


# Extremes --------------------------------------------------------------------------------------------------------------

def _chosen(ctx: Builder, t: Value, own: Value, other: Value, result: Value) -> Value:
    """The tangent where the operand is the result, half of it at a tie, zero elsewhere (and for NaN)."""
    zero = ctx.zeros(t.type)
    alone = ctx.where(ctx.equal(own, result), t, zero)
    return ctx.where(ctx.equal(own, other), ctx.multiply(t, 0.5), alone)


_EXTREME = [lambda ctx, t, x, y, r: _chosen(ctx, t, x, y, r), lambda ctx, t, x, y, r: _chosen(ctx, t, y, x, r)]


def _nan_wins(name: str) -> Callable[[Complex, Complex], Scalar]:
    """The first operand if it is NaN or comes first in the order."""
    before = _ordered(name)
    return lambda x, y: choose(is_nan(x) | before(x, y), x, y)


def _number_wins(name: str) -> Callable[[Complex, Complex], Scalar]:
    """The first operand if the other is NaN or it comes first in the order."""
    before = _ordered(name)
    return lambda x, y: choose(is_nan(y) | before(x, y), x, y)


def _skip_nan(name: str) -> Callable[[Expr, Expr], Scalar]:
    return lambda x, y: choose(is_nan(x), y, choose(is_nan(y), x, op(name, x, y)))


def _half_extreme(name: str, first_if_nan: int) -> Callable[[Expr, Expr], Scalar]:
    """In f16 NumPy keeps the first of two zeros."""
    return in_f32(lambda x, y: choose(op(name, x, y) | is_nan((x, y)[first_if_nan]), x, y))


# Not commutative: of two zeros the second is the result, or in f16 the first.
_TRAITS = ["associative", "idempotent"]
ufunc_op(np.maximum, by_kind(scalar("max"), integer=scalar("max"), boolean=scalar("or"), complex=_nan_wins("ge"),
                             half=_half_extreme("ge", 0)), _EXTREME, traits=_TRAITS)
ufunc_op(np.minimum, by_kind(scalar("min"), integer=scalar("min"), boolean=scalar("and"), complex=_nan_wins("le"),
                             half=_half_extreme("le", 0)), _EXTREME, traits=_TRAITS)
ufunc_op(np.fmax, by_kind(_skip_nan("max"), integer=scalar("max"), boolean=scalar("or"), complex=_number_wins("ge"),
                          half=_half_extreme("ge", 1)), _EXTREME, traits=_TRAITS)
ufunc_op(np.fmin, by_kind(_skip_nan("min"), integer=scalar("min"), boolean=scalar("and"), complex=_number_wins("le"),
                          half=_half_extreme("le", 1)), _EXTREME, traits=_TRAITS)
