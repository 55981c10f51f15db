"""Reading and writing through an affine view map: `slice`, `update_slice`, `update_add`.

`slice(x, *slots){map, dims}` is x seen through a `viewmap.ViewMap`.  `update_slice(x, new, *slots){map, dims}` is x with
`new` (of extents `dims`) written through the map: where two elements of `new` have one place, the later in C order wins.
`update_add` adds instead, and every element counts.  Starts that are run-time values are operands behind the arrays,
already in range.  Where a start differs from lane to lane, batching turns the view into integer-array indexing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..builder import Builder, Slot, fill_dims
from ..expr import Expr, const
from ..graph import Op, Value
from ..opdef import Choice, Element, Linear, LowerContext, OpDef, Sample, Scalar, Update, register
from ..types import ArrayType, Dim, Type
from ..viewmap import Axis, ViewMap, apply_map, bounds, identity_map, insert_axis, is_injective, permutation_map, slots_of
from .shaping import (
    ALL_DTYPES,
    INT64,
    NUMBERS,
    Terms,
    add_scalars,
    array_type,
    as_array,
    batched,
    check_slots,
    concrete_dims,
    emit_view,
    iota,
    linear_jvp,
    loop_nest,
    may_equal,
    read_index,
    refuse_batched,
    reshape,
)


def check_map(view_map: ViewMap, dims: Sequence[Dim], base: Sequence[Dim], operands: Sequence[Value], first: int) -> None:
    """The map fits both arrays, names existing operands, and stays in range as far as extents are known."""
    if len(view_map) != len(base):
        raise ValueError(f"a map of {len(view_map)} axes does not fit an array of rank {len(base)}")
    if not all(first <= s.operand < len(operands) for s in slots_of(view_map)):
        raise ValueError(f"{view_map} names an operand that is not there")
    if any(not 0 <= k < len(dims) for axis in view_map for _, k in axis.terms):
        raise ValueError(f"{view_map} names an axis beyond extents {dims}")
    for axis, n in leaving(view_map, dims, base):
        raise ValueError(f"index {axis!r} over extents {dims} leaves an axis of size {n}")


def leaving(view_map: ViewMap, dims: Sequence[Dim], base: Sequence[Dim]) -> Iterator[tuple[Axis, Dim]]:
    """Where a view of extents `dims` certainly leaves an array of extents `base`: the index, and the extent of its axis."""
    if any(isinstance(d, int) and d == 0 for d in dims):
        return
    for axis, n in zip(view_map, base, strict=True):
        reach = bounds(axis, dims)
        if reach is not None and (reach[0] < 0 or (isinstance(n, int) and reach[1] >= n)):
            yield axis, n


def grid_index(xp: Any, attrs: dict, operands: Sequence, dims: Sequence[int]) -> tuple:
    """Per axis of the viewed array, its indexes: an array that broadcasts to `dims`."""
    along = [xp.arange(n).reshape((-1,) + (1,) * (len(dims) - k - 1)) for k, n in enumerate(dims)]
    return apply_map(attrs["map"], along, lambda slot: int(operands[slot.operand]))


def scalar_index(ctx: LowerContext, op: Op, index: Sequence[Expr]) -> tuple[Expr, ...]:
    """Where view element `index` is in the viewed array, as expressions."""
    start = {s.operand: read_index(ctx, s.operand) for s in slots_of(op.attrs["map"])}
    at = apply_map(op.attrs["map"], index, lambda slot: start[slot.operand])
    return tuple(k if isinstance(k, Expr) else const(k) for k in at)


def lane_indices(ctx: Builder, view_map: ViewMap, dims: Sequence[Dim], operands: Sequence[Value],
                 flags: Sequence[bool], size: Dim) -> list[Value]:
    """The map written out as index arrays of extents (size, *dims), one per viewed axis, for starts that vary by lane."""
    full = (size, *dims)
    out = []
    for axis in view_map:
        if isinstance(axis.start, Slot):
            start = as_array(ctx, operands[axis.start.operand])
            lanes = flags[axis.start.operand]
            total = ctx.broadcast_to(reshape(ctx, start, (size, *(1,) * len(dims))) if lanes else start, full)
        else:
            total = ctx.full(axis.start, ArrayType(INT64, full))
        for step, k in axis.terms:
            total = ctx.add(total, ctx.multiply(iota(ctx, full, k + 1), step))
        out.append(total)
    return out


def _starts_vary(attrs: dict, flags: Sequence[bool]) -> bool:
    return any(flags[s.operand] for s in slots_of(attrs["map"]))


def _check_extents_shared(attrs: dict, flags: Sequence[bool]) -> None:
    refuse_batched([flags[d.operand] for d in attrs["dims"] if isinstance(d, Slot)], "an extent")


# --- slice -------------------------------------------------------------------------------------------------------------


def _infer_slice(operands: list[Value], attrs: dict) -> list[Type]:
    check_slots(operands, 1)
    dims, type_ = fill_dims(attrs["dims"], operands), array_type(operands[0])
    check_map(attrs["map"], dims, type_.dims, operands, 1)
    return [type_.with_dims(dims)]


def _evaluate_slice(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    dims = concrete_dims(attrs, operands)
    if 0 in dims:
        return [xp.zeros(dims, operands[0].dtype)]
    return [xp.broadcast_to(xp.asarray(operands[0][grid_index(xp, attrs, operands, dims)]), dims)]


def _slice_element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    return ctx.read(0, scalar_index(ctx, op, index))


def _lower_slice(op: Op) -> Element:
    return Element(_slice_element, expands=not is_injective(op.attrs["map"], op.result.dims))


def _transpose_slice(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, x = cotangents[0], operands[0]
    none = [None] * (len(operands) - 1)
    if g is None:
        return [None, *none]
    zeros = ctx.zeros(x.type)
    return [emit_view(ctx, "update_add", [zeros, g], attrs["map"], g.dims, operands), *none]


def _batch_slice(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    _check_extents_shared(attrs, flags)
    x, dims = operands[0], fill_dims(attrs["dims"], operands)
    if not _starts_vary(attrs, flags):
        return [emit_view(ctx, "slice", [x], insert_axis(attrs["map"]), (size, *dims), operands)]
    where = lane_indices(ctx, attrs["map"], dims, operands, flags, size)
    if flags[0]:
        where.insert(0, iota(ctx, (size, *dims), 0))
    return ctx.emit("gather", [x, *where], {"axes": tuple(range(len(where))), "position": 0})


_WINDOW = (Axis(0, ((1, 0), (1, 1))),)

register(OpDef(
    "slice", _infer_slice, _evaluate_slice, Choice(_lower_slice), linear_jvp("slice"), _transpose_slice, _batch_slice,
    attrs=("map", "dims"), dtypes=ALL_DTYPES, traits=frozenset({"linear", "view"}),
    samples=(Sample(((5, 4),), {"map": (Axis(4, ((-2, 0),)), Axis(1, ((1, 1),))), "dims": (2, 3)}),
             Sample(((5,),), {"map": _WINDOW, "dims": (3, 3)}),
             Sample(((4, 4),), {"map": (Axis(0, ((1, 0),)), Axis(0, ((1, 0),))), "dims": (4,)}),
             Sample(((3, 2),), {"map": permutation_map((1, 0)), "dims": (2, 3)}),
             Sample(((3, 2),), {"map": (Axis(2), Axis(1)), "dims": ()}),
             Sample(((0, 2),), {"map": identity_map(2), "dims": (0, 2)}),
             Sample(((3,),), {"map": (Axis(0, ((1, 1),)),), "dims": (2, 3)}),
             Sample(((5, 4), ()), {"map": (Axis(Slot(1), ((1, 0),)), Axis(3, ((-1, 1),))), "dims": (3, 4)}, (None, "i64"),
                    domain=(0.0, 2.0)),
             Sample(((5, 4), (), ()), {"map": (Axis(Slot(1)), Axis(Slot(2))), "dims": ()}, (None, "i64", "i64"),
                    domain=(0.0, 3.0)),
             Sample(((5,), ()), {"map": (Axis(1, ((1, 0),)),), "dims": (Slot(1),)}, (None, "i64"), domain=(3.0, 3.0))),
    doc="x through an affine view map: basic indexing, flips, diagonals, windows, repeated elements."))


# --- update_slice, update_add ------------------------------------------------------------------------------------------


def _infer_update(operands: list[Value], attrs: dict) -> list[Type]:
    check_slots(operands, 2)
    x, new = array_type(operands[0]), array_type(operands[1])
    dims = fill_dims(attrs["dims"], operands)
    check_map(attrs["map"], dims, x.dims, operands, 2)
    if x.dtype != new.dtype:
        raise TypeError(f"cannot write {new.dtype} into an array of {x.dtype}")
    if len(new.dims) != len(dims) or not all(map(may_equal, new.dims, dims)):
        raise ValueError(f"could not broadcast input array from shape {new.dims} into shape {dims}")
    return [x]


def _evaluate_update_slice(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    dims, out = concrete_dims(attrs, operands), xp.array(operands[0])
    if 0 not in dims:
        where = xp.broadcast_arrays(xp.zeros(dims, int), *grid_index(xp, attrs, operands, dims))[1:]
        # Flat index arrays: NumPy then assigns in order, so that the last one stays.
        out[tuple(k.reshape(-1) for k in where)] = operands[1].reshape(-1) if where else operands[1].reshape(-1)[-1]
    return [out]


def _evaluate_update_add(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    dims, out = concrete_dims(attrs, operands), xp.array(operands[0])
    if 0 not in dims:
        xp.add.at(out, tuple(xp.broadcast_to(k, dims) for k in grid_index(xp, attrs, operands, dims)), operands[1])
    return [out]


def _store_in_order(ctx: LowerContext, op: Op) -> None:
    with loop_nest(ctx, ctx.dims(op.operands[1]), "seq") as index:
        ctx.store(ctx.out(), scalar_index(ctx, op, index), ctx.read(1, index))


def _lower_update_slice(op: Op) -> Update:
    if is_injective(op.attrs["map"], op.operands[1].dims):
        return Update(index=scalar_index)
    return Update(fn=_store_in_order)


def _add_in_place(ctx: LowerContext, op: Op) -> None:
    kind = "par" if is_injective(op.attrs["map"], op.operands[1].dims) else "seq"
    with loop_nest(ctx, ctx.dims(op.operands[1]), kind) as index:
        at = scalar_index(ctx, op, index)
        ctx.store(ctx.out(), at, add_scalars(ctx.load(ctx.out(), at), ctx.read(1, index)))


def _winners(ctx: Builder, x: Type, dims: Sequence[Dim], attrs: dict, operands: Sequence) -> Value:
    """Which elements of `new` are still there at the end: they find their own position at their place."""
    position = positions(ctx, dims)
    blank = ctx.full(-1, ArrayType(INT64, x.dims))
    written = emit_view(ctx, "update_slice", [blank, position], attrs["map"], dims, operands)
    return ctx.equal(emit_view(ctx, "slice", [written], attrs["map"], dims, operands), position)


def positions(ctx: Builder, dims: Sequence[Dim]) -> Value:
    """A different non-negative int64 for each element, increasing in C order."""
    if not dims:
        return ctx.zeros(ArrayType(INT64))
    total = iota(ctx, dims, 0)
    for k in range(1, len(dims)):
        n = dims[k]
        extent = ctx.broadcast_to(as_array(ctx, n), tuple(dims)) if isinstance(n, Value) else n
        total = ctx.add(ctx.multiply(total, extent), iota(ctx, dims, k))
    return total


def _transpose_update_slice(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, (x, new) = cotangents[0], operands[:2]
    out: Terms = [None] * len(operands)
    if g is None:
        return out
    dims = new.type.dims
    # First what is read of the cotangent, then the write into it: so it is done in place.
    if isinstance(new, Linear):
        seen = emit_view(ctx, "slice", [g], attrs["map"], dims, operands)
        if not is_injective(attrs["map"], dims):
            seen = ctx.where(_winners(ctx, x.type, dims, attrs, operands), seen, ctx.zeros(new.type))
        out[1] = seen
    if isinstance(x, Linear):
        out[0] = emit_view(ctx, "update_slice", [g, ctx.zeros(new.type)], attrs["map"], dims, operands)
    return out


def _transpose_update_add(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, (x, new) = cotangents[0], operands[:2]
    out: Terms = [None] * len(operands)
    if g is not None and isinstance(x, Linear):
        out[0] = g
    if g is not None and isinstance(new, Linear):
        out[1] = emit_view(ctx, "slice", [g], attrs["map"], new.type.dims, operands)
    return out


def _batch_update(name: str, scatter: str) -> Any:
    def batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
        _check_extents_shared(attrs, flags)
        x, new = (batched(ctx, v, f, size) for v, f in zip(operands[:2], flags[:2], strict=True))
        dims = fill_dims(attrs["dims"], operands)
        if not _starts_vary(attrs, flags):
            return [emit_view(ctx, name, [x, new], insert_axis(attrs["map"]), (size, *dims), operands)]
        where = [iota(ctx, (size, *dims), 0), *lane_indices(ctx, attrs["map"], dims, operands, flags, size)]
        return ctx.emit(scatter, [x, new, *where], {"axes": tuple(range(len(where))), "position": 0, "unique": False})

    return batch


_UPDATES = (Sample(((5, 4), (2, 3)), {"map": (Axis(4, ((-2, 0),)), Axis(1, ((1, 1),))), "dims": (2, 3)}),
            Sample(((5,), (3, 3)), {"map": _WINDOW, "dims": (3, 3)}),
            Sample(((4, 4), (4,)), {"map": (Axis(0, ((1, 0),)), Axis(0, ((1, 0),))), "dims": (4,)}),
            Sample(((3, 2), ()), {"map": (Axis(2), Axis(1)), "dims": ()}),
            Sample(((), ()), {"map": (), "dims": ()}),
            Sample(((3, 2), (0,)), {"map": (Axis(0, ((1, 0),)), Axis(1)), "dims": (0,)}),
            Sample(((5, 4), (3, 4), ()), {"map": (Axis(Slot(2), ((1, 0),)), Axis(3, ((-1, 1),))), "dims": (3, 4)},
                   (None, None, "i64"), domain=(0.0, 2.0)),
            Sample(((5, 4), (), ()), {"map": (Axis(Slot(2)), Axis(1)), "dims": ()}, (None, None, "i64"), domain=(0.0, 4.0)))

register(OpDef(
    "update_slice", _infer_update, _evaluate_update_slice, Choice(_lower_update_slice), linear_jvp("update_slice", 2),
    _transpose_update_slice, _batch_update("update_slice", "scatter"),
    attrs=("map", "dims"), dtypes=ALL_DTYPES, traits=frozenset({"linear"}), samples=_UPDATES,
    doc="x with new written through an affine view map; of elements with one place the last in C order stays."))

register(OpDef(
    "update_add", _infer_update, _evaluate_update_add, Update(fn=_add_in_place), linear_jvp("update_add", 2),
    _transpose_update_add, _batch_update("update_add", "scatter_add"),
    attrs=("map", "dims"), dtypes=NUMBERS, traits=frozenset({"linear"}), samples=_UPDATES,
    doc="x with new added through an affine view map, element after element in C order."))
