"""Walking and copying the graph dialect: uses, captured values, cloning, replacing.

The extents in a type are uses of the values that they name, exactly as operands are: whoever asks what an op uses must
ask here, or he will drop, move or merge an op whose result some type still names.  Start with `uses`.
"""

from __future__ import annotations

from collections.abc import Iterator

from .graph import Block, Function, Op, Value, walk_ops
from .types import ArrayType, Type


def uses(op: Op) -> Iterator[Value]:
    """The values that `op` itself uses: operands, and extents in its result types that are not results of its own."""
    yield from op.operands
    for r in op.results:
        for d in r.type.dims:
            if isinstance(d, Value) and d.op is not op:
                yield d


def block_uses(block: Block) -> Iterator[Value]:
    """The values that `block` uses apart from its ops: what it yields, and extents in the types of its arguments."""
    yield from block.yields
    for a in block.args:
        for d in a.type.dims:
            if isinstance(d, Value) and d.block is not block:
                yield d


def all_uses(block: Block) -> Iterator[Value]:
    """Every use in `block` and in the regions inside it, once per use."""
    yield from block_uses(block)
    for op in block.ops:
        yield from uses(op)
        for r in op.regions:
            yield from all_uses(r)


def use_counts(block: Block) -> dict[Value, int]:
    """How often each value is used in `block` and in the regions inside it; unused values are absent."""
    counts: dict[Value, int] = {}
    for v in all_uses(block):
        counts[v] = counts.get(v, 0) + 1
    return counts


def users(block: Block) -> dict[Value, list[Op]]:
    """The ops that use each value, in program order; a use by a region's yields or argument types is the region op's own."""
    found: dict[Value, list[Op]] = {}
    for op in walk_ops(block):
        for v in uses(op):
            found.setdefault(v, []).append(op)
        for r in op.regions:
            for v in block_uses(r):
                found.setdefault(v, []).append(op)
    return found


def captured(*regions: Block) -> list[Value]:
    """The values that these regions use but do not define, each once, in the order of first use."""
    defined: set[Value] = set()
    used: dict[Value, None] = {}
    for region in regions:
        defined.update(region.args)
        for op in walk_ops(region):
            defined.update(op.results)
            for r in op.regions:
                defined.update(r.args)
        used.update(dict.fromkeys(all_uses(region)))
    return [v for v in used if v not in defined]


def map_type(t: Type, mapping: dict[Value, Value]) -> Type:
    """`t` with the values in its extents replaced."""
    if not any(isinstance(d, Value) for d in t.dims):
        return t
    assert isinstance(t, ArrayType)
    return t.with_dims(tuple(mapping.get(d, d) if isinstance(d, Value) else d for d in t.dims))


def clone_op(op: Op, mapping: dict[Value, Value]) -> Op:
    """A copy of `op`, not inserted anywhere, over mapped operands; its results enter `mapping`."""
    new = Op(op.name, [mapping.get(v, v) for v in op.operands], dict(op.attrs), [], loc=op.loc)
    for r in op.regions:
        region = clone_block(r, mapping)
        region.owner = new
        new.regions.append(region)
    for old in op.results:
        v = Value(map_type(old.type, mapping), op=new, name=old.name)
        new.results.append(v)
        mapping[old] = v
    return new


def clone_block(block: Block, mapping: dict[Value, Value]) -> Block:
    """A copy of `block`; its arguments and all values inside enter `mapping`."""
    new = Block()
    for a in block.args:
        mapping[a] = new.add_arg(map_type(a.type, mapping), a.name)
    clone_into(new, block, mapping)
    new.yields = [mapping.get(v, v) for v in block.yields]
    return new


def clone_into(target: Block, source: Block, mapping: dict[Value, Value]) -> list[Value]:
    """Append copies of `source`'s ops to `target`; returns what `source` yields, mapped. `mapping` holds its arguments."""
    for op in source.ops:
        target.append(clone_op(op, mapping))
    return [mapping.get(v, v) for v in source.yields]


def clone_function(function: Function, callees: dict[Function, Function] | None = None) -> Function:
    """A copy of `function` and of the functions it calls, each once."""
    callees = {} if callees is None else callees
    if function in callees:
        return callees[function]
    new = Function(function.name, clone_block(function.block, {}), list(function.parameters), list(function.outputs))
    callees[function] = new
    for op in walk_ops(new.block):
        if isinstance(op.attrs.get("callee"), Function):
            op.attrs["callee"] = clone_function(op.attrs["callee"], callees)
    return new


def replace_uses(block: Block, mapping: dict[Value, Value]) -> None:
    """Replace values wherever `block` and the regions inside it use them, extents in types included.

    A replacement is not itself replaced again: `mapping` is closed (see `resolved`).
    """
    block.yields = [mapping.get(v, v) for v in block.yields]
    for a in block.args:
        a.type = map_type(a.type, mapping)
    for op in block.ops:
        op.operands = [mapping.get(v, v) for v in op.operands]
        for r in op.results:
            r.type = map_type(r.type, mapping)
        for region in op.regions:
            replace_uses(region, mapping)


def resolved(mapping: dict[Value, Value]) -> dict[Value, Value]:
    """`mapping` with chains followed to their ends: {a: b, b: c} becomes {a: c, b: c}."""
    def end(v: Value) -> Value:
        while v in mapping:
            v = mapping[v]
        return v

    return {k: end(v) for k, v in mapping.items()}


def callees(function: Function) -> list[Function]:
    """`function` and all that it calls, callees before callers, each once."""
    order: dict[Function, None] = {}

    def visit(f: Function) -> None:
        if f in order:
            return
        for op in walk_ops(f.block):
            if isinstance(op.attrs.get("callee"), Function):
                visit(op.attrs["callee"])
        order[f] = None

    visit(function)
    return list(order)
