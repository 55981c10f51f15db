"""Bits of integers: bitwise_and, bitwise_or, bitwise_xor, invert, left_shift, right_shift, bitwise_count.

Shifting by the width or more, or by a negative count, shifts everything out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..expr import Expr, cast, op, select
from ..scalar import BITS
from .families import NO_TANGENT, ufunc_op, zero_tangent
from .pointwise import Formula, by_kind, is_signed, scalar

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


def _of_integers(ufunc: np.ufunc, integer: Formula, boolean: Formula | None = None, traits: Sequence[str] = (),
                 identity: int | None = None, absorbing: int | None = None) -> None:
    ufunc_op(ufunc, by_kind(integer=integer, boolean=boolean), zero_tangent, transpose=NO_TANGENT, traits=traits,
             identity=identity, absorbing=absorbing)


_of_integers(np.bitwise_and, scalar("and"), scalar("and"), [*_BITWISE, "idempotent"], absorbing=0)
_of_integers(np.bitwise_or, scalar("or"), scalar("or"), [*_BITWISE, "idempotent"], identity=0)
_of_integers(np.bitwise_xor, scalar("xor"), scalar("xor"), _BITWISE, identity=0)
_of_integers(np.invert, scalar("not"), scalar("not"), ["involution"])
_of_integers(np.left_shift, _left_shift, identity=0)
_of_integers(np.right_shift, _right_shift, identity=0)
_of_integers(np.bitwise_count, _count)
