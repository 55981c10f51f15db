"""What Python's modules `math` and `cmath` share: Python's numbers as NumPy scalars and back, and Python's errors as checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import dispatch, tracer
from .arrays import TracedArray, any_traced, value_of
from .builtin_functions import builtin
from .known import known_result
from .python_arithmetic import positive
from .scalars import TracedScalar, known_of, to_kind
from .values import cast, cast_weak

FLOAT, COMPLEX, INT = np.dtype(float), np.dtype(complex), np.dtype(np.int64)


def as_scalar(x: Any) -> Any:
    return dispatch.METHODS["item"](x) if isinstance(x, TracedArray) else x


def as_float(x: Any) -> TracedScalar:
    x = as_scalar(x)
    return to_kind(x, "float") if isinstance(x, TracedScalar) else TracedScalar(tracer.constant(float(x)))


def as_complex(x: Any) -> TracedScalar:
    x = as_scalar(x)
    return to_kind(x, "complex") if isinstance(x, TracedScalar) else TracedScalar(tracer.constant(complex(x)))


def as_int(x: Any) -> Any:
    """A Python int; TypeError as Python's for a float."""
    x = as_scalar(x)
    if not isinstance(x, TracedScalar):
        return x.__index__()
    if x.kind in ("float", "complex") or (x.kind is None and x.value.dtype.kind not in "iu"):
        name = x.kind or f"numpy.{x.value.dtype}"
        raise TypeError(f"'{name}' object cannot be interpreted as an integer")
    return positive(x) if x.kind == "bool" else to_kind(x, "int")


def numpy_scalar(x: TracedScalar, dtype: np.dtype = FLOAT) -> TracedScalar:
    """A Python number as a NumPy scalar, which nothing is known of."""
    return TracedScalar(cast(value_of(x), dtype))


def call(ufunc: Any, *args: Any) -> Any:
    return dispatch.call(ufunc, args, {})


def python_scalar(x: Any, kind: str = "float") -> TracedScalar:
    return TracedScalar(cast_weak(value_of(x), kind))


def raise_unless(result: TracedScalar, good: Any, error: Exception) -> TracedScalar:
    """`result`, or the error."""
    truth = cast(value_of(good), np.dtype(bool))
    return TracedScalar(tracer.emit("check", [result.value, truth], exception=type(error).__name__, message=str(error)))


def error_of(python: Callable, *outside: Any) -> Exception:
    """What Python raises for these arguments."""
    try:
        python(*outside)
    except (ValueError, OverflowError, ZeroDivisionError) as e:
        return e
    raise AssertionError(f"{python} accepts {outside}")


def enter(python: Callable, implementation: Callable[..., Any], arity: int | None = None) -> None:
    """`implementation` for traced arguments; what follows from known ones is known."""

    @builtin(python)
    def apply(*args: Any, **kwargs: Any) -> Any:
        if not any_traced(list(args)) and not any_traced(kwargs):
            return python(*args, **kwargs)
        if arity is not None and (len(args) != arity or kwargs):
            python(*[0.5] * len(args), **kwargs)  # raises Python's TypeError
        result = implementation(*args, **kwargs)
        if isinstance(result, TracedScalar) and not kwargs and all(not isinstance(a, (list, tuple, TracedArray)) for a in args):
            result.known = known_result(python, tuple(known_of(a) for a in args))
        return result
