"""Changing shape and order without arithmetic: reshape, ravel, transposition, broadcasting, flips, rolls, squeezes.

What NumPy gives as a view is a view here, decided by the strides that the traced array carries.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ...ir.graph import Value
from ...ir.types import Dim
from ...ir.viewmap import Axis, broadcast_map
from .. import compaction, integers, tracer
from ..arrays import TracedArray, as_array, known_constant, new_array, value_of
from ..dispatch import alias_method, call, implements, implements_method
from ..extents import shape_dims
from ..memory_order import keep_order
from ..regions import check
from ..scalars import TracedScalar, concrete, is_weak
from ..values import broadcast, cast, common_dims, fits, repeats_here, shape_text, unify
from ..views import reshape_value
from .axes import one_axis, whole_number


def reshape_dims(a: TracedArray, shape: Any) -> tuple[Dim, ...]:
    """The extents of a.reshape(shape), with -1 filled in; ValueError as NumPy's."""
    shape = shape.tolist() if isinstance(shape, np.ndarray) else shape
    entries = list(shape) if isinstance(shape, (tuple, list)) else [shape]
    plain = [e if isinstance(e, TracedScalar) and e.known is None else whole_number(concrete(e, "a shape")) for e in entries]
    unknown = [k for k, e in enumerate(plain) if isinstance(e, (int, np.integer)) and e < 0]
    if len(unknown) > 1:
        raise ValueError("can only specify one unknown dimension")
    if unknown:
        rest: Any = 1
        for k, e in enumerate(plain):
            if k != unknown[0]:
                rest = rest * e
        if isinstance(rest, (int, np.integer)) and isinstance(a.size, int):
            if rest == 0 or a.size % rest:
                raise ValueError(f"cannot reshape array of size {a.size} into shape {_shape_text(plain)}")
            plain[unknown[0]] = a.size // int(rest)
        else:
            plain[unknown[0]] = a.size // rest
    dims = shape_dims(tuple(plain))
    if not all(isinstance(d, int) for d in (*dims, *a.view.dims)):
        # Whether it fits follows from extents of arguments, or nobody knows here.
        integers.agree(compaction.size_of(dims), compaction.size_of(a.view.dims))
    if all(isinstance(d, int) for d in (*dims, *a.view.dims)) and math.prod(dims) != a.size:  # type: ignore[arg-type]
        raise ValueError(f"cannot reshape array of size {a.size} into shape {_shape_text(plain)}")
    return dims


def _shape_text(entries: Sequence[Any]) -> str:
    return shape_text(tuple(int(e) if isinstance(e, (int, np.integer)) else e for e in entries))


implements(("dims of", "reshape"))(reshape_dims)


def reshape_array(a: TracedArray, dims: tuple[Dim, ...], order: str = "C", copy: Any = None) -> TracedArray:
    if order == "A":
        order = "F" if a.view.is_f_contiguous and not a.view.is_c_contiguous else "C"
    if order == "F":
        return reshape_array(a.T, tuple(reversed(dims)), "C", copy).T
    copy = concrete(copy, "copy")
    view = None if copy else a.view.reshape(dims)
    if view is not None:
        return TracedArray(view)
    if copy is False:
        raise ValueError("Unable to avoid creating a copy while reshaping.")
    return new_array(reshape_value(a.view.read(), dims))


@implements(np.reshape)
def reshape(a: Any, /, shape: Any, order: str = "C", *, copy: Any = None) -> TracedArray:
    a = as_array(a)
    return reshape_array(a, reshape_dims(a, shape), order, copy)


@implements_method("reshape")
def reshape_method(a: TracedArray, *shape: Any, order: str = "C", copy: Any = None) -> TracedArray:
    return reshape(a, shape[0] if len(shape) == 1 else shape, order, copy=copy)


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> TracedArray:
    a = as_array(a)
    if order == "K":
        layout = keep_order([(a.view.dims, a.view.strides)], a.view.dims)
        a, order = (a, "C") if layout is None else (TracedArray(a.view.transpose(layout)), "C")
    size = a.size
    dims = (size if isinstance(size, int) else value_of(size),)
    if order == "C" and not a.view.is_c_contiguous:
        return new_array(reshape_value(a.view.read(), dims))  # ravel returns contiguous memory, reshape(-1) need not
    return reshape_array(a, dims, order)


alias_method("ravel", np.ravel)


@implements_method("flatten")
def flatten(a: TracedArray, order: str = "C") -> TracedArray:
    return ravel(a, order).copy()


