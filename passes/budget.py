"""How the bytes that a gradient may keep are divided: among the loops that stand by themselves in the function, then between
the stored states of a loop and what one of its trips needs.

A first split of the program tells what each loop's tapes would take (`Budget` without shares); a loop that needs less than an
equal part of what is left gets what it needs, the others share the rest alike (`shares`).  Start with `slots`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..ir.builder import Builder
from ..ir.graph import Value
from ..ir.types import ArrayType, Dim, Type, WeakType, element_count
from .residuals import Residuals
from .trips import as_index, as_int64

# A need that nothing bounds before the program runs.
UNBOUNDED = sys.maxsize
# States in use beside those in slots: of the primal loop, of trips run again, of the derivative.
_WORKING_STATES = 12
_INT = ArrayType(np.dtype(np.int64))


@dataclass(eq=False, slots=True)
class Budget:
    """The bytes for each loop in turn; without `shares` there is no limit.  needs: what the tapes of each would take."""

    shares: Sequence[int] | None = None
    needs: list[int] = field(default_factory=list)

    def limit(self, need: int) -> int:
        """What the next loop may keep."""
        self.needs.append(need)
        return UNBOUNDED if self.shares is None else self.shares[len(self.needs) - 1]


def shares(total: int, needs: Sequence[int]) -> list[int]:
    """The part of each loop of `total` bytes."""
    given = [0] * len(needs)
    for left, k in zip(range(len(needs), 0, -1), sorted(range(len(needs)), key=needs.__getitem__), strict=True):
        given[k] = min(needs[k], total // left)
        total -= given[k]
    return given


def tape_bytes(residuals: Residuals, trips: Dim) -> int:
    """What all tapes of a loop take."""
    each = _known_bytes(map(residuals.bounded, residuals.saved))
    if not each:
        return 0
    return each * trips if isinstance(trips, int) and each < UNBOUNDED else UNBOUNDED


def slots(b: Builder, residuals: Residuals, limit: int, state: Sequence[Value], trips: Dim) -> tuple[Dim, int | None]:
    """How many states fit into `limit` beside what one trip needs; and what the loops inside of a trip may keep of it, None if
    that is as much as they like."""
    inside = None
    once = [residuals.bounded(v) for v in residuals.saved]
    if residuals.keeps_tapes() and _known_bytes(once) > limit // 2:
        inside, once = limit // 2, []
        limit -= inside
    each = [*(v.type for v in state), _INT]
    if _known_bytes([*each, *once]) < UNBOUNDED:
        fit = (limit - _known_bytes(once) - _WORKING_STATES * _known_bytes(each)) // _known_bytes(each)
        return max(min(fit, trips) if isinstance(trips, int) else fit, 2), inside
    size = _bytes(b, each)
    rest = b.subtract(b.constant(limit, _INT), b.add(_bytes(b, once), b.multiply(size, _WORKING_STATES)))
    count = trips if isinstance(trips, Value) else b.constant(trips)
    return as_index(b, b.maximum(b.minimum(b.floor_divide(rest, size), as_int64(b, count)), b.constant(2, _INT))), inside


def _known_bytes(types: Iterable[Type]) -> int:
    """Bytes of values of these types."""
    total = 0
    for t in types:
        if isinstance(t, ArrayType | WeakType):
            count = element_count(t.dims)
            if count is None:
                return UNBOUNDED
            total += count * t.dtype.itemsize
    return total


def _bytes(b: Builder, types: Sequence[Type]) -> Value:
    """The same, at run time."""
    total = b.constant(0, _INT)
    for t in types:
        if isinstance(t, ArrayType | WeakType):
            size = b.constant(t.dtype.itemsize, _INT)
            for d in t.dims:
                size = b.multiply(size, b.constant(d, _INT) if isinstance(d, int) else as_int64(b, d))
            total = b.add(total, size)
    return total
