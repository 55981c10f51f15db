"""Skewed unroll-and-jam:  for i: for j: body   ->   several rows at once, each some columns behind the row above

Before: a nest whose recurrences run along both axes, so that each element waits for the last.  After: JAM rows advance
together as a wavefront; the arithmetic of different rows overlaps, and every element is computed from exactly the same
operands as before.  Row r lags r * lag columns: an access that reaches back dj columns ahead in an earlier row needs
lag > -dj / di.  Before and behind the full wavefront the rows run under guards.  Legal when every distance is known; done
when the body is straight code with a recurrence along the inner loop (with a branch inside it would lose).
"""

from __future__ import annotations

from ...ir.depend import ANY
from ...ir.expr import Expr, const, op, var
from ...ir.loops import For, If, Let, LoopFunction, Stmt, Store, walk
from ...ir.ranges import Ranges, function_ranges
from .cloning import clone
from .nests import distances, rewrite_loops

JAM = 8
# Rows and columns below which the guarded parts are most of the work.
LEAST_EXTENT = 4 * JAM
MAX_STATEMENTS = 40


def skew(function: LoopFunction) -> LoopFunction:
    rewrite_loops(function.body, function_ranges(function), _skew)
    return function


def is_wavefront(outer: For, ranges: Ranges) -> bool:
    """Would this nest be skewed?"""
    return _wavefront(outer, ranges) is not None


def _wavefront(outer: For, ranges: Ranges) -> tuple[For, int] | None:
    inner = _candidate(outer)
    if inner is None or _is_short(outer) or _is_short(inner):
        return None
    lag = wavefront_lag(outer, inner, ranges)
    return None if lag is None else (inner, lag)


def _skew(outer: For, ranges: Ranges) -> list[Stmt] | None:
    found = _wavefront(outer, ranges)
    if found is None:
        return None
    inner, lag = found
    i, j = var(outer.var), var(inner.var)
    behind = const(lag * (JAM - 1))

    def rows(guarded: bool) -> list[Stmt]:
        out: list[Stmt] = []
        for r in range(JAM):
            column = j - lag * r
            body = clone(inner.body, {i: i + r, j: column}, f"_{r}")
            if guarded:
                inside = op("and", column >= inner.lo, column < inner.hi)
                body = [If(inside, body)]
            out += body
        return out

    whole = op("sub", outer.hi, outer.lo)
    middle = outer.lo + (whole - op("rem", op("max", whole, 0), JAM))
    first = op("min", inner.lo + behind, inner.hi + behind)
    second = op("max", first, inner.hi)
    blocks: list[Stmt] = [
        For(inner.var, inner.lo, first, rows(True), "seq", loc=inner.loc),
        For(f"{inner.var}_full", first, second, _renamed(rows(False), inner.var), "seq", loc=inner.loc),
        For(f"{inner.var}_end", second, inner.hi + behind, _renamed(rows(True), inner.var, "_end"), "seq", loc=inner.loc),
    ]
    rest = clone([For(f"{outer.var}", middle, outer.hi, [inner], "seq", loc=outer.loc)], {}, "_rest")
    return [For(outer.var, outer.lo, middle, blocks, "seq", JAM, loc=outer.loc), *rest]


def _renamed(body: list[Stmt], name: str, suffix: str = "_full") -> list[Stmt]:
    return clone(body, {var(name): var(name + suffix)}, suffix)


def _candidate(outer: For) -> For | None:
    """The inner loop of a perfect nest of two plain sequential loops over straight code."""
    if outer.kind != "seq" or outer.step != 1 or outer.carried or len(outer.body) != 1:
        return None
    inner = outer.body[0]
    if not isinstance(inner, For) or inner.kind != "seq" or inner.step != 1 or inner.carried:
        return None
    if outer.var in inner.lo.variables | inner.hi.variables or inner.lo.buffers | inner.hi.buffers:
        return None
    if not all(isinstance(s, Let | Store) for s in inner.body) or len(list(walk(inner.body))) > MAX_STATEMENTS:
        return None
    return inner


def _is_short(loop: For) -> bool:
    n = _extent(loop)
    return n is not None and n < LEAST_EXTENT


def _extent(loop: For) -> int | None:
    n: Expr = op("sub", loop.hi, loop.lo)
    return n.payload if n.is_const else None


def wavefront_lag(outer: For, inner: For, ranges: Ranges) -> int | None:
    """By how many columns each row must trail the one above; None if the nest cannot or need not be skewed."""
    lag, recurrence = 1, False
    for a, _, (di, dj) in distances(outer, ranges, (outer.var, inner.var)):
        if ANY in (di, dj):
            return None
        if (di, dj) == (0, 0):
            continue
        recurrence |= a.is_store and di == 0
        if di > 0 and dj <= 0:  # type: ignore[operator]
            lag = max(lag, -(dj // di) + 1)  # type: ignore[operator]
    return lag if recurrence else None
