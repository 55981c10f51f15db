"""Putting arrays together and taking them apart: concatenate, stack, split, tile, repeat, append, pad."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...ir.builder import Slot
from ...ir.graph import Value
from ...ir.ops.shaping import emit_shaped
from ...ir.types import DTYPE_NAMES, Dim
from ...ir.viewmap import Axis
from .. import integers, tracer
from ..arrays import TracedArray, any_traced, as_array, assign, deliver, known_constant, new_array, operand, value_of, wrap
from ..dispatch import BUILTINS, alias_method, call, implements
from ..growing import gathered
from ..regions import check
from ..scalars import TracedScalar, concrete
from ..ufuncs import promotable
from ..values import cast, cast_weak, check_dtype, shape_text, unify
from .axes import one_axis


def _common_dtype(arrays: Sequence[TracedArray], given: Sequence[Any], dtype: Any, casting: str) -> np.dtype:
    if dtype is not None:
        kind = np.dtype(dtype)
        for a in arrays:
            if not np.can_cast(a.dtype, kind, casting):  # type: ignore[arg-type]
                raise TypeError(f"Cannot cast array data from {a.dtype!r} to {kind!r} according to the rule '{casting}'")
        return kind
    # Python numbers are weak next to arrays here too.
    kinds = [promotable(operand(g)) if not isinstance(g, (list, tuple, np.ndarray)) else a.dtype for g, a in zip(given, arrays)]
    dtypes = [k for k in kinds if isinstance(k, np.dtype)]
    return np.result_type(*dtypes, *[k(0) for k in kinds if not isinstance(k, np.dtype)]) if dtypes else \
        np.result_type(*[np.dtype(k) for k in kinds])


def _joined(arrays: Sequence[TracedArray], axis: int, kind: np.dtype) -> TracedArray:
    first = arrays[0]
    for k, a in enumerate(arrays[1:], 1):
        if a.ndim != first.ndim:
            raise ValueError("all the input arrays must have same number of dimensions, but the array at index 0 "
                             f"has {first.ndim} dimension(s) and the array at index {k} has {a.ndim} dimension(s)")
        for d in range(first.ndim):
            x, y = first.view.dims[d], a.view.dims[d]
            if d != axis and isinstance(x, int) and isinstance(y, int) and x != y:
                raise ValueError("all the input array dimensions except for the concatenation axis must match exactly, but along "
                                 f"dimension {d}, the array at index 0 has size {x} and the array at index {k} has size {y}")
    if any(isinstance(d, Value) for a in arrays for d in a.view.dims):
        return _written_in_turn(arrays, axis, check_dtype(kind))
    values = [cast(a.view.read(), check_dtype(kind)) for a in arrays]
    result = tracer.emit("concatenate", values, axis=axis) if len(values) > 1 else values[0]
    return wrap(result, _joined_order(arrays))


def _written_in_turn(arrays: Sequence[TracedArray], axis: int, kind: np.dtype) -> TracedArray:
    """Arrays whose extents are known only at run time, one after another in an array of their total extent."""
    dims = list(arrays[0].view.dims)
    for a in arrays[1:]:
        for d, n in enumerate(a.view.dims):
            if d != axis and n is not dims[d] and n != dims[d]:
                dims[d] = unify(dims[d], n, "all the input array dimensions except for the concatenation axis must match exactly")
    ends: list[Dim] = [0]
    for a in arrays:
        ends.append(integers.add(ends[-1], a.view.dims[axis]))
    dims[axis] = ends[-1]
    memory = emit_shaped(tracer.builder(), "empty", [], dims, dtype=DTYPE_NAMES[kind])
    out = new_array(memory, _joined_order(arrays))
    for a, start, n in zip(arrays, ends, (a.view.dims[axis] for a in arrays)):
        starts = [start] if isinstance(start, Value) else []
        first: int | Slot = start if isinstance(start, int) else Slot(0)
        place = tuple(Axis(first if d == axis else 0, ((1, d),)) for d in range(len(dims)))
        part = out.view.affine(place, starts, tuple(n if d == axis else dims[d] for d in range(len(dims))))
        part.write(cast(a.view.read(), kind))
    return out


def _joined_order(arrays: Sequence[TracedArray]) -> tuple[int, ...] | None:
    """The memory order that np.concatenate chooses: axes by decreasing stride where all arrays agree, else C order.

    Unlike the order of a ufunc's result, ties are broken from the slowest axis.
    """
    rank = arrays[0].ndim
    if any(s is None for a in arrays for s in a.view.strides):
        return None
    order = list(range(rank))
    for i in range(1, rank):
        place = i
        for j in range(i - 1, -1, -1):
            swap = _is_slower(arrays, order[i], order[j])
            if swap:
                place = j
            elif swap is not None:
                break
        order.insert(place, order.pop(i))
    return None if order == list(range(rank)) else tuple(order)


def _is_slower(arrays: Sequence[TracedArray], a: int, b: int) -> bool | None:
    """Does axis `a` step further than axis `b` in every array where both extents exceed 1? None if there is none."""
    answer: bool | None = None
    for x in arrays:
        if x.view.dims[a] != 1 and x.view.dims[b] != 1:
            if abs(x.view.strides[a]) <= abs(x.view.strides[b]):  # type: ignore[arg-type]
                return False
            answer = True
    return answer


_CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")


def _check_out(out: Any, dtype: Any) -> None:
    if out is not None and dtype is not None:
        raise TypeError("concatenate() only takes `out` or `dtype` as an argument, but both were provided.")


@implements(np.concatenate)
def concatenate(arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> TracedArray:
    given = list(arrays)
    if not given:
        raise ValueError("need at least one array to concatenate")
    _check_out(out, dtype)
    if casting not in _CASTINGS:
        raise ValueError(f"casting must be one of {', '.join(map(repr, _CASTINGS))} (got {casting!r})")
    items = [as_array(a) for a in given]
    if axis is None:
        items, axis = [call(np.ravel, (a,), {}) for a in items], 0
    if any(a.ndim == 0 for a in items):
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    k = one_axis(axis, items[0].ndim)
    if isinstance(out, TracedArray) and any(a.view.storage is out.view.storage for a in items):
        _copy_in_turn(items, k, out, casting)
        return out
    return deliver(_joined(items, k, _common_dtype(items, given, dtype, casting)), out, casting)


def _copy_in_turn(items: Sequence[TracedArray], axis: int, out: TracedArray, casting: str) -> None:
    """Copy the arrays into their memory one after the other, as NumPy does: the later see what the earlier have overwritten."""
    joined = _joined(items, axis, out.dtype)
    if joined.view.dims != out.view.dims:
        raise ValueError("Output array is the wrong shape")
    place: Any = 0
    for a in items:
        assign(out[(*(slice(None),) * axis, slice(place, place + a.shape[axis]))], a, casting)
        place = place + a.shape[axis]


@implements(np.stack)
def stack(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> TracedArray:
    given = list(arrays)
    if not given:
        raise ValueError("need at least one array to stack")
    if axis == 0 and out is None and dtype is None:
        found = gathered(given, as_array)
        if found is not None:
            return found
    items = [as_array(a) for a in given]
    if len({a.view.dims for a in items}) > 1:
        raise ValueError("all input arrays must have the same shape")
    _check_out(out, dtype)
    k = normalize_axis_index(concrete(axis, "an axis"), items[0].ndim + 1)
    kind = _common_dtype(items, given, dtype, casting)
    spread = [call(np.expand_dims, (a, k), {}) for a in items]
    return deliver(_joined(spread, k, kind), out, casting)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> TracedArray:
    items = [call(np.atleast_1d, (a,), {}) for a in tup]
    return concatenate(items, 0 if items and items[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> TracedArray:
    return concatenate([call(np.atleast_2d, (a,), {}) for a in tup], 0, dtype=dtype, casting=casting)


@implements(np.dstack)
def dstack(tup: Any) -> TracedArray:
    return concatenate([call(np.atleast_3d, (a,), {}) for a in tup], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> TracedArray:
    return concatenate([a[:, None] if a.ndim < 2 else a for a in (call(np.atleast_1d, (x,), {}) for x in tup)], 1)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> TracedArray:
    if axis is None:
        return concatenate([call(np.ravel, (as_array(x),), {}) for x in (arr, values)], 0)
    return concatenate([arr, values], axis)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> TracedArray:
    """NumPy's own code where the extent is known."""
    a = as_array(arr)
    if axis is None:
        a, k = (a if a.ndim == 1 else call(np.ravel, (a,), {})), 0
    else:
        k = one_axis(axis, a.ndim)
    if isinstance(a.view.dims[k], int) and not any_traced(obj):
        return call("numpy body", (np.insert, (arr, obj, values, axis), {}), {})
    n = a.shape[k]
    index: Any = call(np.arange, (n,), {})[obj] if isinstance(obj, slice) else as_array(obj)
    if index.dtype.kind == "b":
        index = call(np.flatnonzero, (index,), {})
    new = as_array(values).astype(a.dtype)
    new = new[(None,) * (a.ndim - new.ndim)] if new.ndim < a.ndim else new
    if index.ndim == 0:
        new = call(np.moveaxis, (new, 0, k), {})
    one = isinstance(index.size, int) and index.size == 1
    count = new.shape[k] if one else index.size
    places = call(np.where, (index < 0, index + n, index), {}).reshape(-1)
    fine = call(np.all, (call(np.logical_and, (places >= 0, call(np.less_equal, (places, n), {})), {}),), {})
    check(value_of(fine, np.dtype(bool)), IndexError(f"an index is out of bounds for axis {k} of the array to insert into"))
    if one:
        places = call(np.broadcast_to, (places, (count,)), {})
    order = call(np.argsort, (places,), {"kind": "stable"})
    old = call(np.arange, (n,), {})
    behind = call(np.searchsorted, (places[order], old), {"side": "right"})
    lead, whole = (slice(None),) * k, (*a.shape[:k], n + count, *a.shape[k + 1:])
    out = call(np.empty, (whole, a.dtype), {"order": "F" if a.view.is_f_contiguous and not a.view.is_c_contiguous else "C"})
    out[(*lead, old + behind)] = a
    moved = call(np.empty_like, (places,), {})
    moved[order] = places[order] + call(np.arange, (count,), {})
    out[(*lead, moved)] = new
    return out


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list:
    a = as_array(ary)
    k = one_axis(axis, a.ndim)
    if isinstance(indices_or_sections, TracedArray) and indices_or_sections.ndim == 1:
        count = tracer.static_extent(indices_or_sections.view.dims[0], "np.split at places that the run finds")
        points = [0, *[indices_or_sections[j] for j in range(count)], a.shape[k]]
    elif isinstance(indices_or_sections, (list, tuple, np.ndarray)):
        points = [0, *indices_or_sections, a.shape[k]]
    else:
        extent, n = a.view.dims[k], a.shape[k]
        if isinstance(extent, int) or integers.known_int(extent) is not None:
            n = operator.index(n)
        count = operator.index(concrete(indices_or_sections, "the number of sections"))
        if count <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extra = n // count, n % count
        points = [j * each + BUILTINS[min](j, extra) for j in range(count + 1)]
    lead = (slice(None),) * k
    return [a[(*lead, slice(lo, hi))] for lo, hi in pairwise(points)]


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list:
    a = as_array(ary)
    if np.ndim(indices_or_sections) == 0:
        count = operator.index(concrete(indices_or_sections, "the number of sections"))
        rest, error = a.shape[one_axis(axis, a.ndim)] % count, ValueError("array split does not result in an equal division")
        if isinstance(rest, TracedScalar):
            check(value_of(rest == 0, np.dtype(bool)), error)
        elif rest:
            raise error
    return array_split(a, indices_or_sections, axis)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list:
    if as_array(ary).ndim == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if as_array(ary).ndim > 1 else 0)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list:
    if as_array(ary).ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


