"""What a code generator is told about one mathematical function on one type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...ir.expr import Expr


@dataclass(frozen=True, slots=True)
class MathFunction:
    """How to compute one function: operands in, expression out.

    fast        the expression for ordinary operands, always computed
    needs_slow  None, or the i1 expression that tells where `fast` is not valid (its value there is arbitrary)
    slow        the expression for those operands; emit it behind a branch: where any lane of a vector needs it, compute
                it for the whole vector and select by lane (its value in the other lanes is arbitrary)
    """

    fast: Callable[..., Expr]
    slow: Callable[..., Expr] | None = None
    needs_slow: Callable[..., Expr] | None = None
