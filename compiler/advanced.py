"""Indexing with integer arrays and masks: reads are gathers, writes scatters; a lone mask that is written is a select.

NumPy's rule for where the gathered extents go: in place of the index arrays if those (and integers beside them) stand next
to each other, else in front.  Basic items (slices, new axes) are applied first, as a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import Dim, same_dims
from . import dispatch, integers, tracer
from .arrays import TracedArray, check_writeable, new_array, operand, value_of
from .compaction import places_of
from .indexing import At, Indices, Item, NewAxis, Span, basic_view, checked_value, parse, wrap_index
from .masked_values import read_masked, write_masked
from .memory_order import keep_order, stride_order
from .scalars import TracedScalar
from .strides import AnyStride
from .values import broadcast, cast, common_dims, fits, shape_text
from .views import SLICE_COPY, View, reshape_value


class Selection:
    """An advanced index, resolved: `view` after the basic items, and an index array per indexed axis of it.

    axes: those axes; indices: checked, of common extents; layouts: extents and strides of the user's index arrays;
    position: where the gathered extents stand among the others.
    """

    def __init__(self, view: View, axes: tuple[int, ...], indices: list[Value], position: int, unique: bool,
                 layouts: list[tuple[tuple[Dim, ...], tuple[AnyStride | None, ...]]]) -> None:
        self.view, self.axes, self.indices, self.position, self.unique = view, axes, indices, position, unique
        self.layouts = layouts

    @property
    def dims(self) -> tuple[Dim, ...]:
        rest = [d for k, d in enumerate(self.view.dims) if k not in self.axes]
        return (*rest[:self.position], *self.indices[0].dims, *rest[self.position:])

    def read(self) -> Value:
        return tracer.emit("gather", [self.view.read(), *self.indices], axes=self.axes, position=self.position)

    def write(self, new: Value, op: str = "scatter") -> None:
        old = self.view.read()
        self.view.write(tracer.emit(op, [old, new, *self.indices], axes=self.axes, position=self.position, unique=self.unique))


def select(x: TracedArray, items: Sequence[Item]) -> Selection:
    """Resolve an index with integer arrays (masks have been dealt with)."""
    if sum(isinstance(i, Indices) for i in items) > 1 and any(isinstance(i, Indices) and i.is_slice for i in items):
        for i in items:
            if isinstance(i, Indices) and i.is_slice:
                tracer.unroll_for(i.array.view.read())
        raise tracer.unsupported("a slice with a run-time step beside other index arrays", instead="index in two steps")
    items = _with_masks_expanded(items, x.view.dims)
    # Axes that are indexed keep their place in the basic view; there they are taken whole.
    sliced = any(isinstance(i, Indices) and i.is_slice for i in items)
    basic_kinds = (Indices,) if sliced else (Indices, At)
    dims = x.view.dims
    basic: list[Item] = []
    advanced: list[Value | int] = []
    places: list[int] = []
    axis = own = 0
    own_axis: dict[int, int] = {}
    for item in items:
        if isinstance(item, basic_kinds):
            advanced.append(item.array.view.read() if isinstance(item, Indices) else item.position)
            own_axis[own] = axis
            places.append(own)
            basic.append(Span(0, dims[axis], 1))
        else:
            basic.append(item)
        axis += not isinstance(item, NewAxis)
        own += not (isinstance(item, At) and At not in basic_kinds)
    view = basic_view(x.view, basic)
    axes = tuple(places)
    extents = common_index_dims([v.dims if isinstance(v, Value) else () for v in advanced])
    if 0 not in extents:  # NumPy looks at no index where none is used
        for place, value in zip(places, advanced, strict=True):
            _check_constants(value, own_axis[place], view.dims[place])
    indices = []
    for place, value in zip(places, advanced, strict=True):
        # The positions of a slice are in range, and all different.
        found = value if sliced and isinstance(value, Value) else _checked(value, own_axis[place], view.dims[place])
        indices.append(broadcast(found, extents))
    adjacent = places == list(range(places[0], places[-1] + 1))
    position = places[0] if adjacent else 0
    layouts = [(i.array.view.dims, i.array.view.strides) for i in items if isinstance(i, Indices)]
    return Selection(view, axes, indices, position, sliced, layouts)


def _own_axes(items: Sequence[Item]) -> list[int]:
    """For each item, the axis of the indexed array that it stands for."""
    out, axis = [], 0
    for item in items:
        out.append(axis)
        axis += item.array.ndim if isinstance(item, Indices) and item.is_mask else not isinstance(item, NewAxis)
    return out


def _checked(value: Value | int, axis: int, extent: Dim) -> Value:
    if isinstance(value, int):
        return tracer.constant(value, value_of(np.int64(0)).type)
    return checked_value(cast(value, np.dtype(np.int64)), axis, extent)


def _check_constants(value: Value | int, axis: int, extent: Dim) -> None:
    """IndexError for a position that is written in the program: what fails later while tracing must not come first."""
    if isinstance(value, Value) and value.op is not None and value.op.name == "array_const" and isinstance(extent, int):
        for position in value.op.attrs["data"]:
            wrap_index(int(position), axis, extent)


def common_index_dims(shapes: Sequence[tuple[Dim, ...]]) -> tuple[Dim, ...]:
    """The extents that index arrays broadcast to."""
    try:
        return common_dims(*shapes)
    except ValueError:
        raise IndexError("shape mismatch: indexing arrays could not be broadcast together with shapes "
                         + " ".join(map(shape_text, shapes)) + " ") from None


def _with_masks_expanded(items: Sequence[Item], dims: Sequence[Dim]) -> Sequence[Item]:
    """Masks as the positions where they hold, one index array per axis that they cover."""
    out: list[Item] = []
    for item, axis in zip(items, _own_axes(items), strict=True):
        if isinstance(item, Indices) and item.is_mask:
            _check_mask(item.array, dims, axis)
            out += [Indices(k) for k in places_of(item.array.view.read())]
        else:
            out.append(item)
    return out


@dispatch.implements(("advanced", "get"))
def advanced_get(x: TracedArray, items: Sequence[Item]) -> Any:
    """x[index] with index arrays: always a copy."""
    masked = masked_target(x, items)
    if masked is not None:
        return read_masked(*masked)
    found = select(x, items)
    result = found.read()
    if not result.dims:
        return TracedScalar(result)
    made = new_array(result, _gathered_layout(found))
    if any(isinstance(i, Indices) and i.is_slice for i in items):
        made.view.storage.frozen = SLICE_COPY
    return made


def _gathered_layout(found: Selection) -> tuple[int, ...] | None:
    """Gathered axes lie slowest, in C order, the others as in the indexed array; without others, as in the index arrays."""
    rest = [k for k in range(found.view.rank) if k not in found.axes]
    gathered = list(range(len(found.indices[0].dims)))
    if all(isinstance(found.view.dims[k], int) and found.view.dims[k] == 1 for k in rest):
        gathered = list(keep_order(found.layouts, found.indices[0].dims) or gathered)
    kept = stride_order([found.view.strides[k] for k in rest])
    count = len(gathered)
    layout = (*(found.position + k for k in gathered), *(k if k < found.position else k + count for k in kept))
    return None if layout == tuple(range(len(layout))) else layout


@dispatch.implements(("advanced", "set"))
def advanced_set(x: TracedArray, items: Sequence[Item], value: Any) -> None:
    """x[index] = value with index arrays or a mask."""
    masked = masked_target(x, items)
    if masked is not None:
        write_masked(*masked, value)
        return
    found = select(x, items)
    found.write(_fitted(value, found, x.dtype))


def _fitted(value: Any, found: Selection, dtype: np.dtype) -> Value:
    v = value_of(operand(value), dtype)
    own = v.dims
    extra = len(own) - len(found.dims)
    if extra > 0 and (all(d == 1 for d in own[:extra]) or 0 in own[extra:]):
        own = own[extra:]  # NumPy reshapes the values, so that of an empty array any leading extents go
    if not fits(own, found.dims):
        raise ValueError(f"shape mismatch: value array of shape {shape_text(v.dims)} could not be broadcast to indexing "
                         f"result of shape {shape_text(found.dims)}")
    return broadcast(reshape_value(v, own), found.dims)


def masked_target(x: TracedArray, items: Sequence[Item]) -> tuple[TracedArray, Value, int] | None:
    """For an index with one mask, with slices and next to numbers: all that it picks from, the mask, its place. None for others."""
    masks = [i for i in items if isinstance(i, Indices) and i.is_mask]
    if not masks:
        return None
    place = next(k for k, i in enumerate(items) if i is masks[0])
    whole = [isinstance(i, (Span, NewAxis)) for i in items]
    if sum(isinstance(i, Indices) for i in items) > 1 or not _is_stretch([k for k, w in enumerate(whole) if not w]):
        return None
    # Numbers beside the mask leave no axis.
    place = sum(whole[:place])
    mask = masks[0].array
    basic: list[Item] = []
    axis = 0
    for item in items:
        if item is masks[0]:
            _check_mask(mask, x.view.dims, axis)
            basic += [Span(0, d, 1) for d in x.view.dims[axis:axis + mask.ndim]]
            axis += mask.ndim
        else:
            basic.append(item)
            axis += not isinstance(item, NewAxis)
    return TracedArray(basic_view(x.view, basic)), mask.view.read(), place


def _is_stretch(places: Sequence[int]) -> bool:
    return places[-1] - places[0] == len(places) - 1


def _check_mask(mask: TracedArray, dims: Sequence[Dim], axis: int) -> None:
    covered = tuple(dims[axis:axis + mask.ndim])
    for k, (m, d) in enumerate(zip(mask.view.dims, covered, strict=True)):
        if same_dims((m,), (d,)) or integers.form_of(m).key == integers.form_of(d).key:
            continue
        message = (f"boolean index did not match indexed array along axis {axis + k}; size of axis is {{0}} but size "
                   "of corresponding boolean axis is {1}")
        if isinstance(m, int) and isinstance(d, int):
            raise IndexError(message.format(d, m))
        pair = [integers.as_value(d), integers.as_value(m)]
        tracer.emit("check", [tracer.constant(True), tracer.emit("py_equal", pair), *pair], exception="IndexError",
                    message=message)


def _at(ufunc: np.ufunc, op: str) -> None:
    @dispatch.implements((ufunc, "at"))
    def at(a: Any, indices: Any, *b: Any) -> None:
        if not isinstance(a, TracedArray):
            raise TypeError("first operand must be array")
        if len(b) != 1:
            ufunc.at(np.zeros(1), [0], *[1 for _ in b])  # raises NumPy's error
        check_writeable(a.view, "assignment destination is read-only")
        dispatch.call(("advanced", "at"), (ufunc, op, a, indices, *b), {})


@dispatch.implements(("advanced", "at"))
def combine_at(ufunc: np.ufunc, op: str, a: TracedArray, indices: Any, b: Any) -> None:
    """ufunc.at(a, indices, b)"""
    b = operand(b)
    items = parse(indices, a.view.dims)
    if not any(isinstance(i, Indices) for i in items) or np.result_type(value_of(b).dtype, a.dtype) != a.dtype:
        # Each step is rounded to the array's dtype.
        dispatch.call(("ufunc", "at"), (ufunc, a, indices, (b,)), {})
        return
    found = select(a, items)
    found.write(_fitted(b, found, a.dtype), op)


for _ufunc, _op in ((np.add, "scatter_add"), (np.multiply, "scatter_mul"), (np.minimum, "scatter_min"),
                    (np.maximum, "scatter_max")):
    _at(_ufunc, _op)

