"""When one version of a function shall serve many shapes, and which extents are then run-time values.

Calls that differ in the extents of their arrays alone are one `Family`.  After a few distinct shapes the extents that differed
become run-time values ("symbols"), one for extents that were always equal; extents of 0 and 1 stay numbers, as do those
that tracing turns out to need.  A version for many shapes has a `Pattern`, which tells the shapes that it serves.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .signature import leaf_key
from .sources import Call

# From so many distinct shapes on, extents that differ become run-time values.
FEW_SHAPES = 3
# Shapes that a family remembers; and how often it is compiled for run-time extents, guards and failures included.
MOST_SHAPES = 16
MOST_ATTEMPTS = 8
MOST_FAILURES = 2

Numbers = tuple[int | None, ...]


def packed(shape: Sequence[int], itemsize: int, fortran: bool = False) -> tuple[int, ...]:
    """The strides of a packed array."""
    strides, step = [0] * len(shape), itemsize
    for axis in range(len(shape)) if fortran else reversed(range(len(shape))):
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


def order_of(a: np.ndarray) -> str | None:
    """"C" or "F" if the strides follow from the extents, "1" for an array of one axis; None for any other."""
    if a.ndim == 0 or 0 in a.shape:
        return None
    if a.ndim == 1:
        return "1"
    if a.strides == packed(a.shape, a.itemsize):
        return "C"
    return "F" if a.strides == packed(a.shape, a.itemsize, fortran=True) else None


def _general_key(x: Any) -> Hashable:
    if type(x) is not np.ndarray or (order := order_of(x)) is None:
        return leaf_key(x)
    small = tuple([d if d < 2 else -1 for d in x.shape])
    return np.ndarray, x.dtype, small, order, x.strides if order == "1" else None, x.flags.writeable, x.flags.aligned


def general_key(key: Any, call: Call) -> Hashable:
    """The key of the family that a call belongs to; `key` is its own."""
    (treedef, _, repeats), code = key
    return treedef, tuple([_general_key(x) for x in call.leaves]), repeats, code


def flexible(call: Call) -> list[np.ndarray]:
    """The arrays of a call whose extents may differ within its family."""
    return [x for x in call.leaves if type(x) is np.ndarray and order_of(x) is not None]


def extents(call: Call) -> tuple[int, ...]:
    """The extents of these arrays, one after the other."""
    return tuple([d for x in flexible(call) for d in x.shape])


@dataclass(frozen=True, slots=True)
class Pattern:
    """Shapes that a version serves: per extent the number that it must be, or that of a symbol, at least 2."""

    values: tuple[int, ...]
    numbers: Numbers

    def accepts(self, extents: tuple[int, ...]) -> bool:
        seen: dict[int, int] = {}
        for d, value, n in zip(extents, self.values, self.numbers, strict=True):
            if d != value if n is None else (d < 2 or seen.setdefault(n, d) != d):
                return False
        return True

    def with_symbols(self, kept: frozenset[int]) -> Pattern:
        """Only these symbols; the other extents are numbers."""
        return Pattern(self.values, tuple(n if n in kept else None for n in self.numbers))

    def by_array(self, call: Call) -> dict[int, Numbers]:
        """The symbols of each array's axes, by the array's id."""
        found, at = {}, 0
        for x in flexible(call):
            found[id(x)] = self.numbers[at:at + x.ndim]
            at += x.ndim
        return found


@dataclass(eq=False, slots=True)
class Family:
    """Calls alike but for extents. versions: with their patterns.  fixed: the extents that tracing needed as numbers.  numbers:
    the Python numbers among the arguments."""

    seen: dict[tuple[int, ...], None] = field(default_factory=dict)
    versions: list[tuple[Pattern, Any]] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)
    numbers: set[tuple] = field(default_factory=set)
    attempts: int = 0
    failures: int = 0

    def note(self, extents: tuple[int, ...], arguments: Sequence[Any]) -> None:
        """A call with these extents is to be compiled."""
        self.seen[extents] = None
        if len(self.numbers) < FEW_SHAPES:
            self.numbers.add(tuple(a for a in arguments if type(a) in (int, float)))
        while len(self.seen) > MOST_SHAPES:
            self.seen.pop(next(iter(self.seen)))

    @property
    def numbers_differ(self) -> bool:
        """Do Python numbers differ as shapes do, so that a version for these numbers alone would serve no other call?"""
        return len(self.numbers) >= FEW_SHAPES

    def pattern(self, extents: tuple[int, ...], few: int) -> Pattern | None:
        """What to compile for a call with these extents: None for just them."""
        alike = [s for s in self.seen if all(s[k] == extents[k] for k in self.fixed)]
        if len(alike) < few or self.attempts >= MOST_ATTEMPTS or self.failures >= MOST_FAILURES:
            return None
        columns = list(zip(*alike, strict=True))
        numbers: dict[tuple[int, ...], int] = {}
        chosen: list[int | None] = []
        for k, column in enumerate(columns):
            varies = (few == 1 or len(set(column)) > 1) and min(column) >= 2 and k not in self.fixed
            chosen.append(numbers.setdefault(column, len(numbers)) if varies else None)
        return Pattern(extents, tuple(chosen)) if numbers else None

    def learn(self, wanted: Pattern, used: Pattern) -> None:
        """Which extents could not be run-time values."""
        self.attempts += 1
        self.fixed |= {k for k, (a, b) in enumerate(zip(wanted.numbers, used.numbers, strict=True)) if a is not None and b is None}
