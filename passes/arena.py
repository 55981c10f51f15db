"""Where temporaries lie in the arena: byte offsets, so that memory is reused as soon as what lay there is dead.

Before: a loop program whose temporaries are introduced by `Alloc`.  After: each of their buffers has an `offset`, a multiple
of 64, and buffers whose lifetimes meet do not overlap; a temporary allocated inside a threaded loop has a copy per worker.
Lifetimes run from the `Alloc` to the last use, or to the end of the loop that use is in, if the `Alloc` is outside of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..ir.errors import UnsupportedError
from ..ir.expr import Expr
from ..ir.loops import Alloc, Buffer, Call, For, If, Let, LoopFunction, Stmt, Store, While, bodies, own_exprs
from ..ir.ranges import Ranges, function_ranges
from ..ir.scalar import size_of

ALIGNMENT = 64


@dataclass(eq=False, slots=True)
class _Lifetime:
    buffer: Buffer
    size: int
    first: int
    last: int
    shared: bool


def arena(function: LoopFunction) -> LoopFunction:
    """Place every temporary of `function`; sets `arena_bytes` and `worker_bytes`."""
    lifetimes = _Lifetimes()
    lifetimes.body(function.body, [], function_ranges(function))
    found = list(lifetimes.of.values())
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

    def __init__(self) -> None:
        self.of: dict[Buffer, _Lifetime] = {}
        self.clock = 0
        # Per temporary, the statements around its Alloc.
        self.around: dict[Buffer, list[Stmt]] = {}
        # Uses that last until an enclosing loop ends.
        self.pending: dict[Stmt, list[_Lifetime]] = {}

    def body(self, body: list[Stmt], around: list[Stmt], ranges: Ranges) -> None:
        for s in body:
            self.clock += 1
            if isinstance(s, Alloc):
                threaded = any(isinstance(o, For) and o.threads for o in around)
                self.of[s.buffer] = _Lifetime(s.buffer, _size(s.buffer, ranges), self.clock, self.clock, not threaded)
                self.around[s.buffer] = around
                continue
            for buffer in _touched_before(s):
                self.use(buffer, around)
            if isinstance(s, Let) and s.value.dtype in ("i64", "i1"):
                ranges = ranges.with_let(s)
            for inner, inside in _within(s, ranges):
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
            assert buffer.place != "temp", f"{buffer} is used before it exists"
            return
        t.last = max(t.last, self.clock)
        loops = [s for s in around[len(self.around[buffer]):] if isinstance(s, For | While)]
        if loops:
            self.pending.setdefault(loops[0], []).append(t)


def _within(s: Stmt, ranges: Ranges) -> Iterator[tuple[list[Stmt], Ranges]]:
    """The bodies of `s` and what is known there."""
    if isinstance(s, For):
        yield s.body, ranges.with_loop(s)
    elif isinstance(s, If):
        yield s.then, ranges.with_condition(s.cond)
        yield s.other, ranges.with_condition(s.cond, False)
    else:
        yield from ((inner, ranges) for inner in bodies(s))


def _size(buffer: Buffer, ranges: Ranges) -> int:
    """Bytes, rounded up; the largest possible extent where it is a run-time value."""
    count = 1
    for d in buffer.dims:
        most = ranges.interval(d)[1]
        if most is None:
            raise UnsupportedError(f"an array of {d} elements along an axis inside a loop",
                                   "nothing bounds its size before the loop runs")
        count *= max(most, 0)
    size = count * size_of(buffer.dtype)
    return max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)


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
