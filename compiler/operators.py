"""The operators of traced arrays and scalars: Python's special methods, with reflected forms, as ufunc calls.

Each goes through the table (`dispatch`); the rules for Python scalars among themselves are entered there under the
functions of module `operator`, those for arrays and NumPy scalars under the ufuncs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dispatch, tracer

BINARY: dict[str, tuple[Callable, np.ufunc]] = {
    "add": (operator.add, np.add), "sub": (operator.sub, np.subtract), "mul": (operator.mul, np.multiply),
    "truediv": (operator.truediv, np.divide), "floordiv": (operator.floordiv, np.floor_divide),
    "mod": (operator.mod, np.remainder), "pow": (operator.pow, np.power), "and": (operator.and_, np.bitwise_and),
    "or": (operator.or_, np.bitwise_or), "xor": (operator.xor, np.bitwise_xor),
    "lshift": (operator.lshift, np.left_shift), "rshift": (operator.rshift, np.right_shift),
    "matmul": (operator.matmul, np.matmul),
}
COMPARISONS: dict[str, tuple[Callable, np.ufunc]] = {
    "lt": (operator.lt, np.less), "le": (operator.le, np.less_equal), "gt": (operator.gt, np.greater),
    "ge": (operator.ge, np.greater_equal), "eq": (operator.eq, np.equal), "ne": (operator.ne, np.not_equal),
}
UNARY: dict[str, tuple[Callable, np.ufunc]] = {
    "neg": (operator.neg, np.negative), "pos": (operator.pos, np.positive), "abs": (abs, np.absolute),
    "invert": (operator.invert, np.invert),
}
# Of what is neither number nor array: what compares by itself, so that nothing of the caller's decides the result.
PLAIN_OBJECTS = (type(None), dict, set, frozenset)
UFUNC_OF = {python: ufunc for table in (BINARY, COMPARISONS, UNARY) for python, ufunc in table.values()}


class Operators:
    """Special methods shared by traced arrays and scalars."""

    __slots__ = ()
    __array_priority__ = 1000
    # Do operators with it go to its own methods, whatever stands on the left?
    spreads = False

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise tracer.unsupported(
            "a value of the program where NumPy makes an array of it", "the function that calls NumPy here is not part of the "
            "program, or its source is in no file", "define it in a file")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return dispatch.call(ufunc if method == "__call__" else (ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        return dispatch.call(function, args, kwargs)

    def __divmod__(self, other: Any) -> Any:
        return dispatch.call(divmod, (self, other), {})

    def __rdivmod__(self, other: Any) -> Any:
        return dispatch.call(divmod, (other, self), {})


def is_operand(x: Any) -> bool:
    """May this stand in an arithmetic expression with an array?"""
    if isinstance(x, Operators):
        return not x.spreads
    return isinstance(x, (bool, int, float, complex, np.generic, np.ndarray, list, tuple))


def define_operators(kind: type, apply: Callable) -> None:
    """Give a class Python's operators, each of which is `apply(operator, *operands)`, `NotImplemented` included."""
    for name, (python, _) in {**BINARY, **COMPARISONS}.items():
        setattr(kind, f"__{name}__", lambda self, other, python=python: apply(python, self, other))
    for name, (python, _) in BINARY.items():
        setattr(kind, f"__r{name}__", lambda self, other, python=python: apply(python, other, self))
    for name, (python, _) in UNARY.items():
        setattr(kind, f"__{name}__", lambda self, python=python: apply(python, self))


def _apply(python: Callable, *operands: Any) -> Any:
    if all(map(is_operand, operands)):
        return dispatch.call(python, operands, {})
    if any(type(x) in PLAIN_OBJECTS for x in operands):
        return dispatch.FUNCTIONS["with an object"](python, *operands)
    return NotImplemented


define_operators(Operators, _apply)