@implements(np.tile)
def tile(A: Any, reps: Any) -> TracedArray:
    a = as_array(A)
    counts = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    counts = tuple(operator.index(concrete(c, "a repetition count")) for c in counts)
    while a.ndim < len(counts):
        a = a[None]
    if all(c == 1 for c in counts):
        return a.copy("K")
    counts = (1,) * (a.ndim - len(counts)) + counts
    if isinstance(a.size, int) and a.size == 0:
        return a.reshape(tuple(c * n for c, n in zip(counts, a.shape)))  # NumPy copies only where there is an element
    spread = a[tuple(part for _ in counts for part in (None, slice(None)))]
    dims = tuple(part for c, n in zip(counts, a.shape) for part in (c, n))
    tiled = call(np.broadcast_to, (spread, dims), {}).reshape(tuple(c * n for c, n in zip(counts, a.shape)))
    return tiled.copy() if tiled.view.storage is a.view.storage else tiled


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> TracedArray:
    a = as_array(a)
    if axis is None:
        a, axis = call(np.ravel, (a,), {}), 0
    k = one_axis(axis, a.ndim)
    repeats = known_constant(repeats)
    if isinstance(repeats, (list, tuple, np.ndarray)):
        counts = np.asarray(repeats)
        if counts.size == 1:
            return repeat(a, int(counts.ravel()[0]), k)
        if counts.shape != (a.shape[k],):
            raise _as_many(a.shape[k], counts.shape)
        return call(np.take, (a, np.repeat(np.arange(len(counts)), counts)), {"axis": k})
    if isinstance(repeats, TracedArray):
        return _repeated(a, repeats, k)
    count = operator.index(concrete(repeats, "a repetition count"))
    if count < 0:
        raise ValueError("repeats may not contain negative values.")
    lead, trail = (slice(None),) * (k + 1), (slice(None),) * (a.ndim - k - 1)
    dims = (*a.shape[:k + 1], count, *a.shape[k + 1:])
    wide = call(np.broadcast_to, (a[(*lead, None, *trail)], dims), {})
    result = wide.reshape((*a.shape[:k], a.shape[k] * count, *a.shape[k + 1:]))
    return result.copy() if result.view.storage is a.view.storage else result


