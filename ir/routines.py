"""What the library routines of the loop dialect mean, in NumPy: for the loop evaluator.

A routine gets pointers (the memory of a buffer, and where in it the data begins) and its own integers, as `loops.Call`
lists them.  `ROUTINES` is keyed by the part of a routine's name before any underscore.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy

from . import gufuncs
from .ops.draw import FUNCTIONS, drawn
from .types import DTYPES


class Pointer:
    """The element `offset` scalars after the buffer's element at index 0 of every axis."""

    def __init__(self, memory: np.ndarray, offset: int) -> None:
        self.memory, self.offset = memory, offset

    def strided(self, dtype: np.dtype, dims: Sequence[int], strides: Sequence[int]) -> np.ndarray:
        """The memory from here as an array of `dtype`; strides in elements of it."""
        corner: tuple[Any, ...] = (*(slice(0, 1),) * self.memory.ndim, ...)
        first = self.memory[corner].reshape(-1)
        if 0 in dims:
            return np.empty(dims, dtype)
        address = first.__array_interface__["data"][0] + self.offset * first.itemsize
        view = _At(address, dtype, tuple(dims), tuple(s * dtype.itemsize for s in strides), self.memory)
        return np.asarray(view)


class _At:
    """An array interface over memory that `owner` keeps alive."""

    def __init__(self, address: int, dtype: np.dtype, shape: tuple, strides: tuple, owner: np.ndarray) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "data": (address, False), "typestr": dtype.str, "shape": shape, "strides": strides, "version": 3}


_BLAS_DTYPES: dict[str, np.dtype] = {"s": np.dtype("f4"), "d": np.dtype("f8"), "c": np.dtype("c8"), "z": np.dtype("c16")}


