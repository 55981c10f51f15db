"""The rewrite engine: patterns with named captures, named tables of rules that add, a driver that runs them to rest.

A rule is a row: the rewriting as a picture, a pattern, and what to make instead.

    algebra = RuleTable("algebra", [
        Rule("-(-x) -> x", made("negative", made("negative", any_value("x"))), lambda b, m: m.x),
    ])
    rewrite(function, algebra + shape_rules)

The driver rebuilds each block front to back.  An op is tried once its operands are final, and so is every op that a rule
makes, so patterns, which look from an op at what makes its operands, see everything in one sweep; sweeps are repeated
until none fires.  The ops that a rule leaves without uses stay: dropping them is `dce`'s business.  Start with `rewrite`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from .builder import Builder, Operand
from .errors import VerificationError
from .graph import Block, Function, Op, Value
from .loc import Loc
from .opdef import OPS
from .text import show_op, show_type
from .walk import callees, clone_into, map_type, use_counts


class Match(SimpleNamespace):
    """The captures of a pattern as attributes, and the op it matched as `op`."""

    op: Op


Captures = dict[str, Any]
Pattern = Callable[[Value, Captures], bool]


@dataclass(frozen=True, slots=True)
class OpPattern:
    """A value made by one of the ops `names`, its first operands matching `operands` (all of them, unless `more`)."""

    names: frozenset[str]
    operands: tuple[Pattern, ...]
    more: bool
    capture: str

    def __call__(self, v: Value, found: Captures) -> bool:
        return v.op is not None and v.op.name in self.names and self.matches(v.op, found)

    def matches(self, op: Op, found: Captures) -> bool:
        if self.operands or not self.more:
            n, values = len(self.operands), op.operands
            if len(values) < n or (len(values) > n and not self.more):
                return False
            saved = dict(found)
            if not self._all(values, found):
                if n != 2 or "commutative" not in OPS[op.name].traits:
                    return False
                found.clear()
                found.update(saved)
                if not self._all((values[1], values[0]), found):
                    return False
        if self.capture:
            found[self.capture] = op
        return True

    def _all(self, values: Sequence[Value], found: Captures) -> bool:
        for pattern, v in zip(self.operands, values, strict=False):
            if not pattern(v, found):
                return False
        return True


def any_value(name: str) -> Pattern:
    """Any value; the same name twice must be the same value."""

    def match(v: Value, found: Captures) -> bool:
        if name in found:
            return found[name] is v
        found[name] = v
        return True

    return match


def made(names: str | Iterable[str], *operands: Pattern, more: bool = False, capture: str = "") -> OpPattern:
    """A value that one of these ops makes; without operand patterns, over any operands.

    Of a commutative op either order matches.  more: the op may have further operands.  capture: a name for the op.
    """
    chosen = frozenset([names] if isinstance(names, str) else names)
    return OpPattern(chosen, operands, more or not operands, capture)


def constant(name: str, holds: Callable[[Any, Value], bool] | None = None) -> Pattern:
    """A constant, or an array that is one constant everywhere; captures its Python value. holds(constant, value)."""

    def match(v: Value, found: Captures) -> bool:
        c = uniform(v)
        if c is None or (holds is not None and not holds(c.attrs["value"], v)):
            return False
        found[name] = c.attrs["value"]
        return True

    return match


def uniform(v: Value) -> Op | None:
    """The `const` op whose value `v` is in every element."""
    op = v.op
    while op is not None and op.name in ("broadcast", "reshape", "transpose"):
        op = op.operands[0].op
    return op if op is not None and op.name == "const" else None


def with_trait(trait: str) -> frozenset[str]:
    """The names of the pure ops that have this trait; for rules that join new ops by themselves."""
    return frozenset(name for name, d in OPS.items() if trait in d.traits and d.effect == "pure")


Action = Callable[["Rewriter", Match], "Value | list[Value] | None"]


@dataclass(frozen=True, slots=True)
class Rule:
    """name: the rewriting as a picture.  action(builder, match): the replacement of the op's results, or None to decline."""

    name: str
    pattern: OpPattern
    action: Action


class RuleTable:
    """Rules under a name, indexed by op; `a + b` tries a's first."""

    def __init__(self, name: str, rules: Iterable[Rule]) -> None:
        self.name, self.rules = name, tuple(rules)
        self.index: dict[str, list[Rule]] = {}
        for rule in self.rules:
            for op_name in rule.pattern.names:
                self.index.setdefault(op_name, []).append(rule)

    def __add__(self, other: RuleTable) -> RuleTable:
        return RuleTable(f"{self.name} + {other.name}", self.rules + other.rules)


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that fired: its name, the op it replaced and the user's line."""

    rule: str
    op: str
    loc: Loc | None

    def __str__(self) -> str:
        return f"{self.rule}   at {self.op}" + (f", {self.loc}" if self.loc is not None else "")


