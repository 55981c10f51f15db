"""Searching sorted arrays, and what rests on it: searchsorted, digitize's test, interp; unravel_index, ravel_multi_index."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ir.graph import Value
from .. import integers, tracer
from ..arrays import TracedArray, as_array, new_array, value_of, wrap
from ..compaction import size_of
from ..dispatch import FUNCTIONS, alias_method, call, implements
from ..extents import shape_dims
from ..scalars import TracedScalar, to_kind
from ..structured import cond
from ..values import broadcast, cast, check_dtype

# How many elements np.isin compares with one by one.
_COMPARED = 8
# From how many elements in all a table may be made of integers; its greatest part of them, which is NumPy's.
_TABLE_FROM = 256
_TABLE_PART = 6
_MOST_ELEMENTS = np.iinfo(np.intp).max
_umath = np._core._multiarray_umath  # type: ignore[attr-defined]


def _side(side: Any) -> str:
    names = {"l": "left", "left": "left", "r": "right", "right": "right"}
    if not isinstance(side, str) or side.lower() not in names:
        raise ValueError(f"search side must be 'left' or 'right' (got '{side}')")
    return names[side.lower()]


@implements(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    a, keys = as_array(a), as_array(v)
    side = _side(side)
    if a.ndim != 1:
        raise ValueError("object of too small depth for desired array" if a.ndim == 0 else "object too deep for desired array")
    if sorter is not None:
        sorter = as_array(sorter)
        if sorter.dtype.kind not in "iu":
            raise TypeError("sorter must only contain integers")
        if sorter.ndim != 1:
            raise TypeError("could not parse sorter argument")
        if sorter.shape != a.shape:
            raise ValueError("sorter.size must equal a.size")
        a = a[sorter]
    kind = check_dtype(np.result_type(a.dtype, keys.dtype))
    kind = np.dtype(np.uint8) if kind.kind == "b" else kind
    found = tracer.emit("searchsorted", [cast(a.view.read(), kind), cast(keys.view.read(), kind)], side=side)
    return wrap(found)


alias_method("searchsorted", np.searchsorted)


@implements(_umath._monotonicity)
def monotonicity(x: Any) -> Any:
    """1 for a sequence that does not fall, -1 for one that does not rise, else 0: what np.digitize asks of its bins."""
    x = as_array(x)
    if not np.can_cast(x.dtype, np.float64, "safe"):
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to dtype('float64') according to the rule 'safe'")
    before, after = x[:-1], x[1:]
    rises, falls = (call(np.all, (call(f, (before, after), {}),), {}) for f in (np.less_equal, np.greater_equal))
    fall = call(np.where, (falls, -1, 0), {})
    return to_kind(call(np.where, (rises, 1, fall), {})[()], "int")


def _check_lengths(xp: TracedArray, fp: TracedArray) -> None:
    if xp.ndim != 1 or fp.ndim != 1:
        raise ValueError("object too deep for desired array")
    if xp.shape[0] != fp.shape[0]:
        raise ValueError("fp and xp are not of the same length.")
    if xp.shape[0] == 0:
        raise ValueError("array of sample points is empty")


def _interpolate(x: Any, xp: Any, fp: Any, left: Any, right: Any, kind: type) -> Any:
    """Linear interpolation at x, the order of operations NumPy's."""
    given = [as_array(e) for e in (x, xp, fp)]
    kinds = [np.dtype(k) for k in (float, float, kind)]
    for e, k in zip(given, kinds, strict=True):
        if not np.can_cast(e.dtype, k, "safe"):
            raise TypeError(f"Cannot cast array data from {e.dtype!r} to {k!r} according to the rule 'safe'")
    x, xp, fp = (as_array(e, k) for e, k in zip(given, kinds, strict=True))
    _check_lengths(xp, fp)
    n = xp.shape[0]
    left, right = fp[0] if left is None else left, fp[n - 1] if right is None else right
    upper = tracer.emit("searchsorted", [xp.view.read(), x.view.read()], side="right")
    place = call(np.subtract, (new_array(upper), 1), {})
    last = max(n - 2, 0)
    low = new_array(value_of(call(np.clip, (place, 0, last), {})))
    high = call(np.minimum, (call(np.add, (low, 1), {}), n - 1), {})
    x0, x1 = (_at(xp, k) for k in (low, high))
    y0, y1 = (_at(fp, k) for k in (low, high))
    inner = _on_line(x, x0, x1, y0, y1)
    inner = call(np.where, (call(np.equal, (x, x0), {}), y0, inner), {})
    # Compared with the ends themselves: an end that is NaN bounds nothing.
    below, beyond = call(np.less, (x, xp[0]), {}), call(np.greater_equal, (x, xp[n - 1]), {})
    # A point at or after the last sample; equal to it, it has its value.
    end = call(np.where, (call(np.greater, (x, xp[n - 1]), {}), right, fp[n - 1]), {})
    result = call(np.where, (below, left, call(np.where, (beyond, end, inner), {})), {})
    if n == 1:
        result = call(np.where, (call(np.less, (x, xp[0]), {}), left, end), {})
    result = call(np.where, (call(np.isnan, (x,), {}), x, result), {})
    return result if result.ndim else result[()]


