"""Memory seen as another dtype, and bits packed into bytes: x.view(dtype), byteswap, packbits, unpackbits."""

from __future__ import annotations

import inspect
import operator
from typing import Any

import numpy as np

from .. import tracer
from ..arrays import TracedArray, as_array, assign, value_of
from ..dispatch import call, implements, implements_method
from ..regions import check
from ..scalars import concrete
from ..values import check_dtype
from ..views import View
from .axes import one_axis


def _bit_order(bitorder: Any) -> bool:
    """Is the first bit the least significant one?"""
    if not isinstance(bitorder, str):
        raise TypeError(f"argument 4 must be str, not {type(bitorder).__name__}")
    if bitorder not in ("big", "little", "b", "l"):
        raise ValueError("'order' must be either 'little' or 'big'")
    return bitorder[0] == "l"


@implements(np.packbits)
def packbits(a: Any, /, axis: Any = None, bitorder: str = "big") -> TracedArray:
    a = as_array(a)
    if a.dtype.kind not in "biu":
        raise TypeError("Expected an input array of integer or boolean data type")
    little = _bit_order(bitorder)
    if axis is None:
        a, axis = call(np.ravel, (a,), {}), 0
    k = one_axis(axis, a.ndim)
    n = a.shape[k]
    if not isinstance(n, int):
        return _packed_at_run_time(a, k, n, little)
    if k == a.ndim - 1 and n >= 8:
        return _laid_out_as(a, _packed_words(a, n, little))
    bits = call(np.not_equal, (a, 0), {}).astype(np.uint8)
    if n % 8:
        bits = call(np.pad, (bits, [(0, -n % 8 if j == k else 0) for j in range(a.ndim)]), {})
    lead = (slice(None),) * k
    packed: Any = None
    for place in range(8):
        shift = np.uint8(place if little else 7 - place)
        part = call(np.left_shift, (bits[(*lead, slice(place, None, 8))], shift), {})
        packed = part if packed is None else call(np.bitwise_or, (packed, part), {})
    return _laid_out_as(a, packed)


def _laid_out_as(a: TracedArray, result: TracedArray) -> TracedArray:
    """In Fortran's order if `a` is."""
    return call(np.array, (result,), {"order": "F"}) if a.view.is_f_contiguous and not a.view.is_c_contiguous else result


def _packed_words(a: TracedArray, n: int, little: bool) -> TracedArray:
    """Along the last axis: eight bytes are one word, whose bits are brought together in three steps."""
    whole = a[..., :n - n % 8]
    if a.dtype.itemsize > 1:
        whole = call(np.not_equal, (whole, 0), {})
    words = call(np.ascontiguousarray, (whole,), {}).view(np.uint64)
    if whole.dtype.kind != "b":
        low = np.uint64(0x7F7F7F7F7F7F7F7F)
        words = (words & low) + low | words
        words = words >> np.uint64(7) & np.uint64(0x0101010101010101)
    for k in (1, 2, 4):
        words = words | (words >> np.uint64(7 * k) if little else words << np.uint64(9 * k))
    packed = (words if little else words >> np.uint64(56)).astype(np.uint8)
    if n % 8 == 0:
        return packed
    rest = call(np.pad, (a[..., n - n % 8:], [(0, 0)] * (a.ndim - 1) + [(0, -n % 8)]), {})
    return call(np.concatenate, ((packed, _packed_words(rest, 8, little)),), {"axis": -1})


@implements(np.unpackbits)
def unpackbits(a: Any, /, axis: Any = None, count: Any = None, bitorder: str = "big") -> TracedArray:
    a = as_array(a)
    if a.dtype != np.uint8:
        raise TypeError("Expected an input array of unsigned byte data type")
    little = _bit_order(bitorder)
    if axis is None or a.ndim == 0:
        a, axis = call(np.ravel, (a,), {}), 0
    k = one_axis(axis, a.ndim)
    n = 8 * a.shape[k]
    if not isinstance(n, int):
        bits = _unpacked_at_run_time(a, k, n, little)
        return bits if count is None else _counted(bits, k, n, concrete(count, "count"))
    bits = _unpacked_words(a, little) if k == a.ndim - 1 else _unpacked_planes(a, k, n, little)
    if count is None:
        return _laid_out_as(a, bits)
    wanted = operator.index(concrete(count, "count"))
    lead = (slice(None),) * k
    if wanted > n:
        return _laid_out_as(a, call(np.pad, (bits, [(0, wanted - n if j == k else 0) for j in range(a.ndim)]), {}))
    if wanted < -n:
        raise ValueError("-count larger than number of elements")
    return _laid_out_as(a, bits[(*lead, slice(None, wanted))].copy())


