"""sin, cos, tan of the remainder of |x|.

sin and cos: x = n pi + r with n an integer (sin) or half an odd one (cos), and one odd polynomial on [-pi/2, pi/2].
tan: x = n pi / 2 + r, and tan r or -1 / tan r.
"""

from __future__ import annotations

from ...ir.expr import Expr, select
from .arithmetic import INF, at_least, at_most, bits, fma, format_of, from_bits, horner, magnitude, nearest_integer, two_sum
from .constants import PI, parts, rounded
from .large_argument import remainder

# sin(r) = r + r**3 * P(r**2), |r| <= pi/2 and a little more; relative error 7.6e-9 and 2.3e-19.
SIN = {
    "f32": (-0.16666658, 0.008333031, -0.0001980695, 2.599759e-06),
    "f64": (-0.16666666666666666, 0.008333333333333217, -0.00019841269841219445, 2.7557319213361207e-06,
            -2.505210714007181e-08, 1.6058958415611458e-10, -7.64375120561487e-13, 2.7377629469251488e-15,
            -1.5064086711546347e-18),
}
# tan(r) = r + r**3 * P(r**2), |r| <= pi/4 and a little more; relative error 1.8e-9 and 1.3e-17.
TAN = {
    "f32": (0.33333355, 0.13332462, 0.054083697, 0.02115568, 0.011171089, -0.00034285925, 0.0045924857),
    "f64": (0.33333333333332743, 0.13333333333419392, 0.053968253924390155, 0.02186948966357686, 0.008863218395679093,
            0.003592296011669274, 0.001454715847379489, 0.0005952420273836014, 0.00022185665676387745,
            0.00013760450675751574, -2.7909258275596243e-05, 9.085440851541741e-05, -4.563473630613813e-05,
            2.104591417478839e-05),
}
# Up to here the reduction with pi in three parts is good: n is right, n times the first part cancels exactly, and what
# the third part leaves out is far below the least remainder.
FAST_LIMIT = {"f32": 2.0 ** 17, "f64": 2.0 ** 20}


def _subtract_pi(x: Expr, n: Expr) -> Expr:
    """x - n pi. All parts are positive, so a zero keeps its sign."""
    for part in parts(PI, x.dtype, 3):
        x = fma(n, -part, x)
    return x


def _sin_polynomial(r: Expr) -> Expr:
    """sin r, and never beyond 1, where rounding could bring it."""
    u = r * r
    y = fma(horner(u, SIN[r.dtype]), u * r, r)
    return at_least(at_most(y, 1.0), -1.0)


def _with_parity(y: Expr, parity: Expr, sign: Expr) -> Expr:
    """y, negated where the lowest bit of `parity` is set and again where the integer `sign` is negative."""
    fmt = format_of(y)
    shift = fmt.sign_bit.bit_length() - 1
    return from_bits(bits(y) ^ ((parity << shift) ^ (sign & fmt.sign_bit)))


def sin(x: Expr) -> Expr:
    fmt = format_of(x)
    a = magnitude(x)
    shifted = fma(a, rounded(1 / PI, x.dtype), fmt.shifter)
    r = _subtract_pi(a, shifted - fmt.shifter)
    return _with_parity(_sin_polynomial(r), bits(shifted), bits(x))


def cos(x: Expr) -> Expr:
    """cos(r + (k + 1/2) pi) = -(-1)**k sin(r)."""
    fmt = format_of(x)
    a = magnitude(x)
    shifted = fma(a, rounded(1 / PI, x.dtype), -0.5) + fmt.shifter
    r = _subtract_pi(a, (shifted - fmt.shifter) + 0.5)
    return _with_parity(-_sin_polynomial(r), bits(shifted), bits(a))


def sin_large(x: Expr) -> Expr:
    r, _, n = remainder(magnitude(x), 1, 0)
    return _with_parity(_sin_polynomial(r), n, bits(x))


def cos_large(x: Expr) -> Expr:
    a = magnitude(x)
    r, _, n = remainder(a, 1, 1)
    return _with_parity(-_sin_polynomial(r), n, bits(a))


def is_large(x: Expr) -> Expr:
    """Where the reduction by floats is not good enough; infinities and NaN become NaN there."""
    a = magnitude(x)
    return (a > FAST_LIMIT[x.dtype]) & (a < INF)


def _tan_polynomial(r: Expr, low: Expr, parity: Expr) -> Expr:
    """tan(r + low), or -1 / tan where the lowest bit of `parity` is set: one Newton step makes the quotient good."""
    u = r * r
    rest = horner(u, TAN[r.dtype]) * u * r
    t = r + rest
    rest = fma(fma(t, t, 1.0), low, (r - t) + rest)
    inverse = -1.0 / t
    inverse = fma(inverse, fma(rest, inverse, fma(t, inverse, 1.0)), inverse)
    return select((parity & 1).equals(0), t + rest, inverse)


def tan(x: Expr) -> Expr:
    """The remainder by pi / 2 as a pair: the second product is kept exactly."""
    a = magnitude(x)
    first, second, third = parts(PI / 2, x.dtype, 3)
    n, shifted = nearest_integer(a, rounded(2 / PI, x.dtype))
    product = n * second
    r, low = two_sum(fma(n, -first, a), -product)
    low = fma(n, -third, low - fma(n, second, -product))
    total = r + low
    y = _tan_polynomial(total, (r - total) + low, bits(shifted))
    return _with_sign_of(y, x)


def tan_large(x: Expr) -> Expr:
    r, low, n = remainder(magnitude(x), 2, 0)
    return _with_sign_of(_tan_polynomial(r, low, n), x)


def _with_sign_of(y: Expr, x: Expr) -> Expr:
    """y, negated where x is negative."""
    return from_bits(bits(y) ^ (bits(x) & format_of(x).sign_bit))
