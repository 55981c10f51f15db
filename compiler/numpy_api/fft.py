"""`numpy.fft`: NumPy's own code (`numpys_own.py`) over one transform along one axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.fft import _helper
from numpy.fft import _pocketfft as _numpys
from numpy.lib.array_utils import normalize_axis_index

from ...ir.types import ArrayType, same_dims
from .. import tracer
from ..arrays import TracedArray, as_array, assign, new_array
from ..dispatch import implements
from ..scalars import concrete
from ..values import cast, check_dtype
from .creation import like_order
from .numpys_own import Borrowed

# The stubs leave out what is private.
_pocketfft: Any = _numpys


def _transform(a: Any, n: Any, axis: Any, is_real: bool, is_forward: bool, norm: Any, out: Any = None) -> Any:
    """NumPy's `_raw_fft`."""
    n, axis = concrete(n, "the number of points"), concrete(axis, "an axis")
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    if not is_forward:
        norm = _pocketfft._swap_direction(norm)
    real_dtype = np.result_type(a.real.dtype, 1.0)
    axis = normalize_axis_index(axis, a.ndim)
    wide = np.dtype(np.float64) if real_dtype == np.float64 else np.dtype(np.float32)
    attrs = {"axis": axis, "n": int(n), "scale": float(_scale(n, norm, real_dtype))}
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
    dtype = check_dtype(real_dtype if is_real and not is_forward else np.result_type(a.dtype, 1j))
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
        return _HELPERS[name](concrete(n, "the number of points"), d)

    return frequencies


_BORROWED = Borrowed(_pocketfft, {"_raw_fft": _transform, "asarray": as_array})
_HELPERS = Borrowed(_helper, {"asarray": as_array})

for _name in _pocketfft.__all__:
    implements(getattr(np.fft, _name))(_BORROWED.entry(_name))
for _name in ("fftshift", "ifftshift"):
    implements(getattr(np.fft, _name))(_HELPERS.entry(_name))
for _name in ("fftfreq", "rfftfreq"):
    implements(getattr(np.fft, _name))(_frequencies(_name))