@implements_method("flat")
def flat(a: TracedArray) -> Any:
    return FlatView(a)


@implements_method("flat=")
def set_flat(a: TracedArray, value: Any) -> None:
    if is_weak(value):
        a[...] = value
        return
    size = as_array(value).size
    if isinstance(size, int) and size == 0:
        return  # nothing is written
    repeated = call(np.resize, (value, a.shape), {})
    a[...] = repeated if isinstance(size, int) else call(np.where, (size > 0, repeated.astype(a.dtype), a), {})


class FlatView:
    """`x.flat`: the elements in C order; reads copy, writes go to the array."""

    __slots__ = ("array",)

    def __init__(self, array: TracedArray) -> None:
        self.array = array

    def __len__(self) -> int:
        return self.array.size

    def __iter__(self) -> Any:
        return iter(reshape(self.array, -1))

    def __getitem__(self, index: Any) -> Any:
        found = reshape(self.array, -1)[index]
        return found.copy() if isinstance(found, TracedArray) else found

    def __setitem__(self, index: Any, value: Any) -> None:
        line, new = reshape(self.array, -1), as_array(value)
        if new.ndim:  # values are repeated, or cut, to fit
            count = as_array(line[index]).size
            if isinstance(count, int) and isinstance(new.size, int):
                new = ravel(new)[:count] if new.size >= count else call(np.resize, (new, count), {})
            else:
                places = call(np.arange, (count,), {}) % call(max, (new.size, 1), {})
                new = call(np.take, (ravel(new), places), {})
        fits = new.ndim and (new.size if isinstance(new.size, int) else True)
        line[index] = new.reshape(as_array(line[index]).shape) if fits else value
        if line.view.storage is not self.array.view.storage:
            self.array[...] = line.reshape(self.array.shape)


@implements(np.transpose)
def transpose(a: Any, axes: Any = None) -> TracedArray:
    a = as_array(a)
    if axes is None:
        return a.T
    axes = tuple(concrete(x, "an axis") for x in known_constant(axes))
    if len(axes) != a.ndim:
        raise ValueError("axes don't match array")
    return TracedArray(a.view.transpose(normalize_axis_tuple(axes, a.ndim)))


@implements(np.permute_dims) if np.permute_dims is not np.transpose else (lambda f: f)
def permute_dims(a: Any, axes: Any = None) -> TracedArray:
    return transpose(a, axes)


@implements(np.matrix_transpose)
def matrix_transpose(x: Any, /) -> TracedArray:
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return swapaxes(x, -1, -2)


@implements_method("transpose")
def transpose_method(a: TracedArray, *axes: Any) -> TracedArray:
    if not axes or (len(axes) == 1 and axes[0] is None):
        return a.T
    given = tuple(map(known_constant, axes))
    return transpose(a, given[0] if len(given) == 1 and isinstance(given[0], (tuple, list, np.ndarray)) else given)


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: Any, axis2: Any) -> TracedArray:
    a = as_array(a)
    order = list(range(a.ndim))
    i, j = one_axis(axis1, a.ndim, "axis1"), one_axis(axis2, a.ndim, "axis2")
    order[i], order[j] = order[j], order[i]
    return TracedArray(a.view.transpose(order))


