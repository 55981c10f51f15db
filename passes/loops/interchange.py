"""Interchange:  for j: for par i: body   ->   for i: for j: body

Before: an outer loop in order around a parallel one that runs across rows.  After: the parallel loop is outside, so that
accesses run along rows, and rows can be interleaved (`jam`) to hide the latency of the recurrence inside.  Legal when no two
accesses that may meet do so at distances of opposite signs.  A body that has loops itself is taken along as it is, if the
parallel loop's trips stay independent: threads then start once, and what a trip reads of a row is near when the next one does.
"""

from __future__ import annotations

from ...ir.depend import ANY
from ...ir.expr import Expr
from ...ir.loops import Call, For, Let, LoopFunction, Raise, Stmt, Store, While, own_exprs, walk
from ...ir.ranges import Ranges, function_ranges
from ..access import element_strides
from .nests import distances, own_buffers, rewrite_loops
from .rewriting import loads_in

JAM = 8
MAX_STREAMS = 6


def interchange(function: LoopFunction) -> LoopFunction:
    rewrite_loops(function.body, function_ranges(function), _swap)
    return function


def _swap(outer: For, ranges: Ranges) -> list[Stmt] | None:
    if outer.kind != "seq" or outer.carried or len(outer.body) != 1:
        return None
    inner = outer.body[0]
    if not isinstance(inner, For) or inner.kind != "par" or outer.var in inner.lo.variables | inner.hi.variables:
        return None
    if any(isinstance(s, Raise | While | Call) for s in walk(inner.body)) or _gain(inner, outer.var) <= 0:
        return None
    if not all(isinstance(s, Let | Store) for s in inner.body):
        return _outwards(outer, inner, ranges)
    independent = is_legal(outer, inner, ranges)
    if independent is None:
        return None
    streams = len({id(e) for e in _loads(inner)})
    jam = 1 if not independent else JAM if streams <= MAX_STREAMS else JAM // 2
    new_inner = For(outer.var, outer.lo, outer.hi, inner.body, "seq", outer.step, loc=outer.loc)
    return [For(inner.var, inner.lo, inner.hi, [new_inner], "par" if independent else "seq", inner.step, jam=jam,
                threads=independent and (inner.threads or outer.threads), loc=inner.loc)]


def _outwards(outer: For, inner: For, ranges: Ranges) -> list[Stmt] | None:
    if not is_legal(outer, inner, ranges):
        return None
    in_order = For(outer.var, outer.lo, outer.hi, inner.body, "seq", outer.step, loc=outer.loc)
    out = For(inner.var, inner.lo, inner.hi, [in_order], "par", inner.step, threads=inner.threads or outer.threads, loc=inner.loc)
    out.body = _swap(in_order, ranges.with_loop(out)) or [in_order]
    return [out]


def is_legal(outer: For, inner: For, ranges: Ranges) -> bool | None:
    """None: the loops must not change places; else whether the inner one's trips stay independent outside."""
    independent = True
    for _, _, (dj, di) in distances(outer, ranges, (outer.var, inner.var), own_buffers(inner)):
        if di == ANY or (dj == ANY and di != 0):
            return None
        if dj != ANY and ((dj > 0 and di < 0) or (dj < 0 and di > 0)):  # type: ignore[operator]
            return None
        independent &= di == 0
    return independent


def _loads(loop: For) -> list[Expr]:
    return [x for s in walk(loop.body) for e in own_exprs(s) for x in loads_in(e)]


def _gain(inner: For, outer_var: str) -> int:
    """How many more accesses would run along memory with the outer loop inside.

    What moves with one of the loops only counts for neither: it stands still in the other, in a register.
    """
    forms = [element_strides(e.payload, e.args) for e in _loads(inner)]  # type: ignore[arg-type]
    forms += [element_strides(s.buffer, s.index) for s in walk(inner.body) if isinstance(s, Store)]
    moving = [f for f in forms if outer_var in f and inner.var in f]
    return sum(_is_near(f, outer_var) - _is_near(f, inner.var) for f in moving)


def _is_near(form: dict, name: str) -> int:
    step = form.get(name, 0)
    return int(step is not None and 0 < abs(step) <= 2)
