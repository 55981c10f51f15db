"""TracedArray: stands for an ndarray while tracing; and the conversions between user operands and SSA values.

An array is a reference to a `View`; `x.shape = ...` replaces the view of this one reference, as in NumPy.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import PY_INT, ArrayType, Dim, WeakType, element_count, same_dims
from . import dispatch, tracer
from .operators import BINARY, Operators
from .scalars import PYTHON_SCALARS, BoundMethod, TracedScalar, is_weak
from .sources import Fixed
from .strides import extents_of
from .values import broadcast, cast, check_dtype, fits, shape_text
from .views import Storage, View, reshape_value, view_of

# Constants up to this size are part of the code; larger ones are read from memory.
_INLINE_CONSTANT = 16


_MEMORY = "arrays have no memory of their own while they are compiled"
_REFUSED = {"tofile": _MEMORY, "dump": _MEMORY, "dumps": _MEMORY, "data": _MEMORY, "ctypes": _MEMORY,
            "base": _MEMORY, "getfield": _MEMORY, "setfield": _MEMORY, "setflags": _MEMORY,
            "resize": "the array's size would change in place; np.resize makes a new one"}


class TracedArray(Operators):
    """An array in a traced function."""

    __slots__ = ("__weakref__", "view")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, view: View) -> None:
        self.view = view

    @property
    def dtype(self) -> np.dtype:
        return self.view.dtype

    @property
    def ndim(self) -> int:
        return self.view.rank

    @property
    def shape(self) -> tuple:
        return tuple(map(extent, self.view.dims))

    @shape.setter
    def shape(self, shape: Any) -> None:
        if tracer.in_control():
            raise tracer.unsupported("x.shape = ... in a loop or branch on run-time values", instead="x = x.reshape(...)")
        view = self.view.reshape(dispatch.call(("dims of", "reshape"), (self, shape), {}))
        if view is None:
            raise AttributeError("Incompatible shape for in-place modification. Use `.reshape()` to make a copy with the "
                                 "desired shape.")
        self.view = view

    @property
    def size(self) -> Any:
        total: Any = 1
        for d in self.shape:
            total = total * d
        return total

    @property
    def strides(self) -> tuple:
        tracer.specialise(*extents_of(*self.view.strides))
        if any(s is None for s in self.view.strides):
            raise tracer.unsupported("strides of an array with run-time extents")
        return self.view.strides

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> Any:
        return self.size * self.dtype.itemsize

    @property
    def T(self) -> TracedArray:
        return TracedArray(self.view.transpose(range(self.ndim)[::-1]))

    @property
    def mT(self) -> TracedArray:
        if self.ndim < 2:
            raise ValueError("matrix transpose with ndim < 2 is undefined")
        return TracedArray(self.view.transpose([*range(self.ndim - 2), self.ndim - 1, self.ndim - 2]))

    @property
    def real(self) -> TracedArray:
        return TracedArray(self.view.part("real")) if self.dtype.kind == "c" else self

    @real.setter
    def real(self, value: Any) -> None:
        assign(self.real, _part_value(value))

    @property
    def imag(self) -> TracedArray:
        if self.dtype.kind == "c":
            return TracedArray(self.view.part("imag"))
        fortran = self.view.is_f_contiguous and not self.view.is_c_contiguous
        zeros = new_array(tracer.builder().zeros(ArrayType(self.dtype, self.view.dims)),
                          tuple(reversed(range(self.ndim))) if fortran else None)
        zeros.view = _read_only(zeros.view)
        return zeros

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.dtype.kind != "c":
            raise TypeError("array does not have imaginary part to set")
        assign(self.imag, _part_value(value))

    @property
    def flat(self) -> Any:
        return dispatch.METHODS["flat"](self)

    @flat.setter
    def flat(self, value: Any) -> None:
        dispatch.METHODS["flat="](self, value)

    @property
    def flags(self) -> Flags:
        return Flags(self.view)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar and not array.ndim else array

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        method = dispatch.METHODS.get(name)
        if method is not None:
            return BoundMethod(method, self, name)
        if not hasattr(np.ndarray, name):
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        raise tracer.unsupported(f"ndarray.{name}", _REFUSED.get(name, ""))

    def __getitem__(self, index: Any) -> Any:
        return dispatch.call(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        dispatch.call(operator.setitem, (self, index, value), {})

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return operator.index(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[k] for k in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool(dispatch.call(np.any, (self == value,), {}))

    def __bool__(self) -> bool:
        return bool(truth_operand(self))

    def __index__(self) -> int:
        if self.ndim or self.dtype.kind not in "iu":
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return operator.index(self[()])

    def __int__(self) -> int:
        return int(dispatch.METHODS["item"](self))

    def __float__(self) -> float:
        return float(dispatch.METHODS["item"](self))

    def __complex__(self) -> complex:
        return complex(dispatch.METHODS["item"](self))

    def __repr__(self) -> str:
        return f"<traced array: {self.dtype}{shape_text(self.view.dims)}>"


def _in_place(ufunc: np.ufunc) -> Any:
    def method(self: TracedArray, other: Any) -> TracedArray:
        return dispatch.call(("in place", ufunc), (self, other), {})

    return method


for _name, (_, _ufunc) in BINARY.items():
    setattr(TracedArray, f"__i{_name}__", _in_place(_ufunc))


class Flags:
    """`x.flags` of a traced array."""

    __slots__ = ("_view",)

    def __init__(self, view: View) -> None:
        self._view = view

    @property
    def c_contiguous(self) -> bool:
        return self._view.is_c_contiguous

    @property
    def f_contiguous(self) -> bool:
        return self._view.is_f_contiguous

    @property
    def writeable(self) -> bool:
        return self._view.writeable

    @property
    def fnc(self) -> bool:
        return self.f_contiguous and not self.c_contiguous

    @property
    def contiguous(self) -> bool:
        return self.c_contiguous

    @property
    def forc(self) -> bool:
        return self.c_contiguous or self.f_contiguous

    @property
    def farray(self) -> bool:
        return self.writeable and self.f_contiguous and not self.c_contiguous

    @property
    def carray(self) -> bool:
        return self.writeable and self.c_contiguous

    @property
    def aligned(self) -> bool:
        return True

    def __getitem__(self, key: str) -> bool:
        names = {"C": "c_contiguous", "F": "f_contiguous", "W": "writeable", "A": "aligned"}
        return getattr(self, names.get(key, key.lower()))


def as_numpy(x: Any) -> Any:
    """A Python number as a NumPy one, which wraps where a Python integer would not fit."""
    if isinstance(x, TracedScalar) and x.kind is not None:
        return TracedScalar(cast(x.value, np.dtype({"bool": bool, "int": np.int64, "float": float, "complex": complex}[x.kind])))
    return np.asarray(x)[()] if isinstance(x, PYTHON_SCALARS) and not isinstance(x, np.generic) else x


def _read_only(view: View) -> View:
    return View(view.storage, view.steps, view.dims, view.dtype, view.strides, False)


def truth_operand(x: TracedArray) -> Any:
    """The scalar whose truth is the truth of `x`; ValueError as NumPy's for other than one element."""
    count = element_count(x.view.dims)
    if count == 0:
        raise ValueError("The truth value of an empty array is ambiguous. Use `array.size > 0` to check that an array is not "
                         "empty.")
    if count is not None and count > 1:
        raise ValueError("The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()")
    return dispatch.METHODS["item"](x)


