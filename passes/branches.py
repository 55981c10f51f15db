"""Rules for control flow that is decided by constants.

    if true: A else: B     -> A
    for over no trips      -> the initial values
    while false            -> the initial values

Before: any graph.  After: no `if` on a constant, no loop that certainly makes no trip.  Start with `branch_rules`.
"""

from __future__ import annotations

from ..ir.graph import Value
from ..ir.rewrite import Match, Rewriter, Rule, RuleTable, made, uniform


def _constants(*values: Value) -> list | None:
    found = [uniform(v) for v in values]
    return None if any(c is None for c in found) else [c.attrs["value"] for c in found if c is not None]


def _same_types(values: list[Value], m: Match) -> list[Value] | None:
    return values if [v.type for v in values] == [r.type for r in m.op.results] else None


def _decided_if(b: Rewriter, m: Match) -> list[Value] | None:
    condition = _constants(m.op.operands[0])
    if condition is None:
        return None
    region = m.op.regions[0 if condition[0] else 1]
    # A result's extents may be results themselves: then the types only agree once all are replaced.
    if [v.type for v in region.yields] != [r.type for r in m.op.results]:
        return None
    return b.inline(region, [])


def _no_trip(b: Rewriter, m: Match) -> list[Value] | None:
    bounds = _constants(*m.op.operands[:3])
    if bounds is None or bounds[2] == 0 or len(range(*bounds)):
        return None
    return _same_types(m.op.operands[3:], m)


def _never(b: Rewriter, m: Match) -> list[Value] | None:
    test = _constants(m.op.regions[0].yields[0])
    return _same_types(m.op.operands, m) if test == [False] and not m.op.regions[0].ops[1:] else None


branch_rules = RuleTable("branches", [
    Rule("if on a constant -> that branch", made("if"), _decided_if),
    Rule("for over no trips -> the initial values", made("for"), _no_trip),
    Rule("while false -> the initial values", made("while"), _never),
])
