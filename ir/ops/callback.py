"""`callback{function, types}`: a call of a Python function while the program runs.

Operand 0 and result 0 are the order of effects: an int64 that each callback takes and changes, so that data dependence
keeps callbacks in the program's order, also through loops and branches.  The other operands are passed by value; the other
results are of `types`, whose extents are numbers, or slots of operands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..builder import fill_dims
from ..expr import Expr, const, var
from ..graph import Op, Value
from ..host import HOST_EXCEPTION
from ..loops import Buffer, Call
from ..opdef import LowerContext, Missing, OpDef, Statements, register
from ..types import ArrayType, Type, WeakType
from .shaping import ALL_DTYPES, INT64


def _infer(operands: list[Value], attrs: dict) -> list[Type]:
    if operands[0].type != ArrayType(INT64):
        raise TypeError(f"the order of effects is an int64, not {operands[0].type}")
    return [ArrayType(INT64), *(t.with_dims(fill_dims(t.dims, operands)) if isinstance(t, ArrayType) else t
                                for t in attrs["types"])]


def _evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    results = attrs["function"].call(*operands[1:])
    typed = [xp.asarray(x, t.dtype) if isinstance(t, ArrayType) else x for x, t in zip(results, types[1:], strict=True)]
    return [xp.asarray(operands[0] + 1, np.int64), *typed]


def _lower(ctx: LowerContext, op: Op) -> None:
    reads: list[Buffer] = []
    extents: list[Expr] = []
    for k, v in enumerate(op.operands[1:], 1):
        dims = ctx.dims(v)
        if dims:
            reads.append(ctx.buffer(k, contiguous=True))
            extents += dims
        else:
            assert isinstance(v.type, ArrayType | WeakType)
            reads.append(ctx.temp(v.type.dtype, ()))
            ctx.store(reads[-1], (), ctx.read(k, ()))
    writes = [ctx.out(k) for k in range(len(op.results))]
    starts = [const(0)] * (len(reads) + len(writes))
    status = ctx.fresh("status")
    order = ctx.read(0, ())
    assert isinstance(order, Expr)
    scalars = (*starts, *extents, order)
    ctx.emit(Call(f"callback_{op.attrs['function'].number}", tuple(reads), tuple(writes), scalars, status, op.loc))
    with ctx.branch(var(status).differs(0)):
        ctx.raise_error(HOST_EXCEPTION, "")


_REASON = Missing("a Python function is opaque: custom_jvp and custom_vjp give it derivatives")

register(OpDef(
    "callback", _infer, _evaluate, Statements(_lower), _REASON, _REASON,
    Missing("a Python function is called once per lane, in order"), attrs=("function", "types"), effect="ordered",
    dtypes=ALL_DTYPES, doc="Calls a Python function at run time, in order."))
