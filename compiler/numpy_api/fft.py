"""`numpy.fft`: NumPy's own code (`numpys_own.py`) over one transform along one axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.fft import _helper
from numpy.fft import _pocketfft as _numpys
from numpy.lib.array_utils import normalize_axis_index

from ...ir.graph import Value
from ...ir.types import ArrayType, same_dims
from .. import tracer
from ..arrays import TracedArray, as_array, assign, new_array, value_of
from ..dispatch import call, implements
from ..regions import check
from ..scalars import TracedScalar, concrete, to_kind
from ..values import cast, check_dtype
from .creation import like_order
from .numpys_own import Borrowed

# The stubs leave out what is private.
_pocketfft: Any = _numpys


def _transform(a: Any, n: Any, axis: Any, is_real: bool, is_forward: bool, norm: Any, out: Any = None) -> Any:
    """NumPy's `_raw_fft`."""
    axis = concrete(axis, "an axis")
    if isinstance(n, TracedScalar) and n.known is None:
        return _counted(a, n, normalize_axis_index(axis, a.ndim), is_real, is_forward, norm, out)
    n = concrete(n, "the number of points")
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    if not is_forward:
        norm = _pocketfft._swap_direction(norm)
    real_dtype = np.result_type(a.real.dtype, 1.0)
    axis = normalize_axis_index(axis, a.ndim)
    wide = np.dtype(np.float64) if real_dtype == np.float64 else np.dtype(np.float32)
    attrs = {"axis": axis, "n": int(n), "scale": float(_scale(n, norm, real_dtype))}
    given = a
    if not isinstance(a.view.dims[axis], int):
        a = _fitted(a, axis, n // 2 + 1 if is_real and not is_forward else n)
    x = a.view.read()
    if tracer.static_extent(x.dims[axis], "a Fourier transform") == 0:
        # NumPy's loops read the first element of a line; what is not there counts as zero.
        dims = (*x.dims[:axis], 1, *x.dims[axis + 1:])
        x = tracer.builder().zeros(ArrayType(x.dtype, dims))  # type: ignore[arg-type]
    if is_real and is_forward:
        if a.dtype.kind == "c":
            raise TypeError(f"ufunc 'rfft_n_{'odd' if n % 2 else 'even'}' not supported for the input types, and the inputs could "
                            "not be safely coerced to any supported types according to the casting rule ''safe''")
        result = tracer.emit("rfft", [cast(x, wide)], **attrs)
    else:
        whole = np.result_type(wide, 1j)
        if is_real:
            result = tracer.emit("irfft", [cast(x, whole)], **attrs)
        else:
            result = tracer.emit("fft", [cast(x, whole if x.dtype.kind == "c" else wide)], inverse=not is_forward, **attrs)
    return _delivered(given, result, is_real and not is_forward, out)


def _fitted(a: TracedArray, axis: int, n: Any) -> TracedArray:
    """`a` cut, or filled up with zeros, to n elements along the axis, where one of both extents is known only at run time."""
    own = a.shape[axis]
    if isinstance(own, TracedScalar) and isinstance(n, TracedScalar) and own.value is n.value:
        return a
    line = call(np.zeros, ((*a.shape[:axis], n, *a.shape[axis + 1:]), a.dtype), {})
    part = (slice(None),) * axis + (slice(None, call(min, (own, n), {})),)
    line[part] = a[part]
    return line


def _counted(a: TracedArray, n: Any, axis: int, is_real: bool, is_forward: bool, norm: Any, out: Any) -> Any:
    """A transform of as many points as only the run knows: real ones are complex ones of which a half is given."""
    if is_real and is_forward and a.dtype.kind == "c":
        raise TypeError("ufunc 'rfft_n_even' not supported for the input types, and the inputs could not be safely coerced to any "
                        "supported types according to the casting rule ''safe''")
    n = to_kind(n, "int")
    some = cast(value_of(n >= 1), np.dtype(bool))
    n = TracedScalar(tracer.emit("check", [n.value, some, n.value], exception="ValueError",
                                 message="Invalid number of FFT data points ({0}) specified."))
    wide = np.dtype(np.float64) if np.result_type(a.real.dtype, 1.0) == np.float64 else np.dtype(np.float32)
    whole, half, lead = np.result_type(wide, 1j), n // 2 + 1, (slice(None),) * axis
    x = _fitted(a, axis, half if is_real and not is_forward else n)
    if is_real and not is_forward:
        place = call(np.arange, (n,), {})
        mirrored = call(np.take, (x.astype(whole), call(np.where, (place < half, place, n - place), {})), {"axis": axis})
        kept = (place < half).reshape((-1, *(1,) * (a.ndim - axis - 1)))
        x = call(np.where, (kept, mirrored, call(np.conjugate, (mirrored,), {})), {})
    found = tracer.emit("fft", [cast(value_of(x), whole if x.dtype.kind == "c" else wide)], inverse=not is_forward, axis=axis,
                        n=None, scale=1.0)
    result: Any = new_array(found)
    if is_real:
        result = result[(*lead, slice(None, half))] if is_forward else result.real
    factor = _factor(n, norm if is_forward else _pocketfft._swap_direction(norm))
    return _delivered(a, value_of(result if factor is None else result * factor.astype(wide)), is_real and not is_forward, out)


def _factor(n: TracedScalar, norm: Any) -> Any:
    count: Any = TracedScalar(cast(n.value, np.dtype(np.float64)))
    if norm is None or norm == "backward":
        return None
    if norm in ("ortho", "forward"):
        return 1.0 / (call(np.sqrt, (count,), {}) if norm == "ortho" else count)
    raise ValueError(f'Invalid norm value {norm}; should be "backward","ortho" or "forward".')


def _delivered(a: TracedArray, result: Value, real: bool, out: Any) -> Any:
    """The result in the dtype that NumPy gives it."""
    dtype = check_dtype(np.result_type(a.real.dtype, 1.0) if real else np.result_type(a.dtype, 1j))
    if out is None:
        return new_array(cast(result, dtype), like_order(a))  # NumPy fills an `empty_like`
    if not isinstance(out, TracedArray):
        raise TypeError("return arrays must be of ArrayType")
    if not same_dims(out.view.dims, result.dims):
        raise ValueError("output array has wrong shape.")
    if not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise TypeError(f"Cannot cast ufunc output from {result.dtype!r} to {out.dtype!r} with casting rule 'same_kind'")
    assign(out, new_array(result))
    return out


def _scale(n: int, norm: Any, dtype: np.dtype) -> Any:
    if norm is None or norm == "backward":
        return 1
    if norm == "ortho":
        return np.reciprocal(np.sqrt(n, dtype=dtype))
    if norm == "forward":
        return np.reciprocal(n, dtype=dtype)
    raise ValueError(f'Invalid norm value {norm}; should be "backward","ortho" or "forward".')


def _frequencies(name: str) -> Any:
    def frequencies(n: Any, d: Any = 1.0, device: Any = None) -> Any:
        if isinstance(n, TracedScalar) and n.known is None:
            n = to_kind(n, "int")
            check(value_of(n >= 0, np.dtype(bool)), ValueError("negative dimensions are not allowed"))
            place = call(np.arange, (n if name == "fftfreq" else n // 2 + 1,), {})
            if name == "fftfreq":
                place = call(np.where, (place < (n - 1) // 2 + 1, place, place - n), {})
            return place * (1.0 / (n * d))
        return _HELPERS[name](concrete(n, "the number of points"), d)

    return frequencies


def _shape_and_axes(a: Any, s: Any = None, axes: Any = None, invreal: bool = False) -> tuple[Any, Any]:
    """NumPy's `_cook_nd_args`, of arrays whose extents only the run knows, too."""
    if s is not None or all(isinstance(d, int) for d in a.view.dims):
        return _pocketfft._cook_nd_args(a, s, axes, invreal)
    axes = list(range(-a.ndim, 0)) if axes is None else list(axes)
    lengths = [a.shape[k] for k in axes]
    if invreal:
        lengths[-1] = (a.shape[axes[-1]] - 1) * 2
    return lengths, axes


_BORROWED = Borrowed(_pocketfft, {"_raw_fft": _transform, "_cook_nd_args": _shape_and_axes, "asarray": as_array})
_HELPERS = Borrowed(_helper, {"asarray": as_array})

for _name in _pocketfft.__all__:
    implements(getattr(np.fft, _name))(_BORROWED.entry(_name))
for _name in ("fftshift", "ifftshift"):
    implements(getattr(np.fft, _name))(_HELPERS.entry(_name))
for _name in ("fftfreq", "rfftfreq"):
    implements(getattr(np.fft, _name))(_frequencies(_name))
