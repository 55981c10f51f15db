"""Trigonometric and hyperbolic functions of a complex scalar, and their inverses, on pairs of reals.

The inverse sine and cosine follow Hull, Fairgrieve and Tang (1997), "Implementing the complex arcsine and arccosine
functions using exception handling"; the tangents follow Kahan (1987), "Branch cuts for complex elementary functions".
Trigonometric functions are hyperbolic ones turned by i:  sin z = -i sinh iz.
"""

from __future__ import annotations

import math

from ..expr import Expr, cast, op, select
from ..opdef import Complex
from .complex_formulas import INFINITY, logarithm, turned_power
from .pointwise import choose, is_finite, is_inf, is_nan, number

# The logarithm of 2, and what it is more than that (Cody and Waite, 1980).
LN2, LN2_REST = math.log(2.0), 2.3190468138462996e-17


def _turn(z: Complex) -> Complex:
    """i z"""
    return Complex(-z.im, z.re)


def _turn_back(z: Complex) -> Complex:
    """-i z"""
    return Complex(z.im, -z.re)


# Exponentials ----------------------------------------------------------------------------------------------------------

def exponential2(z: Complex) -> Complex:
    """2^re turned by im ln 2, an angle kept in two parts: in one it would lose as many digits as it has before the point."""
    kind = z.re.dtype
    im = cast(z.im, "f64")
    angle = im * LN2
    rest = op("fma", im, number(LN2, im), -angle) + im * LN2_REST
    cosine, sine, near, far = op("cos", angle), op("sin", angle), op("cos", rest), op("sin", rest)
    turn = Complex(cast(cosine * near - sine * far, kind), cast(sine * near + cosine * far, kind))
    limit, step = (127.0, 80.0) if kind == "f32" else (1023.0, 700.0)
    return turned_power("exp2", z, turn, limit, step, 2.0 ** step)


def exponential_minus_1(z: Complex) -> Complex:
    half = op("sin", z.im * 0.5)
    return Complex(op("expm1", z.re) * op("cos", z.im) - half * half * 2.0, op("exp", z.re) * op("sin", z.im))


def logarithm_plus_1(z: Complex) -> Complex:
    """Near 0 the square of |1 + z| less 1 is small, and formed as such; beyond, |1 + z| has all digits."""
    shifted = Complex(z.re + 1.0, z.im)
    far = logarithm(shifted)
    limit = 1e15 if z.re.dtype == "f32" else 1e150
    near = (z.re > -0.5) & (op("abs", z.re) < limit) & (op("abs", z.im) < limit)
    return Complex(select(near, op("log1p", z.re * (z.re + 2.0) + z.im * z.im) * 0.5, far.re), far.im)


# Hyperbolic ------------------------------------------------------------------------------------------------------------

def _split_exponential(x: Expr) -> tuple[Expr, Expr, Expr]:
    """Where cosh x and sinh x overflow although their product with a small factor does not: (there?, a, b), ab = e^|x|/2."""
    limit, step = (88.0, 60.0) if x.dtype == "f32" else (709.0, 500.0)
    size = op("abs", x)
    return size > limit, op("exp", size - step) * 0.5, number(math.exp(step), x)


def hyperbolic_sine(z: Complex) -> Complex:
    big, first, second = _split_exponential(z.re)
    sine, cosine = op("sin", z.im), op("cos", z.im)
    re = select(big, op("copysign", first, z.re) * cosine * second, op("sinh", z.re) * cosine)
    im = select(big, first * sine * second, op("cosh", z.re) * sine)
    # A zero times an infinity is the zero it would be without it.
    re = select(z.re.equals(0.0) & ~is_finite(z.im), z.re, re)
    im = select(z.im.equals(0.0), z.im, im)
    endless = is_inf(z.re) & ~is_finite(z.im)
    return Complex(select(endless, number(INFINITY, re), re), select(endless, number(math.nan, re), im))


def hyperbolic_cosine(z: Complex) -> Complex:
    big, first, second = _split_exponential(z.re)
    sine, cosine = op("sin", z.im), op("cos", z.im)
    re = select(big, first * cosine * second, op("cosh", z.re) * cosine)
    im = select(big, op("copysign", first, z.re) * sine * second, op("sinh", z.re) * sine)
    zero = number(0.0, re)
    im = select(z.re.equals(0.0) & ~is_finite(z.im), zero, im)
    at_infinity = op("copysign", number(1.0, re), z.re) * z.im
    im = select(z.im.equals(0.0) & ~is_finite(z.re), select(is_nan(z.re), z.im, at_infinity), im)
    endless = is_inf(z.re) & ~is_finite(z.im)
    return Complex(select(endless, number(INFINITY, re), re), select(endless, number(math.nan, zero), im))


