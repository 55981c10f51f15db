"""Arithmetic of Python scalars, as Python has it: py_add, py_subtract, py_multiply, py_divide, py_floor_divide,
py_remainder, py_power, py_negative, py_absolute, py_left_shift, py_right_shift, and py_cast.

Operands are of one weak kind (the front end casts bool to int, int to float); results too.  An int that leaves 64 bits
raises OverflowError, division by zero raises as Python does, and so on: these ops are checks.  Those that cannot raise
(comparisons, bits) are in `python_logic.py`.  A formula returns its value and the `Refusal`s under which there is none;
their texts are asked of the running Python.  Derivatives and lanes are those of the NumPy op of the same name, in arrays
of rank 0.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..builder import Builder
from ..expr import Expr, cast, const, op, select
from ..graph import Op, Value
from ..opdef import OPS, Checked, Complex, Linear, LowerContext, Missing, OpDef, Sample, Scalar, register
from ..types import DTYPE_NAMES, DTYPES, ArrayType, Type, WeakType, is_differentiable
from . import complex_formulas
from .casting import as_value, cast_type, convert, name_of
from .division import float_divmod, floor_quotient, floor_remainder
from .families import NOT_LINEAR
from .pointwise import is_finite, is_inf, is_nan, number

INT_OVERFLOW = "the int needs more than 64 bits"
FLOAT_OF_INTS = "a negative exponent makes int ** int a float: write float(base) ** exponent"
COMPLEX_OF_FLOATS = "a fractional power of a negative float is complex: write complex(base) ** exponent"

# The operations that are linear in an operand.
_LINEAR = ("add", "subtract", "multiply", "divide", "negative")
LANE_MAY_RAISE = Missing("each lane has an error of its own")


class Refusal(NamedTuple):
    """Where `condition` holds there is no value, but this exception."""

    condition: Expr
    exception: str
    message: str
    details: tuple[Expr, ...] = ()


Checks = list[Refusal]
Formula = Callable[..., tuple[Scalar, Checks]]


def _python_error(call: Callable[[], object]) -> tuple[str, str]:
    """The exception that Python raises there: type and text."""
    try:
        call()
    except ArithmeticError as e:
        return type(e).__name__, str(e)
    except ValueError as e:
        return "ValueError", str(e)
    raise AssertionError("Python raised nothing")


def refuse(condition: Expr, call: Callable[[], object]) -> Refusal:
    """Where `condition` holds, what Python raises from `call`."""
    return Refusal(condition, *_python_error(call))


def overflow(condition: Expr) -> Refusal:
    return Refusal(condition, "OverflowError", INT_OVERFLOW)


# Integers --------------------------------------------------------------------------------------------------------------

LEAST = -(1 << 63)


def _add_int(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    s = x + y
    return s, [overflow(((x ^ s) & (y ^ s)) < 0)]


def _subtract_int(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    d = x - y
    return d, [overflow(((x ^ y) & (x ^ d)) < 0)]


def _product_overflows(x: Expr, y: Expr) -> Expr:
    return op("mulhi", x, y).differs((x * y) >> 63)


def _multiply_int(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    return x * y, [overflow(_product_overflows(x, y))]


def _divide_int(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    """The float nearest to the exact quotient, to 2**-60 of a step: one correction by the parts that f64 cannot hold."""
    x_high, y_high = cast(x, "f64"), cast(y, "f64")
    x_low, y_low = cast(_rest(x, x_high), "f64"), cast(_rest(y, y_high), "f64")
    q = x_high / y_high
    error = op("fma", -q, y_high, x_high) + (x_low - q * y_low)
    exact = x_low.equals(0.0) & y_low.equals(0.0)
    return select(exact, q, q + error / y_high), [refuse(y.equals(0), lambda: 1 / 0)]


def _rest(x: Expr, rounded: Expr) -> Expr:
    """x minus its rounding to f64; 2**63 wraps to the least integer, and the difference wraps back."""
    top = rounded.equals(2.0**63)
    return x - select(top, number(LEAST, x), cast(select(top, number(0.0, rounded), rounded), "i64"))


def _floor_divide_int(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    return floor_quotient(x, y), [refuse(y.equals(0), lambda: 1 // 0), overflow(x.equals(LEAST) & y.equals(-1))]


def _remainder_int(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    return floor_remainder(x, y), [refuse(y.equals(0), lambda: 1 % 0)]


def _power_int(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    """By squaring: six steps do, as beyond 63 only powers of -1, 0 and 1 fit."""
    one = const(1, "i64")
    small = (x >= -1) & (x <= 1)
    odd = (y & 1).differs(0)
    of_small = select(y.equals(0), one, select((x < 0) & ~odd, one, x))
    result, base = one, x
    lost, base_lost = y > 63, const(False, "i1")
    for k in range(6):
        used = ((y >> k) & 1).differs(0)
        lost = lost | (used & (base_lost | _product_overflows(result, base)))
        result = select(used, result * base, result)
        if k < 5:
            base_lost = base_lost | _product_overflows(base, base)
            base = base * base
    refusals = [refuse(x.equals(0) & (y < 0), lambda: 0 ** int("-1")), Refusal(y < 0, "ValueError", FLOAT_OF_INTS),
                overflow(~small & lost)]
    return select(small, of_small, result), refusals


def _negative_int(x: Expr) -> tuple[Expr, Checks]:
    return -x, [overflow(x.equals(LEAST))]


def _absolute_int(x: Expr) -> tuple[Expr, Checks]:
    return op("abs", x), [overflow(x.equals(LEAST))]


def _left_shift_int(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    count = op("min", op("max", y, 0), 63)
    shifted = op("shl", x, count)
    lost = op("shr", shifted, count).differs(x) | ((y > 63) & x.differs(0))
    return shifted, [refuse(y < 0, lambda: 1 << int("-1")), overflow(lost)]


def _right_shift_int(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    return op("shr", x, op("min", op("max", y, 0), 63)), [refuse(y < 0, lambda: 1 >> int("-1"))]


# Floats ----------------------------------------------------------------------------------------------------------------

def _divide_float(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    return x / y, [refuse(y.equals(0.0), lambda: 1.0 / 0.0)]


def _floor_divide_float(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    return float_divmod(x, y)[0], [refuse(y.equals(0.0), lambda: 1.0 // 0.0)]


def _remainder_float(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    return float_divmod(x, y)[1], [refuse(y.equals(0.0), lambda: 1.0 % 0.0)]


def _power_float(x: Expr, y: Expr) -> tuple[Expr, Checks]:
    result = op("pow", x, y)
    both = is_finite(x) & is_finite(y)
    return result, [
        refuse(x.equals(0.0) & (y < 0.0) & is_finite(y), lambda: 0.0 ** float("-1")),
        Refusal(both & (x < 0.0) & op("floor", y).differs(y), "ValueError", COMPLEX_OF_FLOATS),
        refuse(both & is_inf(result), lambda: 1e300 ** float("2"))]


# Complex numbers -------------------------------------------------------------------------------------------------------

def _divide_complex(x: Complex, y: Complex) -> tuple[Complex, Checks]:
    """Smith's method, dividing by the common denominator as Python does."""
    wide = op("abs", y.re) >= op("abs", y.im)
    big, small = select(wide, y.re, y.im), select(wide, y.im, y.re)
    ratio = small / big
    total = select(wide, big + small * ratio, small * ratio + big)
    re = select(wide, x.re + x.im * ratio, x.re * ratio + x.im) / total
    im = select(wide, x.im - x.re * ratio, x.im * ratio - x.re) / total
    nan = number(float("nan"), re)
    lost = is_nan(y.re) | is_nan(y.im)
    zero = y.re.equals(0.0) & y.im.equals(0.0)
    return Complex(select(lost, nan, re), select(lost, nan, im)), [refuse(zero, lambda: 1j / 0j)]


