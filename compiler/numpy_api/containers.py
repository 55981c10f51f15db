"""Classes of NumPy that its functions, and programs, build around arrays: converters, broadcasts, iterators over elements."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import tracer
from ..aliasing import SharedGuard, inputs_share
from ..arrays import TracedArray, as_array
from ..dispatch import implements, implements_method
from ..scalars import TracedScalar, is_weak
from ..text import TracedText
from ..ufuncs import promotable
from ..values import common_dims
from ..views import Affine, Part, Reshape, View, reshaped_strides

_umath = np._core._multiarray_umath  # type: ignore[attr-defined]
# Where arrays that are never read pretend to lie.
_FAR = 1 << 32


class Converter:
    """What NumPy's functions make of array-like arguments, and how they wrap their results."""

    def __init__(self, *arguments: Any) -> None:
        self.given = arguments
        self.arrays = tuple(as_array(a) for a in arguments)

    @property
    def scalar_input(self) -> tuple[bool, ...]:
        return tuple(not isinstance(g, (TracedArray, np.ndarray)) and a.ndim == 0 for g, a in zip(self.given, self.arrays))

    def as_arrays(self, subok: bool = True, pyscalars: str = "convert_if_no_array") -> tuple:
        weak = [is_weak(g) for g in self.given]
        keep = pyscalars == "preserve" or (pyscalars == "convert_if_no_array" and not all(weak))
        return tuple(g if keep and w else a for g, a, w in zip(self.given, self.arrays, weak))

    def result_type(self, extra_dtype: Any = None, ensure_inexact: bool = False) -> np.dtype:
        kinds = [promotable(g) if is_weak(g) else a.dtype for g, a in zip(self.given, self.arrays)]
        operands = [k if isinstance(k, np.dtype) else k(0) for k in kinds]
        operands += [extra_dtype] if extra_dtype is not None else []
        operands += [1.0] if ensure_inexact else []
        return np.result_type(*operands)

    def wrap(self, arr: Any, /, to_scalar: Any = None) -> Any:
        to_scalar = all(self.scalar_input) if to_scalar is None else to_scalar
        return arr[()] if to_scalar and isinstance(arr, TracedArray) and not arr.ndim else arr

    def __getitem__(self, k: Any) -> Any:
        return self.arrays[k]

    def __len__(self) -> int:
        return len(self.arrays)


@implements(_umath._array_converter)
def array_converter(*arguments: Any) -> Converter:
    return Converter(*arguments)


class Broadcast:
    """np.broadcast of arrays: the shape they broadcast to."""

    def __init__(self, *arrays: Any) -> None:
        self.arrays = [as_array(a) for a in arrays]
        try:
            dims = common_dims(*[a.view.dims for a in self.arrays])
        except ValueError:
            raise ValueError("shape mismatch: objects cannot be broadcast to a single shape.") from None
        self.shape = tuple(tracer.static_extent(d, "np.broadcast") for d in dims)
        self.ndim = self.nd = len(self.shape)
        self.size = int(np.prod(self.shape))
        self.numiter = len(self.arrays)

    def __iter__(self) -> Iterator[tuple]:
        wide = [np.broadcast_to(a, self.shape) for a in self.arrays]
        return (tuple(w[i] for w in wide) for i in np.ndindex(*self.shape))


@implements(np.broadcast)
def broadcast(*arrays: Any) -> Broadcast:
    return Broadcast(*arrays)


@implements(np.ndenumerate)
def ndenumerate(arr: Any) -> Iterator[tuple]:
    """Pairs of index and element: a loop over them is unrolled."""
    a = as_array(arr)
    shape = tuple(tracer.static_extent(d, "np.ndenumerate") for d in a.view.dims)
    return ((i, a[i]) for i in itertools.product(*map(range, shape)))


@implements(np.nditer)
def nditer(*args: Any, **kwargs: Any) -> Any:
    raise tracer.unsupported("np.nditer", "its loop writes through buffers that tracing cannot see",
                             "for loops over indices, np.ndindex or np.ndenumerate")


