"""fmod: exact, as its definition asks.

While x / y has few bits, x - trunc(x / y) y is one fused multiply-add.  Otherwise x = a 2**i and y = b 2**j with integers
a and b of 53 bits, and 2**(i - j) modulo b comes from repeated squaring, each product reduced exactly.
"""

from __future__ import annotations

from ...ir.expr import Expr, cast, const, op, select
from .arithmetic import INF, copysign, fma, magnitude, scale, split_exponent

# Quotients below these are right, or 1 too large where rounding carried to the next integer.
FAST_QUOTIENT = {"f32": 2.0 ** 22, "f64": 2.0 ** 51}
# Exponents of finite nonzero values differ by less than 34 * 2**SQUARINGS.
SQUARINGS = {"f32": 3, "f64": 6}


def _remainder_step(x: Expr, y: Expr) -> Expr:
    """x modulo y for x >= 0, y > 0, x / y within `FAST_QUOTIENT`."""
    r = fma(-op("trunc", x / y), y, x)
    return select(r < 0.0, r + y, r)


def fmod(x: Expr, y: Expr) -> Expr:
    a, b = magnitude(x), magnitude(y)
    return copysign(select(b.equals(INF) & (a < INF), a, _remainder_step(a, b)), x)


def has_long_quotient(x: Expr, y: Expr) -> Expr:
    a, b = magnitude(x), magnitude(y)
    return (a / b >= FAST_QUOTIENT[x.dtype]) & (b > 0.0) & (a < INF)


def _product_modulo(x: Expr, y: Expr, m: Expr) -> Expr:
    """x y modulo m, in (-m, m), for integers |x|, |y| < m < 2**53.

    The product is high + low; high - q m is an integer of at most 3/4 m, and is moved to the other side of 0 from low.
    """
    high = x * y
    low = fma(x, y, -high)
    r = fma(-op("rint", high / m), m, high)
    same_side = (r < 0.0).equals(low < 0.0)
    return select(same_side, r - copysign(m, r), r) + low


def fmod_long(x: Expr, y: Expr) -> Expr:
    a, i = split_exponent(cast(magnitude(x), "f64"), 2.0 ** 52)
    b, j = split_exponent(cast(magnitude(y), "f64"), 2.0 ** 52)
    shift = cast(i - j, "i64")
    squarings = SQUARINGS[x.dtype]
    power = scale(const(1.0, "f64"), cast(shift >> squarings, "f64"))
    for bit in reversed(range(squarings)):
        power = _product_modulo(power, power, b)
        doubled = (power + power) - copysign(b, power)
        power = select(((shift >> bit) & 1).differs(0), doubled, power)
    r = _product_modulo(power, select(a < b, a, a - b), b)
    r = select(r < 0.0, r + b, r)
    return copysign(cast(scale(r, j), x.dtype), x)
