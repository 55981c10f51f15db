"""Bits of integers: bitwise_and, bitwise_or, bitwise_xor, invert, left_shift, right_shift, bitwise_count.

Shifting by the width or more, or by a negative count, shifts everything out.
"""

from __future__ import annotations

import numpy as np

from ..expr import Expr, cast, op, select
from ..scalar import BITS
from .families import NO_TANGENT, ufunc_op, zero_tangent
from .pointwise import by_kind, is_signed, scalar

_BITWISE = ["commutative", "associative"]


def _in_range(count: Expr) -> Expr:
    """Is 0 <= count < width? One comparison, as a negative count is a large unsigned number."""
    width = BITS[count.dtype]
    return cast(count, f"u{width}") < width


def _left_shift(x: Expr, count: Expr) -> Expr:
    inside = _in_range(count)
    return select(inside, op("shl", x, select(inside, count, 0)), 0)


def _right_shift(x: Expr, count: Expr) -> Expr:
    inside, width = _in_range(count), BITS[x.dtype]
    if is_signed(x):
        # The last place of the range is already all sign.
        return op("shr", x, select(inside, count, width - 1))
    return select(inside, op("shr", x, select(inside, count, 0)), 0)


def _count(x: Expr) -> Expr:
    """Ones of the absolute value."""
    return cast(op("popcount", op("abs", x) if is_signed(x) else x), "u8")


_integers = {"transpose": NO_TANGENT}
ufunc_op(np.bitwise_and, by_kind(integer=scalar("and"), boolean=scalar("and")), zero_tangent,
         traits=[*_BITWISE, "idempotent"], absorbing=0, **_integers)
ufunc_op(np.bitwise_or, by_kind(integer=scalar("or"), boolean=scalar("or")), zero_tangent,
         traits=[*_BITWISE, "idempotent"], identity=0, **_integers)
ufunc_op(np.bitwise_xor, by_kind(integer=scalar("xor"), boolean=scalar("xor")), zero_tangent,
         traits=_BITWISE, identity=0, **_integers)
ufunc_op(np.invert, by_kind(integer=scalar("not"), boolean=scalar("not")), zero_tangent,
         traits=["involution"], **_integers)
ufunc_op(np.left_shift, by_kind(integer=_left_shift), zero_tangent, identity=0, **_integers)
ufunc_op(np.right_shift, by_kind(integer=_right_shift), zero_tangent, identity=0, **_integers)
ufunc_op(np.bitwise_count, by_kind(integer=_count), zero_tangent, **_integers)
