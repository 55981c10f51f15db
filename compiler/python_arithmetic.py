"""Python scalars among themselves: operators, comparisons and conversions, with Python's results and errors.

Kinds are unified first (bool to int, int to float, float to complex), then one `py_*` op computes; a result whose operands
are all known is known too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.graph import Value
from . import dispatch, integers, tracer
from .arrays import TracedArray, as_array, new_array, value_of
from .forms import Form
from .joins import JoinError, join_scalars
from .known import Known, known_result
from .scalars import TracedScalar, concrete, derivation, is_weak, known_of, to_kind
from .values import cast, cast_weak, check_dtype

_python: Any
_ORDER = ("bool", "int", "float", "complex")
_ARITHMETIC = {operator.add: "add", operator.sub: "subtract", operator.mul: "multiply", operator.truediv: "divide",
               operator.floordiv: "floor_divide", operator.mod: "remainder", operator.pow: "power",
               operator.lshift: "left_shift", operator.rshift: "right_shift"}
_COMPARISON = {operator.lt: "less", operator.le: "less_equal", operator.gt: "greater", operator.ge: "greater_equal",
               operator.eq: "equal", operator.ne: "not_equal"}
_LOGIC = {operator.and_: "bitwise_and", operator.or_: "bitwise_or", operator.xor: "bitwise_xor"}
_SYMBOLS = {operator.floordiv: "//", operator.mod: "%", operator.lshift: "<<", operator.rshift: ">>", operator.and_: "&",
            operator.or_: "|", operator.xor: "^", operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">="}


def kind_of(x: Any) -> str:
    """"bool", "int", "float" or "complex" of a Python scalar."""
    return x.kind or "" if isinstance(x, TracedScalar) else type(x).__name__


def wider(*kinds: str) -> str:
    return _ORDER[max(map(_ORDER.index, kinds))]


def _refuse_kinds(python: Callable, a: Any, b: Any) -> TypeError:
    if python in _COMPARISON:
        return TypeError(f"'{_SYMBOLS[python]}' not supported between instances of '{kind_of(a)}' and '{kind_of(b)}'")
    return TypeError(f"unsupported operand type(s) for {_SYMBOLS[python]}: '{kind_of(a)}' and '{kind_of(b)}'")


def _arithmetic(python: Callable, name: str) -> None:
    @dispatch.implements(("python", python))
    def apply(a: Any, b: Any) -> Any:
        kind = wider("int", kind_of(a), kind_of(b))
        if (kind == "complex" and python in (operator.floordiv, operator.mod)) or (
                kind != "int" and python in (operator.lshift, operator.rshift)):
            raise _refuse_kinds(python, a, b)
        if tracer.current().trying and known_of(a) is not None and known_of(b) is not None:
            # Its exception may be what the handler is there for.
            return python(concrete(a, "an operand inside try"), concrete(b, "an operand inside try"))
        known = known_result(python, (known_of(a), known_of(b)))
        if python is operator.pow and known is not None and type(known.value).__name__ != kind:
            # int ** -k is a float, and a negative float's root complex: decided by the values at hand.
            return concrete(TracedScalar(value_of(a), known), "a power whose kind depends on its exponent")
        values = [cast_weak(value_of(x), kind) for x in (a, b)]
        if kind == "int" and python is not operator.truediv:
            return _integer(python, name, [integers.form_of(_dim(x, v)) for x, v in zip((a, b), values)], values, known)
        return TracedScalar(tracer.emit(f"py_{name}", values), known)


def _dim(x: Any, value: Value) -> int | Value:
    return int(x) if isinstance(x, (bool, int)) else value


def _integer(python: Callable, name: str, forms: list[Form], values: list[Value], known: Known | None) -> Any:
    """The result of an operator on ints: a Python int where its form is constant, with what bounds it."""
    a, b = forms

    def make() -> Value:
        return tracer.emit(f"py_{name}", values)

    form: Form | None = None
    if python in (operator.add, operator.sub):
        form = a.plus(b, 1 if python is operator.add else -1)
    elif python is operator.mul and (not a.terms or not b.terms):
        form = b.scaled(a.constant) if not a.terms else a.scaled(b.constant)
    if form is not None:
        result = integers.value_of_form(form, make)
    else:
        result = integers.remember((name, a.key, b.key), make)
        low, high = _bounds(python, a, b)
        integers.set_bounds(result, low, high)
    if isinstance(result, int):
        return result
    if known is not None:
        integers.facts().known[result] = known
    return TracedScalar(result, known)


def _bounds(python: Callable, a: Form, b: Form) -> tuple[list[Form], list[Form]]:
    zero, one = Form((), 0), Form((), 1)
    if python is operator.floordiv and not b.terms and b.constant > 0 and integers.is_nonnegative(a):
        return [zero], [a]
    if python is operator.mod and integers.is_nonnegative(b.plus(one, -1)):
        return [zero], [b.plus(one, -1), *([a] if integers.is_nonnegative(a) else [])]
    if python is operator.mul and integers.is_nonnegative(a) and integers.is_nonnegative(b):
        return [zero], []
    if python is operator.rshift and integers.is_nonnegative(a):
        return [zero], [a]
    return [], []


def _comparison(python: Callable, name: str) -> None:
    @dispatch.implements(("python", python))
    def apply(a: Any, b: Any) -> Any:
        kinds = {"int" if kind_of(x) == "bool" else kind_of(x) for x in (a, b)}
        if kind_of(a) == kind_of(b) == "bool":
            kinds = {"bool"}
        if "complex" in kinds and python not in (operator.eq, operator.ne):
            raise _refuse_kinds(python, a, b)
        values = []
        for x in (a, b):
            own = "complex" if "complex" in kinds else "bool" if kinds == {"bool"} else wider("int", kind_of(x))
            values.append(cast_weak(value_of(x), own))
        return TracedScalar(tracer.emit(f"py_{name}", values), known_result(python, (known_of(a), known_of(b))))


def _logic(python: Callable, name: str) -> None:
    @dispatch.implements(("python", python))
    def apply(a: Any, b: Any) -> Any:
        kind = wider(kind_of(a), kind_of(b))
        if kind in ("float", "complex"):
            raise _refuse_kinds(python, a, b)
        values = [cast_weak(value_of(x), kind) for x in (a, b)]
        return TracedScalar(tracer.emit(f"py_{name}", values), known_result(python, (known_of(a), known_of(b))))


for _python, _name in _ARITHMETIC.items():
    _arithmetic(_python, _name)
for _python, _name in _COMPARISON.items():
    _comparison(_python, _name)
for _python, _name in _LOGIC.items():
    _logic(_python, _name)


def _unary(python: Callable, name: str) -> None:
    @dispatch.implements(("python", python))
    def apply(a: Any) -> Any:
        kind = wider("int", kind_of(a))
        if python is operator.invert and kind != "int":
            raise TypeError(f"bad operand type for unary ~: '{kind}'")
        value = cast_weak(value_of(a), kind)
        return TracedScalar(tracer.emit(f"py_{name}", [value]), known_result(python, (known_of(a),)))


_unary(operator.neg, "negative")
_unary(abs, "absolute")
_unary(operator.invert, "invert")


@dispatch.implements(("python", operator.pos))
def positive(a: Any) -> Any:
    return to_kind(a, wider("int", kind_of(a)))


@dispatch.implements(("python", operator.matmul))
def matmul(a: Any, b: Any) -> Any:
    raise TypeError(f"unsupported operand type(s) for @: '{kind_of(a)}' and '{kind_of(b)}'")


@dispatch.implements("select")
def select(condition: Any, x: Any, y: Any, better: Callable | None = None) -> Any:
    """x if the condition holds, else y: for scalars (of one kind, after joining), and where nothing is traced."""
    if not isinstance(condition, (TracedScalar, TracedArray)):
        return x if condition else y
    if isinstance(condition, TracedScalar) and derivation(condition) is not None:
        return x if condition else y
    test = cast(value_of(condition), np.dtype(bool))
    if is_weak(x) and is_weak(y) and kind_of(x) == kind_of(y):
        kind = kind_of(x)
        values = [cast_weak(value_of(v), kind) for v in (x, y)]
        if kind == "int" and better in (operator.gt, operator.lt):
            chosen = TracedScalar(tracer.emit("where", [test, *values]))
            ends = [integers.form_of(_dim(v, w)) for v, w in zip((x, y), values)]
            zero = [Form((), 0)] if all(map(integers.is_nonnegative, ends)) else []
            integers.set_bounds(chosen.value, *((zero + ends, []) if better is operator.gt else (zero, ends)))
            return chosen
    else:
        try:
            dtype = join_scalars(x, y).dtype
        except JoinError:
            return dispatch.FUNCTIONS["conditional"](condition, lambda: x, lambda: y)
        values = [value_of(v, dtype) for v in (x, y)]
    return TracedScalar(tracer.emit("where", [test, *values]))


@dispatch.implements(("python", round))
def rounded(x: Any, digits: Any) -> Any:
    """round(x) of a Python scalar, or of what NumPy rounds."""
    if is_weak(x):
        if digits is not None:
            return dispatch.call("round to digits", (x, digits), {})
        if kind_of(x) in ("int", "bool"):
            return positive(x)
        whole = tracer.emit("rint", [cast(value_of(x), np.dtype(float))])
        return to_whole(whole, known_result(round, (known_of(x),)))
    if digits is None and isinstance(x, TracedScalar) and x.value.dtype.kind == "f":
        return to_whole(tracer.emit("rint", [x.value]), None)
    return dispatch.call(np.round, (x, 0 if digits is None else digits), {})


def to_whole(value: Value, known: Known | None) -> TracedScalar:
    """A float without fraction as a Python int; OverflowError or ValueError as Python's."""
    return TracedScalar(tracer.emit("py_cast", [value], dtype="py.int"), known)


@dispatch.implements(("scalar type",))
def scalar_type(cls: type, x: Any = 0, *rest: Any) -> Any:
    """np.float64(x) and its like: a NumPy scalar, or an array for an array."""
    if not isinstance(x, (TracedArray, TracedScalar)) and not isinstance(x, (list, tuple)):
        return cls(x, *rest)
    dtype = check_dtype(np.dtype(cls))
    if isinstance(x, TracedScalar):
        if x.kind == "complex" and dtype.kind != "c":
            cls(0j)  # raises NumPy's TypeError
        return TracedScalar(cast(x.value, dtype), known_result(cls, (x.known,)))
    value = cast(as_array(x).view.read(), dtype)
    return TracedScalar(value) if not value.dims else new_array(value)