def _power_complex(x: Complex, y: Complex) -> tuple[Complex, Checks]:
    zero = x.re.equals(0.0) & x.im.equals(0.0) & ((y.re < 0.0) | y.im.differs(0.0))
    result = complex_formulas.power(x, y)
    finite = is_finite(x.re) & is_finite(x.im) & is_finite(y.re) & is_finite(y.im)
    large = finite & ~(is_finite(result.re) & is_finite(result.im))
    return result, [refuse(zero, lambda: 0j ** complex("-1")), refuse(large, lambda: 1e200j ** complex("2"))]


def _absolute_complex(x: Complex) -> tuple[Expr, Checks]:
    modulus = complex_formulas.absolute(x)
    large = is_inf(modulus) & is_finite(x.re) & is_finite(x.im)
    return modulus, [refuse(large, lambda: abs(complex(1.7e308, 1.7e308)))]


# Registration ----------------------------------------------------------------------------------------------------------

def plain(formula: Callable[..., Scalar]) -> Formula:
    """A formula that never refuses."""
    return lambda *scalars: (formula(*scalars), [])


def infer_kinds(name: str, results: dict[tuple[str, ...], str]) -> Callable[[list[Value], dict], list[Type]]:
    """The result kind by the operands' kinds."""

    def infer(operands: list[Value], attrs: dict) -> list[Type]:
        kinds = tuple(x.type.kind if isinstance(x.type, WeakType) else str(x.type) for x in operands)
        if kinds not in results:
            raise TypeError(f"{name} is not defined on {', '.join(kinds)}")
        return [WeakType(results[kinds])]

    return infer