def rewrite(function: Function, table: RuleTable, record: list[Fired] | None = None) -> Function:
    """Apply `table` to `function`, in place, and to the functions it calls, until nothing fires."""
    for f in callees(function):
        driver = Rewriter(f.block, table, record)
        while driver.sweep():
            pass
    return function


class Rewriter(Builder):
    """The driver, and the builder that actions receive: what they make stands just before the op being rewritten."""

    def __init__(self, block: Block, table: RuleTable, record: list[Fired] | None = None) -> None:
        super().__init__(block)
        self.table, self.record = table, record
        self.replaced: dict[Value, Value] = {}
        self.fired = 0
        self.fuel = 1000
        self.counts: dict[Value, int] = {}

    def sweep(self) -> bool:
        """Go through the function once; did a rule fire?"""
        before = self.fired
        self.replaced.clear()
        self._known.clear()
        self.counts = use_counts(self.block)
        self._block(self.block)
        return self.fired > before

    def _block(self, block: Block) -> None:
        ops, block.ops = block.ops, []
        replaced = self.replaced
        self.fuel += 20 * len(ops)
        with self.inside(block):
            for a in block.args:
                a.type = map_type(a.type, replaced)
            for op in ops:
                if replaced:
                    op.operands = [replaced.get(v, v) for v in op.operands]
                    for r in op.results:
                        r.type = map_type(r.type, replaced)
                for region in op.regions:
                    self._block(region)
                self._place(op)
        block.yields = [replaced.get(v, v) for v in block.yields]

    def _place(self, op: Op) -> list[Value]:
        """Append `op`, or what a rule makes of it; returns the values that stand for its results."""
        rules = self.table.index.get(op.name)
        if rules is not None:
            saved, self.loc = self.loc, op.loc or self.loc
            for rule in rules:
                found: Captures = {}
                if not rule.pattern.matches(op, found):
                    continue
                out = rule.action(self, Match(op=op, **found))
                if out is not None:
                    self.loc = saved
                    return self._replace(op, rule, out if isinstance(out, list) else [out])
            self.loc = saved
        self.block.append(op)
        return op.results

    def is_used_once(self, v: Value) -> bool:
        """Had `v` one use alone when this sweep began?  Not so of values made since: the next sweep knows."""
        return self.counts.get(v) == 1

    def _replace(self, op: Op, rule: Rule, values: list[Value]) -> list[Value]:
        for old, new in zip(op.results, values, strict=True):
            if old.type != new.type:
                raise VerificationError(f"the rule '{rule.name}' makes {show_type(new.type)} of {show_op(op)}")
            if old.name and not new.name and new.op is not None:
                new.name = old.name
            self.replaced[old] = new
        self.fired += 1
        if self.fired > self.fuel:
            raise VerificationError(f"the rules do not come to rest; the last one is '{rule.name}' at {show_op(op)}")
        if self.record is not None:
            self.record.append(Fired(rule.name, op.name, op.loc))
        return values

    def emit(self, name: str, operands: Sequence[Value], attrs: dict | None = None,
             regions: Sequence[Block] = (), loc: Loc | None = None) -> list[Value]:
        """As Builder's, but that the new op is rewritten too."""
        before = len(self.block.ops)
        results = super().emit(name, operands, attrs, regions, loc)
        if len(self.block.ops) == before:
            found = [self.replaced.get(v, v) for v in results]
            if any(v.op is not None and v.op.block is None for v in found):
                raise VerificationError(f"the rules do not come to rest: {name} is being rewritten into itself")
            return found
        op = self.block.ops.pop()
        # It is in no block while rules look at it.
        op.block = None
        return self._place(op)

    def inline(self, block: Block, args: Sequence[Operand]) -> list[Value]:
        """Place copies of a block's ops here, its arguments being `args`; returns what it yields."""
        mapping: dict[Value, Value] = dict(zip(block.args, args, strict=True))  # type: ignore[arg-type]
        copy = Block()
        yields = clone_into(copy, block, mapping)
        for op in copy.ops:
            op.operands = [self.replaced.get(v, v) for v in op.operands]
            for r in op.results:
                r.type = map_type(r.type, self.replaced)
            self._place_copy(op)
        return [self.replaced.get(v, v) for v in yields]

    def _place_copy(self, op: Op) -> None:
        op.block = self.block
        for region in op.regions:
            self._block(region)
        self._place(op)
