"""Marks loops whose trips are independent:  for seq i   ->   for par i

Before: the user's loops run in order.  After: a loop is parallel when no cell that one trip stores is touched by another,
and it carries nothing (so it cannot end early either).  Such loops may run in vectors and on threads (`marking`).  One that
may raise must store only to memory that nobody sees then: later trips may have run.  A `while` inside must surely end:
threads do not listen for Ctrl-C.
"""

from __future__ import annotations

from ...ir.expr import Expr, const
from ...ir.loops import Call, For, Let, LoopFunction, Raise, Stmt, While, stored_buffers, walk
from ...ir.ranges import Ranges, function_ranges
from .names import bound_names
from .nests import distances, rewrite_loops

MAX_STATEMENTS = 150


def parallel(function: LoopFunction) -> LoopFunction:
    rewrite_loops(function.body, function_ranges(function), _mark)
    return function


def _mark(loop: For, ranges: Ranges) -> list[Stmt] | None:
    if loop.kind in ("seq", "simd") and is_independent(loop, ranges):
        loop.kind = "par"
    return None


def is_independent(loop: For, ranges: Ranges) -> bool:
    """May the trips run in any order, or at once?"""
    if loop.carried:
        return False
    inner = list(walk(loop.body))
    if len(inner) > MAX_STATEMENTS or any(isinstance(s, Call) for s in inner):
        return False
    if any(isinstance(s, Raise) for s in inner) and not all(b.is_private for b in stored_buffers(inner)):
        return False
    if not all(surely_ends(s) for s in inner if isinstance(s, While)):
        return False
    return all(d[0] == 0 for _, _, d in distances(loop, ranges, (loop.var,)))


def surely_ends(s: While) -> bool:
    """Does the loop run only while a number that it counts up is less than one that stays?"""
    named = {x.name: x.value for x in s.test if isinstance(x, Let)}
    inside = bound_names([s])
    rising = {c.name for c in s.carried if c.next is not None and _is_next_number(c.next, c.name)}
    return any(e.payload == "lt" and e.args[0].payload in rising and not e.args[1].variables & inside
               and not e.args[1].buffers for e in _conjuncts(s.cond, named))


def _is_next_number(e: Expr, name: str) -> bool:
    return e.dtype == "i64" and e.payload == "add" and e.args[0].payload == name and e.args[1].is_const \
        and e.args[1].payload > 0  # type: ignore[operator]


def _conjuncts(e: Expr, named: dict[str, Expr]) -> list[Expr]:
    """The operations that all hold where `e` does."""
    if e.kind == "var":
        return _conjuncts(named[str(e.payload)], named) if e.payload in named else []
    if e.kind == "op" and (e.payload == "and" or (e.payload == "select" and e.args[2] is const(False, "i1"))):
        return [x for a in e.args[:2] for x in _conjuncts(a, named)]
    return [e] if e.kind == "op" else []
