"""The mathematical functions as expressions over the other scalar operations, for targets without an instruction.

`MATH[name, dtype]` says how the scalar operation `name` (marked `math` in `ir/scalar.py`) on operands of `dtype` is
computed.  The expressions have no branches, no loads but constant tables, and no mathematical operation left in them, so
they vectorise as any other expression.  Results are within the bounds of `docs/accuracy.md` over the whole range, signed
zeros, infinities, NaNs and subnormals included.
"""

from __future__ import annotations

from .function import MathFunction

MATH: dict[tuple[str, str], MathFunction] = {}

__all__ = ["MATH", "MathFunction"]
