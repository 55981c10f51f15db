"""Reductions in several interleaved partial results.

`For.lanes` fixes which trip goes to which partial result and how these are combined, whatever the vector width: so a
reduction in vectors of 4 gives the bits that one in vectors of 16 gives.  Partial p is lane p % width of copy p // width;
the trees combine halves, first whole vectors, then lanes.  A body that cannot stand side by side keeps its partial
results in memory instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ...ir.expr import Expr
from ...ir.loops import Buffer, Carried, For, stored_buffers
from ...ir.scalar import BITS, FLOATS, INTEGERS, identity_of
from .composite import shuffle
from .copies import Copies
from .module import MEMORY_TYPE, type_of
from .nests import COPIES, Carry, constant_trips
from .operation import Operation
from .scopes import Replicated, Value
from .shape import element_size, hides_no_loads, replicable, varying_names
from .table import emit_operation
from .values import Place

NOTHING: frozenset[Buffer] = frozenset()
# What may be combined twice.
IDEMPOTENT = ("min", "max", "fmin", "fmax", "and", "or")
# Which partial results, as a word of one bit each, leave a reduction of truths open.
DECIDED_BY = {"or": 0, "max": 0, "and": -1, "min": -1}
# So many runs go by between two looks at whether it is decided.
RUNS_AT_ONCE = 2


def order_is_free(c: Carried) -> bool:
    """Whether any order of combination gives the same bits."""
    return c.dtype not in FLOATS


def counted_condition(c: Carried) -> Expr | None:
    """The condition, if the carried scalar is the number of trips for which one holds."""
    if c.combine != "add" or c.dtype not in INTEGERS or c.next is None or c.next.payload != "add":
        return None
    for old, term in (c.next.args, c.next.args[::-1]):
        if old.kind == "var" and old.payload == c.name and term.payload == "cast" and term.args[0].dtype == "i1":
            return term.args[0]
    return None


class Reductions(Copies):
    """Emits "red" loops; those that only say whether something holds end once that is known."""

    def reduction(self, s: For, lo: str, hi: str) -> None:
        lanes = self.partial_count(s, lo, hi)
        if lanes == 1 and self._may_end_early(s) and not stored_buffers(s.body):
            self._one_by_one_until_decided(s, lo, hi)
        elif lanes == 1:
            self.plain(s, lo, hi)
        elif self.vector_loop is None and replicable(s, vector=True) and not stored_buffers(s.body):
            self._in_vectors(s, lo, hi, lanes)
        elif replicable(s, vector=False):
            self._in_copies(s, lo, hi, lanes)
        else:
            self._in_memory(s, lo, hi, lanes)

    def partial_count(self, s: For, lo: str, hi: str) -> int:
        """The number of partial results: where order is free, what suits the machine.

        No more than there are trips: an identity changes nothing that it is combined with.
        """
        lanes = s.lanes
        if all(order_is_free(c) for c in s.carried):
            lanes = 1 if self.vector_loop is not None or not s.vector else COPIES * self._width(s)
        count = constant_trips(lo, hi, s.step)
        if count is None:
            return lanes
        again = all(c.combine in IDEMPOTENT for c in s.carried)
        return min(lanes, 1 << (max(count, 1).bit_length() - 1) if again else 1 << (max(count, 1) - 1).bit_length())

    def _width(self, s: For) -> int:
        """The lanes of one vector that suit the body."""
        return self.target.lanes(element_size([s], varying_names(s.body, {s.var}), self._counts(s)))

    def _counts(self, s: For) -> dict[str, Expr]:
        """The carried scalars that count how often a condition holds: a mask has an instruction for that."""
        if not self.target.masked:
            return {}
        found = {c.name: counted_condition(c) for c in s.carried}
        names = varying_names(s.body, {s.var})
        return {name: e for name, e in found.items() if e is not None and not e.variables.isdisjoint(names)}

    def _start(self, s: For, loop: Replicated) -> list[Carry]:
        """The partial results before the first trip."""
        by = (*self.replicated, loop)
        lanes = next((r.lanes for r in by if r.lanes), 0)
        size, counts, out = prod(r.copies for r in by), self._counts(s) if loop.lanes else (), []
        for c in s.carried:
            start = self.constant(identity_of(str(c.combine), c.dtype), c.dtype, 0 if c.name in counts else lanes)
            out.append(Carry(c.dtype, Value(start.operands * size, self.depth, start.lanes, by)))
        return out

    def _trips(self, s: For, loop: Replicated, trip: str, partials: list[Value]) -> list[Value]:
        """One run of trips: the next partial results."""
        self.replicate(loop, trip)
        self.environment.update(zip((c.name for c in s.carried), partials, strict=True))
        self.statements(s.body)
        counts, out = self._counts(s) if loop.lanes else {}, []
        for c, old in zip(s.carried, partials, strict=True):
            if c.name in counts:
                out.append(self._count(c, old, self.value(counts[c.name]), loop))
                continue
            new = self.value(c.next)  # type: ignore[arg-type]
            if loop.mask is not None:
                new = self.apply("select", c.dtype, c.dtype, [loop.mask, new, old], self.depth)
            out.append(new)
        self.unreplicate()
        return out

    def _count(self, c: Carried, old: Value, truth: Value, loop: Replicated) -> Value:
        """The count so far and how many lanes hold."""
        truth = self.widened(truth, "i1", loop.lanes)
        if loop.mask is not None:
            truth = self.apply("and", "i1", "i1", [truth, loop.mask], self.depth)
        lanes, place = truth.lanes, Place(self, self.depth)
        name = self.module.intrinsic(f"llvm.ctpop.i{lanes}", f"i{lanes}", [f"i{lanes}"])
        counts, result, bits = [], type_of(c.dtype), BITS[c.dtype]
        for mask in truth.operands:
            word = place.put(f"bitcast {type_of('i1', lanes)} {mask} to i{lanes}")
            count = place.put(f"call i{lanes} @{name}(i{lanes} {word})")
            if lanes != bits:
                count = place.put(f"{'zext' if lanes < bits else 'trunc'} i{lanes} {count} to {result}")
            counts.append(count)
        return self.apply("add", c.dtype, c.dtype, [old, Value(tuple(counts), self.depth, 0, truth.by)], self.depth)

    def _finish(self, s: For, partials: list[Value], loop: Replicated) -> None:
        """Combine the partial results, and `init` with the outcome."""
        for c, partial in zip(s.carried, partials, strict=True):
            copies, lanes = loop.copies, partial.lanes
            groups = [partial.operands[k:k + copies] for k in range(0, len(partial.operands), copies)]
            operands = tuple(self._tree(c, g, lanes, loop.lanes > 0 and lanes > 0) for g in groups)
            total = Value(operands, self.depth, 0 if loop.lanes else lanes, partial.by[:-1])
            self.environment[c.result] = self.apply(str(c.combine), c.dtype, c.dtype, [self.value(c.init), total], self.depth)

    def _tree(self, c: Carried, group: Sequence[str], lanes: int, across: bool) -> str:
        place, parts = Place(self, self.depth), list(group)

        def combine(x: str, y: str, width: int) -> str:
            return emit_operation(place, Operation(str(c.combine), c.dtype, c.dtype, width, (x, y)))

        while len(parts) > 1:
            half = len(parts) // 2
            parts = [combine(x, y, lanes) for x, y in zip(parts[:half], parts[half:], strict=True)]
        total = parts[0]
        if across and lanes > 1 and c.dtype in INTEGERS:
            return self._across_integers(c, total, lanes)
        while across and lanes > 1:
            lanes //= 2
            low = shuffle(place, c.dtype, 2 * lanes, total, list(range(lanes)))
            high = shuffle(place, c.dtype, 2 * lanes, total, list(range(lanes, 2 * lanes)))
            total = combine(low, high, lanes)
        return place.put(f"extractelement {type_of(c.dtype, 1)} {total}, i32 0") if across else total

    def _across_integers(self, c: Carried, vector: str, lanes: int) -> str:
        """The lanes together, in whatever order suits the processor."""
        name = str(c.combine)
        if name in ("min", "max"):
            name = ("s" if c.dtype[0] == "i" and c.dtype != "i1" else "u") + name
        t = type_of(c.dtype, lanes)
        found = self.module.intrinsic(f"llvm.vector.reduce.{name}.v{lanes}i{BITS[c.dtype]}", type_of(c.dtype), [t])
        return self.put(self.depth, f"call {type_of(c.dtype)} @{found}({t} {vector})")

    def _in_vectors(self, s: For, lo: str, hi: str, lanes: int) -> None:
        """Trips side by side in whole vectors; what is left in one masked run, or one by one on partials in memory."""
        width = min(lanes, self._width(s))
        whole = Replicated(s.var, lanes // width, width, s.step, multiplies=self.multiplies(s, width), fetches=hides_no_loads(s))
        stride, middle = s.step * lanes, self.middle(lo, hi, s.step, lanes)
        carries = self._start(s, whole)
        if middle != lo:
            def runs(first: str, last: str, carries: list[Carry]) -> list[Value]:
                return self.counted(first, last, stride, carries, NOTHING, lambda trip, inside: self._trips(s, whole, trip, inside))

            early = self._may_end_early(s)
            partials = self._until_decided(s, lo, middle, carries, whole, runs) if early else runs(lo, middle, carries)
            carries = [Carry(c.dtype, v) for c, v in zip(carries, partials, strict=True)]
        rest = whole
        if middle != hi and (last := self._overlapping(s, lo, hi, lanes)) is not None:
            partials = self._trips(s, whole, last, [c.init for c in carries])
        elif middle != hi and self.target.masked:
            def masked(trip: str, inside: list[Value]) -> list[Value]:
                rest.mask = self.mask(rest, trip, hi)
                return self._trips(s, rest, trip, inside)

            rest = Replicated(s.var, whole.copies, width, s.step)
            by = (*self.replicated, rest)
            carries = [Carry(c.dtype, c.init._replace(by=by)) for c in carries]
            partials = self.counted(middle, hi, stride, carries, NOTHING, masked)
        elif middle != hi:
            partials = self._rest_unmasked(s, middle, hi, carries, whole)
        else:
            partials = [c.init for c in carries]
        self._finish(s, partials, rest)

    def _overlapping(self, s: For, lo: str, hi: str, lanes: int) -> str | None:
        """The first trip of the last whole run: combined once more, trips that were in the one before change nothing."""
        count = constant_trips(lo, hi, s.step)
        if count is None or count < lanes or any(c.combine not in IDEMPOTENT for c in s.carried):
            return None
        return str(int(lo) + (count - lanes) * s.step)

    def _may_end_early(self, s: For) -> bool:
        """Do only truths come out, which no later trip may change any more?"""
        return all(c.dtype == "i1" and c.combine in DECIDED_BY for c in s.carried) and not self.replicated

    def _until_decided(self, s: For, lo: str, hi: str, carries: list[Carry], whole: Replicated,
                       runs: Callable[[str, str, list[Carry]], list[Value]]) -> list[Value]:
        """Whole runs, a few at a time, until they have decided every result."""
        span = s.step * whole.copies * whole.lanes * RUNS_AT_ONCE

        def several(trip: str, inside: list[Value]) -> list[Value]:
            end = self.put(self.depth, f"add i64 {trip}, {span}")
            compare = self.put(self.depth, f"icmp {'slt' if s.step > 0 else 'sgt'} i64 {end}, {hi}")
            end = self.put(self.depth, f"select i1 {compare}, i64 {end}, i64 {hi}")
            after = runs(trip, end, [Carry(c.dtype, v) for c, v in zip(s.carried, inside[:-1], strict=True)])
            return [*after, self._decided(s, after, whole)]

        no = Value(("false",), self.depth)
        return self.counted(lo, hi, span, [*carries, Carry("i1", no)], NOTHING, several, len(carries))[:-1]

    def _one_by_one_until_decided(self, s: For, lo: str, hi: str) -> None:
        def run(trip: str, inside: list[Value]) -> list[Value]:
            self.environment[s.var] = Value((trip,), self.depth)
            self.environment.update(zip((c.name for c in s.carried), inside, strict=False))
            self.statements(s.body)
            nexts = [self.value(c.next) for c in s.carried]  # type: ignore[arg-type]
            self.look_for_signals(s, trip, constant_trips(lo, hi, s.step))
            open_ = [DECIDED_BY[str(c.combine)] for c in s.carried]
            truths = [v.operands[0] for v in nexts]
            decided = [x if o == 0 else self.put(self.depth, f"xor i1 {x}, true") for x, o in zip(truths, open_, strict=True)]
            return [*nexts, Value((self._all_of(decided),), self.depth)]

        carries = [Carry(c.dtype, self.value(c.init)) for c in s.carried]
        ends = self.counted(lo, hi, s.step, [*carries, Carry("i1", Value(("false",), self.depth))], NOTHING, run, len(carries))
        self.environment.update(zip((c.result for c in s.carried), ends, strict=False))

    def _all_of(self, truths: list[str]) -> str:
        found = truths[0]
        for x in truths[1:]:
            found = self.put(self.depth, f"and i1 {found}, {x}")
        return found

    def _decided(self, s: For, partials: list[Value], whole: Replicated) -> Value:
        place, found = Place(self, self.depth), []
        for c, v in zip(s.carried, partials, strict=True):
            lanes, parts = whole.lanes, list(v.operands)
            while len(parts) > 1:
                parts = [emit_operation(place, Operation(str(c.combine), "i1", "i1", lanes, (x, y)))
                         for x, y in zip(parts[::2], parts[1::2], strict=True)]
            word = place.put(f"bitcast {type_of('i1', lanes)} {parts[0]} to i{lanes}")
            found.append(place.put(f"icmp ne i{lanes} {word}, {DECIDED_BY[str(c.combine)]}"))
        return Value((self._all_of(found),), self.depth)

    def _rest_unmasked(self, s: For, lo: str, hi: str, carries: list[Carry], whole: Replicated) -> list[Value]:
        """What is left of whole runs: one vector after the other, each for its own partials, then trip by trip."""
        width, ends = whole.lanes, [list(c.init.operands) for c in carries]
        middle = self.middle(lo, hi, s.step, width)
        for k in range(whole.copies - 1) if middle != lo else ():
            one = Replicated(s.var, 1, width, s.step)
            mine = [Carry(c.dtype, Value(tuple(e[k::whole.copies]), self.depth, c.init.lanes, (*c.init.by[:-1], one)))
                    for c, e in zip(carries, ends, strict=True)]
            first = self.once(self.depth, f"add i64 {lo}, {k * width * s.step}")
            after = self.counted(first, middle, s.step * width * whole.copies, mine, NOTHING,
                                 lambda trip, inside, one=one: self._trips(s, one, trip, inside))  # type: ignore[misc]
            for e, v in zip(ends, after, strict=True):
                e[k::whole.copies] = v.operands
        partials = [c.init._replace(operands=tuple(e)) for c, e in zip(carries, ends, strict=True)]
        if middle == hi:
            return partials
        done = self.once(self.depth, f"sub i64 {middle}, {lo}")
        position = self.once(self.depth, f"sdiv i64 {done}, {s.step}")
        return self._one_by_one(s, middle, hi, [Carry(c.dtype, v) for c, v in zip(carries, partials, strict=True)],
                                width * whole.copies, position)

    def _in_copies(self, s: For, lo: str, hi: str, lanes: int) -> None:
        """Inside a vector loop: a run of trips side by side, then each of the rest behind a test."""
        whole, middle = Replicated(s.var, lanes, 0, s.step), self.middle(lo, hi, s.step, lanes)
        stored, stride = stored_buffers(s.body), s.step * lanes
        carries = self._start(s, whole)
        partials = self.counted(lo, middle, stride, carries, stored,
                                lambda trip, inside: self._trips(s, whole, trip, inside))
        ends = [list(v.operands) for v in partials]
        for k in range(lanes - 1):
            one = Replicated(s.var, 1, 0, s.step)
            by = (*self.replicated, one)
            mine = [Carry(c.dtype, Value(tuple(e[k::lanes]), self.depth, v.lanes, by))
                    for c, v, e in zip(s.carried, partials, ends, strict=True)]
            start = self.once(self.depth, f"add i64 {middle}, {k * s.step}")
            after = self.counted(start, hi, stride, mine, stored,
                                 lambda trip, inside, one=one: self._trips(s, one, trip, inside))  # type: ignore[misc]
            for e, v in zip(ends, after, strict=True):
                e[k::lanes] = v.operands
        self._finish(s, [v._replace(operands=tuple(e)) for v, e in zip(partials, ends, strict=True)], whole)

    # Partial results in memory

    def _in_memory(self, s: For, lo: str, hi: str, lanes: int) -> None:
        loop = Replicated(s.var, 1, lanes, s.step)
        partials = self._one_by_one(s, lo, hi, self._start(s, loop), lanes)
        self._finish(s, partials, loop)

    def _one_by_one(self, s: For, lo: str, hi: str, carries: list[Carry], lanes: int, first: str = "0") -> list[Value]:
        """Single trips from one that belongs to partial `first` on."""
        assert not self.vector_loop
        arrays = []
        for c in carries:
            arrays.append([self.scratch(c.dtype, lanes) for _ in range(len(c.init.operands) // c.init.by[-1].copies)])
            self._partials_to_memory(c, arrays[-1])
        outer = tuple(self.replicated)

        def run(trip: str, inside: list[Value]) -> list[Value]:
            (position,) = inside[0].operands
            self.environment[s.var] = Value((trip,), self.depth)
            cells = []
            for c, array in zip(s.carried, arrays, strict=True):
                t = MEMORY_TYPE[c.dtype]
                cells.append([self.put(self.depth, f"getelementptr {t}, ptr {a}, i64 {position}") for a in array])
                loaded = tuple(self._from_memory(self.depth, c.dtype, self.put(self.depth, f"load {t}, ptr {p}"), 0)
                               for p in cells[-1])
                self.environment[c.name] = Value(loaded, self.depth, 0, outer)
            self.statements(s.body)
            nexts = [self.value(c.next) for c in s.carried]  # type: ignore[arg-type]
            for c, pointers, new in zip(s.carried, cells, nexts, strict=True):
                for p, x in zip(pointers, self.spread(new, outer), strict=True):
                    self._store_one_element(c.dtype, p, x)
            return [Value((self.put(self.depth, f"and i64 {self.put(self.depth, f'add i64 {position}, 1')}, {lanes - 1}"),),
                          self.depth)]

        self.counted(lo, hi, s.step, [Carry("i64", Value((first,), self.depth))], stored_buffers(s.body), run)
        return [self._partials_from_memory(c, a) for c, a in zip(carries, arrays, strict=True)]

    def _partials_to_memory(self, c: Carry, arrays: list[str]) -> None:
        loop = c.init.by[-1]
        for k, x in enumerate(c.init.operands):
            array, copy = arrays[k // loop.copies], k % loop.copies
            self._store_vector(c.dtype, self.element(self.depth, c.dtype, array, str(copy * loop.lanes)),
                               self._to_memory(c.dtype, x, loop.lanes), loop.lanes, "")

    def _partials_from_memory(self, c: Carry, arrays: list[str]) -> Value:
        loop = c.init.by[-1]
        operands = []
        for k in range(len(c.init.operands)):
            array, copy = arrays[k // loop.copies], k % loop.copies
            raw = self._load_vector(self.depth, c.dtype, self.element(self.depth, c.dtype, array, str(copy * loop.lanes)),
                                    loop.lanes, "")
            operands.append(self._from_memory(self.depth, c.dtype, raw, loop.lanes))
        return Value(tuple(operands), self.depth, loop.lanes, c.init.by)

    def _store_one_element(self, dtype: str, pointer: str, operand: str) -> None:
        self._store_one(dtype, pointer, self._to_memory(dtype, operand, 0), 0, 0, "")

    def scratch(self, dtype: str, count: int) -> str:
        """Memory of this function's own, for as long as it runs."""
        return self.put(0, f"alloca [{count} x {MEMORY_TYPE[dtype]}], align 64")
