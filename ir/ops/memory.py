"""Ops that say where memory is needed: `copy`, which planning makes, and `empty`.

`copy(x)`: the same array in memory of its own, made where the op stands.
`empty(*extents){dims, dtype}`: memory whose every element is written before it is read; evaluated as zeros.  Each
op is memory of its own: equal ones are not merged, and none leaves its loop.
"""

from __future__ import annotations

from typing import Any

from ..builder import fill_dims
from ..graph import Value
from ..opdef import Element, Missing, OpDef, Sample, Structural, register
from ..types import DTYPES, ArrayType, Type
from .shaping import ALL_DTYPES, check_slots, concrete_dims, linear_jvp, no_tangent

_NO_OPERAND = Missing("it has no array operand")


def _infer_empty(operands: list[Value], attrs: dict) -> list[Type]:
    check_slots(operands, 0)
    return [ArrayType(DTYPES[attrs["dtype"]], fill_dims(attrs["dims"], operands))]


def _evaluate_empty(xp: Any, operands: list, attrs: dict, types: list[Type]) -> list:
    return [xp.zeros(concrete_dims(attrs, operands), DTYPES[attrs["dtype"]])]


register(OpDef(
    "copy", lambda operands, attrs: [operands[0].type],
    lambda xp, operands, attrs, types: [xp.array(operands[0])],
    Element(lambda ctx, op, index: ctx.read(0, index)), linear_jvp("copy"),
    lambda ctx, cotangents, operands, attrs: [cotangents[0]],
    lambda ctx, operands, flags, size, attrs: ctx.emit("copy", list(operands)),
    dtypes=ALL_DTYPES, traits=frozenset({"linear"}), samples=(Sample(((2, 3),)), Sample(((),))),
    doc="The same array in memory of its own."))

register(OpDef(
    "empty", _infer_empty, _evaluate_empty, Structural(), jvp=no_tangent, transpose=_NO_OPERAND, batch=_NO_OPERAND,
    attrs=("dims", "dtype"), traits=frozenset({"fresh"}), samples=(Sample((), {"dims": (2, 3), "dtype": "f64"}),),
    doc="Memory that is written before it is read."))
