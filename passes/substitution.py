"""Replacing expressions throughout a body of statements, in place."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.expr import Expr, substitute
from ..ir.loops import Call, For, If, Let, Raise, Stmt, Store, While, bodies

Mapping = dict[Expr, Expr]


def substitute_in(body: Sequence[Stmt], mapping: Mapping) -> None:
    """Replace each key by its value wherever an expression of `body` contains it."""
    def new(e: Expr) -> Expr:
        return substitute(e, mapping)

    for s in body:
        if isinstance(s, Let):
            s.value = new(s.value)
        elif isinstance(s, Store):
            s.index, s.value = tuple(map(new, s.index)), new(s.value)
        elif isinstance(s, Raise):
            s.details = tuple(map(new, s.details))
        elif isinstance(s, Call):
            s.scalars = tuple(map(new, s.scalars))
        elif isinstance(s, For):
            s.lo, s.hi = new(s.lo), new(s.hi)
        elif isinstance(s, If):
            s.cond = new(s.cond)
            for y in s.yields:
                y.then, y.other = new(y.then), new(y.other)
        elif isinstance(s, While):
            s.cond = new(s.cond)
        if isinstance(s, For | While):
            for c in s.carried:
                c.init, c.next = new(c.init), None if c.next is None else new(c.next)
        for inner in bodies(s):
            substitute_in(inner, mapping)