def extent(d: Dim) -> Any:
    """An extent as the user sees it: an int, or a traced one."""
    return d if isinstance(d, int) else TracedScalar(d)


def is_traced(x: Any) -> bool:
    return isinstance(x, Operators)


def any_traced(x: Any) -> bool:
    """Does a tree of containers hold a traced object?"""
    if isinstance(x, (list, tuple, deque)):
        return any(any_traced(e) for e in x)
    if isinstance(x, dict):
        return any(any_traced(e) for e in x.values())
    if isinstance(x, slice):
        return any(is_traced(e) for e in (x.start, x.stop, x.step))
    return is_traced(x)


def new_array(value: Value, layout: tuple[int, ...] | None = None) -> TracedArray:
    """An array over a new allocation that holds `value`, its axes in memory in the order `layout` (None: C order)."""
    if isinstance(value.type, WeakType):
        value = cast(value, value.dtype)
    return TracedArray(view_of(Storage(value, layout=layout)))


def wrap(value: Value, layout: tuple[int, ...] | None = None) -> Any:
    """What NumPy returns for this value: a scalar if its rank is 0, else a new array."""
    return TracedScalar(value) if not value.dims else new_array(value, layout)


def constant_array(x: np.ndarray) -> TracedArray:
    """An ndarray made while tracing, as a traced array of its own."""
    check_dtype(x.dtype)
    kind = ArrayType(x.dtype, x.shape)
    if x.size <= _INLINE_CONSTANT:
        value = tracer.emit("array_const", [], data=tuple(x.ravel().tolist()), type=kind) if x.ndim else \
            tracer.constant(x.item(), kind)
        return new_array(value)
    copy = np.array(x, order="C")
    return new_array(tracer.current().add_input(Fixed(copy, "constant"), kind))


