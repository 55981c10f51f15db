"""Evaluates scalar expressions on NumPy arrays: the part of the loop evaluator that computes.

Every variable stands for an array (or a NumPy scalar) of its scalar type and operations act elementwise, with the
meanings of `scalar.SCALAR_OPS`; so one call checks an expression on many values.  Start with `evaluate_expr`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .expr import Expr
from .scalar import NUMPY_DTYPE, SCALAR_OPS

Load = Callable[[Any, list[np.ndarray]], np.ndarray]


def evaluate_expr(e: Expr, variables: Mapping[str, np.ndarray], load: Load | None = None) -> np.ndarray:
    """The value of `e`. `load(buffer, index)` reads memory; without it `e` may not contain loads.

    >>> evaluate_expr(var("x", "f64") * 2.0, {"x": np.array([1.0, 2.0])})
    array([2., 4.])
    """
    memo: dict[int, np.ndarray] = {}
    pending = [e]
    with np.errstate(all="ignore"):
        while pending:
            x = pending[-1]
            waiting = [a for a in x.args if id(a) not in memo]
            if waiting:
                pending.extend(waiting)
                continue
            pending.pop()
            if id(x) not in memo:
                memo[id(x)] = _value(x, [memo[id(a)] for a in x.args], variables, load)
    return memo[id(e)]


def _value(e: Expr, args: list[np.ndarray], variables: Mapping[str, np.ndarray], load: Load | None) -> np.ndarray:
    dtype = NUMPY_DTYPE[e.dtype]
    if e.kind == "const":
        return np.asarray(e.payload, dtype)
    if e.kind == "var":
        return np.asarray(variables[e.payload])  # type: ignore[index]
    if e.kind == "table":
        return np.asarray(e.payload, dtype)[args[0]]
    if e.kind == "load":
        assert load is not None, f"no memory to read {e} from"
        return np.asarray(load(e.payload, args))
    row = SCALAR_OPS[e.payload]  # type: ignore[index]
    value = row.meaning(*args, e.dtype) if row.result == "attr" else row.meaning(*args)
    value = np.asarray(value)
    assert value.dtype == dtype, (e.payload, value.dtype, dtype)
    return value
