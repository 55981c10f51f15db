"""The generalized ufuncs of NumPy itself: matmul, vecdot, matvec, vecmat, with axes=, axis=, keepdims=, dtype=, casting=, out=.

Core axes are brought to the back, the product is formed by `products.matmul` and `contract`, and the result's core axes go
where they are wanted.  What NumPy refuses, it refuses itself, on operands without memory (`_refuse`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import TracedArray, as_array, check_writeable, deliver, operand, wrap
from ..dispatch import call, implements
from ..scalars import concrete
from ..ufuncs import promotable
from ..values import broadcast, cast, check_dtype, common_dims, fits
from .gufuncs import stack_order
from .products import contract, matmul

# Core ranks of the operands and of the result.
_CORES: dict[Any, tuple[int, int, int]] = {np.matmul: (2, 2, 2), np.vecdot: (1, 1, 0), np.matvec: (2, 1, 1), np.vecmat: (1, 2, 1)}


def _vecdot(x: TracedArray, y: TracedArray, kind: np.dtype, out: Any) -> Any:
    lead = common_dims(x.view.dims[:-1], y.view.dims[:-1])
    v, w = (cast(a.view.read(), kind) for a in (_conjugate(x), y))
    v, w = broadcast(v, (*lead, v.dims[-1])), broadcast(w, (*lead, w.dims[-1]))
    k = len(lead)
    product = contract(v, w, (k,), (k,), tuple(range(k)), tuple(range(k)))
    return deliver(wrap(product, stack_order([x, y], [1, 1])), out)


def _conjugate(x: TracedArray) -> TracedArray:
    return call(np.conjugate, (x,), {}) if x.dtype.kind == "c" else x


def _matvec(x: TracedArray, y: TracedArray, kind: np.dtype, out: Any) -> Any:
    return deliver(_scalar_if_single(matmul(x, y[..., None], kind)[..., 0]), out)


def _vecmat(x: TracedArray, y: TracedArray, kind: np.dtype, out: Any) -> Any:
    return deliver(_scalar_if_single(matmul(_conjugate(x)[..., None, :], y, kind)[..., 0, :]), out)


def _scalar_if_single(x: TracedArray) -> Any:
    """A copy of its own, as every result is."""
    return wrap(x.view.read())


_PRODUCTS: dict[np.ufunc, Callable[..., Any]] = {np.matmul: matmul, np.vecdot: _vecdot, np.matvec: _matvec, np.vecmat: _vecmat}


def _implement(ufunc: np.ufunc) -> None:
    @implements(ufunc)
    def implementation(x1: Any, x2: Any, /, out: Any = None, *, axes: Any = None, axis: Any = None, keepdims: Any = False,
                       dtype: Any = None, signature: Any = None, casting: str = "same_kind", order: str = "K",
                       subok: bool = True) -> Any:
        out = out[0] if isinstance(out, tuple) else out
        if out is not None and out is not Ellipsis:
            if not isinstance(out, TracedArray):
                raise TypeError("return arrays must be of ArrayType")
            check_writeable(out.view, "output array is read-only")
        kind = _result_dtype(ufunc, (x1, x2), out, dtype, signature, casting)
        arrays = [as_array(x1), as_array(x2)]
        keep = concrete(keepdims, "keepdims")
        if not isinstance(keep, bool):
            ufunc(*(np.zeros((1,) * c) for c in _CORES[ufunc][:2]), keepdims=keep)  # raises NumPy's error
            keep = bool(keep)
        axes, axis = _known_axes(axes), _known_axes(axis)
        _refuse(ufunc, arrays, axes, axis, keep)
        places = _places(ufunc, arrays, axes, axis, keep)
        moved = [call(np.moveaxis, (a, p, range(-len(p), 0)), {}) if p else a for a, p in zip(arrays, places)]
        form = _PRODUCTS[ufunc]
        target = places[2]
        if out is Ellipsis:
            return _ordered(as_array(form(*moved, kind, None)), order)
        if not keep and target == tuple(range(-len(target), 0)) and (out is None or not _spreads(out, moved, len(target))):
            return form(*moved, kind, out) if out is not None else _ordered(form(*moved, kind, None), order)
        result = as_array(form(*moved, kind, None))
        if keep:
            result = call(np.expand_dims, (result, target), {})
        else:
            result = call(np.moveaxis, (result, range(-len(target), 0), target), {})
        if out is not None and fits(result.view.dims, out.view.dims):
            result = call(np.broadcast_to, (result, out.shape), {})
        return deliver(result if out is not None else _ordered(result, order), out)


def _ordered(result: Any, order: str) -> Any:
    """The result, in Fortran's order if that is asked for."""
    return call(np.asfortranarray, (result,), {}) if order == "F" and isinstance(result, TracedArray) and result.ndim else result


