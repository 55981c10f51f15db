"""Trip counts: how many trips a `for` makes, the number of a trip, and the range that runs backward.

All is integer arithmetic on the loop's operands, folded where they are constants; at run time it is done in int64, where
nothing is checked, since the values come from a range.
"""

from __future__ import annotations

import numpy as np

from ..ir.builder import Builder
from ..ir.graph import Value
from ..ir.types import PY_INT, ArrayType, Dim

INT64 = np.dtype(np.int64)
_SCALAR = ArrayType(INT64)


def known(v: Value) -> int | None:
    """The value of an integer constant."""
    return int(v.op.attrs["value"]) if v.op is not None and v.op.name == "const" else None


def as_int64(b: Builder, v: Value) -> Value:
    return v if isinstance(v.type, ArrayType) else b.emit("cast", [v], {"dtype": "i64"})[0]


def as_index(b: Builder, v: Value | int) -> Value:
    """A Python int in the graph."""
    if isinstance(v, int):
        return b.constant(v)
    return v if v.type == PY_INT else b.emit("cast", [v], {"dtype": "py.int"})[0]


def trip_count(b: Builder, start: Value, stop: Value, step: Value) -> Dim:
    """len(range(start, stop, step)), an int where that is known, else a py.int."""
    ints = [known(v) for v in (start, stop, step)]
    if None not in ints:
        return len(range(*ints))  # type: ignore[arg-type]
    lo, hi, by = (as_int64(b, v) for v in (start, stop, step))
    if ints[2] is None:
        up = b.greater(by, b.zeros(_SCALAR))
        distance = b.where(up, b.subtract(hi, lo), b.subtract(lo, hi))
        size = b.absolute(by)
    else:
        distance = b.subtract(hi, lo) if ints[2] > 0 else b.subtract(lo, hi)
        size = b.constant(abs(ints[2]), _SCALAR)
    if ints[2] not in (1, -1):
        distance = b.floor_divide(b.subtract(b.add(distance, size), b.constant(1, _SCALAR)), size)
    return as_index(b, b.maximum(distance, b.zeros(_SCALAR)))


def trip_number(b: Builder, index: Value, start: Value, step: Value) -> Value:
    """Which trip it is, counted from 0, when the loop's index is `index`."""
    first, by = known(start), known(step)
    if first == 0 and by == 1:
        return index
    i = as_int64(b, index)
    away = i if first == 0 else b.subtract(i, as_int64(b, start))
    if by == 1:
        return away
    return b.negative(away) if by == -1 else b.floor_divide(away, as_int64(b, step))


def after_trips(b: Builder, start: Value, step: Value, count: Dim) -> Value:
    """The index that the trip after `count` trips would have: start + count * step, as a py.int."""
    first, by = known(start), known(step)
    if isinstance(count, int) and first is not None and by is not None:
        return b.constant(first + count * by)
    n = b.constant(count, _SCALAR) if isinstance(count, int) else as_int64(b, count)
    moved = n if by == 1 else b.multiply(n, as_int64(b, step))
    return as_index(b, moved if first == 0 else b.add(as_int64(b, start), moved))


def reversed_range(b: Builder, start: Value, stop: Value, step: Value) -> tuple[Value, Value, Value]:
    """The operands of the loop that goes through the same indices from the last to the first."""
    first, by = known(start), known(step)
    count = trip_count(b, start, stop, step)
    if isinstance(count, int) and first is not None and by is not None:
        return b.constant(first + (count - 1) * by), b.constant(first - by), b.constant(-by)
    end = as_int64(b, after_trips(b, start, step, count))
    by64, start64 = as_int64(b, step), as_int64(b, start)
    return (as_index(b, b.subtract(end, by64)), as_index(b, b.subtract(start64, by64)),
            as_index(b, b.negative(by64)))
