"""Which updates may write where their operand lies, and which must copy first.

After `prepare` each carried array and each overwritten argument ends as a chain of updates of what it was.  `choose_copies`
walks the writes in program order:
a read of the old value that may come after the write is moved before it if it is small work already started there (its
lazy value is materialised); else the write gets a copy.  Fusing moves a read later, so both are one decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..ir.graph import Block, Function, Op, Value, is_inside
from .homes import LOOPS, Copies, carried_operand, is_array, is_update, origin
from .liveness import Liveness, Use
from .prepare import argument_states


@dataclass(eq=False, slots=True)
class Decisions:
    """lazy: values that need no memory.  copies: (op, operand number) to be copied before the op writes it, and why.
    kept: checked values that must be read where they stand."""

    lazy: set[Value]
    copies: Copies = field(default_factory=dict)
    kept: set[Value] = field(default_factory=set)


def written_operands(op: Op) -> list[int]:
    """The operands whose memory `op` takes over."""
    if is_update(op):
        return [0]
    if op.name in LOOPS:
        return [carried_operand(op, k) for k, v in enumerate(op.results) if is_array(v)]
    return []


def choose_copies(function: Function, liveness: Liveness, lazy: set[Value]) -> Decisions:
    """Decide for every write in `function`."""
    decisions = Decisions(lazy)
    own = argument_states(function)
    for op in _writes(function.block):
        for k in written_operands(op):
            x = op.operands[k]
            result = op.results[0] if is_update(op) else op.results[k - len(op.operands)]
            first = origin(x, decisions.copies)
            if op.operands.index(x) != k:
                decisions.copies[op, k] = "the same array is carried twice"
            elif first.op is None and first.block is function.block and own.get(result) is not first:
                decisions.copies[op, k] = f"argument {first.name or '?'} keeps its value"
            else:
                _overwrite(op, k, liveness, decisions)
    return decisions


def _writes(block: Block) -> Iterator[Op]:
    for op in block.ops:
        yield op
        for region in op.regions:
            yield from _writes(region)


def _overwrite(op: Op, k: int, liveness: Liveness, decisions: Decisions) -> None:
    """`op` wants to write into the memory of operand `k`: move the reads that cross it, or copy."""
    x, here = op.operands[k], liveness.point(op)
    moved = True
    while moved:
        moved = False
        for use, chain in _reads(x, liveness, decisions):
            if use.op is op and use.operand == k and not chain:
                crossing = liveness.after(x, use.point, here)
            else:
                crossing = liveness.after(x, use.point, here) or _captured(use, op)
            if not crossing:
                continue
            early = [c for c in chain if not liveness.after(x, liveness.point(c), here) and not _inside(c, op)]
            if early and chain[0] in early:
                decisions.lazy.discard(early[-1].result)
                decisions.kept.add(early[-1].result)
                moved = True
                break
            decisions.copies[op, k] = _reason(use, op)
            return


def _reads(x: Value, liveness: Liveness, decisions: Decisions) -> Iterator[tuple[Use, list[Op]]]:
    """Where the elements of `x` are really read: the use, and the ops of the lazy values on the way."""
    for use in list(liveness.of(x)):
        consumer = use.op
        if consumer is not None and len(consumer.results) == 1 and consumer.result in decisions.lazy:
            if use.operand == 0 or not is_update(consumer):
                for later, chain in _reads(consumer.result, liveness, decisions):
                    yield later, [consumer, *chain]
        else:
            yield use, []


def _captured(use: Use, op: Op) -> bool:
    """Is the read inside the loop that rewrites the value?"""
    return any(is_inside(use.block, region) for region in op.regions)


def _inside(inner: Op, op: Op) -> bool:
    return any(is_inside(inner.block, region) for region in op.regions)


def _reason(use: Use, op: Op) -> str:
    if use.op is None:
        return "the old value is still a result"
    where = f" (line {use.op.loc.line})" if use.op.loc is not None else ""
    if use.op is op:
        return "the loop around it writes the same value again"
    return f"the old value is read later by {use.op.name}{where}"


