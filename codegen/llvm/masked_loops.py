"""Loops inside a vector loop that each lane may leave at another trip: `while`, and `for` with bounds or an end of its own.

All lanes go round together until the last one is done.  A lane that is done keeps what it carries, and loads and stores
nothing; so each lane computes exactly what it would alone.
"""

from __future__ import annotations

from ...ir.expr import Expr, op, var
from ...ir.loops import Carried, For, While, stored_buffers
from .branches import Branches
from .module import Block, Branch, Phi, type_of
from .scopes import Value
from .shape import lanes_part, varying_names


class MaskedLoops(Branches):
    """Emits loops under masks."""

    def for_statement(self, s: For) -> None:
        if self.vector_loop is not None and lanes_part(s, varying_names([s], self._varying_here())):
            self.masked_while(as_while(s))
        else:
            super().for_statement(s)

    def _varying_here(self) -> set[str]:
        """The names whose values differ between the lanes."""
        loop = self.vector_loop
        assert loop is not None
        return {loop.var, *(name for name, v in self.environment.items() if loop in v.by)}

    def masked_while(self, s: While) -> None:
        loop, f, stored = self.vector_loop, self.function, stored_buffers([*s.test, *s.body])
        assert loop is not None
        outer = loop.mask
        inits = [self._per_lane(self.value(c.init), c.dtype) for c in s.carried]
        running = self._per_lane(outer if outer is not None else self.constant(True, "i1", loop.lanes), "i1")
        before, head, body, after = self.block, f.block("while"), f.fresh("do"), f.fresh("after")
        before.end = Branch(head)
        self.touch(stored)
        self.enter(head, "loop", stored)
        carried = [self._begin(head, c.dtype, v, before) for c, v in zip(s.carried, inits, strict=True)]
        loop.mask = running = self._begin(head, "i1", running, before)
        head.phis.append(Phi(f.register(), "i64", [("0", before)]))
        trips = head.phis[-1]
        self.environment.update(zip((c.name for c in s.carried), carried, strict=True))
        self.statements(s.test)
        going = self.apply("and", "i1", "i1", [running, self._per_lane(self.value(s.cond), "i1")], self.depth)
        self.block.end = Branch(body, self._any(self.depth, going.operands, loop.lanes), after)
        self.enter(f.place(body), "arm")
        loop.mask = going
        self.statements(s.body)
        nexts = [self._per_lane(self.value(c.next), c.dtype) for c in s.carried]  # type: ignore[arg-type]
        kept = [self.apply("select", c.dtype, c.dtype, [going, new, old], self.depth)
                for c, new, old in zip(s.carried, nexts, carried, strict=True)]
        count = self.put(self.depth, f"add i64 {trips.register}, 1")
        if not stored:
            self.look_in_while([*s.test, *s.body], trips)
        self.block.end = Branch(head)
        last = self.leave()
        incoming = [x for v in (*kept, going) for x in v.operands]
        for phi, x in zip(head.phis, [*incoming, count], strict=True):
            phi.incoming.append((x, last))
        self.leave()
        loop.mask = outer
        self.touch(stored)
        self.scopes[-1].block = f.place(after)
        for c, v in zip(s.carried, carried, strict=True):
            if c.result:
                self.environment[c.result] = v._replace(depth=self.depth)

    def _per_lane(self, v: Value, dtype: str) -> Value:
        """The value in every lane of every copy."""
        by, lanes = tuple(self.replicated), self.vector_loop.lanes  # type: ignore[union-attr]
        v = self.widened(v, dtype, lanes)
        return Value(self.spread(v, by), v.depth, lanes, by)

    def _begin(self, head: Block, dtype: str, init: Value, before: Block) -> Value:
        """The value at the head of the loop."""
        registers = []
        for x in init.operands:
            registers.append(self.function.register())
            head.phis.append(Phi(registers[-1], type_of(dtype, init.lanes), [(x, before)]))
        return init._replace(operands=tuple(registers), depth=self.depth)


def as_while(s: For) -> While:
    """The same loop with its variable carried."""
    i = var(s.var)
    cond: Expr = op("lt", i, s.hi) if s.step > 0 else op("gt", i, s.hi)
    if s.until is not None:
        cond = op("and", cond, op("not", var(s.until, "i1")))
    return While([Carried(s.var, s.lo, i + s.step), *s.carried], [], cond, s.body, s.loc)