def _on_line(x: Any, x0: Any, x1: Any, y0: Any, y1: Any) -> Any:
    """y0 + slope * (x - x0), of complex numbers part by part."""
    width = call(np.subtract, (x1, x0), {})
    if y0.dtype.kind != "c":
        return _along(x, x0, x1, y0, y1, call(np.true_divide, (call(np.subtract, (y1, y0), {}), width), {}))
    inverse, parts = call(np.true_divide, (1.0, width), {}), []
    for part in ("real", "imag"):
        start, end = getattr(y0, part), getattr(y1, part)
        slope = call(np.multiply, (call(np.subtract, (end, start), {}), inverse), {})
        parts.append(_along(x, x0, x1, start, end, slope))
    return new_array(tracer.emit("complex", [value_of(p) for p in parts]))


def _along(x: Any, x0: Any, x1: Any, y0: Any, y1: Any, slope: Any) -> Any:
    """On the line from the first end; where that is NaN, from the other end; where both are, the common value of equal ends."""
    first, second = (call(np.add, (call(np.multiply, (slope, call(np.subtract, (x, start), {})), {}), value), {})
                     for start, value in ((x0, y0), (x1, y1)))
    level = call(np.where, (call(np.equal, (y0, y1), {}), y0, second), {})
    other = call(np.where, (call(np.isnan, (second,), {}), level, second), {})
    return call(np.where, (call(np.isnan, (first,), {}), other, first), {})


def _at(a: TracedArray, places: Any) -> TracedArray:
    """a[places] of a line, for places that are in range."""
    return new_array(tracer.emit("gather", [a.view.read(), value_of(places)], axes=(0,), position=0))


