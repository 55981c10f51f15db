"""Fusion and in-place planning, as one decision, written down in the graph.

Before: any verified function.  After: work that becomes one loop nest is one `fused` op (or a bare op); every update is in
place, since each copy that is needed is an op `copy`; views, index ramps and filled arrays that still stand bare are read
through and need no memory.  `plan(function)` leaves its argument alone and also tells every copy, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..ir.graph import Block, Function, Op, Value, walk_ops
from ..ir.loc import Loc
from ..ir.opdef import Checked, lowering
from ..ir.types import same_dims
from ..ir.viewmap import is_identity
from ..ir.walk import clone_function, clone_into, clone_op, map_type, use_counts, uses
from .fusion import choose_lazy, is_free
from .homes import is_array, is_update, origin
from .in_place import Decisions, choose_copies
from .liveness import Liveness
from .prepare import empty_like, prepare
from .read_back import read_back


@dataclass(frozen=True, slots=True)
class Copied:
    """One copy of an array that the program did not ask for: what is copied, why, and the user's line."""

    what: str
    reason: str
    loc: Loc | None

    def __str__(self) -> str:
        return f"copy of {self.what}: {self.reason}" + (f" ({self.loc})" if self.loc is not None else "")


@dataclass(eq=False, slots=True)
class Plan:
    """The planned function and its copies, in program order."""

    function: Function
    copies: list[Copied] = field(default_factory=list)


def plan(function: Function) -> Plan:
    """Decide what is fused, what lives in memory, and what is copied."""
    new = clone_function(function)
    inline_calls(new.block)
    prepare(new)
    read_back(new.block)
    liveness = Liveness(new.block)
    decisions = choose_copies(new, liveness, choose_lazy(new.block, liveness))
    result = Plan(new)
    _insert_snapshots(decisions, result)
    _insert_copies(new, decisions, result)
    _own_outputs(new, result)
    form_groups(new.block, decisions)
    _drop_unread(new.block)
    return result


def _drop_unread(block: Block) -> None:
    """Drop views that now live only inside groups, and memory that nobody reads."""
    counts = use_counts(block)

    def go(block: Block) -> None:
        kept = []
        for op in reversed(block.ops):
            if (is_free(op) or op.name in ("fused", "copy", "empty")) and not any(counts.get(r) for r in op.results):
                for v in uses(op):
                    counts[v] -= 1
                continue
            for region in op.regions:
                go(region)
            kept.append(op)
        block.ops = kept[::-1]

    go(block)


def inline_calls(block: Block) -> None:
    """Replace each call by the callee's ops: one native function is one loop program."""
    while any(op.name == "call" for op in walk_ops(block)):
        for op in [o for o in walk_ops(block) if o.name == "call"]:
            outer = op.block
            assert outer is not None
            callee = op.attrs["callee"].block
            inner = Block()
            yields = clone_into(inner, callee, dict(zip(callee.args, op.operands, strict=True)))
            at = outer.ops.index(op)
            for o in inner.ops:
                o.block = outer
                o.loc = o.loc or op.loc
            outer.ops[at:at + 1] = inner.ops
            _replace_everywhere(block, dict(zip(op.results, yields, strict=True)))


def _replace_everywhere(block: Block, mapping: dict[Value, Value]) -> None:
    block.yields = [mapping.get(v, v) for v in block.yields]
    for op in block.ops:
        _replace_in(op, mapping)


def _replace_in(op: Op, mapping: dict[Value, Value]) -> None:
    op.operands = [mapping.get(v, v) for v in op.operands]
    for r in op.results:
        r.type = map_type(r.type, mapping)
    for region in op.regions:
        _replace_everywhere(region, mapping)


def _copy_op(x: Value, block: Block, loc: Loc | None) -> Op:
    op = Op("copy", [x], {}, [x.type], loc=loc)
    op.block = block
    return op


def _insert_copies(function: Function, decisions: Decisions, result: Plan) -> None:
    for (op, k), reason in decisions.copies.items():
        block, x = op.block, op.operands[k]
        assert block is not None
        whole = is_update(op) and op.name == "update_slice" and is_identity(op.attrs["map"]) and same_dims(
            x.dims, op.operands[1].dims)
        filled = x.op is not None and x.op.name in ("broadcast", "iota") and not any(map(is_array, x.op.operands))
        if whole:
            # What is overwritten as a whole needs memory, but not the old elements.
            made = empty_like(x, block, op.loc)
        elif filled:
            # A filled array is filled again rather than copied.
            made = clone_op(x.op, {})  # type: ignore[arg-type]
            made.block = block
        else:
            made = _copy_op(x, block, op.loc)
        block.ops.insert(block.ops.index(op), made)
        op.operands[k] = made.result
        if not whole and not filled:
            result.copies.append(Copied(f"{x.name or x.type}", reason, op.loc))


