"""Python functions as native ones, for compiled code to call back.

A `HostCallback` is the C function

    i64 callback(pointers read, pointers written, offsets, extents, i64 order)

which holds the GIL while it copies what the pointers name into arrays and scalars, calls the Python function, and copies its
results to where they are wanted; the first pointer written gets order + 1.  The result is 1 if the function raised: then
`take_raised` gives the exception, on the same thread.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_raised = threading.local()


@dataclass(frozen=True, slots=True)
class Datum:
    """One operand or result: an array of this rank, or a scalar, with `python` a Python number.

    shape: of a result: per axis its extent, or None and the operand in `extents` that tells it.
    """

    dtype: np.dtype
    rank: int = 0
    shape: tuple[int | None, ...] = ()
    extents: tuple[int | None, ...] = ()
    python: type | None = None


class HostCallback:
    """`address` is valid while this object lives."""

    def __init__(self, function: Callable[..., list[Any]], operands: Sequence[Datum], results: Sequence[Datum]) -> None:
        self._function, self._operands, self._results = function, tuple(operands), tuple(results)
        pointers = len(self._operands) + 1 + len(self._results)
        integers = pointers + sum(d.rank for d in self._operands) + 1
        self._native = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * pointers, *[ctypes.c_int64] * integers)(self._run)
        self.address: int = ctypes.cast(self._native, ctypes.c_void_p).value or 0
        self._pointers = pointers

    def _run(self, *words: Any) -> int:
        try:
            reads = words[:len(self._operands)]
            order_at, *writes = words[len(self._operands):self._pointers]
            extents = iter(words[2 * self._pointers:-1])
            values = [self._value(p, d, tuple([next(extents) for _ in range(d.rank)]))
                      for p, d in zip(reads, self._operands, strict=True)]
            results = self._function(*values)
            for place, datum, x in zip(writes, self._results, results, strict=True):
                self._store(place, datum, x, values)
            ctypes.c_int64.from_address(order_at).value = words[-1] + 1
        except BaseException as e:  # whatever it is, it goes on where the compiled function was called
            _raised.error = e
            return 1
        return 0

    def _value(self, pointer: int, datum: Datum, shape: tuple[int, ...]) -> Any:
        array = np.empty(shape, datum.dtype)
        ctypes.memmove(array.ctypes.data, pointer, array.nbytes)
        if datum.rank:
            return array
        return array[()] if datum.python is None else datum.python(array[()])

    def _store(self, pointer: int, datum: Datum, x: Any, values: Sequence[Any]) -> None:
        array = np.ascontiguousarray(x, datum.dtype)
        shape = tuple([values[k] if k is not None else d for d, k in zip(datum.shape, datum.extents, strict=True)])
        if np.shape(x) != shape:
            raise ValueError(f"a callback returned an array of shape {np.shape(x)}, not {shape} as promised")
        ctypes.memmove(pointer, array.ctypes.data, array.nbytes)


def take_raised() -> BaseException:
    """The exception that a callback of this thread has raised."""
    error = _raised.error
    del _raised.error
    return error
