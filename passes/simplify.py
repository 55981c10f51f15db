"""Simplification: constant folding, scalar algebra, shape algebra, decided branches, all to one fixpoint.

Before: any graph.  After: the same results, from fewer or cheaper ops; no rule of the four tables applies.  Ops that lost
their last use stay behind for `dce`; equal ops are merged by `cse`.  The rules are in the files of the tables.
"""

from __future__ import annotations

from ..ir.graph import Function
from ..ir.rewrite import Fired, rewrite
from .algebra import algebra_rules
from .branches import branch_rules
from .folding import folding_rules
from .shapes import shape_rules

simplify_rules = folding_rules + algebra_rules + shape_rules + branch_rules


def simplify(function: Function, record: list[Fired] | None = None) -> Function:
    """Apply every rule of the tables until none fires, in place; `record` gets one entry per firing."""
    return rewrite(function, simplify_rules, record)
