"""Rereading:  b[1:-1] = new; ... new ...   ->   b[1:-1] = new; ... b[1:-1] ...

Before: an array value that is stored into a larger array and also read by others would need memory of its own.  After: the
others read it where it was stored, so that it is computed straight into its place.  Done only when every other reader comes
after the store, in its block, and nothing overwrites the larger array there again; the value must be worth the memory (not a
view or a filled array) and the view must be one to one.  Simplification does the reverse wherever it can: this pass comes last.
"""

from __future__ import annotations

from ..ir.builder import Builder
from ..ir.graph import Block, Function, Op, Value, walk_ops
from ..ir.opdef import Pointwise, Reduction, lowering
from ..ir.ops.shaping import emit_view
from ..ir.viewmap import is_injective
from .homes import is_update
from .liveness import Liveness, Use


def reread(function: Function) -> Function:
    """Change `function` in place."""
    liveness = Liveness(function.block)
    for op in [op for op in walk_ops(function.block) if op.name == "update_slice"]:
        readers = _later_readers(op, liveness)
        if readers:
            _read_from(op, readers)
            liveness = Liveness(function.block)
    return function


def _later_readers(update: Op, liveness: Liveness) -> list[Use]:
    """The other uses of what `update` stores, if all of them may read it from the updated array."""
    new = update.operands[1]
    if not new.dims or new.op is None or new.op.block is not update.block or not isinstance(lowering(new.op), Pointwise | Reduction):
        return []
    others = [u for u in liveness.of(new) if u.op is not update]
    here = liveness.position[update]
    if any(u.op is None or u.block is not update.block or u.position <= here for u in others):
        return []
    if not others or not is_injective(update.attrs["map"], new.dims):
        return []
    if any(_takes_over(u) for u in liveness.of(update.result)):
        return []
    return others


def _takes_over(use: Use) -> bool:
    """Does this use of an array overwrite it, or hand it to a region that may?"""
    return use.op is not None and (bool(use.op.regions) or (is_update(use.op) and use.operand == 0))


def _read_from(update: Op, readers: list[Use]) -> None:
    block, new = update.block, update.operands[1]
    assert block is not None
    made = Block()
    builder = Builder(made, update.loc)
    seen = emit_view(builder, "slice", [update.result], update.attrs["map"], new.dims, update.operands)
    at = block.ops.index(update) + 1
    for op in made.ops:
        op.block = block
    block.ops[at:at] = made.ops
    for use in readers:
        assert use.op is not None
        use.op.operands = [_swap(v, new, seen) for v in use.op.operands]


def _swap(v: Value, old: Value, new: Value) -> Value:
    return new if v is old else v