def _known_axes(x: Any) -> Any:
    return type(x)(map(_known_axes, x)) if isinstance(x, (list, tuple)) else concrete(x, "an axis")


def _spreads(out: TracedArray, arrays: Sequence[TracedArray], core: int) -> bool:
    """Is there more room in `out` than the stack of the operands fills?"""
    return out.ndim - core > max(a.ndim for a in arrays) - 1 or 1 in [d for a in arrays for d in a.view.dims]


def _result_dtype(ufunc: np.ufunc, xs: Sequence[Any], out: TracedArray | None, dtype: Any, signature: Any, casting: Any,
                  ) -> np.dtype:
    if dtype is not None:
        signature = (None, None, np.dtype(dtype))
    elif isinstance(signature, str):
        signature = tuple(map(np.dtype, signature.replace("->", "")))
    kinds = [promotable(operand(x)) for x in xs]
    if all(k in (int, float, complex) for k in kinds):
        kinds = [np.dtype(k) for k in kinds]
    more = {} if signature is None else {"signature": signature}
    loop = ufunc.resolve_dtypes((*kinds, None if out is None else out.dtype), casting=casting, **more)
    return check_dtype(loop[2])


def _places(ufunc: np.ufunc, arrays: Sequence[TracedArray], axes: Any, axis: Any, keep: bool) -> list[tuple[int, ...]]:
    """The core axes of the operands and of the result, the last ones if nothing else is said."""
    cores = [min(c, a.ndim) if ufunc is np.matmul else c for c, a in zip(_CORES[ufunc], arrays)]
    cores.append(sum(cores) - 2 if ufunc is np.matmul else _CORES[ufunc][2])
    if axis is not None or keep:
        one = -1 if axis is None else axis
        axes = axes if axes is not None else [one, one, one if keep else ()]
    if axes is None:
        return [tuple(range(-c, 0)) for c in cores]
    found = [tuple(p) if isinstance(p, (tuple, list)) else (p,) for p in axes]
    if len(found) == 2 and not cores[2]:
        found.append((-1,) if keep else ())
    return found


def _refuse(ufunc: np.ufunc, arrays: Sequence[TracedArray], axes: Any, axis: Any, keep: bool) -> None:
    """Raise what NumPy raises for these shapes and axes, where shapes are known: on few elements, equal extents staying equal."""
    if not all(isinstance(d, int) for a in arrays for d in a.view.dims):
        return
    shapes = [a.shape for a in arrays]
    small = {d: min(d, 2 + k) for k, d in enumerate(sorted({d for s in shapes for d in s}))}
    options = {k: v for k, v in (("axes", axes), ("axis", axis), ("keepdims", keep or None)) if v is not None}
    try:
        ufunc(*(np.zeros([small[d] for d in s]) for s in shapes), **options)
    except ValueError:
        ufunc(*(np.broadcast_to(np.zeros(()), s) for s in shapes), **options)


for _ufunc in _CORES:
    _implement(_ufunc)
