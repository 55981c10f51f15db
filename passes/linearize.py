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
from ..ir.types import DTYPE_NAMES, PY_INT, WEAK_PYTHON, ArrayType, Type
from ..ir.walk import captured, clone_block, clone_op, map_type, replace_uses
from .activity import active_values
from .dce import dce
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


def linearize(builder: Builder, block: Block, primals: Sequence[Value], moving: Sequence[bool]) -> Linearized:
    """Build the primal program of `block` for these arguments at the end of `builder`'s block, and its linear one."""
    mixed = Block()
    tangents = [mixed.add_arg(p.type) if m else None for p, m in zip(primals, moving, strict=True)]
    results, outgoing = jvp(Builder(mixed), block, primals, tangents)
    mixed.yields = [*results, *(t for t in outgoing if t is not None)]
    dce(Function("mixed", mixed))
    primal, linear = split(builder, mixed, {}, mixed.args, len(results))
    return Linearized(primal, linear, [t is not None for t in outgoing])


def split(builder: Builder, mixed: Block, known: dict[Value, Value], tangents: Sequence[Value],
          results: int) -> tuple[list[Value], Block]:
    """The primal program of `mixed`, at the end of `builder`'s block, and the linear one.

    known: what the arguments are that are no `tangents`.  The first `results` yields belong to the primal program, which
    gives their values; the others are what the linear program yields.
    """
    parts = _Split(active_values(mixed, tangents))
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
    """env: what each value of the mixed program is in P or in L.  linear: its values that belong to L."""

    def __init__(self, linear: set[Value]) -> None:
        self.linear = linear
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

    def _linear_for(self, op: Op, L: Builder, body: Block, residuals: Residuals, wanted: Sequence[Value], index: Value,
                    bounds: tuple[Value, Value, Value], tapes: dict[Value, Value], hot: Sequence[bool]) -> None:
        head = Builder(Block(), op.loc)
        number = trip_number(head, index, bounds[0], bounds[2]) if tapes else index
        again = residuals.reload(head, tapes, number, index, wanted)
        replace_uses(body, again)
        for o in head.block.ops:
            o.block = body
        body.ops[:0] = head.block.ops
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
        self._for(self._counted(op, trips, P), P, L)
        self._leave(op, hot, got)

    def _counted(self, op: Op, trips: Value, P: Builder) -> Op:
        """The `for` of a `while` that is known to make so many trips; effects and checks have happened."""
        body, mapping = Block(), dict[Value, Value]()
        body.add_arg(PY_INT)
        for a in op.regions[1].args:
            mapping[a] = body.add_arg(map_type(a.type, mapping), a.name)
        copy = clone_block(op.regions[1], mapping)
        _without_effects(copy)
        for o in copy.ops:
            o.block = body
        body.ops, body.yields = copy.ops, copy.yields
        body.args[1:] = copy.args
        for a in body.args:
            a.block = body
        loop = Op("for", [P.constant(0), trips, P.constant(1), *op.operands], {}, [], [body], op.loc)
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
        wanted = [_with_dims([v for v in captured(m.block) if defining_block(v) is p.block], p.block)
                  for p, m in zip(arms, moving, strict=True)]
        base = len(arms[0].block.yields)
        fillers = [_fillers(arms[1], wanted[0]), _fillers(arms[0], wanted[1])]
        arms[0].block.yields += [*wanted[0], *fillers[1]]
        arms[1].block.yields += [*fillers[0], *wanted[1]]
        condition = self.of(op.operands[0])
        P.loc = L.loc = op.loc
        got = P.emit("if", [condition], {}, [a.block for a in arms])
        self._leave(op, hot, got)
        outside = dict(zip([v for values in wanted for v in values], got[base:], strict=True))
        for m in moving:
            replace_uses(m.block, outside)
        linear = L.emit("if", [condition], {}, [m.block for m in moving])
        for r, value in zip([r for r, h in zip(op.results, hot, strict=True) if h], linear, strict=True):
            self.env[r] = value


def _without_effects(block: Block) -> None:
    """Drop checks and calls of Python functions: they were made by an earlier run of the same."""
    replaced: dict[Value, Value] = {}
    kept = []
    for op in block.ops:
        for r in op.regions:
            _without_effects(r)
        if op.name == "callback":
            if len(op.results) > 1:
                raise UnsupportedError("the derivative of a call of a Python function in a while loop",
                                       "the loop would have to run twice", loc=op.loc)
            replaced[op.result] = replaced.get(op.operands[0], op.operands[0])
        elif op.name == "check":
            replaced[op.result] = replaced.get(op.operands[0], op.operands[0])
        else:
            kept.append(op)
    block.ops = kept
    replace_uses(block, replaced)


def _with_dims(values: Sequence[Value], block: Block) -> list[Value]:
    """The values, each after those of the block that its extents name."""
    order: dict[Value, None] = {}

    def visit(v: Value) -> None:
        for d in v.dims:
            if isinstance(d, Value) and defining_block(d) is block:
                visit(d)
        order[v] = None

    for v in values:
        if v not in order:
            visit(v)
    return list(order)


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
