"""Common subexpressions: of equal ops in scope of each other the first stays.

Before: any graph.  After: no pure or check op without regions has an equal one before it in its block or in a block
around it.  Equal: the same op, operands (in either order where it commutes), attributes and result types, extents being
the same values.  Attributes are compared by their text, which tells 0.0 from -0.0 and 1 from True.
"""

from __future__ import annotations

from ..ir.builder import attr_key
from ..ir.graph import Block, Function, Op, Value
from ..ir.opdef import OPS, effect_of
from ..ir.types import Type
from ..ir.walk import callees, map_type

Known = dict[tuple, Op]


def cse(function: Function) -> Function:
    """Merge equal ops, in place."""
    for f in callees(function):
        _block(f.block, [], {})
    return function


def _block(block: Block, scopes: list[Known], replaced: dict[Value, Value]) -> None:
    scopes = [*scopes, {}]
    kept = []
    for a in block.args:
        a.type = map_type(a.type, replaced)
    for op in block.ops:
        op.operands = [replaced.get(v, v) for v in op.operands]
        for r in op.results:
            r.type = map_type(r.type, replaced)
        for region in op.regions:
            _block(region, scopes, replaced)
        if op.regions or effect_of(op) == "ordered" or "fresh" in OPS[op.name].traits:
            kept.append(op)
            continue
        key = _key(op)
        same = next((s[key] for s in scopes if key in s), None)
        if same is None:
            scopes[-1][key] = op
            kept.append(op)
        else:
            replaced.update(zip(op.results, same.results, strict=True))
    block.ops = kept
    block.yields = [replaced.get(v, v) for v in block.yields]


def _key(op: Op) -> tuple:
    operands = [id(v) for v in op.operands]
    if len(operands) == 2 and "commutative" in OPS[op.name].traits:
        operands.sort()
    return op.name, tuple(operands), attr_key(op.attrs), tuple(_type_key(r.type, op) for r in op.results)


def _type_key(t: Type, op: Op) -> object:
    """The type; an extent that is a result of the op itself is named by its place, for its twin has its own."""
    own = [d for d in t.dims if isinstance(d, Value) and d.op is op]
    if not own:
        return t
    return t.dtype, tuple(("result", op.results.index(d)) if isinstance(d, Value) and d.op is op else d for d in t.dims)