@implements(_umath.interp)
def interp_real(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    return _interpolate(x, xp, fp, left, right, float)


@implements(_umath.interp_complex)
def interp_complex(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    return _interpolate(x, xp, fp, left, right, complex)


def _checked(value: Value, good: Value, message: str, *details: Value) -> Value:
    """`value`, or ValueError where the truth `good` fails."""
    return tracer.emit("check", [value, good, *details], exception="ValueError", message=message)


def _all(test: Value) -> Value:
    return tracer.emit("reduce_and", [test], axes=tuple(range(len(test.dims)))) if test.dims else test


def _positions(x: Any, what: str) -> TracedArray:
    if isinstance(x, (list, tuple)) and not x:
        raise TypeError("indices must be integral: the provided empty sequence was inferred as float. Wrap it with "
                        "'np.array(indices, dtype=np.intp)'")
    x = as_array(x)
    if x.dtype.kind not in "iu":
        raise TypeError(what)
    return new_array(cast(x.view.read(), np.dtype(np.int64)))


def _static_shape(shape: Any) -> tuple[int, ...]:
    return tuple(tracer.static_extent(d, "a shape") for d in shape_dims(shape))


@implements(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple:
    dims = shape_dims(shape)
    if order not in ("C", "F"):
        raise ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got '{order}')")
    size = size_of(dims)
    if isinstance(size, int) and size > _MOST_ELEMENTS:
        raise ValueError("dimensions are too large; arrays and shapes with a total size greater than 'intp' are not supported.")
    places = _positions(indices, "only int indices permitted")
    if places.ndim and not dims:
        raise ValueError("multiple indices are not supported for 0d arrays")
    v, whole = places.view.read(), cast(integers.as_value(size), np.dtype(np.int64))
    limit = broadcast(whole, v.dims)
    inside = tracer.emit("logical_and", [tracer.emit("greater_equal", [v, tracer.builder().zeros(v.type)]),
                                         tracer.emit("less", [v, limit])])
    if 0 not in v.dims:
        worst = _reduced("reduce_max", v)
        low = _reduced("reduce_min", v)
        worst = tracer.emit("where", [tracer.emit("less", [low, value_of(np.int64(0))]), low, worst])
        v = _checked(v, _all(inside), "index {0} is out of bounds for array with size {1}", worst, whole)
    rest: Any = wrap(v)
    out: list[Any] = []
    for d in (reversed(dims) if order == "C" else dims):
        if isinstance(size, int) and size == 0:
            out.append(call(np.zeros_like, (rest,), {}))
            continue
        extent = d if isinstance(d, int) else TracedScalar(d)
        out.append(call(np.remainder, (rest, extent), {}))
        rest = call(np.floor_divide, (rest, extent), {})
    if order == "C":
        out.reverse()
    # NumPy's results are the columns of one array.
    columns = call(np.stack, (out,), {"axis": -1}) if out and places.ndim else None
    return tuple(out) if columns is None else tuple(columns[..., k] for k in range(len(out)))


def _reduced(op: str, v: Value) -> Value:
    return tracer.emit(op, [v], axes=tuple(range(len(v.dims)))) if v.dims else v


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    shape = _static_shape(dims)
    if math.prod(shape) > _MOST_ELEMENTS:
        raise ValueError("invalid dims: array size defined by dims is larger than the maximum possible size.")
    places = [_positions(e, "only int indices permitted") for e in multi_index]
    if len(places) != len(shape):
        raise ValueError(f"parameter multi_index must be a sequence of length {len(shape)}")
    if order not in ("C", "F"):
        raise ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got '{order}')")
    modes = list(mode) if isinstance(mode, (tuple, list)) else [mode] * len(shape)
    total: Any = None
    for k in (range(len(shape)) if order == "C" else reversed(range(len(shape)))):
        index = _in_mode(places[k], shape[k], modes[k])
        total = index if total is None else call(np.add, (call(np.multiply, (total, shape[k]), {}), index), {})
    total = as_array(total)
    return total if total.ndim else total[()]


def _in_mode(index: TracedArray, extent: int, mode: str) -> Any:
    if extent == 0 and index.size != 0:
        raise ValueError("cannot unravel if shape has zero entries")
    if mode == "clip":
        return call(np.clip, (index, 0, extent - 1), {})
    if mode == "wrap":
        return call(np.remainder, (index, extent), {})
    if mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got '{mode}')")
    v = index.view.read()
    limit, zero = broadcast(value_of(np.int64(extent)), v.dims), tracer.builder().zeros(v.type)
    inside = tracer.emit("logical_and", [tracer.emit("greater_equal", [v, zero]), tracer.emit("less", [v, limit])])
    return new_array(_checked(v, _all(inside), "invalid entry in coordinates array"))


def repeated(values: TracedArray, places: Any) -> TracedArray:
    """values[places % len(values)], for places that are not negative."""
    n = values.shape[0]
    return _at(values, as_array(call(np.remainder, (places, n), {}))) if n != 1 else values


def _check_table(kind: np.dtype, tests: TracedArray) -> None:
    """What NumPy refuses if it is told to use a table: what are no integers, and a range beyond their dtype."""
    if kind.kind not in "biu" or tests.dtype.kind not in "biu":
        raise ValueError("The 'table' method is only supported for boolean or integer arrays. Please select 'sort' or None for "
                         "kind.")
    if tests.dtype.kind == "b":
        return
    high, low = (cast(value_of(call(f, (tests,), {})), np.dtype(np.uint64)) for f in (np.max, np.min))
    limit = value_of(np.uint64(np.iinfo(tests.dtype).max))
    fine = tracer.emit("less_equal", [tracer.emit("subtract", [high, low]), limit])
    tracer.emit("check", [fine, fine], exception="RuntimeError",
                message="You have specified kind='table', but the range of values in `ar2` or `ar1` exceed the maximum integer of "
                        "the datatype. Please set `kind` to None or 'sort'.")


