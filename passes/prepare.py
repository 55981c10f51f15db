"""Makes every value that must end in given memory an update of that memory, so that planning sees one kind of write.

A carried array ends each trip as a chain of updates of what the loop brought in; an `if`'s array result is, in both arms,
an update of one earlier value (or of fresh `empty` memory); an overwritten argument ends as an update of itself.
`prepare(function)` changes the function in place; start there.
"""

from __future__ import annotations

from ..ir.builder import Builder, dim_template
from ..ir.graph import Block, Function, Op, Value, walk_ops
from ..ir.loc import Loc
from ..ir.opdef import effect_of
from ..ir.ops.shaping import emit_view
from ..ir.types import DTYPE_NAMES, same_dims
from ..ir.viewmap import identity_map
from ..ir.walk import replace_uses
from .homes import LOOPS, Copies, branch_home, carried_operand, is_array, is_update, leave, origin
from .liveness import Liveness


def prepare(function: Function) -> None:
    """Bring `function` into the form the module's text describes."""
    states = argument_states(function)
    _prepare_block(function.block, function, states, Liveness(function.block))
    block = function.block
    targets = {k: block.args[o.into] for k, o in enumerate(function.outputs) if o.into is not None}
    _return_copies(function)
    _end_in(block, {k: a for k, a in targets.items() if is_array(a)})


def _return_copies(function: Function) -> None:
    """An argument returned as a new array is copied before anything is written."""
    block = function.block
    for k, output in enumerate(function.outputs):
        v = block.yields[k]
        if output.into is None and v.op is None and is_array(v):
            made = Op("copy", [v], {}, [v.type])
            made.block = block
            block.ops.insert(0, made)
            block.yields[k] = made.result


def argument_states(function: Function) -> dict[Value, Value]:
    """For each value that is a state of an overwritten argument, on the way to its last one: that argument."""
    states: dict[Value, Value] = {}

    def mark(v: Value, argument: Value) -> None:
        while v not in states:
            states[v] = argument
            op = v.op
            if op is None:
                return
            if is_update(op):
                v = op.operands[0]
            elif op.name in LOOPS:
                k = op.results.index(v) - len(op.results)
                mark(op.regions[-1].yields[k], argument)
                v = op.operands[k]
            elif op.name == "if":
                k = op.results.index(v)
                mark(op.regions[0].yields[k], argument)
                v = op.regions[1].yields[k]
            else:
                return

    for v, output in zip(function.block.yields, function.outputs, strict=True):
        if output.into is not None:
            mark(v, function.block.args[output.into])
    return states


def _prepare_block(block: Block, function: Function, states: dict[Value, Value], liveness: Liveness) -> None:
    for op in list(block.ops):
        for region in op.regions:
            _prepare_block(region, function, states, liveness)
        if op.name in LOOPS:
            body, n = op.regions[-1], len(op.results)
            params = body.args[len(body.args) - n:]
            first = len(body.yields) - n
            if _end_in(body, {first + k: p for k, p in enumerate(params) if is_array(p)}):
                liveness.renew(body, deep=True)
        elif op.name == "if" and any(map(is_array, op.results)):
            _prepare_branch(op, function, states, liveness)


def _end_in(block: Block, targets: dict[int, Value]) -> bool:
    """Make yield number k of `block` an update of targets[k]. True if the block has changed."""
    stop = frozenset(targets.values())
    moves = {k: target for k, target in targets.items() if origin(block.yields[k], stop=stop) is not target}
    builder = Builder(block)
    for k, target in moves.items():
        last = _last_state(block, target)
        if not _update_at_definition(block, k, last):
            block.yields[k] = overwrite(builder, last, block.yields[k])
    return bool(moves)


def _last_state(block: Block, v: Value) -> Value:
    """The last value that updates, loops and branches of `block` make of `v`, one after the other, in its memory; `v` itself if
    that value is still needed at the end."""
    last = v
    while True:
        made = [r for op in block.ops for r in _made_of(op, last)]
        if len(made) != 1:
            return last if last not in block.yields else v
        last = made[0]


def _made_of(op: Op, v: Value) -> list[Value]:
    """The results of `op` that lie in the memory of `v`, which it takes over."""
    if is_update(op):
        return op.results if op.operands[0] is v else []
    if op.name in LOOPS:
        return [r for k, r in enumerate(op.results) if op.operands[carried_operand(op, k)] is v]
    return [r for r in op.results if is_array(r) and branch_home(r) is v] if op.name == "if" else []


def overwrite(builder: Builder, target: Value, new: Value) -> Value:
    """All of `target` replaced by `new`."""
    builder.loc = new.op.loc if new.op is not None else None
    return emit_view(builder, "update_slice", [target, new], identity_map(len(new.dims)), new.dims, [])


