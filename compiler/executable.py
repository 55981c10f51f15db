"""Binds native code to arrays: what fills each word of the call, which results are new, what an error means.

The order of the words is that of `passes.lower`: the array parameters, the new results, then the scalar parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.errors import AssumptionError
from ..ir.graph import Function, Output, Value
from ..ir.types import ArrayType, Type, WeakType
from ..runtime.entry import NewArray, Slot
from .pipeline import Native
from .raising import native_error

# Elements of the arguments and results together beyond which other Python threads may run during the call.
GIL_ELEMENTS = 16384


class Overlap(Exception):
    """An array that the compiled code writes shares memory with another argument."""


class Executable:
    """Runs a compiled function on the values of its parameters."""

    def __init__(self, function: Function, native: Native) -> None:
        self._native = native
        self._errors = native.loops.errors
        self._into = tuple(o.into for o in function.outputs)
        self._all_new = all(k is None for k in self._into)
        self._written = sorted({k for k in self._into if k is not None})
        self.assumes = any(e.exception == AssumptionError.__name__ for e in self._errors)
        self._arrays = [k for k, p in enumerate(function.parameters) if p.strides is not None]
        new = [new_array(v, o) for v, o in zip(function.block.yields, function.outputs, strict=True) if o.into is None]
        elements = sum(_size(v.type.dims) for v in [*function.block.args, *function.block.yields])  # type: ignore[union-attr]
        self._entry: Callable[..., Any] = native.device.entry(
            native.function, slots_of(function), new, native.loops.arena_bytes, native.loops.worker_bytes,
            native.may_be_long or elements >= GIL_ELEMENTS)

    def run(self, values: Sequence[Any]) -> Sequence[Any]:
        """One array per output; of those written into an argument, that argument."""
        if self._written and overlaps(values, self._written, self._arrays):
            raise Overlap
        saved = [np.array(values[k]) for k in self._written] if self.assumes else []
        outputs = self._entry(*values)
        if type(outputs) is bytes:
            raise self._restoring(native_error(self._errors, outputs), values, saved)
        if self._all_new:
            return outputs
        fresh = iter(outputs)
        return [next(fresh) if k is None else values[k] for k in self._into]

    def _restoring(self, error: BaseException, values: Sequence[Any], saved: Sequence[np.ndarray]) -> BaseException:
        """The error; where another version is to run instead, arrays that were written hold again what they held."""
        if isinstance(error, AssumptionError):
            for k, x in zip(self._written, saved, strict=True):
                values[k][...] = x
        return error


def overlaps(values: Sequence[Any], written: Sequence[int], arrays: Sequence[int]) -> bool:
    """Does a written array share memory with another argument? (Its strides, which the trace has seen, tell of itself.)"""
    for w in written:
        a = values[w]
        for k in arrays:
            if k != w and np.may_share_memory(a, values[k]) and _share(a, values[k]):
                return True
    return False


def _share(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        return np.shares_memory(a, b, max_work=100_000)  # type: ignore[arg-type]  # the stubs allow -1 and 0 only
    except np.exceptions.TooHardError:
        return True


def slots_of(function: Function) -> list[Slot]:
    """What fills each word of the native call."""
    arrays, scalars = [], []
    for k, (p, v) in enumerate(zip(function.parameters, function.block.args, strict=True)):
        if p.strides is not None:
            arrays.append(Slot("data", k))
        else:
            scalars += scalar_slots(v.type, k)
    new = sum(1 for o in function.outputs if o.into is None)
    return [*arrays, *(Slot("output", k) for k in range(new)), *scalars]


def scalar_slots(type: Type, index: int) -> list[Slot]:
    """The words of one scalar argument: one, or two of a complex number."""
    if isinstance(type, WeakType):
        kinds = {"bool": ("int",), "int": ("int",), "float": ("float",), "complex": ("real", "imag")}[type.kind]
        return [Slot(kind, index) for kind in kinds]
    assert isinstance(type, ArrayType)
    parts = 2 if type.dtype.kind == "c" else 1
    return [Slot(f"bits{8 * type.dtype.itemsize // parts}", index, part) for part in range(parts)]


def new_array(value: Value, output: Output) -> NewArray:
    """The array that an output is returned in."""
    dtype, dims = value.type.dtype, value.type.dims  # type: ignore[union-attr]
    shape: tuple[Any, ...] = tuple(dims)
    if output.layout is None or output.layout == tuple(range(len(shape))):
        return NewArray(dtype, shape)
    strides, step = [0] * len(shape), dtype.itemsize
    for axis in reversed(output.layout):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return NewArray(dtype, shape, tuple(strides))


def _size(dims: tuple) -> int:
    n = 1
    for d in dims:
        n *= d if isinstance(d, int) else 1
    return n
