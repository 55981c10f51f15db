"""Nests taken into reductions:  for par i: A(i); for red k in blocks: r += f(k)   ->   for par blocks: for k: A(k - d); r += f(k)

Before: a nest makes an array row by row, then a reduction in blocks of rows reads it again.  After: blocks run in parallel,
each makes a row and reduces it while it is near; what the blocks give is combined behind, in the order of before, so the
result has the same bits.  Legal when what row k of the reduction touches is touched by row k - d of the nest only, d being
one number, with at least one of the two a store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...ir.depend import Access, accesses
from ...ir.expr import Expr, const, load, op, var
from ...ir.loops import (
    Alloc,
    Buffer,
    Call,
    Carried,
    For,
    If,
    LoopFunction,
    Raise,
    Stmt,
    Store,
    While,
    stored_buffers,
    walk,
)
from ...ir.ranges import Ranges, function_ranges
from .fuse import independent
from .names import fresh_names
from .nests import place_behind, rewrite_bodies
from .rewriting import map_exprs, replacing, touched, used_names

MAX_STATEMENTS = 60


def absorb(function: LoopFunction) -> LoopFunction:
    names = fresh_names(function, "part")

    def rewrite(body: list[Stmt], k: int, ranges: Ranges) -> int:
        at = place_behind(body, k)
        found = _match(body[k], body[at], ranges) if at is not None else None
        if at is None or found is None:
            return 1
        body[k:at + 1] = [*body[k + 1:at], *_absorbed(found, names)]
        return 0

    rewrite_bodies(function.body, function_ranges(function), rewrite)
    return function


@dataclass(eq=False, slots=True)
class _Pair:
    """The nest, the reduction over blocks with the one over rows inside, and by how much rows of the latter are ahead."""

    nest: For
    blocks: For
    rows: For
    shift: int


def _match(nest: Stmt, blocks: Stmt, ranges: Ranges) -> _Pair | None:
    if not isinstance(nest, For) or nest.kind != "par" or nest.step != 1 or not any(isinstance(s, For) for s in nest.body):
        return None
    rows = _rows(blocks)
    if rows is None or not isinstance(blocks, For):
        return None
    both = [*walk(nest.body), *walk(rows.body)]
    if len(both) > MAX_STATEMENTS or any(isinstance(s, Raise | While | Call) for s in both):
        return None
    heads = [blocks.hi, *(c.init for c in (*blocks.carried, *rows.carried))]
    if any(e.buffers & stored_buffers([nest]) for e in heads) or not touched([nest]) & touched(rows.body):
        return None
    all_rows = For(rows.var, const(0), blocks.hi, rows.body, rows.kind, carried=rows.carried)
    first, second = accesses([nest], ranges), accesses([all_rows], ranges)
    shift = _shift(first, second, nest.var, rows.var)
    if shift is None:
        return None
    lo, hi = ranges.linear(nest.lo) + shift, ranges.linear(nest.hi) + shift
    if not ranges.is_nonnegative(lo) or not ranges.is_nonnegative(ranges.linear(blocks.hi) - hi):
        return None
    pair = _Pair(nest, blocks, rows, shift)
    moved = For(rows.var, nest.lo + shift, nest.hi + shift, nest.body, "par")
    _rename(nest.body, {var(nest.var): var(rows.var) - shift})
    ok = independent(accesses([moved], ranges), second, moved)
    if not ok:
        _rename(nest.body, {var(rows.var): var(nest.var) + shift})
    return pair if ok else None


def _rename(body: list[Stmt], mapping: dict[Expr, Expr]) -> None:
    map_exprs(body, replacing(mapping))


def _rows(blocks: Stmt) -> For | None:
    """The reduction over the rows of a block, in a reduction over blocks from the first row on that only combines."""
    if not isinstance(blocks, For) or blocks.kind != "red" or blocks.step < 2 or len(blocks.body) != 1:
        return None
    rows, i = blocks.body[0], var(blocks.var)
    if not isinstance(rows, For) or rows.kind != "red" or rows.step != 1 or max(rows.lanes, blocks.lanes) > 1:
        return None
    end = i + blocks.step
    if blocks.lo is not const(0) or rows.lo is not i or rows.hi not in (end, op("min", end, blocks.hi)):
        return None
    if not any(isinstance(s, For) for s in rows.body):
        return None
    results = {c.result for c in rows.carried}
    for c in blocks.carried:
        if c.next is None or c.next.payload != c.combine or c.next.args[0] is not var(c.name, c.dtype):
            return None
        if c.next.args[1].kind != "var" or c.next.args[1].payload not in results or c.name in used_names([rows]):
            return None
    return rows if rows.hi is not end or _divides(blocks.step, blocks.hi) else None


def _divides(step: int, n: Expr) -> bool:
    return n.is_const and n.payload % step == 0  # type: ignore[operator]


def _shift(first: Sequence[Access], second: Sequence[Access], i: str, k: str) -> int | None:
    """At k = i + shift a load of the second meets a store of the first, if it ever does."""
    for a in first:
        for b in second:
            if not a.is_store or b.is_store or a.buffer is not b.buffer or a.index is None or b.index is None:
                continue
            for x, y in zip(a.index, b.index, strict=True):
                own, other = a.ranges.linear(x), b.ranges.linear(y)
                ahead = own.without(i) - other.without(k)
                if own.terms.get(i) == 1 and other.terms.get(k) == 1 and ahead.is_constant:
                    return ahead.constant
    return None


def _absorbed(pair: _Pair, names: Iterator[str]) -> list[Stmt]:
    nest, blocks, rows = pair.nest, pair.blocks, pair.rows
    k, n, size = var(rows.var), blocks.hi, blocks.step
    count = op("quot", n + (size - 1), const(size))
    number, again = var(next(names)), var(next(names))
    lo, hi = nest.lo + pair.shift, nest.hi + pair.shift
    inside = [c for c, always in ((k >= lo, lo is const(0)), (k < hi, hi is n)) if not always]
    made: list[Stmt] = nest.body
    if inside:
        made = [If(op("and", *inside) if len(inside) == 2 else inside[0], made)]
    start = number * size
    partial = For(rows.var, start, op("min", start + size, n), [*made, *rows.body], "seq", 1, rows.carried, loc=nest.loc)
    parts = {c.name: Buffer(next(names), c.dtype, (count,)) for c in blocks.carried}
    sums = [Store(parts[c.name], (number,), c.next.args[1]) for c in blocks.carried]  # type: ignore[union-attr]
    terms = [load(parts[c.name], (again,)) for c in blocks.carried]
    combined = [Carried(c.name, c.init, op(str(c.combine), var(c.name, c.dtype), term), c.result, c.combine)
                for c, term in zip(blocks.carried, terms, strict=True)]
    return [*map(Alloc, parts.values()), For(str(number.payload), const(0), count, [partial, *sums], "par", loc=nest.loc),
            For(str(again.payload), const(0), count, [], "red", 1, combined, loc=blocks.loc)]