alias_method("swapaxes", np.swapaxes)


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> TracedArray:
    a = as_array(a)
    source = normalize_axis_tuple(concrete(source, "an axis"), a.ndim, "source")
    destination = normalize_axis_tuple(concrete(destination, "an axis"), a.ndim, "destination")
    if len(source) != len(destination):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [k for k in range(a.ndim) if k not in source]
    for d, s in sorted(zip(destination, source)):
        order.insert(d, s)
    return TracedArray(a.view.transpose(order))


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> TracedArray:
    a = as_array(a)
    axis = normalize_axis_index(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    if not 0 <= start <= a.ndim:
        raise np.exceptions.AxisError(f"'start' arg requires {-a.ndim} <= start < {a.ndim + 1}, but {start} was passed in")
    return moveaxis(a, axis, start - 1 if axis < start else start)


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> TracedArray:
    a = as_array(a)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    places = normalize_axis_tuple(tuple(axes), a.ndim + len(axes))
    return a[tuple(None if k in places else slice(None) for k in range(a.ndim + len(axes)))]


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> TracedArray:
    a = as_array(a)
    dims = a.view.dims
    ones = [k for k, d in enumerate(dims) if isinstance(d, int) and d == 1]
    if axis is not None:
        chosen = normalize_axis_tuple(axis if isinstance(axis, (tuple, list)) else (axis,), a.ndim)
        error = ValueError("cannot select an axis to squeeze out which has size not equal to one")
        if any(isinstance(dims[k], int) and k not in ones for k in chosen):
            raise error
        for k in chosen:
            if isinstance(dims[k], Value):
                check(value_of(a.shape[k] == 1, np.dtype(bool)), error)
        ones = list(chosen)
    else:
        for k, d in enumerate(dims):
            if isinstance(d, Value):
                check(value_of(a.shape[k] != 1, np.dtype(bool)), ValueError(
                    "np.squeeze: an extent known only at run time is 1, so that the number of axes is not known; name the axis"))
    if not ones:
        return a
    return a[tuple(0 if k in ones else slice(None) for k in range(a.ndim))] if len(ones) < a.ndim else \
        a[(*(0,) * a.ndim, ...)]


alias_method("squeeze", np.squeeze)


def _at_least(function: Any, rank: int) -> None:
    @implements(function)
    def implementation(*arys: Any) -> Any:
        out = []
        for x in map(as_array, arys):
            if rank == 3 and x.ndim == 2:
                x = x[:, :, None]
            elif rank == 3 and x.ndim == 1:
                x = x[None, :, None]
            else:
                while x.ndim < rank:
                    x = x[None]
            out.append(x)
        return out[0] if len(out) == 1 else tuple(out)


for _function, _rank in ((np.atleast_1d, 1), (np.atleast_2d, 2), (np.atleast_3d, 3)):
    _at_least(_function, _rank)


_REMAPPED = ("operands could not be broadcast together with remapped shapes [original->remapped]: ({0},)  and requested shape "
             "({1},)")


def broadcast_view(a: TracedArray, dims: tuple[Dim, ...], writeable: bool = False) -> TracedArray:
    lead = len(dims) - a.ndim
    if any(repeats_here(d, n) for d, n in zip(a.view.dims, dims[lead:])):
        return new_array(broadcast(a.view.read(), dims))
    dims = (*dims[:lead], *(n if isinstance(d, int) and (d == 1 or isinstance(n, int)) else unify(d, n, _REMAPPED)
                            for d, n in zip(a.view.dims, dims[lead:])))
    view = a.view.affine(broadcast_map(a.view.dims, dims), (), dims, writeable)
    # NumPy's broadcasting gives axes of one element no stride, which decides the memory order of what is made like this.
    strides = tuple(0 if isinstance(d, int) and d == 1 else s for d, s in zip(dims, view.strides))
    return TracedArray(replace(view, strides=strides))


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> TracedArray:
    a, dims = as_array(array), shape_dims(shape)
    if not fits(a.view.dims, dims):
        raise ValueError("operands could not be broadcast together with remapped shapes [original->remapped]: "
                         f"{shape_text(a.view.dims)}  and requested shape {shape_text(dims)}")
    return broadcast_view(a, dims)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple:
    arrays = [as_array(a) for a in args]
    try:
        dims = common_dims(*[a.view.dims for a in arrays])
    except ValueError:
        raise ValueError("shape mismatch: objects cannot be broadcast to a single shape.") from None
    return tuple(a if a.view.dims == dims else broadcast_view(a, dims) for a in arrays)


@implements(np.flip)
def flip(m: Any, axis: Any = None) -> TracedArray:
    m = as_array(m)
    axes = range(m.ndim) if axis is None else normalize_axis_tuple(concrete(axis, "an axis"), m.ndim)
    return m[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(m.ndim))] if m.ndim else m


@implements(np.flipud)
def flipud(m: Any) -> TracedArray:
    m = as_array(m)
    if m.ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return m[::-1, ...]


