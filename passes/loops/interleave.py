"""Neighbouring sweeps:  for par i: A(i); for par j: B(j)   ->   for par blocks: for i: A(i); B(i - h)   and then B at the borders

Before: two nests pass over large arrays, and trip j of the second meets trips j - h to j + h of the first.  After: blocks
of rows run in parallel, and in each the second nest follows h rows behind the first, while the rows are near; the h rows at
either end of a block, which meet the neighbours' rows, come when all blocks are done.  Every row is computed from the
values it had before.  Legal when every two accesses that may meet, with at least one of the two a store, do so at a known
distance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...ir.depend import Access, accesses, depend
from ...ir.expr import Expr, const, op, var
from ...ir.loops import Call, For, If, LoopFunction, Raise, Stmt, While, walk
from ...ir.ranges import Ranges, function_ranges
from ...ir.scalar import size_of
from ..work import cost
from .cloning import can_clone, clone
from .names import fresh_names
from .nests import conflicts, place_behind, rewrite_bodies
from .rewriting import map_exprs, replacing, touched

MAX_STATEMENTS = 40
# The furthest that trips may meet.
MAX_REACH = 4
# Arrays that fit into a core's own cache together do not need it.
LEAST_BYTES = 1 << 20
# The work of a block, and its rows per row at its border.
BLOCK_WORK = 1 << 18
ROWS_PER_BORDER = 16


def interleave(function: LoopFunction) -> LoopFunction:
    names = fresh_names(function, "near")

    def rewrite(body: list[Stmt], k: int, ranges: Ranges) -> int:
        at = place_behind(body, k)
        pair = _match(body[k], body[at], ranges) if at is not None else None
        if at is None or pair is None:
            return 1
        new = [*body[k + 1:at], *_interleaved(pair, names)]
        body[k:at + 1] = new
        return len(new)

    rewrite_bodies(function.body, function_ranges(function), rewrite)
    return function


@dataclass(eq=False, slots=True)
class _Pair:
    """Two nests over the same rows; reach: how far apart rows are that meet; size: rows in a block."""

    first: For
    second: For
    reach: int
    size: int


def _match(first: Stmt, second: Stmt, ranges: Ranges) -> _Pair | None:
    if not _is_sweep(first) or not _is_sweep(second):
        return None
    assert isinstance(first, For) and isinstance(second, For)
    rows = first.hi - first.lo
    if first.lo is not second.lo or first.hi is not second.hi or not rows.is_const:
        return None
    if not can_clone(second.body) or len([*walk(first.body), *walk(second.body)]) > MAX_STATEMENTS:
        return None
    shared = touched([first]) & touched([second])
    if sum(_bytes(b.dims, b.dtype) for b in shared) < LEAST_BYTES:
        return None
    reach = _reach(first, second, ranges)
    if not reach or reach > MAX_REACH:
        return None
    work = cost(first.body, ranges.with_loop(first)) + cost(second.body, ranges.with_loop(second))
    size = max(BLOCK_WORK // max(work, 1), ROWS_PER_BORDER * 2 * reach)
    count = int(rows.payload) // size  # type: ignore[call-overload]
    if count < 2:
        return None
    return _Pair(first, second, reach, -(-int(rows.payload) // count))  # type: ignore[call-overload]


def _is_sweep(s: Stmt) -> bool:
    """A parallel loop over rows."""
    return isinstance(s, For) and s.kind == "par" and s.step == 1 and any(isinstance(x, For) for x in s.body) and not any(
        isinstance(x, Raise | While | Call) for x in walk(s.body))


def _bytes(dims: tuple[Expr, ...], dtype: str) -> int:
    total = size_of(dtype)
    for d in dims:
        total *= int(d.payload) if d.is_const else 0  # type: ignore[call-overload]
    return total


def _reach(first: For, second: For, ranges: Ranges) -> int | None:
    """The greatest distance between trips that may meet; None if one is unknown."""
    moved = For(first.var, second.lo, second.hi, second.body, "par")
    _rename(second.body, {var(second.var): var(first.var)})
    found = _distances(accesses([first], ranges), accesses([moved], ranges), first.var)
    _rename(second.body, {var(first.var): var(second.var)})
    distances = list(found)
    return None if None in distances else max(map(abs, distances), default=0)  # type: ignore[arg-type]


def _rename(body: list[Stmt], mapping: dict[Expr, Expr]) -> None:
    map_exprs(body, replacing(mapping))


def _distances(first: list[Access], second: list[Access], name: str) -> Iterator[int | None]:
    for a, b in conflicts(first, second):
        d = depend(a, b, (name,))
        if d is not None:
            yield d[0] if isinstance(d[0], int) else None


def _interleaved(pair: _Pair, names: Iterator[str]) -> list[Stmt]:
    first, second, h = pair.first, pair.second, pair.reach
    i, block, again = var(first.var), var(next(names)), var(next(names))
    count = op("quot", first.hi - first.lo + (pair.size - 1), const(pair.size))

    def sides(number: Expr) -> tuple[Expr, Expr]:
        start = first.lo + number * pair.size
        return start, op("min", start + pair.size, first.hi)

    start, end = sides(block)
    follow = If(i >= start + 2 * h, clone(second.body, {var(second.var): i - h}, "_near"))
    rows = For(first.var, start, end, [*first.body, follow], "seq", loc=first.loc)
    start, end = sides(again)
    borders: list[Stmt] = []
    for suffix, lo, hi in (("_front", start, op("min", start + h, end)), ("_back", op("max", end - h, start + h), end)):
        row = var(next(names))
        body = clone(second.body, {var(second.var): row}, suffix)
        borders.append(For(str(row.payload), lo, hi, body, "seq", loc=second.loc))
    return [For(str(block.payload), const(0), count, [rows], "par", loc=first.loc),
            For(str(again.payload), const(0), count, borders, "par", loc=second.loc)]
