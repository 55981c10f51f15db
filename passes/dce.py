"""Dead code: what no result, check or ordered effect needs is dropped.

Before: any graph.  After: every op has a live result or an effect; every carried value of a loop, every result of an `if`,
every operand of a fused region is needed by something that is.  Checks and ordered effects always stay, and so does what
decides whether they run.  Extents in the types of live values are live.  Start with `_Liveness`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.graph import Block, Function, Op, Value, walk_ops
from ..ir.opdef import effect_of
from ..ir.walk import callees


def dce(function: Function) -> Function:
    """Drop dead ops, carried values and region results, in place."""
    for f in callees(function):
        live = _Liveness(f.block)
        _sweep(f.block, live.values, live.ops)
    return function


def carried_offset(op: Op) -> int:
    """The number of a loop's operands before the initial values."""
    return 3 if op.name == "for" else 0


class _Liveness:
    """Marks from the roots: what the function yields, and the ops with effects."""

    def __init__(self, block: Block) -> None:
        self.values: set[Value] = set()
        self.ops: set[Op] = set()
        self.pending: list[Value] = []
        self.use(block.yields)
        for op in walk_ops(block):
            if not op.regions and effect_of(op) != "pure":
                self.mark_op(op)
        for a in block.args:
            self.use([a])
        while self.pending:
            self.mark_value(self.pending.pop())

    def use(self, values: Sequence[object]) -> None:
        for v in values:
            if isinstance(v, Value) and v not in self.values:
                self.values.add(v)
                self.pending.append(v)

    def mark_op(self, op: Op) -> None:
        """`op` runs: so it needs its operands, or those that decide what its regions do; and so does what surrounds it."""
        if op in self.ops:
            return
        self.ops.add(op)
        if op.block is not None and op.block.owner is not None:
            self.mark_op(op.block.owner)
        if op.name == "for":
            self.use(op.operands[:3])
            if op.attrs.get("until") is not None:
                self.carried(op, op.attrs["until"])
        elif op.name == "while":
            self.use(op.regions[0].yields)
        elif op.name == "if":
            self.use(op.operands)
        elif op.name != "fused":
            self.use(op.operands)
            for region in op.regions:
                self.use(region.yields)

    def mark_value(self, v: Value) -> None:
        self.use(v.type.dims)
        if v.op is not None:
            op, k = v.op, v.op.results.index(v)
            self.mark_op(op)
            if op.name in ("for", "while"):
                self.carried(op, k)
            elif op.name in ("if", "fused"):
                self.use([region.yields[k] for region in op.regions])
            return
        assert v.block is not None
        owner = v.block.owner
        if owner is None:
            return
        k = v.block.args.index(v)
        if owner.name == "for":
            if k:
                self.carried(owner, k - 1)
        elif owner.name == "while":
            self.carried(owner, k)
        elif owner.name == "fused":
            self.use([owner.operands[k]])

    def carried(self, op: Op, k: int) -> None:
        """Carried value number k of a loop is needed: where it starts, comes back, is read, and comes out."""
        first = carried_offset(op)
        self.mark_op(op)
        self.use([op.operands[first + k], op.regions[-1].yields[k], op.results[k]])
        self.use([r.args[(1 if op.name == "for" else 0) + k] for r in op.regions])


def _sweep(block: Block, live: set[Value], ops: set[Op]) -> None:
    block.ops = [op for op in block.ops if op in ops]
    for op in block.ops:
        for region in op.regions:
            _sweep(region, live, ops)
        if op.name in ("for", "while"):
            _drop_carried(op, live)
        elif op.name == "if":
            keep = [r in live for r in op.results]
            for region in op.regions:
                region.yields = _chosen(region.yields, keep)
            op.results = _chosen(op.results, keep)
        elif op.name == "fused":
            _drop_fused(op, live)


def _drop_carried(op: Op, live: set[Value]) -> None:
    keep = [r in live for r in op.results]
    if all(keep):
        return
    first = carried_offset(op)
    op.operands = op.operands[:first] + _chosen(op.operands[first:], keep)
    op.regions[-1].yields = _chosen(op.regions[-1].yields, keep)
    for region in op.regions:
        index = 1 if op.name == "for" else 0
        region.args = region.args[:index] + _chosen(region.args[index:], keep)
    until = op.attrs.get("until")
    if until is not None:
        op.attrs = {**op.attrs, "until": sum(keep[:until])}
    op.results = _chosen(op.results, keep)


def _drop_fused(op: Op, live: set[Value]) -> None:
    (body,) = op.regions
    results = [r in live for r in op.results]
    body.yields, op.results = _chosen(body.yields, results), _chosen(op.results, results)
    args = [a in live for a in body.args]
    body.args, op.operands = _chosen(body.args, args), _chosen(op.operands, args)


def _chosen(values: list[Value], keep: Sequence[bool]) -> list[Value]:
    return [v for v, k in zip(values, keep, strict=True) if k]
