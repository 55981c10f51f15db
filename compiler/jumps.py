"""Lowers break, continue, return and raise to flags, so that control flow is structured: the first step of `capture.py`.

After `if c: ...; break` the rest of the block moves into the other branch; where a jump is only possible, the rest is guarded
by `if not flag`.  `return e` sets RETURN_VALUE and RETURNED.  `raise e` becomes a call of a hook, but for inside `try`, where
the handlers must see it.  `stops` tells for each loop the flags that end it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from .matching import lowered
from .syntax import HOOKS

RETURNED = "__returned"
RETURN_VALUE = "__return_value"


@dataclass
class Block:
    """A lowered block: its statements, the flags that it may set, and whether it always jumps."""

    statements: list[ast.stmt] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    jumps: bool = False


def assign(name: str, value: ast.expr, at: ast.AST) -> ast.stmt:
    return ast.fix_missing_locations(ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), at))


def negated(flags: Sequence[str]) -> ast.expr:
    """`not a and not b`"""
    tests: list[ast.expr] = [ast.UnaryOp(ast.Not(), ast.Name(f, ast.Load())) for f in flags]
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)


def binds_on_the_way(test: ast.expr) -> bool:
    """Does an operand of the test that is not always evaluated bind a name?"""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return binds_on_the_way(test.operand)
    if isinstance(test, ast.BoolOp):
        return binds_on_the_way(test.values[0]) or any(isinstance(n, ast.NamedExpr) for v in test.values[1:] for n in ast.walk(v))
    return isinstance(test, ast.Compare) and len(test.ops) > 1 and any(
        isinstance(n, ast.NamedExpr) for v in test.comparators for n in ast.walk(v))


class Jumps:
    """Lowers the body of one function. Nested functions are left alone."""

    def __init__(self) -> None:
        self.count = 0
        self.stops: dict[ast.stmt, list[str]] = {}
        self.tries = 0

    def function(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        return self.block(statements, "", "").statements

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"__{prefix}{self.count}"

    def block(self, statements: list[ast.stmt], leave: str, again: str) -> Block:
        """leave, again: the flags of `break` and `continue` here."""
        out = Block()
        statements = [x for s in statements for x in self._plain(s)]
        for k, s in enumerate(statements):
            rest = statements[k + 1:]
            jump = self._jump(s, leave, again)
            if jump is not None:
                out.statements += jump.statements
                out.flags |= jump.flags
                out.jumps = jump.jumps
                return out
            if isinstance(s, ast.If):
                done = self._if(s, rest, out, leave, again)
                if done:
                    return out
                continue
            possible = self._compound(s, out, leave, again)
            if possible and rest:
                self._guard(out, possible, rest, leave, again)
                return out
        return out

    def _plain(self, s: ast.stmt) -> list[ast.stmt]:
        """The statement, or what it is written out as."""
        if isinstance(s, ast.If) and binds_on_the_way(s.test):
            truth = self.fresh("truth")
            before = self._decided(s.test, truth)
            s.test = ast.copy_location(ast.Name(truth, ast.Load()), s.test)
            return [*before, s]
        return (isinstance(s, ast.Match) and lowered(s, self.fresh)) or [s]

    def _decided(self, e: ast.expr, truth: str) -> list[ast.stmt]:
        """Statements that set `truth` to whether `e` holds; names that an operand binds, evaluated or not, are bound by them."""
        if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.Not):
            return [*self._decided(e.operand, truth), assign(truth, ast.UnaryOp(ast.Not(), ast.Name(truth, ast.Load())), e)]
        if isinstance(e, ast.Compare) and binds_on_the_way(e):
            e = self._pairs(e)
        if not isinstance(e, ast.BoolOp) or not binds_on_the_way(e):
            return [assign(truth, ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), e)), e)]
        out = self._decided(e.values[0], truth)
        more: ast.expr = ast.Name(truth, ast.Load())
        if isinstance(e.op, ast.Or):
            more = ast.UnaryOp(ast.Not(), more)
        rest = e.values[1] if len(e.values) == 2 else ast.copy_location(ast.BoolOp(e.op, e.values[1:]), e)
        out.append(ast.fix_missing_locations(ast.copy_location(ast.If(more, self._decided(rest, truth), []), e)))
        return out

    def _pairs(self, e: ast.Compare) -> ast.expr:
        """`a < b < c` as `a < (t := b) and t < c`."""
        tests: list[ast.expr] = []
        left = e.left
        for k, (op, right) in enumerate(zip(e.ops, e.comparators, strict=True)):
            name = self.fresh("operand")
            last = k == len(e.ops) - 1
            tests.append(ast.Compare(left, [op], [right if last else ast.NamedExpr(ast.Name(name, ast.Store()), right)]))
            left = ast.Name(name, ast.Load())
        return ast.fix_missing_locations(ast.copy_location(ast.BoolOp(ast.And(), tests), e))

    def _jump(self, s: ast.stmt, leave: str, again: str) -> Block | None:
        true = ast.Constant(True)
        if isinstance(s, (ast.Break, ast.Continue)):
            flag = leave if isinstance(s, ast.Break) else again
            return Block([assign(flag, true, s)], {flag}, True)
        if isinstance(s, ast.Return):
            return Block([assign(RETURN_VALUE, s.value or ast.Constant(None), s), assign(RETURNED, true, s)], {RETURNED}, True)
        if isinstance(s, ast.Raise) and s.exc is not None and not self.tries:
            cause = [] if s.cause is None else [s.cause]
            raising = ast.Call(ast.Attribute(ast.Name(HOOKS, ast.Load()), "raise_", ast.Load()), [s.exc, *cause], [])
            call = ast.fix_missing_locations(ast.copy_location(ast.Expr(raising), s))
            # No flag: in a region the hook ends all that follows; the statements behind it here are dead.
            return Block([call])
        return None

    def _if(self, s: ast.If, rest: list[ast.stmt], out: Block, leave: str, again: str) -> bool:
        """Lower an `if`; True when the rest of the block went into it."""
        then, other = self.block(s.body, leave, again), self.block(s.orelse, leave, again)
        new = ast.copy_location(ast.If(s.test, then.statements or [ast.Pass()], other.statements), s)
        out.statements.append(new)
        out.flags |= then.flags | other.flags
        if then.jumps and other.jumps:
            out.jumps = True
            return True
        for side, opposite in ((then, "orelse"), (other, "body")):
            unsure = other.flags if side is then else then.flags
            if side.jumps and not unsure:
                tail = self.block(rest, leave, again)
                setattr(new, opposite, [*getattr(new, opposite), *tail.statements])
                out.flags |= tail.flags
                out.jumps = tail.jumps
                return True
        if then.flags | other.flags:
            self._guard(out, then.flags | other.flags, rest, leave, again)
            return True
        return False

    def _guard(self, out: Block, flags: set[str], rest: list[ast.stmt], leave: str, again: str) -> None:
        """The rest of a block runs only if none of the flags is set."""
        if rest:
            tail = self.block(rest, leave, again)
            guarded = ast.If(negated(sorted(flags)), tail.statements or [ast.Pass()], [])
            out.statements.append(ast.fix_missing_locations(ast.copy_location(guarded, rest[0])))
            out.flags |= tail.flags

    def _compound(self, s: ast.stmt, out: Block, leave: str, again: str) -> set[str]:
        """Lower a statement that is no `if`; the flags that it may set here."""
        if isinstance(s, (ast.For, ast.While)):
            return self._loop(s, out, leave, again)
        if isinstance(s, (ast.With, ast.Try)):
            flags: set[str] = set()
            inside = isinstance(s, ast.Try)
            self.tries += inside
            for part in ("body", "orelse", "finalbody"):
                if getattr(s, part, None):
                    lowered = self.block(getattr(s, part), leave, again)
                    setattr(s, part, lowered.statements)
                    flags |= lowered.flags
            for handler in getattr(s, "handlers", ()):
                lowered = self.block(handler.body, leave, again)
                handler.body = lowered.statements
                flags |= lowered.flags
            self.tries -= inside
            out.statements.append(s)
            out.flags |= flags
            return flags
        out.statements.append(s)
        return set()

    def _loop(self, s: ast.For | ast.While, out: Block, leave: str, again: str) -> set[str]:
        own_leave, own_again = self.fresh("break"), self.fresh("continue")
        if isinstance(s, ast.While) and any(isinstance(n, ast.NamedExpr) for n in ast.walk(s.test)):
            # A test that binds names becomes a statement of the body.
            exit_ = ast.If(ast.UnaryOp(ast.Not(), s.test), [ast.copy_location(ast.Break(), s)], [])
            s.body = [ast.fix_missing_locations(ast.copy_location(exit_, s)), *s.body]
            s.test = ast.copy_location(ast.Constant(True), s)
        body = self.block(s.body, own_leave, own_again)
        statements = body.statements
        if own_again in body.flags:
            statements = [assign(own_again, ast.Constant(False), s), *statements]
        s.body = statements or [ast.Pass()]
        self.stops[s] = sorted(body.flags - {own_again})
        if own_leave in body.flags:
            out.statements.append(assign(own_leave, ast.Constant(False), s))
        orelse, s.orelse = s.orelse, []
        out.statements.append(s)
        flags = body.flags - {own_leave, own_again}
        if orelse:
            tail = self.block(orelse, leave, again)
            flags |= tail.flags
            stopped = sorted(body.flags & {own_leave, RETURNED})
            guarded = [ast.If(negated(stopped), tail.statements, [])] if stopped else tail.statements
            out.statements += [ast.fix_missing_locations(ast.copy_location(g, s)) for g in guarded]
        out.flags |= flags
        return flags