@implements(np.shares_memory)
def shares_memory(a: Any, b: Any, /, max_work: Any = None) -> bool:
    return _share(a, b, exactly=True)


@implements(np.may_share_memory)
def may_share_memory(a: Any, b: Any, /, max_work: Any = None) -> bool:
    return _share(a, b, exactly=False)


def _share(a: Any, b: Any, exactly: bool) -> bool:
    """Decided by the arrays' places, where these are known; of two inputs, by where they lie in this call, which is a guard."""
    if not isinstance(a, TracedArray) or not isinstance(b, TracedArray):
        return False
    if a.view.storage is not b.view.storage:
        first, second = a.view.storage.source, b.view.storage.source
        if first is None or second is None:
            return False
        trace = tracer.current()
        answer = inputs_share(first.read(trace.call), second.read(trace.call), exactly)
        if answer and (a.view.steps or b.view.steps):
            raise tracer.unsupported("np.shares_memory of parts of two inputs that overlap", "where they lie is not known while "
                                     "compiling", "ask before the call")
        trace.guard(SharedGuard((first, second), exactly, answer))
        return answer
    mine, other = _stand_in(a.view), _stand_in(b.view)
    if mine is None or other is None:
        if a.view.steps == b.view.steps or not a.view.steps or not b.view.steps:
            return True
        raise tracer.unsupported("np.shares_memory of two views of one array", "where they lie is not known while compiling")
    return np.shares_memory(mine, other) if exactly else np.may_share_memory(mine, other)


def _stand_in(view: View) -> np.ndarray | None:
    """An array that lies as the view does in memory that begins at some address; None if the place is known at run time only.
    It is never read."""

    def known(dims: Sequence, strides: Sequence) -> bool:
        return all(isinstance(n, int) for n in (*dims, *strides))

    dims: Sequence[Any] = view.storage.dims
    strides: Sequence[Any] | None = view.storage.strides
    if strides is None or not known(dims, strides):
        return None
    size, offset = view.storage.dtype.itemsize, _FAR
    for step in view.steps:
        if isinstance(step, Affine):
            if step.starts or not known(step.dims, ()):
                return None
            axes: list[tuple[Any, Any]] = [*zip(step.map, strides, strict=True)]
            offset += sum(axis.start * s for axis, s in axes)
            strides = [sum(by * s for axis, s in axes for by, of in axis.terms if of == k) for k in range(len(step.dims))]
        elif isinstance(step, Reshape):
            strides = reshaped_strides(dims, strides, step.dims, size)
        elif isinstance(step, Part):
            size //= 2
            offset += size if step.name == "imag" else 0
        else:
            return None
        dims = step.dims if isinstance(step, Affine | Reshape) else dims
        if strides is None or not known(dims, strides):
            return None
    place = {"data": (offset, False), "shape": tuple(dims), "strides": tuple(strides), "typestr": f"|V{size}", "version": 3}
    return np.asarray(SimpleNamespace(__array_interface__=place))


@implements_method("tobytes")
def tobytes(a: TracedArray, order: str | None = "C") -> TracedText:
    """The elements' bytes: made when the results are."""
    fortran = order == "F" or (order in ("A", None) and a.view.is_f_contiguous and not a.view.is_c_contiguous)
    return TracedText(np.ndarray.tobytes, a, "F" if fortran else "C")


@implements(np.min_scalar_type)
def min_scalar_type(a: Any, /) -> np.dtype:
    if isinstance(a, TracedArray) and a.ndim:
        return a.dtype
    raise tracer.unsupported("np.min_scalar_type of a number", "the dtype depends on its value", "name the dtype")


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    kind = promotable(x) if isinstance(x, (TracedArray, TracedScalar)) else as_array(x).dtype
    return kind is complex or (isinstance(kind, np.dtype) and kind.kind == "c")


@implements(np.isrealobj)
def isrealobj(x: Any) -> bool:
    return not iscomplexobj(x)


@implements(np.isscalar)
def isscalar(element: Any) -> bool:
    return isinstance(element, TracedScalar)