def _own_outputs(function: Function, result: Plan) -> None:
    """Give each result that goes to new memory an origin of its own."""
    block, taken = function.block, set()
    for output, v in zip(function.outputs, block.yields, strict=True):
        if output.into is not None:
            taken.add(origin(v))
    for k, (output, v) in enumerate(zip(function.outputs, block.yields, strict=True)):
        if output.into is not None or not is_array(v):
            continue
        first = origin(v)
        if first.op is None or first.op.block is not block or first in taken or isinstance(
                lowering(first.op), Checked):
            made = _copy_op(v, block, v.op.loc if v.op is not None else None)
            block.ops.append(made)
            block.yields[k] = first = made.result
            if v.op is not None and not is_free(v.op):
                result.copies.append(Copied(f"{v.name or v.type}", "it is returned as a new array", made.loc))
        taken.add(first)


def _insert_snapshots(decisions: Decisions, result: Plan) -> None:
    """Copies of old values, for those who read them after the update; it reads them there too where it looks around."""
    for (op, k), reason in decisions.snapshots.items():
        block, x = op.block, op.operands[k]
        assert block is not None
        made = _copy_op(x, block, op.loc)
        cone = _cone(op, decisions.lazy) if is_update(op) else []
        looking = [o for o in cone if x in o.operands and o.name == "slice" and o.block is block]
        at = min(block.ops.index(o) for o in [op, *looking])
        later = block.ops[block.ops.index(op) + 1:]
        block.ops.insert(at, made)
        for o in [*looking, *later]:
            _replace_in(o, {x: made.result})
        for region in op.regions:
            _replace_everywhere(region, {x: made.result})
        result.copies.append(Copied(f"{x.name or x.type}", reason, op.loc))


def form_groups(block: Block, decisions: Decisions) -> None:
    """Make each op that needs a nest one op with all the lazy work that it reads."""
    lazy = decisions.lazy
    ops: list[Op] = []
    for op in block.ops:
        for region in op.regions:
            form_groups(region, decisions)
        rule = lowering(op)
        if len(op.results) == 1 and op.result in lazy and not isinstance(rule, Checked):
            if is_free(op):
                ops.append(op)
            continue
        if isinstance(rule, Checked) or not op.results:
            ops.append(op)
        else:
            ops.append(_group(op, lazy))
    block.ops = ops
    for kept in [v for v in decisions.kept if v.op is not None and v.op.block is block and isinstance(lowering(v.op), Checked)]:
        made = _copy_op(kept, block, kept.op.loc)  # type: ignore[union-attr]
        at = block.ops.index(kept.op)  # type: ignore[arg-type]
        _replace_everywhere(block, {kept: made.result})
        made.operands = [kept]
        block.ops.insert(at + 1, made)


def _cone(op: Op, lazy: set[Value]) -> list[Op]:
    """The lazy ops that `op` reads through, operands first."""
    order: dict[Op, None] = {}

    def visit(v: Value) -> None:
        if v in lazy and v.op not in order and not isinstance(lowering(v.op), Checked):  # type: ignore[arg-type]
            for operand in v.op.operands:  # type: ignore[union-attr]
                visit(operand)
            order[v.op] = None  # type: ignore[index]

    for operand in op.operands:
        visit(operand)
    return list(order)


def _group(op: Op, lazy: set[Value]) -> Op:
    """A `fused` op that does the work of `op` and of its cone; `op` itself if there is none and it is not a view."""
    if op.regions or (is_update(op) and not lazy.intersection(op.operands)):
        return op
    cone = _cone(op, lazy)
    view = is_free(op) and is_array(op.result)
    if not cone and not view:
        return op
    inside = {v for o in cone for v in o.results}
    used: dict[Value, None] = {}
    for o in [*cone, op]:
        for v in [*(d for x in (*o.results, *o.operands) for d in x.dims if isinstance(d, Value)), *o.operands]:
            if v not in inside:
                used[v] = None
    outside = sorted(used, key=is_array)
    region = Block()
    mapping: dict[Value, Value] = {}
    for v in outside:
        mapping[v] = region.add_arg(map_type(v.type, mapping), v.name)
    for o in [*cone, op]:
        region.append(clone_op(o, mapping))
    yields = [mapping[r] for r in op.results]
    if view:
        yields = [region.append(_copy_op(yields[0], region, op.loc)).result]
    region.yields = yields
    group = Op("fused", outside, {}, [], [region], loc=op.loc)
    group.results, group.block = op.results, op.block
    for r in op.results:
        r.op = group
    return group
