"""Loops that go through arrays level by level: extents that double or halve from trip to trip (`half *= 2`, `n //= 2`, `2**k`).

Compiled once for all trips, such a loop has tiny extents in one trip where it has large ones in another, and no order of its nests
suits all.  There are few trips, so each is compiled with its own numbers: `is_by_levels` says whether to unroll.  Where only the
run knows the number of trips, the loop stays a loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..ir.graph import Block, Op, Value
from ..ir.opdef import OPS
from ..ir.types import ArrayType, WeakType

MOST_TRIPS, MOST_OPS = 40, 2000
_SCALING = frozenset({"multiply", "floor_divide", "left_shift", "right_shift"})
_POWERS = frozenset({"power", "left_shift", "right_shift"})


def is_by_levels(body: Block, trips: int | None, carried: Sequence[Value], index: Value | None = None) -> bool:
    """Do extents of arrays in this body follow from a number that every trip multiplies or divides?  carried: its arguments, in the
    order of what it yields."""
    if trips is None or trips > MOST_TRIPS or any(op.name in ("for", "while") for op in _ops(body)):
        return False
    if trips * sum(op.name != "const" for op in _ops(body)) > MOST_OPS:
        return False
    seeds = set()
    for v, following in zip(carried, body.yields, strict=False):
        if _is_integer(v) and _named(following.op, _SCALING) and following in _derived(body, {v}):
            seeds.add(v)
    if index is not None:
        counted = _derived(body, {index})
        seeds |= {r for op in _ops(body) if _named(op, _POWERS) and op.operands[-1] in counted for r in op.results}
    numbers = _derived(body, seeds)
    return any(d in numbers for op in _ops(body) for r in op.results for d in _extents(r))


def trips_of(test: Block, body: Block, initial: Sequence[Value]) -> int | None:
    """How many trips a `while` makes, if that follows from constants and they are few."""
    known = {v: x for v, first in zip(test.args, initial, strict=True) if (x := _number(first, {})) is not None}
    for trip in range(MOST_TRIPS + 1):
        holds = _number(test.yields[0], known)
        if not holds:
            return None if holds is None else trip
        inside = {b: known[a] for a, b in zip(test.args, body.args, strict=True) if a in known}
        known = {a: x for a, v in zip(test.args, body.yields, strict=True) if (x := _number(v, inside)) is not None}
    return None


def _number(v: Value, known: dict[Value, Any]) -> Any:
    """A Python number that follows from known ones, else None."""
    if v in known:
        return known[v]
    if v.op is None or not isinstance(v.type, WeakType) or v.op.regions or OPS[v.op.name].effect == "ordered":
        return None
    operands = [_number(x, known) for x in v.op.operands]
    if any(x is None for x in operands):
        return None
    if v.op.name == "const":
        return v.op.attrs["value"]
    try:
        return OPS[v.op.name].evaluate(np, operands, v.op.attrs, [v.type])[0]
    except Exception:
        # What the program raises there it raises when it runs.
        return None


def _named(op: Op | None, names: frozenset[str]) -> bool:
    return op is not None and op.name.removeprefix("py_") in names


def _is_integer(v: Value) -> bool:
    return isinstance(v.type, WeakType | ArrayType) and not v.dims and v.dtype.kind == "i"


def _extents(v: Value) -> list[Value]:
    return [d for d in getattr(v.type, "dims", ()) if isinstance(d, Value)]


def _ops(block: Block) -> Iterator[Op]:
    for op in block.ops:
        yield op
        for region in op.regions:
            yield from _ops(region)


def _derived(block: Block, seeds: set[Value]) -> set[Value]:
    """The numbers that are computed from these."""
    found = set(seeds)
    for op in _ops(block):
        if not found.isdisjoint(op.operands):
            found.update(r for r in op.results if _is_integer(r))
    return found
