"""Arrays whose extent depends on data: the elements where a mask holds, side by side.

Such an array is the first `count` elements of memory as large as what they are taken from; `count` is a run-time extent with
that bound, so views, loops and functions treat it as any slice whose length is known only at run time.  Returned, it is cut
to its size (`results.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.graph import Value
from ..ir.types import Dim
from ..ir.viewmap import identity_map
from . import integers, tracer
from .arrays import TracedArray, new_array
from .values import broadcast, cast, cast_weak
from .views import reshape_value


def count_of(mask: Value) -> Value:
    """How many elements of a mask are True, as a py.int."""

    def make() -> Value:
        axes = tuple(range(len(mask.dims)))
        ones = cast(mask, np.dtype(np.int64))
        return cast_weak(tracer.emit("reduce_sum", [ones], axes=axes) if axes else ones, "int")

    found = integers.remember(("count", mask), make)
    integers.set_bounds(found, [integers.form_of(0)], [integers.form_of(size_of(mask.dims))])
    return found


def size_of(dims: Sequence[Dim]) -> Dim:
    """The number of elements of an array."""
    total: Dim = 1
    for d in dims:
        if isinstance(total, int) and isinstance(d, int):
            total *= d
        elif total == 1 and isinstance(total, int):
            total = d
        elif not (isinstance(d, int) and d == 1):
            total = tracer.emit("py_multiply", [integers.as_value(total), integers.as_value(d)])
    return total


def positions_of(mask: Value) -> Value:
    """Where a mask holds, in C order; as many entries as the mask has elements, zeros at the end."""
    return integers.remember(("positions", mask), lambda: tracer.emit(
        "true_positions", [reshape_value(mask, (size_of(mask.dims),))]))


def compacted(x: Value, mask: Value, lead: int = 0) -> TracedArray:
    """The elements of `x` where the mask holds, which covers its axes from number `lead` on."""
    dims = x.dims
    tail = dims[lead + len(mask.dims):]
    n = size_of(mask.dims)
    flat = reshape_value(x, (*dims[:lead], n, *tail))
    if isinstance(n, int) and n == 0:
        return first_elements(flat, 0, lead)
    if len(flat.dims) == 1:
        return first_elements(tracer.emit("compress", [flat, reshape_value(mask, (n,))]), count_of(mask))
    return first_elements(tracer.emit("gather", [flat, positions_of(mask)], axes=(lead,), position=lead), count_of(mask), lead)


def first_elements(x: Value, count: Dim, axis: int = 0) -> TracedArray:
    """A new array: the first `count` elements of `x` along an axis; the rest is memory that nobody sees."""
    whole = new_array(x)
    dims = (*x.dims[:axis], count, *x.dims[axis + 1:])
    view = whole.view.affine(identity_map(len(dims)), (), dims)
    view.storage.seen = view.steps
    return TracedArray(view)


def places_of(mask: Value) -> list[TracedArray]:
    """One array of indices per axis of the mask, for the elements where it holds."""
    positions, count = positions_of(mask), count_of(mask)
    out = []
    for axis, d in enumerate(mask.dims):
        stride, build = size_of(mask.dims[axis + 1:]), tracer.builder()
        place = positions
        if not (isinstance(stride, int) and stride == 1):
            place = build.floor_divide(place, _everywhere(stride, place))
        if axis:
            place = build.remainder(place, _everywhere(d, place))
        out.append(first_elements(place, count))
    return out


def _everywhere(d: Dim, like: Value) -> Value:
    return broadcast(cast(integers.as_value(d), np.dtype(np.int64)), like.dims)
