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
from ..ir.opdef import Update, lowering
from .homes import LOOPS, Copies, carried_operand, is_array, is_update, origin
from .liveness import Liveness, Use
from .prepare import argument_states


@dataclass(eq=False, slots=True)
class Decisions:
    """lazy: values that need no memory.  copies: (op, operand number) to be copied before the op writes it, and why.
    snapshots: likewise, but the copy is for those who read the old value later, and the op writes in place.
    kept: checked values that must be read where they stand."""

    lazy: set[Value]
    copies: Copies = field(default_factory=dict)
    snapshots: Copies = field(default_factory=dict)
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
    while True:
        crossing = [(use, chain) for use, chain in _reads(x, op, liveness, decisions)
                    if liveness.after(x, use.point, here) or (_captured(use, op) and (use.op is not op or chain))
                    or (use.op is op and (chain or use.operand != k) and _writes_in_order(op))]
        if not crossing:
            return
        early = next((e for _, chain in crossing if (e := _started_before(x, chain, op, liveness)) is not None), None)
        if early is None:
            break
        decisions.lazy.discard(early.result)
        decisions.kept.add(early.result)
    uses = [use for use, _ in crossing]
    wanted = decisions.snapshots if all(_reads_only(x, use, chain, op) for use, chain in crossing) else decisions.copies
    wanted[op, k] = _reason(uses[0], op)


def _writes_in_order(op: Op) -> bool:
    """Does the update write element after element, so that later reads of its own would see what it wrote?  (The nests of
    others are made to read first.)"""
    rule = lowering(op) if is_update(op) else None
    return isinstance(rule, Update) and rule.index is None


def _started_before(x: Value, chain: list[Op], op: Op, liveness: Liveness) -> Op | None:
    """The last lazy op on the way to a read that stands before `op`, if the first one does."""
    here = liveness.point(op)
    early = [c for c in chain if not liveness.after(x, liveness.point(c), here) and not _inside(c, op)]
    return early[-1] if early and chain[0] is early[0] else None


def _reads_only(x: Value, use: Use, chain: list[Op], op: Op) -> bool:
    """Is the use a mere read of `x` itself, not of what an `if` passes on in its memory, at a place after `op` alone?"""
    return (use.op is not None and use.op is not op and x in (*chain, use.op)[0].operands
            and use.operand not in written_operands(use.op) and is_inside(use.block, op.block))  # type: ignore[arg-type]


def _reads(x: Value, writer: Op, liveness: Liveness, decisions: Decisions,
           seen: set[Value] | None = None) -> Iterator[tuple[Use, list[Op]]]:
    """Where the elements of `x`, which `writer` overwrites, are really read: the use, and the ops of the lazy values on the way.

    Of the ways from one reader of `x` to a use, which may be many, one.  seen: values in the same memory whose reads are given.
    """
    seen = set() if seen is None else seen
    for use in list(liveness.of(x)):
        if (first := _lazy_reader(use, decisions)) is None:
            yield use, []
            yield from _reads_behind(x, use, writer, liveness, decisions, seen)
        elif _forwards(use, first):
            yield from _reads_through(first, writer, liveness, decisions, seen)


def _reads_through(first: Op, writer: Op, liveness: Liveness, decisions: Decisions,
                   seen: set[Value]) -> Iterator[tuple[Use, list[Op]]]:
    """The reads behind the lazy value that `first` makes."""
    found, waiting = {first}, [[first]]
    while waiting:
        chain = waiting.pop()
        v = chain[-1].result
        for use in list(liveness.of(v)):
            if (consumer := _lazy_reader(use, decisions)) is None:
                yield use, chain
                for later, rest in _reads_behind(v, use, writer, liveness, decisions, seen):
                    yield later, [*chain, *rest]
            elif consumer not in found and _forwards(use, consumer):
                found.add(consumer)
                waiting.append([*chain, consumer])


def _lazy_reader(use: Use, decisions: Decisions) -> Op | None:
    """The op of this use, if its value is computed only where that is read."""
    op = use.op
    return op if op is not None and len(op.results) == 1 and op.result in decisions.lazy else None


def _forwards(use: Use, lazy: Op) -> bool:
    return use.operand == 0 or not is_update(lazy)


def _reads_behind(x: Value, use: Use, writer: Op, liveness: Liveness, decisions: Decisions,
                  seen: set[Value]) -> Iterator[tuple[Use, list[Op]]]:
    """The reads of what this use passes on in the memory of `x`."""
    passed = _passed_on(x, use, writer)
    if passed is not None:
        yield from _reads_of_memory(passed, writer, liveness, decisions, seen)


def _reads_of_memory(v: Value, writer: Op, liveness: Liveness, decisions: Decisions,
                     seen: set[Value]) -> Iterator[tuple[Use, list[Op]]]:
    """The reads of `v`, and of all that updates make of it in its memory."""
    if v in seen:
        return
    seen.add(v)
    for use, chain in _reads(v, writer, liveness, decisions, seen):
        yield use, chain
        if not chain and use.op is not None and use.op is not writer and use.operand == 0 and is_update(use.op):
            if (use.op, 0) not in decisions.copies:
                yield from _reads_of_memory(use.op.result, writer, liveness, decisions, seen)


def _passed_on(x: Value, use: Use, writer: Op) -> Value | None:
    """The result of an `if` that lies where `x` does, since the arm of this use hands it on; a write in another arm of the `if`
    does not happen then."""
    owner = use.block.owner if use.op is None else None
    if owner is None or owner.name != "if" or not is_array(x) or _inside(writer, owner):
        return None
    return owner.results[use.operand]


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


