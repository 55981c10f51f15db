"""Scalar operations that not every target has, in terms of those that all have.

`DECOMPOSED[name, dtype]` takes the operands and gives an expression with the exact meaning of that row of `ir/scalar.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ...ir.expr import Expr, cast, select
from .arithmetic import at_least, at_most, bits, format_of, from_bits, two_sum


def _in_normal_range(n: Expr) -> Expr:
    fmt = format_of(n)
    return at_least(at_most(n, float(fmt.bias)), float(2 - fmt.bias))


def scalef(x: Expr, n: Expr) -> Expr:
    """x * 2**n as a product with three powers of two, the smallest of those below 1 last.

    Only the last product can round to a subnormal in a way that shows: when an earlier one is subnormal already, the
    result is less than half of the least subnormal.  Above 1 the order is free.  Adding the shifter leaves the biased
    exponent of the power in the low bits.
    """
    fmt = format_of(x)
    last = _in_normal_range(n)
    middle = _in_normal_range(n - last)
    first = _in_normal_range(n - last - middle)
    for k in (first, middle, last):
        x = x * from_bits(bits(k + (fmt.shifter + fmt.bias)) << fmt.mantissa)
    return x


def fma_f32(x: Expr, y: Expr, z: Expr) -> Expr:
    """x * y + z in f64, where the product is exact, with the sum rounded to odd: rounding that to f32 rounds once.

    Rounded to odd means: an inexact sum whose last bit is 0 is replaced by its neighbour towards the exact value.
    """
    total, error = two_sum(cast(x, "f64") * cast(y, "f64"), cast(z, "f64"))
    pattern = bits(total)
    outwards = (error > 0.0).equals(total > 0.0)
    odd = from_bits(select(outwards, pattern + 1, pattern - 1))
    inexact = (error > 0.0) | (error < 0.0)
    return cast(select(inexact & (pattern & 1).equals(0), odd, total), "f32")


DECOMPOSED: dict[tuple[str, str], Callable[..., Expr]] = {
    ("scalef", "f32"): scalef,
    ("scalef", "f64"): scalef,
    ("fma", "f32"): fma_f32,
}
