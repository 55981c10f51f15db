"""Both parts alike:  for par i: z[i, 0] = f(x[i, 0]); z[i, 1] = f(x[i, 1])   ->   for par q in 0..2n: z[q] = f(x[q])

Before: a loop over complex numbers that computes their real parts and their imaginary parts, without mixing them: sums,
differences, copies, sums over rows.  After: one over the parts as they lie in memory, so that vectors need not pick them apart and
weave them again.  Legal when the statements fall into two halves, of which one touches first parts only and is the other with
second parts in their place, and what the loop stores to is accessed in known parts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...ir.expr import Expr, const, load, op, rebuild, substitute, var
from ...ir.linear import linear
from ...ir.loops import Buffer, For, Let, LoopFunction, Stmt, Store, bodies, own_exprs, stored_buffers, walk
from .rewriting import map_exprs

MAX_STATEMENTS = 60
NEITHER: frozenset[int] = frozenset()
BOTH = frozenset((0, 1))


def parts(function: LoopFunction) -> LoopFunction:
    _rewrite(function.body)
    return function


def _rewrite(body: list[Stmt]) -> None:
    for k, s in enumerate(body):
        if isinstance(s, For) and s.kind == "par" and not s.carried and s.step == 1:
            body[k] = _over_parts(s) or s
        for inner in bodies(body[k]):
            _rewrite(inner)


def _over_parts(loop: For) -> For | None:
    inner = list(walk(loop.body))
    if len(inner) > MAX_STATEMENTS or not all(isinstance(s, Let | Store) or (isinstance(s, For) and s.carried and s.until is None)
                                              for s in inner):
        return None
    if not any(_part(s.buffer, s.index) == 0 for s in inner if isinstance(s, Store)):
        return None
    halves = _Halves(loop).run()
    if halves is None:
        return None
    first, second = halves
    if not _is_other(first, second, {}, loop.var):
        return None
    return _joined(loop, first)


def _part(buffer: Buffer, index: Sequence[Expr]) -> int | None:
    """The part that an access is to, if its buffer is one of pairs."""
    if len(index) < 2 or not index[-1].is_const or not buffer.dims[-1].is_const or buffer.dims[-1].payload != 2:
        return None
    apart = buffer.strides[-1].is_const and buffer.strides[-1].payload == 1
    together = buffer.strides[-2].is_const and buffer.strides[-2].payload == 2
    return int(index[-1].payload) if apart and together else None  # type: ignore[call-overload]


class _Halves:
    """The statements of a loop, by which parts of pairs they depend on."""

    def __init__(self, loop: For) -> None:
        self.loop = loop
        self.stored = stored_buffers(loop.body)
        self.of: dict[str, frozenset[int]] = {}
        self.known: dict[Expr, frozenset[int]] = {}

    def run(self) -> tuple[list[Stmt], list[Stmt]] | None:
        # What loops carry depends on what they compute: until nothing changes.
        before = None
        while before != self.of:
            before, self.known = dict(self.of), {}
            self.visit(self.loop.body)
        if BOTH in self.of.values() or self.is_mixed():
            return None
        return self.half(self.loop.body, 0), self.half(self.loop.body, 1)

    def parts(self, e: Expr) -> frozenset[int]:
        got = self.known.get(e)
        if got is None:
            got = self.of.get(str(e.payload), NEITHER) if e.kind == "var" else NEITHER
            for a in e.args:
                got |= self.parts(a)
            if e.kind == "load":
                got |= self.place(e.payload, e.args)  # type: ignore[arg-type]
            self.known[e] = got
        return got

    def place(self, buffer: Buffer, index: Sequence[Expr]) -> frozenset[int]:
        part = _part(buffer, index)
        if part is not None and any(self.loop.var in e.variables for e in index):
            return frozenset((part,))
        return BOTH if buffer in self.stored or any(self.loop.var in e.variables for e in index) else NEITHER

    def visit(self, body: list[Stmt]) -> None:
        for s in body:
            if isinstance(s, Let):
                self.of[s.name] = self.parts(s.value)
            elif isinstance(s, For):
                for c in s.carried:
                    self.of[c.name] = self.of.get(c.name, NEITHER) | self.parts(c.init)
                self.visit(s.body)
                for c in s.carried:
                    assert c.next is not None
                    self.of[c.name] = self.of[c.result] = self.of[c.name] | self.parts(c.next)

    def is_mixed(self) -> bool:
        """Does a store or a bound depend on the other part, or a value on which number it is?"""
        for s in walk(self.loop.body):
            if isinstance(s, Store):
                if len(self.place(s.buffer, s.index) | self.parts(s.value)) != 1:
                    return True
            elif isinstance(s, For) and (self.parts(s.lo) | self.parts(s.hi) or self.loop.var in s.lo.variables | s.hi.variables):
                return True
        return any(self.mentions_column(e) for s in walk(self.loop.body) for e in _values(s))

    def mentions_column(self, e: Expr) -> bool:
        """Is the loop's variable used other than to say where pairs lie?"""
        if self.loop.var not in e.variables:
            return False
        if e.kind == "load":
            *others, column, part = e.args
            return any(self.loop.var in i.variables for i in (*others, part)) or not _is_column(column, self.loop.var)
        return e.kind == "var" or any(map(self.mentions_column, e.args))

    def half(self, body: Sequence[Stmt], part: int) -> list[Stmt]:
        """The statements without those of the other part."""
        other = frozenset((1 - part,))
        out: list[Stmt] = []
        for s in body:
            if isinstance(s, For):
                carried = [c for c in s.carried if self.of[c.name] != other]
                if carried:
                    out.append(replace(s, body=self.half(s.body, part), carried=carried))
            elif (self.parts(s.value) if isinstance(s, Let) else self.place(s.buffer, s.index)) != other:  # type: ignore[union-attr]
                out.append(s)
        return out


