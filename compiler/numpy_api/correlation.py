"""Direct correlation of sequences: what np.convolve and np.correlate call."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import tracer
from ..arrays import TracedArray, as_array, new_array, value_of
from ..dispatch import call, implements
from ..extents import shape_dims
from ..regions import check
from ..scalars import TracedScalar, concrete, to_kind
from ..values import check_dtype
from .creation import iota

_umath = np._core._multiarray_umath  # type: ignore[attr-defined]
_MODES = {"valid": 0, "same": 1, "full": 2}
# Kernels up to this length are written out, term by term.
_SHORT = 16


def _mode(mode: Any) -> int:
    mode = concrete(mode, "the mode of a correlation")
    found = _MODES.get(mode) if isinstance(mode, str) else operator.index(mode)
    if found not in (0, 1, 2):
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got '{mode}')")
    return found


@implements(_umath.correlate)
def correlate(a: Any, v: Any, mode: Any = 0) -> TracedArray:
    """sum over j of a[k + j] * v[j], the shorter sequence taken as v."""
    x, y = as_array(a), as_array(v)
    return _correlated(x, y, mode)[0]


@implements(_umath.correlate2)
def correlate_conjugate(a: Any, v: Any, mode: Any = 0) -> TracedArray:
    x, y = as_array(a), as_array(v)
    result, exchanged = _correlated(x, call(np.conjugate, (y,), {}) if y.dtype.kind == "c" else y, mode)
    return result[::-1].copy() if exchanged else result


def _correlated(a: TracedArray, v: TracedArray, mode: Any) -> tuple[TracedArray, bool]:
    kind = check_dtype(np.result_type(a.dtype, v.dtype))
    for x in (a, v):
        if x.ndim != 1:
            raise ValueError("object of too small depth for desired array" if x.ndim == 0 else
                             "object too deep for desired array")
    if not all(isinstance(x.view.dims[0], int) for x in (a, v)):
        return _correlated_at_run_time(a, v, kind, _mode(mode)), False
    lengths: list[int] = [x.shape[0] for x in (a, v)]
    for n, name in zip(lengths, ("first", "second"), strict=True):
        if n == 0:
            raise ValueError(f"{name} array argument cannot be empty")
    exchanged = lengths[0] < lengths[1]
    if exchanged:
        a, v, lengths = v, a, lengths[::-1]
    work = {"b": np.dtype(np.uint8)}.get(kind.kind, np.dtype(np.float32) if kind == np.float16 else kind)
    result = _summed(a.astype(work), v.astype(work), lengths[0], lengths[1], _mode(mode))
    if kind.kind == "b":
        return call(np.not_equal, (result, 0), {}), exchanged
    return result.astype(kind), exchanged


def _correlated_at_run_time(a: TracedArray, v: TracedArray, kind: np.dtype, mode: int) -> TracedArray:
    """Of as many elements as only the run knows: a part of all sums."""
    n, m = a.shape[0], v.shape[0]
    for count, name in ((n, "first"), (m, "second")):
        check(value_of(count > 0, np.dtype(bool)), ValueError(f"{name} array argument cannot be empty"))
    work = {"b": np.dtype(np.uint8)}.get(kind.kind, np.dtype(np.float32) if kind == np.float16 else kind)
    every = _end(a.astype(work), v.astype(work), 1 - m, n + m - 1, n, m)
    if mode != _MODES["full"]:
        short, long = call(min, (n, m), {}), call(max, (n, m), {})
        # Where the second is the longer one, NumPy exchanges both and turns the result round.
        middle = call(np.where, (call(np.less, (n, m), {}), short // 2, (short - 1) // 2), {})
        first = short - 1 if mode == _MODES["valid"] else to_kind(TracedScalar(value_of(middle)), "int")
        every = every[first:first + (long - short + 1 if mode == _MODES["valid"] else long)].copy()
    return call(np.not_equal, (every, 0), {}) if kind.kind == "b" else every.astype(kind)


def _summed(a: TracedArray, v: TracedArray, n: int, m: int, mode: int) -> TracedArray:
    """The sums where the sequences overlap in full, and, but for mode 0, those at both ends that do so in part."""
    middle = _overlaps(a, v, n - m + 1, m)
    left = {0: 0, 1: m >> 1, 2: m - 1}[mode]
    right = {0: 0, 1: m - left - 1, 2: m - 1}[mode]
    pieces = [_end(a, v, first, count, n, m) for first, count in ((-left, left), (n - m + 1, right)) if count]
    if not pieces:
        return middle
    return call(np.concatenate, ([*pieces[:left > 0], middle, *pieces[left > 0:]],), {})


def _overlaps(a: TracedArray, v: TracedArray, count: int, m: int) -> TracedArray:
    if m <= _SHORT:
        total: Any = None
        for j in range(m):
            term = call(np.multiply, (a[j:j + count], v[j]), {})
            total = term if total is None else call(np.add, (total, term), {})
        return total
    windows = call(np.lib.stride_tricks.sliding_window_view, (a, m), {})
    return _sum(call(np.multiply, (windows.T, v[:, None]), {}))


def _sum(terms: TracedArray) -> TracedArray:
    """The sum along the first axis, in the terms' own dtype."""
    return new_array(tracer.emit("reduce_sum", [value_of(terms)], axes=(0,)))


def _end(a: TracedArray, v: TracedArray, first: int, count: int, n: int, m: int) -> TracedArray:
    """The sums that start at a[first], ...: only the terms within `a` count."""
    offset, start = (new_array(iota(shape_dims((m, count)), k, np.dtype(np.int64))) for k in (0, 1))
    places: Any = call(np.add, (call(np.add, (offset, start), {}), first), {})
    inside = call(np.logical_and, (places >= 0, places < n), {})
    picked = new_array(tracer.emit("gather", [a.view.read(), value_of(call(np.clip, (places, 0, n - 1), {}))], axes=(0,),
                                   position=0))
    terms = call(np.multiply, (picked, v[:, None]), {})
    return _sum(call(np.where, (inside, terms, call(np.zeros, ((),), {"dtype": a.dtype})), {}))
