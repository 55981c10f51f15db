"""Branches: on one condition for all copies, or, in a vector loop, under masks.

A condition that varies by lane makes each arm run under a mask: loads and stores touch only the lanes that take the arm,
and an arm that no lane takes is skipped, so that nothing in it runs that would not have run.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.expr import Expr
from ...ir.loops import If, Stmt, stored_buffers
from .module import RARELY_FALSE, RARELY_TRUE, Block, Branch, Phi, type_of
from .scopes import Value
from .shape import may_leave
from .signals import Signals


class Branches(Signals):
    """Emits `If` statements."""

    def branch(self, s: If) -> None:
        condition = self.value(s.cond)
        if condition.by or condition.lanes:
            self._masked(s, condition)
        else:
            self._branch(s, condition.operands[0])

    def _branch(self, s: If, condition: str) -> None:
        f = self.function
        then, other, joined = f.fresh("then"), f.fresh("else"), f.fresh("join")
        self.block.end = Branch(then, condition, other, rare_arm(s))
        before = dict(self.version)
        left, left_end = self._arm(then, s.then, [y.then for y in s.yields], joined)
        self.version = dict(before)
        right, right_end = self._arm(other, s.other, [y.other for y in s.yields], joined)
        self.version = before
        self.touch(stored_buffers([s]))
        self.scopes[-1].block = f.place(joined)
        for y, a, b in zip(s.yields, left, right, strict=True):
            by, lanes = self.varying((a, b)), max(a.lanes, b.lanes)
            ends = [[self._widen_at_end(block, x, y.then.dtype, v.lanes, lanes) for x in self.spread(v, by)]
                    for v, block in ((a, left_end), (b, right_end))]
            operands = []
            for x1, x2 in zip(*ends, strict=True):
                operands.append(f.register())
                joined.phis.append(Phi(operands[-1], type_of(y.then.dtype, lanes), [(x1, left_end), (x2, right_end)]))
            self.environment[y.result] = Value(tuple(operands), self.depth, lanes, by)

    def _arm(self, block: Block, body: Sequence[Stmt], results: Sequence[Expr], joined: Block) -> tuple[list[Value], Block]:
        """One arm of a branch: the values it yields, and its last block."""
        self.enter(self.function.place(block), "arm")
        self.statements(body)
        values = [self.value(e) for e in results]
        self.block.end = Branch(joined)
        return values, self.leave()

    def _widen_at_end(self, block: Block, operand: str, dtype: str, lanes: int, wanted: int) -> str:
        if lanes == wanted or operand[0] != "%":
            return operand if lanes == wanted else self.widen_operand(operand, dtype, wanted, 0)
        t, one, all_lanes = type_of(dtype, wanted), self.function.register(), self.function.register()
        block.instructions.append(f"{one} = insertelement {t} poison, {type_of(dtype)} {operand}, i32 0")
        block.instructions.append(f"{all_lanes} = shufflevector {t} {one}, {t} poison, <{wanted} x i32> zeroinitializer")
        return all_lanes

    def _masked(self, s: If, condition: Value) -> None:
        loop = self.vector_loop
        assert loop is not None and loop.lanes == condition.lanes, "a condition that varies outside a vector loop"
        outer, depth = loop.mask, self.depth
        opposite = self.apply("not", "i1", "i1", [condition], depth)
        before, arms = dict(self.version), []
        for taken, body, results in ((condition, s.then, [y.then for y in s.yields]),
                                     (opposite, s.other, [y.other for y in s.yields])):
            loop.mask = taken if outer is None else self.apply("and", "i1", "i1", [outer, taken], depth)
            self.version = dict(before)
            arms.append(self._masked_arm(loop.mask, body, results))
            self.touch(stored_buffers(body))
        loop.mask, self.version = outer, before
        self.touch(stored_buffers([s]))
        for y, then, other in zip(s.yields, *arms, strict=True):
            self.environment[y.result] = self.apply("select", y.then.dtype, y.then.dtype, [condition, then, other], depth)

    def _masked_arm(self, mask: Value, body: Sequence[Stmt], results: Sequence[Expr]) -> list[Value]:
        """One arm, if any lane takes it; else what it yields is of no account."""
        if not body and not any(e.buffers for e in results):
            return [self.value(e) for e in results]
        f, before = self.function, self.block
        taken, after = f.fresh("lanes"), f.fresh("join")
        before.end = Branch(taken, self._any(self.depth, mask.operands, mask.lanes), after)
        self.enter(f.place(taken), "arm")
        self.statements(body)
        values = [self.value(e) for e in results]
        self.block.end = Branch(after)
        last = self.leave()
        self.scopes[-1].block = f.place(after)
        out = []
        for e, v in zip(results, values, strict=True):
            operands = tuple(f.register() for _ in v.operands)
            for register, x in zip(operands, v.operands, strict=True):
                after.phis.append(Phi(register, type_of(e.dtype, v.lanes), [(x, last), ("poison", before)]))
            out.append(Value(operands, self.depth, v.lanes, v.by))
        return out


def rare_arm(s: If) -> int | None:
    """An arm that leaves the function is seldom taken."""
    then, other = may_leave(s.then), may_leave(s.other)
    return None if then == other else RARELY_TRUE if then else RARELY_FALSE
