"""cbrt and hypot."""

from __future__ import annotations

from ...ir.expr import Expr, cast, const, op, select
from .arithmetic import INF, bits, fma, from_bits, horner, magnitude, nearest_integer, power_of_two, split_exponent

# m**(-1/3), 1 <= m <= 2; relative error 5.8e-6.
INVERSE_CUBE_ROOT = (1.7810571068165326, -1.5660236114326345, 1.2437743770163394, -0.5978624391013677, 0.1560671676482421,
                     -0.01701833063876595)
SECOND_ROOT, THIRD_ROOT = 2.0 ** (-1 / 3), 2.0 ** (-2 / 3)
# The bit pattern of x**(-1/3) is about this less a third of that of x: relative error 3.6e-2.
INVERSE_CUBE_ROOT_BITS = 0x54A20000
# (1 - e)**(-1/3) by powers of e.
RECIPROCAL_ROOT_SERIES = (1 / 3, 2 / 9, 14 / 81, 35 / 243)


def cbrt(x: Expr) -> Expr:
    """The root of the magnitude, with the sign of x; zero, infinity and NaN are their own roots."""
    a = magnitude(x)
    y = (_cbrt_f32 if x.dtype == "f32" else _cbrt_f64)(a)
    return select((a > 0.0) & (a < INF), op("copysign", y, x), x)


def _cbrt_f32(a: Expr) -> Expr:
    """The inverse root from the bit pattern, better by a series, then the root by one Newton step; what is small is scaled."""
    small = a < 2.0 ** -64
    m = select(small, a * 2.0 ** 81, a)
    z = from_bits(cast(fma(cast(bits(m), "f32"), -1 / 3, INVERSE_CUBE_ROOT_BITS), "i32"))
    e = fma(-(m * z) * z, z, 1.0)
    z = fma(z * e, horner(e, RECIPROCAL_ROOT_SERIES), z)
    y = _newton(m, z)
    return select(small, y * 2.0 ** -27, y)


def _cbrt_f64(a: Expr) -> Expr:
    """a = m 2**(3 n): the inverse cube root of m in [1, 8) by one cubic step, then the root by one Newton step."""
    one = const(1.0, "f64")
    m, k = split_exponent(a, 1.0)
    n, shifted = nearest_integer(k - 1.0, 1 / 3)
    j = k - n * 3.0
    z = horner(m, INVERSE_CUBE_ROOT) * select(j < 0.5, one, select(j < 1.5, const(SECOND_ROOT, "f64"), THIRD_ROOT))
    m = m * select(j < 0.5, one, select(j < 1.5, const(2.0, "f64"), 4.0))
    e = fma(-(z * z) * z, m, 1.0)
    z = fma(z * e, fma(e, 2 / 9, 1 / 3), z)
    return _newton(m, z) * power_of_two(shifted)


def _newton(m: Expr, z: Expr) -> Expr:
    """The cube root of m from an estimate of its inverse, by one step from the exact remainder."""
    q = z * z
    y = m * q
    square = y * y
    rest = fma(-fma(y, y, -square), y, fma(-square, y, m))
    return fma(rest, q * (1 / 3), y)


def _hypot_f32(x: Expr, y: Expr) -> Expr:
    """In f64 the squares are exact and nothing overflows."""
    a, b = cast(x, "f64"), cast(y, "f64")
    return cast(op("sqrt", fma(a, a, b * b)), "f32")


def _hypot_f64(x: Expr, y: Expr) -> Expr:
    """Scaled by a power of two where a square could overflow or lose bits."""
    a, b = magnitude(x), magnitude(y)
    larger = select(a > b, a, b)
    high, low, one = larger > 2.0 ** 500, larger < 2.0 ** -400, const(1.0, "f64")
    scale = select(high, const(2.0 ** -600, "f64"), select(low, const(2.0 ** 600, "f64"), one))
    back = select(high, const(2.0 ** 600, "f64"), select(low, const(2.0 ** -600, "f64"), one))
    larger, smaller = larger * scale, select(a > b, b, a) * scale
    return op("sqrt", fma(larger, larger, smaller * smaller)) * back


def hypot(x: Expr, y: Expr) -> Expr:
    """An infinite side makes the result infinite, whatever the other is."""
    length = (_hypot_f32 if x.dtype == "f32" else _hypot_f64)(x, y)
    infinite = magnitude(x).equals(INF) | magnitude(y).equals(INF)
    return select(infinite, const(INF, x.dtype), length)
