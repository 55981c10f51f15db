"""Comparisons and bits of Python scalars, which never raise: py_less, py_less_equal, py_greater, py_greater_equal, py_equal,
py_not_equal, py_logical_not, py_bitwise_and, py_bitwise_or, py_bitwise_xor, py_invert.

An int and a float are compared exactly, as Python does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..builder import Builder
from ..expr import Expr, cast, op, select
from ..graph import Value
from ..opdef import Complex, OpDef, Pointwise, Sample, Scalar, register
from .families import NO_TANGENT, lanes, zero_tangent
from .python_scalars import as_arrays, evaluate_python, infer_kinds

KINDS = ("bool", "int", "float")


def _int_with_float(name: str, x: Expr, y: Expr) -> Expr:
    """x (int) against y (float): by the rounded x unless that equals y; then y is whole and the ints decide."""
    rounded = cast(x, "f64")
    top = y.equals(2.0**63)
    whole = rounded.equals(y) & ~top
    as_int = cast(select(whole, y, 0.0), "i64")
    # 2**63 itself is above every int.
    return select(whole, op(name, x, as_int), select(top, op(name, x - x, (x - x) + 1), op(name, rounded, y)))


_SWAPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


def _compare(name: str) -> Callable[[Scalar, Scalar], Expr]:
    def formula(x: Scalar, y: Scalar) -> Expr:
        if isinstance(x, Complex):
            assert isinstance(y, Complex) and name in ("eq", "ne")
            re, im = op(name, x.re, y.re), op(name, x.im, y.im)
            return re & im if name == "eq" else re | im
        assert isinstance(y, Expr)
        if x.dtype == y.dtype:
            return op(name, x, y)
        if x.dtype == "i64":
            return _int_with_float(name, x, y)
        return _int_with_float(_SWAPPED[name], y, x)

    return formula


def _batch(name: str) -> Callable[..., list]:
    """The NumPy op of the same name over the lanes; ints with floats as floats."""

    def batch(ctx: Builder, operands: list[Value], batched: list[bool], size: Any, attrs: dict) -> list:
        values = as_arrays(ctx, operands)
        if len({v.dtype for v in values}) > 1:
            values = [ctx.cast(v, dtype="f64") for v in values]
        values = [v if b else lanes(ctx, v, size) for v, b in zip(values, batched, strict=True)]
        return ctx.emit(name, values)

    return batch


def _register(name: str, python: Callable[..., Any], lower: Callable[..., Scalar],
              kinds: dict[tuple[str, ...], str]) -> None:
    register(OpDef(
        f"py_{name}", infer_kinds(f"py_{name}", kinds), evaluate_python(python), Pointwise(lower),
        jvp=zero_tangent, transpose=NO_TANGENT, batch=_batch(name),
        samples=tuple(Sample(((),) * len(k), dtypes=tuple(f"py.{d}" for d in k)) for k in kinds),
        doc=f"Python's {name.replace('_', ' ')}."))


_Kinds = dict[tuple[str, ...], str]
_ORDERED: _Kinds = {**{(k, k): "bool" for k in KINDS}, ("int", "float"): "bool", ("float", "int"): "bool"}
_EQUALITY: _Kinds = {**_ORDERED, ("complex", "complex"): "bool"}
_BITS: _Kinds = {(k, k): k for k in ("bool", "int")}

_register("less", operator.lt, _compare("lt"), _ORDERED)
_register("less_equal", operator.le, _compare("le"), _ORDERED)
_register("greater", operator.gt, _compare("gt"), _ORDERED)
_register("greater_equal", operator.ge, _compare("ge"), _ORDERED)
_register("equal", operator.eq, _compare("eq"), _EQUALITY)
_register("not_equal", operator.ne, _compare("ne"), _EQUALITY)
_register("logical_not", operator.not_, lambda x: ~x, {("bool",): "bool"})
_register("bitwise_and", operator.and_, operator.and_, _BITS)
_register("bitwise_or", operator.or_, operator.or_, _BITS)
_register("bitwise_xor", operator.xor, operator.xor, _BITS)
_register("invert", operator.invert, operator.invert, {("int",): "int"})