def _update_at_definition(block: Block, k: int, target: Value) -> bool:
    """Where a yielded value has other readers or is itself updated, make it in `target`'s memory from the start.

    Legal if `target` is there already and nothing in the block reads it later, and, where it is the caller's array, no error can
    be raised between here and the end.
    """
    made = block.yields[k]
    while is_update(made.op) and made.op.block is block:  # type: ignore[union-attr]
        made = made.op.operands[0]  # type: ignore[union-attr]
    if made.op is None or made.op.block is not block or made.op.regions or len(made.op.results) != 1:
        return False
    at = block.ops.index(made.op)
    rest = block.ops[at + 1:]
    if target.op is not None and target.op in rest:
        return False
    is_callers = origin(target).op is None
    if not any(_uses(op, made) for op in rest) or any(_uses(op, target) for op in rest):
        return False
    if target in block.yields or block.yields.count(made) > 1 or (is_callers and any(effect_of(op) != "pure" for op in rest)):
        return False
    whole = same_dims(made.dims, target.dims)
    if not whole and block.yields[k] is not made:
        return False
    tail = Block()
    tail.ops, tail.yields = rest, block.yields
    del block.ops[at + 1:]
    builder = Builder(block)
    new = overwrite(builder, target, made)
    # In larger memory, readers see the part that there is.
    seen = new if whole else emit_view(builder, "slice", [new], identity_map(len(made.dims)), made.dims, [])
    replace_uses(tail, {made: seen})
    block.ops.extend(rest)
    block.yields = tail.yields
    block.yields[k] = new if block.yields[k] is seen else block.yields[k]
    return True


def _uses(op: Op, v: Value) -> bool:
    return v in op.operands or any(_uses(o, v) for r in op.regions for o in r.ops) or any(v in r.yields for r in op.regions)


def _prepare_branch(op: Op, function: Function, states: dict[Value, Value], liveness: Liveness) -> None:
    homes: dict[int, Value] = {}
    for k, result in enumerate(op.results):
        if is_array(result):
            home = _shared_home(op, k, function, states, liveness)
            if home is None or home in homes.values():
                home = _new_memory(op, result)
                liveness.renew(op.block)  # type: ignore[arg-type]  # it is not the function's own
            homes[k] = home
    for arm in op.regions:
        if _end_in_arm(arm, homes):
            liveness.renew(arm, deep=True)


def _shared_home(op: Op, k: int, function: Function, states: dict[Value, Value], liveness: Liveness) -> Value | None:
    """An earlier value that an arm updates, or passes on, and that nobody reads after the `if`."""
    ends = [(arm.yields[k], leave(arm.yields[k], arm)) for arm in op.regions]
    # What an arm updates rather than what one only passes on.
    for _, home in sorted(ends, key=lambda e: e[0] is e[1]):
        if home is None:
            continue
        if _is_argument(origin(home), function):
            first = origin(home, _kept_arguments(function, states))
            if _is_argument(first, function) and states.get(op.results[k]) is not first:
                continue
        if not any(liveness.after(home, use.point, liveness.point(op)) for use in liveness.of(home)):
            return home
    return None


def _is_argument(v: Value, function: Function) -> bool:
    return v.op is None and v.block is function.block


def _kept_arguments(function: Function, states: dict[Value, Value]) -> Copies:
    """Where loops begin with an argument that keeps its value: planning gives them a copy of it (`in_place`)."""
    found: Copies = {}
    for op in walk_ops(function.block):
        for k, result in enumerate(op.results if op.name in LOOPS else []):
            if is_array(result):
                first = origin(op.operands[carried_operand(op, k)], found)
                if _is_argument(first, function) and states.get(result) is not first:
                    found[op, carried_operand(op, k)] = "an argument keeps its value"
    return found


def _new_memory(op: Op, result: Value) -> Value:
    """An `empty` before `op`."""
    block = op.block
    assert block is not None
    new = empty_like(result, block, op.loc)
    block.ops.insert(block.ops.index(op), new)
    return new.result


def empty_like(x: Value, block: Block, loc: Loc | None) -> Op:
    """An `empty` of `x`'s type, for insertion into `block`."""
    extents = [d for d in x.dims if isinstance(d, Value)]
    op = Op("empty", extents, {"dims": dim_template(x.dims, 0), "dtype": DTYPE_NAMES[x.dtype]}, [x.type], loc=loc)
    op.block = block
    return op


def _end_in_arm(arm: Block, homes: dict[int, Value]) -> bool:
    """Make yield number k of `arm` an update of homes[k], a value from outside. True if the arm has changed.

    A later state of that value, made before the `if`, is another one: it may have got memory of its own.
    """
    builder = Builder(arm)
    moves = [k for k, home in homes.items() if leave(arm.yields[k], arm) is not home]
    for k in moves:
        if not _update_at_definition(arm, k, homes[k]):
            arm.yields[k] = overwrite(builder, homes[k], arm.yields[k])
    return bool(moves)
