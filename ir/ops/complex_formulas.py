"""Complex arithmetic on pairs of reals: products, quotients, roots, exponentials and logarithms.

The formulas are NumPy's where its results show them (quotient by Smith's method, order of terms), and keep the special
values of C's Annex G.  `complex_trigonometry.py` builds on them.
"""

from __future__ import annotations

import math

from ..expr import Expr, cast, op, select
from ..opdef import Complex
from .pointwise import choose, is_finite, is_inf, is_nan, number

INFINITY = float("inf")


def add(x: Complex, y: Complex) -> Complex:
    return Complex(x.re + y.re, x.im + y.im)


def subtract(x: Complex, y: Complex) -> Complex:
    return Complex(x.re - y.re, x.im - y.im)


def multiply(x: Complex, y: Complex) -> Complex:
    return Complex(x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re)


def scale(x: Complex, factor: Expr | float) -> Complex:
    return Complex(x.re * factor, x.im * factor)


def divide(x: Complex, y: Complex) -> Complex:
    """Smith's method: no overflow in the squared modulus; a quotient by zero has the infinities of its parts."""
    wide = op("abs", y.re) >= op("abs", y.im)
    big, small = select(wide, y.re, y.im), select(wide, y.im, y.re)
    ratio = small / big
    inverse = 1.0 / (big + small * ratio)
    re = select(wide, x.re + x.im * ratio, x.re * ratio + x.im) * inverse
    im = select(wide, x.im - x.re * ratio, x.im * ratio - x.re) * inverse
    zero = op("abs", y.re).equals(0.0) & op("abs", y.im).equals(0.0)
    modulus = op("abs", y.re)
    return Complex(select(zero, x.re / modulus, re), select(zero, x.im / modulus, im))


def reciprocal(x: Complex) -> Complex:
    wide = op("abs", x.im) <= op("abs", x.re)
    big, small = select(wide, x.re, x.im), select(wide, x.im, x.re)
    ratio = small / big
    total = big + small * ratio
    return Complex(select(wide, number(1.0, ratio), ratio) / total, select(wide, -ratio, number(-1.0, ratio)) / total)


def negative(x: Complex) -> Complex:
    return Complex(-x.re, -x.im)


def conjugate(x: Complex) -> Complex:
    return Complex(x.re, -x.im)


def square(x: Complex) -> Complex:
    return Complex(x.re * x.re - x.im * x.im, x.re * x.im + x.im * x.re)


def absolute(x: Complex) -> Expr:
    return op("hypot", x.re, x.im)


def sign(x: Complex) -> Complex:
    """x / |x|; a single infinite part counts as the whole, two as no number."""
    modulus = absolute(x)
    zero, nan = number(0.0, modulus), number(math.nan, modulus)
    plain = Complex(x.re / modulus, x.im / modulus)
    infinite_re, infinite_im = is_inf(x.re), is_inf(x.im)
    one_sided = Complex(select(infinite_re, op("copysign", number(1.0, modulus), x.re), zero),
                        select(infinite_re, zero, op("copysign", number(1.0, modulus), x.im)))
    result = choose(is_inf(modulus), one_sided, plain)
    result = choose((infinite_re & infinite_im) | is_nan(modulus), Complex(nan, nan), result)
    return choose(modulus.equals(0.0), Complex(zero, zero), result)


def logarithm(x: Complex) -> Complex:
    """log|x| + i arg x; near the unit circle |x| is not formed, as its rounding would be all of the result."""
    modulus = absolute(x)
    a, b = op("abs", x.re), op("abs", x.im)
    big, small = op("max", a, b), op("min", a, b)
    near = (modulus > 0.5) & (modulus < 2.0)
    excess = (big - 1.0) * (big + 1.0) + small * small
    # Beyond the range of squares the modulus may overflow though its logarithm does not.
    huge = (big > _large(big)) & is_finite(big)
    scaled = op("log", op("hypot", x.re * 0.25, x.im * 0.25)) + math.log(4.0)
    re = select(near, op("log1p", excess) * 0.5, select(huge, scaled, op("log", modulus)))
    return Complex(re, op("atan2", x.im, x.re))


def _large(x: Expr) -> float:
    return 1.6e38 if x.dtype == "f32" else 8e307


def _tiny(x: Expr) -> float:
    return 1e-30 if x.dtype == "f32" else 1e-290


def square_root(x: Complex) -> Complex:
    """The principal root, by halves of |x| + |re|; scaled where that sum would overflow or lose bits."""
    a, b = op("abs", x.re), op("abs", x.im)
    big = op("max", a, b)
    down, up = big > _large(big) * 0.25, big < _tiny(big)
    power = 2.0**24 if big.dtype == "f32" else 2.0**54
    before = select(down, number(0.25, big), select(up, number(power, big), number(1.0, big)))
    after = select(down, number(2.0, big), select(up, number(power**-0.5, big), number(1.0, big)))
    a, b = a * before, b * before
    t = op("sqrt", (a + op("hypot", a, b)) * 0.5)
    other = b / (t * 2.0)
    negative_side = x.re < 0.0
    re = select(negative_side, other, t) * after
    im = op("copysign", select(negative_side, t, other) * after, x.im)
    zero, infinity, nan = number(0.0, big), number(INFINITY, big), number(math.nan, big)
    result = Complex(re, im)
    result = choose(x.re.equals(0.0) & x.im.equals(0.0), Complex(zero, x.im), result)
    result = choose(is_nan(x.re), Complex(x.re, nan), result)
    left = Complex(select(is_nan(x.im), nan, zero), op("copysign", infinity, x.im))
    right = Complex(infinity, select(is_nan(x.im), x.im, op("copysign", zero, x.im)))
    result = choose(is_inf(x.re), choose(x.re < 0.0, left, right), result)
    return choose(is_inf(x.im), Complex(infinity, x.im), result)