def evaluate_python(function: Callable[..., Any]) -> Callable[..., list]:
    def evaluate(xp: Any, operands: list, attrs: dict, types: list[Type]) -> list:
        result, (type_,) = function(*operands), types
        if type_ == WeakType("int") and not LEAST <= result < -LEAST:
            raise OverflowError(INT_OVERFLOW)
        return [as_value(xp, result, type_)]

    return evaluate


def _python_power(x: Any, y: Any) -> Any:
    """x ** y where it stays in its kind."""
    if isinstance(x, int) and x and y < 0:
        raise ValueError(FLOAT_OF_INTS)
    if isinstance(x, float) and np.isfinite(x) and np.isfinite(y) and x < 0 and not y.is_integer():
        raise ValueError(COMPLEX_OF_FLOATS)
    return x**y


def jvp_by_arrays(counterpart: str) -> Callable[..., list]:
    """The derivative of the NumPy op, in arrays of rank 0: it does not raise where the value did not."""

    def jvp(ctx: Builder, primals: list[Value], tangents: list, results: list[Value], attrs: dict) -> list:
        if not is_differentiable(results[0].type) or all(t is None for t in tangents):
            return [None]
        (y,) = as_arrays(ctx, results)
        lifted = [None if t is None else as_arrays(ctx, [t])[0] for t in tangents]
        (t,) = OPS[counterpart].jvp(ctx, as_arrays(ctx, primals), lifted, [y], {})  # type: ignore[operator]
        return [None if t is None else ctx.cast(t, dtype=name_of(results[0].type))]

    return jvp


def transpose_by_arrays(counterpart: str) -> Callable[..., list]:
    """The transpose of the NumPy op, in arrays of rank 0: tangents in a user's own rule are Python numbers too."""

    def transpose(ctx: Builder, cotangents: list, operands: list, attrs: dict) -> list:
        lifted = [Linear(ArrayType(x.type.dtype)) if isinstance(x, Linear) else as_arrays(ctx, [x])[0] for x in operands]
        cts = as_arrays(ctx, cotangents)
        out = OPS[counterpart].transpose(ctx, cts, lifted, {})  # type: ignore[operator]
        return [None if c is None else ctx.cast(c, dtype=name_of(x.type)) for c, x in zip(out, operands, strict=True)]

    return transpose


def as_arrays(ctx: Builder, values: Sequence[Value]) -> list[Value]:
    return [ctx.cast(v, dtype=DTYPE_NAMES[v.dtype]) if isinstance(v.type, WeakType) else v for v in values]


def emit_checks(ctx: LowerContext, checks: Checks) -> None:
    for refusal in checks:
        with ctx.branch(refusal.condition):
            ctx.raise_error(refusal.exception, refusal.message, refusal.details)


def _lower(formula: Callable[..., tuple[Scalar, Checks]]) -> Checked:
    """formula(op, *scalars); the checks stand at the op, the value is computed where it is read."""

    def scalars(ctx: LowerContext, op_: Op) -> list[Scalar]:
        return [ctx.read(k, ()) for k in range(len(op_.operands))]

    return Checked(lambda ctx, op_: emit_checks(ctx, formula(op_, *scalars(ctx, op_))[1]),
                   lambda ctx, op_, index: formula(op_, *scalars(ctx, op_))[0])


def _register(name: str, python: Callable[..., Any], arity: int, formulas: dict[str, Formula],
              result: dict[str, str] | None = None) -> None:
    """The op py_<name>, with a formula per kind of operand; `result`: the kinds whose result is of another kind."""
    kinds = {(k,) * arity: (result or {}).get(k, k) for k in formulas}
    register(OpDef(
        f"py_{name}", infer_kinds(f"py_{name}", kinds), evaluate_python(python),
        _lower(lambda op_, *scalars: formulas[op_.operands[0].type.kind](*scalars)),
        jvp=jvp_by_arrays(name), transpose=transpose_by_arrays(name) if name in _LINEAR else NOT_LINEAR,
        batch=LANE_MAY_RAISE, effect="check",
        samples=tuple(Sample(((),) * arity, dtypes=(f"py.{k}",) * arity, domain=(0.5, 3.0)) for k in formulas),
        doc=f"Python's {name.replace('_', ' ')} of scalars of one kind."))


_register("add", operator.add, 2, {
    "int": _add_int, "float": plain(operator.add), "complex": plain(complex_formulas.add)})
_register("subtract", operator.sub, 2, {
    "int": _subtract_int, "float": plain(operator.sub), "complex": plain(complex_formulas.subtract)})
