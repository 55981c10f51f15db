"""Putting arrays together: `concatenate`, `pad`.

`concatenate(*xs){axis}`: the operands one after another along an axis.  `pad(x, value){low, high}`: x with `low[k]` elements
of the rank-0 `value` before it and `high[k]` after it along each axis k.  Both are filled piece by piece, each element once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..builder import Builder
from ..expr import Expr, const
from ..graph import Op, Value
from ..opdef import Linear, LowerContext, OpDef, Sample, Statements, register
from ..types import Dim, Type
from ..viewmap import Axis
from .shaping import (
    ALL_DTYPES,
    Terms,
    array_type,
    batched,
    check_axes,
    emit_view,
    linear_jvp,
    loop_nest,
    may_equal,
    reshape,
)

# --- concatenate -------------------------------------------------------------------------------------------------------


def _infer_concatenate(operands: list[Value], attrs: dict) -> list[Type]:
    if not operands:
        raise ValueError("need at least one array to concatenate")
    first, axis = array_type(operands[0]), attrs["axis"]
    check_axes([axis], first.rank)
    total = 0
    for x in operands:
        type_ = array_type(x)
        if type_.dtype != first.dtype:
            raise TypeError(f"operands differ in dtype: {first} and {type_}")
        if type_.rank != first.rank or not all(
                k == axis or may_equal(a, b) for k, (a, b) in enumerate(zip(first.dims, type_.dims, strict=True))):
            raise ValueError("all the input array dimensions except for the concatenation axis must match exactly")
        if not isinstance(type_.dims[axis], int):
            raise TypeError("an operand's extent along the axis is a run-time value: write into an array of the total extent")
        total += type_.dims[axis]
    return [first.with_dims((*first.dims[:axis], total, *first.dims[axis + 1:]))]


def _lower_concatenate(ctx: LowerContext, op: Op) -> None:
    axis, offset = op.attrs["axis"], const(0)
    for k, x in enumerate(op.operands):
        with loop_nest(ctx, ctx.dims(x)) as index:
            ctx.store(ctx.out(), (*index[:axis], index[axis] + offset, *index[axis + 1:]), ctx.read(k, index))
        offset = offset + ctx.dims(x)[axis]


def _transpose_concatenate(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, axis, offset = cotangents[0], attrs["axis"], 0
    out: Terms = []
    for x in operands:
        wanted = g is not None and isinstance(x, Linear)
        part = _part(x.type.rank, axis, offset)
        out.append(emit_view(ctx, "slice", [g], part, x.type.dims, ()) if wanted else None)  # type: ignore[list-item]
        offset += x.type.dims[axis]
    return out


def _part(rank: int, axis: int, offset: int) -> tuple[Axis, ...]:
    return tuple(Axis(offset if k == axis else 0, ((1, k),)) for k in range(rank))


def _batch_concatenate(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim,
                       attrs: dict) -> list[Value]:
    values = [batched(ctx, x, f, size) for x, f in zip(operands, flags, strict=True)]
    return ctx.emit("concatenate", values, {"axis": attrs["axis"] + 1})


register(OpDef(
    "concatenate", _infer_concatenate, lambda xp, operands, attrs, types: [xp.concatenate(operands, axis=attrs["axis"])],
    Statements(_lower_concatenate, reads_once=True), linear_jvp("concatenate", None), _transpose_concatenate, _batch_concatenate,
    attrs=("axis",), numpy=(np.concatenate,), dtypes=ALL_DTYPES, traits=frozenset({"linear"}),
    samples=(Sample(((2, 3), (2, 1)), {"axis": 1}), Sample(((2,), (3,), (0,)), {"axis": 0}), Sample(((2, 2),), {"axis": 0}),
             Sample(((0, 2), (0, 3)), {"axis": 1})),
    doc="The operands one after another along `axis`."))

# --- pad ---------------------------------------------------------------------------------------------------------------


def _infer_pad(operands: list[Value], attrs: dict) -> list[Type]:
    x, value = array_type(operands[0]), array_type(operands[1])
    low, high = attrs["low"], attrs["high"]
    if value.dims or value.dtype != x.dtype:
        raise TypeError(f"the padding must be a scalar of {x.dtype}, not {value}")
    if not len(low) == len(high) == x.rank or any(n < 0 for n in (*low, *high)):
        raise ValueError(f"padding {low}, {high} does not fit {x}")
    if any(isinstance(d, Value) and (a or b) for d, a, b in zip(x.dims, low, high, strict=True)):
        raise TypeError("an axis with a run-time extent is not padded: write into an array of the total extent")
    return [x.with_dims(tuple(d if isinstance(d, Value) else a + d + b for d, a, b in zip(x.dims, low, high, strict=True)))]


def _evaluate_pad(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    x, low, high = operands[0], attrs["low"], attrs["high"]
    out = xp.full([a + d + b for d, a, b in zip(x.shape, low, high, strict=True)], operands[1], x.dtype)
    out[tuple(slice(a, a + d) for d, a in zip(x.shape, low, strict=True))] = x
    return [out]


def _lower_pad(ctx: LowerContext, op: Op) -> None:
    low, high, inner, full = op.attrs["low"], op.attrs["high"], ctx.dims(op.operands[0]), ctx.dims(op.result)
    value = ctx.let(ctx.read(1, ()))

    def fill(origin: Sequence[int | Expr], extents: Sequence[int | Expr]) -> None:
        with loop_nest(ctx, extents) as index:
            ctx.store(ctx.out(), tuple(i + o for i, o in zip(index, origin, strict=True)), value)

    # Slabs before and after along each axis, as wide as x itself along the axes already done.
    for k in range(len(inner)):
        for origin, thickness in ((0, low[k]), (inner[k] + low[k], high[k])):
            if thickness:
                fill((*low[:k], origin, *(0,) * (len(inner) - k - 1)), (*inner[:k], thickness, *full[k + 1:]))
    with loop_nest(ctx, inner) as index:
        ctx.store(ctx.out(), tuple(i + a for i, a in zip(index, low, strict=True)), ctx.read(0, index))


def _transpose_pad(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, (x, value), low = cotangents[0], operands, attrs["low"]
    if g is None:
        return [None, None]
    inner = tuple(Axis(a, ((1, k),)) for k, a in enumerate(low))
    out: Terms = [None, None]
    if isinstance(x, Linear):
        out[0] = emit_view(ctx, "slice", [g], inner, x.type.dims, ())
    if isinstance(value, Linear):
        border = emit_view(ctx, "update_slice", [g, ctx.zeros(x.type)], inner, x.type.dims, ())
        out[1] = ctx.emit("reduce_sum", [border], {"axes": tuple(range(len(low)))})[0] if low else ctx.zeros(value.type)
    return out


def _batch_pad(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    x, value = operands
    low, high = attrs["low"], attrs["high"]
    if not flags[1]:
        return ctx.emit("pad", [x, value], {"low": (0, *low), "high": (0, *high)})
    x = batched(ctx, x, flags[0], size)
    dims = tuple(d if isinstance(d, Value) else a + d + b for d, a, b in zip(x.dims[1:], low, high, strict=True))
    everywhere = ctx.broadcast_to(reshape(ctx, value, (size, *(1,) * len(dims))), (size, *dims))
    place = (Axis(0, ((1, 0),)), *(Axis(a, ((1, k + 1),)) for k, a in enumerate(low)))
    return [emit_view(ctx, "update_slice", [everywhere, x], place, x.dims, ())]


register(OpDef(
    "pad", _infer_pad, _evaluate_pad, Statements(_lower_pad, reads_once=True), linear_jvp("pad", None), _transpose_pad, _batch_pad,
    attrs=("low", "high"), numpy=(np.pad,), dtypes=ALL_DTYPES, traits=frozenset({"linear"}),
    samples=(Sample(((2, 3), ()), {"low": (1, 0), "high": (0, 2)}), Sample(((3,), ()), {"low": (2,), "high": (1,)}),
             Sample(((0, 2), ()), {"low": (1, 1), "high": (1, 0)}), Sample(((), ()), {"low": (), "high": ()})),
    doc="x surrounded by `value`."))
