"""Scalar formulas by the kind of operand: how an elementwise op becomes an expression.

A formula takes scalars (`Expr`, or `Complex` for a complex operand) and returns one.  `by_kind` picks the formula by the
first operand's type, and computes f16 in f32, rounding after the op as NumPy does, so that no target needs half-precision
arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..expr import Expr, cast, const, op, select
from ..opdef import Complex, Pointwise, Scalar
from ..scalar import INTEGERS, SIGNED

Formula = Callable[..., Any]
AnyScalar = TypeVar("AnyScalar", Expr, Complex)


def by_kind(real: Formula | None = None, *, integer: Formula | None = None, boolean: Formula | None = None,
            complex: Formula | None = None, half: Formula | None = None) -> Pointwise:
    """One lowering out of a formula per kind; `half` is given f16 operands as they are, otherwise `real` gets them in f32."""

    def fn(*scalars: Scalar) -> Scalar:
        first = scalars[0]
        if isinstance(first, Complex):
            formula = complex
        elif first.dtype == "i1":
            formula = boolean
        elif first.dtype in INTEGERS:
            formula = integer
        elif first.dtype == "f16":
            formula = half or (in_f32(real) if real is not None else None)
        else:
            formula = real
        assert formula is not None, f"no formula for {first}"
        return formula(*scalars)

    return Pointwise(fn)


def in_f32(formula: Formula) -> Formula:
    """`formula` with f16 operands computed in f32, and an f32 result rounded to f16."""

    def fn(*scalars: Expr) -> Scalar:
        result = formula(*[cast(s, "f32") if s.dtype == "f16" else s for s in scalars])
        assert isinstance(result, Expr)
        return cast(result, "f16") if result.dtype == "f32" else result

    return fn


def scalar(name: str) -> Formula:
    """The formula that is one scalar operation."""
    return lambda *scalars: op(name, *scalars)


def truth(x: Scalar) -> Expr:
    """Python's and NumPy's truth of a number: it is not zero (a NaN is true)."""
    if isinstance(x, Complex):
        return truth(x.re) | truth(x.im)
    return x if x.dtype == "i1" else x.differs(0)


def is_nan(x: Scalar) -> Expr:
    return is_nan(x.re) | is_nan(x.im) if isinstance(x, Complex) else x.differs(x)


def is_inf(x: Expr) -> Expr:
    return op("abs", x).equals(float("inf"))


def is_finite(x: Expr) -> Expr:
    return op("abs", x) < float("inf")


def is_signed(x: Expr) -> bool:
    return x.dtype in SIGNED


def choose(condition: Expr, then: AnyScalar, other: AnyScalar) -> AnyScalar:
    """`select` for real and complex scalars."""
    if isinstance(then, Complex):
        assert isinstance(other, Complex)
        return Complex(select(condition, then.re, other.re), select(condition, then.im, other.im))
    assert isinstance(other, Expr)
    return select(condition, then, other)


def number(value: float, like: Expr) -> Expr:
    """A constant of the type of `like`."""
    return const(value, like.dtype)
