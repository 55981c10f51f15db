"""Loops that call the user's function on element after element, or row after row: what np.vectorize and its like do.

Plain Python over the user's function, traced like the user's own code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def over_elements(function: Callable, outs: Sequence[Any], inputs: Sequence[Any], count: int) -> None:
    """outs[...][i] = function(*inputs[...][i]); the elements are passed as Python numbers."""
    for i in range(count):
        results = function(*[x[i].item() for x in inputs])
        if len(outs) == 1:
            outs[0][i] = results
        else:
            for k in range(len(outs)):
                outs[k][i] = results[k]


def over_rows(function: Callable, outs: Sequence[Any], inputs: Sequence[Any], count: int, others: tuple, named: dict) -> None:
    """outs[...][i] = function(*inputs[...][i], *others, **named) for rows i."""
    for i in range(count):
        results = function(*[x[i] for x in inputs], *others, **named)
        if len(outs) == 1:
            outs[0][i] = results
        else:
            for k in range(len(outs)):
                outs[k][i] = results[k]
