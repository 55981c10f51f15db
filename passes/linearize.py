"""Linearization: a block becomes its primal program, and a program linear in the tangents that captures values of the first.

Forward mode gives both mixed; what depends on a tangent goes to the linear program L, the rest to the primal program P, which
never reads L.  A loop is split into a primal loop that writes tapes and a linear loop over the same indices that reads them
(`residuals.py` decides what is kept); one that stops early counts its trips, and so does a `while`, whose tapes are written by
a second, counted run without effects.  An `if` is split by arm: what L reads of an arm comes out of the primal `if`.
Start with `linearize`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.builder import Builder
from ..ir.errors import UnsupportedError
from ..ir.graph import Block, Function, Op, Value, defining_block
from ..ir.ops.shaping import emit_shaped
from ..ir.types import DTYPE_NAMES, PY_INT, WEAK_PYTHON, ArrayType, Dim, Type
from ..ir.walk import captured, clone_block, clone_into, clone_op, map_type, replace_uses
from .activity import active_values
from .budget import Budget, shares, slots, tape_bytes
from .checkpoints import Step, forward_sweep
from .dce import dce
from .effects import without_effects
from .fixed_extents import fix_extents
from .jvp import jvp
from .residuals import Residuals
from .trips import after_trips, as_index, trip_count, trip_number

_COUNT = ArrayType(np.dtype(np.int64))
_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}


@dataclass(eq=False, slots=True)
class Linearized:
    """results: what the block yields.  linear: takes a tangent per moving argument, yields one per result whose `moves` is
    set; it captures residuals, which stand where the primal program was built."""

    results: list[Value]
    linear: Block
    moves: list[bool]


def linearize(builder: Builder, block: Block, primals: Sequence[Value], moving: Sequence[bool],
              memory: int | None = None) -> Linearized:
    """Build the primal program of `block` for these arguments at the end of `builder`'s block, and its linear one.  Loops in
    `block` whose extents change are changed in place.

    memory: bytes that the tapes of all loops may take; the linear program of a loop that needs more can only be transposed.
    """
    fix_extents(block)
    mixed = Block()
    tangents = [mixed.add_arg(p.type) if m else None for p, m in zip(primals, moving, strict=True)]
    results, outgoing = jvp(Builder(mixed), block, primals, tangents)
    mixed.yields = [*results, *(t for t in outgoing if t is not None)]
    dce(Function("mixed", mixed))
    primal, linear = split(builder, mixed, {}, mixed.args, len(results), memory=memory)
    return Linearized(primal, linear, [t is not None for t in outgoing])


def split(builder: Builder, mixed: Block, known: dict[Value, Value], tangents: Sequence[Value],
          results: int, captured_linear: Sequence[Value] = (), memory: int | None = None) -> tuple[list[Value], Block]:
    """The primal program of `mixed`, at the end of `builder`'s block, and the linear one.

    known: what the arguments are that are no `tangents`.  The first `results` yields belong to the primal program, which
    gives their values; the others are what the linear program yields.  captured_linear: values that it captures and is
    linear in as well.  memory: as for `linearize`.
    """
    budget = None
    if memory is not None:
        measured = Budget()
        _split(Builder(Block(), builder.loc), mixed, known, tangents, results, captured_linear, measured)
        budget = Budget(shares(memory, measured.needs))
    return _split(builder, mixed, known, tangents, results, captured_linear, budget)


def _split(builder: Builder, mixed: Block, known: dict[Value, Value], tangents: Sequence[Value], results: int,
           captured_linear: Sequence[Value], budget: Budget | None) -> tuple[list[Value], Block]:
    parts = _Split(active_values(mixed, [*tangents, *captured_linear]), builder, budget)
    parts.env.update(known)
    linear = Block()
    for a in tangents:
        parts.env[a] = linear.add_arg(map_type(a.type, known))
    inner = Builder(linear)
    parts.block(mixed, builder, inner)
    linear.yields = [parts.slot(y, inner) for y in mixed.yields[results:]]
    dce(Function("linear", linear))
    return [parts.of(y) for y in mixed.yields[:results]], linear


class _Split:
    """env: what each value of the mixed program is in P or in L.  linear: its values that belong to L.  outermost: where P
    is built; budget: the bytes that the tapes of the loops there may take."""

    def __init__(self, linear: set[Value], outermost: Builder, budget: Budget | None) -> None:
        self.linear, self.outermost, self.budget = linear, outermost, budget
        self.env: dict[Value, Value] = {}

    def of(self, v: Value) -> Value:
        return self.env.get(v, v)

    def type(self, v: Value) -> Type:
        return map_type(v.type, self.env)

    def slot(self, v: Value, builder: Builder) -> Value:
        """`v` where L needs a linear value: what does not depend on a tangent can only be zero there."""
        return self.of(v) if v in self.linear else builder.zeros(self.type(v))

    def block(self, source: Block, P: Builder, L: Builder) -> None:
        for op in source.ops:
            if not any(r in self.linear for r in op.results):
                P.block.append(clone_op(op, self.env))
            elif op.name == "for":
                self._for(op, P, L)
            elif op.name == "while":
                self._while(op, P, L)
            elif op.name == "if":
                self._if(op, P, L)
            else:
                L.block.append(clone_op(op, self.env))

    # Loops

    def _for(self, op: Op, P: Builder, L: Builder) -> None:
        if op.attrs.get("until") is not None and self.budget is not None and P is self.outermost:
            self._stopped(op, P, L)
            return
        saved = dict(self.env)
        body, hot = op.regions[0], [r in self.linear for r in op.results]
        index, *carried = body.args
        inner, moving = Builder(Block(), op.loc), Builder(Block(), op.loc)
        self.env[index] = inner.block.add_arg(index.type, index.name)
        number_in_linear = moving.block.add_arg(index.type, index.name)
        self._enter(carried, hot, inner.block, moving.block, op)
        self.block(body, inner, moving)
        start, stop, step = (self.of(v) for v in op.operands[:3])
        P.loc = L.loc = op.loc
        kept = [self.of(y) for y, h in zip(body.yields, hot, strict=True) if not h]
        moving.block.yields = [self.slot(y, moving) for y, h in zip(body.yields, hot, strict=True) if h]
        # A second pass over what L needs, without what turned out not to be needed.
        dce(Function("linear body", moving.block))
        wanted = [v for v in captured(moving.block) if defining_block(v) is inner.block]
        residuals = Residuals(inner.block, inner.block.args[0], wanted)
        count = trip_count(P, start, stop, step)
        if self.budget is not None and P is self.outermost:
            need = tape_bytes(residuals, count)
            limit = self.budget.limit(need)
            if need > limit:
                self.env = saved
                self._checkpointed(op, P, L, count, residuals, limit)
                return
        tapes = [residuals.tape(P, v, count) for v in residuals.saved]
        number = trip_number(inner, inner.block.args[0], start, step) if tapes else None
        rows = [inner.block.add_arg(t.type) for t in tapes]
        recorded = [residuals.record(inner, row, v, number)  # type: ignore[arg-type]
                    for row, v in zip(rows, residuals.saved, strict=True)]
        until = op.attrs.get("until")
        counters = [P.zeros(_COUNT)] if until is not None else []
        ticks = [inner.add(inner.block.add_arg(_COUNT), 1) for _ in counters]
        inner.block.yields = [*kept, *recorded, *ticks]
        begin = [self.of(v) for v, h in zip(op.operands[3:], hot, strict=True) if not h]
        attrs = {} if until is None else {"until": sum(not h for h in hot[:until])}
        got = P.emit("for", [start, stop, step, *begin, *tapes, *counters], attrs, [inner.block])
        self._leave(op, hot, got)
        if until is not None:
            stop = after_trips(P, start, step, as_index(P, got[-1]))
        self._linear_for(op, L, moving.block, residuals, wanted, number_in_linear, (start, stop, step),
                         dict(zip(residuals.saved, got[len(begin):], strict=False)), hot)

    def _checkpointed(self, op: Op, P: Builder, L: Builder, count: Dim, residuals: Residuals, limit: int) -> None:
        """The loop with its state in as many slots as the limit allows instead of tapes."""
        body, hot = op.regions[0], [r in self.linear for r in op.results]
        state = [self.of(v) for v, h in zip(op.operands[3:], hot, strict=True) if not h]
        room, inside = slots(P, residuals, limit, state, count)
        trips = as_index(P, count)
        start, _, by = (self.of(v) for v in op.operands[:3])
        region = clone_block(body, dict(self.env))
        carried = region.args[1:]
        region.args[1:] = [*(a for a, h in zip(carried, hot, strict=True) if not h),
                           *(a for a, h in zip(carried, hot, strict=True) if h)]
        region.yields = [*(y for y, h in zip(region.yields, hot, strict=True) if not h),
                         *(y for y, h in zip(region.yields, hot, strict=True) if h)]
        primal = clone_block(region, {})
        primal.yields = primal.yields[:len(state)]
        dce(Function("primal body", primal))
        # On the way back nothing is printed or checked again.
        without_effects(region, "a loop whose trips are run again")
        stored, after = forward_sweep(P, room, trips, state, body_step(primal, start, by))
        self._leave(op, hot, after)
        begin = [self.slot(v, L) for v, h in zip(op.operands[3:], hot, strict=True) if h]
        moving = Op("checkpointed_for", [start, by, trips, as_index(P, room), *stored.values, *begin], {"memory": inside},
                    [v.type for v in begin], [region], op.loc)
        L.block.append(moving)
        for r, value in zip([r for r, h in zip(op.results, hot, strict=True) if h], moving.results, strict=True):
            self.env[r] = value

    def _linear_for(self, op: Op, L: Builder, body: Block, residuals: Residuals, wanted: Sequence[Value], index: Value,
                    bounds: tuple[Value, Value, Value], tapes: dict[Value, Value], hot: Sequence[bool]) -> None:
        head = Builder(Block(), op.loc)
        number = trip_number(head, index, bounds[0], bounds[2]) if tapes else index
        again = residuals.reload(head, tapes, number, index, wanted)
        replace_uses(body, again)
        _put_first(head, body)
        begin = [self.slot(v, L) for v, h in zip(op.operands[3:], hot, strict=True) if h]
        got = L.emit("for", [*bounds, *begin], {}, [body])
        for r, value in zip([r for r, h in zip(op.results, hot, strict=True) if h], got, strict=True):
            self.env[r] = value

    def _enter(self, carried: Sequence[Value], hot: Sequence[bool], inner: Block, moving: Block, op: Op) -> None:
        """Arguments for what each part carries."""
        for a, h in zip(carried, hot, strict=True):
            self.env[a] = (moving if h else inner).add_arg(self.type(a), a.name)
            if h and any(isinstance(d, Value) and defining_block(d) is inner for d in self.env[a].dims):
                raise UnsupportedError("the derivative of this loop", "an array that it carries changes its shape", loc=op.loc)

    def _leave(self, op: Op, hot: Sequence[bool], got: Sequence[Value]) -> None:
        for r, value in zip([r for r, h in zip(op.results, hot, strict=True) if not h], got, strict=False):
            self.env[r] = value

    def _while(self, op: Op, P: Builder, L: Builder) -> None:
        """The primal `while`, counting; then the counted loop of its body, for the tapes and L."""
        test, body = op.regions
        hot = [r in self.linear for r in op.results]
        saved = dict(self.env)
        check, inner, discarded = Builder(Block(), op.loc), Builder(Block(), op.loc), Builder(Block(), op.loc)
        self._enter(test.args, hot, check.block, discarded.block, op)
        for o in test.ops:
            check.block.append(clone_op(o, self.env))
        check.block.yields = [self.of(y) for y in test.yields]
        check.block.add_arg(_COUNT)
        self._enter(body.args, hot, inner.block, discarded.block, op)
        self.block(body, inner, discarded)
        count = inner.add(inner.block.add_arg(_COUNT), 1)
        inner.block.yields = [*(self.of(y) for y, h in zip(body.yields, hot, strict=True) if not h), count]
        self.env = saved
        P.loc = op.loc
        begin = [self.of(v) for v, h in zip(op.operands, hot, strict=True) if not h]
        got = P.emit("while", [*begin, P.zeros(_COUNT)], {}, [check.block, inner.block])
        trips = as_index(P, got[-1])
        self._for(self._counted(op, (P.constant(0), trips, P.constant(1)), op.operands), P, L)
        self._leave(op, hot, got)

    def _stopped(self, op: Op, P: Builder, L: Builder) -> None:
        """A `for` that may stop early, as a `while`: counted first."""
        hot, until = [r in self.linear for r in op.results], op.attrs["until"]
        index, *carried = op.regions[0].args
        saved = dict(self.env)
        inner, discarded = Builder(Block(), op.loc), Builder(Block(), op.loc)
        self.env[index] = inner.block.add_arg(index.type, index.name)
        self._enter(carried, hot, inner.block, discarded.block, op)
        self.block(op.regions[0], inner, discarded)
        count = inner.add(inner.block.add_arg(_COUNT), 1)
        inner.block.yields = [*(self.of(y) for y, h in zip(op.regions[0].yields, hot, strict=True) if not h), count]
        self.env = saved
        P.loc = op.loc
        start, stop, step = (self.of(v) for v in op.operands[:3])
        begin = [self.of(v) for v, h in zip(op.operands[3:], hot, strict=True) if not h]
        got = P.emit("for", [start, stop, step, *begin, P.zeros(_COUNT)], {"until": sum(not h for h in hot[:until])},
                     [inner.block])
        end = after_trips(P, start, step, as_index(P, got[-1]))
        self._for(self._counted(op, (start, end, step), op.operands[3:]), P, L)
        self._leave(op, hot, got)

    def _counted(self, op: Op, bounds: Sequence[Value], carried: Sequence[Value]) -> Op:
        """The `for` of a loop whose trips are known; effects and checks have happened."""
        source = op.regions[-1]
        indexed = len(source.args) > len(op.results)
        body, mapping = Block(), dict[Value, Value]()
        body.add_arg(source.args[0].type if indexed else PY_INT)
        if indexed:
            mapping[source.args[0]] = body.args[0]
        for a in source.args[indexed:]:
            mapping[a] = body.add_arg(map_type(a.type, mapping), a.name)
        body.yields = clone_into(body, source, mapping)
        without_effects(body, "a while loop")
        loop = Op("for", [*bounds, *carried], {}, [], [body], op.loc)
        loop.results = op.results
        self.linear |= active_values(body, [a for a, r in zip(body.args[1:], op.results, strict=True) if r in self.linear]
                                     + [v for v in captured(body) if v in self.linear])
        return loop

    # Branches

    def _if(self, op: Op, P: Builder, L: Builder) -> None:
        hot = [r in self.linear for r in op.results]
        arms, moving = [], []
        for region in op.regions:
            p, m = Builder(Block(), op.loc), Builder(Block(), op.loc)
            self.block(region, p, m)
            m.block.yields = [self.slot(y, m) for y, h in zip(region.yields, hot, strict=True) if h]
            p.block.yields = [self.of(y) for y, h in zip(region.yields, hot, strict=True) if not h]
            dce(Function("linear arm", m.block))
            arms.append(p)
            moving.append(m)
        wanted = [[v for v in captured(m.block) if defining_block(v) is p.block] for p, m in zip(arms, moving, strict=True)]
        residuals = [Residuals(p.block, None, w) for p, w in zip(arms, wanted, strict=True)]
        saved = [list(r.saved) for r in residuals]
        base = len(arms[0].block.yields)
        fillers = [_fillers(arms[1], saved[0]), _fillers(arms[0], saved[1])]
        arms[0].block.yields += [*saved[0], *fillers[1]]
        arms[1].block.yields += [*fillers[0], *saved[1]]
        condition = self.of(op.operands[0])
        P.loc = L.loc = op.loc
        got = P.emit("if", [condition], {}, [a.block for a in arms])
        self._leave(op, hot, got)
        outside = dict(zip([v for values in saved for v in values], got[base:], strict=True))
        for m, kept, w in zip(moving, residuals, wanted, strict=True):
            head = Builder(Block(), op.loc)
            replace_uses(m.block, kept.remake(head, outside, w))
            _put_first(head, m.block)
        linear = L.emit("if", [condition], {}, [m.block for m in moving])
        for r, value in zip([r for r, h in zip(op.results, hot, strict=True) if h], linear, strict=True):
            self.env[r] = value


def body_step(primal: Block, start: Value, by: Value) -> Step:
    """One trip of a loop: `primal` takes the index and the state; trips are counted from 0."""

    def step(b: Builder, trip: Value, state: Sequence[Value]) -> list[Value]:
        mapping = dict(zip(primal.args, [after_trips(b, start, by, trip), *state], strict=False))
        return clone_into(b.block, primal, mapping)

    return step


def _put_first(head: Builder, body: Block) -> None:
    """The ops of `head` at the start of `body`."""
    for o in head.block.ops:
        o.block = body
    body.ops[:0] = head.block.ops


def _fillers(builder: Builder, values: Sequence[Value]) -> list[Value]:
    """What the arm that does not make `values` yields in their place; nobody reads it."""
    made: dict[Value, Value] = {}
    for v in values:
        kind = map_type(v.type, made)
        if kind.dims:
            made[v] = emit_shaped(builder, "empty", [], kind.dims, dtype=DTYPE_NAMES[v.dtype])
        else:
            # An op of its own for each, so that no two extents seem to be one.
            blank = Op("const", [], {"value": WEAK_PYTHON[_KINDS[v.dtype.kind]](0), "type": kind}, [kind])
            made[v] = builder.block.append(blank).result
    return list(made.values())