def _packed_at_run_time(a: TracedArray, k: int, n: Any, little: bool) -> TracedArray:
    """Of as many elements as only the run knows."""
    lines = call(np.not_equal, (call(np.moveaxis, (a, k, -1), {}), 0), {}).astype(np.uint8)
    lines = call(np.pad, (lines, [(0, 0)] * (a.ndim - 1) + [(0, -n % 8)]), {})
    groups = lines.reshape((*lines.shape[:-1], (n + 7) // 8, 8))
    packed = call((np.bitwise_or, "reduce"), (call(np.left_shift, (groups, _shifts(little)), {}),), {"axis": -1})
    return call(np.moveaxis, (packed, -1, k), {}).copy()


def _unpacked_at_run_time(a: TracedArray, k: int, n: Any, little: bool) -> TracedArray:
    lines = call(np.moveaxis, (a, k, -1), {})
    bits = call(np.right_shift, (lines[..., None], _shifts(little)), {}) & np.uint8(1)
    return call(np.moveaxis, (bits.reshape((*lines.shape[:-1], n)), -1, k), {}).copy()


def _counted(bits: TracedArray, k: int, n: Any, count: int) -> TracedArray:
    lead = (slice(None),) * k
    if count < 0:
        check(value_of(n >= -count, np.dtype(bool)), ValueError("-count larger than number of elements"))
        return bits[(*lead, slice(None, count))].copy()
    padded = call(np.pad, (bits, [(0, call(max, (count - n, 0), {}) if j == k else 0) for j in range(bits.ndim)]), {})
    return padded[(*lead, slice(None, count))].copy()


def _shifts(little: bool) -> np.ndarray:
    return np.arange(8, dtype=np.uint8) if little else np.arange(7, -1, -1, dtype=np.uint8)


def _unpacked_words(a: TracedArray, little: bool) -> TracedArray:
    """Along the last axis: a word holds a byte eight times, of which each keeps another bit."""
    words = call(np.ascontiguousarray, (a,), {}).astype(np.uint64) * np.uint64(0x0101010101010101)
    kept = words & np.uint64(0x8040201008040201 if little else 0x0102040810204080)
    return ((kept + np.uint64(0x7F7F7F7F7F7F7F7F)) >> np.uint64(7) & np.uint64(0x0101010101010101)).view(np.uint8)


def _unpacked_planes(a: TracedArray, k: int, n: int, little: bool) -> TracedArray:
    bits = call(np.empty, ((*a.shape[:k], n, *a.shape[k + 1:]), np.uint8), {})
    for place in range(8):
        shift = np.uint8(place if little else 7 - place)
        moved = call(np.right_shift, (a, shift), {})
        bits[(*(slice(None),) * k, slice(place, None, 8))] = call(np.bitwise_and, (moved, np.uint8(1)), {})
    return bits


@implements_method("view")
def view(x: View, dtype: Any = None, type: Any = None) -> TracedArray:
    """x.view(): another reference to the same memory, perhaps as another dtype."""
    if inspect.isclass(dtype) and issubclass(dtype, np.ndarray):
        dtype, type = None, dtype
    if type is not None and type is not np.ndarray:
        raise tracer.unsupported("x.view of a subclass of ndarray", "subclasses have no compiled form")
    if dtype is None or np.dtype(dtype) == x.dtype:
        return TracedArray(x)
    kind = check_dtype(np.dtype(dtype))
    old, new = x.dtype.itemsize, kind.itemsize
    if old == new:
        return TracedArray(x.as_bits(kind, x.dims))
    if x.rank == 0:
        raise ValueError("Changing the dtype of a 0d array is only supported if the itemsize is unchanged")
    last = tracer.static_extent(x.dims[-1], "x.view(dtype)")
    if last != 1 and 0 not in x.dims and x.strides[-1] != old:
        raise ValueError("To change to a dtype of a different size, the last axis must be contiguous")
    if last * old % new:
        raise ValueError("When changing to a larger dtype, its size must be a divisor of the total size in bytes of the last "
                         "axis of the array.")
    return TracedArray(x.as_bits(kind, (*x.dims[:-1], last * old // new)))


@implements_method("byteswap")
def byteswap(x: TracedArray, inplace: Any = False) -> TracedArray:
    """The bytes of each element (of each part, for complex numbers) in reverse."""
    size = x.dtype.itemsize // (2 if x.dtype.kind == "c" else 1)
    source = x.copy() if x.ndim else x[None].copy()
    parts = view(source.view, np.dtype(f"u{size}")) if size > 1 else source
    result: Any = None
    for k in range(size if size > 1 else 0):
        byte = call(np.bitwise_and, (call(np.right_shift, (parts, 8 * k), {}), 255), {})
        placed = call(np.left_shift, (byte, 8 * (size - 1 - k)), {})
        result = placed if result is None else call(np.bitwise_or, (result, placed), {})
    swapped = (source if result is None else view(result.view, x.dtype)).reshape(x.shape)
    if not inplace:
        return swapped
    assign(x, swapped)
    return x

