"""Scalar operations that the target lacks, as expressions over those it has."""

from __future__ import annotations

from ...ir.expr import Expr
from ...ir.target import Target
from ..math import DECOMPOSED, MATH, MathFunction


def decomposed(e: Expr, target: Target) -> Expr | None:
    """The same value by other operations; None where the target has the operation, or it is a mathematical function."""
    lacking = {"scalef": not target.scalef, "fma": not target.fma}
    row = DECOMPOSED.get((str(e.payload), e.dtype)) if lacking.get(str(e.payload)) else None
    return row(*e.args) if row else None


def math_function(e: Expr) -> MathFunction:
    """How the mathematical function `e` is computed."""
    return MATH[str(e.payload), e.dtype]
