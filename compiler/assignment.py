"""NumPy's functions that only write: copyto, put, putmask, place."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dispatch, tracer
from .arrays import TracedArray, as_array, assign, check_writeable, dims_of, operand, value_of
from .values import broadcast, common_dims, shape_text


def _target(a: Any, function: str) -> TracedArray:
    if not isinstance(a, TracedArray):
        raise TypeError(f"argument 1 must be numpy.ndarray, not {type(a).__name__}")
    check_writeable(a.view)
    return a


@dispatch.implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    dst = _target(dst, "copyto")
    if where is True:
        assign(dst, src, casting)
        return
    src, where = operand(src), as_array(where)
    if not np.can_cast(getattr(src, "dtype", dst.dtype), dst.dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} according to the rule '{casting}'")
    dims = dst.view.dims
    common_dims(dims, dims_of(src), where.view.dims)
    new = [broadcast(v, dims) for v in (value_of(where, np.dtype(bool)), value_of(src, dst.dtype))]
    dst.view.write(tracer.emit("where", [*new, dst.view.read()]))


@dispatch.implements(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    a, mask, values = _target(a, "putmask"), as_array(mask), as_array(values)
    if mask.view.dims != a.view.dims:
        raise ValueError("putmask: mask and data must be the same size")
    if values.ndim and values.view.dims != a.view.dims:
        raise tracer.unsupported(f"putmask with values of shape {shape_text(values.view.dims)}", "they are repeated",
                                 "a[...] = np.where(mask, values, a)")
    copyto(a, values, "unsafe", mask)


@dispatch.implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    a, ind = _target(a, "put"), as_array(ind)
    if mode != "raise":
        raise tracer.unsupported(f"np.put with mode={mode!r}", instead="index with np.clip(ind, 0, n - 1) or ind % n")
    flat = a.view.reshape((a.size,))
    if flat is None:
        raise tracer.unsupported("np.put into an array that is not contiguous", instead="index it directly")
    TracedArray(flat)[dispatch.call(np.ravel, (ind,), {})] = v


dispatch.alias_method("put", np.put)
