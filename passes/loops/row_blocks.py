"""Blocks of rows that a reduction over rows may go through at the same time, and how it combines what they give.

A sum of floats is one of blocks already, whose results are then added in order (`lower_reduce`): its own innermost blocks are
taken.  Where any order gives the same bits, the blocks are ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...ir.expr import Expr, const, op, var
from ...ir.loops import Carried, For, Let
from ...ir.scalar import FLOATS, identity_of

BLOCK = 64
EXACT = ("min", "max", "fmin", "fmax", "and", "or", "xor")


@dataclass(eq=False, slots=True)
class Blocks:
    """rows: the reduction over the rows of one block, the number of which is the variable `number`, of `count`.  place: what the
    variables of the loops around it are then.  around: those loops, outermost first; in the last one's trip, `which` is the block.
    """

    number: str
    count: int
    rows: For
    place: dict[Expr, Expr]
    around: list[For]
    which: Expr

    def combined(self, parts: Sequence[Expr]) -> For:
        """The reduction, given what block `which` gave; its loops have no use behind."""
        last = self.around[-1]
        last.body = []
        for c, part in zip(last.carried, parts, strict=True):
            c.next = op(str(c.combine), var(c.name, c.dtype), part)
        return self.around[0]


def blocks_of(s: For, names: Iterator[str]) -> Blocks | None:
    """Those of a reduction over rows, if it has more than one."""
    if not (s.lo is const(0) and s.hi.is_const):
        return None
    levels = [s]
    while len(levels[-1].body) == 1 and isinstance(levels[-1].body[0], For):
        levels.append(levels[-1].body[0])
    if not all(isinstance(x, Let) for x in levels[-1].body):
        return None
    return _own_blocks(s, names) if len(levels) == 1 else _blocks_inside(levels, names)


def _own_blocks(s: For, names: Iterator[str]) -> Blocks | None:
    rows = int(s.hi.payload)  # type: ignore[call-overload]
    count = -(-rows // BLOCK)
    if s.step != 1 or count < 2 or any(c.combine not in EXACT and c.dtype in FLOATS for c in s.carried):
        return None
    number, again = next(names), next(names)
    first = var(number) * BLOCK
    own = [Carried(c.name, const(identity_of(str(c.combine), c.dtype), c.dtype), c.next, next(names), c.combine) for c in s.carried]
    block = For(s.var, first, op("min", first + BLOCK, s.hi), s.body, "red", 1, own, loc=s.loc)
    carried = [Carried(next(names), c.init, None, c.result, c.combine) for c in s.carried]
    return Blocks(number, count, block, {}, [For(again, const(0), const(count), [], "red", 1, carried, loc=s.loc)], var(again))


def _blocks_inside(levels: list[For], names: Iterator[str]) -> Blocks | None:
    """Each level goes through blocks of the one before, which begin with its variable."""
    *around, rows = levels
    last = around[-1]
    rows_in_all = int(levels[0].hi.payload)  # type: ignore[call-overload]
    if last.step < 2 or rows_in_all <= last.step:
        return None
    for outer, inner in itertools.pairwise(levels):
        if inner.kind != "red" or inner.lo is not var(outer.var) or outer.step % inner.step or not _only_combines(outer, inner):
            return None
    number = var(next(names))
    first = number * last.step
    place = {var(x.var): op("quot", first, const(x.step)) * x.step for x in around[:-1]} | {var(last.var): first}
    return Blocks(str(number.payload), -(-rows_in_all // last.step), rows, place, around,
                  op("quot", var(last.var), const(last.step)))


def _only_combines(outer: For, inner: For) -> bool:
    """Is what a trip of the outer loop adds the result of the inner one, which starts from nothing?"""
    return len(outer.carried) == len(inner.carried) and all(
        c.next is op(str(c.combine), var(c.name, c.dtype), var(d.result, d.dtype)) and d.init.is_const and c.combine == d.combine
        for c, d in zip(outer.carried, inner.carried, strict=True))
