"""Where temporaries lie in the arena: byte offsets, so that memory is reused as soon as what lay there is dead.

Before: a loop program whose temporaries are introduced by `Alloc`.  After: each of their buffers has an `offset`, a multiple
of 64, and buffers whose lifetimes meet do not overlap; a temporary allocated inside a threaded loop has a copy per worker.
Those of unbounded size lie elsewhere (`rooms`, `heap`).
Lifetimes run from the `Alloc` to the last use, or to the end of the loop that use is in, if the `Alloc` is outside of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..ir.expr import Expr
from ..ir.loops import Alloc, Buffer, Call, For, If, Let, LoopFunction, Stmt, Store, While, own_exprs
from ..ir.ranges import Ranges, function_ranges
from .heap import heap, largest, within
from .rooms import find_rooms, place_rooms

ALIGNMENT = 64
# A load waits for a store that is not yet done at the same place of another page: so temporaries of whole pages lie apart.
PAGE = 4096
APART = 9 * ALIGNMENT


@dataclass(eq=False, slots=True)
class _Lifetime:
    buffer: Buffer
    size: int
    first: int
    last: int
    shared: bool


def arena(function: LoopFunction) -> LoopFunction:
    """Place every temporary of `function`; sets `arena_bytes` and `worker_bytes`."""
    rooms = find_rooms(function)
    heap(function, rooms)
    lifetimes = _Lifetimes(rooms)
    lifetimes.body(function.body, [], function_ranges(function))
    place_rooms(function, [t for t in lifetimes.of.values() if t.buffer in rooms])
    found = [t for t in lifetimes.of.values() if t.buffer not in rooms]
    function.arena_bytes = _place([t for t in found if t.shared])
    function.worker_bytes = _place([t for t in found if not t.shared])
    for t in found:
        if not t.shared:
            assert t.buffer.offset is not None
            t.buffer.offset += function.arena_bytes
            t.buffer.worker_stride = function.worker_bytes
    return function


def _place(lifetimes: list[_Lifetime]) -> int:
    """First fit, larger buffers first; the number of bytes used."""
    placed: list[_Lifetime] = []
    total = 0
    for t in sorted(lifetimes, key=lambda t: -t.size):
        at = 0
        for o in sorted((o for o in placed if _meet(o, t)), key=lambda o: o.buffer.offset or 0):
            assert o.buffer.offset is not None
            if at + t.size <= o.buffer.offset:
                break
            at = max(at, o.buffer.offset + o.size)
        t.buffer.offset, t.buffer.worker_stride = at, 0
        total = max(total, at + t.size)
        placed.append(t)
    return total


def _meet(a: _Lifetime, b: _Lifetime) -> bool:
    return a.first <= b.last and b.first <= a.last


class _Lifetimes:
    """Numbers the statements in program order and notes first and last use of each temporary."""

    def __init__(self, rooms: set[Buffer]) -> None:
        # Of a size that follows from the function's numbers.
        self.rooms = rooms
        self.of: dict[Buffer, _Lifetime] = {}
        # On the heap.
        self.elsewhere: set[Buffer] = set()
        self.clock = 0
        # Per temporary, the statements around its Alloc.
        self.around: dict[Buffer, list[Stmt]] = {}
        # Uses that last until an enclosing loop ends.
        self.pending: dict[Stmt, list[_Lifetime]] = {}

    def body(self, body: list[Stmt], around: list[Stmt], ranges: Ranges) -> None:
        for s in body:
            self.clock += 1
            if isinstance(s, Alloc):
                if s.buffer.base is not None:
                    self.elsewhere.add(s.buffer)
                    continue
                threaded = any(isinstance(o, For) and o.threads for o in around)
                size = 0 if s.buffer in self.rooms else _size(s.buffer, ranges)
                self.of[s.buffer] = _Lifetime(s.buffer, size, self.clock, self.clock, not threaded)
                self.around[s.buffer] = around
                continue
            for buffer in _touched_before(s):
                self.use(buffer, around)
            if isinstance(s, Let) and s.value.dtype in ("i64", "i1"):
                ranges = ranges.with_let(s)
            for inner, inside in within(s, ranges):
                self.body(inner, [*around, s], inside)
            # What is carried around or yielded is computed at the end of the body.
            for e in _exprs_after(s):
                for buffer in e.buffers:
                    self.use(buffer, [*around, s])
            self.clock += 1
            for t in self.pending.pop(s, ()):
                t.last = self.clock

    def use(self, buffer: Buffer, around: list[Stmt]) -> None:
        t = self.of.get(buffer)
        if t is None:
            assert buffer.place != "temp" or buffer in self.elsewhere, f"{buffer} is used before it exists"
            return
        t.last = max(t.last, self.clock)
        loops = [s for s in around[len(self.around[buffer]):] if isinstance(s, For | While)]
        if loops:
            self.pending.setdefault(loops[0], []).append(t)


def _size(buffer: Buffer, ranges: Ranges) -> int:
    """Bytes, rounded up; the largest possible extent where it is a run-time value."""
    size = largest(buffer, ranges)
    assert size is not None, f"{buffer} has no greatest size"
    return max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT) + (APART if size and size % PAGE == 0 else 0)


def _exprs_after(s: Stmt) -> list[Expr]:
    """The expressions of `s` that are computed inside it, after its statements."""
    if isinstance(s, If):
        return [e for y in s.yields for e in (y.then, y.other)]
    if isinstance(s, For | While):
        return [*(c.next for c in s.carried if c.next is not None), *([s.cond] if isinstance(s, While) else [])]
    return []


def _touched_before(s: Stmt) -> Iterator[Buffer]:
    after = _exprs_after(s)
    for e in own_exprs(s):
        if not any(e is x for x in after):
            yield from e.buffers
    if isinstance(s, Store):
        yield s.buffer
    elif isinstance(s, Call):
        yield from s.reads
        yield from s.writes