def known_constant(x: Any) -> Any:
    """A traced array as an ndarray, if it is a constant of the program."""
    if not isinstance(x, TracedArray) or x.view.steps:
        return x
    value = x.view.storage.value
    if value.op is not None and value.op.name == "array_const":
        return np.array(value.op.attrs["data"], x.dtype).reshape(x.shape)
    source = next((s for s, v in tracer.current().inputs if v is value), None)
    return source.object if isinstance(source, Fixed) and isinstance(source.object, np.ndarray) else x


def as_array(x: Any, dtype: Any = None) -> TracedArray:
    """Any array-like as a traced array; a traced array of that dtype is itself."""
    if isinstance(x, TracedArray):
        return x if dtype is None or np.dtype(dtype) == x.dtype else new_array(cast(x.view.read(), np.dtype(dtype)))
    if isinstance(x, (list, tuple, deque)):
        return dispatch.call(np.array, (x,), {} if dtype is None else {"dtype": dtype})
    if isinstance(x, np.ndarray):
        return as_array(constant_array(x), dtype)
    return new_array(value_of(x, None if dtype is None else np.dtype(dtype)))


def value_of(x: Any, dtype: np.dtype | None = None) -> Value:
    """The SSA value of an operand; with `dtype`, converted to it (a Python number takes it directly)."""
    if isinstance(x, TracedArray):
        v = x.view.read()
    elif isinstance(x, TracedScalar):
        v = x.value
    elif isinstance(x, Value):
        v = x
    elif isinstance(x, np.generic):
        v = tracer.constant(x, ArrayType(check_dtype(x.dtype)))
    elif isinstance(x, PYTHON_SCALARS):
        return python_constant(x, dtype)
    elif isinstance(x, (list, tuple, np.ndarray)):
        v = as_array(x).view.read()
    else:
        if isinstance(x, Operators):
            raise x.refusal()  # type: ignore[attr-defined]
        raise tracer.unsupported(f"an operand of type {type(x).__name__}", "it is neither an array nor a number")
    return v if dtype is None else cast(v, dtype)


def python_constant(x: bool | int | float | complex, dtype: np.dtype | None = None) -> Value:
    """A Python number: weak, or as `dtype` with NumPy's OverflowError for an integer out of range."""
    if dtype is None:
        if type(x) is int and not -(2**63) <= x < 2**63:
            raise tracer.unsupported(f"the Python integer {x}", "a Python integer in compiled code has 64 bits")
        return tracer.constant(x)
    if isinstance(x, (int, float)) and not isinstance(x, (bool, np.generic)) and dtype.kind in "iu":
        dtype.type(int(x))  # OverflowError and ValueError as NumPy's
    return tracer.constant(np.asarray(x).astype(dtype).item(), ArrayType(check_dtype(dtype)))


def dims_of(x: Any) -> tuple[Dim, ...]:
    """The extents of an operand."""
    return x.view.dims if isinstance(x, TracedArray) else ()


def operand(x: Any) -> Any:
    """An operand of a ufunc as TracedArray, TracedScalar, Python number or NumPy scalar."""
    if isinstance(x, (TracedArray, TracedScalar)) or is_weak(x) or isinstance(x, np.generic):
        return x
    if isinstance(x, Value):
        return TracedScalar(x)
    return as_array(x) if isinstance(x, (list, tuple, np.ndarray)) else value_of(x)


def check_writeable(view: View, message: str = "assignment destination is read-only") -> None:
    if not view.writeable:
        raise ValueError(message)


