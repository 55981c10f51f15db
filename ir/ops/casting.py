"""Constants, conversions and selection: const, cast, where.

`cast` converts as C and NumPy do and never raises; conversions of Python scalars that may raise are `py_cast` in
`python_scalars.py`.  Types are named as they print: "f32", or "py.float" for a Python scalar.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..builder import Builder
from ..expr import Expr, bitcast, const, op
from ..expr import cast as cast_expr
from ..graph import Value
from ..opdef import Complex, Linear, Missing, OpDef, Pointwise, Sample, Scalar, register
from ..scalar import FLOATS, INTEGERS, scalar_type
from ..types import DTYPES, WEAK_PYTHON, ArrayType, Type, WeakType, is_differentiable, same_dims
from .families import SHAPES, elementwise, lanes, transpose_from, zero_tangent
from .pointwise import choose, truth


def name_of(type: Type) -> str:
    """How `cast` names the dtype of `type`."""
    return str(type) if isinstance(type, WeakType) else str(ArrayType(type.dtype))  # type: ignore[union-attr]


def cast_type(name: str, dims: tuple) -> Type:
    """The type that `cast` to `name` gives to an operand with these extents."""
    if name.startswith("py."):
        if dims:
            raise TypeError("only a single element converts to a Python scalar")
        return WeakType(name[3:])
    return ArrayType(DTYPES[name], dims)


def as_value(xp: Any, x: Any, type: Type) -> Any:
    """`x` in the form evaluators keep it: a Python scalar for a weak type, else an array."""
    if isinstance(type, WeakType):
        return WEAK_PYTHON[type.kind](x)
    return xp.asarray(x, dtype=type.dtype)  # type: ignore[union-attr]


def convert(x: Scalar, dtype: np.dtype) -> Scalar:
    """A scalar converted to `dtype`: complex to real drops the imaginary part, anything to bool is its truth."""
    if dtype.kind == "c":
        part = scalar_type(dtype)
        re, im = x if isinstance(x, Complex) else (x, const(0, part))
        return Complex(convert_real(re, part), convert_real(im, part))
    if dtype == np.dtype(bool):
        return truth(x)
    return convert_real(x.re if isinstance(x, Complex) else x, scalar_type(dtype))


def convert_real(x: Expr, to: str) -> Expr:
    """One real scalar to another type but bool.

    Float to a narrow integer goes through the width that the machine converts to, and to f16 always from f32, so that
    those are all the conversions a target needs.
    """
    if x.dtype in FLOATS and to in INTEGERS:
        if x.dtype == "f16":
            x = cast_expr(x, "f32")
        if to in ("i8", "i16", "u8", "u16"):
            x = cast_expr(x, "i32")
        elif to == "u32":
            x = cast_expr(x, "i64")
    elif to == "f16" and x.dtype == "f64":
        x = _to_odd_f32(x)
    elif to == "f16" or (x.dtype == "f16" and to == "f64"):
        x = cast_expr(x, "f32")
    return cast_expr(x, to)


def _to_odd_f32(x: Expr) -> Expr:
    """f64 to f32, rounding an inexact value to the neighbour with an odd last bit: rounding that again to f16 gives what
    rounding once would."""
    near = cast_expr(x, "f32")
    away = op("abs", cast_expr(near, "f64")) > op("abs", x)
    inexact = cast_expr(near, "f64").differs(x) & x.equals(x)
    return bitcast((bitcast(near, "i32") - cast_expr(away, "i32")) | cast_expr(inexact, "i32"), "f32")


# const -----------------------------------------------------------------------------------------------------------------

def _constant_scalar(value: Any, type: Type) -> Scalar:
    if type.dtype.kind == "c":  # type: ignore[union-attr]
        part = scalar_type(type.dtype)  # type: ignore[union-attr]
        return Complex(const(complex(value).real, part), const(complex(value).imag, part))
    return const(value, scalar_type(type.dtype))  # type: ignore[union-attr]


def _batch_const(ctx: Builder, operands: list[Value], batched: list[bool], size: Any, attrs: dict) -> list:
    return [lanes(ctx, ctx.emit("const", [], attrs)[0], size)]


register(OpDef(
    "const", infer=lambda operands, attrs: [attrs["type"]],
    evaluate=lambda xp, operands, attrs, types: [as_value(xp, attrs["value"], attrs["type"])],
    lower=Pointwise(_constant_scalar), jvp=zero_tangent, transpose=Missing("no operands"), batch=_batch_const,
    attrs=("value", "type"), dtypes=tuple(DTYPES), doc="A constant of rank 0: attrs value (a Python scalar) and type.",
    samples=(Sample((), {"value": 3, "type": ArrayType(np.dtype("f4"))}),
             Sample((), {"value": 1 - 2j, "type": ArrayType(np.dtype("c16"))}),
             Sample((), {"value": True, "type": WeakType("bool")}))))


# cast ------------------------------------------------------------------------------------------------------------------

def _infer_cast(operands: list[Value], attrs: dict) -> list[Type]:
    (x,) = operands
    to = cast_type(attrs["dtype"], x.dims)
    if isinstance(to, WeakType) and not _never_raises(x.dtype, to.kind):
        raise TypeError(f"{x.type} to {to} may raise: it is a py_cast")
    return [to]


def _never_raises(dtype: np.dtype, kind: str) -> bool:
    """Does Python's bool, int, float or complex take every value of this dtype to a value that fits?"""
    order = ("bool", "int", "float", "complex")
    own = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}[dtype.kind]
    return kind == "bool" or (order.index(own) <= order.index(kind) and not (kind == "int" and dtype == np.dtype("u8")))