alias_method("repeat", np.repeat)


def _as_many(n: Dim, counts: Sequence[Dim]) -> ValueError:
    return ValueError(f"operands could not be broadcast together with shape {shape_text((n,))} {shape_text(counts)}")


def _repeated(a: TracedArray, counts: Any, axis: int) -> TracedArray:
    """Each element as often as its run-time count says: element number i of the result is the first whose counts reach beyond i."""
    if counts.dtype.kind not in "biu" or counts.dtype == np.uint64:
        raise TypeError(f"Cannot cast array data from {counts.dtype!r} to dtype('int64') according to the rule 'safe'")
    if counts.ndim > 1:
        raise ValueError("object too deep for desired array")
    if all(isinstance(d, int) for d in (a.shape[axis], *counts.shape)) and counts.shape not in ((), (1,), (a.shape[axis],)):
        raise _as_many(a.shape[axis], counts.shape)
    counts = call(np.broadcast_to, (counts.astype(np.int64), (a.shape[axis],)), {})
    if isinstance(a.shape[axis], int) and a.shape[axis] == 0:
        return a.copy()
    negative = value_of(call(np.any, (counts < 0,), {}))
    check(tracer.emit("invert", [negative]), ValueError("repeats may not contain negative values."))
    ends = call(np.cumsum, (counts,), {})
    total = call(np.sum, (counts,), {})
    numbers = call(np.arange, (TracedScalar(cast_weak(value_of(total), "int")),), {})
    return call(np.take, (a, call(np.searchsorted, (ends, numbers), {"side": "right"})), {"axis": axis})


