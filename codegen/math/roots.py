"""cbrt and hypot."""

from __future__ import annotations

from ...ir.expr import Expr, cast, const, op, select
from .arithmetic import INF, fma, horner, magnitude, nearest_integer, power_of_two, split_exponent

# m**(-1/3), 1 <= m <= 2; relative error 2.5e-4 and 5.8e-6.
INVERSE_CUBE_ROOT = {
    "f32": (1.5418872, -0.8099565, 0.31775188, -0.0499352),
    "f64": (1.7810571068165326, -1.5660236114326345, 1.2437743770163394, -0.5978624391013677, 0.1560671676482421,
            -0.01701833063876595),
}
SECOND_ROOT, THIRD_ROOT = 2.0 ** (-1 / 3), 2.0 ** (-2 / 3)


def cbrt(x: Expr) -> Expr:
    """x = m 2**(3 n): the inverse cube root of m in [1, 8) by one cubic step, then the root by one Newton step."""
    a, one = magnitude(x), const(1.0, x.dtype)
    m, k = split_exponent(a, 1.0)
    n, shifted = nearest_integer(k - 1.0, 1 / 3)
    j = k - n * 3.0
    z = horner(m, INVERSE_CUBE_ROOT[x.dtype]) * select(j < 0.5, one, select(j < 1.5, const(SECOND_ROOT, x.dtype), THIRD_ROOT))
    m = m * select(j < 0.5, one, select(j < 1.5, const(2.0, x.dtype), 4.0))
    e = fma(-(z * z) * z, m, 1.0)
    z = fma(z * e, fma(e, 2 / 9, 1 / 3), z)
    q = z * z
    y = m * q
    square = y * y
    rest = fma(-fma(y, y, -square), y, fma(-square, y, m))
    y = fma(rest, q * (1 / 3), y) * power_of_two(shifted)
    return select((a > 0.0) & (a < INF), op("copysign", y, x), x)


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
