"""exp and its relatives: x = n ln 2 + r, a polynomial in r, and a multiplication by 2**n."""

from __future__ import annotations

from ...ir.expr import Expr, const, op, select
from .arithmetic import (
    at_least,
    at_most,
    bits,
    copysign,
    fma,
    format_of,
    from_bits,
    horner,
    magnitude,
    nearest_integer,
    power_of_two,
    scale,
)
from .constants import LN2, parts, rounded

# exp(r) = 1 + r + r**2 * P(r), |r| <= ln(2) / 2, least relative error of exp: 3.1e-9 and 3.7e-18.
EXP = {
    "f32": (0.49999994, 0.16666521, 0.041668266, 0.008368679, 0.0013820763),
    "f64": (0.5000000000000011, 0.16666666666666438, 0.04166666666652683, 0.008333333333479177, 0.0013888888944412596,
            0.00019841269538190136, 2.4801492344457323e-05, 2.755755900203798e-06, 2.76305045420918e-07,
            2.5008542535872352e-08),
}
# The same with least relative error of expm1: 1.4e-8 and 2.8e-19.
EXPM1 = {
    "f32": (0.49999997, 0.16666545, 0.04166749, 0.008366406, 0.0013865578),
    "f64": (0.5, 0.16666666666666677, 0.041666666666666685, 0.008333333333321778, 0.0013888888888892888,
            0.0001984126988540193, 2.480158728160209e-05, 2.755724508561783e-06, 2.7557326731763107e-07,
            2.5108711305196103e-08, 2.089489474647014e-09),
}
# 2**r = 1 + r * P(r), |r| <= 1/2: 3.0e-9 and 4.1e-18.
EXP2 = {
    "f32": (0.6931472, 0.24022648, 0.055503596, 0.0096185, 0.0013390984, 0.00015328983),
    "f64": (0.6931471805599453, 0.24022650695910108, 0.055504108664821715, 0.009618129107601597, 0.0013333558146548467,
            0.00015403530449051026, 1.5252733631824109e-05, 1.3215438826628472e-06, 1.0178160925220782e-07,
            7.073234886447773e-09, 4.43873541714459e-10),
}
# sinh(r) = r + r**3 * P(r**2), |r| <= 0.56: 3.3e-10 and 4.6e-20.
SINH = {
    "f32": (0.16666669, 0.008332978, 0.0002002162),
    "f64": (0.16666666666666666, 0.00833333333333391, 0.00019841269840077886, 2.75573203574522e-06,
            2.5051563819448338e-08, 1.618765658821926e-10, -4.213218973138222e-13),
}
# cosh(r) = 1 + r**2 * P(r**2), |r| <= 0.56: 2.3e-9 and 5.0e-22.
COSH = {
    "f32": (0.5000001, 0.04166414, 0.0014034614),
    "f64": (0.5, 0.041666666666666664, 0.001388888888888979, 2.4801587300283843e-05, 2.755732014708147e-07,
            2.0876413672474e-09, 1.153508040446558e-11),
}
# Beyond these exp is infinite or zero in the type; between them all intermediate values are finite.
EXP_RANGE = {"f32": (-104.5, 89.0), "f64": (-750.0, 710.0)}
EXP2_RANGE = {"f32": (-151.0, 129.0), "f64": (-1077.0, 1025.0)}
# Below the lower bound expm1 is -1.
EXPM1_RANGE = {"f32": (-20.0, 89.0), "f64": (-40.0, 710.0)}
# From here on tanh(x) rounds to 1; twice this is still far from overflow of exp.
TANH_LIMIT = {"f32": 10.0, "f64": 20.0}


def _reduce(x: Expr, zero_below: float = 0.0) -> tuple[Expr, Expr, Expr]:
    """(r, n, shifted): x = n ln 2 + r; n as a float and in the low bits of `shifted`; n = 0 for x < `zero_below`."""
    high, low = parts(LN2, x.dtype, 2)
    n, shifted = nearest_integer(x, rounded(1 / LN2, x.dtype))
    if zero_below:
        shifter = format_of(x).shifter
        shifted = select(x < zero_below, shifter, shifted)
        n = shifted - shifter
    return fma(n, -low, fma(n, -high, x)), n, shifted


