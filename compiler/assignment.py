"""NumPy's functions that only write: copyto, put, putmask, place."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.builder import dim_template
from ..ir.graph import Value
from ..ir.types import Dim, same_dims
from . import dispatch, integers, tracer
from .arrays import (
    TracedArray,
    as_array,
    as_numpy,
    assign,
    check_cast,
    check_writeable,
    fitted,
    operand,
    same_place,
    value_of,
)
from .compaction import size_of
from .regions import check
from .scalars import TracedScalar, is_weak
from .ufuncs import promotable
from .values import broadcast, cast, fits, shape_text
from .views import Storage, reshape_value, view_of


def _target(a: Any, function: str) -> TracedArray:
    if not isinstance(a, TracedArray):
        raise TypeError(f"argument 1 must be numpy.ndarray, not {type(a).__name__}")
    check_writeable(a.view)
    return a


@dispatch.implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if isinstance(dst, np.ndarray):
        raise tracer.unsupported("a write of run-time values into an array made while compiling",
                                 "the array comes from code whose source cannot be read", "define the function in a file")
    if not isinstance(dst, TracedArray):
        raise TypeError(f"copyto() argument 1 must be a numpy.ndarray, not {type(dst).__name__}")
    src, mask = operand(src), None if where is True else as_array(where)
    if mask is not None and isinstance(where, (TracedArray, TracedScalar, np.ndarray, np.generic)) and mask.dtype.kind != "b":
        raise TypeError(f"Cannot cast array data from {mask.dtype!r} to dtype('bool') according to the rule 'safe'")
    if isinstance(src, TracedArray) and src.ndim and same_place(src, dst):
        return  # NumPy looks no further: not at the mask, nor whether it may write
    check_writeable(dst.view)
    if is_weak(src) and promotable(src) is float:
        src = as_numpy(src)  # a NaN is no error here
    if mask is None:
        assign(dst, src, casting)
        return
    check_cast(src, dst.dtype, casting)
    new = fitted(value_of(src, dst.dtype), dst.view.dims)
    if not fits(mask.view.dims, dst.view.dims):
        raise ValueError(f"could not broadcast where mask from shape {shape_text(mask.view.dims)} into shape "
                         f"{shape_text(dst.view.dims)}")
    operands = [broadcast(v, dst.view.dims) for v in (value_of(mask, np.dtype(bool)), new)]
    dst.view.write(tracer.emit("where", [*operands, dst.view.read()]))


def _cyclic(values: TracedArray, places: Value) -> Value:
    """values[place % len(values)] for each place."""
    count = values.view.dims[0]
    if isinstance(count, int) and count == 1:
        return broadcast(values.view.read(), places.dims)
    limit = broadcast(cast(integers.as_value(count), np.dtype(np.int64)), places.dims)
    return tracer.emit("gather", [values.view.read(), tracer.emit("remainder", [places, limit])], axes=(0,), position=0)


def _flat(a: TracedArray) -> TracedArray:
    return dispatch.call(np.ravel, (a,), {})


def _position(dims: tuple[Dim, ...]) -> Value:
    """The number of each element, in C order."""
    size = size_of(dims)
    line = tracer.emit("iota", [size] if isinstance(size, Value) else [], dims=dim_template((size,), 0), axis=0, dtype="i64")
    return reshape_value(line, dims)


def _check_size(mask: TracedArray, a: TracedArray, what: str) -> None:
    """ValueError unless there are as many truth values as elements."""
    error = ValueError(f"{what}: mask and data must be the same size")
    if same_dims(mask.view.dims, a.view.dims):
        return
    if isinstance(mask.size, int) and isinstance(a.size, int):
        if mask.size != a.size:
            raise error
        return
    check(value_of(mask.size == a.size, np.dtype(bool)), error)


@dispatch.implements(np.putmask)
def putmask(a: Any, /, mask: Any, values: Any) -> None:
    a, mask = _target(a, "putmask"), as_array(mask)
    values = as_array(value_of(values, a.dtype) if is_weak(values) else values)
    _check_size(mask, a, "putmask")
    if not np.can_cast(values.dtype, a.dtype, "unsafe") or (isinstance(values.size, int) and values.size == 0):
        return
    test = reshape_value(value_of(mask, np.dtype(bool)), a.view.dims)
    if same_dims(values.view.dims, a.view.dims):
        new = value_of(values, a.dtype)
    else:
        new = _cyclic(_flat(values).astype(a.dtype), _position(a.view.dims))
    a.view.write(tracer.emit("where", [test, new, a.view.read()]))


@dispatch.implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    arr, mask, vals = _target(arr, "place"), as_array(mask), _flat(as_array(vals))
    _check_size(mask, arr, "place")
    test = reshape_value(value_of(mask, np.dtype(bool)), arr.view.dims)
    if isinstance(vals.size, int) and vals.size == 0:
        none = tracer.emit("logical_not", [tracer.emit("reduce_or", [test], axes=tuple(range(len(test.dims))))])
        arr.view.write(tracer.emit("check", [arr.view.read(), none], exception="ValueError",
                                   message="Cannot insert from an empty array!"))
        return
    line = reshape_value(test, (size_of(test.dims),))
    rank = tracer.emit("cumsum", [cast(line, np.dtype(np.int64))], axis=0, reverse=False, exclusive=True)
    new = _cyclic(vals.astype(arr.dtype), reshape_value(rank, arr.view.dims))
    arr.view.write(tracer.emit("where", [test, new, arr.view.read()]))


@dispatch.implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    a, ind, v = _target(a, "put"), _flat(as_array(ind)), _flat(as_array(v))
    if ind.dtype.kind not in "biu" and ind.size:
        raise TypeError(f"Cannot cast array data from {ind.dtype!r} to dtype('int64') according to the rule 'safe'")
    count = tracer.static_extent(ind.view.dims[0], "np.put")
    if not count or v.size == 0:
        return
    size = a.size
    if mode == "clip":
        ind = dispatch.call(np.clip, (ind, 0, size - 1), {})
    elif mode == "wrap":
        ind = dispatch.call(np.remainder, (ind, size), {})
    elif mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got '{mode}')")
    new = v if v.size in (1, count) else TracedArray(view_of(Storage(_cyclic(v, _position((count,))))))
    a.flat[ind.astype(np.int64)] = new[:count]


dispatch.alias_method("put", np.put)
