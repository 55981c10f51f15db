"""If-conversion:  if c: x = f() else: x = g()   ->   x = select(c, f(), g())

Before: branches that only compute values.  After: straight code, which runs in vectors.  Legal when the arms hold nothing
but values, and every load in them is in range whichever way the condition goes; done when the arms are small.
"""

from __future__ import annotations

from ...ir.expr import nodes, select
from ...ir.loops import If, Let, LoopFunction, Stmt, bodies, own_exprs
from ...ir.ranges import Ranges, function_ranges
from .nests import after, inside
from .rewriting import loads_in

MAX_VALUES = 12
MAX_COST = 60


def if_convert(function: LoopFunction) -> LoopFunction:
    _convert_body(function.body, function_ranges(function))
    return function


def _convert_body(body: list[Stmt], ranges: Ranges) -> None:
    k = 0
    while k < len(body):
        s = body[k]
        for inner, known in zip(bodies(s), inside(s, ranges), strict=True):
            _convert_body(inner, known)
        if isinstance(s, If) and _may_convert(s, ranges):
            # Values of the arms come first: both are computed.
            new: list[Stmt] = [*s.then, *s.other, *(Let(y.result, select(s.cond, y.then, y.other)) for y in s.yields)]
            body[k:k + 1] = new
            for n in new:
                ranges = after(n, ranges)
            k += len(new)
            continue
        ranges = after(s, ranges)
        k += 1


def _may_convert(s: If, ranges: Ranges) -> bool:
    arms = [*s.then, *s.other]
    if not s.yields or len(arms) > MAX_VALUES or not all(isinstance(x, Let) for x in arms):
        return False
    known = ranges
    for x in arms:
        known = after(x, known)
    exprs = [e for x in arms for e in own_exprs(x)] + [e for y in s.yields for e in (y.then, y.other)]
    if sum(1 for _ in nodes(exprs)) > MAX_COST:
        return False
    return all(known.access_in_range(x.args, x.payload.dims) for e in exprs for x in loads_in(e))  # type: ignore[attr-defined]
