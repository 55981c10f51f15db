"""log and its relatives: x = 2**k m with m near 1, and a polynomial for log m."""

from __future__ import annotations

from ...ir.expr import Expr, select
from .arithmetic import INF, NAN, fma, horner, split_exponent
from .constants import LN2, parts

# f32: log(1 + f) = f - f**2 / 2 + f**3 * P(f), sqrt(1/2) <= 1 + f < sqrt(2); relative error of log 5.9e-9.
LOG_F32 = (0.3333333, -0.25000823, 0.20001249, -0.16623308, 0.14201301, -0.13160333, 0.12764691, -0.07637696)
# f64: log(1 + f) = 2 s + s**3 * P(s**2), s = f / (2 + f); relative error 1.2e-18.
LOG_F64 = (0.6666666666666734, 0.39999999999416497, 0.2857142874210087, 0.2222219859324933, 0.1818356368903815,
           0.15314057811495851, 0.1479595807628405)
SQRT_HALF = 0.7071067811865476


def _special_log(x: Expr, y: Expr) -> Expr:
    """`y` for positive finite x, else -inf of a zero, NaN of a negative, x itself of +inf and NaN."""
    other = select(x.equals(0.0), -INF, select(x < 0.0, NAN, x))
    return select((x > 0.0) & (x < INF), y, other)


def _log_f32(x: Expr) -> Expr:
    m, k = split_exponent(x, SQRT_HALF)
    high, low = parts(LN2, "f32", 2)
    f = m - 1.0
    p = fma(horner(f, LOG_F32), f, -0.5)
    return _special_log(x, fma(k, high, fma(p, f * f, k * low) + f))


def _log_f64(x: Expr) -> Expr:
    """f - (f**2 / 2 - s (f**2 / 2 + R)) + k ln 2, where k times the high part of ln 2 is exact."""
    m, k = split_exponent(x, SQRT_HALF)
    high, low = parts(LN2, "f64", 2, bits=42)
    f = m - 1.0
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    p = horner(z, LOG_F64) * z
    tail = fma(s, half_square + p, k * low)
    return _special_log(x, fma(k, high, f - (half_square - tail)))


def log(x: Expr) -> Expr:
    return (_log_f32 if x.dtype == "f32" else _log_f64)(x)
