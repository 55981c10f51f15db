"""Ops without array operands: `array_const`, `iota`.

`array_const{data, type}`: an array whose elements (a flat, C-ordered tuple of Python scalars) are known.
`iota(*extents){dims, axis, dtype}`: the index along `axis`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..builder import Builder, Slot, fill_dims
from ..expr import Expr, cast, const, table
from ..graph import Op, Value
from ..opdef import Complex, Element, LowerContext, Missing, OpDef, Sample, Scalar, register
from ..scalar import scalar_type
from ..types import DTYPES, ArrayType, Dim, Type, element_count
from .shaping import NUMBERS, check_axes, check_slots, concrete_dims, emit_shaped, no_tangent, refuse_batched

_NO_ARRAYS = Missing("the op has no array operand to be linear in")


def _infer_array_const(operands: list[Value], attrs: dict) -> list[Type]:
    type_, data = attrs["type"], attrs["data"]
    if element_count(type_.dims) != len(data):
        raise ValueError(f"{len(data)} elements do not fill {type_}")
    return [type_]


def _evaluate_array_const(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    return [xp.asarray(attrs["data"], dtype=attrs["type"].dtype).reshape(attrs["type"].dims)]


def _array_const_element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    type_, data = op.attrs["type"], op.attrs["data"]
    scalar = scalar_type(type_.dtype)
    at = linear_index(index, type_.dims)
    if type_.dtype.kind == "c":
        return Complex(table([complex(v).real for v in data], at, scalar), table([complex(v).imag for v in data], at, scalar))
    return table(data, at, scalar)


def linear_index(index: Sequence[Expr], dims: Sequence[Expr | int]) -> Expr:
    """The position in C order."""
    at = const(0)
    for i, n in zip(index, dims, strict=True):
        at = at * n + i
    return at




array_const = register(OpDef(
    "array_const", _infer_array_const, _evaluate_array_const, Element(_array_const_element),
    jvp=no_tangent, transpose=_NO_ARRAYS, batch=Missing("the op has no operands"), attrs=("data", "type"),
    samples=(Sample((), {"data": (1, 2, 3, 4, 5, 6), "type": ArrayType(DTYPES["i32"], (2, 3))}),
             Sample((), {"data": (1.5, -0.0, 2j), "type": ArrayType(DTYPES["c64"], (3,))}),
             Sample((), {"data": (), "type": ArrayType(DTYPES["f64"], (0, 2))})),
    doc="An array of known elements: `data` in C order."))


def _infer_iota(operands: list[Value], attrs: dict) -> list[Type]:
    check_slots(operands, 0)
    dims = fill_dims(attrs["dims"], operands)
    check_axes([attrs["axis"]], len(dims))
    return [ArrayType(DTYPES[attrs["dtype"]], dims)]


def _evaluate_iota(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    dims, axis = concrete_dims(attrs, operands), attrs["axis"]
    along = xp.arange(dims[axis]).astype(DTYPES[attrs["dtype"]])
    return [xp.broadcast_to(along.reshape((-1,) + (1,) * (len(dims) - axis - 1)), dims)]


def _iota_element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    scalar = scalar_type(op.result.dtype)
    value = cast(index[op.attrs["axis"]], scalar)
    return Complex(value, const(0, scalar)) if op.result.dtype.kind == "c" else value


def _batch_iota(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    refuse_batched(flags, "an extent")
    dims = (size, *fill_dims(attrs["dims"], operands))
    return [emit_shaped(ctx, "iota", [], dims, axis=attrs["axis"] + 1, dtype=attrs["dtype"])]


register(OpDef(
    "iota", _infer_iota, _evaluate_iota, Element(_iota_element),
    jvp=no_tangent, transpose=_NO_ARRAYS, batch=_batch_iota, attrs=("dims", "axis", "dtype"),
    samples=tuple(Sample((), {"dims": (3, 4), "axis": axis, "dtype": dtype}) for axis in (0, 1)
                  for dtype in NUMBERS if axis == 0 or dtype == "i64")
    + (Sample(((),), {"dims": (2, Slot(0)), "axis": 1, "dtype": "i64"}, ("i64",), domain=(3.0, 3.0)),),
    doc="The index along one axis, wrapped to the dtype."))
