"""Arrays whose extents differ by path or trip: between regions they lie in memory of a size that bounds them all.

What a region hands on has one type, so an extent that it decides would have to be known before the memory is there.  A leaf
with such an extent is handed on padded to a fixed room, and read back as its first elements.  Where nothing known while
compiling bounds an extent, its room is assumed, and checked (`assumptions.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..ir.graph import Value
from ..ir.types import ArrayType, Dim, same_dims
from ..ir.viewmap import identity_map, is_identity
from . import integers, tracer
from .assumptions import check_room, room_at
from .views import Affine


@dataclass(frozen=True, slots=True)
class Room:
    """What no extent of an axis exceeds. place: of the assumption that it is enough, None if that is certain."""

    size: int
    place: str | None = None

    def checked(self, d: Dim) -> Value:
        """An extent that is handed on, which the program checks where nothing bounds it."""
        if self.place is None or integers.upper_bound(d) is not None:
            return integers.as_value(d)
        return check_room(integers.as_value(d), self.size, self.place)


def room_for(extents: Sequence[Dim], what: str, place: str, each: int) -> Room:
    """Room for each of these extents, counted in parts of so many bytes; what: of which, at which place of the program."""
    bounds = [integers.upper_bound(d) for d in extents]
    most = max([0, *[b for b in bounds if b is not None]])
    if None not in bounds:
        return Room(most)
    path = f"{what} in {' called from '.join([place, *tracer.call_path()[1:]])}"
    return Room(max(room_at(path, each), most), path)


def padded(x: Value, dims: Sequence[Dim], base: Value | None = None) -> Value:
    """`x` as the first elements of an array of extents `dims`: of that which it lies in, of `base`, or of a new one."""
    whole = memory_of(x)
    if whole is not None and same_dims(whole.dims, tuple(dims)):
        return whole
    if base is None:
        base = tracer.builder().zeros(ArrayType(x.dtype, tuple(dims)))
    return _first(x.dims).write(base, x)


def memory_of(x: Value) -> Value | None:
    """The array, handed on by a region, of which `x` is the first elements."""
    if x.op is None or x.op.name != "slice" or not is_identity(x.op.attrs["map"]):
        return None
    whole = x.op.operands[0]
    return whole if whole.op is None or whole.op.regions else None


def unpadded(x: Value, dims: Sequence[Dim]) -> Value:
    """The first elements of `x`, as many as `dims` says."""
    return _first(dims).read(x)


def _first(dims: Sequence[Dim]) -> Affine:
    return Affine(identity_map(len(dims)), (), tuple(dims))
