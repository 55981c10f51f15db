"""NumPy's functions that only write: copyto, put, putmask, place."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dispatch, tracer
from .arrays import TracedArray, as_array, assign, check_cast, check_writeable, fitted, operand, same_place, value_of
from .scalars import TracedScalar
from .values import broadcast, fits, shape_text


def _target(a: Any, function: str) -> TracedArray:
    if not isinstance(a, TracedArray):
        raise TypeError(f"argument 1 must be numpy.ndarray, not {type(a).__name__}")
    check_writeable(a.view)
    return a


@dispatch.implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if not isinstance(dst, TracedArray):
        raise TypeError(f"copyto() argument 1 must be a numpy.ndarray, not {type(dst).__name__}")
    src, mask = operand(src), None if where is True else as_array(where)
    if mask is not None and isinstance(where, (TracedArray, TracedScalar, np.ndarray, np.generic)) and mask.dtype.kind != "b":
        raise TypeError(f"Cannot cast array data from {mask.dtype!r} to dtype('bool') according to the rule 'safe'")
    if isinstance(src, TracedArray) and src.ndim and same_place(src, dst):
        return  # NumPy looks no further: not at the mask, nor whether it may write
    check_writeable(dst.view)
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
