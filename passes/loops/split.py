"""Loops whose index decides where they read, cut where that changes:

    for i in 0..n: u[i] = x[select(i < s, i + n - s, i - s)]   ->   for i in 0..s: u[i] = x[i + n - s]
                                                                    for i in s..n: u[i] = x[i - s]

Before: innermost loops that carry nothing and, in the place of a read, choose by a comparison of the loop's variable with
what does not vary in it: `np.roll` in an expression.  After: one loop per piece, without that choice, so that each reads
one stretch of memory and can run in vectors.  The pieces are the trips in their old order, so this is always legal.  Where
bounds are numbers, empty pieces are dropped; else a loop is cut at most once, so that code does not grow by more than twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from ...ir.expr import Expr, const, nodes, op, var
from ...ir.linear import Linear, linear
from ...ir.loops import For, LoopFunction, Stmt, own_exprs, walk
from .cloning import can_clone, clone
from .names import bound_names, taken_names
from .rewriting import all_bodies, loads_in

MAX_CUTS = 6


def split(function: LoopFunction) -> LoopFunction:
    taken = taken_names(function)
    suffixes = (x for x in (f"_{k}" for k in itertools.count()) if not any(n.endswith(x) for n in taken))
    for body in list(all_bodies(function.body)):
        for s in list(body):
            if isinstance(s, For) and _is_innermost(s):
                pieces = _cut(s, suffixes, MAX_CUTS)
                if len(pieces) > 1:
                    k = body.index(s)
                    body[k:k + 1] = [x for piece in pieces for x in _straight(piece, suffixes)]
    return function


def _is_innermost(s: For) -> bool:
    return (s.step == 1 and not s.carried and can_clone(s.body)
            and all(x.kind == "red" for x in walk(s.body) if isinstance(x, For)))


def _cut(s: For, suffixes: Iterator[str], left: int) -> list[For]:
    """The pieces of `s`, in order."""
    found = next(_choices(s), None) if left else None
    if found is None:
        return [s]
    condition, at = found
    if at.is_const and s.lo.is_const and s.hi.is_const:
        middle = const(min(max(_number(at), _number(s.lo)), _number(s.hi)))
    else:
        middle, left = op("max", op("min", at, s.hi), s.lo), 1
    out: list[For] = []
    for lo, hi, arm in ((s.lo, middle, 1), (middle, s.hi, 2)):
        if not (lo.is_const and hi.is_const and _number(lo) >= _number(hi)):
            out += _cut(_piece(s, lo, hi, condition, arm, next(suffixes)), suffixes, left - 1)
    return out


def _choices(s: For) -> Iterator[tuple[Expr, Expr]]:
    """Conditions `s.var < at` that choose where the loop reads, and `at`."""
    varying = bound_names(s.body)
    for load in (x for t in walk(s.body) for e in own_exprs(t) for x in loads_in(e)):
        for e in nodes(load.args):
            if e.kind == "op" and e.payload == "select" and e.args[0].payload == "lt" and s.var in e.args[0].variables:
                condition = e.args[0]
                form = linear(condition.args[0] - condition.args[1])
                rest = form.without(s.var)
                if form.terms.get(s.var) == 1 and not rest.uses(varying | {s.var}):
                    at = _expression(rest.scaled(-1))
                    if not at.buffers:
                        yield condition, at


def _expression(form: Linear) -> Expr:
    total = const(form.constant)
    for atom, factor in form.terms.items():
        total = total + form.atoms[atom] * factor
    return total


def _piece(s: For, lo: Expr, hi: Expr, condition: Expr, arm: int, suffix: str) -> For:
    """`s` from lo to hi, where all choices by `condition` take this arm, under names of its own."""
    chosen = {e: e.args[arm] for t in walk(s.body) for e in nodes(own_exprs(t))
              if e.kind == "op" and e.payload == "select" and e.args[0] is condition}
    # The arms stand under the old names, so names change in a second copy.
    body = clone(clone(s.body, chosen, ""), {var(s.var): var(s.var + suffix)}, suffix)
    return For(s.var + suffix, lo, hi, body, s.kind, s.step, loc=s.loc)


def _straight(s: For, suffixes: Iterator[str]) -> list[Stmt]:
    """A single trip as straight code."""
    if s.lo.is_const and s.hi.is_const and _number(s.hi) - _number(s.lo) == 1:
        return clone(s.body, {var(s.var): s.lo}, next(suffixes))
    return [s]


def _number(e: Expr) -> int:
    assert isinstance(e.payload, int)
    return e.payload
