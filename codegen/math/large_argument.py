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
    # Smaller arguments share the vector; theirs is not used, but must be a place in the table.
    position = op("max", cast((i >> fmt.mantissa) - (fmt.bias + fmt.mantissa - word), "i64"), 0)
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


def remainder(x: Expr, halvings: int, shift: int) -> tuple[Expr, Expr, Expr]:
    """(r, low, n): x = (n + shift / 2) u + r + low modulo a turn, with u = 2 pi / 2**halvings, |r| <= u / 2.

    n is of the integer type, modulo 2**halvings.  For positive x so large that `is_large` holds.
    """
    fmt = format_of(x)
    offset = shift << (63 - halvings)
    unit = PI / 2 ** (63 + halvings)
    if x.dtype == "f32":
        turns = _turns_f32(x) - offset
        exact = cast(bitcast(turns << halvings, "i64"), "f64") * float(unit)
        r = cast(exact, "f32")
        r_low = cast(exact - cast(r, "f64"), "f32")
    else:
        turns, low = _turns_f64(x)
        turns = turns - offset
        top = bitcast((turns << halvings) | (low >> (64 - halvings)), "i64")
        signed = cast(top, "f64")
        rest = fma(cast(low << halvings, "f64"), 2.0 ** -64, cast(top - cast(signed, "i64"), "f64"))
        high_unit, low_unit = parts(unit, "f64", 2)
        high = signed * high_unit
        rest = fma(rest, high_unit, fma(signed, low_unit, fma(signed, high_unit, -high)))
        r = high + rest
        r_low = (high - r) + rest
    n = (turns + (1 << (63 - halvings))) >> (64 - halvings)
    return r, r_low, cast(bitcast(n, "i64"), fmt.integer)
