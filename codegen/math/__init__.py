"""The mathematical functions as expressions over the other scalar operations, for targets without an instruction.

`MATH[name, dtype]` says how the scalar operation `name` (marked `math` in `ir/scalar.py`) on operands of `dtype` is
computed.  The expressions have no branches, no loads but constant tables, and no mathematical operation left in them, so
they vectorise as any other expression.  Results are within the bounds of `docs/accuracy.md` over the whole range, signed
zeros, infinities, NaNs and subnormals included.  `DECOMPOSED` does the same for the few other operations that a target
may lack (the expressions here use `scalef`), `WHOLE_POWER[dtype]` for powers of integers.
"""

from __future__ import annotations

from . import exponential, inverse_trigonometric, logarithm, power, remainder, roots, trigonometric
from .decompose import DECOMPOSED
from .division import BY_ESTIMATE, BY_INVARIANT
from .function import MathFunction
from .whole_power import WHOLE_POWER

_FUNCTIONS: dict[str, MathFunction] = {
    "exp": MathFunction(exponential.exp),
    "exp2": MathFunction(exponential.exp2),
    "expm1": MathFunction(exponential.expm1),
    "sinh": MathFunction(exponential.sinh),
    "cosh": MathFunction(exponential.cosh),
    "tanh": MathFunction(exponential.tanh),
    "log": MathFunction(logarithm.log),
    **{f.__name__: MathFunction(f) for f in (
        logarithm.log2, logarithm.log10, logarithm.log1p, logarithm.asinh, logarithm.acosh, logarithm.atanh)},
    **{f.__name__: MathFunction(f) for f in (
        inverse_trigonometric.asin, inverse_trigonometric.acos, inverse_trigonometric.atan, inverse_trigonometric.atan2)},
    "pow": MathFunction(power.pow),
    "cbrt": MathFunction(roots.cbrt),
    "hypot": MathFunction(roots.hypot),
    "fmod": MathFunction(remainder.fmod, remainder.fmod_long, remainder.has_long_quotient),
    "tan": MathFunction(trigonometric.tan, trigonometric.tan_large, trigonometric.is_large),
    "sin": MathFunction(trigonometric.sin, trigonometric.sin_large, trigonometric.is_large),
    "cos": MathFunction(trigonometric.cos, trigonometric.cos_large, trigonometric.is_large),
}

MATH: dict[tuple[str, str], MathFunction] = {(name, dtype): f for name, f in _FUNCTIONS.items() for dtype in ("f32", "f64")}

__all__ = ["BY_ESTIMATE", "BY_INVARIANT", "DECOMPOSED", "MATH", "WHOLE_POWER", "MathFunction"]
