"""Loops and branches as functions: `fori_loop`, `while_loop`, `scan`, `cond`.

They are for code that comes from JAX, or that wants the loop's state spelt out; plain `for`, `while` and `if` compile to the
same.  Called outside compiled code they simply run.  The file is plain Python over the caller's functions, and is traced
like the caller's own code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import pytree


def fori_loop(lower: int, upper: int, body: Callable[[int, Any], Any], init: Any) -> Any:
    """body(i, state) for i in range(lower, upper); the last state.

    >>> fori_loop(0, 4, lambda i, s: s + i, 0)
    6
    """
    state = init
    for i in range(lower, upper):
        state = body(i, state)
    return state


def while_loop(test: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Any:
    """body(state) as long as test(state) holds; the last state.

    >>> while_loop(lambda s: s < 100, lambda s: s * 2, 3)
    192
    """
    state = init
    while test(state):
        state = body(state)
    return state


def cond(predicate: Any, then: Callable, otherwise: Callable, *operands: Any) -> Any:
    """then(*operands) if the predicate holds, else otherwise(*operands); only the one taken runs.

    >>> cond(True, lambda x: x + 1, lambda x: x - 1, 5)
    6
    """
    if predicate:
        result = then(*operands)
    else:
        result = otherwise(*operands)
    return result


def scan(step: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any = None, length: int | None = None) -> tuple[Any, Any]:
    """carry, y = step(carry, x) for each x along the first axis of the arrays in the tree `xs`.

    Returns the last carry, and the ys stacked along a new first axis, leaf by leaf.  Without `xs`, `length` trips are made
    with x = None.  With no trips at all the shapes of the ys cannot be known: ValueError.

    >>> scan(lambda c, x: (c + x, c * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))
    """
    leaves, tree = pytree.flatten(xs)
    arrays = [x for x in leaves if x is not None]
    count = length if length is not None else len(arrays[0])
    for x in arrays:
        if len(x) != count:
            raise ValueError(f"scan got arrays of different lengths: {len(x)} and {count}")
    if count == 0:
        raise ValueError("scan over no elements: the shapes of its results cannot be known")
    carry, first = step(init, pytree.unflatten(tree, [None if x is None else x[0] for x in leaves]))
    parts, result_tree = pytree.flatten(first)
    stacked = []
    for part in parts:
        value = np.asarray(part)
        row = np.empty((count, *value.shape), value.dtype)
        row[0] = value
        stacked.append(row)
    for i in range(1, count):
        carry, y = step(carry, pytree.unflatten(tree, [None if x is None else x[i] for x in leaves]))
        rows, _ = pytree.flatten(y)
        for row, value in zip(stacked, rows):
            row[i] = value
    return carry, pytree.unflatten(result_tree, stacked)
