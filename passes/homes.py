"""Whose memory a value lies in.

An update lies where its operand lay, a loop's result where its initial value lay; an `if`'s result lies where the arms agree.
`base` goes one step back, `origin` to the end: an argument, or the op that made new memory.
"""

from __future__ import annotations

from ..ir.graph import Block, Op, Value, defining_block, is_inside
from ..ir.opdef import Update, lowering

Copies = dict[tuple[Op, int], str]
LOOPS = ("for", "while")
# Views that an op which takes memory with strides (`Statements.views`) sees where their operand lies; a reshape of what has gaps
# is a copy all the same.
SEEN_IN_PLACE = ("slice", "broadcast", "reshape")


def is_array(v: Value) -> bool:
    return len(v.dims) > 0


def is_update(op: Op | None) -> bool:
    """Does this op overwrite part of its operand 0?"""
    return op is not None and len(op.results) == 1 and is_array(op.result) and isinstance(lowering(op), Update)


def carried_operand(op: Op, result: int) -> int:
    """The operand that a loop's result number `result` starts from."""
    return len(op.operands) - len(op.results) + result


def base(v: Value, copies: Copies | None = None) -> tuple[Value, Op | None, int]:
    """The value whose memory `v` took over, with the op and operand number by which it did; `v` itself if none.

    An operand in `copies` is not taken over.
    """
    owner = v.block.owner if v.block is not None else None
    op, k = v.op, 0
    if op is None and owner is not None and owner.name in LOOPS:
        args = v.block.args  # type: ignore[union-attr]
        op, k = owner, len(owner.operands) - len(args) + args.index(v)
    elif op is None:
        return v, None, 0
    elif op.name in LOOPS:
        k = carried_operand(op, op.results.index(v))
    elif op.name == "fused":
        inner = op.regions[0].yields[op.results.index(v)].op
        if not is_update(inner):
            return v, None, 0
        k = op.regions[0].args.index(inner.operands[0])  # type: ignore[union-attr]
    elif not is_update(op):
        return v, None, 0
    return (v, None, 0) if copies and (op, k) in copies else (op.operands[k], op, k)


def origin(v: Value, copies: Copies | None = None, stop: frozenset[Value] = frozenset()) -> Value:
    """The value that first lay in `v`'s memory; the search ends at a value in `stop`."""
    while v not in stop:
        if v.op is not None and v.op.name == "if":
            home = branch_home(v, copies)
            if home is None:
                return v
            v = home
            continue
        before, op, _ = base(v, copies)
        if op is None:
            return v
        v = before
    return v


def branch_home(result: Value, copies: Copies | None = None) -> Value | None:
    """The value from before an `if` that some arm ends as an update of; None when both make new memory."""
    assert result.op is not None
    k = result.op.results.index(result)
    for arm in result.op.regions:
        outside = leave(arm.yields[k], arm, copies)
        if outside is not None:
            return outside
    return None


def leave(v: Value, block: Block, copies: Copies | None = None) -> Value | None:
    """The value from outside `block` whose memory `v` took over, if there is one."""
    while is_inside(defining_block(v), block):
        if v.op is not None and v.op.name == "if":
            home = branch_home(v, copies)
            if home is None:
                return None
            v = home
            continue
        v, op, _ = base(v, copies)
        if op is None:
            return None
    return v
