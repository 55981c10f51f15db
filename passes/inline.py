"""Inlining: a `call` is replaced by the ops of the function it calls.

Before: any graph.  After: no `call` is left whose results have the types of what the callee returns, which is all but
those where a static extent meets a run-time one, and, if wanted, those with a derivative of their own.  Calls that one of
NumPy's loops computes (attribute `chain`) are that op, unless transformations follow.  Ops keep the user's lines of the
callee.  Recursion cannot occur: a function exists only once it is complete.
"""

from __future__ import annotations

from ..ir.builder import Builder
from ..ir.graph import Block, Function, Value
from ..ir.walk import callees, clone_into, map_type


def inline(function: Function, keep_rules: bool = False) -> Function:
    """Replace calls by what they call, in place; functions called are inlined themselves first.

    keep_rules: calls with a derivative of their own stay, for whoever differentiates the function later, who
    needs the ops of all others.
    """
    for f in callees(function):
        _block(f.block, {}, keep_rules)
    return function


def _block(block: Block, replaced: dict[Value, Value], keep_rules: bool) -> None:
    ops, block.ops = block.ops, []
    for a in block.args:
        a.type = map_type(a.type, replaced)
    for op in ops:
        op.operands = [replaced.get(v, v) for v in op.operands]
        for r in op.results:
            r.type = map_type(r.type, replaced)
        for region in op.regions:
            _block(region, replaced, keep_rules)
        callee = op.attrs.get("callee") if op.name == "call" else None
        if not isinstance(callee, Function) or (keep_rules and op.attrs.get("derivative") is not None):
            block.append(op)
            continue
        if op.attrs.get("chain") is not None and not keep_rules:
            name, ufunc, axis, count = op.attrs["chain"]
            found = Builder(block, op.loc).emit(name, op.operands[:count], {"ufunc": ufunc, "axis": axis})
            replaced.update(zip(op.results, found, strict=True))
            continue
        copy = Block()
        mapping = dict(zip(callee.block.args, op.operands, strict=True))
        yields = clone_into(copy, callee.block, mapping)
        if all(map_type(r.type, dict(zip(op.results, yields, strict=True))) == y.type
               for r, y in zip(op.results, yields, strict=True)):
            for inner in copy.ops:
                block.append(inner)
            replaced.update(zip(op.results, yields, strict=True))
        else:
            block.append(op)
    block.yields = [replaced.get(v, v) for v in block.yields]
