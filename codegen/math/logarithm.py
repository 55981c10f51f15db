"""log and its relatives: x = 2**k m with m near 1, and a polynomial for log m.

Everything goes through `_log_sum`, the logarithm of an unevaluated sum: what rounding 1 + x took away, say, comes in as
the second operand, so that log1p and the inverse hyperbolic functions keep their accuracy near 0.
"""

from __future__ import annotations

from ...ir.expr import Expr, Number, const, op, select
from .arithmetic import (
    INF,
    NAN,
    Pair,
    at_least,
    bits,
    copysign,
    exponent_of,
    fma,
    format_of,
    from_bits,
    horner,
    magnitude,
    split_exponent,
    two_sum,
)
from .constants import LN2, LN10, parts, rounded

# f32: log_b(1 + f) = f / ln b + f**2 P(f), sqrt(1/2) <= 1 + f < sqrt(2); relative error 5.9e-9, 4.7e-9, 4.5e-9.
LOG_F32 = {
    "e": (-0.5, 0.3333333, -0.25000823, 0.20001249, -0.16623308, 0.14201301, -0.13160333, 0.12764691, -0.07637696),
    "2": (-0.72134733, 0.48089817, -0.36069846, 0.2885738, -0.23957978, 0.20444506, -0.19120507, 0.18727009,
          -0.111006975),
    "10": (-0.21714719, 0.14476478, -0.10858081, 0.08686864, -0.07212638, 0.061565343, -0.05753348, 0.05620652,
           -0.03325251),
}
# f64: log(1 + f) = 2 s + s**3 * P(s**2), s = f / (2 + f); relative error 1.2e-18.
LOG_F64 = (0.6666666666666734, 0.39999999999416497, 0.2857142874210087, 0.2222219859324933, 0.1818356368903815,
           0.15314057811495851, 0.1479595807628405)
Floats = tuple[float, ...]
SQRT_HALF = 0.7071067811865476
# Beyond this bound the inverse hyperbolic functions are log(2 |x|) to within rounding.
LARGE = {"f32": 2.0 ** 13, "f64": 2.0 ** 28}


def _special_log(x: Expr, y: Expr) -> Expr:
    """`y` for positive finite x, else inf of inf, -inf of a zero, NaN of a negative and of NaN."""
    return select(x > 0.0, select(x < INF, y, x), select(x.equals(0.0), const(-INF, x.dtype), NAN))


def _log_of_reduced(f: Expr, k: Expr) -> Expr:
    """log(1 + f) + k ln 2."""
    if f.dtype == "f32":
        # The f32 nearest to ln 2 happens to be right to 28 bits: no second part is needed.
        return fma(k, rounded(LN2, "f32"), fma(horner(f, LOG_F32["e"]), f * f, f))
    # f - (f**2 / 2 - s (f**2 / 2 + R)) + k ln 2, where k times the high part of ln 2 is exact.
    high, low = parts(LN2, "f64", 2, bits=42)
    half_square, product = _log_terms(f)
    return fma(k, high, f - (half_square - fma(k, low, product)))


def _log_terms(f: Expr) -> Pair:
    """(f**2 / 2, s (f**2 / 2 + R)): log(1 + f) = f - the first + the second, in f64."""
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    return half_square, s * fma(horner(z, LOG_F64), z, half_square)


def log(x: Expr) -> Expr:
    m, k = split_exponent(x, SQRT_HALF)
    return _special_log(x, _log_of_reduced(m - 1.0, k))


def _log_base_f32(x: Expr, base: str, unit: Floats, two: Floats) -> Expr:
    """The logarithm whose values at e and 2 are given as (high, low)."""
    m, k = split_exponent(x, SQRT_HALF)
    f = m - 1.0
    low = f * unit[1]
    tail = fma(horner(f, LOG_F32[base]), f * f, fma(k, two[1], low) if two[1] else low)
    return _special_log(x, fma(k, two[0], fma(f, unit[0], tail)))