@implements(np.fliplr)
def fliplr(m: Any) -> TracedArray:
    m = as_array(m)
    if m.ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return m[:, ::-1]


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> TracedArray:
    m = as_array(m)
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    i, j = (normalize_axis_index(a, m.ndim) for a in axes)
    if i == j:
        raise ValueError("Axes must be different.")
    k = concrete(k, "k") % 4
    if k == 0:
        return m[...]
    if k == 2:
        return flip(flip(m, i), j)
    order = list(range(m.ndim))
    order[i], order[j] = j, i
    return transpose(flip(m, j), order) if k == 1 else flip(transpose(m, order), j)


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> TracedArray:
    a = as_array(a)
    if axis is None:
        return roll(ravel(a), shift, 0).reshape(a.shape)
    axes = normalize_axis_tuple(concrete(axis, "an axis"), a.ndim, allow_duplicate=True)
    shifts = tuple(shift) if isinstance(shift, (tuple, list)) or getattr(shift, "ndim", 0) == 1 else (shift,)
    if len(shifts) not in (1, len(axes)) and len(axes) != 1:
        raise ValueError("'shift' and 'axis' should be scalars or 1D sequences")
    total: dict[int, Any] = dict.fromkeys(axes, 0)
    for k in range(max(len(shifts), len(axes))):
        total[axes[k % len(axes)]] += shifts[k % len(shifts)]
    value = a.view.read()
    for k, s in total.items():
        if isinstance(s, (TracedScalar, TracedArray)):
            value = tracer.emit("roll", [value, cast(value_of(s), np.dtype(np.int64))], axis=k)
        elif operator.index(s):
            d = value.dims[k]
            by = operator.index(s) % max(d, 1) if isinstance(d, int) else operator.index(s)
            value = tracer.emit("roll", [value, tracer.constant(by)], axis=k)
    result = call(np.empty_like, (a,), {})
    result[...] = new_array(value)
    return result


@implements(np.shape)
def shape_of(a: Any) -> tuple:
    return as_array(a).shape


@implements(np.ndim)
def ndim_of(a: Any) -> int:
    return as_array(a).ndim


@implements(np.size)
def size_of(a: Any, axis: Any = None) -> Any:
    a = as_array(a)
    if axis is None:
        return a.size
    axes = normalize_axis_tuple(axis if isinstance(axis, tuple) else concrete(axis, "an axis"), a.ndim)
    total: Any = 1
    for k in axes:
        total = total * a.shape[k]
    return total


@implements(np.real)
def real(val: Any) -> Any:
    return val.real if isinstance(val, (TracedArray, TracedScalar)) else as_array(val).real


@implements(np.imag)
def imag(val: Any) -> Any:
    return val.imag if isinstance(val, (TracedArray, TracedScalar)) else as_array(val).imag


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False,
                        ) -> TracedArray:
    x = as_array(x)
    window = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    if axis is None:
        axes = tuple(range(x.ndim))
        if len(window) != len(axes):
            raise ValueError(f"Since axis is None, must provide window_shape for all dimensions of `x`; got {len(window)} "
                             f"window_shape elements and `x.ndim` is {x.ndim}.")
    else:
        axes = normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
    dims: list[Any] = list(x.shape)
    terms: list[list[tuple[int, int]]] = [[(1, k)] for k in range(x.ndim)]
    for place, (a, w) in enumerate(zip(axes, window)):
        if isinstance(dims[a], int) and isinstance(w, int):
            if dims[a] < w:
                raise ValueError("window shape cannot be larger than input array shape")
        else:
            check(value_of(dims[a] >= w, np.dtype(bool)), ValueError("window shape cannot be larger than input array shape"))
        dims[a] = dims[a] - (w - 1)
        terms[a].append((1, x.ndim + place))
    return TracedArray(x.view.affine(tuple(Axis(0, tuple(t)) for t in terms), (), shape_dims((*dims, *window)), writeable))


@implements(np.lib.stride_tricks.as_strided)
def as_strided(x: Any, shape: Any = None, strides: Any = None, subok: bool = False, writeable: bool = True) -> TracedArray:
    """A view by strides, of a contiguous array and within it."""
    a = as_array(x)
    dims = a.view.dims if shape is None else shape_dims(shape)
    steps = a.strides if strides is None else tuple(operator.index(concrete(s, "a stride")) for s in strides)
    if not a.view.is_c_contiguous or not isinstance(a.size, int) or any(not isinstance(d, int) for d in dims):
        raise tracer.unsupported("as_strided of an array that is not contiguous", instead="slicing, or sliding_window_view")
    reach = [s * (d - 1) for s, d in zip(steps, dims, strict=True)]  # type: ignore[operator]
    if any(s % a.itemsize for s in steps) or any(r < 0 for r in reach) or (
            0 not in dims and sum(reach) >= a.size * a.itemsize):
        raise tracer.unsupported("as_strided beyond the array's memory, or between its elements",
                                 instead="strides that stay within the array")
    line = reshape_array(a, (a.size,))
    axis = Axis(0, tuple((s // a.itemsize, k) for k, s in enumerate(steps) if s))
    return TracedArray(line.view.affine((axis,), (), dims, writeable and a.view.writeable and len(set(steps)) == len(steps)))
