"""Loops whose arrays change their extents, with arrays that keep them:

    while n, z: f64[n] from m, x: f64[m]   ->   while n, z: f64[m]
        z' = z[...]: f64[n']                        z' = z[:n][...]; z[:n'] = z'

Tapes and tangents of a loop need extents that are the same in every trip.  Only for extents that never grow, each being that
of a view of an array of the one before; start with `fix_extents`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.builder import Builder
from ..ir.graph import Block, Op, Value, defining_block, walk_ops
from ..ir.ops.shaping import emit_view
from ..ir.types import ArrayType, Dim
from ..ir.viewmap import identity_map
from ..ir.walk import replace_uses
from .homes import LOOPS

# Of an extent and a count: what is no greater than the extent.
_NO_GREATER = frozenset({"py_subtract", "py_floor_divide"})


def fix_extents(block: Block) -> None:
    """Change `block` in place; a loop whose extents may grow stays as it is."""
    for op in list(block.ops):
        for region in op.regions:
            fix_extents(region)
        if op.name in LOOPS:
            _fix(op, block)


def _fix(op: Op, block: Block) -> None:
    n = len(op.results)
    body, begin = op.regions[-1], op.operands[-n:] if n else []
    args = _carried(op, body)
    changing = [k for k, a in enumerate(args) if any(d in args for d in a.dims if isinstance(d, Value))]
    if not changing or not all(_shrinks(args[k], body.yields[k - n]) for k in changing):
        return
    for region in op.regions:
        arrays = [_carried(op, region)[k] for k in changing]
        parts = [(a, a.dims) for a in arrays]
        for k, a in zip(changing, arrays, strict=True):
            a.type = ArrayType(a.dtype, begin[k].dims)
        head = Builder(Block(), op.loc)
        whole = {a: _part(head, a, dims) for a, dims in parts}
        replace_uses(region, whole)
        _insert(head, region, 0)
    end = Builder(body, op.loc)
    for k in changing:
        y = body.yields[k - n]
        body.yields[k - n] = emit_view(end, "update_slice", [args[k], y], identity_map(len(y.dims)), y.dims, [])
    after = Builder(Block(), op.loc)
    results = [(op.results[k], op.results[k].dims) for k in changing]
    for k in changing:
        op.results[k].type = ArrayType(op.results[k].dtype, begin[k].dims)
    whole = {r: _part(after, r, dims) for r, dims in results}
    replace_uses(block, whole)
    _insert(after, block, block.ops.index(op) + 1)


def _carried(op: Op, region: Block) -> list[Value]:
    return region.args[len(region.args) - len(op.results):]


def _part(b: Builder, x: Value, dims: Sequence[Dim]) -> Value:
    return emit_view(b, "slice", [x], identity_map(len(dims)), dims, [])


def _insert(made: Builder, block: Block, at: int) -> None:
    for o in made.block.ops:
        o.block = block
    block.ops[at:at] = made.block.ops


def _shrinks(a: Value, y: Value) -> bool:
    """Is no extent of `y`, with which a trip ends, greater than that of `a`, with which it began?"""
    return all(within(e, d) for d, e in zip(a.dims, y.dims, strict=True))


def within(e: Dim, d: Dim) -> bool:
    """Is the extent `e` certainly at most `d`?"""
    if e is d or (isinstance(e, int) and isinstance(d, int) and e <= d):
        return True
    if isinstance(e, int) or e.op is None:
        return False
    if e.op.name == "if":
        k = e.op.results.index(e)
        return all(within(r.yields[k], d) for r in e.op.regions)
    if e.op.name in LOOPS:
        k = e.op.results.index(e) - len(e.op.results)
        return within(e.op.regions[-1].yields[k], e.op.regions[-1].args[k]) and within(e.op.operands[k], d)
    if e.op.name == "check" or (e.op.name in _NO_GREATER and _is_count(e.op.operands[1])):
        return within(e.op.operands[0], d)
    if e.op.name == "where":
        return within(e.op.operands[1], d) and within(e.op.operands[2], d)
    block = defining_block(e)
    return any(n is not e and within(n, d) for op in walk_ops(block) for n in viewed_extents(op, e))


def _is_count(v: Value) -> bool:
    """Is it a constant from 1 on?"""
    return v.op is not None and v.op.name == "const" and v.op.attrs["value"] >= 1


def viewed_extents(op: Op, e: Value) -> list[Dim]:
    """The extents of the axes along which a view has extent `e`: the view fits into them."""
    if op.name not in ("slice", "update_slice"):
        return []
    dims = op.result.dims if op.name == "slice" else op.operands[1].dims
    return [n for axis, n in zip(op.attrs["map"], op.operands[0].dims, strict=True)
            if any(step and dims[k] is e for step, k in axis.terms)]
