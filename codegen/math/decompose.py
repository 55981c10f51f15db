"""Scalar operations that not every target has, in terms of those that all have.

`DECOMPOSED[name]` takes the operands and gives an expression with the exact meaning of that row of `ir/scalar.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ...ir.expr import Expr, cast
from .arithmetic import at_least, at_most, format_of, from_bits


def _in_normal_range(n: Expr) -> Expr:
    fmt = format_of(n)
    return at_least(at_most(n, float(fmt.bias)), float(2 - fmt.bias))


def scalef(x: Expr, n: Expr) -> Expr:
    """x * 2**n as a product with three powers of two, the smallest of those below 1 last.

    Only the last product can round to a subnormal in a way that shows: when an earlier one is subnormal already, the
    result is less than half of the least subnormal.  Above 1 the order is free.
    """
    fmt = format_of(x)
    last = _in_normal_range(n)
    middle = _in_normal_range(n - last)
    first = _in_normal_range(n - last - middle)
    for k in (first, middle, last):
        x = x * from_bits((cast(k, fmt.integer) + fmt.bias) << fmt.mantissa)
    return x


DECOMPOSED: dict[str, Callable[..., Expr]] = {"scalef": scalef}
