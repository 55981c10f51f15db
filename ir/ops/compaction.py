"""`true_positions(mask)` and `swapped(places)`: which elements go where, one after the other.

`true_positions(mask)`: where a vector of truth values holds, in order, and zeros behind; as many as the mask has elements.

How many there are is the sum of the mask.  Arrays whose extent depends on data (`x[mask]`, `np.nonzero`) are the first elements of
what these positions gather, so that their memory is bounded by what they are taken from.

`swapped(places)`: the order of n things after the last has changed places with number places[0], the last but one with number
places[1], and so on, as a shuffle does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..expr import Expr, cast, const
from ..graph import Op, Value
from ..opdef import LowerContext, Missing, OpDef, Sample, Statements, register
from ..types import ArrayType, Type
from .shaping import INT64, no_tangent, real


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
