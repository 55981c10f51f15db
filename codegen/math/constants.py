"""Real constants to 100 digits, and how they are split into floats.

`parts(value, dtype, n)` gives n floats whose sum is `value` to n times the precision; each but the last keeps only the
bits asked for, rounded towards zero, so that products with small integers are exact and no part changes sign.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

PI = Fraction("3.141592653589793238462643383279502884197169399375105820974944592307816406286208998628034825342117068")
LN2 = Fraction("0.693147180559945309417232121458176568075500134360255254120680009493393621969694715605863326996418687")
LN10 = Fraction("2.302585092994045684017991454684364207601101488628772976033327900967572609677352480235997205089598298")

MANTISSA = {"f32": 24, "f64": 53}


def rounded(value: Fraction, dtype: str) -> float:
    """The float of `dtype` nearest to `value`."""
    return float(value) if dtype == "f64" else float(np.float32(float(value)))


def truncated(value: Fraction, bits: int) -> Fraction:
    """The leading `bits` bits of a positive value."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    if value < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (exponent + 1 - bits)
    return (value // unit) * unit


def parts(value: Fraction, dtype: str, count: int, bits: int | None = None) -> tuple[float, ...]:
    """Floats of `dtype` that sum to `value`, largest first: `bits` bits in each but the last, which is rounded."""
    out = []
    for _ in range(count - 1):
        head = truncated(value, bits or MANTISSA[dtype])
        out.append(float(head))
        value -= head
    return (*out, rounded(value, dtype))