def _evaluate_cast(xp: Any, operands: list, attrs: dict, types: list[Type]) -> list:
    (x,), (to,) = operands, types
    with np.errstate(all="ignore"):
        x = xp.asarray(x)
        if x.dtype.kind == "c" and to.dtype.kind not in "cb":  # type: ignore[union-attr]
            x = x.real
        x = x.astype(to.dtype)  # type: ignore[union-attr]
    return [as_value(xp, x, to) if isinstance(to, WeakType) else x]


def _cast_jvp(ctx: Builder, primals: list[Value], tangents: list, results: list[Value], attrs: dict) -> list:
    (t,), (y,) = tangents, results
    return [None if t is None or not is_differentiable(y.type) else ctx.cast(t, dtype=attrs["dtype"])]


def _cast_transpose(ctx: Builder, cotangents: list, operands: list, attrs: dict) -> list:
    (ct,), (x,) = cotangents, operands
    return [None if ct is None or not isinstance(x, Linear) else ctx.cast(ct, dtype=name_of(x.type))]


def _batch_cast(ctx: Builder, operands: list[Value], batched: list[bool], size: Any, attrs: dict) -> list:
    name = attrs["dtype"]
    if name.startswith("py."):
        name = name_of(ArrayType(WeakType(name[3:]).dtype))
    return ctx.emit("cast", operands, {"dtype": name})


elementwise(
    "cast", 1, infer=_infer_cast, evaluate=_evaluate_cast,
    lower=Pointwise(lambda x, dtype: convert(x, cast_type(dtype, ()).dtype)),  # type: ignore[union-attr]
    jvp=_cast_jvp, transpose=_cast_transpose, batch=_batch_cast, attrs=("dtype",), dtypes=tuple(DTYPES), traits=["linear"],
    samples=tuple(Sample((s,), {"dtype": d}) for d in ("f32", "f64", "c64", "c128", "i32", "u8", "bool", "f16")
                  for s in SHAPES[:2 if d == "f64" else 1]),
    doc="Conversion to attr dtype, as NumPy's astype. Linear between floats and complex numbers.")


# where -----------------------------------------------------------------------------------------------------------------

def _infer_where(operands: list[Value], attrs: dict) -> list[Type]:
    condition, x, y = operands
    if condition.dtype != np.dtype(bool):
        raise TypeError(f"where takes a bool condition, not {condition.type}")
    if type(x.type) is not type(y.type) or x.dtype != y.dtype:
        raise TypeError(f"where: the choices differ in type: {x.type}, {y.type}")
    if not (same_dims(condition.dims, x.dims) and same_dims(x.dims, y.dims)):
        raise ValueError(f"where: different shapes: {condition.type}, {x.type}, {y.type}")
    return [x.type]


def _where_jvp(ctx: Builder, primals: list[Value], tangents: list, results: list[Value], attrs: dict) -> list:
    tx, ty = tangents[1:]
    if tx is None and ty is None:
        return [None]
    zero = ctx.zeros((tx if tx is not None else ty).type)
    return [ctx.where(primals[0], zero if tx is None else tx, zero if ty is None else ty)]


elementwise(
    "where", 3, infer=_infer_where,
    evaluate=lambda xp, operands, attrs, types: [as_value(xp, xp.where(*operands), types[0])],
    lower=Pointwise(choose), jvp=_where_jvp,
    transpose=transpose_from(
        None, lambda ctx, ct, c, x, y: ctx.where(c, ct, ctx.zeros(ct.type)),
        lambda ctx, ct, c, x, y: ctx.where(c, ctx.zeros(ct.type), ct)),
    numpy=(np.where,), dtypes=tuple(DTYPES),
    samples=tuple(Sample((s, s, s), dtypes=("bool", None, None)) for s in SHAPES),
    doc="x where the condition holds, else y; for arrays of one dtype, or Python scalars of one kind.")
