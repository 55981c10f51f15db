"""Python's built-in functions on traced values: the table `BUILTINS`, read by the call hook."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import dispatch
from .arrays import TracedArray, any_traced, is_traced, truth_operand
from .choice import spread
from .operators import Operators
from .scalars import to_kind

BUILTINS = dispatch.BUILTINS


def builtin(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter what stands for these built-in functions."""

    def enter(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for f in functions:
            BUILTINS[f] = implementation
        return implementation

    return enter


@builtin(isinstance)
def is_instance(x: Any, classes: Any) -> bool:
    if not is_traced(x):
        return isinstance(x, classes)
    found = class_of(x)
    return issubclass(found, classes)


@builtin(type)
def type_of(x: Any, *rest: Any) -> Any:
    return type(x, *rest) if rest or not is_traced(x) else class_of(x)


def class_of(x: Operators) -> type:
    """The class of what a traced object stands for."""
    return np.ndarray if isinstance(x, TracedArray) else x.python_type  # type: ignore[attr-defined]


def _conversion(python: type) -> None:
    @builtin(python)
    def convert(*args: Any, **kwargs: Any) -> Any:
        if python is complex and any_traced([*args, *kwargs.values()]) and len(args) + len(kwargs) == 2:
            return dispatch.call("complex of parts", args, kwargs)
        if len(args) != 1 or kwargs or not is_traced(args[0]):
            return python(*args, **kwargs)
        x = args[0]
        if isinstance(x, TracedArray):
            if x.ndim and python is not bool:
                python(np.zeros(x.shape))  # raises what NumPy raises, unless there is one element
            x = truth_operand(x) if python is bool else dispatch.METHODS["item"](x)
        return to_kind(x, python.__name__)


for _python in (bool, int, float, complex):
    _conversion(_python)


@builtin(abs)
def absolute(x: Any) -> Any:
    return abs(x)


@builtin(pow)
def power(base: Any, exponent: Any, modulus: Any = None) -> Any:
    return base ** exponent if modulus is None else pow(base, exponent, modulus)


def _extreme(python: Callable[..., Any], better: Callable[[Any, Any], Any]) -> None:
    @builtin(python)
    def choose(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], Iterator):
            args = (list(args[0]),)
        if kwargs.get("key") is not None or not any_traced(list(args)):
            return python(*args, **kwargs)
        items = list(args[0]) if len(args) == 1 else list(args)
        if not items:
            return python(items, **kwargs)
        best = items[0]
        for x in items[1:]:
            # The first of equals stays, and so does the first beside a NaN.
            best = spread(_better_of, better, x, best)
        return best


def _better_of(better: Callable[[Any, Any], Any], x: Any, best: Any) -> Any:
    return dispatch.call("select", (better(x, best), x, best, better), {})


_extreme(max, operator.gt)
_extreme(min, operator.lt)


def _fold(python: Callable[..., bool], end: bool) -> None:
    @builtin(python)
    def fold(items: Any) -> Any:
        found: Any = not end
        for x in items:
            truth = dispatch.FUNCTIONS["truth"](x)
            if truth is end:
                return end
            if is_traced(truth):
                found = truth if not is_traced(found) else (found | truth if end else found & truth)
        return found


_fold(any, True)
_fold(all, False)


@builtin(sum)
def total(items: Any, start: Any = 0) -> Any:
    for x in items:
        start = start + x
    return start


@builtin(round)
def rounded(x: Any, digits: Any = None) -> Any:
    if not is_traced(x):
        return round(x, digits)
    return dispatch.call(("python", round), (x, digits), {})