def _gemm(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    """Column-major c = op(a) op(b)."""
    transa, transb, m, n, k, lda, ldb, ldc = scalars
    dtype = _BLAS_DTYPES[name[0]]
    a, b, c = pointers
    left = a.strided(dtype, (k, m), (1, lda)).T if transa else a.strided(dtype, (m, k), (1, lda))
    right = b.strided(dtype, (n, k), (1, ldb)).T if transb else b.strided(dtype, (k, n), (1, ldb))
    c.strided(dtype, (m, n), (1, ldc))[...] = left @ right
    return 0


def _syrk(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    trans, n, k, lda, ldc = scalars
    dtype = _BLAS_DTYPES[name[0]]
    a, c = pointers
    matrix = a.strided(dtype, (k, n), (1, lda)).T if trans else a.strided(dtype, (n, k), (1, lda))
    c.strided(dtype, (n, n), (1, ldc))[...] = matrix @ matrix.T
    return 0


def _gemv(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    trans, m, n, lda, incx, incy = scalars
    dtype = _BLAS_DTYPES[name[0]]
    a, x, y = pointers
    matrix = a.strided(dtype, (m, n), (1, lda))
    matrix = matrix.T if trans else matrix
    rows, columns = matrix.shape
    y.strided(dtype, (rows,), (incy,))[...] = matrix @ x.strided(dtype, (columns,), (incx,))
    return 0


_KINDS: tuple[Any, ...] = ("quicksort", "heapsort", "stable")


def _sort(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    n, kind = scalars
    pointers[0].strided(DTYPES[name.split("_")[1]], (n,), (1,)).sort(kind=_KINDS[kind])
    return 0


def _argsort(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    n, kind = scalars
    x = pointers[0].strided(DTYPES[name.split("_")[1]], (n,), (1,))
    pointers[1].strided(np.dtype(np.int64), (n,), (1,))[...] = x.argsort(kind=_KINDS[kind])
    return 0


def _partition(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    n, count = scalars
    kth = pointers[0].strided(np.dtype(np.int64), (count,), (1,))
    pointers[1].strided(DTYPES[name.split("_")[1]], (n,), (1,)).partition(kth)
    return 0


def _argpartition(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    n, count = scalars
    kth = pointers[0].strided(np.dtype(np.int64), (count,), (1,))
    x = pointers[1].strided(DTYPES[name.split("_")[1]], (n,), (1,))
    pointers[2].strided(np.dtype(np.int64), (n,), (1,))[...] = x.argpartition(kth)
    return 0


def _special(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    """SciPy's function on strips: special_<letters of the operands>_<name>."""
    _, letters, function = name.split("_", 2)
    *operands, result = (p.strided(np.dtype(letters[0]), (scalars[0],), (1,)) for p in pointers)
    found = getattr(scipy.special, function)
    with np.errstate(all="ignore"):
        result[...] = (found if isinstance(found, np.ufunc) else getattr(scipy.special._ufuncs, f"_{function}"))(*operands)
    return 0


def _ufunc(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    """One element after the other: the state may be where the result before was written."""
    _, letter, function = name.split("_", 2)
    dtype = np.dtype(letter)
    n, *steps = scalars
    parts = 2 if dtype.kind == "c" else 1
    a, b, result = (p.strided(dtype, (n,), (s // parts,)) for p, s in zip(pointers, steps, strict=True))
    with np.errstate(all="ignore"):
        for k in range(n):
            result[k] = getattr(np, function)(a[k], b[k], dtype=dtype)
    return 0


def _heap(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    """The evaluator keeps temporaries itself: any address will do."""
    return 64


def _random(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    """The method of the generator itself, one element after the other where parameters differ."""
    _, function, dtype = name.split("__")
    n, *steps, order, state = scalars
    *parameters, at_order, out = pointers
    dtypes = FUNCTIONS[function].parameters
    columns = [p.strided(DTYPES[d], (n,), (step,)) for p, d, step in zip(parameters, dtypes, steps, strict=True)]
    target = out.strided(DTYPES[dtype], (n,), (1,))
    for k in range(n):
        target[k] = drawn(function, DTYPES[dtype], state, [c[k] for c in columns], ())
    at_order.strided(np.dtype(np.int64), (), ())[...] = order + 1
    return 0


def _gufunc(name: str, pointers: Sequence[Pointer], scalars: Sequence[int]) -> int:
    """A loop of NumPy's over a stack of matrices; see `loops.Call`."""
    kind, _, routine = name.partition("_")
    routine, _, letter = routine.rpartition("_")
    inputs, outputs = gufuncs.cores(routine)
    names, rest = gufuncs.dimensions(routine), list(scalars)
    count, extents = rest[0], dict(zip(names, rest[2:], strict=False))
    all_cores = (*inputs, *outputs)
    strides = rest[2 + len(names):]
    outer, inner = strides[:len(all_cores)], iter(strides[len(all_cores):])
    types = gufuncs.loop_types(routine, letter).replace("->", "")
    arrays = []
    for k, core in enumerate(all_cores):
        dtype = np.dtype(types[k])
        parts = 2 if dtype.kind == "c" else 1
        steps = [outer[k], *(next(inner) for _ in core)]
        arrays.append(pointers[k].strided(dtype, (count, *(extents[d] for d in core)), [s // parts for s in steps]))
    operands, places = arrays[:len(inputs)], arrays[len(inputs):]
    options = {"out": places[0]} if routine in _SIZED_BY_RESULT else {}
    results, failed = gufuncs.call(routine, operands, **options)
    for place, result in zip(places, results, strict=True):
        place[...] = result
    if kind == "flagged":
        pointers[-1].strided(np.dtype(bool), (count,), (1,))[...] = failed
    return 0


# The length of a transform is that of its result.
_SIZED_BY_RESULT = ("fft", "ifft", "rfft_n_even", "rfft_n_odd", "irfft")

ROUTINES: dict[str, Callable[[str, Sequence[Pointer], Sequence[int]], int]] = {
    **{f"{c}gemm": _gemm for c in _BLAS_DTYPES}, **{f"{c}gemv": _gemv for c in _BLAS_DTYPES},
    **{f"{c}syrk": _syrk for c in _BLAS_DTYPES},
    "sort": _sort, "argsort": _argsort, "partition": _partition, "argpartition": _argpartition, "heap": _heap, "random": _random,
    "gufunc": _gufunc, "flagged": _gufunc, "special": _special,
    "ufunc": _ufunc}
