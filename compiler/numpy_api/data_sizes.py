"""Functions whose result is as large as the data say: nonzero, argwhere, unique, set operations.

Each lays what it finds at the front of memory as large as its operand (`compaction.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ir.graph import Value
from ...ir.types import ArrayType
from .. import integers, tracer
from ..arrays import TracedArray, as_array, dims_of, new_array, operand, value_of
from ..compaction import compacted, count_of, first_elements, places_of, positions_of, size_of
from ..dispatch import alias_method, call, implements
from ..values import cast
from ..views import reshape_value
from .axes import one_axis

_I64 = np.dtype(np.int64)
_BOOL = np.dtype(bool)


def _truth(a: Any) -> Value:
    """Which elements count as true."""
    value = value_of(operand(a))
    if value.dtype == _BOOL:
        return value
    return tracer.emit("not_equal", [value, tracer.builder().zeros(value.type)])


@implements(np.nonzero)
def nonzero(a: Any) -> tuple:
    if not dims_of(operand(a)):
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).nonzero() instead. If the context "
                         "of this error is of the form `arr[nonzero(cond)]`, just use `arr[cond]`.")
    mask = _truth(a)
    places = places_of(mask)
    if len(places) < 2:
        return tuple(places)
    # As NumPy has it: columns of one matrix.
    table = call(np.stack, (places,), {"axis": 1})
    return tuple(table[:, k] for k in range(len(places)))


alias_method("nonzero", np.nonzero)


@implements(np.flatnonzero)
def flatnonzero(a: Any) -> TracedArray:
    return places_of(_truth(call(np.ravel, (a,), {})))[0]


@implements(np.argwhere)
def argwhere(a: Any) -> TracedArray:
    mask = _truth(a)
    if not mask.dims:
        mask = reshape_value(mask, (1,))
        return _no_columns(mask)
    return call(np.transpose, (call(np.stack, (places_of(mask),), {}),), {})


def _no_columns(mask: Value) -> TracedArray:
    """An array of 0 or 1 rows without columns."""
    return first_elements(tracer.builder().zeros(ArrayType(_I64, (1, 0))), count_of(mask))


# --- unique ------------------------------------------------------------------------------------------------------------


def _first_of_each(ordered: Value, equal_nan: bool) -> Value:
    """Where a sorted vector has an element other than the one before."""
    x = new_array(ordered)
    differs = call(np.not_equal, (x[1:], x[:-1]), {})
    if equal_nan and ordered.dtype.kind in "fc":
        differs = differs & ~(call(np.isnan, (x[1:],), {}) & call(np.isnan, (x[:-1],), {}))
    return _with_edge(ordered, slice(1, None), differs)


def _with_edge(ordered: Value, place: slice, inner: Any) -> Value:
    """A mask over `ordered` that holds `inner` at `place` and True elsewhere; `ordered` may turn out to be empty."""
    mask = new_array(tracer.builder().full(True, ArrayType(_BOOL, ordered.dims)))
    mask[place] = inner
    return value_of(mask)


@implements(np.unique)
def unique(ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: Any = None,
           *, equal_nan: bool = True, sorted: bool = True) -> Any:
    a = operand(ar)
    a = a if isinstance(a, TracedArray) else as_array(a)
    if axis is not None:
        axis = one_axis(axis, a.ndim)
    if axis is not None and a.ndim != 1:
        return _unique_slices(a, axis, return_index, return_inverse, return_counts)
    flat = call(np.ravel, (a,), {})
    if not (return_index or return_inverse or return_counts):
        ordered = value_of(call(np.sort, (flat,), {}))
        return compacted(ordered, _first_of_each(ordered, equal_nan))
    kind = "stable" if return_index else None
    order = call(np.argsort, (flat,), {"kind": kind})
    ordered = value_of(flat[order])
    mask = _first_of_each(ordered, equal_nan)
    found: list[Any] = [compacted(ordered, mask)]
    if return_index:
        found.append(compacted(value_of(order), mask))
    if return_inverse:
        inverse = _numbers(order, mask)
        found.append(call(np.reshape, (inverse, a.shape), {}) if axis is None else inverse)
    if return_counts:
        found.append(_run_lengths(mask))
    return tuple(found)


def _numbers(order: Any, mask: Value) -> TracedArray:
    """Which of the kept elements each element is, the mask saying where a new one begins in the sorted order."""
    number = call(np.cumsum, (new_array(cast(mask, _I64)),), {}) - 1
    inverse = call(np.empty_like, (number,), {})
    inverse[order] = number
    return inverse


def _unique_slices(a: TracedArray, axis: int, with_index: bool, with_inverse: bool, with_counts: bool) -> Any:
    """The different slices along an axis, in lexicographic order; a NaN differs from every number."""
    slices = call(np.moveaxis, (a, axis, 0), {})
    n = tracer.static_extent(slices.view.dims[0], "np.unique along an axis")
    width = tracer.static_extent(size_of(slices.view.dims[1:]), "np.unique along an axis")
    rows = call(np.reshape, (slices, (n, width)), {})
    order = call(np.lexsort, ([rows[:, k] for k in reversed(range(width))],), {}) if width else call(np.arange, (n,), {})
    ordered, sorted_rows = slices[order], rows[order]
    differs = call(np.any, (sorted_rows[1:] != sorted_rows[:-1],), {"axis": 1})
    mask = value_of(call(np.concatenate, ((np.ones(min(1, n), bool), differs),), {}))
    found: list[Any] = [call(np.moveaxis, (compacted(value_of(ordered), mask), 0, axis), {})]
    if with_index:
        found.append(compacted(value_of(order), mask))
    if with_inverse:
        found.append(_numbers(order, mask))
    if with_counts:
        found.append(_run_lengths(mask))
    return tuple(found) if len(found) > 1 else found[0]


def _run_lengths(mask: Value) -> TracedArray:
    """How far it is from each place where the mask holds to the next."""
    start, count = new_array(positions_of(mask)), count_of(mask)
    (n,) = mask.dims
    last = call(np.arange, (start.shape[0],), {}) + 1 >= new_array(cast(count, _I64))
    following = call(np.where, (last, _as_array(n), call(np.roll, (start, -1), {})), {})
    return first_elements(value_of(following - start), count)


def _as_array(n: Any) -> Any:
    return new_array(cast(integers.as_value(n), _I64))


for _name, _options in (("unique_values", {}), ("unique_counts", {"return_counts": True}),
                        ("unique_inverse", {"return_inverse": True}),
                        ("unique_all", {"return_index": True, "return_inverse": True, "return_counts": True})):
    _result = type(getattr(np, _name)(np.zeros(1)))

    @implements(getattr(np, _name))
    def _unique(x: Any, _options: dict = _options, _result: Any = _result) -> Any:
        got = unique(x, **_options, equal_nan=False)
        return _result(*got) if isinstance(got, tuple) else got


# --- sets --------------------------------------------------------------------------------------------------------------


@implements(np.union1d)
def union1d(ar1: Any, ar2: Any) -> TracedArray:
    return unique(call(np.concatenate, ((call(np.ravel, (ar1,), {}), call(np.ravel, (ar2,), {})),), {}))


def _both(ar1: Any, ar2: Any, assume_unique: bool) -> tuple[Any, Any]:
    pair = tuple(call(np.ravel, (x,), {}) for x in (ar1, ar2))
    return pair if assume_unique else (unique(pair[0]), unique(pair[1]))  # type: ignore[return-value]


@implements(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    if return_indices:
        return _intersection_with_places(ar1, ar2, assume_unique)
    joined = call(np.sort, (call(np.concatenate, (_both(ar1, ar2, assume_unique),), {}),), {})
    return compacted(value_of(joined[:-1]), value_of(joined[1:] == joined[:-1]))


def _intersection_with_places(ar1: Any, ar2: Any, assume_unique: bool) -> tuple[TracedArray, TracedArray, TracedArray]:
    """The common elements, and where each array has them first."""
    found = [(call(np.ravel, (x,), {}), None) if assume_unique else unique(x, return_index=True) for x in (ar1, ar2)]
    joined = call(np.concatenate, (tuple(x for x, _ in found),), {})
    order = call(np.argsort, (joined,), {"kind": "stable"})
    joined = joined[order]
    mask = value_of(joined[1:] == joined[:-1])
    common, first, second = (compacted(value_of(x), mask) for x in (joined[:-1], order[:-1], order[1:] - found[0][0].shape[0]))
    places = (places if where is None else where[places] for (_, where), places in zip(found, (first, second), strict=True))
    return common, *places  # type: ignore[return-value]


@implements(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> TracedArray:
    joined = call(np.sort, (call(np.concatenate, (_both(ar1, ar2, assume_unique),), {}),), {})
    differs, ordered = joined[1:] != joined[:-1], value_of(joined)
    first, last = (_with_edge(ordered, place, differs) for place in (slice(1, None), slice(None, -1)))
    return compacted(ordered, tracer.builder().bitwise_and(first, last))


@implements(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> TracedArray:
    first = call(np.ravel, (ar1,), {}) if assume_unique else unique(ar1)
    return compacted(value_of(first), value_of(~call(np.isin, (first, ar2), {})))

