"""Division by a number that stays the same from trip to trip: by its reciprocal, which is computed once, and exact.

For y = 1/d rounded to nearest and a quotient q less than a unit in the last place off, q + (x - q d) y, by two fused
multiply-adds, rounds to the very quotient, as long as nothing over- or underflows (Markstein's theorem).  The first such
step brings x y within that distance, the second is exact.  Operands out of the range where that holds are divided as ever.
"""

from __future__ import annotations

import numpy as np

from ...ir.expr import Expr, bitcast, op, select
from .arithmetic import fma, format_of, magnitude
from .function import MathFunction

# Operands between 2**-k and 2**k: neither quotients nor remainders come near the limits of the type.
_RANGE = {"f32": 40, "f64": 400}


def _quotient(x: Expr, d: Expr) -> Expr:
    y = 1.0 / d
    first = x * y
    near = fma(fma(-first, d, x), y, first)
    # A zero keeps its sign only in the first.
    return select(op("eq", x, 0.0), first, fma(fma(-near, d, x), y, near))


def _is_out_of_range(x: Expr, d: Expr) -> Expr:
    word, sign = f"u{format_of(x).integer[1:]}", format_of(x).sign_bit
    k = _RANGE[x.dtype]
    low, high = (int(np.array(2.0**e, x.dtype.replace("f32", "f4").replace("f64", "f8")).view(f"i{int(word[1:]) // 8}"))
                 for e in (-k, k))
    pattern = bitcast(x, word) & (sign - 1)
    outside = (pattern - low > high - low) & ~pattern.equals(0)
    size = magnitude(d)
    return outside | ~((size >= 2.0**-k) & (size <= 2.0**k))


BY_INVARIANT = MathFunction(_quotient, lambda x, d: op("div", x, d), _is_out_of_range)
