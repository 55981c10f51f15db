"""Parallel loops: the body as a function of its own, which the thread pool calls for one chunk of trips after another.

`void BODY(ptr context, i64 lo, i64 hi, i64 worker)`; the context holds the arena, a record of the error raised, and the
values that the body uses.  How many trips make a chunk depends on sizes only.  Where several chunks raise, all still run
and the first in program order is reported, whichever thread came first.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...ir.expr import Expr, const, op, var
from ...ir.loops import Alloc, Buffer, Call, For, If, Let, Stmt, Store, While, own_exprs, stored_buffers, walk
from ...ir.scalar import size_of
from .module import MEMORY_TYPE, RARELY_TRUE, Branch, FunctionText
from .reductions import Reductions
from .scopes import Value
from .shape import UNKNOWN_TRIPS, may_leave, own_work

# What a chunk should cost, in the units of `shape.own_work`; and how many bytes come from memory, or go there, in the time of one
# such unit.
CHUNK_WORK = 1 << 18
BYTES_PER_WORK = 2

# The words of a context before the captured values: the arena, and the error record.
ARENA, LOCK, POSITION, CODE = 0, 1, 2, 3
DETAILS = 3
CAPTURED = CODE + 1 + DETAILS
NOWHERE = 2 ** 63 - 1


class Parallel(Reductions):
    """Emits parallel loops.

    worker: the operand that numbers the thread; context: the operand of the chunk's context (None in the entry).
    """

    worker: str = "0"
    arena: str | None = None
    context: str | None = None
    chunk_start: str = "0"

    @abstractmethod
    def child(self, text: FunctionText) -> Parallel:
        """An emitter of another function of the module."""

    def parallel(self, s: For) -> None:
        lo, hi = self.uniform(s.lo), self.uniform(s.hi)
        chunk = self._chunk(s)
        names, buffers = self._captured(s)
        symbol = f"{self.module.name}.body{len(self.module.functions)}"
        size = CAPTURED + len(names) + len(buffers)
        context = self.put(0, f"alloca [{size} x i64], align 64")
        leaves = may_leave(s.body)
        if self.arena is not None:
            self._put_word(context, ARENA, "ptr", self.arena)
        if leaves:
            self._put_word(context, LOCK, "i64", "0")
            self._put_word(context, POSITION, "i64", str(NOWHERE))
        for k, (name, dtype) in enumerate(names):
            operand = self._to_memory(dtype, self.uniform(var(name, dtype)), 0)
            self._put_word(context, CAPTURED + k, MEMORY_TYPE[dtype], operand)
        for k, b in enumerate(buffers):
            self._put_word(context, CAPTURED + len(names) + k, "ptr", self.base_pointer(b).operands[0])
        self._body_function(s, symbol, names, buffers)
        pool = self.module.external("treadle_parallel", "void", ["ptr", "ptr", "i64", "i64", "i64"])
        self.do(f"call void @{pool}(ptr @{symbol}, ptr {context}, i64 {lo}, i64 {hi}, i64 {chunk})")
        self.touch(stored_buffers(s.body))
        if leaves:
            self._report(context)
            self.seal()

    def _body_function(self, s: For, symbol: str, names: Sequence[tuple[str, str]], buffers: Sequence[Buffer]) -> None:
        header = f"define internal void @{symbol}(ptr %context, i64 %lo, i64 %hi, i64 %worker)"
        inner = self.child(self.module.function(header))
        inner.context, inner.worker, inner.chunk_start = "%context", "%worker", "%lo"
        if self.arena is not None:
            inner.arena = inner._get_word("%context", ARENA, "ptr")
        for k, (name, dtype) in enumerate(names):
            raw = inner._get_word("%context", CAPTURED + k, MEMORY_TYPE[dtype])
            inner.environment[name] = Value((inner._from_memory(0, dtype, raw, 0),))
        for k, b in enumerate(buffers):
            inner.pointers[b] = Value((inner._get_word("%context", CAPTURED + len(names) + k, "ptr"),))
        inner.environment |= {"chunk.lo": Value(("%lo",)), "chunk.hi": Value(("%hi",))}
        inner.statement(replace(s, lo=var("chunk.lo"), hi=var("chunk.hi"), threads=False))
        inner.block.end = "ret void"

    def _captured(self, s: For) -> tuple[list[tuple[str, str]], list[Buffer]]:
        """The variables and the buffers from outside that the loop uses."""
        buffers = dict.fromkeys(used_buffers([s]))
        inside = {a.buffer for a in walk(s.body) if isinstance(a, Alloc)}
        exprs = [e for x in walk(s.body) for e in own_exprs(x)] + [e for b in buffers for e in b.strides]
        exprs += [var(name) for b in inside for name in (b.base, b.each) if name is not None]
        bound = set(bound_names([s]))
        names = {str(v.payload): v.dtype for e in exprs for v in variables(e) if v.payload not in bound}
        outside = [b for b in buffers if b not in inside and b.place != "const"]
        return list(names.items()), outside

    def _word(self, context: str, k: int) -> str:
        return self.put(self.depth, f"getelementptr i64, ptr {context}, i64 {k}")

    def _put_word(self, context: str, k: int, t: str, operand: str) -> None:
        self.do(f"store {t} {operand}, ptr {self._word(context, k)}")

    def _get_word(self, context: str, k: int, t: str) -> str:
        return self.put(self.depth, f"load {t}, ptr {self._word(context, k)}")

    # Errors

    def leave_chunk(self, code: int, details: Sequence[str]) -> None:
        """Record an error, unless one of an earlier chunk is recorded, and leave the chunk."""
        context, f = str(self.context), self.function
        lock = self._word(context, LOCK)
        wait, write, done = f.fresh("lock"), f.fresh("record"), f.fresh("unlock")
        check = f.fresh("earlier")
        self.block.end = Branch(wait)
        self.scopes[-1].block = f.place(wait)
        pair = self.put(self.depth, f"cmpxchg ptr {lock}, i64 0, i64 1 acquire monotonic")
        held = self.put(self.depth, f"extractvalue {{ i64, i1 }} {pair}, 1")
        wait.end = Branch(check, held, wait)
        self.scopes[-1].block = f.place(check)
        first = self._get_word(context, POSITION, "i64")
        earlier = self.put(self.depth, f"icmp slt i64 {self.chunk_start}, {first}")
        check.end = Branch(write, earlier, done)
        self.scopes[-1].block = f.place(write)
        for k, x in enumerate([self.chunk_start, str(code), *details]):
            self._put_word(context, POSITION + k, "i64", x)
        write.end = Branch(done)
        self.scopes[-1].block = f.place(done)
        self.do(f"store atomic i64 0, ptr {lock} release, align 8")
        done.end = "ret void"

    def _report(self, context: str) -> None:
        """Leave the function if a chunk raised."""
        first = self._get_word(context, POSITION, "i64")
        raised = self.put(self.depth, f"icmp ne i64 {first}, {NOWHERE}")
        leave, go = self.function.block("raised"), self.function.fresh("fine")
        self.block.end = Branch(leave, raised, go, RARELY_TRUE)
        self.scopes[-1].block = leave
        words = [self._get_word(context, CODE + k, "i64") for k in range(1 + DETAILS)]
        for k, x in enumerate(words):
            self.do(f"store i64 {x}, ptr {self._word('%error', k)}")
        leave.end = f"ret i64 {self.put(self.depth, f'add i64 {words[0]}, 1')}"
        self.scopes[-1].block = self.function.place(go)

    # Chunks

    def _chunk(self, s: For) -> str:
        """How far apart chunks begin: a whole number of trips."""
        work = op("max", self._work(s.body), const(1))
        trips = op("max", op("quot", const(CHUNK_WORK), work), const(1))
        if s.vector:  # whole runs of vectors
            trips = op("and", trips + 255, const(-256))
        return self.uniform(trips * s.step)

    def _work(self, body: Sequence[Stmt]) -> Expr:
        total = const(0)
        for s in body:
            total = total + const(own_work(s) + _bytes_moved(s) // BYTES_PER_WORK)
            if isinstance(s, For):
                names = s.lo.variables | s.hi.variables
                known = names <= self.environment.keys() and not (s.lo.buffers or s.hi.buffers)
                trips = op("max", op("quot", s.hi - s.lo, const(s.step)), const(1)) if known else const(UNKNOWN_TRIPS)
                total = total + trips * self._work(s.body)
            elif isinstance(s, While):
                total = total + self._work([*s.test, *s.body]) * UNKNOWN_TRIPS
            elif isinstance(s, If):
                total = total + self._work([*s.then, *s.other])
        return total


def _bytes_moved(s: Stmt) -> int:
    """The bytes of one element of each array that the statement itself reads or writes."""
    if isinstance(s, Call):
        return 0
    buffers = {b for e in own_exprs(s) for b in e.buffers} | ({s.buffer} if isinstance(s, Store) else set())
    return sum(size_of(b.dtype) for b in buffers)


def used_buffers(body: Sequence[Stmt]) -> Iterator[Buffer]:
    """The buffers that these statements load, store or pass on."""
    for s in walk(list(body)):
        if isinstance(s, Store):
            yield s.buffer
        elif isinstance(s, Call):
            yield from (*s.reads, *s.writes)
        for e in own_exprs(s):
            yield from sorted(e.buffers, key=lambda b: b.name)


def bound_names(body: Sequence[Stmt]) -> Iterator[str]:
    """The names that these statements bind."""
    for s in walk(list(body)):
        if isinstance(s, Let):
            yield s.name
        elif isinstance(s, Call) and s.status is not None:
            yield s.status
        elif isinstance(s, If):
            yield from (y.result for y in s.yields)
        if isinstance(s, For):
            yield s.var
        if isinstance(s, For | While):
            for c in s.carried:
                yield from (c.name, c.result)


def variables(e: Expr) -> Iterator[Expr]:
    """The variables in `e`, those in indices too."""
    seen: set[Expr] = set()
    waiting = [e]
    while waiting:
        x = waiting.pop()
        if x not in seen:
            seen.add(x)
            if x.kind == "var":
                yield x
            waiting.extend(x.args)


