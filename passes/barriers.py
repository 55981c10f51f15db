"""Drops barriers, once no pass merges or moves ops any more.

Before: any graph.  After: no `barrier` and no `stop_gradient` is left; what read it reads its operand.
"""

from __future__ import annotations

from ..ir.graph import Block, Function, Value
from ..ir.walk import callees, replace_uses, resolved


def barriers(function: Function) -> Function:
    """Replace marks by what they mark, in place."""
    for f in callees(function):
        found: dict[Value, Value] = {}
        _drop(f.block, found)
        if found:
            replace_uses(f.block, resolved(found))
    return function


def _drop(block: Block, found: dict[Value, Value]) -> None:
    for op in block.ops:
        for region in op.regions:
            _drop(region, found)
        if op.name in ("barrier", "stop_gradient"):
            found[op.result] = op.operands[0]
    block.ops = [op for op in block.ops if op.name not in ("barrier", "stop_gradient")]