def exponential(x: Complex) -> Complex:
    """exp(re) (cos im + i sin im)"""
    limit, step = (88.0, 60.0) if x.re.dtype == "f32" else (709.0, 500.0)
    return turned_power("exp", x, Complex(op("cos", x.im), op("sin", x.im)), limit, step, math.exp(step))


def turned_power(name: str, x: Complex, turn: Complex, limit: float, step: float, factor: float) -> Complex:
    """The exponential function `name` of re, turned by an angle; beyond `limit` it may overflow where the product does not, so that
    it is applied in two steps, one of which is `factor`, its value at `step`."""
    big = (x.re > limit) & is_finite(x.re)
    first = op(name, select(big, x.re - step, x.re))
    second = select(big, number(factor, first), number(1.0, first))
    zero = number(0.0, first)
    sine = select(x.im.equals(0.0), x.im, turn.im)
    re = first * turn.re * second
    im = first * sine * second
    im = select(x.im.equals(0.0), x.im, im)
    result = Complex(re, im)
    vanishing = Complex(zero, select(is_nan(x.im), zero, op("copysign", zero, x.im)))
    result = choose(x.re.equals(-INFINITY) & ~is_finite(x.im), vanishing, result)
    unknown = Complex(number(INFINITY, first), number(math.nan, first))
    return choose(x.re.equals(INFINITY) & ~is_finite(x.im), unknown, result)


def power(x: Complex, y: Complex) -> Complex:
    """exp(y log x); whole exponents below 100 by repeated squaring, so that they are as exact as products are.

    complex64 goes through complex128: the exponent's rounding is that of a logarithm times y, many units of the result.
    """
    if x.re.dtype == "f32" and not _is_small_constant(y):
        return Complex(*(cast(p, "f32") for p in power(*(Complex(cast(z.re, "f64"), cast(z.im, "f64")) for z in (x, y)))))
    zero, one, nan = (number(v, x.re) for v in (0.0, 1.0, math.nan))
    if y.re.is_const and y.im.is_const and not y.im.payload and float(y.re.payload) in range(1, 100):  # type: ignore
        return constant_power(x, int(y.re.payload))  # type: ignore[call-overload]
    count = op("abs", y.re)
    whole = y.im.equals(0.0) & op("trunc", count).equals(count) & (count < 100.0)
    general = exponential(_multiply_infinite(y, logarithm(x)))
    small = _whole_power(x, y.re)
    small = choose(y.re < 0.0, divide(Complex(one, zero), small), small)
    result = choose(whole, small, general)
    at_zero = choose(y.re > 0.0, Complex(zero, zero), Complex(nan, nan))
    result = choose(x.re.equals(0.0) & x.im.equals(0.0), at_zero, result)
    return choose(y.re.equals(0.0) & y.im.equals(0.0), Complex(one, zero), result)


def _is_small_constant(y: Complex) -> bool:
    """Is it 1, 2 or 3, which NumPy's products serve?"""
    return y.re.is_const and y.im.is_const and not y.im.payload and float(y.re.payload) in (1, 2, 3)  # type: ignore


def constant_power(x: Complex, exponent: int) -> Complex:
    """x to a positive whole number."""
    result, base = None, x
    while exponent:
        if exponent & 1:
            result = base if result is None else multiply(result, base)
        exponent >>= 1
        base = multiply(base, base)
    assert result is not None
    return result


def _multiply_infinite(x: Complex, y: Complex) -> Complex:
    """The product as C's Annex G has it: a factor with an infinite part is infinite, even where the other part is no number."""
    plain = multiply(x, y)
    zero, one = number(0.0, x.re), number(1.0, x.re)

    def boxed(z: Complex) -> Complex:
        return Complex(*(op("copysign", select(is_inf(p), one, zero), p) for p in z))

    def without_nan(z: Complex, where: Expr) -> Complex:
        return Complex(*(select(where & is_nan(p), op("copysign", zero, p), p) for p in z))

    infinite_x, infinite_y = is_inf(x.re) | is_inf(x.im), is_inf(y.re) | is_inf(y.im)
    grown = is_inf(x.re * y.re) | is_inf(x.im * y.im) | is_inf(x.re * y.im) | is_inf(x.im * y.re)
    a = without_nan(choose(infinite_x, boxed(x), x), infinite_y | grown)
    b = choose(infinite_y, boxed(without_nan(y, infinite_x | grown)), without_nan(y, infinite_x | grown))
    recovered = scale(multiply(a, b), INFINITY)
    lost = is_nan(plain.re) & is_nan(plain.im) & (infinite_x | infinite_y | grown)
    return choose(lost, recovered, plain)


def _whole_power(x: Complex, exponent: Expr) -> Complex:
    """x**|exponent| for a whole exponent below 128 that is not known before run time; 1, 2, 3 as products of x alone."""
    count = op("abs", exponent)
    result, base, rest = Complex(number(1.0, count), number(0.0, count)), x, count
    for _ in range(7):
        half = op("floor", rest * 0.5)
        result = choose((half * 2.0).differs(rest), multiply(result, base), result)
        base, rest = multiply(base, base), half
    square = multiply(x, x)
    result = choose(exponent.equals(3.0), multiply(square, x), choose(exponent.equals(2.0), square, result))
    return choose(exponent.equals(1.0), x, result)
