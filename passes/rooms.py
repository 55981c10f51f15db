"""Temporaries whose size follows from the numbers that a function is given: one block of memory, made for each call.

Before: a loop program with `Alloc`s.  After: each such buffer has a `base`, a name bound at the start of the function to
its address in the block, and those that every thread has to itself an `each`, how far apart the threads' copies lie.
Temporaries of one size expression share a place if their lifetimes do not meet.  `LoopFunction.room` says how large the
block must be; its address is the function's last scalar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..ir.expr import Expr, const, op, var
from ..ir.loops import Alloc, Buffer, Let, LoopFunction, Stmt
from ..ir.ranges import Ranges, function_ranges
from ..ir.scalar import size_of
from .heap import largest, within

ALIGNMENT = 64
ROOM, START, EACH = "room", "room_start", "room_each"
# What the size of a block may be computed with.
_OPERATIONS = ("add", "sub", "mul", "max", "min", "neg")


class Lifetime(Protocol):
    """From its `Alloc` to its last use; shared by all threads?"""

    buffer: Buffer
    first: int
    last: int
    shared: bool


@dataclass(eq=False, slots=True)
class _Place:
    """A part of the block: its size in bytes, and who lies there."""

    size: Expr
    shared: bool
    lifetimes: list[Lifetime] = field(default_factory=list)


def find_rooms(function: LoopFunction) -> set[Buffer]:
    """The temporaries of unbounded size whose extents are computed from the function's scalars."""
    given = frozenset(name for name, dtype in function.scalars if dtype == "i64")
    found: set[Buffer] = set()
    _find(function.body, function_ranges(function), given, found)
    return found


def _find(body: Sequence[Stmt], ranges: Ranges, given: frozenset[str], found: set[Buffer]) -> None:
    for s in body:
        if isinstance(s, Alloc) and largest(s.buffer, ranges) is None and all(_is_given(d, given) for d in s.buffer.dims):
            found.add(s.buffer)
        if isinstance(s, Let) and s.value.dtype in ("i64", "i1"):
            ranges = ranges.with_let(s)
        for inner, known in within(s, ranges):
            _find(inner, known, given, found)


def _is_given(e: Expr, given: frozenset[str]) -> bool:
    if e.kind == "var":
        return e.payload in given
    return e.is_const or (e.kind == "op" and e.payload in _OPERATIONS and all(_is_given(a, given) for a in e.args))


def place_rooms(function: LoopFunction, lifetimes: Sequence[Lifetime]) -> None:
    """Give each temporary its place in the block."""
    if not lifetimes:
        return
    places: list[_Place] = []
    for t in sorted(lifetimes, key=lambda t: t.first):
        size = _bytes(t.buffer)
        place = next((p for p in places if p.shared == t.shared and p.size is size and not any(_meet(t, o) for o in p.lifetimes)),
                     None)
        if place is None:
            place = _Place(size, t.shared)
            places.append(place)
        place.lifetimes.append(t)
    function.scalars.append((ROOM, "i64"))
    lets: list[Stmt] = []
    totals: dict[bool, Expr] = {True: const(0), False: const(0)}
    for p in places:
        totals[p.shared] = totals[p.shared] + p.size
    lets += [Let(EACH, totals[False]), Let(START, _aligned(var(ROOM)))]
    # All sizes are multiples of the alignment.
    at = {True: var(START), False: var(START) + totals[True]}
    for k, p in enumerate(places):
        name = f"{ROOM}{k}"
        lets.append(Let(name, at[p.shared]))
        at[p.shared] = var(name) + p.size
        for t in p.lifetimes:
            t.buffer.base, t.buffer.each = name, None if p.shared else EACH
    function.body[:0] = lets
    function.room = (totals[True] + ALIGNMENT, totals[False])


def _aligned(address: Expr) -> Expr:
    return op("and", address + (ALIGNMENT - 1), const(-ALIGNMENT))


def _meet(a: Lifetime, b: Lifetime) -> bool:
    return a.first <= b.last and b.first <= a.last


def _bytes(buffer: Buffer) -> Expr:
    """The size, up to the next multiple of the alignment."""
    count = const(size_of(buffer.dtype))
    for d in buffer.dims:
        count = count * op("max", d, 0)
    return _aligned(count)