def _log_base_f64(x: Expr, unit: Floats, two: Floats) -> Expr:
    """The same: the logarithm of m as a pair, times the pair `unit`, added to k times `two` without loss."""
    m, k = split_exponent(x, SQRT_HALF)
    f = m - 1.0
    half_square, product = _log_terms(f)
    high = f - half_square
    low = ((f - high) - half_square) + product
    scaled = high * unit[0]
    rest = fma(high, unit[0], -scaled) + fma(high, unit[1], low * unit[0])
    whole = k * two[0]
    total = whole + scaled
    rest = ((whole - total) + scaled) + fma(k, two[1], rest)
    return _special_log(x, total + rest)


def log2(x: Expr) -> Expr:
    unit = parts(1 / LN2, x.dtype, 2)
    return _log_base_f32(x, "2", unit, (1.0, 0.0)) if x.dtype == "f32" else _log_base_f64(x, unit, (1.0, 0.0))


def log10(x: Expr) -> Expr:
    unit, two = parts(1 / LN10, x.dtype, 2), LN2 / LN10
    if x.dtype == "f32":
        return _log_base_f32(x, "10", unit, parts(two, "f32", 2))
    return _log_base_f64(x, unit, parts(two, "f64", 2, bits=42))


def _log_sum(u: Expr, c: Expr, doublings: Expr | Number = 0.0) -> Expr:
    """log((u + c) 2**doublings) for normal positive u and |c| well below it; accurate near 1 too."""
    fmt = format_of(u)
    m, k = exponent_of(u, SQRT_HALF)
    scale = from_bits(op("max", bits(m) - bits(u) + fmt.one_bits, 0))  # 2**-k, or 0 where c no longer matters
    f = fma(c, scale, m - 1.0)
    return _log_of_reduced(f, k + doublings)


def log1p(x: Expr) -> Expr:
    u, c = two_sum(x, 1.0)
    y = copysign(_log_sum(u, c), x)
    other = select(x.equals(-1.0), -INF, select(x < -1.0, NAN, x))
    return select((x > -1.0) & (x < INF), y, other)


def asinh(x: Expr) -> Expr:
    """log(1 + z) with z = |x| + x**2 / (1 + sqrt(1 + x**2)), or log(2 |x|)."""
    a = magnitude(x)
    large = a > LARGE[x.dtype]
    safe = select(large, 1.0, a)
    square = safe * safe
    z, z_low = two_sum(safe, square / (op("sqrt", square + 1.0) + 1.0))
    u, c = two_sum(z, 1.0)
    y = _log_sum(select(large, a, u), select(large, 0.0, c + z_low), select(large, const(1.0, x.dtype), 0.0))
    return select(a < INF, copysign(y, x), x)


def acosh(x: Expr) -> Expr:
    """log(1 + z) with t = x - 1, z = t + sqrt(t**2 + 2 t), or log(2 x)."""
    large = x > LARGE[x.dtype]
    t = select(large, const(1.0, x.dtype), x) - 1.0
    square = fma(t, t, t + t)
    root = op("sqrt", square)
    root_low = fma(-root, root, square) * (0.5 / at_least(root, format_of(x).smallest_normal))
    z, z_low = two_sum(t, root)
    z_low = z_low + root_low
    u, c = two_sum(z, 1.0)
    y = _log_sum(select(large, x, u), select(large, 0.0, c + z_low), select(large, const(1.0, x.dtype), 0.0))
    return select(x >= 1.0, select(x < INF, y, x), NAN)


def atanh(x: Expr) -> Expr:
    """log(1 + z) / 2 with z = 2 |x| / (1 - |x|), the quotient as a pair."""
    a = magnitude(x)
    safe = select(a < 1.0, a, 0.0)
    divisor, divisor_low = two_sum(-safe, 1.0)
    numerator = safe + safe
    z = numerator / divisor
    z_low = fma(-z, divisor_low, fma(-z, divisor, numerator)) / divisor
    u, c = two_sum(z, 1.0)
    y = copysign(_log_sum(u, c + z_low) * 0.5, x)
    return select(a < 1.0, y, select(a.equals(1.0), copysign(const(INF, x.dtype), x), NAN))
