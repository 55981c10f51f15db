"""New names, unlike any in a function."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from ...ir.loops import Alloc, Call, For, If, Let, LoopFunction, Stmt, While, walk


def taken_names(function: LoopFunction) -> set[str]:
    """Every name that the function binds."""
    return {n for n, _ in function.scalars} | {b.name for b in function.buffers} | bound_names(function.body)


def bound_names(body: list[Stmt]) -> set[str]:
    """Every name that these statements bind."""
    out: set[str] = set()
    for s in walk(body):
        if isinstance(s, Let):
            out.add(s.name)
        elif isinstance(s, Alloc):
            out.add(s.buffer.name)
        elif isinstance(s, If):
            out.update(y.result for y in s.yields)
        elif isinstance(s, Call) and s.status:
            out.add(s.status)
        if isinstance(s, For):
            out.add(s.var)
        if isinstance(s, For | While):
            for c in s.carried:
                out.update((c.name, c.result))
    return out


def fresh_names(function: LoopFunction, prefix: str) -> Iterator[str]:
    """prefix0, prefix1, ... without those in use."""
    taken = taken_names(function)
    return (n for n in (f"{prefix}{k}" for k in itertools.count()) if n not in taken)