def hyperbolic_tangent(z: Complex) -> Complex:
    far = op("abs", z.re) > (11.0 if z.re.dtype == "f32" else 22.0)
    tangent = op("tan", z.im)
    beta = tangent * tangent + 1.0
    s = op("sinh", z.re)
    rho = op("sqrt", s * s + 1.0)
    below = beta * s * s + 1.0
    near = Complex(beta * rho * s / below, tangent / below)
    # tan overflows at no float, but its square may: then rho/s and 1/tan are what is left.
    decay = op("exp", op("abs", z.re) * -1.0)
    one, zero, nan = (number(v, s) for v in (1.0, 0.0, math.nan))
    tail = op("sin", z.im) * op("cos", z.im) * 4.0 * decay * decay
    tail = select(is_finite(z.im), tail, op("copysign", zero, z.im))
    limit = Complex(op("copysign", one, z.re), select(is_inf(z.re), op("copysign", zero, tail), tail))
    result = choose(far, limit, near)
    result = choose(z.im.equals(0.0), Complex(op("tanh", z.re), z.im), result)
    lost = ~is_finite(z.im) & ~is_inf(z.re)
    return choose(lost, Complex(select(z.re.equals(0.0), z.re, nan), nan), result)


def sine(z: Complex) -> Complex:
    w = _turn_back(hyperbolic_sine(_turn(z)))
    endless = is_inf(z.im) & ~is_finite(z.re)
    return Complex(w.re, select(endless, number(INFINITY, w.im), w.im))


def cosine(z: Complex) -> Complex:
    return hyperbolic_cosine(_turn(z))


def tangent(z: Complex) -> Complex:
    return _turn_back(hyperbolic_tangent(_turn(z)))


# Inverses --------------------------------------------------------------------------------------------------------------

def _hypotenuses(x: Expr, y: Expr) -> tuple[Expr, Expr, Expr]:
    """For x, y >= 0: r = |z + 1|, s = |z - 1|, a = (r + s) / 2 >= 1."""
    r, s = op("hypot", x + 1.0, y), op("hypot", x - 1.0, y)
    a = op("max", (r + s) * 0.5, 1.0)
    return r, s, a


def _log_part(x: Expr, y: Expr, r: Expr, s: Expr, a: Expr) -> Expr:
    """log(a + sqrt(a^2 - 1)): the real part of arccosh for x, y >= 0; a - 1 without cancellation."""
    outer = y * y / (r + (x + 1.0))
    right = s + (1.0 - x)
    left = s + (x - 1.0)
    inner = select(x < 1.0, select(right.equals(0.0), number(0.0, x), y * y / right), left)
    excess = (outer + inner) * 0.5
    near = op("log1p", excess + op("sqrt", excess * (a + 1.0)))
    # The square of a smaller y is lost, and with it all of the result.
    flat = (y < (1e-17 if y.dtype == "f32" else 1e-150)) & (x < 1.0)
    near = select(flat, y / op("sqrt", (1.0 - x) * (x + 1.0)), near)
    return select(a < 1.5, near, op("log", a + op("sqrt", (a - 1.0) * (a + 1.0))))


def _angle_parts(x: Expr, y: Expr, r: Expr, s: Expr, a: Expr) -> tuple[Expr, Expr]:
    """(x, sqrt(a^2 - x^2)): the sides whose angle is the real part of arcsine, for x, y >= 0."""
    total = a + x
    outer = y * y / (r + (x + 1.0))
    right, left = s + (1.0 - x), s + (x - 1.0)
    inside = op("sqrt", total * (outer + right) * 0.5)
    outside = y * op("sqrt", total * (1.0 / (r + (x + 1.0)) + 1.0 / left) * 0.5)
    return x, select(x <= 1.0, inside, outside)


def _inverse_parts(z: Complex) -> tuple[Expr, Expr, Expr]:
    """For the first quadrant's |re|, |im|: (arcsine's real part, arccosine's, the logarithm)."""
    x, y = op("abs", z.re), op("abs", z.im)
    r, s, a = _hypotenuses(x, y)
    side, other = _angle_parts(x, y, r, s, a)
    limit = 1e15 if x.dtype == "f64" else 1e7
    big = (x > limit) | (y > limit)
    # So far out, arccosh z is log 2z.
    far = logarithm(Complex(x, y))
    log_part = select(big, far.re + LN2, _log_part(x, y, r, s, a))
    arcsine_re = select(big, op("atan2", x, y), op("atan2", side, other))
    arccosine_re = select(big, far.im, op("atan2", other, side))
    return arcsine_re, arccosine_re, log_part