def assign(target: TracedArray, x: Any, casting: str = "unsafe") -> None:
    """target[...] = x"""
    view = target.view
    check_writeable(view)
    if x is None or isinstance(x, (dict, set)):
        # An array of rank 0 that holds the object: its truth, NaN for None, or NumPy's error.
        x = np.array(x, object).astype(view.dtype)[()]
    x = operand(x)
    if isinstance(x, TracedArray) and same_place(x, target):
        return  # what `a[i] += b` stores after it has added in place
    if casting != "unsafe":
        check_cast(x, view.dtype, casting)
    if isinstance(x, complex) and view.dtype.kind != "c":
        convert: Any = {"f": float, "b": bool}.get(view.dtype.kind, int)
        convert(x)  # raises Python's TypeError
    v = value_of(x, view.dtype)
    view.write(broadcast(fitted(v, view.dims), view.dims))


def _part_value(x: Any) -> Any:
    """What is written into `.real` or `.imag`: up to NumPy 2.4 a Python integer is made an array first, and wraps."""
    return x if np.lib.NumpyVersion(np.__version__) >= "2.5.0" else as_numpy(x)


def same_place(a: TracedArray, b: TracedArray) -> bool:
    """Do two arrays show the same elements of one allocation?"""
    return a.view.storage is b.view.storage and a.view.steps == b.view.steps


def check_cast(x: Any, dtype: np.dtype, casting: str) -> None:
    """TypeError if this operand of an assignment must not be converted to `dtype`; a Python integer always may."""
    own = x.dtype if isinstance(x, (TracedArray, np.generic)) else x.value.dtype if isinstance(x, TracedScalar) else \
        np.asarray(x).dtype
    is_int = own.kind == "i" and (type(x) is int or (isinstance(x, TracedScalar) and x.kind == "int"))
    if np.can_cast(own, dtype, casting) or (is_int and dtype.kind != "b"):  # type: ignore[arg-type]
        return
    what = "array data" if isinstance(x, TracedArray) and x.ndim else "scalar"
    raise TypeError(f"Cannot cast {what} from {own!r} to {dtype!r} according to the rule '{casting}'")


def fitted(v: Value, dims: Sequence[Dim]) -> Value:
    """`v` without the leading extents of 1 that assignment ignores; ValueError if it cannot fill `dims`."""
    own = v.dims
    while len(own) > len(dims) and own[0] == 1:
        own = own[1:]
    while len(own) > len(dims) and isinstance(own[0], Value):
        one = tracer.emit("py_equal", [own[0], tracer.constant(1)])
        tracer.emit("check", [tracer.constant(True), one, own[0]], exception="ValueError",
                    message=f"could not broadcast input array from shape ({{0}},...) into shape {shape_text(dims)}")
        own = own[1:]
    if not fits(own, dims):
        raise ValueError(f"could not broadcast input array from shape {shape_text(v.dims)} into shape {shape_text(dims)}")
    return reshape_value(v, own)


def deliver(result: Any, out: Any, casting: str = "same_kind") -> Any:
    """Give a function's result to the caller's `out` array, or return it if there is none."""
    if isinstance(out, tuple) and len(out) == 1:
        out = out[0]
    if out is None:
        return result
    if not isinstance(out, TracedArray):
        raise TypeError("return arrays must be of ArrayType")
    check_writeable(out.view, "output array is read-only")
    v = value_of(result)
    if not same_dims(v.dims, out.view.dims):
        raise ValueError(f"output array does not match result: expected shape {shape_text(v.dims)}, "
                         f"got {shape_text(out.view.dims)}")
    if not np.can_cast(v.dtype, out.dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"Cannot cast array data from {v.dtype!r} to {out.dtype!r} according to the rule '{casting}'")
    out.view.write(cast(v, out.dtype))
    return out


def index_value(x: Any) -> Value:
    """An integer operand as a py.int or int64 of rank 0."""
    v = value_of(x)
    return v if v.type == PY_INT else cast(v, np.dtype(np.int64))




@dispatch.implements("scalar method")
def scalar_method(name: str, x: TracedScalar, *args: Any, **kwargs: Any) -> Any:
    """An ndarray's method on a NumPy scalar: that of a 0-d array, whose rank-0 results are scalars."""
    if name in ("item", "tolist"):
        return dispatch.METHODS["item"](x, *args)
    result = dispatch.METHODS[name](as_array(x), *args, **kwargs)
    return TracedScalar(result.view.read()) if isinstance(result, TracedArray) and not result.ndim else result
