"""Inputs that share memory: one storage for the union of their memory, each of them an affine view of it.

It only matters when one of them is written, which is known at the end of a trace: `check_overlaps` then asks for another
trace with the overlapping inputs united (a decision).  A trace without unions relies on the executable to refuse calls
whose written arrays overlap others (`executable.Overlap`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..ir.types import ArrayType
from ..ir.viewmap import Axis
from . import tracer
from .sources import Call, Source
from .tracer import Restart
from .views import Storage, View, view_of


def memory_bounds(x: np.ndarray) -> tuple[int, int]:
    """The first byte of an array and the one behind its last."""
    first = x.__array_interface__["data"][0]
    if not x.size:
        return first, first
    reach = [(d - 1) * s for d, s in zip(x.shape, x.strides, strict=True)]
    return first + sum(min(r, 0) for r in reach), first + sum(max(r, 0) for r in reach) + x.itemsize


@dataclass(frozen=True, slots=True)
class Union(Source):
    """The memory that several arrays lie in, as one array of one axis."""

    members: tuple[Source, ...]

    def read(self, call: Call) -> np.ndarray:
        arrays = [m.read(call) for m in self.members]
        bounds = [memory_bounds(a) for a in arrays]
        lowest = min(range(len(arrays)), key=lambda k: bounds[k][0])
        array = arrays[lowest]
        start = array[tuple(slice(None, None, -1) if s < 0 else slice(None) for s in array.strides)]
        count = (max(hi for _, hi in bounds) - bounds[lowest][0]) // array.itemsize
        return as_strided(start, (count,), (array.itemsize,))

    def __str__(self) -> str:
        return " and ".join(map(str, self.members))


@dataclass(frozen=True, slots=True)
class OffsetGuard:
    """The members of a union lie as far apart as they did."""

    members: tuple[Source, ...]
    offsets: tuple[int, ...]

    def holds(self, call: Call) -> bool:
        return offsets_of([m.read(call) for m in self.members]) == self.offsets


@dataclass(frozen=True, slots=True)
class SharedGuard:
    """Two inputs share memory as they did; `exactly`: whether elements are compared, or bounds."""

    inputs: tuple[Source, Source]
    exactly: bool
    answer: bool

    def holds(self, call: Call) -> bool:
        first, second = self.inputs
        return inputs_share(first.read(call), second.read(call), self.exactly) == self.answer


def inputs_share(a: np.ndarray, b: np.ndarray, exactly: bool) -> bool:
    return np.shares_memory(a, b) if exactly else np.may_share_memory(a, b)


def offsets_of(arrays: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Where each array starts, in bytes from the first."""
    starts = [a.__array_interface__["data"][0] for a in arrays]
    return tuple(s - starts[0] for s in starts)


def united_view(x: np.ndarray, source: Source) -> View | None:
    """The view of a union that stands for an input, if an earlier attempt decided so."""
    trace = tracer.current()
    group = max((d[1] for d in trace.decisions if d[0] == "unite" and source in d[1]), key=len, default=None)
    if group is None:
        return None
    storage = trace.unions.get(group)
    arrays = [m.read(trace.call) for m in group]
    low = min(memory_bounds(a)[0] for a in arrays)
    if storage is None:
        storage = trace.unions[group] = _union_storage(group, arrays)
    start, item = x.__array_interface__["data"][0] - low, x.itemsize
    terms = tuple((s // item, k) for k, s in enumerate(x.strides))
    return view_of(storage).affine((Axis(start // item, terms),), (), x.shape, x.flags.writeable)


def _union_storage(group: tuple[Source, ...], arrays: Sequence[np.ndarray]) -> Storage:
    first = arrays[0]
    low = min(memory_bounds(a)[0] for a in arrays)
    names = ", ".join(map(str, group))
    if any(a.dtype != first.dtype for a in arrays):
        raise tracer.unsupported(f"writing to arrays that overlap ({names})", "they have different dtypes", "pass copies")
    if any((memory_bounds(a)[0] - low) % a.itemsize or any(s % a.itemsize for s in a.strides) for a in arrays):
        raise tracer.unsupported(f"writing to arrays that overlap ({names})", "their elements do not coincide", "pass copies")
    if len({a.flags.writeable for a in arrays}) > 1:
        raise tracer.unsupported(f"writing to an array that overlaps a read-only one ({names})", instead="pass a copy")
    source = Union(group)
    united = source.read(tracer.current().call)
    tracer.current().guard(OffsetGuard(group, offsets_of(arrays)))
    value = tracer.current().add_input(source, ArrayType(united.dtype, united.shape), str(source))
    return Storage(value, united.strides, source, first.flags.writeable)


def check_overlaps() -> None:
    """At the end of a trace: no written input overlaps another, or Restart with those united."""
    trace = tracer.current()
    inputs = [(s, s.source.read(trace.call)) for s in trace.storages if s.source is not None]
    for storage, array in inputs:
        if storage.value is storage.parameter or isinstance(storage.source, Union):
            continue
        overlapping = [s for s, other in inputs if s is not storage and np.may_share_memory(array, other)]
        if overlapping or overlaps_itself(array):
            raise Restart(("unite", _members([storage, *overlapping])))


def _members(storages: Sequence[Storage]) -> tuple[Source, ...]:
    members: list[Any] = []
    for s in storages:
        members += s.source.members if isinstance(s.source, Union) else [s.source]
    return tuple(members)


def overlaps_itself(x: np.ndarray) -> bool:
    """May two elements of the array be one place in memory?"""
    reach = x.itemsize
    for stride, d in sorted((abs(s), d) for s, d in zip(x.strides, x.shape, strict=True) if d != 1):
        if stride < reach:
            return x.size > 0
        reach += stride * (d - 1)
    return False
