"""Marks the loops that run in vectors and on threads, by their accesses and the work in them (`lower_nest.mark`)."""

from __future__ import annotations

from ...ir.loops import LoopFunction
from ...ir.ranges import function_ranges
from ..lower_nest import mark_all


def marking(function: LoopFunction) -> LoopFunction:
    mark_all(function.body, function_ranges(function))
    return function
