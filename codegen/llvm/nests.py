"""Statements: loops plain, in vectors, several rows at once, and reductions; branches.

Every loop is a guarded, bottom-tested loop made by `Nests.counted`.  A loop whose body cannot stand side by side with
itself (`replicable`) is emitted plainly, whatever its annotations wish.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from ...ir.expr import Expr, load
from ...ir.loops import Buffer, For, Let, Stmt, Store, stored_buffers
from .flatten import flattened
from .module import Block, Branch, Phi, type_of, vector_literal
from .pairs import are_both_parts, is_of_pairs
from .scopes import Replicated, Value
from .shape import carried_at_once, element_size, hides_no_loads, replicable, varying_names, waits_for_divider
from .values import Values

# How many vectors stand side by side: enough to fill the latencies of what each computes.  It pays even where the values of
# a mathematical function then spill from 16 registers.
COPIES = 4


@dataclass(slots=True)
class Carry:
    """A value that a loop carries from trip to trip: its type and its value before the first."""

    dtype: str
    init: Value


class Nests(Values):
    """Emits statements."""

    def statements(self, body: Sequence[Stmt]) -> None:
        skip = False
        for k, s in enumerate(body):
            if skip:
                skip = False
                continue
            skip = k + 1 < len(body) and self.pair_statement(s, body[k + 1])
            if not skip:
                self.statement(s)

    @abstractmethod
    def statement(self, s: Stmt) -> None:
        """Emit one statement."""

    def let(self, s: Let) -> None:
        self.environment[s.name] = self.value(s.value)

    def store_statement(self, s: Store) -> None:
        value = self.value(s.value)
        access = self.access(s.buffer, s.index)
        if self.delayed is not None:
            self.delayed.append((s.buffer, access, value))
            self.touch((s.buffer,))
            if not moves_itself(s):
                self.forwarded[load(s.buffer, s.index)] = value
            return
        self.store(s.buffer, access, value)
        self.touch((s.buffer,))
        if access.offsets is None:
            self._known_cell(s, value)

    def _known_cell(self, s: Store, value: Value) -> None:
        """A load of the cell that was just stored to gives the value stored, unless that changed which cell the index names."""
        if moves_itself(s):
            return
        cell = load(s.buffer, s.index)
        self.remember(cell, value, cell.buffers, self.depth)

    def pair_statement(self, first: Stmt, second: Stmt) -> bool:
        """Emit two stores to the parts of one pair together, where that is possible."""
        if self.delayed is not None or self.vector_loop is None or not are_both_parts(first, second):
            return False
        assert isinstance(first, Store) and isinstance(second, Store)
        values = [self.value(s.value) for s in (first, second)]
        access = self.pair_access(first.buffer, first.index)
        if access is None:
            return False
        self.store_pairs(first.buffer, access, *values)
        self.touch((first.buffer,))
        for s, v in zip((first, second), values, strict=True):
            self._known_cell(s, v)
        return True

    # The loop

    def counted(self, lo: str, hi: str, step: int, carries: Sequence[Carry], stored: frozenset[Buffer],
                run: Callable[[str, list[Value]], list[Value]], until: int | None = None) -> list[Value]:
        """for i in range(lo, hi, step), given as operands of this scope.

        `run` emits the body, given i and the carried values, and returns their next values.  until: which of them, an
        i1, ends the loop when it is true before a trip.  The result is the carried values after the loop.
        """
        certain = until is None and bool(constant_trips(lo, hi, step))
        f, compare = self.function, "slt" if step > 0 else "sgt"
        entry, body, after = f.fresh("entry"), f.fresh("loop"), f.fresh("after")
        before = self.block
        if certain:
            before.end = Branch(entry)
        else:
            go = self.put(self.depth, f"icmp {compare} i64 {lo}, {hi}")
            go = self._unless(go, carries[until].init if until is not None else None)
            before.end = Branch(entry, go, after)
        self.touch(stored)
        self.enter(f.place(entry), "entry" if certain else "guarded")
        self.enter(f.place(body), "loop", stored)
        entry.end = Branch(body)
        trip, phis = f.register(), list[Phi]()
        inside = [self._phis(c, phis, entry, before) for c in carries]
        results = run(trip, inside)
        results = [self.widened(v, c.dtype, c.init.lanes) for v, c in zip(results, carries, strict=True)]
        next_trip = self.put(self.depth, f"add i64 {trip}, {step}")
        again = self.put(self.depth, f"icmp {compare} i64 {next_trip}, {hi}")
        again = self._unless(again, results[until] if until is not None else None)
        last = self.block
        last.end = Branch(body, again, after)
        body.phis.append(Phi(trip, "i64", [(lo, entry), (next_trip, last)]))
        nexts = [x for v, c in zip(results, carries, strict=True) for x in self.spread(v, c.init.by)]
        for phi, x in zip(phis, nexts, strict=True):
            phi.incoming.append((x, last))
        body.phis += phis
        self.leave()
        self.leave()
        f.place(after)
        self.scopes[-1].block = after
        self.touch(stored)
        return self._after(carries, nexts, after, last, None if certain else before)

    def _unless(self, go: str, stop: Value | None) -> str:
        if stop is None:
            return go
        on = self.put(self.depth, f"xor i1 {stop.operands[0]}, true")
        return self.put(self.depth, f"and i1 {go}, {on}")

    def _phis(self, c: Carry, phis: list[Phi], entry: Block, before: Block) -> Value:
        """The carried value inside the loop."""
        registers = []
        for x in c.init.operands:
            registers.append(self.function.register())
            phis.append(Phi(registers[-1], type_of(c.dtype, c.init.lanes), [(x, entry)]))
        return Value(tuple(registers), self.depth, c.init.lanes, c.init.by)

    def _after(self, carries: Sequence[Carry], nexts: list[str], after: Block, last: Block,
               before: Block | None) -> list[Value]:
        out, k = [], 0
        for c in carries:
            registers = []
            for x in c.init.operands:
                register = self.function.register()
                incoming = [(nexts[k], last)] + ([(x, before)] if before is not None else [])
                after.phis.append(Phi(register, type_of(c.dtype, c.init.lanes), incoming))
                registers.append(register)
                k += 1
            out.append(Value(tuple(registers), self.depth, c.init.lanes, c.init.by))
        return out

    def uniform(self, e: Expr) -> str:
        """The one operand of a scalar that does not vary along replicated loops."""
        v = self.value(e)
        assert not v.by and not v.lanes, e
        return v.operands[0]

    # For statements

    def plain(self, s: For, lo: str, hi: str) -> None:
        """Trips one after the other."""
        carries = []
        for c in s.carried:
            by = self.carried_along(s, c.name)
            lanes = next((r.lanes for r in by if r.lanes), 0)
            init = self.widened(self.value(c.init), c.dtype, lanes)
            carries.append(Carry(c.dtype, Value(self.spread(init, by), self.depth, lanes, by)))
        until = next((k for k, c in enumerate(s.carried) if c.name == s.until), None)

        def run(trip: str, inside: list[Value]) -> list[Value]:
            self.environment[s.var] = Value((trip,), self.depth)
            self.environment.update(zip((c.name for c in s.carried), inside, strict=True))
            self.statements(s.body)
            nexts = [self.value(c.next) for c in s.carried]  # type: ignore[arg-type]
            self.look_for_signals(s, trip, constant_trips(lo, hi, s.step))
            return nexts

        results = self.counted(lo, hi, s.step, carries, stored_buffers(s.body), run, until)
        self.environment.update(zip((c.result for c in s.carried), results, strict=True))

    def carried_along(self, s: For, name: str) -> tuple[Replicated, ...]:
        """The replicated loops along which this carried scalar varies."""
        out = []
        for r in self.replicated:
            seeds = {n for n, v in self.environment.items() if r in v.by}
            if name in varying_names([s], {r.var, *seeds}):
                out.append(r)
        return tuple(out)

    def side_by_side(self, s: For, lo: str, hi: str, lanes: int, copies: int) -> None:
        """Runs of `copies` trips, or of `copies` vectors of trips, then of one vector, and then the rest."""
        stored, trips = stored_buffers(s.body), copies * (lanes or 1)

        def run(loop: Replicated, trip: str) -> list[Value]:
            self.replicate(loop, trip)
            if loop.lanes and loop.mask is not None:
                loop.mask = self.mask(loop, trip, hi)
            self.run_of_trips(s)
            self.unreplicate()
            return []

        middle = self.middle(lo, hi, s.step, trips)
        if middle != lo:
            whole = self.vectors(s, copies, lanes)
            self.counted(lo, middle, s.step * trips, (), stored, lambda trip, _: run(whole, trip))
        if middle == hi:
            return
        if lanes and self.target.masked:
            rest = self.vectors(s, 1, lanes)
            rest.mask = Value(())
            self.counted(middle, hi, s.step * lanes, (), stored, lambda trip, _: run(rest, trip))
            return
        if copies > 1 and lanes:
            first, middle = middle, self.middle(middle, hi, s.step, lanes)
            if middle != first:
                one = self.vectors(s, 1, lanes)
                self.counted(first, middle, s.step * lanes, (), stored, lambda trip, _: run(one, trip))
        if middle != hi:
            self.plain(s, middle, hi)

    def vectors(self, s: For, copies: int, lanes: int) -> Replicated:
        """So many vectors of trips side by side."""
        return Replicated(s.var, copies, lanes, s.step, None, self.multiplies(s, lanes), hides_no_loads(s), is_of_pairs(s))

    def multiplies(self, s: For, lanes: int) -> bool:
        """Are quotients in vectors of this loop better computed without the divider?"""
        return self.target.estimates and lanes == self.target.lanes(8) and waits_for_divider(s)

    def run_of_trips(self, s: For) -> None:
        """The body; of a "simd" loop the stores come last, as they may meet what later trips load."""
        if s.kind != "simd":
            self.statements(s.body)
            return
        self.delayed = []
        self.statements(s.body)
        delayed, self.delayed = self.delayed, None
        self.forwarded.clear()
        for buffer, access, value in delayed:
            self.store(buffer, access, value)
            self.touch((buffer,))

    def middle(self, lo: str, hi: str, step: int, trips: int) -> str:
        """The end of the last whole run of `trips`."""
        count = constant_trips(lo, hi, step)
        if count is not None:
            whole = count // trips * trips
            return hi if whole == count and step in (1, -1) else str(int(lo) + whole * step)
        count_text = self.trip_count(lo, hi, step)
        runs = self.once(self.depth, f"sdiv i64 {count_text}, {trips}")
        span = self.once(self.depth, f"mul i64 {runs}, {trips * step}")
        return self.once(self.depth, f"add i64 {lo}, {span}")

    def trip_count(self, lo: str, hi: str, step: int) -> str:
        """How many trips are left from `lo`; not above 0 when there are none."""
        first, last = (lo, hi) if step > 0 else (hi, lo)
        span = self.once(self.depth, f"sub i64 {last}, {first}")
        if abs(step) == 1:
            return span
        more = self.once(self.depth, f"add i64 {span}, {abs(step) - 1}")
        return self.once(self.depth, f"sdiv i64 {more}, {abs(step)}")

    def mask(self, loop: Replicated, trip: str, hi: str) -> Value:
        """Which lanes of each copy are trips before `hi`; fewer than 2**15 are left."""
        left = self.once(self.depth, f"trunc i64 {self.trip_count(trip, hi, loop.step)} to i16")
        t, many = type_of("i16", loop.lanes), self.splat(left, "i16", loop.lanes, self.depth)
        positions = [range(c * loop.lanes, (c + 1) * loop.lanes) for c in range(loop.copies)]
        operands = tuple(self.put(self.depth, f"icmp sgt {t} {many}, {vector_literal(p, 'i16')}") for p in positions)
        return Value(operands, self.depth, loop.lanes, (loop,))

    def vector_shape(self, s: For, lo: str, hi: str) -> tuple[int, int]:
        """How many lanes and copies suit the body of a vector loop."""
        names = varying_names(s.body, {s.var})
        lanes = self.target.lanes(element_size(s.body, names))
        rows = prod(r.copies for r in self.replicated) * max(carried_at_once(s.body), 1)
        # Operations that wait for the divider fill the processor's list of them: with fewer at a time, later trips' fit in too.
        # Of pairs there are two of everything.
        most = COPIES // 2 if self.multiplies(s, lanes) or is_of_pairs(s) else COPIES
        copies = max(1, min(most, self.target.registers * 3 // 4 // rows))
        count = constant_trips(lo, hi, s.step)
        if count is not None:
            fitting = 1 << (max(count, 1) - 1).bit_length() if self.target.masked else 1 << (max(count, 1).bit_length() - 1)
            lanes = min(lanes, fitting)
            copies = max(1, min(copies, count // lanes))
        return lanes, copies

    def for_statement(self, s: For) -> None:
        if self.vector_loop is None:
            s = flattened(s) or s
        lo, hi = self.uniform(s.lo), self.uniform(s.hi)
        free = s.kind in ("par", "simd") and not s.carried
        if free and s.vector and self.vector_loop is None and self.allows(s, vector=True):
            lanes, copies = self.vector_shape(s, lo, hi)
            if lanes > 1:
                self.side_by_side(s, lo, hi, lanes, copies)
                return
        if s.kind == "par" and not s.carried and s.jam > 1 and not self.replicated and self.allows(s, vector=False):
            self.side_by_side(s, lo, hi, 0, s.jam)
        elif s.kind == "red":
            self.reduction(s, lo, hi)
        else:
            self.plain(s, lo, hi)

    def allows(self, s: For, vector: bool) -> bool:
        flat = all(isinstance(x, Let | Store) for x in s.body)
        return replicable(s, vector) and (s.kind != "simd" or flat)

    @abstractmethod
    def look_for_signals(self, s: For, trip: str, trips: int | None) -> None:
        """Emit, at the end of a trip, what makes a long loop end on Ctrl-C."""

    @abstractmethod
    def reduction(self, s: For, lo: str, hi: str) -> None:
        """Emit a reduction in several partial results."""


def moves_itself(s: Store) -> bool:
    """Is the index read from the buffer that is stored to?"""
    return any(s.buffer in e.buffers for e in s.index)


def constant_trips(lo: str, hi: str, step: int) -> int | None:
    """The number of trips, where both bounds are constants."""
    if lo[0] == "%" or hi[0] == "%":
        return None
    return len(range(int(lo), int(hi), step))
