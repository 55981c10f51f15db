"""Functions that call the user's function on pieces of arrays: np.vectorize, np.apply_along_axis.

The pieces are lanes of a loop that is traced once; a first call, whose work is dropped, tells the results' dtypes and shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...ir.types import Dim
from .. import tracer
from ..arrays import TracedArray, as_array, new_array, value_of
from ..choice import Choice
from ..compaction import size_of
from ..dispatch import call, implements
from ..hooks import call as call_function
from ..lane_loops import over_elements, over_rows
from ..regions import check
from ..scalars import TracedScalar
from ..ufuncs import promotable
from ..values import broadcast, common_dims
from .axes import one_axis


def _static(dims: Sequence[Any], what: str) -> tuple[int, ...]:
    return tuple(tracer.static_extent(d, what) for d in dims)


def _count(dims: Sequence[Dim]) -> Any:
    size = size_of(dims)
    return size if isinstance(size, int) else TracedScalar(size)


def _check_some(dims: Sequence[Dim], message: str) -> None:
    """ValueError if there is no piece."""
    if 0 in dims:
        raise ValueError(message)
    count = _count(dims)
    if isinstance(count, TracedScalar):
        check(value_of(call(np.greater, (count, 0), {}), np.dtype(bool)), ValueError(message))


def _result_dtype(x: Any) -> np.dtype:
    if isinstance(x, Choice):
        dtypes = {_result_dtype(option) for option in x.options}
        if len(dtypes) > 1:
            raise tracer.unsupported("np.vectorize", "the dtype of its result hangs on its first element", "otypes=[dtype]")
        return dtypes.pop()
    kind = promotable(as_array(x)) if isinstance(x, (list, tuple, np.ndarray)) else promotable(x)
    return kind if isinstance(kind, np.dtype) else np.dtype(kind)


@implements(("call", np.vectorize))
def call_vectorized(self: np.vectorize, *args: Any, **kwargs: Any) -> Any:
    function, operands = _without_excluded(self, args, kwargs)
    if self.signature is not None:
        return _with_signature(self, function, operands)
    arrays = [as_array(a) for a in operands]
    dims = common_dims(*[a.view.dims for a in arrays])
    otypes = self.otypes
    if not arrays:
        result = call_function(function, (), {})
        return as_array(result).astype(otypes) if otypes else as_array(result)
    if otypes is None:
        _check_some(dims, "cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    if otypes is None:
        first = call_function(function, tuple(a.flat[0] for a in arrays), {})
        results = first if isinstance(first, tuple) else (first,)
        dtypes = [_result_dtype(r) for r in results]
    else:
        dtypes = [np.dtype(c) for c in otypes]
    outs = [call(np.zeros, (dims,), {"dtype": d}) for d in dtypes]
    count = _count(dims)
    lines = [call(np.ravel, (new_array(broadcast(value_of(a), dims)),), {}) for a in arrays]
    flat = [o.reshape(count) for o in outs]
    call_function(over_elements, (function, flat, lines, count), {})
    return outs[0] if len(outs) == 1 else tuple(outs)


def _without_excluded(self: np.vectorize, args: tuple, kwargs: dict) -> tuple[Callable, list[Any]]:
    """The function of the arguments that are not excluded, and these."""
    if not self.excluded and not kwargs:
        return self.pyfunc, list(args)
    names = [n for n in kwargs if n not in self.excluded]
    places = [k for k in range(len(args)) if k not in self.excluded]

    def function(*moving: Any) -> Any:
        positional = list(args)
        for k, x in zip(places, moving, strict=False):
            positional[k] = x
        named = {**kwargs, **dict(zip(names, moving[len(places):], strict=True))}
        return call_function(self.pyfunc, tuple(positional), named)

    return function, [args[k] for k in places] + [kwargs[n] for n in names]


def _with_signature(self: np.vectorize, function: Callable, operands: list[Any]) -> Any:
    """Core axes, named in the signature, are passed whole."""
    inner, outer = self._in_and_out_core_dims  # type: ignore[attr-defined]
    if len(operands) != len(inner):
        raise TypeError(f"wrong number of positional arguments: expected {len(inner)}, got {len(operands)}")
    arrays = [as_array(a) for a in operands]
    sizes: dict[str, int] = {}
    for a, core in zip(arrays, inner, strict=True):
        if a.ndim < len(core):
            raise ValueError(f"{a.ndim}-dimensional argument does not have enough dimensions for all core dimensions {core!r}")
        for name, d in zip(core, _static(a.view.dims[a.ndim - len(core):], "np.vectorize"), strict=True):
            if sizes.setdefault(name, d) != d:
                raise ValueError(f"inconsistent size for core dimension {name!r}: {d} vs {sizes[name]}")
    dims = common_dims(*[a.view.dims[:a.ndim - len(c)] for a, c in zip(arrays, inner)])
    rows = [_rows(new_array(broadcast(value_of(a), (*dims, *(sizes[n] for n in c)))), len(dims)) for a, c in zip(arrays, inner)]
    _check_some(dims, "cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    first = call_function(function, tuple(r[0] for r in rows), {})
    results = first if isinstance(first, tuple) else (first,)
    if len(results) != len(outer):
        raise ValueError(f"wrong number of outputs from pyfunc: expected {len(outer)}, got {len(results)}")
    dtypes = [np.dtype(c) for c in self.otypes] if self.otypes is not None else [_result_dtype(r) for r in results]
    outs = [call(np.zeros, ((*dims, *as_array(r).shape),), {"dtype": d}) for r, d in zip(results, dtypes, strict=True)]
    flat = [_rows(o, len(dims)) for o in outs]
    call_function(over_rows, (function, flat, rows, _count(dims), (), {}), {})
    return outs[0] if len(outs) == 1 else tuple(outs)


def _rows(a: TracedArray, rank: int) -> TracedArray:
    """The first `rank` axes as one."""
    return a.reshape((_count(a.view.dims[:rank]), *a.shape[rank:]))


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Callable, axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    a = as_array(arr)
    k = one_axis(axis, a.ndim)
    lines = call(np.moveaxis, (a, k, -1), {})
    outer = lines.view.dims[:-1]
    _check_some(outer, "Cannot apply_along_axis when any iteration dimensions are 0")
    rows = _rows(lines, len(outer))
    first = as_array(call_function(func1d, (rows[0], *args), kwargs))
    out = new_array(call(np.zeros, ((_count(outer), *first.shape),), {"dtype": first.dtype}).view.read())
    call_function(over_rows, (func1d, [out], [rows], _count(outer), args, kwargs), {})
    result = out.reshape((*lines.shape[:-1], *first.shape))
    rank, inner = len(outer), first.ndim
    order = (*range(k), *range(rank, rank + inner), *range(k, rank))
    result = result.transpose(order) if inner else result
    return result if result.ndim else result[()]
