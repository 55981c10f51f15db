"""The functions of `scipy.special` that are expressions of our own, so that they fuse and run in vectors: erf, erfc, ndtr,
expit, logit, log_expit, xlogy, xlog1py, entr, exprel; and, by SciPy's loops, their kin: rel_entr, kl_div, cosm1, huber,
pseudo_huber, boxcox, boxcox1p, inv_boxcox, inv_boxcox1p.

Values are SciPy's but for a few units in the last place, with its limits and special values.  `special_library.py` has the
others, and `Calculus`, in which the derivatives are written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..expr import Expr, op, select
from .pointwise import is_nan, number
from .special_family import special
from .special_library import ROOT_PI, ROOT_TWO_PI, Calculus, slope

INFINITY = math.inf

# The error function ----------------------------------------------------------------------------------------------------

# erf(x) = x + x P(x**2) for |x| < 0.51, least error relative to x: 1.8e-9 and 3.6e-20.
ERF = {
    "f32": (0.128379165, -0.37612604, 0.112827139, -0.0267491454, 0.0046998674),
    "f64": (0.12837916709551257, -0.3761263890318375, 0.11283791670954775, -0.026866170644958408, 0.0052239776211156255,
            -0.00085483264008957869, 0.0001205527837909284, -1.49226800024831e-5, 1.6364053271433158e-6,
            -1.4554683869424281e-7),
}
# exp(x**2) erfc(x) (1 + 2 x) = P((x - 2) / (x + 2)) from 0.49 to where erfc vanishes: 8.1e-10 and 2.3e-17.
SCALED_ERFC = {
    "f32": (1.27697838, -0.0927638155, -0.166030337, 0.164050718, -0.0542213298, -0.00802589555, 0.00873269008, 0.00122230338,
            -0.00148670616, -0.000319564534, 0.000234840617),
    "f64": (1.2769783815525287, -0.092763826585745601, -0.16603039761528069, 0.16405128003337367, -0.054220000992749075,
            -0.0080340150788712701, 0.0087226538978874554, 0.0012713388778936253, -0.0014568142896475224,
            -0.00045433959229184113, 0.00020637014034561148, 0.00015102844547239755, -1.5239864183993449e-6,
            -3.6364103417205684e-5, -1.3458357971180177e-5, 3.501956758124909e-6, 5.2120433044497756e-6,
            1.9586731132204422e-6, -8.4591593413672443e-7, -1.3952942586439409e-6, 9.1316008054371335e-8,
            4.476673762766858e-7, -1.1568714011197855e-7),
}
VANISHES = {"f32": 10.3, "f64": 27.5}


def _polynomial(x: Expr, coefficients: Sequence[float]) -> Expr:
    result = number(coefficients[-1], x)
    for c in reversed(coefficients[:-1]):
        result = op("fma", result, x, number(c, x))
    return result


def _near_zero(x: Expr) -> Expr:
    return op("fma", x, _polynomial(x * x, ERF[x.dtype]), x)


def _beyond(a: Expr) -> Expr:
    """erfc(a) for a > 0.49; what rounding took from the square is put back after the exponential."""
    a = op("min", a, number(VANISHES[a.dtype], a))
    square = a * a
    rest = op("fma", a, a, -square)
    decay = op("exp", -square)
    decay = op("fma", -decay, rest, decay)
    return decay * (_polynomial((a - 2.0) / (a + 2.0), SCALED_ERFC[a.dtype]) / (1.0 + a * 2.0))


def erf(x: Expr) -> Expr:
    a = op("abs", x)
    return select(a < 0.5, _near_zero(x), op("copysign", 1.0 - _beyond(a), x))


def erfc(x: Expr) -> Expr:
    a = op("abs", x)
    far = _beyond(a)
    return select(a < 0.5, 1.0 - _near_zero(x), select(x < 0.0, 2.0 - far, far))


def normal_distribution(x: Expr) -> Expr:
    """erfc(-x / sqrt(2)) / 2; the rounding of x / sqrt(2) is made up for where the result is small."""
    high = math.sqrt(0.5)
    y = x * -high
    rest = op("fma", x, number(-high, x), -y) + x * (4.833646656726457e-17 if x.dtype == "f64" else -1.2101617e-08)
    a = op("abs", y)
    half = erfc(y) * 0.5
    # d erfc(y)/dy = -2/sqrt(pi) exp(-y**2); for large y that is about -2 y erfc(y).
    corrected = op("fma", half, y * rest * -2.0, half)
    return select((y > 1.0) & (a < 1e4), corrected, half)


def _bell(x: Calculus) -> Calculus:
    return (-(x * x)).apply("exp")


special("erf", [slope(lambda x, y: _bell(x) * (2 / ROOT_PI))], formula=erf, domain=(-3.0, 3.0))
special("erfc", [slope(lambda x, y: _bell(x) * (-2 / ROOT_PI))], formula=erfc, domain=(-3.0, 3.0))
special("ndtr", [slope(lambda x, y: (x * x * -0.5).apply("exp") * (1 / ROOT_TWO_PI))], formula=normal_distribution,
        domain=(-3.0, 3.0))

# The logistic function -------------------------------------------------------------------------------------------------


def expit(x: Expr) -> Expr:
    decay = op("exp", -op("abs", x))
    return select(x < 0.0, decay, number(1.0, x)) / (decay + 1.0)


def logit(x: Expr) -> Expr:
    """Near 1/2, where the logarithm's operand is near 1, as a difference of two."""
    near = x * 2.0 - 1.0
    middle = op("log1p", near) - op("log1p", -near)
    return select((x > 0.3) & (x < 0.65), middle, op("log", x / (1.0 - x)))


