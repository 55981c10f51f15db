"""Identities and placeholders that derivatives are written with: `stop_gradient`, `barrier`, `custom_linear`,
`checkpointed_for`.

`stop_gradient(x)` is x without a tangent.  `barrier(x)` is x, but not the same value as x to whoever merges equal ops: what is
computed from it is computed again, where it stands; the pass `barriers` drops it.  `custom_linear(*residuals, *tangents)
{derivative, types}` is the linear map of a function whose derivative the user gave backward only: it can be transposed, by
derivative.transpose, and nothing else.  `checkpointed_for` is the linear part of a loop whose tapes would not fit
(`passes/checkpoints.py`): it, too, only waits to be transposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..builder import Builder
from ..errors import UnsupportedError
from ..expr import Expr
from ..graph import Op, Value
from ..opdef import Element, LowerContext, Missing, OpDef, Sample, Scalar, register
from ..types import Dim, Type
from .families import NO_TANGENT, zero_tangent
from .shaping import ALL_DTYPES, Terms, linear_jvp


def _same(operands: list[Value], attrs: dict) -> list[Type]:
    return [operands[0].type]


def _identity(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    return [operands[0]]


def _element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    return ctx.read(0, index)


def _batch(name: str) -> Any:
    def batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
        return ctx.emit(name, list(operands))

    return batch


_SAMPLES = (Sample(((2, 3),)), Sample(((),)), Sample(((0,),)))

register(OpDef(
    "stop_gradient", _same, _identity, Element(_element), zero_tangent, NO_TANGENT, _batch("stop_gradient"),
    # Integers, which have no tangent that differences could disagree about.
    dtypes=ALL_DTYPES, samples=(Sample(((2, 3),), dtypes=("i64",)),), doc="x without a tangent."))


def _transpose_barrier(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    return [cotangents[0]]


register(OpDef(
    "barrier", _same, _identity, Element(_element), linear_jvp("barrier"), _transpose_barrier, _batch("barrier"),
    dtypes=ALL_DTYPES, traits=frozenset({"linear"}), samples=_SAMPLES, doc="x, as another value than x."))

_BACKWARD_ONLY = "the derivative of this function is given backward only, by defvjp"


def _no_forward(*args: Any) -> Any:
    raise UnsupportedError("a forward derivative", _BACKWARD_ONLY, "use grad or vjp, or give the derivative by custom_jvp")


register(OpDef(
    "custom_linear", lambda operands, attrs: list(attrs["types"]), _no_forward, Missing(_BACKWARD_ONLY), _no_forward,
    Missing("the derivative that the user gave says it"), Missing(_BACKWARD_ONLY), attrs=("derivative", "types"),
    doc="The linear map of a function whose derivative is given backward only."))


_WAITS = "it stands in a linear program that is about to be transposed"

register(OpDef(
    "checkpointed_for", lambda operands, attrs, regions: [], _no_forward, Missing(_WAITS), Missing(_WAITS), Missing(_WAITS),
    Missing(_WAITS), attrs=("memory",),
    doc="operands (start, step, trips, slots, top, trips of the slots, *slots' memory, *init): see passes/checkpoints.py. region: "
        "body(index, *state, *carried). memory: the bytes that loops inside of one trip may keep, or None."))
