"""If-conversion:  if c: x = f() else: x = g()   ->   x = select(c, f(), g())

Before: branches that only compute values.  After: straight code, which runs in vectors.  Legal when the arms hold nothing
but values, and every load in them is in range whichever way the condition goes; done when the arms are small.
"""

from __future__ import annotations

from ...ir.expr import nodes, select
from ...ir.loops import If, Let, LoopFunction, Stmt, own_exprs
from ...ir.ranges import Ranges, function_ranges, through
from .nests import rewrite_bodies
from .rewriting import loads_in

MAX_VALUES = 12
MAX_COST = 60


def if_convert(function: LoopFunction) -> LoopFunction:
    rewrite_bodies(function.body, function_ranges(function), _convert)
    return function


def _convert(body: list[Stmt], k: int, ranges: Ranges) -> int:
    s = body[k]
    if not isinstance(s, If) or not _may_convert(s, ranges):
        return 1
    # Values of the arms come first: both are computed.
    new: list[Stmt] = [*s.then, *s.other, *(Let(y.result, select(s.cond, y.then, y.other)) for y in s.yields)]
    body[k:k + 1] = new
    return len(new)


def _may_convert(s: If, ranges: Ranges) -> bool:
    arms = [*s.then, *s.other]
    if not s.yields or len(arms) > MAX_VALUES or not all(isinstance(x, Let) for x in arms):
        return False
    known = through(arms, ranges)
    exprs = [e for x in arms for e in own_exprs(x)] + [e for y in s.yields for e in (y.then, y.other)]
    if sum(1 for _ in nodes(exprs)) > MAX_COST:
        return False
    return all(known.access_in_range(x.args, x.payload.dims) for e in exprs for x in loads_in(e))  # type: ignore[attr-defined]