def _member(x: TracedArray, tests: TracedArray) -> Any:
    """Is each x among the tests?  Integers that lie close together are looked up in a table, as NumPy does, others searched."""
    total = x.size + tests.size
    if x.dtype.kind not in "biu" or total < _TABLE_FROM:
        return _searched(x, tests)
    bits = 8 * x.dtype.itemsize
    room = _TABLE_PART * total
    if 1 << bits <= room:
        low = x.dtype.type(0) if x.dtype.kind != "i" else x.dtype.type(np.iinfo(x.dtype).min)
        return _looked_up(x, tests, low, 1 << bits)
    low, high = call(np.min, (tests,), {}), call(np.max, (tests,), {})
    near = call(np.less, (_above(high, low), np.uint64(room)), {})
    return FUNCTIONS["call"](cond, (near, lambda a, b: _looked_up(a, b, low, room), _searched, x, tests), {})


def _searched(x: TracedArray, tests: TracedArray) -> Any:
    line = call(np.sort, (tests,), {})
    place = call(np.minimum, (call(np.searchsorted, (line, x), {}), tests.size - 1), {})
    return call(np.equal, (_at(line, as_array(place)), x), {})


def _looked_up(x: TracedArray, tests: TracedArray, low: Any, room: int) -> Any:
    """Of tests that are all less than `room` above the least number `low`."""
    table, marks = (value_of(call(f, (n,), {"dtype": bool})) for f, n in ((np.zeros, room), (np.ones, tests.shape)))
    places = value_of(_above(tests, low).astype(np.int64))
    table = tracer.emit("scatter", [table, marks, places], axes=(0,), position=0, unique=False)
    place = _above(x, low)
    inside = call(np.less, (place, np.uint64(room)), {})
    found = _at(new_array(table), call(np.where, (inside, place, np.uint64(0)), {}).astype(np.int64))
    return call(np.logical_and, (found, inside), {})


def _above(x: Any, low: Any) -> TracedArray:
    """x - low without a sign: what lies below `low` is very large."""
    return as_array(call(np.subtract, tuple(as_array(v).astype(np.uint64) for v in (x, low)), {}))


@implements(np.isin)
def isin(element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None) -> TracedArray:
    """A few test elements are compared one by one; more are marked in a table, or sorted and searched."""
    if kind not in (None, "sort", "table"):
        raise ValueError(f"Invalid kind: '{kind}'. Please use None, 'sort' or 'table'.")
    x, tests = as_array(element), call(np.ravel, (as_array(test_elements),), {})
    common = check_dtype(np.result_type(x.dtype, tests.dtype))
    x, tests = x.astype(common), tests.astype(common)
    count = tests.view.dims[0]
    if kind == "table" and count:
        _check_table(as_array(element).dtype, as_array(test_elements))
    if isinstance(count, int) and count <= _COMPARED:
        found = call(np.zeros, (x.shape,), {"dtype": bool})
        for k in range(count):
            found = call(np.logical_or, (found, call(np.equal, (x, tests[k]), {})), {})
    elif isinstance(count, int) and isinstance(x.size, int):
        found = _member(x, tests)
    else:
        # One element more: there may be none.
        line = call(np.sort, (tests,), {})
        place = call(np.searchsorted, (line, x), {})
        longer = call(np.concatenate, ([line, call(np.zeros, (1,), {"dtype": common})],), {})
        found = call(np.equal, (_at(longer, as_array(place)), x), {})
        found = call(np.logical_and, (found, call(np.less, (place, tests.shape[0]), {})), {})
    found = as_array(call(np.logical_not, (found,), {}) if invert else found)
    return new_array(found.view.read())
