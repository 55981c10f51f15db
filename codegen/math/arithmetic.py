"""Building blocks: formats, polynomials, exponents, and arithmetic on unevaluated sums of two floats.

A pair (hi, lo) stands for hi + lo with |lo| at most half a unit in the last place of hi.  Everything rests on `fma`
being one rounding and on additions not being reassociated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...ir.expr import Expr, Number, bitcast, cast, op, select
from ...ir.scalar import NUMPY_DTYPE

Pair = tuple[Expr, Expr]


@dataclass(frozen=True, slots=True)
class Format:
    """The facts of an IEEE type: its integer type, explicit mantissa bits, exponent bias, and limits."""

    name: str
    integer: str
    mantissa: int
    bias: int

    @property
    def shifter(self) -> float:
        """Adding it rounds a float of up to mantissa - 1 bits to an integer, left in the low bits of the sum."""
        return 1.5 * 2.0 ** self.mantissa

    @property
    def smallest_normal(self) -> float:
        return 2.0 ** (1 - self.bias)

    @property
    def sign_bit(self) -> int:
        return 1 << (self.mantissa + (8 if self.name == "f32" else 11))

    @property
    def one_bits(self) -> int:
        return self.bias << self.mantissa


FORMATS = {"f32": Format("f32", "i32", 23, 127), "f64": Format("f64", "i64", 52, 1023)}
INF = float("inf")
NAN = float("nan")


def format_of(x: Expr) -> Format:
    return FORMATS[x.dtype]


def fma(a: Expr | Number, b: Expr | Number, c: Expr | Number) -> Expr:
    """a * b + c, rounded once."""
    return op("fma", a, b, c)


def magnitude(x: Expr) -> Expr:
    return op("abs", x)


def copysign(x: Expr, sign: Expr) -> Expr:
    return op("copysign", x, sign)


def bits(x: Expr) -> Expr:
    """The bit pattern, as the signed integer of the same width."""
    return bitcast(x, format_of(x).integer)


def from_bits(i: Expr) -> Expr:
    return bitcast(i, "f32" if i.dtype == "i32" else "f64")


def at_most(x: Expr, limit: float) -> Expr:
    """min(x, limit), but a NaN stays."""
    return select(x > limit, limit, x)


def at_least(x: Expr, limit: float) -> Expr:
    """max(x, limit), but a NaN stays."""
    return select(x < limit, limit, x)


def horner(x: Expr, coefficients: Sequence[float | Expr]) -> Expr:
    """coefficients[0] + coefficients[1] * x + ..., by fused multiply-adds."""
    out: Expr | float = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        out = fma(x, out, c)
    assert isinstance(out, Expr)
    return out


def nearest_integer(x: Expr, scale: float) -> Pair:
    """rint(x * scale) as a float, and a float with the same integer in its low bits; |x * scale| < 2**(mantissa - 2)."""
    shifter = format_of(x).shifter
    shifted = fma(x, scale, shifter)
    return shifted - shifter, shifted


def power_of_two(shifted: Expr) -> Expr:
    """2**n of the integer n in the low bits of `shifted` (from `nearest_integer`), for n of a normal exponent."""
    fmt = format_of(shifted)
    return from_bits((bits(shifted) << fmt.mantissa) + fmt.one_bits)


def scale(x: Expr, n: Expr) -> Expr:
    """x * 2**n, rounded once, for an integral float n."""
    return op("scalef", x, n)


def exponent_of(x: Expr, lowest: float) -> Pair:
    """(m, k) with x = m * 2**k, m in [lowest, 2 * lowest), k an integral float, for positive normal x."""
    return _split_bits(bits(x), lowest, format_of(x))


def split_exponent(x: Expr, lowest: float) -> Pair:
    """The same for positive finite x, subnormal or not."""
    fmt = format_of(x)
    lift = fmt.mantissa + 1
    lifted = bits(x * 2.0 ** lift) - (lift << fmt.mantissa)
    return _split_bits(select(x < fmt.smallest_normal, lifted, bits(x)), lowest, fmt)


def _split_bits(i: Expr, lowest: float, fmt: Format) -> Pair:
    """The same from the bit pattern, whose exponent field may lie below 0.

    f64 goes without arithmetic shifts and conversions of 64-bit integers, which AVX2 does not have.
    """
    base = bits_of(lowest, fmt)
    if fmt.name == "f32":
        k = (i - base) >> fmt.mantissa
        return from_bits(i - (k << fmt.mantissa)), cast(k, "f32")
    offset = 2 * fmt.bias - fmt.mantissa
    i = i + ((offset << fmt.mantissa) - base)
    m = from_bits((i & ((1 << fmt.mantissa) - 1)) + base)
    whole = 2.0 ** fmt.mantissa
    biased = bitcast(bitcast(i, "u64") >> fmt.mantissa, "i64")
    return m, from_bits(biased | bits_of(whole, fmt)) - (whole + offset)


def two_sum(a: Expr, b: Expr | Number) -> Pair:
    """a + b exactly, as a pair, whichever is larger."""
    total = a + b
    from_b = total - a
    return total, (a - (total - from_b)) + (b - from_b)


def fast_two_sum(a: Expr, b: Expr) -> Pair:
    """a + b exactly, as a pair, where |a| >= |b| or a is 0."""
    total = a + b
    return total, (a - total) + b


def bits_of(value: float, fmt: Format) -> int:
    """The bit pattern of a constant."""
    return int(np.array(value, NUMPY_DTYPE[fmt.name]).view(NUMPY_DTYPE[fmt.integer]))
