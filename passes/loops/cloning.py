"""Copies of statements under new names, for passes that lay several trips of a loop side by side."""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.expr import Expr, substitute, var
from ...ir.loops import Carried, For, If, Let, Raise, Stmt, Store, Yielded


def clone(body: Sequence[Stmt], mapping: dict[Expr, Expr], suffix: str) -> list[Stmt]:
    """`body` with variables replaced by `mapping` and every name that it binds ending in `suffix`.

    Only statements that `can_clone` accepts.
    """
    return _clone(body, dict(mapping), suffix)


def can_clone(body: Sequence[Stmt], raising: bool = False) -> bool:
    """Is `body` made of values, stores, branches and loops only? If `raising`, it may also raise."""
    return all(isinstance(s, Let | Store) or (isinstance(s, Raise) and raising)
               or (isinstance(s, If) and can_clone(s.then, raising) and can_clone(s.other, raising))
               or (isinstance(s, For) and s.until is None and can_clone(s.body, raising)) for s in body)


def _clone(body: Sequence[Stmt], mapping: dict[Expr, Expr], suffix: str) -> list[Stmt]:
    out: list[Stmt] = []
    for s in body:
        if isinstance(s, Let):
            value = substitute(s.value, mapping)
            out.append(Let(_bind(s.name, value.dtype, mapping, suffix), value))
        elif isinstance(s, Store):
            out.append(Store(s.buffer, tuple(substitute(e, mapping) for e in s.index), substitute(s.value, mapping)))
        elif isinstance(s, Raise):
            out.append(Raise(s.code, tuple(substitute(e, mapping) for e in s.details)))
        elif isinstance(s, If):
            out.append(_clone_if(s, mapping, suffix))
        else:
            assert isinstance(s, For)
            out.append(_clone_for(s, mapping, suffix))
    return out


def _bind(name: str, dtype: str, mapping: dict[Expr, Expr], suffix: str) -> str:
    mapping[var(name, dtype)] = var(name + suffix, dtype)
    return name + suffix


def _clone_if(s: If, mapping: dict[Expr, Expr], suffix: str) -> If:
    cond = substitute(s.cond, mapping)
    then_map, other_map = dict(mapping), dict(mapping)
    then, other = _clone(s.then, then_map, suffix), _clone(s.other, other_map, suffix)
    values = [(substitute(y.then, then_map), substitute(y.other, other_map)) for y in s.yields]
    yields = [Yielded(_bind(y.result, a.dtype, mapping, suffix), a, b) for y, (a, b) in zip(s.yields, values, strict=True)]
    return If(cond, then, other, yields, s.loc)


def _clone_for(s: For, mapping: dict[Expr, Expr], suffix: str) -> For:
    lo, hi = substitute(s.lo, mapping), substitute(s.hi, mapping)
    inner = dict(mapping)
    inits = [substitute(c.init, mapping) for c in s.carried]
    name = _bind(s.var, "i64", inner, suffix)
    carried = [Carried(_bind(c.name, c.dtype, inner, suffix), i, None, "", c.combine)
               for c, i in zip(s.carried, inits, strict=True)]
    body = _clone(s.body, inner, suffix)
    for new, c in zip(carried, s.carried, strict=True):
        new.next = substitute(c.next, inner) if c.next is not None else None
        new.result = _bind(c.result, c.dtype, mapping, suffix) if c.result else ""
    return For(name, lo, hi, body, s.kind, s.step, carried, None, s.vector, s.jam, s.threads, s.lanes, s.loc)
