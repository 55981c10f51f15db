"""asin, acos, atan, atan2: arguments brought near 0 by identities that add multiples of pi / 4."""

from __future__ import annotations

from ...ir.expr import Expr, const, op, select
from .arithmetic import INF, bits, copysign, fma, format_of, horner, magnitude
from .constants import PI, parts

# asin(s) = s + s**3 * P(s**2), s <= 1/2; relative error 4.9e-9 and 1.5e-17.
ASIN = {
    "f32": (0.16666752, 0.074953094, 0.045469165, 0.024184616, 0.042158734),
    "f64": (0.16666666666665408, 0.07500000000337116, 0.04464285682825086, 0.030381959140027424, 0.022371757978594347,
            0.017359705837427145, 0.013885224867723006, 0.012169281511147946, 0.00652767061574227,
            0.019529108481872823, -0.016225594415974775, 0.03191320370469075),
}
# atan(t) = t + t**3 * P(t**2), t <= 1/2; relative error 5.4e-9 and 4.0e-18.
ATAN = {
    "f32": (-0.33333233, 0.19994175, -0.14174396, 0.101570934, -0.051277872),
    "f64": (-0.3333333333333298, 0.19999999999903115, -0.14285714276386371, 0.11111110659652257, -0.09090896244950897,
            0.0769207391305747, -0.06663810595699633, 0.05858298614767684, -0.05122003842110299, 0.04186497354762561,
            -0.02743481692975192, 0.010116741911299628),
}
# Far below overflow, yet so large that the quotient of a subnormal by it is 0.
HUGE = {"f32": 2.0 ** 100, "f64": 2.0 ** 1000}


def _asin_parts(x: Expr) -> tuple[Expr, Expr, Expr]:
    """(|x| <= 1/2, s, s**3 P(s**2)) with s = |x| there and sqrt((1 - |x|) / 2) elsewhere: NaN beyond 1."""
    a = magnitude(x)
    small = a <= 0.5
    z = select(small, a * a, fma(a, -0.5, 0.5))
    s = select(small, a, op("sqrt", z))
    return small, s, horner(z, ASIN[x.dtype]) * z * s


def asin(x: Expr) -> Expr:
    """asin |x| = pi / 2 - 2 asin(sqrt((1 - |x|) / 2))."""
    high, low = parts(PI / 2, x.dtype, 2)
    small, s, rest = _asin_parts(x)
    doubled = s + s
    main = high - doubled
    error = (high - main) - doubled
    reflected = main + (error - fma(rest, 2.0, -low))
    return copysign(select(small, s + rest, reflected), x)


def acos(x: Expr) -> Expr:
    """pi / 2 - asin(x), or 2 asin(sqrt((1 - |x|) / 2)), or pi less that."""
    high, low = parts(PI / 2, x.dtype, 2)
    small, s, rest = _asin_parts(x)
    near = high - (copysign(s, x) - (low - copysign(rest, x)))
    doubled = (s + rest) * 2.0
    far = select(x < 0.0, 2.0 * high - (doubled - 2.0 * low), doubled)
    return select(small, near, far)


def _angle(small: Expr, large: Expr, swapped: Expr, left: Expr | None) -> Expr:
    """The angle of a point whose sides are `small` <= `large`, all nonnegative: above the diagonal where `swapped`,
    mirrored to the left half where `left`.

    atan(small / large) = pi / 4 + atan((small - large) / (small + large)) where that brings the argument nearer to 0;
    the angle is then a number of quarters of pi plus or minus the arctangent of a quotient of at most 1/2.
    """
    dtype = small.dtype
    one = const(1.0, dtype)
    far = small + small > large
    t = select(far, small - large, small) / select(far, small + large, large)
    quarters = select(far, one, 0.0)
    quarters, negated = select(swapped, 2.0 - quarters, quarters), swapped
    if left is not None:
        quarters, negated = select(left, 4.0 - quarters, quarters), negated ^ left
    t = select(negated, -t, t)
    high, low = parts(PI / 4, dtype, 2, bits=format_of(small).mantissa - 2)
    u = t * t
    base = quarters * high
    total = base + t
    error = (base - total) + t
    return total + (error + fma(quarters, low, horner(u, ATAN[dtype]) * u * t))


def atan(x: Expr) -> Expr:
    a, one = magnitude(x), const(1.0, x.dtype)
    swapped = a > 1.0
    return copysign(_angle(select(swapped, one, a), select(swapped, a, one), swapped, None), x)


def atan2(y: Expr, x: Expr) -> Expr:
    """Two infinities count as equal sides, two zeros as a side of length 0.  Huge sides are halved so that sums fit."""
    a, b = magnitude(y), magnitude(x)
    swapped = a > b
    small, large = select(swapped, b, a), select(swapped, a, b)
    both_infinite = small.equals(INF) & large.equals(INF)
    factor = select(large > HUGE[x.dtype], const(0.5, x.dtype), 1.0)
    small = select(both_infinite, 1.0, small * factor)
    large = select(both_infinite | large.equals(0.0), 1.0, large * factor)
    return copysign(_angle(small, large, swapped, bits(x) < 0), y)
