"""Transposition: a program linear in its arguments is run backward, cotangents of its results to cotangents of its arguments.

Before: a block whose ops are linear where they depend on its arguments; the others (tape reads, integers) are done first, as
they stand.  After, in the builder's block: each linear op's `transpose` rule in reverse order.  A cotangent that is zero is
absent.  A read through a view adds into the accumulator in place; a loop runs over the same indices backward, and a value
that its body captures becomes an accumulator that it carries; an arm of an `if` hands on the accumulators that it changes.
A cotangent that is zero since a `where` did not choose its side stays zero (`masks.py`).  Start with `transpose`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir.builder import Builder
from ..ir.errors import UnsupportedError
from ..ir.graph import Block, Function, Op, Value
from ..ir.opdef import Linear, Missing, definition
from ..ir.types import DTYPE_NAMES, PY_INT, Type, WeakType
from ..ir.walk import captured, clone_block, clone_op, map_type
from .activity import active_values
from .checkpoints import Slots, state_at
from .dce import dce
from .linearize import body_step, split
from .masks import Masks
from .trips import after_trips, as_index, as_int64, reversed_range

Cotangents = dict[Value, Value]


def transpose(builder: Builder, block: Block, cotangents: Sequence[Value | None]) -> list[Value | None]:
    """The cotangents of the arguments of a linear block, given those of what it yields."""
    backward = _Backward(builder, active_values(block, block.args))
    ct: Cotangents = {}
    for y, c in zip(block.yields, cotangents, strict=True):
        if c is not None:
            backward.add(ct, y, c)
    backward.block(block, ct)
    return [ct.get(a) for a in block.args]


class _Backward:
    """env: the values of the linear program that have been computed as they stand, in the builder's block."""

    def __init__(self, builder: Builder, linear: set[Value]) -> None:
        self.b, self.linear = builder, linear
        self.env: dict[Value, Value] = {}
        self.masks = Masks()

    def of(self, v: Value) -> Value:
        return self.env.get(v, v)

    def type(self, v: Value) -> Type:
        return map_type(v.type, self.env)

    def add(self, ct: Cotangents, v: Value, c: Value) -> None:
        """Another contribution to the cotangent of `v`."""
        if v not in self.linear:
            return
        before = ct.get(v)
        ct[v] = c if before is None else self.sum(before, c)

    def sum(self, total: Value, c: Value) -> Value:
        """total + c; what was added into fresh zeros is added into `total` in place."""
        if isinstance(total.type, WeakType):
            name = DTYPE_NAMES[total.dtype]
            wide = self.b.add(*(self.b.emit("cast", [v], {"dtype": name})[0] for v in (total, c)))
            return self.b.emit("cast", [wide], {"dtype": str(total.type)})[0]
        for part, other in ((c, total), (total, c)):
            op = part.op
            if op is not None and op.name in ("update_add", "scatter_add") and _is_zeros(op.operands[0]):
                return self.b.emit(op.name, [other, *op.operands[1:]], op.attrs)[0]
        both = self.b.add(total, c)
        self.masks.join(total, c, both)
        return both

    def block(self, block: Block, ct: Cotangents) -> None:
        for op in block.ops:
            if not any(r in self.linear for r in op.results):
                self.b.block.append(clone_op(op, self.env))
        for op in reversed(block.ops):
            if any(r in ct for r in op.results):
                self.b.loc = op.loc
                if op.name == "for":
                    self._for(op, ct)
                elif op.name == "if":
                    self._if(op, ct)
                elif op.name == "checkpointed_for":
                    self._checkpointed(op, ct)
                elif op.name == "call":
                    self._call(op, ct)
                else:
                    self._op(op, ct)

    def _op(self, op: Op, ct: Cotangents) -> None:
        cts = [ct.pop(r, None) for r in op.results]
        operands = [Linear(self.type(v)) if v in self.linear else self.of(v) for v in op.operands]
        custom = op.attrs.get("derivative")
        rule: Callable | Missing = definition(op).transpose if custom is None else custom.transpose
        if isinstance(rule, Missing):
            raise UnsupportedError(f"the derivative of {op.name} in reverse", rule.reason, loc=op.loc)
        for k, (v, c) in enumerate(zip(op.operands, rule(self.b, cts, operands, op.attrs), strict=True)):
            if c is not None:
                given = cts[0] if len(cts) == 1 else None
                self.add(ct, v, c if given is None else self.masks.follow(self.b, op, operands, k, given, c))

    def _call(self, op: Op, ct: Cotangents) -> None:
        """A derivative to be computed again: its primal part is, here, from what the call was given."""
        block = op.attrs["callee"].block
        moving = [v in self.linear for v in op.operands]
        known = {a: self.b.emit("barrier", [self.of(v)])[0]
                 for a, v, m in zip(block.args, op.operands, moving, strict=True) if not m}
        _, linear = split(self.b, block, known, [a for a, m in zip(block.args, moving, strict=True) if m], 0)
        self.b.loc = op.loc
        got = transpose(self.b, linear, [ct.pop(r, None) for r in op.results])
        for v, c in zip([v for v, m in zip(op.operands, moving, strict=True) if m], got, strict=True):
            if c is not None:
                self.add(ct, v, c)

    def captured(self, *regions: Block) -> list[Value]:
        return [v for v in captured(*regions) if v in self.linear]

    def _for(self, op: Op, ct: Cotangents) -> None:
        body = op.regions[0]
        outer = self.captured(body)
        begin = [ct.pop(r) if r in ct else self.b.zeros(self.type(r)) for r in op.results]
        back = Builder(Block(), op.loc)
        saved, self.b = self.b, back
        self.env[body.args[0]] = back.block.add_arg(body.args[0].type, body.args[0].name)
        inside: Cotangents = {}
        carried = [back.block.add_arg(c.type) for c in begin]
        for y, c in zip(body.yields, carried, strict=True):
            self.add(inside, y, c)
        accumulators = {v: back.block.add_arg(self.type(v)) for v in outer}
        for v, a in accumulators.items():
            inside[v] = a if v not in inside else self.sum(a, inside[v])
        self.block(body, inside)
        back.block.yields = [self._or_zeros(inside.get(a), a) for a in body.args[1:]]
        changed = [v for v in outer if inside[v] is not accumulators[v]]
        back.block.yields += [inside[v] for v in changed]
        back.block.args = [a for a in back.block.args if a not in accumulators.values() or any(
            accumulators[v] is a for v in changed)]
        self.b = saved
        start = [self._or_zeros(ct.get(v), v) for v in changed]
        bounds = reversed_range(self.b, *(self.of(v) for v in op.operands[:3]))
        got = self.b.emit("for", [*bounds, *begin, *start], {}, [back.block])
        ct.update(zip(changed, got[len(begin):], strict=True))
        for v, c in zip(op.operands[3:], got, strict=False):
            self.add(ct, v, c)

    def _checkpointed(self, op: Op, ct: Cotangents) -> None:
        """Backward through a loop whose states are in slots: each trip's state first, then its derivative."""
        (region,), outer = op.regions, self.captured(*op.regions)
        start, by, trips, room = (self.of(v) for v in op.operands[:4])
        n = len(op.results)
        given = [self.of(v) for v in op.operands[4:-n]]
        primal = clone_block(region, dict(self.env))
        types = [a.type for a in primal.args[1:-n]]
        primal.yields = primal.yields[:-n]
        dce(Function("primal body", primal))
        begin = [self._or_zeros(ct.pop(r, None), r) for r in op.results]
        start_of = [self._or_zeros(ct.get(v), v) for v in outer]
        carried = [*given, *begin, *start_of]
        saved, self.b = self.b, Builder(Block([PY_INT, *(v.type for v in carried)]), op.loc)
        inner, (trip, *args) = self.b, self.b.block.args
        slots = Slots(room, args[0], args[1], args[2:len(given)])
        slots, state = state_at(inner, slots, as_int64(inner, trip), types, body_step(primal, start, by))
        known = dict(zip(region.args, [after_trips(inner, start, by, trip), *state], strict=False))
        _, linear = split(inner, region, {**self.env, **known}, region.args[-n:], len(state), outer, op.attrs["memory"])
        self.b = saved
        back = _Backward(inner, active_values(linear, [*linear.args, *outer]))
        inside = dict(zip(outer, args[len(given) + n:], strict=True))
        for y, c in zip(linear.yields, args[len(given):len(given) + n], strict=True):
            back.add(inside, y, c)
        back.block(linear, inside)
        ends = [back._or_zeros(inside.get(a), a) for a in linear.args]
        inner.block.yields = [*slots.values, *ends, *(inside[v] for v in outer)]
        last = as_index(self.b, self.b.subtract(as_int64(self.b, trips), 1))
        got = self.b.emit("for", [last, self.b.constant(-1), self.b.constant(-1), *carried], {}, [inner.block])
        ct.update(zip(outer, got[len(given) + n:], strict=True))
        for v, c in zip(op.operands[-n:], got[len(given):len(given) + n], strict=True):
            self.add(ct, v, c)

    def _or_zeros(self, c: Value | None, v: Value) -> Value:
        return self.b.zeros(self.type(v)) if c is None else c

    def _if(self, op: Op, ct: Cotangents) -> None:
        outer = self.captured(*op.regions)
        given = [ct.pop(r, None) for r in op.results]
        arms, ends = [], []
        for region in op.regions:
            arm = Builder(Block(), op.loc)
            saved, self.b = self.b, arm
            inside = {v: ct[v] for v in outer if v in ct}
            for y, c in zip(region.yields, given, strict=True):
                if c is not None:
                    self.add(inside, y, c)
            self.block(region, inside)
            self.b = saved
            arms.append(arm)
            ends.append(inside)
        changed = [v for v in outer if any(end.get(v) is not ct.get(v) for end in ends)]
        if not changed:
            return
        for arm, end in zip(arms, ends, strict=True):
            arm.block.yields = [end[v] if v in end else arm.zeros(self.type(v)) for v in changed]
        got = self.b.emit("if", [self.of(op.operands[0])], {}, [a.block for a in arms])
        ct.update(zip(changed, got, strict=True))


def _is_zeros(v: Value) -> bool:
    """Is this a freshly filled array of zeros?"""
    op = v.op
    if op is not None and op.name == "broadcast":
        op = op.operands[0].op
    return op is not None and op.name == "const" and op.attrs["value"] == 0
