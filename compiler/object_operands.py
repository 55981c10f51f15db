"""Arrays beside None, dicts and sets: NumPy takes these for arrays of rank 0 that hold an object.

Nothing in a numeric array equals one, so `==` and `!=` are known; an order exists only where there are no elements to compare.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..ir.types import element_count
from . import dispatch, tracer
from .arrays import TracedArray
from .operators import COMPARISONS

_EQUALITY = {operator.eq: np.zeros_like, operator.ne: np.ones_like}
_ORDERS = {python for python, _ in COMPARISONS.values()} - set(_EQUALITY)


@dispatch.implements("with an object")
def with_an_object(python: Any, *operands: Any) -> Any:
    """python(*operands), of which one is an array and one an object; NotImplemented where Python has the answer."""
    array = next((x for x in operands if isinstance(x, TracedArray)), None)
    if array is None:
        return NotImplemented
    if python in _EQUALITY:
        result = dispatch.call(_EQUALITY[python], (array,), {"dtype": bool})
        return result if array.ndim else result[()]
    if element_count(array.view.dims) in (0, None):
        kind = next(type(x).__name__ for x in operands if x is not array)
        if python in _ORDERS and element_count(array.view.dims) == 0:
            return dispatch.call(np.zeros_like, (array,), {"dtype": bool})
        raise tracer.unsupported(f"an operand of type {kind}", "it is neither an array nor a number")
    return NotImplemented
