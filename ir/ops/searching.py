"""`searchsorted(a, v){side}`: where each element of `v` belongs in the sorted lines of `a`, as int64.

`a` has extents (*lanes, n) and `v` (*lanes, *keys): one line per lane, none but under a batch.  The order is NumPy's: NaN
after all else, complex numbers by real part, then by imaginary part.  Binary search by halves, without branches, so that
neighbouring keys are searched in one vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..builder import Builder
from ..expr import Expr, const, select
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..opdef import Complex, LowerContext, Missing, OpDef, Sample, Scalar, Statements, register
from ..types import ArrayType, Dim, Type, same_dims
from .pointwise import is_nan
from .shaping import INT64, NUMBERS, array_type, batched, loop_nest, no_tangent, real

# Halvings of lines whose length is known only at run time.
_MOST_HALVINGS = 62


def _infer(operands: list[Value], attrs: dict) -> list[Type]:
    a, v = array_type(operands[0]), array_type(operands[1])
    if a.dtype != v.dtype or not a.dims or not same_dims(a.dims[:-1], v.dims[:a.rank - 1]):
        raise TypeError(f"cannot search {a} for {v}")
    if attrs["side"] not in ("left", "right"):
        raise ValueError(f"there is no side {attrs['side']!r}")
    return [ArrayType(INT64, v.dims)]


def _evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    """The search that the lowering makes, so that lines out of order give the same, too."""
    a, v = operands
    n, out = a.shape[-1], xp.empty(v.shape, np.int64)
    for lane in np.ndindex(a.shape[:-1]):
        keys = xp.asarray(v[lane])
        position = xp.zeros(keys.shape, np.int64)
        for k in reversed(range(n.bit_length())):
            probe = position + (1 << k)
            element = a[lane][xp.minimum(probe, n) - 1]
            before = _less(xp, element, keys) if attrs["side"] == "left" else ~_less(xp, keys, element)
            position = xp.where((probe <= n) & before, probe, position)
        out[lane] = position
    return [out]


def _less(xp: Any, x: Any, y: Any) -> Any:
    """Does x sort before y? NaN after all else."""
    if np.result_type(x).kind != "c":
        return (x < y) | (xp.isnan(y) & ~xp.isnan(x))
    tie = (x.real == y.real) | (xp.isnan(x.real) & xp.isnan(y.real))
    first = xp.where(x.real < y.real, ~xp.isnan(x.imag) | xp.isnan(y.imag),
                     xp.where(x.real > y.real, xp.isnan(y.imag) & ~xp.isnan(x.imag), xp.isnan(y.real) & ~xp.isnan(x.real)))
    return xp.where(tie, _less(xp, x.imag, y.imag), first)


def _precedes(x: Scalar, y: Scalar) -> Expr:
    """Does x sort before y?"""
    if isinstance(x, Complex):
        assert isinstance(y, Complex)
        imaginary = (x.im < y.im) | (is_nan(y.im) & ~is_nan(x.im))
        tie = x.re.equals(y.re) | (is_nan(x.re) & is_nan(y.re))
        below = select(x.re < y.re, ~is_nan(x.im) | is_nan(y.im), select(x.re > y.re, is_nan(y.im) & ~is_nan(x.im),
                                                                          is_nan(y.re) & ~is_nan(x.re)))
        return select(tie, imaginary, below)
    x, y = real(x), real(y)
    return (x < y) | (is_nan(y) & ~is_nan(x)) if x.dtype in ("f16", "f32", "f64") else x < y


def _lower(ctx: LowerContext, op: Op) -> None:
    *lanes, n = ctx.dims(op.operands[0])

    with loop_nest(ctx, ctx.dims(op.result)) as place:
        lane, key = place[:len(lanes)], ctx.let(ctx.read(1, place), "key")

        def halve(position: Expr, reach: Expr | int) -> Expr:
            probe = position + reach
            element = ctx.read(0, (*lane, scalar_op("min", probe, n) - 1))
            before = _precedes(element, key) if op.attrs["side"] == "left" else ~_precedes(key, element)
            return select((probe <= n) & before, probe, position)

        if n.is_const:
            position = const(0)
            for k in reversed(range(int(n.payload).bit_length())):
                position = real(ctx.let(halve(position, 1 << k), "position"))
        else:
            halvings = select(n > 0, const(_MOST_HALVINGS), const(0))
            reach = const(1 << (_MOST_HALVINGS - 1))
            position, _ = ctx.carry(0, halvings, (const(0), reach),
                                    lambda k, state: (halve(*state), scalar_op("shr", state[1], 1)))
        ctx.store(ctx.out(), place, position)


def _batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    if not flags[0] and len(operands[0].dims) == 1:
        return ctx.emit("searchsorted", list(operands), attrs)
    return ctx.emit("searchsorted", [batched(ctx, x, f, size) for x, f in zip(operands, flags, strict=True)], attrs)


register(OpDef(
    "searchsorted", _infer, _evaluate, Statements(_lower), no_tangent, Missing("integers carry no tangent"), _batch,
    attrs=("side",), dtypes=NUMBERS, numpy=(np.searchsorted,),
    samples=tuple(Sample(shapes, {"side": side}) for side in ("left", "right")
                  for shapes in (((5,), (4,)), ((1,), (2, 3)), ((8,), ()), ((0,), (3,)))),
    doc="Where each key belongs in a sorted line."))