def exp(x: Expr) -> Expr:
    low, high = EXP_RANGE[x.dtype]
    r, n, _ = _reduce(at_least(at_most(x, high), low))
    return scale(horner(r, (1.0, 1.0, *EXP[x.dtype])), n)


def exp_of_pair(x: Expr, low: Expr) -> Expr:
    """exp(x + low), |low| at most about an ulp of x and 0 where x is beyond the range."""
    least, most = EXP_RANGE[x.dtype]
    x = at_least(at_most(x, most), least)
    ln2_high, ln2_low = parts(LN2, x.dtype, 2)
    n, _ = nearest_integer(x, rounded(1 / LN2, x.dtype))
    r = fma(n, -ln2_high, x) + fma(n, -ln2_low, low)
    return scale(horner(r, (1.0, 1.0, *EXP[x.dtype])), n)


def exp2(x: Expr) -> Expr:
    low, high = EXP2_RANGE[x.dtype]
    x = at_least(at_most(x, high), low)
    n, _ = nearest_integer(x, 1.0)
    return scale(horner(x - n, (1.0, *EXP2[x.dtype])), n)


def _expm1_nonnegative(x: Expr) -> Expr:
    """exp(x) - 1 for x >= 0 where exp(x) does not overflow."""
    r, _, shifted = _reduce(x)
    power = power_of_two(shifted)
    return fma(_expm1_polynomial(r), power, power - 1.0)


def _expm1_polynomial(r: Expr) -> Expr:
    return fma(horner(r, EXPM1[r.dtype]), r * r, r)


def expm1(x: Expr) -> Expr:
    """p 2**n + (2**n - 1) with p = exp(r) - 1; the largest n in two steps, as 2**n overflows before the result does."""
    low, high = EXPM1_RANGE[x.dtype]
    r, n, shifted = _reduce(at_least(at_most(x, high), low))
    top = n > float(format_of(x).bias)
    power = power_of_two(select(top, shifted - 1.0, shifted))
    y = fma(_expm1_polynomial(r), power, power - 1.0)
    return copysign(select(top, y + y, y), x)


def _hyperbolic_parts(x: Expr) -> tuple[Expr, Expr, Expr, Expr, Expr]:
    """(sinh r, cosh r - 1, sinh(n ln 2) / f, cosh(n ln 2) / f, f) with |x| = n ln 2 + r and f a power of two, 1 but near
    overflow."""
    fmt = format_of(x)
    r, n, shifted = _reduce(at_most(magnitude(x), EXP_RANGE[x.dtype][1] + 1.0), zero_below=0.56)
    u = r * r
    sinh_r = fma(horner(u, SINH[x.dtype]) * u, r, r)
    cosh_r_less_1 = horner(u, COSH[x.dtype]) * u
    top = n > float(fmt.bias - 1)
    integer = bits(shifted) << fmt.mantissa
    half = (fmt.bias - 1) << fmt.mantissa
    growing = from_bits(select(top, integer - (2 << fmt.mantissa), integer) + half)
    decaying = from_bits(op("max", half - integer, 0))
    return sinh_r, cosh_r_less_1, growing - decaying, growing + decaying, select(top, const(4.0, x.dtype), 1.0)


def sinh(x: Expr) -> Expr:
    """sinh(n ln 2 + r), where the sums for n ln 2 are nearly exact: no cancellation for n = 0."""
    sinh_r, cosh_r, sinh_n, cosh_n, factor = _hyperbolic_parts(x)
    return copysign((fma(sinh_n, cosh_r, cosh_n * sinh_r) + sinh_n) * factor, x)


def cosh(x: Expr) -> Expr:
    sinh_r, cosh_r, sinh_n, cosh_n, factor = _hyperbolic_parts(x)
    return (fma(cosh_n, cosh_r, sinh_n * sinh_r) + cosh_n) * factor


def tanh(x: Expr) -> Expr:
    """tanh |x| = e / (e + 2) with e = exp(2 |x|) - 1."""
    a = at_most(magnitude(x), TANH_LIMIT[x.dtype])
    e = _expm1_nonnegative(a + a)
    return copysign(e / (e + 2.0), x)