def log_expit(x: Expr) -> Expr:
    rest = op("log1p", op("exp", -op("abs", x)))
    return select(x < 0.0, x - rest, -rest)


special("expit", [slope(lambda x, y: y * (-x).apply("expit"))], formula=expit, domain=(-3.0, 3.0))
special("logit", [slope(lambda x, y: 1.0 / (x * (1.0 - x)))], formula=logit, domain=(0.1, 0.9))
special("log_expit", [slope(lambda x, y: (-x).apply("expit"))], formula=log_expit, domain=(-3.0, 3.0))

# Entropies -------------------------------------------------------------------------------------------------------------


def _times_zero(x: Expr, y: Expr, product: Expr) -> Expr:
    """The product with a logarithm, which is 0 where x is, unless y is no number."""
    return select(x.equals(0.0) & ~is_nan(y), number(0.0, x), product)


def entr(x: Expr) -> Expr:
    inside = select(x.equals(0.0), number(0.0, x), -(x * op("log", x)))
    return select(is_nan(x), x, select(x < 0.0, number(-INFINITY, x), inside))


special("xlogy", [slope(lambda x, y, r: y.apply("log")), slope(lambda x, y, r: x / y)],
        formula=lambda x, y: _times_zero(x, y, x * op("log", y)))
special("xlog1py", [slope(lambda x, y, r: y.apply("log1p")), slope(lambda x, y, r: x / (y + 1.0))],
        formula=lambda x, y: _times_zero(x, y, x * op("log1p", y)))
special("entr", [slope(lambda x, y: -x.apply("log") - 1.0)], formula=entr)
special("rel_entr", [slope(lambda x, y, r: (x / y).apply("log") + 1.0), slope(lambda x, y, r: -x / y)])
special("kl_div", [slope(lambda x, y, r: (x / y).apply("log")), slope(lambda x, y, r: 1.0 - x / y)])

# Losses and transforms -------------------------------------------------------------------------------------------------


def exprel(x: Expr) -> Expr:
    small = op("abs", x) < (1e-16 if x.dtype == "f64" else 1e-8)
    large = x > (717.0 if x.dtype == "f64" else 88.0)
    quotient = op("expm1", x) / select(small, number(1.0, x), x)
    return select(small, number(1.0, x), select(large, number(INFINITY, x), quotient))


def _exprel_slope(x: Calculus, y: Calculus) -> Calculus:
    """(exp(x) - y) / x; its series where that would cancel."""
    near = x.apply("absolute").apply("less", 0.02)
    series = ((x * (1 / 144) + 1 / 30) * x + 1 / 8) * x + 1 / 3
    divisor = x.unless(near, 1.0)
    return ((x.apply("exp") - y) / divisor).unless(near, series * x + 0.5)


def _box_cox_by_power(log_x: Calculus, power: Calculus, y: Calculus) -> Calculus:
    none = power.apply("equal", 0.0)
    slope_ = ((power * log_x).apply("exp") * log_x - y) / power.unless(none, 1.0)
    return slope_.unless(none, log_x * log_x * 0.5)


def _inverse_by_power(y: Calculus, power: Calculus, x: Calculus) -> Calculus:
    """Of log x with respect to the power."""
    none = power.apply("equal", 0.0)
    safe = power.unless(none, 1.0)
    grown = power * y
    return ((y / (grown + 1.0) - grown.apply("log1p") / safe) / safe).unless(none, y * y * -0.5)


special("exprel", [slope(_exprel_slope)], formula=exprel, domain=(-3.0, 3.0))
special("cosm1", [slope(lambda x, y: -x.apply("sin"))], domain=(-3.0, 3.0))
special("huber", [slope(lambda d, r, y: (r.apply("absolute") - d).apply("maximum", 0.0)),
                  slope(lambda d, r, y: r.apply("minimum", d).apply("maximum", -d))])
special("pseudo_huber", [
    slope(lambda d, r, y: y * 2.0 / d - r * r / (d * (r * r / (d * d) + 1.0).apply("sqrt"))),
    slope(lambda d, r, y: r / (r * r / (d * d) + 1.0).apply("sqrt"))])
special("boxcox", [slope(lambda x, p, y: x ** (p - 1.0)), slope(lambda x, p, y: _box_cox_by_power(x.apply("log"), p, y))])
special("boxcox1p", [slope(lambda x, p, y: (x + 1.0) ** (p - 1.0)),
                     slope(lambda x, p, y: _box_cox_by_power(x.apply("log1p"), p, y))])
special("inv_boxcox", [slope(lambda y, p, x: x ** (1.0 - p)), slope(lambda y, p, x: x * _inverse_by_power(y, p, x))])
special("inv_boxcox1p", [slope(lambda y, p, x: (x + 1.0) ** (1.0 - p)),
                         slope(lambda y, p, x: (x + 1.0) * _inverse_by_power(y, p, x))])
