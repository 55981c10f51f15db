"""Scalar operations that the target lacks, as expressions over those it has."""

from __future__ import annotations

from ...ir.expr import Expr, bitcast, cast, const, op, select
from ...ir.target import Target
from ..math import MATH, MathFunction

# Per type: the greatest and least exponents of a power of two, the bits of the significand, the integer of that width.
_FORMAT = {"f32": (127, -126, 24, "i32"), "f64": (1023, -1022, 53, "i64")}


def decomposed(e: Expr, target: Target) -> Expr | None:
    """The same value by other operations; None where the target has the operation, or it is a mathematical function."""
    if e.payload == "scalef" and not target.scalef:
        return scale_by_power(*e.args)
    return None


def math_function(e: Expr) -> MathFunction | None:
    """How the mathematical function `e` is computed, if the table has it."""
    return MATH.get((str(e.payload), e.dtype))


def scale_by_power(x: Expr, n: Expr) -> Expr:
    """x * 2**n in three products, of which only one may round: on the way down the value is kept among the normal numbers."""
    most, least, digits, integer = _FORMAT[x.dtype]
    up, down = float(most), float(least + digits)
    n = op("min", op("max", n, const(3 * down, x.dtype)), const(3 * up, x.dtype))
    for _ in range(2):
        high, low = op("gt", n, up), op("lt", n, float(least))
        x = select(high, x * 2.0 ** most, select(low, x * 2.0 ** (least + digits), x))
        n = select(high, n - up, select(low, n - down, n))
    n = op("min", op("max", n, const(float(least), x.dtype)), const(up, x.dtype))
    power = (cast(n, integer) + most) << (digits - 1)
    return x * bitcast(power, x.dtype)
