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
from ..ir.loops import Alloc, Buffer, Call, For, Let, LoopFunction, Stmt, Store, While, bodies, own_exprs
from ..ir.scalar import size_of

ALIGNMENT = 64
Interval = tuple[int | None, int | None]
UNKNOWN: Interval = (None, None)


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
    lifetimes.body(function.body, [])
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
        for o in sorted((o for o in placed if o.first <= t.last and t.first <= o.last), key=lambda o: o.buffer.offset or 0):
            assert o.buffer.offset is not None
            if at + t.size <= o.buffer.offset:
                break
            at = max(at, o.buffer.offset + o.size)
        t.buffer.offset, t.buffer.worker_stride = at, 0
        total = max(total, at + t.size)
        placed.append(t)
    return total


class _Lifetimes:
    """Numbers the statements in program order and notes first and last use of each temporary."""

    def __init__(self) -> None:
        self.of: dict[Buffer, _Lifetime] = {}
        self.clock = 0
        self.ranges: dict[str, Interval] = {}
        # Per temporary, the statements around its Alloc.
        self.around: dict[Buffer, list[Stmt]] = {}
        # Uses that last until an enclosing loop ends.
        self.pending: dict[Stmt, list[_Lifetime]] = {}

    def body(self, body: list[Stmt], around: list[Stmt]) -> None:
        for s in body:
            self.clock += 1
            if isinstance(s, Alloc):
                threaded = any(isinstance(o, For) and o.threads for o in around)
                self.of[s.buffer] = _Lifetime(s.buffer, self.size(s.buffer), self.clock, self.clock, not threaded)
                self.around[s.buffer] = around
                continue
            for buffer in _touched(s):
                self.use(buffer, around)
            if isinstance(s, Let):
                self.ranges[s.name] = self.interval(s.value)
            if isinstance(s, For):
                lo, hi = self.interval(s.lo), self.interval(s.hi)
                self.ranges[s.var] = (lo[0], _minus(hi[1], 1)) if s.step > 0 else (_minus(hi[0], -1), lo[1])
            for inner in bodies(s):
                self.body(inner, [*around, s])
            if isinstance(s, For | While):
                # What is carried around is computed at the end of the body.
                for e in own_exprs(s):
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

    def size(self, buffer: Buffer) -> int:
        """Bytes, rounded up; the largest possible extent where it is a run-time value."""
        count = 1
        for d in buffer.dims:
            most = self.interval(d)[1]
            if most is None:
                raise UnsupportedError(f"an array of {d} elements along an axis inside a loop",
                                       "nothing bounds its size before the loop runs")
            count *= max(most, 0)
        size = count * size_of(buffer.dtype)
        return max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)

    def interval(self, e: Expr) -> Interval:
        """The least and the greatest value of an integer expression, as far as loop bounds tell."""
        if e.kind == "const" and e.dtype == "i64":
            return e.payload, e.payload  # type: ignore[return-value]
        if e.kind == "var":
            return self.ranges.get(e.payload, UNKNOWN)  # type: ignore[arg-type]
        if e.kind != "op" or e.dtype != "i64":
            return UNKNOWN
        name, args = e.payload, [self.interval(a) for a in e.args if a.dtype == "i64"]
        if name == "select":
            return _joined(args[0], args[1])
        if name in _RULES and len(args) == 2:
            return _RULES[name](args[0], args[1])  # type: ignore[index]
        return UNKNOWN


def _touched(s: Stmt) -> Iterator[Buffer]:
    for e in own_exprs(s):
        yield from e.buffers
    if isinstance(s, Store):
        yield s.buffer
    elif isinstance(s, Call):
        yield from s.reads
        yield from s.writes


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _minus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a - b


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _most(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else max(a, b)


def _joined(a: Interval, b: Interval) -> Interval:
    lo = None if a[0] is None or b[0] is None else min(a[0], b[0])
    return lo, None if a[1] is None or b[1] is None else max(a[1], b[1])


def _product(a: Interval, b: Interval) -> Interval:
    if None in (*a, *b):
        return UNKNOWN
    corners = [x * y for x in a for y in b]  # type: ignore[operator]
    return min(corners), max(corners)


def _quotient(a: Interval, b: Interval) -> Interval:
    if None in (*a, *b) or b[0] <= 0:  # type: ignore[operator]
        return UNKNOWN
    corners = [abs(x) // y * (1 if x >= 0 else -1) for x in a for y in b]  # type: ignore[operator, arg-type]
    return min(corners), max(corners)


_RULES = {
    "add": lambda a, b: (_plus(a[0], b[0]), _plus(a[1], b[1])),
    "sub": lambda a, b: (_minus(a[0], b[1]), _minus(a[1], b[0])),
    "mul": _product,
    "quot": _quotient,
    "min": lambda a, b: (None if a[0] is None or b[0] is None else min(a[0], b[0]), _least(a[1], b[1])),
    "max": lambda a, b: (_most(a[0], b[0]), None if a[1] is None or b[1] is None else max(a[1], b[1])),
}
