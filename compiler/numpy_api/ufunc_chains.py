"""Which methods of ufuncs NumPy's own loops run: those that are one chain of evaluations, each waiting for the one before.

`chained` emits a call whose callee is the method as a loop (for derivatives and lanes) and whose attribute `chain` names the
op that computes the same (`ir/ops/ufunc_chains.py`).  Only where an evaluation is long does that pay: NumPy's loops run
scalar code of low latency there, while compiled formulas are made for vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...ir.graph import Block, Function, Value
from ...ir.ops.power import NEGATIVE_EXPONENT
from ...ir.ops.ufunc_chains import letter_of
from ...ir.walk import captured, clone_into
from .. import tracer
from ..arrays import value_of, wrap
from ..staging import inside

_EXTREMES = frozenset({np.maximum, np.minimum, np.fmax, np.fmin})
# One evaluation takes longer than the passage of its state through memory.
_LONG = frozenset({np.arctan2, np.power, np.float_power, np.fmod, np.remainder, np.floor_divide, np.divide, np.gcd, np.lcm,
                   np.heaviside, np.nextafter, np.hypot, np.logaddexp, np.logaddexp2})
_POWERS = frozenset({np.power, np.float_power})
_DIVISORS = frozenset({np.gcd, np.lcm})


def is_long(ufunc: np.ufunc, method: str, x: Value, axis: int) -> bool:
    """Should NumPy's loop run this method along this axis of x?  (SciPy's ufuncs have no such op.)"""
    if getattr(np, ufunc.__name__, None) is not ufunc:
        return False
    if not all(isinstance(d, int) and d > 0 for d in x.dims) or x.dtype.kind == "b" or letter_of(ufunc.__name__, x.dtype) is None:
        return False
    rows = axis != len(x.dims) - 1
    return _METHODS[method](ufunc, x.dtype, rows)


def _reduce(ufunc: np.ufunc, dtype: np.dtype, rows: bool) -> bool:
    if rows:  # they run in vectors where the formula does
        return ufunc in _DIVISORS or (ufunc in _POWERS and (dtype.kind == "c" or dtype == np.float32))
    return ufunc in _LONG or (ufunc in _EXTREMES and dtype.kind == "c")


def _accumulate(ufunc: np.ufunc, dtype: np.dtype, rows: bool) -> bool:
    if rows or ufunc in _LONG:
        return _reduce(ufunc, dtype, rows)
    if dtype.kind == "c":
        return ufunc is np.multiply or ufunc in _EXTREMES
    if dtype.itemsize == 1 or dtype == np.float16:
        return ufunc in _EXTREMES
    return ufunc in (np.fmax, np.fmin)


def _reduceat(ufunc: np.ufunc, dtype: np.dtype, rows: bool) -> bool:
    """Which elements are exponents, and must not be negative if whole, depends on the places."""
    if rows:
        return False
    return ufunc in _DIVISORS or (dtype.kind == "c" and (ufunc in _EXTREMES or ufunc in (np.add, np.divide, np.power)))


def _at(ufunc: np.ufunc, dtype: np.dtype, rows: bool) -> bool:
    return ufunc in _POWERS and (dtype.kind == "c" or (dtype.kind in "iu" and dtype.itemsize >= 4))


_METHODS = {"reduce": _reduce, "accumulate": _accumulate, "reduceat": _reduceat, "at": _at}


def chained(method: str, ufunc: np.ufunc, axis: int, operands: Sequence[Value], loop: Callable[[], Value]) -> Value:
    """What `loop` computes of `operands`, by NumPy's loop."""
    if not all(isinstance(d, int) for v in operands for d in v.dims):
        return loop()
    block = Block()
    with inside(block):
        block.yields = [loop()]
    given = [*operands, *(v for v in captured(block) if v not in operands)]
    body = Block()
    mapping: dict[Value, Value] = {v: body.add_arg(v.type) for v in given}
    body.yields = clone_into(body, block, mapping)
    return tracer.emit("call", given, callee=Function(f"{ufunc.__name__}_{method}", body),
                       chain=(f"ufunc_{method}", ufunc.__name__, axis, len(operands)))


def with_exponents(ufunc: np.ufunc, x: Value, axis: int, first: int) -> Value:
    """x, whose elements from number `first` on along the axis are exponents: if all are whole, none may be negative."""
    if ufunc is not np.power or x.dtype.kind != "i" or not isinstance(x.dims[axis], int) or x.dims[axis] == first:
        return x
    exponents = value_of(wrap(x)[(slice(None),) * axis + (slice(first, None),)])
    fine = tracer.emit("greater_equal", [exponents, tracer.builder().zeros(exponents.type)])
    fine = tracer.emit("reduce_and", [fine], axes=tuple(range(len(fine.dims))))
    return tracer.emit("check", [x, fine], exception="ValueError", message=NEGATIVE_EXPONENT)
