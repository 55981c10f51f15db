"""pow: exp(y log |x|) with the logarithm to many more bits than the result has, and C's rules for special operands.

For f32 the logarithm and the exponential are taken in f64, to about 35 bits.  For f64 the logarithm is a pair of floats,
good to about 70 bits, so that even an exponent near the limit of the range leaves an error well below one ulp.
"""

from __future__ import annotations

import functools
from fractions import Fraction

from ...ir.expr import Expr, cast, const, op, select
from .arithmetic import (
    INF,
    NAN,
    Pair,
    at_least,
    at_most,
    bits,
    exponent_of,
    fast_two_sum,
    fma,
    format_of,
    from_bits,
    horner,
    magnitude,
    nearest_integer,
    power_of_two,
    split_exponent,
    two_sum,
)
from .constants import LN2, parts
from .exponential import exp_of_pair
from .logarithm import SQRT_HALF

# log2(1 + f) = f P(f), sqrt(1/2) <= 1 + f < sqrt(2); relative error 1.6e-11.
LOG2 = (1.442695040868611, -0.7213475208702401, 0.4808983614531331, -0.36067367460897787, 0.2885372878388016,
        -0.2404531709065705, 0.20617555174796753, -0.18030070135234466, 0.15876716239002733, -0.14315253695695968,
        0.14476006288611776, -0.14286726538436323, 0.07738273382268308)
# 2**r = 1 + r P(r), |r| <= 1/2; relative error 4.7e-11.
EXP2 = (0.693147180704639, 0.24022651066767908, 0.055504103657043266, 0.009618038098951039, 0.0013333935192740903,
        0.00015466767620715257, 1.5196133395073697e-05)
# atanh(s) / s = 1 + z / 3 + z**2 / 5 + z**3 P(z), z = s**2; relative error 7.5e-25.
ATANH_TAIL = (0.1428571428571426, 0.11111111111126448, 0.09090909087221996, 0.07692308167011237, 0.06666630490861455,
              0.05884035952104077, 0.05216301080465644, 0.054735860090409656)

# Exponents for which a few products are less work than a logarithm.
SMALL_POWERS = {float(n): n for n in range(1, 7)}


def _pow_magnitude_f32(x: Expr, y: Expr) -> Expr:
    """x**y for x >= 0 (NaN for a NaN y only), through f64."""
    x, y = cast(x, "f64"), cast(y, "f64")
    m, k = exponent_of(x, SQRT_HALF)
    f = m - 1.0
    logarithm = _with_limits(x, fma(f, horner(f, LOG2), k))
    t = at_least(at_most(y * logarithm, 130.0), -152.0)
    n, shifted = nearest_integer(t, 1.0)
    return cast(horner(t - n, (1.0, *EXP2)) * power_of_two(shifted), "f32")


def _with_limits(x: Expr, logarithm: Expr) -> Expr:
    """The logarithm of x >= 0: -inf of 0 and inf of inf."""
    return select(x.equals(0.0), -INF, select(x < INF, logarithm, INF))


def _times(a: Pair, b: Pair) -> Pair:
    """The product of two pairs."""
    high = a[0] * b[0]
    return high, fma(a[0], b[1], fma(a[1], b[0], fma(a[0], b[0], -high)))


def _plus_constant(value: Fraction, b: Pair) -> Pair:
    """`value` + b, for |b| smaller."""
    high, low = parts(value, "f64", 2)
    total, error = fast_two_sum(const(high, "f64"), b[0])
    return total, error + (b[1] + low)


def _log_pair(x: Expr) -> Pair:
    """log x of positive finite x: s + s**3 / 3 + ..., twice, the first terms as pairs, and the exponent times ln 2."""
    m, k = split_exponent(x, SQRT_HALF)
    f = m - 1.0
    divisor = f + 2.0
    inverse = 1.0 / divisor
    s = f * inverse
    s_low = (fma(-s, divisor, f) - s * (f - (divisor - 2.0))) * inverse
    square = s * s
    z = square, fma(s, s, -square) + (s + s) * s_low
    series = _plus_constant(Fraction(1, 5), (square * horner(square, ATANH_TAIL), const(0.0, "f64")))
    series = _times(z, _plus_constant(Fraction(1, 3), _times(z, series)))
    high, low = fast_two_sum(s, s * series[0])
    low = low + (fma(s, series[0], -(s * series[0])) + fma(s, series[1], fma(s_low, series[0], s_low)))
    ln2_high, ln2_low = parts(LN2, "f64", 2, bits=42)
    total, error = two_sum(k * ln2_high, high + high)
    return fast_two_sum(total, error + fma(k, ln2_low, low + low))


def _pow_magnitude_f64(x: Expr, y: Expr) -> Expr:
    """x**y for x >= 0 (NaN for a NaN y only)."""
    high, low = _log_pair(x)
    high = _with_limits(x, high)
    exponent = y * high
    rest = fma(y, high, -exponent) + y * low
    return exp_of_pair(exponent, select(magnitude(exponent) < 800.0, rest, 0.0))


def _small_power(x: Expr, n: int) -> Expr:
    """x**n by products of pairs, rounded once; infinities, NaNs and signs of 0 are those of the high parts."""
    if x.dtype == "f32":
        wide = cast(x, "f64")
        return cast(functools.reduce(lambda a, b: a * b, [wide] * n), "f32")
    base = x, const(0.0, "f64")
    high, low = functools.reduce(_times, [base] * n)
    return select((magnitude(high) < INF) & low.differs(0.0), high + low, high)


def pow(x: Expr, y: Expr) -> Expr:
    """By C's rules: 1 where y is 0 or x is 1; NaN of a negative finite x unless y is an integer; odd integers keep signs."""
    if y.is_const and y.payload in SMALL_POWERS:
        return _small_power(x, SMALL_POWERS[y.payload])
    a = magnitude(x)
    y_half = y * 0.5
    whole = op("rint", y).equals(y)
    odd = whole & op("rint", y_half).differs(y_half)
    result = (_pow_magnitude_f32 if x.dtype == "f32" else _pow_magnitude_f64)(a, y)
    result = select(a.equals(1.0), const(1.0, x.dtype), result)
    sign = select(odd, bits(x) & format_of(x).sign_bit, 0)
    result = from_bits(bits(result) | sign)
    undefined = ((x < 0.0) & (x > -INF) & ~whole) | x.differs(x) | y.differs(y)
    result = select(undefined, const(NAN, x.dtype), result)
    return select(x.equals(1.0) | y.equals(0.0), const(1.0, x.dtype), result)
