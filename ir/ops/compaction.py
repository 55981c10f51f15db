"""`compress(x, mask)`, `true_positions(mask)` and `swapped(places)`: which elements go where, one after the other.

`compress(x, mask)`: the elements of a vector where a mask as long holds, in order, and zeros behind; as many as x has.

`true_positions(mask)`: where a vector of truth values holds, in order, and zeros behind; as many as the mask has elements.

How many there are is the sum of the mask.  Arrays whose extent depends on data (`x[mask]`, `np.nonzero`) are the first elements of
a `compress`, or where the mask covers some axes only, of what these positions gather; so their memory is bounded by what they are
taken from.

`swapped(places)`: the order of n things after the last has changed places with number places[0], the last but one with number
places[1], and so on, as a shuffle does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..builder import Builder
from ..expr import Expr, cast, const
from ..graph import Op, Value
from ..opdef import Complex, Linear, LowerContext, Missing, OpDef, Sample, Statements, register
from ..scalar import scalar_type
from ..types import ArrayType, Type, same_dims
from .shaping import ALL_DTYPES, INT64, Terms, array_type, linear_jvp, no_tangent, real


def _infer(operands: list[Value], attrs: dict) -> list[Type]:
    (mask,) = operands
    if not isinstance(mask.type, ArrayType) or mask.dtype != np.dtype(bool) or len(mask.dims) != 1:
        raise TypeError(f"true_positions takes a vector of truth values, not {mask.type}")
    return [ArrayType(INT64, mask.dims)]


def _evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    (mask,) = operands
    found = xp.flatnonzero(mask)
    return [xp.concatenate([found, xp.zeros(len(mask) - len(found), INT64)]).astype(INT64)]


def _lower(ctx: LowerContext, op: Op) -> None:
    out, (n,) = ctx.out(), ctx.dims(op.operands[0])

    def step(i: Expr, state: tuple[Expr, ...]) -> tuple[Expr, ...]:
        # Stored in any case: the next position found takes the place of one that does not hold.
        ctx.store(out, (state[0],), i)
        return (state[0] + cast(real(ctx.read(0, (i,))), "i64"),)

    (count,) = ctx.carry(0, n, [const(0)], step)
    with ctx.loop(count, n) as i:
        ctx.store(out, (i,), const(0))


register(OpDef(
    "true_positions", _infer, _evaluate, Statements(_lower, reads_once=True), no_tangent, Missing("integers carry no tangent"),
    Missing("the lanes fill different places: one after the other"), dtypes=("bool",),
    samples=(Sample(((7,),)), Sample(((1,),)), Sample(((0,),))), doc="Where a mask holds."))


def _infer_compress(operands: list[Value], attrs: dict) -> list[Type]:
    x, mask = map(array_type, operands)
    if x.rank != 1 or mask.dtype != np.dtype(bool) or not same_dims(x.dims, mask.dims):
        raise TypeError(f"compress takes a vector and as many truth values, not {x} and {mask}")
    return [x]


def _evaluate_compress(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    x, mask = operands
    found = x[mask]
    return [xp.concatenate([found, xp.zeros(len(x) - len(found), x.dtype)])]


def _lower_compress(ctx: LowerContext, op: Op) -> None:
    out, (n,) = ctx.out(), ctx.dims(op.operands[0])

    def step(i: Expr, state: tuple[Expr, ...]) -> tuple[Expr, ...]:
        # Stored in any case, as positions are.
        ctx.store(out, (state[0],), ctx.read(0, (i,)))
        return (state[0] + cast(real(ctx.read(1, (i,))), "i64"),)

    (count,) = ctx.carry(0, n, [const(0)], step)
    part = scalar_type(op.result.dtype)
    zero = Complex(const(0, part), const(0, part)) if op.result.dtype.kind == "c" else const(0, part)
    with ctx.loop(count, n) as i:
        ctx.store(out, (i,), zero)


def _transpose_compress(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    """Element i takes the cotangent whose number is how many elements before it are picked."""
    (g,), (x, mask) = cotangents, operands
    if g is None or not isinstance(x, Linear):
        return [None, None]
    rank = ctx.emit("cumsum", [ctx.emit("cast", [mask], {"dtype": "i64"})[0]], {"axis": 0, "reverse": False, "exclusive": True})[0]
    spread = ctx.emit("gather", [g, rank], {"axes": (0,), "position": 0})[0]
    return [ctx.where(mask, spread, ctx.zeros(g.type)), None]


register(OpDef(
    "compress", _infer_compress, _evaluate_compress, Statements(_lower_compress, reads_once=True), linear_jvp("compress", 1),
    _transpose_compress, Missing("the lanes fill different places: one after the other"), dtypes=ALL_DTYPES,
    samples=tuple(Sample(((n,), (n,)), dtypes=(None, "bool")) for n in (7, 1, 0)), doc="The elements that a mask picks."))


def _infer_swapped(operands: list[Value], attrs: dict) -> list[Type]:
    (places,) = operands
    if not isinstance(places.type, ArrayType) or places.dtype != INT64 or len(places.dims) != 1:
        raise TypeError(f"swapped takes a vector of int64, not {places.type}")
    return [places.type]


def _evaluate_swapped(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    order = list(range(len(operands[0])))
    for i, j in zip(reversed(range(len(order))), operands[0], strict=True):
        order[i], order[j] = order[j], order[i]
    return [xp.asarray(order, INT64)]


def _lower_swapped(ctx: LowerContext, op: Op) -> None:
    out, (n,) = ctx.out(), ctx.dims(op.operands[0])
    with ctx.loop(0, n) as i:
        ctx.store(out, (i,), i)
    with ctx.loop(0, n, "seq") as k:
        i, j = n - 1 - k, real(ctx.let(ctx.read(0, (k,)), "place"))
        first, second = (ctx.let(ctx.load(out, (at,)), "moved") for at in (i, j))
        ctx.store(out, (i,), second)
        ctx.store(out, (j,), first)


def _in_range(operands: list[np.ndarray]) -> list[np.ndarray]:
    (places,) = operands
    return [np.abs(places) % np.arange(len(places), 0, -1)]


register(OpDef(
    "swapped", _infer_swapped, _evaluate_swapped, Statements(_lower_swapped), no_tangent, Missing("integers carry no tangent"),
    Missing("the lanes fill different places: one after the other"), dtypes=("i64",),
    samples=tuple(Sample(((n,),), prepare=_in_range) for n in (5, 1, 0)),
    doc="The order of things after they have changed places."))
