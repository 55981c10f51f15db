"""Loop-invariant code motion: what a loop computes alike in every trip is computed once, before it.

Before: any graph.  After: no pure op stands directly in a loop's body or test if all that it uses is defined outside the
loop.  Checks and ordered effects stay, since the loop may make no trip; so do ops in the branches of an `if`, and loops
that might not end.  Inner loops are done first, so an op leaves as many loops as it can.
"""

from __future__ import annotations

from ..ir.graph import Block, Function, Op, Value, walk_ops
from ..ir.opdef import OPS, effect_of
from ..ir.walk import callees, captured, uses


def licm(function: Function) -> Function:
    """Move loop-invariant ops in front of their loops, in place."""
    for f in callees(function):
        _block(f.block)
    return function


def _block(block: Block) -> None:
    out: list[Op] = []
    for op in block.ops:
        for region in op.regions:
            _block(region)
        if op.name in ("for", "while"):
            for region in op.regions:
                out += _invariant(region, block)
        out.append(op)
    block.ops = out


def _invariant(region: Block, target: Block) -> list[Op]:
    """Take the ops that do not depend on the trip out of `region`, for `target`."""
    varying: set[Value] = set(region.args)
    moved, kept = [], []
    for op in region.ops:
        used = {*uses(op), *captured(*op.regions)} if op.regions else set(uses(op))
        if used & varying or not _may_move(op):
            varying.update(op.results)
            kept.append(op)
        else:
            op.block = target
            moved.append(op)
    region.ops = kept
    return moved


def _may_move(op: Op) -> bool:
    if any(o.name == "while" for o in (op, *(o for r in op.regions for o in walk_ops(r)))):
        return False
    return effect_of(op) == "pure" and "fresh" not in OPS[op.name].traits
