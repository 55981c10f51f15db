"""Powers of integers by repeated squaring, wrapping.

Seven bits of the exponent are looked at in every element, the others only where one needs them: beyond an exponent of 63
only 0, 1 and -1 have powers that do not overflow.
"""

from __future__ import annotations

from ...ir.expr import Expr, cast, const, select
from ...ir.scalar import BITS, INTEGERS, SIGNED
from .function import MathFunction

_USUAL_BITS = 7


def _by_squaring(x: Expr, y: Expr, bits: int) -> Expr:
    result, base = const(1, x.dtype), x
    for k in range(bits):
        used = ((y >> k) & 1).differs(0) if k else (y & 1).differs(0)
        result = select(used, result * base, result)
        if k + 1 < bits:
            base = base * base
    return result


def _function(dtype: str) -> MathFunction:
    bits = BITS[dtype] - (dtype in SIGNED)  # a negative exponent has no power
    if bits <= _USUAL_BITS + 1:
        return MathFunction(lambda x, y: _by_squaring(x, y, bits))
    return MathFunction(lambda x, y: _by_squaring(x, y, _USUAL_BITS), lambda x, y: _by_squaring(x, y, bits),
                        lambda x, y: cast(y, f"u{BITS[dtype]}") >= 1 << _USUAL_BITS)


WHOLE_POWER = {dtype: _function(dtype) for dtype in INTEGERS}