_register("multiply", operator.mul, 2, {
    "int": _multiply_int, "float": plain(operator.mul), "complex": plain(complex_formulas.multiply)})
_register("divide", operator.truediv, 2, {
    "int": _divide_int, "float": _divide_float, "complex": _divide_complex}, {"int": "float"})
_register("floor_divide", operator.floordiv, 2, {"int": _floor_divide_int, "float": _floor_divide_float})
_register("remainder", operator.mod, 2, {"int": _remainder_int, "float": _remainder_float})
_register("power", _python_power, 2, {"int": _power_int, "float": _power_float, "complex": _power_complex})
_register("negative", operator.neg, 1, {
    "int": _negative_int, "float": plain(operator.neg), "complex": plain(complex_formulas.negative)})
_register("absolute", abs, 1, {
    "int": _absolute_int, "float": plain(lambda x: op("abs", x)), "complex": _absolute_complex}, {"complex": "float"})
_register("left_shift", operator.lshift, 2, {"int": _left_shift_int})
_register("right_shift", operator.rshift, 2, {"int": _right_shift_int})


# Conversions that may raise --------------------------------------------------------------------------------------------

def _infer_cast(operands: list[Value], attrs: dict) -> list[Type]:
    (x,) = operands
    to = cast_type(attrs["dtype"], x.dims)
    if to.dtype.kind not in "iu" or x.dtype.kind not in "iuf" or x.dims:  # type: ignore[union-attr]
        raise TypeError(f"py_cast takes a real scalar to an integer type, not {x.type} to {to}")
    return [to]


def _bounds(name: str) -> tuple[int, int]:
    info = np.iinfo(cast_type(name, ()).dtype)  # type: ignore[union-attr]
    return int(info.min), int(info.max)


def _bounds_message(name: str) -> str:
    return INT_OVERFLOW if name == "py.int" else f"Python integer {{0}} out of bounds for {DTYPES[name].name}"


def _beyond_long(name: str) -> str:
    """The message for what has more bits than NumPy can show."""
    return INT_OVERFLOW if name == "py.int" else "Python int too large to convert to C long"


def _evaluate_cast(xp: Any, operands: list, attrs: dict, types: list[Type]) -> list:
    value = int(operands[0])
    least, greatest = _bounds(attrs["dtype"])
    if not least <= value <= greatest:
        text = _bounds_message if -(1 << 63) <= value < 1 << 63 else _beyond_long
        raise OverflowError(text(attrs["dtype"]).format(value))
    return [as_value(xp, value, types[0])]


def _cast_formula(op_: Op, x: Expr) -> tuple[Scalar, Checks]:
    name = op_.attrs["dtype"]
    least, greatest = _bounds(name)
    value = convert(x, cast_type(name, ()).dtype)  # type: ignore[union-attr]
    if x.dtype in ("f16", "f32", "f64"):
        wide = cast(x, "f64")
        # What is after the point is dropped first; doubles have none next to the least int of 64 bits.
        below = wide < float(least) if least == LEAST else wide <= float(least - 1)
        outside = below | (wide >= float(greatest + 1))
        long = (wide < float(LEAST)) | (wide >= -float(LEAST))
        return value, [refuse(is_nan(wide), lambda: int(float("nan"))), refuse(is_inf(wide), lambda: int(float("inf"))),
                       Refusal(outside & long, "OverflowError", _beyond_long(name)),
                       Refusal(outside, "OverflowError", _bounds_message(name), (cast(wide, "i64"),))]
    if x.dtype == "u64":
        outside = x > min(greatest, (1 << 64) - 1)
        return value, [Refusal(outside & (x > -LEAST - 1), "OverflowError", _beyond_long(name)),
                       Refusal(outside, "OverflowError", _bounds_message(name), (cast(x, "i64"),))]
    wide = cast(x, "i64")
    outside = (wide < least) | (wide > min(greatest, -LEAST - 1))
    return value, [Refusal(outside, "OverflowError", _bounds_message(name), (wide,))]


def _no_tangent(ctx: Builder, primals: list[Value], tangents: list, results: list[Value], attrs: dict) -> list:
    return [None]


register(OpDef(
    "py_cast", _infer_cast, _evaluate_cast, _lower(_cast_formula), jvp=_no_tangent,
    transpose=Missing("no operand or result carries a tangent"), batch=LANE_MAY_RAISE, attrs=("dtype",), effect="check",
    samples=tuple(Sample(((),), {"dtype": d}, (k,), (0.5, 100.0)) for k, d in (
        ("py.int", "i8"), ("py.int", "u64"), ("py.float", "py.int"), ("f32", "py.int"), ("u64", "py.int"))),
    doc="int(x), and a Python int as a NumPy integer: OverflowError where it does not fit."))

