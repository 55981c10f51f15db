"""np.arange: evenly spaced numbers, as many as lie between two that may be known only at run time."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ...ir.graph import Value
from .. import tracer
from ..arrays import TracedArray, constant_array, new_array, value_of
from ..dispatch import call, implements
from ..extents import shape_dims
from ..python_arithmetic import to_whole
from ..scalars import TracedScalar, concrete, is_weak, to_kind
from ..values import broadcast, cast, check_dtype
from .creation import iota

_INT64, _FLOAT64 = np.dtype(np.int64), np.dtype(np.float64)
_OF_KIND = {bool: np.dtype(bool), int: _INT64, float: _FLOAT64, complex: np.dtype(complex)}


@implements(np.arange)
def arange(start: Any = None, stop: Any = None, step: Any = None, dtype: Any = None, *, device: Any = None, like: Any = None,
           ) -> TracedArray:
    given = [x[()] if isinstance(x, TracedArray) else x for x in (start, stop, step)]
    if any(isinstance(x, TracedScalar) and x.known is None for x in given):
        first, last, step = given
        if last is None:
            first, last = 0, first
        return _counted(0 if first is None else first, last, 1 if step is None else step, dtype)
    plain = [concrete(x, "a bound of arange") for x in given]
    example = np.arange(*([plain[0]] if plain[1] is None and plain[2] is None else
                          [plain[0] if plain[0] is not None else 0, plain[1], 1 if plain[2] is None else plain[2]]), dtype=dtype)
    if len(example) < 2 or example.dtype.kind == "b":
        return constant_array(example)
    return _spaced(value_of(example[0]), value_of(example[1] - example[0]), len(example), check_dtype(example.dtype))


def _spaced(first: Value, delta: Value, n: Any, kind: np.dtype) -> TracedArray:
    """NumPy computes first + i * delta in the result's dtype, delta being the difference of its first two elements."""
    dims = shape_dims(n)
    index = iota(dims, 0, kind if kind.kind in "iu" or kind.itemsize > 2 else np.dtype(np.float32))
    return new_array(tracer.emit("add", [broadcast(first, dims), tracer.emit("multiply", [
        cast(index, kind), broadcast(delta, dims)])]))


def _counted(start: Any, stop: Any, step: Any, dtype: Any) -> TracedArray:
    """As many elements as the run finds."""
    kind = check_dtype(np.result_type(_INT64, *map(_dtype_of, (start, stop, step))) if dtype is None else np.dtype(dtype))
    if kind.kind not in "iuf":
        raise tracer.unsupported(f"arange of {kind} whose bounds are known only at run time", "it counts real numbers",
                                 "convert the result of an arange of integers or floats")
    whole = [_as_int(x) for x in (start, stop, step)]
    if not is_weak(step) and whole[2] is not None:
        nonzero = cast(value_of(whole[2] != 0), np.dtype(bool))
        whole[2] = TracedScalar(tracer.emit("check", [value_of(whole[2]), nonzero], exception="ValueError",
                                            message="Maximum allowed size exceeded"))
    n = call(max, (_whole_steps(*whole) if None not in whole else _steps(start, stop, step), 0), {})
    first, second = (cast(value_of(x), kind) for x in (start, start + step))
    delta = tracer.emit("subtract", [second, first])
    if kind.kind == "f":  # an infinite step is not taken
        delta = value_of(call(np.where, (call(np.isfinite, (TracedScalar(delta),), {}), TracedScalar(delta), kind.type(0)), {})[()])
    return _spaced(first, delta, n, kind)


def _dtype_of(x: Any) -> np.dtype:
    if isinstance(x, TracedScalar):
        return x.value.dtype
    return _OF_KIND.get(type(x)) or np.asarray(x).dtype


def _as_int(x: Any) -> Any:
    """An integer of any kind, or a known float without fraction, as a Python integer; None for other numbers."""
    if isinstance(x, TracedScalar):
        return to_kind(x, "int") if x.value.dtype.kind in "iub" else None
    if isinstance(x, float) and math.isfinite(x) and x == int(x):
        return int(x)
    return operator.index(x) if hasattr(x, "__index__") else None


def _whole_steps(start: Any, stop: Any, step: Any) -> Any:
    distance = stop if isinstance(start, int) and start == 0 else stop - start
    if not isinstance(step, int) or step == 0:
        return -(-distance // step)
    return distance if step == 1 else (distance + step - 1) // step if step > 0 else (-distance - step - 1) // -step


def _steps(start: Any, stop: Any, step: Any) -> Any:
    """The distance in steps, rounded up; where it is too small to tell from zero, one step."""
    distance = stop - start
    ratio = distance / step
    if not is_weak(ratio):
        ratio = to_kind(ratio, "float")
    sized = (ratio == ratio, "arange: cannot compute length"), (abs(ratio) < 2.0 ** 63, "Maximum allowed size exceeded")
    for good, message in sized:
        ratio = TracedScalar(tracer.emit("check", [ratio.value, cast(value_of(good), np.dtype(bool))], exception="ValueError",
                                         message=message))
    ratio = TracedScalar(cast(ratio.value, _FLOAT64))
    positive = call(np.logical_not, (call(np.signbit, (ratio,), {}),), {})
    lost = call(np.logical_and, (call(np.logical_and, (ratio == 0, distance != 0), {}), positive), {})
    count = call(np.where, (lost, 1.0, call(np.ceil, (call(np.maximum, (ratio, 0.0), {}),), {})), {})
    return to_whole(value_of(count[()]), None)