def arcsine(z: Complex) -> Complex:
    re, _, log_part = _inverse_parts(z)
    nan, zero = number(math.nan, re), number(0.0, re)
    result = Complex(op("copysign", re, z.re), op("copysign", log_part, z.im))
    bad_re, bad_im = is_nan(z.re), is_nan(z.im)
    infinite = number(INFINITY, re)
    result = choose(bad_re | bad_im, Complex(nan, nan), result)
    result = choose(bad_re & is_inf(z.im), Complex(nan, z.im), result)
    result = choose(bad_im & is_inf(z.re), Complex(nan, op("copysign", infinite, z.im)), result)
    return choose(bad_im & z.re.equals(0.0), Complex(op("copysign", zero, z.re), nan), result)


def arccosine(z: Complex) -> Complex:
    _, angle, log_part = _inverse_parts(z)
    nan = number(math.nan, angle)
    re = select(_bit_negative(z.re), number(math.pi, angle) - angle, angle)
    result = Complex(re, select(_bit_negative(z.im), log_part, -log_part))
    bad_re, bad_im = is_nan(z.re), is_nan(z.im)
    infinite = number(INFINITY, angle)
    result = choose(bad_re | bad_im, Complex(nan, nan), result)
    result = choose(bad_re & is_inf(z.im), Complex(nan, -z.im), result)
    result = choose(bad_im & is_inf(z.re), Complex(nan, -infinite), result)
    return choose(bad_im & z.re.equals(0.0), Complex(number(math.pi / 2, angle), nan), result)


def _bit_negative(x: Expr) -> Expr:
    return op("copysign", number(1.0, x), x) < 0.0


def hyperbolic_arcsine(z: Complex) -> Complex:
    return _turn_back(arcsine(_turn(z)))


def hyperbolic_arccosine(z: Complex) -> Complex:
    """i arccos z, in the half plane of positive real part."""
    w = arccosine(z)
    re = op("abs", w.im)
    result = Complex(re, select(is_nan(w.re), w.re, op("copysign", w.re, z.im)))
    return choose(is_nan(z.re) & is_nan(z.im), Complex(w.re, w.re), result)


def hyperbolic_arctangent(z: Complex) -> Complex:
    """log1p(4x / ((1 - x)^2 + y^2)) / 4 and half the angle of (1 - x^2 - y^2) + 2iy, for |x|, |y|."""
    x, y = op("abs", z.re), op("abs", z.im)
    limit = 1e7 if x.dtype == "f32" else 1e15
    big = (x > limit) | (y > limit)
    one, zero, nan = (number(v, x) for v in (1.0, 0.0, math.nan))
    a, b = select(big, one * 0.5, x), select(big, one, y)
    gap = 1.0 - a
    square = gap * gap + b * b
    re = op("log1p", a * 4.0 / square) * 0.25
    # At 1 + iy with tiny y the square underflows: there it is half the logarithm of 2 / y.
    edge = a.equals(1.0) & (b < (1e-15 if x.dtype == "f32" else 1e-150))
    re = select(edge, (LN2 - op("log", b)) * 0.5, re)
    im = op("atan2", b * 2.0, gap * (a + 1.0) - b * b) * 0.5
    modulus = op("hypot", x, y)
    far = Complex(select(is_inf(modulus), zero, (x / modulus) / modulus), number(math.pi / 2, x))
    result = choose(big, far, Complex(re, im))
    result = Complex(op("copysign", result.re, z.re), op("copysign", result.im, z.im))
    bad = is_nan(z.re) | is_nan(z.im)
    unknown = Complex(nan, nan)
    quarter = op("copysign", number(math.pi / 2, x), z.im)
    unknown = choose(is_nan(z.re) & is_inf(z.im), Complex(op("copysign", zero, z.re), quarter), unknown)
    unknown = choose(is_nan(z.im) & is_inf(z.re), Complex(op("copysign", zero, z.re), nan), unknown)
    unknown = choose(is_nan(z.im) & z.re.equals(0.0), Complex(z.re, nan), unknown)
    return choose(bad, unknown, result)


def arctangent(z: Complex) -> Complex:
    return _turn_back(hyperbolic_arctangent(_turn(z)))
