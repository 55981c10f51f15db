"""Full unrolling of tiny loops:  for red k in 0..3 carry s: s = s + f(k)   ->   let the three terms, one after the other

Before: a loop inside a loop, over two to four trips known beforehand, as over the components of a vector.  After: straight
code with the loop's variable replaced by numbers, so that the loop around it can run in vectors.  The trips keep their
order.  Only loops that carry scalars and store nothing: a nest that stores is better kept whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...ir.expr import Expr, const, substitute, var
from ...ir.loops import For, Let, LoopFunction, Stmt, While, bodies
from .names import fresh_names

MAX_TRIPS = 4
MAX_STATEMENTS = 40


def unroll(function: LoopFunction) -> LoopFunction:
    _unroll_in(function.body, fresh_names(function, "n"), inside=False)
    return function


def _unroll_in(body: list[Stmt], names: Iterator[str], inside: bool) -> None:
    k = 0
    while k < len(body):
        s = body[k]
        for inner in bodies(s):
            _unroll_in(inner, names, inside or isinstance(s, For | While))
        new = _unrolled(s, names) if inside and isinstance(s, For) else None
        if new is not None:
            body[k:k + 1] = new
            k += len(new)
            continue
        k += 1


def _unrolled(s: For, names: Iterator[str]) -> list[Stmt] | None:
    """The trips of `s` as straight code, if that is wanted."""
    values = _trips(s)
    if values is None or s.until is not None or s.lanes > 1:
        return None
    if not all(isinstance(x, Let) for x in s.body) or (len(s.body) + len(s.carried)) * len(values) > MAX_STATEMENTS:
        return None
    out: list[Stmt] = []
    current = [c.init for c in s.carried]
    for value in values:
        mapping: dict[Expr, Expr] = {var(s.var): const(value)}
        mapping |= {var(c.name, c.dtype): e for c, e in zip(s.carried, current, strict=True)}
        for x in s.body:
            assert isinstance(x, Let)
            new = Let(next(names), substitute(x.value, mapping))
            out.append(new)
            mapping[var(x.name, x.value.dtype)] = var(new.name, x.value.dtype)
        current = [substitute(c.next, mapping) for c in s.carried if c.next is not None]
    return [*out, *(Let(c.result, e) for c, e in zip(s.carried, current, strict=True) if c.result)]


def _trips(s: For) -> range | None:
    """The values of the loop's variable, if they are known and few."""
    if not (s.lo.is_const and s.hi.is_const):
        return None
    values = range(int(s.lo.payload), int(s.hi.payload), s.step)  # type: ignore[call-overload]
    return values if 0 < len(values) <= MAX_TRIPS else None