@implements(np.block)
def block(arrays: Any) -> TracedArray:
    depth = _depth(arrays)
    items = _leaf_arrays(arrays)
    rank = max([depth, *[a.ndim for a in items]])

    def join(x: Any, level: int) -> TracedArray:
        if not isinstance(x, list):
            a = as_array(x)
            return a[(None,) * (rank - a.ndim)]
        return concatenate([join(e, level + 1) for e in x], axis=rank - depth + level)

    if depth == 0:
        return as_array(arrays).copy()
    return join(arrays, 0)


def _depth(x: Any) -> int:
    """How deep lists are nested; ValueError as NumPy's if not equally, or if one is empty."""
    places = list(_places(x, ()))
    for place in places:
        if len(place) != len(places[0]):
            raise ValueError(f"List depths are mismatched. First element was at depth {len(places[0])}, but there is an element at "
                             f"depth {len(place)} ({_place_text(place)})")
    for place in places:
        if place and place[-1] is None:
            raise ValueError(f"List at {_place_text(place)} cannot be empty")
    return len(places[0])


def _places(x: Any, place: tuple) -> Iterator[tuple]:
    """Where the elements of nested lists are; an empty list's only one has the index None."""
    if isinstance(x, tuple):
        raise TypeError(f"{_place_text(place)} is a tuple. Only lists can be used to arrange blocks, and np.block does not allow "
                        "implicit conversion from tuple to ndarray.")
    if not isinstance(x, list):
        yield place
    elif not x:
        yield (*place, None)
    else:
        for k, e in enumerate(x):
            yield from _places(e, (*place, k))


def _place_text(place: tuple) -> str:
    return "arrays" + "".join(f"[{k}]" for k in place if k is not None)


def _leaf_arrays(x: Any) -> list[TracedArray]:
    return [a for e in x for a in _leaf_arrays(e)] if isinstance(x, list) else [as_array(x)]
