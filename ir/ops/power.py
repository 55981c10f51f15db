"""Powers and roots beyond the square: power, check_exponent, cbrt, hypot.

`power` of integers takes exponents >= 0; where they are not known to be, `check_exponent` goes before it and raises
NumPy's ValueError.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..builder import Builder
from ..expr import Expr, const, op, select
from ..graph import Op, Value
from ..opdef import Checked, LowerContext, OpDef, Sample, Scalar, register
from ..scalar import BITS
from ..types import Type
from . import complex_formulas
from .families import NO_TANGENT, SHAPES, check_elementwise, ufunc_op, zero_tangent
from .pointwise import by_kind, scalar

NEGATIVE_EXPONENT = "Integers to negative integer powers are not allowed."


def integer_power(x: Expr, y: Expr) -> Expr:
    """x**y, wrapping; by fewer operations where one of both is a constant."""
    if y.is_const:
        return _constant_power(x, y.payload)  # type: ignore[arg-type]
    base = x.payload if x.is_const else 0
    if base == 1:
        return x
    if base == -1:
        return 1 - (y & 1) * 2
    if base > 1 and base & (base - 1) == 0:  # type: ignore[operator]
        return _power_of_two(base.bit_length() - 1, y)  # type: ignore[union-attr]
    return op("ipow", x, y)


def _power_of_two(twos: int, y: Expr) -> Expr:
    """2**(twos y)"""
    last = (BITS[y.dtype] - 1) // twos
    return select(y <= last, op("shl", const(1, y.dtype), op("min", y, const(last, y.dtype)) * twos), const(0, y.dtype))


def _constant_power(x: Expr, exponent: int) -> Expr:
    result, base = const(1, x.dtype), x
    while exponent > 0:
        if exponent & 1:
            result = base if result.is_const else result * base
        exponent >>= 1
        base = base * base
    return result


def _float_power(x: Expr, y: Expr) -> Expr:
    """The common exponents as the products and roots that they are to the last bit."""
    if y.is_const and y.payload in (1.0, 2.0):
        return x if y.payload == 1.0 else x * x
    return op("pow", x, y)


def _by_base(ctx: Builder, t: Value, x: Value, y: Value, r: Value) -> Value:
    """t y x**(y - 1); zero for y = 0 whatever x is."""
    none = ctx.equal(y, 0)
    one = ctx.full(1, y.type)
    slope = ctx.multiply(y, ctx.power(x, ctx.subtract(ctx.where(none, one, y), one)))
    return ctx.multiply(t, ctx.where(none, ctx.zeros(slope.type), slope))


def _by_exponent(ctx: Builder, t: Value, x: Value, y: Value, r: Value) -> Value:
    """t x**y log x; for x = 0 zero, the limit for exponents above 0."""
    none = ctx.equal(x, 0)
    slope = ctx.multiply(r, ctx.log(ctx.where(none, ctx.full(1, x.type), x)))
    return ctx.multiply(t, ctx.where(none, ctx.zeros(slope.type), slope))


ufunc_op(np.power, by_kind(_float_power, integer=integer_power, complex=complex_formulas.power),
         [_by_base, _by_exponent], identity=1, domain=(0.5, 3.0),
         samples=(*[Sample((s, s), domain=(0.5, 3.0)) for s in SHAPES],
                  Sample(((3,), (3,)), dtypes=("i32", "i32"), domain=(0, 9))))

# Infinite at 0, as the derivative is.
ufunc_op(np.cbrt, by_kind(scalar("cbrt")),
         [lambda ctx, t, x, y: ctx.divide(t, ctx.multiply(ctx.multiply(y, y), 3))], domain=(0.1, 3.0))


def _along(ctx: Builder, t: Value, x: Value, r: Value) -> Value:
    """t x / r, zero where r is."""
    return ctx.divide(ctx.multiply(t, x), ctx.where(ctx.equal(r, 0), ctx.full(1, r.type), r))


ufunc_op(np.hypot, by_kind(scalar("hypot")),
         [lambda ctx, t, x, y, r: _along(ctx, t, x, r), lambda ctx, t, x, y, r: _along(ctx, t, y, r)],
         traits=["commutative"])


# The check of integer exponents ----------------------------------------------------------------------------------------

def _infer_check(operands: list[Value], attrs: dict) -> list[Type]:
    check_elementwise("check_exponent", operands)
    (y,) = operands
    if y.dtype.kind != "i":
        raise TypeError(f"check_exponent takes a signed integer array, not {y.type}")
    return [y.type]


def _evaluate_check(xp: Any, operands: list, attrs: dict, types: list[Type]) -> list:
    (y,) = operands
    if (xp.asarray(y) < 0).any():
        raise ValueError(NEGATIVE_EXPONENT)
    return [y]


def _lower_check(ctx: LowerContext, op_: Op) -> None:
    dims = ctx.dims(op_.operands[0])

    def nest(index: tuple[Expr, ...]) -> None:
        if len(index) < len(dims):
            with ctx.loop(0, dims[len(index)]) as i:
                nest((*index, i))
            return
        with ctx.branch(ctx.read(0, index) < 0):  # type: ignore[operator]
            ctx.raise_error("ValueError", NEGATIVE_EXPONENT)

    nest(())


def _element(ctx: LowerContext, op_: Op, index: tuple[Expr, ...]) -> Scalar:
    return ctx.read(0, index)


def _batch_check(ctx: Builder, operands: list[Value], batched: list[bool], size: Any, attrs: dict) -> list:
    return ctx.emit("check_exponent", operands)


register(OpDef(
    "check_exponent", infer=_infer_check, evaluate=_evaluate_check, lower=Checked(_lower_check, _element),
    jvp=zero_tangent, transpose=NO_TANGENT, batch=_batch_check, effect="check", dtypes=("i8", "i16", "i32", "i64"),
    samples=tuple(Sample((s,), domain=(0, 9)) for s in SHAPES),
    doc="The operand, an integer exponent, if no element is negative; else ValueError."))
