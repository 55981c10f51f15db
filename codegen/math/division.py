"""Division by multiplication, exact.

By a number that stays the same from trip to trip (`BY_INVARIANT`): by its reciprocal, which is computed once.  For y = 1/d
rounded to nearest and q = x y rounded, q + (x - q d) y, by two fused multiply-adds, rounds to the very quotient, as long as nothing
over- or underflows.  Let x and d, of p bits, lie between 1 and 2, and u be a unit in the last place of the quotient; q is less than
3/2 u off.
  - x less d times the middle of two numbers is a multiple of a power of two, never 0: 2**-p u / d or more is the quotient off it.
  - If it is less than 2**(3-p) u off, q is u/2 off, not 3/2 u: for that, x would have to be within a few units of 2, so d as
    well, and such quotients lie next to numbers.  Then x - q d is exact, d u/2 in size, and times y, which is less than 2**(-p-1)
    off 1/d, it brings an error of less than d 2**(-p-2) u: too little, as d**2 is less than 4.
  - If it is more, there is room for the rounding of x - q d too.
Operands out of the range where this holds are divided as ever.

By any number (`BY_ESTIMATE`): from an estimate of 1/d to 14 bits.  One cubic step makes a reciprocal to 42 bits of it, and one
step from x y a quotient q that is rounded once, from something 84 bits good.  What is left, x - q d, is exact if q is within a
unit of the quotient, and then tells: no more than |d| times half the distance to the next number, and q is the quotient; more, or
anything not finite or so small that bits are lost, and it is divided as ever.  A quotient is never in the middle of two numbers.
"""

from __future__ import annotations

from ...ir.expr import Expr, bitcast, const, op, select
from .arithmetic import bits, copysign, fma, format_of, from_bits, magnitude
from .function import MathFunction

# Operands and quotients between 2**-k and 2**k: neither they nor remainders come near the limits of the type.
_RANGE = {"f32": 90, "f64": 960}


def _quotient(x: Expr, d: Expr) -> Expr:
    # Where 1/d overflows only zeros are divided here.
    y = select(magnitude(d).differs(0.0) & (magnitude(d) < 2.0**-_RANGE[x.dtype]), copysign(const(1.0, d.dtype), d), 1.0 / d)
    return _corrected(x * y, x, d, y)


def _corrected(q: Expr, x: Expr, d: Expr, y: Expr) -> Expr:
    """One step from q; but a zero keeps the sign that it has."""
    return select(x.differs(0.0), fma(fma(-q, d, x), y, q), q)


def _is_out_of_range(x: Expr, d: Expr) -> Expr:
    word, sign = f"u{format_of(x).integer[1:]}", format_of(x).sign_bit
    size, least, most = magnitude(d), 2.0**-_RANGE[x.dtype], 2.0**_RANGE[x.dtype]
    low = bitcast(select(size > 1.0, size, 1.0) * least, word)
    high = bitcast(select(size < 1.0, size, 1.0) * most, word)
    width = select((size >= least) & (size <= most), high - low, const(0, word))
    return x.differs(0.0) & ((bitcast(x, word) & (sign - 1)) - low >= width)


BY_INVARIANT = MathFunction(_quotient, lambda x, d: op("div", x, d), _is_out_of_range)


# The limits below are those of f64.
_EXPONENT = 0x7FF << 52
_LEAST = 2.0**-960


def _near(x: Expr, d: Expr, estimate: Expr) -> Expr:
    error = fma(-d, estimate, 1.0)
    y = fma(fma(error, error, error), estimate, estimate)
    first = x * y
    return _corrected(first, x, d, y)


def _is_in_doubt(x: Expr, d: Expr, estimate: Expr) -> Expr:
    q = _near(x, d, estimate)
    # Half the distance from q to the next number towards zero, which is half of that away from zero where q is a power of two.
    half = from_bits(bits(q * (2.0**-53 * (1 - 2.0**-53))) & _EXPONENT)
    # Of a zero the quotient is a zero, unless it is no number.
    bound = select(x.differs(0.0), fma(magnitude(d), half, -_LEAST), half)
    return ~(magnitude(fma(-q, d, x)) <= bound)


BY_ESTIMATE = MathFunction(_near, lambda x, d: op("div", x, d), _is_in_doubt)
