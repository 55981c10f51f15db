"""`roll(x, shift){axis}`: element i of the result along the axis is x's element i - shift, counted round.

`shift` is any Python int or int64 of rank 0.  x is read where it lies: no copy of it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..builder import Builder
from ..expr import Expr, cast, const, select
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..opdef import Element, Linear, LowerContext, OpDef, Sample, Scalar, register
from ..types import ArrayType, Dim, Type
from .shaping import (
    ALL_DTYPES,
    INT64,
    Terms,
    array_type,
    as_array,
    batched,
    check_axes,
    check_slots,
    iota,
    linear_jvp,
    move_axis,
)


def _infer(operands: list[Value], attrs: dict) -> list[Type]:
    x = array_type(operands[0])
    check_axes([attrs["axis"]], x.rank)
    check_slots(operands, 1)
    if len(operands) != 2:
        raise TypeError("roll has an array and a shift")
    return [x]


def _element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    axis = op.attrs["axis"]
    i, extent = index[axis], ctx.dims(op.operands[0])[axis]
    shift = ctx.read(1, ())
    assert isinstance(shift, Expr)
    shift = _within(cast(shift, "i64"), extent)
    # The condition compares the index itself, so that a loop over it can be cut in two there.
    place = select(scalar_op("lt", i, shift), i + (extent - shift), i - shift)
    return ctx.read(0, (*index[:axis], place, *index[axis + 1:]))


def _within(shift: Expr, extent: Expr) -> Expr:
    """The shift counted round, from 0 to the extent. Remainders rather than choices: analyses know their bounds."""
    if shift.is_const and extent.is_const:
        return const(shift.payload % max(extent.payload, 1))  # type: ignore[operator, call-overload]
    size = scalar_op("max", extent, 1)
    return scalar_op("rem", scalar_op("rem", shift, size) + size, size)


def _transpose(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, x = cotangents[0], operands[0]
    if g is None or not isinstance(x, Linear):
        return [None, None]
    return [ctx.emit("roll", [g, ctx.negative(as_array(ctx, operands[1]))], attrs)[0], None]


def _batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    axis = attrs["axis"] + 1
    if not flags[1]:
        return ctx.emit("roll", list(operands), {"axis": axis})
    # Each lane has a shift of its own: its elements are picked one by one.
    x = move_axis(ctx, batched(ctx, operands[0], flags[0], size), axis, 1)
    dims, extent = (size, x.dims[1]), x.dims[1]
    shift = ctx.emit("transpose", [ctx.broadcast_to(as_array(ctx, operands[1]), (extent, size))], {"axes": (1, 0)})[0]
    length = ctx.broadcast_to(as_array(ctx, extent), dims) if isinstance(extent, Value) else ctx.full(
        max(extent, 1), ArrayType(INT64, dims))
    place = ctx.remainder(ctx.subtract(iota(ctx, dims, 1), shift), length)
    got = ctx.emit("gather", [x, iota(ctx, dims, 0), place], {"axes": (0, 1), "position": 0})[0]
    return [move_axis(ctx, got, 1, axis)]


def _evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    return [xp.roll(operands[0], int(operands[1]), attrs["axis"])]


register(OpDef(
    "roll", _infer, _evaluate, Element(_element), linear_jvp("roll", 1), _transpose, _batch, attrs=("axis",),
    dtypes=ALL_DTYPES, traits=frozenset({"linear"}),
    samples=tuple(Sample((shape, ()), {"axis": axis}, (None, "i64"), domain=(-9.0, 9.0))
                  for shape, axis in (((5,), 0), ((2, 3), 1), ((3, 2, 4), 0))),
    doc="Elements moved round along an axis, as by np.roll."))
