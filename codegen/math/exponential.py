"""exp and its relatives: x = n ln 2 + r, a polynomial in r, and a multiplication by 2**n."""

from __future__ import annotations

from ...ir.expr import Expr
from .arithmetic import at_least, at_most, copysign, fma, horner, magnitude, nearest_integer, power_of_two, scale
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
# Beyond these exp is infinite or zero in the type; between them all intermediate values are finite.
EXP_RANGE = {"f32": (-104.5, 89.0), "f64": (-750.0, 710.0)}
# From here on tanh(x) rounds to 1; twice this is still far from overflow of exp.
TANH_LIMIT = {"f32": 10.0, "f64": 20.0}


def _reduce(x: Expr) -> tuple[Expr, Expr, Expr]:
    """(r, n, shifted): x = n ln 2 + r; n as a float and in the low bits of `shifted`."""
    high, low = parts(LN2, x.dtype, 2)
    n, shifted = nearest_integer(x, rounded(1 / LN2, x.dtype))
    return fma(n, -low, fma(n, -high, x)), n, shifted


def exp(x: Expr) -> Expr:
    low, high = EXP_RANGE[x.dtype]
    r, n, _ = _reduce(at_least(at_most(x, high), low))
    return scale(horner(r, (1.0, 1.0, *EXP[x.dtype])), n)


def _expm1_nonnegative(x: Expr) -> Expr:
    """exp(x) - 1 for x >= 0 where exp(x) does not overflow."""
    r, _, shifted = _reduce(x)
    p = fma(horner(r, EXPM1[x.dtype]), r * r, r)
    power = power_of_two(shifted)
    return fma(p, power, power - 1.0)


def tanh(x: Expr) -> Expr:
    """tanh |x| = e / (e + 2) with e = exp(2 |x|) - 1."""
    a = at_most(magnitude(x), TANH_LIMIT[x.dtype])
    e = _expm1_nonnegative(a + a)
    return copysign(e / (e + 2.0), x)
