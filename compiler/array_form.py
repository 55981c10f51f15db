"""How an array lies in memory, apart from what it holds: what an array that paths or trips hand on as a value must keep.

Where paths meet an array is a value of the graph, which has no memory order; its form says which strides and flags NumPy's
array would have, and the array is made anew with them (`in_form`).  Arrays of different forms are one of several (`choice.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import Dim
from . import tracer
from .arrays import TracedArray
from .traced import Build, Recipe
from .views import Storage, View, is_packed, packed_strides, view_of

# Up to this rank every order of the axes is tried.
_ALL_ORDERS = 4


@dataclass(frozen=True, slots=True)
class ArrayForm:
    """layout: the axes of an array without gaps, slowest first, None for C order. strides: of one with gaps or repeated
    elements, in bytes. writeable: as NumPy's flag."""

    layout: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None
    writeable: bool = True


def form_of_array(x: TracedArray) -> ArrayForm:
    """The form that NumPy's array has where `x` is; where run-time extents hide it, C order."""
    view = x.view
    for layout in _orders(view):
        if _is_packed_as(view, layout):
            return ArrayForm(layout, None, view.writeable)
    if all(isinstance(n, int) for n in (*view.dims, *view.strides)):
        strides = tuple(0 if d == 1 else s for d, s in zip(view.dims, view.strides, strict=True))
        return ArrayForm(None, strides, view.writeable)  # type: ignore[arg-type]
    return ArrayForm(view.storage.layout if not view.steps else None, None, view.writeable)


def in_form(value: Value, form: ArrayForm) -> TracedArray:
    """An array of its own that holds `value`."""
    strides = form.strides
    if strides is not None and not all(isinstance(d, int) for d in value.dims):
        strides = None
    storage = Storage(value, strides, layout=form.layout)
    if strides is not None:
        storage.layout, storage.spaced = _order_of(strides), True
    storage.writeable = form.writeable
    return TracedArray(view_of(storage))


def is_sized(a: TracedArray, b: TracedArray) -> bool:
    """Have both these extents, in numbers?"""
    return same_extents(a.view.dims, b.view.dims) and all(isinstance(d, int) for d in a.view.dims)


def is_stepped(x: TracedArray) -> bool:
    """Does NumPy's array have gaps between its elements, or them in reverse? Told of arrays with one axis."""
    return x.ndim == 1 and (x.view.storage.step is not None or _own_step(x) != 1)


def step_of(x: TracedArray) -> Dim:
    """How many elements apart NumPy's array has its elements; -1 for a reversed one."""
    own, of_storage = _own_step(x), x.view.storage.step
    if of_storage is None or own == 1:
        return own if of_storage is None else of_storage
    return tracer.emit("py_multiply", [of_storage, tracer.constant(own)])


def _own_step(x: TracedArray) -> int:
    """That of the view over its storage; 1 where nothing tells."""
    stride, size = x.view.strides[0], x.dtype.itemsize
    return stride // size if isinstance(stride, int) and stride and not stride % size else 1


@dataclass(frozen=True, slots=True)
class Stepped:
    """A vector's elements so many apart as the run says."""

    whole: Recipe
    step: Recipe

    def build(self, state: Build) -> Any:
        key = id(self)
        if key not in state.made:
            x = self.whole.build(state)
            step = self.step.build(state)
            if step != 1:
                x, elements = np.empty(len(x) * abs(step), x.dtype)[::step][:len(x)], x
                x[...] = elements
            state.made[key] = x
        return state.made[key]


@dataclass(frozen=True, slots=True)
class Spaced:
    """A buffer's elements in an array with these strides: with gaps between them, or the same element in several places."""

    whole: Recipe
    strides: tuple[int, ...]

    def build(self, state: Build) -> Any:
        key = id(self)
        if key not in state.made:
            x = self.whole.build(state)
            ends = [s * (d - 1) for s, d in zip(self.strides, x.shape, strict=True)]
            before = -sum(e for e in ends if e < 0)
            memory = np.empty(before + sum(e for e in ends if e > 0) + x.itemsize, np.uint8)
            state.made[key] = np.ndarray(x.shape, x.dtype, memory, before, self.strides)
            state.made[key][...] = x
        return state.made[key]


def _orders(view: View) -> Iterator[tuple[int, ...] | None]:
    rank = view.rank
    yield None
    if rank > 1:
        yield tuple(reversed(range(rank)))
    if rank > 2:
        yield from itertools.permutations(range(rank)) if rank <= _ALL_ORDERS else [_order_of(view.strides)]


def _order_of(strides: Sequence[Any]) -> tuple[int, ...] | None:
    if len(strides) < 2 or not all(isinstance(s, int) for s in strides):
        return None
    order = tuple(sorted(range(len(strides)), key=lambda k: -abs(strides[k])))
    return None if order == tuple(range(len(strides))) else order


def _is_packed_as(view: View, layout: tuple[int, ...] | None) -> bool:
    axes = range(view.rank) if layout is None else layout
    if all(isinstance(d, int) for d in view.dims):
        return is_packed(view.dims, view.strides, view.dtype.itemsize, tuple(reversed(axes)))
    return view.strides == packed_strides(view.dims, view.dtype, layout)


def same_extents(a: Sequence[Dim], b: Sequence[Dim]) -> bool:
    return len(a) == len(b) and all(d is e or d == e for d, e in zip(a, b, strict=True))
