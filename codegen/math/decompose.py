"""Scalar operations that not every target has, in terms of those that all have.

`DECOMPOSED[name]` takes the operands and gives an expression with the exact meaning of that row of `ir/scalar.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ...ir.expr import Expr, cast, select
from .arithmetic import INF, at_least, at_most, copysign, format_of, from_bits, magnitude


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


def rint(x: Expr) -> Expr:
    """Adding and subtracting 2**mantissa leaves an integer; larger values are integers already."""
    whole = 2.0 ** format_of(x).mantissa
    a = magnitude(x)
    return select(a < whole, copysign((a + whole) - whole, x), x)


def trunc(x: Expr) -> Expr:
    a = magnitude(x)
    near = magnitude(rint(x))
    return select(a < INF, copysign(select(near > a, near - 1.0, near), x), x)


def floor(x: Expr) -> Expr:
    near = rint(x)
    return select(magnitude(x) < INF, copysign(select(near > x, near - 1.0, near), x), x)


def ceil(x: Expr) -> Expr:
    return -floor(-x)


DECOMPOSED: dict[str, Callable[..., Expr]] = {"scalef": scalef, "rint": rint, "trunc": trunc, "floor": floor, "ceil": ceil}
