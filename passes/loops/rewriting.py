"""Changing expressions inside statements: what all loop passes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...ir.expr import Expr, load, nodes, rebuild
from ...ir.loops import Alloc, Buffer, Call, For, If, Let, Raise, Stmt, Store, While, bodies, own_exprs, walk

Change = Callable[[Expr], Expr]


def map_exprs(body: Sequence[Stmt], change: Change) -> None:
    """Replace every expression in `body`, nested statements included, by change(expression)."""
    for s in walk(list(body)):
        _map_own(s, change)


def _map_own(s: Stmt, change: Change) -> None:
    if isinstance(s, Let):
        s.value = change(s.value)
    elif isinstance(s, Store):
        s.index, s.value = tuple(map(change, s.index)), change(s.value)
    elif isinstance(s, Raise):
        s.details = tuple(map(change, s.details))
    elif isinstance(s, For):
        s.lo, s.hi = change(s.lo), change(s.hi)
    elif isinstance(s, If):
        s.cond = change(s.cond)
        for y in s.yields:
            y.then, y.other = change(y.then), change(y.other)
    elif isinstance(s, While):
        s.cond = change(s.cond)
    elif isinstance(s, Call):
        s.scalars = tuple(map(change, s.scalars))
    if isinstance(s, For | While):
        for c in s.carried:
            c.init = change(c.init)
            c.next = change(c.next) if c.next is not None else None


def replacing(mapping: dict[Expr, Expr]) -> Change:
    """Substitution with one memo for many expressions."""
    memo: dict[Expr, Expr] = dict(mapping)
    names = {n for e in mapping for n in e.variables}
    buffers = {b for e in mapping for b in e.buffers}

    def change(e: Expr) -> Expr:
        if not (names & e.variables or buffers & e.buffers):
            return e
        got = memo.get(e)
        if got is None:
            args = tuple(map(change, e.args))
            got = memo[e] = e if args == e.args else rebuild(e, args)
        return got

    return change


def moving_loads(old: Buffer, new: Buffer, index: Callable[[tuple[Expr, ...]], tuple[Expr, ...]]) -> Change:
    """Loads of `old` become loads of `new` at index(old index)."""
    memo: dict[Expr, Expr] = {}

    def change(e: Expr) -> Expr:
        if old not in e.buffers:
            return e
        got = memo.get(e)
        if got is None:
            args = tuple(map(change, e.args))
            if e.kind == "load" and e.payload is old:
                got = load(new, index(args))
            else:
                got = e if args == e.args else rebuild(e, args)
            memo[e] = got
        return got

    return change


def loads_in(e: Expr) -> Iterator[Expr]:
    """Every load in an expression, each once."""
    return (x for x in nodes([e] if e.buffers else []) if x.kind == "load")


def touched(body: Sequence[Stmt]) -> set[Buffer]:
    """Every buffer that `body` reads, writes or allocates."""
    out: set[Buffer] = set()
    for s in walk(list(body)):
        for e in own_exprs(s):
            out |= e.buffers
        if isinstance(s, Store):
            out.add(s.buffer)
        elif isinstance(s, Alloc):
            out.add(s.buffer)
        elif isinstance(s, Call):
            out.update(s.reads, s.writes)
    return out


def used_names(body: Sequence[Stmt]) -> set[str]:
    """The variables that expressions in `body` mention."""
    out: set[str] = set()
    for s in walk(list(body)):
        for e in own_exprs(s):
            out |= e.variables
        if isinstance(s, For) and s.until is not None:
            out.add(s.until)
    return out


def all_bodies(body: list[Stmt]) -> Iterator[list[Stmt]]:
    """`body` and every statement list nested in it, inner ones first."""
    for s in body:
        for inner in bodies(s):
            yield from all_bodies(inner)
    yield body
