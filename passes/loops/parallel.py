"""Marks loops whose trips are independent:  for seq i   ->   for par i

Before: the user's loops run in order.  After: a loop is parallel when no cell that one trip stores is touched by another,
and it carries nothing, cannot end early, and cannot raise.  Such loops may run in vectors and on threads (`marking`).
"""

from __future__ import annotations

from ...ir.loops import Call, For, LoopFunction, Raise, Stmt, While, walk
from ...ir.ranges import Ranges, function_ranges
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
    if loop.carried or loop.until is not None:
        return False
    inner = list(walk(loop.body))
    if len(inner) > MAX_STATEMENTS or any(isinstance(s, Raise | While | Call) for s in inner):
        return False
    return all(d[0] == 0 for _, _, d in distances(loop, ranges, (loop.var,)))
