"""Partial orders and orders by several keys: partition, argpartition, lexsort, sort_complex's sorting.

Where the places are known only when the program runs, a partition is delivered sorted: every order of the sides is allowed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import tracer
from ..arrays import TracedArray, any_traced, as_array, assign, known_constant, new_array, value_of
from ..dispatch import call, implements, implements_method
from ..scalars import TracedScalar, concrete
from ..values import surely_equal
from .axes import check_same_shape, one_axis
from .creation import like_order


def _places(a: TracedArray, kth: Any, axis: int) -> tuple[int, ...] | None:
    """The places, counted from the front; None if they or the extent are known only when the program runs."""
    if isinstance(kth, TracedArray) or (isinstance(kth, TracedScalar) and kth.known is None):
        return None
    places = np.asarray(concrete(kth, "kth"))
    if places.dtype.kind not in "iu":
        raise TypeError("Partition index must be integer")
    n = a.shape[axis]
    if not isinstance(n, int):
        return None
    for p in places.ravel():
        if n and not -n <= p < n:
            raise ValueError(f"kth(={p if p >= 0 else p + n}) out of bounds ({n})")
    return tuple(int(p) % n for p in places.ravel()) if n else ()


def _with_places_in_range(a: TracedArray, kth: Any, axis: int) -> TracedArray:
    """a; ValueError if the run finds a place that it does not have."""
    place = call(np.ravel, (as_array(kth),), {})
    if place.dtype.kind not in "iu":
        raise TypeError("Partition index must be integer")
    if isinstance(place.size, int) and not place.size:
        return a
    n = as_array(a.shape[axis])[()]
    place = place.astype(np.int64)
    place = call(np.where, (place < 0, place + n, place), {})
    bad = call(np.logical_and, (call(np.logical_or, (place < 0, place >= n), {}), n > 0), {})
    first = place[call(np.argmax, (bad,), {})]
    details = [value_of(x) for x in (~call(np.any, (bad,), {}), first, n)]
    return new_array(tracer.emit("check", [value_of(a), *details], exception="ValueError",
                                 message="kth(={0}) out of bounds ({1})"), like_order(a))


def _partial(name: str, sort: Any, a: TracedArray, kth: Any, axis: Any, kind: Any) -> TracedArray:
    if kind != "introselect":
        raise ValueError(f"sort kind must be 'introselect' (got '{kind}')")
    if axis is None:
        a, axis = call(np.ravel, (a,), {}), -1
    k = one_axis(axis, a.ndim)
    places = _places(a, kth, k)
    if places is None:
        a = _with_places_in_range(a, kth, k)
    if not places:
        return call(sort, (a, k), {})
    # NumPy partitions a copy that keeps the operand's memory order.
    return new_array(tracer.emit(name, [value_of(a)], axis=k, kth=places), like_order(a) if name == "partition" else None)


@implements(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> TracedArray:
    return _partial("partition", np.sort, as_array(a), kth, axis, kind)


@implements_method("partition")
def partition_method(a: TracedArray, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> None:
    assign(a, _partial("partition", np.sort, a, kth, axis, kind))


@implements(np.argpartition)
def argpartition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> TracedArray:
    return _partial("argpartition", np.argsort, as_array(a), kth, axis, kind)


implements_method("argpartition")(argpartition)


@implements(np.lexsort)
def lexsort(keys: Any, axis: Any = -1) -> TracedArray:
    """Sorting by the first key, then stably by the next, and so on: the last key counts most."""
    rows = [as_array(k) for k in keys]
    if not rows:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    for r in rows[1:]:
        check_same_shape(r, rows[0], ValueError("all keys need to be the same shape"))
    if rows[0].ndim == 0:
        return call(np.zeros, ((),), {"dtype": np.int64})
    k = one_axis(axis, rows[0].ndim)
    order = call(np.argsort, (rows[0], k), {"kind": "stable"})
    for r in rows[1:]:
        sorted_key = call(np.take_along_axis, (r, order, k), {})
        again = call(np.argsort, (sorted_key, k), {"kind": "stable"})
        order = call(np.take_along_axis, (order, again, k), {})
    return order


def known_mask(condition: Any) -> np.ndarray | None:
    """A condition whose values are known while tracing."""
    condition = known_constant(condition)
    return None if any_traced(condition) else np.asarray(condition)


@implements(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    x = as_array(a)
    if axis is None:
        x, axis = call(np.ravel, (x,), {}), 0
    k = one_axis(axis, x.ndim)
    mask = known_mask(condition)
    if mask is None:
        traced = as_array(condition)
        if traced.ndim != 1:
            raise ValueError("condition must be a 1-d array")
        if out is None and surely_equal(traced.view.dims[0], x.view.dims[k]):
            return x[(*(slice(None),) * k, traced.astype(bool))]
        return call(np.take, (x, call(np.flatnonzero, (traced,), {})), {"axis": k, "out": out})
    if mask.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return call(np.take, (x, np.flatnonzero(mask)), {"axis": k, "out": out})


@implements_method("compress")
def compress_method(a: TracedArray, condition: Any, axis: Any = None, out: Any = None) -> Any:
    return compress(condition, a, axis, out)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    mask = known_mask(condition)
    x = call(np.ravel, (as_array(arr),), {})
    if mask is not None:
        return call(np.take, (x, np.flatnonzero(mask)), {"axis": 0})
    traced = call(np.ravel, (as_array(condition),), {}).astype(bool)
    if not surely_equal(traced.view.dims[0], x.view.dims[0]):
        return call(np.take, (x, call(np.flatnonzero, (traced,), {})), {"axis": 0})
    return x[traced]
