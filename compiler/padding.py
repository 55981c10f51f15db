"""Arrays whose extents differ by path or trip: between regions they lie in memory of a size that bounds them all.

What a region hands on has one type, so an extent that it decides would have to be known before the memory is there.  A leaf
with such an extent is handed on padded to a fixed capacity, and read back as its first elements.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.graph import Value
from ..ir.types import ArrayType, Dim, same_dims
from ..ir.viewmap import identity_map, is_identity
from . import integers, tracer
from .views import Affine


def capacity_of(name: str, *extents: Dim) -> int:
    """A number that none of these extents exceeds."""
    bounds = [integers.upper_bound(d) for d in extents]
    known = [b for b in bounds if b is not None]
    if len(known) < len(bounds):
        raise tracer.unsupported(f"'{name}', whose extents depend on run-time values", "nothing known while compiling bounds "
                                 "its size", "fill a part of an array of fixed size")
    return max(0, *known)


def padded(x: Value, dims: Sequence[Dim], base: Value | None = None) -> Value:
    """`x` as the first elements of an array of extents `dims`: of that which it lies in, of `base`, or of a new one."""
    whole = memory_of(x, dims)
    if whole is not None:
        return whole
    if base is None:
        base = tracer.builder().zeros(ArrayType(x.dtype, tuple(dims)))
    return _first(x.dims).write(base, x)


def memory_of(x: Value, dims: Sequence[Dim]) -> Value | None:
    """The array of extents `dims`, handed on by a region, of which `x` is the first elements."""
    if x.op is None or x.op.name != "slice" or not is_identity(x.op.attrs["map"]):
        return None
    whole = x.op.operands[0]
    made = whole.op is not None and not whole.op.regions
    return whole if not made and same_dims(whole.dims, tuple(dims)) else None


def unpadded(x: Value, dims: Sequence[Dim]) -> Value:
    """The first elements of `x`, as many as `dims` says."""
    return _first(dims).read(x)


def _first(dims: Sequence[Dim]) -> Affine:
    return Affine(identity_map(len(dims)), (), tuple(dims))
