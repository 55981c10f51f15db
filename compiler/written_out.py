"""Comprehensions whose elements are traced one by one, as Python makes them, as long as that stays short.

Elements that are much work each, as a search per element, make a program that grows with their number: the trace then begins again
with a loop that appends them to a list (`list_algorithms.selected`).  What has no form as such a loop is written out after all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..ir.graph import walk_ops
from . import tracer
from .iteration import space_of

# A decision: the comprehension at a place is a loop.
COMPREHENSION = "comprehension"
# A decision: it is written out, however long.
WRITTEN_OUT = "written out"
# So many elements, or operations, are not many.
_FEW_ELEMENTS = 8
_FEW_OPS = 2000


def one_by_one(items: Any, place: str) -> Any:
    """The items for a comprehension to go through, which begins the trace again where a loop is the better form."""
    if space_of(items) is None or (WRITTEN_OUT, place) in tracer.current().decisions:
        return items
    return _measured(items, place)


def _measured(items: Any, place: str) -> Iterator[Any]:
    block = tracer.current().builder.block
    seen, size = len(block.ops), 0
    for k, x in enumerate(items):
        yield x
        size += sum(1 + sum(1 for r in op.regions for _ in walk_ops(r)) for op in block.ops[seen:])
        seen = len(block.ops)
        if k >= _FEW_ELEMENTS and size > _FEW_OPS:
            raise tracer.Restart((COMPREHENSION, place), (WRITTEN_OUT, place))
