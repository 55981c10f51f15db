"""Binomial checkpointing: a long loop backward within a number of slots for its state, at the least number of trips run again.

The forward sweep stores the state at some trips; backward, trip by trip, the state is had again from the last slot before it,
and the slots that have become free are used on the way.  With `s` slots and `r` runs of each trip at most, C(s + r, s) trips
can be gone through; how far ahead the next state is stored follows from these numbers (Griewank and Walther's rule), so that
the total is the optimum.  What a single trip needs backward is kept for that trip only.

States are not copied on their way: the last trip before a state is stored writes it into its slot as well, in the same sweep over
memory, and the derivative of a trip reads the state in the slot where it lies.  One slot more than may be filled holds the
state that was gone ahead to but is not kept.

`forward_sweep` builds the primal loop and an op `checkpointed_for` in the linear program, whose region is the mixed body;
`state_at` builds what comes before each trip's derivative in the backward loop (`transposition.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..ir.builder import Builder, Slot
from ..ir.graph import Block, Value
from ..ir.ops.shaping import emit_shaped, emit_view
from ..ir.types import DTYPE_NAMES, PY_INT, ArrayType, Dim, Type, WeakType
from ..ir.viewmap import Axis
from .trips import as_index, as_int64

_INT = ArrayType(np.dtype(np.int64))
Step = Callable[[Builder, Value, Sequence[Value]], list[Value]]


@dataclass(eq=False, slots=True)
class Slots:
    """The stored states. count: how many there may be; trips: which trip each belongs to; top: the number of the last one;
    memory: an array per carried value, with a row for each and one for a state that is not kept."""

    count: Value
    top: Value
    trips: Value
    memory: list[Value]

    @property
    def values(self) -> list[Value]:
        return [self.top, self.trips, *self.memory]

    def with_values(self, values: Sequence[Value]) -> Slots:
        return Slots(self.count, values[0], values[1], list(values[2:]))


def first_slots(b: Builder, count: Dim, state: Sequence[Value]) -> Slots:
    """Empty slots but for the first, which holds the state before the first trip."""
    rows = count + 1 if isinstance(count, int) else as_index(b, b.add(as_int64(b, count), 1))
    trips = emit_shaped(b, "empty", [], (rows,), dtype="i64")
    memory = [emit_shaped(b, "empty", [], (rows, *v.dims), dtype=DTYPE_NAMES[v.dtype]) for v in state]
    return store(b, Slots(as_index(b, count), b.zeros(_INT), trips, memory), b.zeros(_INT), b.zeros(_INT), state)


def store(b: Builder, slots: Slots, place: Value, trip: Value, state: Sequence[Value]) -> Slots:
    """With the state before `trip` in slot `place`."""
    memory = [_put(b, m, v, place) for m, v in zip(slots.memory, state, strict=True)]
    return Slots(slots.count, slots.top, _put(b, slots.trips, trip, place), memory)


def load(b: Builder, slots: Slots, place: Value, types: Sequence[Type]) -> list[Value]:
    """The state in slot `place`."""
    return [_get(b, m, place, t) for m, t in zip(slots.memory, types, strict=True)]


def _put(b: Builder, memory: Value, v: Value, place: Value) -> Value:
    if isinstance(v.type, WeakType):
        v = b.emit("cast", [v], {"dtype": DTYPE_NAMES[v.dtype]})[0]
    row = (Axis(Slot(2)), *(Axis(0, ((1, k),)) for k in range(len(v.dims))))
    return emit_view(b, "update_slice", [memory, v], row, v.dims, [memory, v, place])


def _get(b: Builder, memory: Value, place: Value, t: Type) -> Value:
    row = (Axis(Slot(1)), *(Axis(0, ((1, k),)) for k in range(len(t.dims))))
    v = emit_view(b, "slice", [memory], row, t.dims, [memory, place])
    return b.emit("cast", [v], {"dtype": str(t)})[0] if isinstance(t, WeakType) else v


def advance(b: Builder, slots: Slots, trip: Value, state: Sequence[Value], last: Value,
            step: Step) -> tuple[Slots, list[Value]]:
    """From the state before `trip`, which is in the top slot, to the state before `last`, which then is in the slot above the top
    one as well; slots are filled on the way."""
    carried = [trip, *slots.values, *state]
    test, body = Builder(Block([v.type for v in carried]), b.loc), Builder(Block([v.type for v in carried]), b.loc)
    test.block.yields = [test.less(test.block.args[0], last)]
    at, *rest = body.block.args
    inner, x = slots.with_values(rest[:len(slots.values)]), rest[len(slots.values):]
    spare = body.subtract(body.subtract(as_int64(body, slots.count), 1), inner.top)
    none = body.equal(spare, 0)
    far = body.subtract(last, at)
    ahead = body.where(none, far, body.minimum(far, trips_ahead(body, body.add(far, 1), body.add(spare, 1))))
    to = body.add(at, ahead)
    before = body.subtract(to, 1)
    x = step(body, as_index(body, before), _run(body, at, before, x, step))
    above = body.add(inner.top, 1)
    inner = store(body, inner, above, to, x)
    inner.top = body.where(body.logical_and(body.less(to, last), body.logical_not(none)), above, inner.top)
    body.block.yields = [to, *inner.values, *x]
    got = b.emit("while", carried, {}, [test.block, body.block])
    n = len(slots.values)
    return slots.with_values(got[1:n + 1]), got[n + 1:]


def _run(b: Builder, start: Value, stop: Value, state: Sequence[Value], step: Step) -> list[Value]:
    """The trips from `start` to before `stop`."""
    body = Builder(Block([PY_INT, *(v.type for v in state)]), b.loc)
    index, *x = body.block.args
    body.block.yields = step(body, index, x)
    return b.emit("for", [as_index(b, start), as_index(b, stop), b.constant(1), *state], {}, [body.block])


def trips_ahead(b: Builder, count: Value, free: Value) -> Value:
    """How many trips to go ahead to the next slot, with `count` trips to be gone through backward from here and `free`
    slots, this one included."""
    test, body = Builder(Block([_INT, _INT]), b.loc), Builder(Block([_INT, _INT]), b.loc)
    test.block.yields = [test.less(test.block.args[1], count)]
    runs, reach = body.block.args
    runs = body.add(runs, 1)
    body.block.yields = [runs, body.floor_divide(body.multiply(reach, body.add(runs, free)), runs)]
    # The least number of runs of each trip with which so many slots suffice, and the trips that they suffice for.
    runs, reach = b.emit("while", [b.zeros(_INT), b.constant(1, _INT)], {}, [test.block, body.block])
    most = b.floor_divide(b.multiply(reach, runs), b.add(free, runs))
    rest = b.floor_divide(b.multiply(most, free), b.maximum(b.subtract(b.add(free, runs), 1), b.constant(1, _INT)))
    return b.maximum(b.minimum(most, b.subtract(count, rest)), b.constant(1, _INT))


def forward_sweep(b: Builder, count: Dim, trips: Value, state: Sequence[Value], step: Step) -> tuple[Slots, list[Value]]:
    """All trips, with slots filled for the way back; (the slots, the state after the last trip)."""
    total = as_int64(b, trips)
    last = b.maximum(b.subtract(total, 1), b.zeros(_INT))
    slots, before = advance(b, first_slots(b, count, state), b.zeros(_INT), state, last, step)
    return slots, _run(b, last, total, before, step)


def state_at(b: Builder, slots: Slots, trip: Value, types: Sequence[Type], step: Step) -> tuple[Slots, list[Value]]:
    """The state before `trip`, the last trip not gone through yet; and the slots that are needed after it."""
    here = b.equal(_get(b, slots.trips, slots.top, _INT), trip)
    then, otherwise = Builder(Block(), b.loc), Builder(Block(), b.loc)
    then.block.yields = [slots.top, then.subtract(slots.top, 1), *slots.values[1:]]
    begin, state = _get(otherwise, slots.trips, slots.top, _INT), load(otherwise, slots, slots.top, types)
    ahead, _ = advance(otherwise, slots, begin, state, trip, step)
    otherwise.block.yields = [otherwise.add(ahead.top, 1), *ahead.values]
    place, *values = b.emit("if", [here], {}, [then.block, otherwise.block])
    after = slots.with_values(values)
    return after, load(b, after, place, types)
