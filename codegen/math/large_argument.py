"""Remainders of large arguments by multiples of pi: Payne and Hanek's method in integers.

x = m * 2**e with an integer m, so x / (2 pi) modulo 1 depends only on the bits of 1 / (2 pi) from position e on: a
window of them, read from a table, times m, dropping what overflows.  The window is wide enough that even the float
nearest to a multiple of pi / 2 keeps more correct bits than its type has.
"""

from __future__ import annotations

from itertools import pairwise

from ...ir.expr import Expr, bitcast, cast, op, table
from .arithmetic import bits, fma, format_of
from .constants import PI, parts

# 1 / (2 pi) to 1344 binary places: the largest exponent of f64, its window, and one word to shift in.
INVERSE_TURN = (
    "28be60db9391054a7f09d5f47d4d377036d8a5664f10e4107f9458eaf7aef1586dc91b8e909374b801924bba82746487"
    "3f877ac72c4a69cfba208d7d4baed1213a671c09ad17df904e64758e60d4ce7d272117e2ef7e4a0ec7fe25fff7816603"
    "fbcbc462d6829b47db4d9fb3c9f2c26dd3d18fd9a797fa8b5d49eeb1faf97c5ecf41ce7de294a4ba9afed7ec47e35742"
    "1580cc11bf1edaeafc33ef0826bd0d876a78e45857b986c2"
)


def _words(bits_each: int, stride: int) -> list[int]:
    """Runs of `bits_each` bits, every `stride` bits, of the table behind `stride` zeros (for exponents below 0)."""
    digits = "0" * (stride // 4) + INVERSE_TURN
    step, width = stride // 4, bits_each // 4
    return [int(digits[i:i + width], 16) for i in range(0, len(digits) - width + 1, step)]


def _mantissa_and_position(x: Expr, word: int) -> tuple[Expr, Expr, Expr]:
    """(m as u64, index of the first word of the window, bits to skip in it), for positive normal x >= 2**(mantissa - word)."""
    fmt = format_of(x)
    i = bits(x)
    m = (i & ((1 << fmt.mantissa) - 1)) | (1 << fmt.mantissa)
    position = cast((i >> fmt.mantissa) - (fmt.bias + fmt.mantissa - word), "i64")
    return cast(cast(m, "i64"), "u64"), position >> (word.bit_length() - 1), cast(position & (word - 1), "u64")


def _turns_f32(x: Expr) -> Expr:
    """x / (2 pi) modulo 1, in units of 2**-64 (u64)."""
    m, first, skip = _mantissa_and_position(x, 32)
    pairs = _words(64, 32)[:8]
    w0, w1, w2 = (((table(pairs, first + k, "u64") << skip) >> 32) for k in range(3))
    return ((m * w0) << 32) + m * w1 + ((m * w2) >> 32)


def _turns_f64(x: Expr) -> tuple[Expr, Expr]:
    """x / (2 pi) modulo 1, in units of 2**-64, and what remains of it, in units of 2**-128 (u64 each)."""
    m, first, skip = _mantissa_and_position(x, 64)
    words = [table(_words(64, 64), first + k, "u64") for k in range(4)]
    # Two shifts, since shifting by all 64 bits is not defined.
    w0, w1, w2 = ((a << skip) | ((b >> 1) >> (63 - skip)) for a, b in pairwise(words))
    low_product, carried_in = m * w1, op("mulhi", m, w2)
    low = low_product + carried_in
    carry = cast(low < low_product, "u64")
    return m * w0 + op("mulhi", m, w1) + carry, low


def half_turns(x: Expr, shift: int) -> tuple[Expr, Expr]:
    """(r, n): x - shift * pi / 2 = n pi + r modulo 2 pi, |r| <= pi / 2, for positive x; n is 0 or 1, of the integer type.

    Valid where `x` is beyond the bound of `is_large`.
    """
    fmt = format_of(x)
    quarter = shift << 62
    if x.dtype == "f32":
        turns = _turns_f32(x) - quarter
        signed = cast(bitcast(turns << 1, "i64"), "f64")
        r = cast(signed * float(PI / 2 ** 64), "f32")
    else:
        turns, low = _turns_f64(x)
        turns = turns - quarter
        doubled = bitcast((turns << 1) | (low >> 63), "i64")
        signed = cast(doubled, "f64")
        rest = cast(doubled - cast(signed, "i64"), "f64")
        rest = fma(cast(low << 1, "f64"), 2.0 ** -64, rest)
        high_pi, low_pi = parts(PI / 2 ** 64, "f64", 2)
        high = signed * high_pi
        r = high + fma(rest, high_pi, fma(signed, low_pi, fma(signed, high_pi, -high)))
    n = (turns + (1 << 62)) >> 63
    return r, cast(bitcast(n, "i64"), fmt.integer)
