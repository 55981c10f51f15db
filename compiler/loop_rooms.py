"""The room of arrays whose extents grow from trip to trip of a loop: the memory that they are carried in.

An extent that stays within what the program bounds it by has that room.  One that each pass through the body finds larger has an
assumed room, which every trip checks (`assumptions.py`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping

from ..ir.types import Dim
from . import integers, tracer
from .assumptions import check_room, room_at
from .state import Path, name_of

# How often a pass may raise the bound of an extent before its room is assumed.
MOST_RAISED = 4
# Elements that the memory of an assumed room has beyond it: what a trip adds lies there until the trip's end checks the room.
SPARE = 64

Axis = tuple[Path, int]


class LoopRooms:
    """Per axis of a carried array its room, if it may grow."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.sizes: dict[Axis, int] = {}
        self._assumed: dict[Axis, str] = {}
        self._raised: dict[Axis, int] = {}

    def of(self, path: Path, dims: tuple[Dim, ...]) -> tuple[Dim, ...]:
        """The extents of the memory that a leaf is carried in."""
        return tuple(self.sizes[path, k] + SPARE * ((path, k) in self._assumed) if (path, k) in self.sizes else d
                     for k, d in enumerate(dims))

    def has(self, path: Path) -> bool:
        return any(p == path for p, _ in self.sizes)

    def forget(self, path: Path) -> None:
        for rooms in (self.sizes, self._assumed, self._raised):
            for axis in [a for a in rooms if a[0] == path]:
                del rooms[axis]  # type: ignore[attr-defined]

    def fit(self, path: Path, k: int, first: tuple[Dim, ...], end: Dim, itemsize: int) -> bool:
        """Make room for an extent at the end of a pass, for arrays that are `first` before the loop. True if there was room."""
        axis = path, k
        if axis in self._assumed:
            return True
        bounds = [integers.upper_bound(d) for d in (end, first[k])]
        if None in bounds or self._raised.get(axis, 0) == MOST_RAISED:
            self._assumed[axis] = f"axis {k} of '{name_of(path)}' in " + " called from ".join(
                [self.place, *tracer.call_path()[1:]])
            others = [d for j, d in enumerate(first) if j != k and isinstance(d, int)]
            self.sizes[axis] = room_at(self._assumed[axis], math.prod(others) * itemsize, bounds[1] or 0)
            return False
        most = max([0, *[b for b in bounds if b is not None]])
        if most <= self.sizes.get(axis, -1):
            return True
        self.sizes[axis] = most
        self._raised[axis] = self._raised.get(axis, 0) + 1
        return False

    def checked(self, group: Hashable, groups: Mapping[Axis, Hashable], d: Dim) -> Dim:
        """The extent of a group of axes at the end of a trip, which the program checks where their room is assumed."""
        for axis, place in self._assumed.items():
            if groups.get(axis) == group:
                d = check_room(integers.as_value(d), self.sizes[axis], place)
        return d


def extent_key(d: Dim) -> Hashable:
    """What equal extents have in common."""
    return ("extent", d) if isinstance(d, int) else id(d)


def classes(groups: Mapping[Axis, Hashable]) -> set[frozenset[Axis]]:
    """The axes by group, whatever the groups' names."""
    by_key: dict[Hashable, set[Axis]] = {}
    for axis, key in groups.items():
        by_key.setdefault(key, set()).add(axis)
    return {frozenset(c) for c in by_key.values()}
