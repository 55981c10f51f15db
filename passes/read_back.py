"""Values that are stored and read again are read from where they were stored:

    b2 = update_slice(b, v); use(v)   ->   b2 = update_slice(b, v); use(slice(b2))

Before: a computed array with several readers, one of which puts it into a larger array; it would need memory of its own.
After: the store is the only reader, so that `v` is computed straight into its place.  Legal where all other readers come
behind the store and before the next write to that array: then the place still holds `v`, and nothing old is kept alive.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..ir.builder import Builder, fill_dims
from ..ir.graph import Block, Op, Value, walk_ops
from ..ir.opdef import Fold, Pointwise, Reduction, lowering
from ..ir.ops.shaping import emit_view
from ..ir.viewmap import is_injective
from ..ir.walk import captured, replace_uses, use_counts, uses
from .homes import is_array, is_update


def read_back(block: Block) -> None:
    """Do this in `block` and in all regions, in place."""
    counts = use_counts(block)
    for inner in list(_blocks(block)):
        for store in [op for op in inner.ops if _is_store_of_computed(op, inner)]:
            # A value made here, to read an earlier store, is none of those counted.
            if counts.get(store.operands[1], 0) > 1:
                _read_from(inner, inner.ops.index(store))


def _blocks(block: Block) -> Iterator[Block]:
    yield block
    for op in walk_ops(block):
        if op.name != "fused":
            yield from op.regions


def _is_store_of_computed(op: Op, block: Block) -> bool:
    if op.name != "update_slice":
        return False
    new = op.operands[1]
    return (new.op is not None and new.op.block is block and is_array(new)
            and isinstance(lowering(new.op), Pointwise | Reduction | Fold) and is_injective(op.attrs["map"], new.dims))


def _read_from(block: Block, at: int) -> None:
    """Let the readers of what op number `at` stores read it there, if all of them may."""
    store = block.ops[at]
    new, made = store.operands[1], store.result
    if new in block.yields or store.operands.count(new) > 1 or any(_reads(op, new) for op in block.ops[:at]):
        return
    readers = [k for k in range(at + 1, len(block.ops)) if _reads(block.ops[k], new)]
    last = readers[-1] if readers else at
    if not readers or any(_may_write(op, made) for op in block.ops[at + 1:last + 1]):
        return
    front, tail = Block(), Block()
    builder = Builder(front, store.loc)
    there = emit_view(builder, "slice", [made], store.attrs["map"], fill_dims(store.attrs["dims"], store.operands), store.operands)
    for op in front.ops:
        op.block = block
    tail.ops = block.ops[at + 1:]
    replace_uses(tail, {new: there})
    block.ops[at + 1:] = [*front.ops, *tail.ops]


def _reads(op: Op, v: Value) -> bool:
    return v in uses(op) or (bool(op.regions) and v in captured(*op.regions))


def _may_write(op: Op, array: Value) -> bool:
    """May this op write to the memory of `array`, or be where its next version begins?"""
    if op.regions:
        return _reads(op, array)
    return is_update(op) and op.operands[0] is array