def _is_of_pair(e: Expr, column: str) -> bool:
    """Is it a load of a known part of the pair that a column has?"""
    return e.kind == "load" and column in e.variables and _part(e.payload, e.args) is not None  # type: ignore[arg-type]


def _values(s: Stmt) -> list[Expr]:
    if isinstance(s, Store):
        return [s.value, load(s.buffer, s.index)]
    return list(own_exprs(s))


def _is_column(e: Expr, name: str) -> bool:
    form = linear(e)
    return name not in e.variables or (form.terms.get(name) == 1 and not form.without(name).uses({name}))


def _is_other(first: Sequence[Stmt], second: Sequence[Stmt], renamed: dict[Expr, Expr], column: str) -> bool:
    """Is `second` the same as `first`, with second parts for first ones?"""
    def same(a: Expr, b: Expr) -> bool:
        return _other_part(a, renamed, column, {}) is b

    def bind(a: str, b: str, dtype: str) -> None:
        renamed[var(a, dtype)] = var(b, dtype)

    if len(first) != len(second):
        return False
    for s, t in zip(first, second, strict=True):
        if type(s) is not type(t):
            return False
        if isinstance(s, Let) and isinstance(t, Let):
            if not same(s.value, t.value):
                return False
            bind(s.name, t.name, s.value.dtype)
        elif isinstance(s, Store) and isinstance(t, Store):
            if s.buffer is not t.buffer or not same(load(s.buffer, s.index), load(t.buffer, t.index)) or not same(s.value, t.value):
                return False
        elif isinstance(s, For) and isinstance(t, For):
            if s.lo is not t.lo or s.hi is not t.hi or len(s.carried) != len(t.carried):
                return False
            pairs = list(zip(s.carried, t.carried, strict=True))
            if any(c.combine != d.combine or c.dtype != d.dtype or not same(c.init, d.init) for c, d in pairs):
                return False
            for c, d in pairs:
                bind(c.name, d.name, c.dtype)
                bind(c.result, d.result, c.dtype)
            if not _is_other(s.body, t.body, renamed, column) or not all(same(c.next, d.next) for c, d in pairs):  # type: ignore[arg-type]
                return False
    return True


def _other_part(e: Expr, renamed: dict[Expr, Expr], column: str, memo: dict[Expr, Expr]) -> Expr:
    got = memo.get(e)
    if got is None:
        if not e.args:
            got = renamed.get(e, e)
        else:
            args = tuple(_other_part(a, renamed, column, memo) for a in e.args)
            if _is_of_pair(e, column):
                got = load(e.payload, (*args[:-1], args[-1] + 1))  # type: ignore[arg-type]
            else:
                got = e if args == e.args else rebuild(e, args)
        memo[e] = got
    return got


def _joined(loop: For, body: list[Stmt]) -> For:
    """The loop over parts; `body` is that of the first ones."""
    column = var(loop.var)

    def place(index: tuple[Expr, ...]) -> tuple[Expr, ...]:
        at = substitute(index[-2], {column: const(0)}) * 2 + column
        return (*index[:-2], op("quot", at, const(2)), op("rem", at, const(2)))

    memo: dict[Expr, Expr] = {}

    def change(e: Expr) -> Expr:
        if not e.buffers:
            return e
        got = memo.get(e)
        if got is None:
            if _is_of_pair(e, loop.var):
                got = load(e.payload, place(tuple(map(change, e.args))))  # type: ignore[arg-type]
            else:
                args = tuple(map(change, e.args))
                got = e if args == e.args else rebuild(e, args)
            memo[e] = got
        return got

    for s in walk(body):
        if isinstance(s, Store):
            s.index = place(s.index)
    map_exprs(body, change)
    return For(loop.var, loop.lo * 2, loop.hi * 2, body, "par", loc=loop.loc)
