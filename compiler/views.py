"""Storages and views: what makes NumPy's aliasing exact over an IR in which nothing is ever overwritten.

A `Storage` is one allocation; it holds the current SSA value of its contents.  A `View` is a list of steps (lenses) over a
storage: reading goes through the steps outward; writing goes inward, and rebuilds the storage's value.  Affine steps
(basic indexing, transposition, diagonals, broadcasting) compose into one, so a chain of views is one access.  A view knows
its strides, since NumPy's choice between view and copy, and the layout of results, depend on them.

Invariant: `view.dims`, `dtype` and `strides` are those of the ndarray that NumPy would have at this place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..ir.builder import Slot, dim_template
from ..ir.graph import Value
from ..ir.types import DTYPE_NAMES, Dim, same_dims
from ..ir.viewmap import ViewMap, compose, identity_map, permutation_map, renumber_slots, slots_of
from . import dispatch, tracer
from .sources import Source
from .strides import AnyStride, extents_of, times

# Why such an array cannot be written.
SLICE_COPY = "a slice with a run-time step, which is a copy here and a view in NumPy"


@dataclass(frozen=True, slots=True)
class Frozen:
    """Why an array must not be written to: it is a copy of what is one of two arrays since `place`. Tracing may begin again,
    with a reference to either in place of the copy."""

    what: str
    place: str

    def __str__(self) -> str:
        return self.what


class Storage:
    """One allocation.

    value: its contents now.  strides: bytes per axis, None where run-time extents make them unknown.  source: where an
    allocation made by the caller comes from; `parameter` is then its value at entry.  written: overwritten in the trace.
    """

    def __init__(self, value: Value, strides: tuple[AnyStride | None, ...] | None = None, source: Source | None = None,
                 writeable: bool = True, layout: tuple[int, ...] | None = None) -> None:
        self.value = value
        self.parameter = value if source is not None else None
        self.dtype, self.dims = value.dtype, value.dims
        self.layout = layout
        self.strides = packed_strides(self.dims, self.dtype, layout) if strides is None else strides
        self.source, self.writeable, self.written = source, writeable, False
        self.frozen: str | Frozen | None = None
        # Does the array have gaps, or elements that repeat, in the memory that the caller gets?
        self.spaced = False
        # How many elements apart its elements are in NumPy's array, a number of the run, if it has one axis.
        self.step: Value | None = None
        # The steps of the view that is the whole array as the program sees it; memory behind it is spare.
        self.seen: tuple[Step, ...] = ()
        tracer.current().storages.append(self)


def packed_strides(dims: Sequence[Dim], dtype: np.dtype, layout: tuple[int, ...] | None = None,
                   ) -> tuple[AnyStride | None, ...]:
    """Strides of a new array whose axes lie in memory in the order `layout` (slowest first; None: C order)."""
    strides: list[AnyStride | None] = [None] * len(dims)
    step: AnyStride | None = dtype.itemsize
    for axis in reversed(layout if layout is not None else range(len(dims))):
        strides[axis] = step
        d = dims[axis]
        # NumPy counts an extent of 0 as 1 here, so that strides stay distinct.
        step = times(step, max(d, 1) if isinstance(d, int) else d)
    return tuple(strides)


@dataclass(frozen=True, slots=True)
class Affine:
    """An affine view map. Slots in `map` count `starts` from 0."""

    map: ViewMap
    starts: tuple[Value, ...]
    dims: tuple[Dim, ...]

    def read(self, x: Value) -> Value:
        template = dim_template(self.dims, 1 + len(self.starts))
        extents = [d for d in self.dims if isinstance(d, Value)]
        return tracer.emit("slice", [x, *self.starts, *extents], map=shift_slots(self.map, 1), dims=template)

    def write(self, x: Value, new: Value) -> Value:
        template = dim_template(self.dims, 2 + len(self.starts))
        extents = [d for d in self.dims if isinstance(d, Value)]
        return tracer.emit("update_slice", [x, new, *self.starts, *extents], map=shift_slots(self.map, 2), dims=template)


@dataclass(frozen=True, slots=True)
class Reshape:
    """Other extents over the same elements in C order."""

    dims: tuple[Dim, ...]

    def read(self, x: Value) -> Value:
        return reshape_value(x, self.dims)

    def write(self, x: Value, new: Value) -> Value:
        return reshape_value(new, x.dims)


@dataclass(frozen=True, slots=True)
class Part:
    """The real or the imaginary part of a complex array."""

    name: str

    def read(self, x: Value) -> Value:
        return tracer.emit(self.name, [x])

    def write(self, x: Value, new: Value) -> Value:
        if self.name == "real":
            return tracer.emit("complex", [new, tracer.emit("imag", [x])])
        return tracer.emit("complex", [tracer.emit("real", [x]), new])


@dataclass(frozen=True, slots=True)
class Bits:
    """The same memory as another dtype."""

    dtype: str
    dims: tuple[Dim, ...]

    def read(self, x: Value) -> Value:
        return tracer.emit("reinterpret", [x], dtype=self.dtype)

    def write(self, x: Value, new: Value) -> Value:
        return tracer.emit("reinterpret", [new], dtype=DTYPE_NAMES[x.dtype])


Step = Affine | Reshape | Part | Bits


@dataclass(frozen=True, slots=True)
class View:
    """A place: steps over a storage, with the extents, dtype and strides that an ndarray has there."""

    storage: Storage
    steps: tuple[Step, ...]
    dims: tuple[Dim, ...]
    dtype: np.dtype
    strides: tuple[AnyStride | None, ...]
    writeable: bool = True

    def __call__(self, dtype: Any = None, type: Any = None) -> Any:
        """`x.view(...)`, which a traced array's attribute of that name must answer for, too."""
        return dispatch.METHODS["view"](self, dtype, type)

    @property
    def rank(self) -> int:
        return len(self.dims)

    def read(self) -> Value:
        """The value seen through the view now."""
        v = self.storage.value
        for s in self.steps:
            v = s.read(v)
        return v

    def write(self, new: Value) -> None:
        """Overwrite what the view shows; `new` has the view's dtype and extents."""
        frozen = self.storage.frozen
        if isinstance(frozen, Frozen) and ("select", frozen.place) not in tracer.current().decisions:
            raise tracer.Restart(("select", frozen.place))
        if frozen is not None:
            if frozen is SLICE_COPY:
                tracer.unroll_for(self.storage.value)
            raise tracer.unsupported(f"a write to {frozen}", "which array is meant is known only at run time",
                                     "write into an array of its own: make a copy first")
        self.storage.value = _put(self.steps, self.storage.value, new)
        self.storage.written = True

    def affine(self, map: ViewMap, starts: Sequence[Value], dims: Sequence[Dim], writeable: bool | None = None) -> View:
        """The view of this view under an affine map."""
        strides = _mapped_strides(map, self.strides, len(dims))
        step = Affine(tuple(map), tuple(starts), tuple(dims))
        steps = self.steps
        if steps and isinstance(steps[-1], Affine):
            step, steps = _compose(steps[-1], step), steps[:-1]
        if not _is_identity(step, _dims_before(self.storage, steps)):
            steps = (*steps, step)
        flag = self.writeable if writeable is None else writeable
        return View(self.storage, steps, tuple(dims), self.dtype, strides, flag)

    def transpose(self, axes: Sequence[int]) -> View:
        return self.affine(permutation_map(tuple(axes)), (), [self.dims[a] for a in axes])

    def reshape(self, dims: Sequence[Dim]) -> View | None:
        """The view with other extents (C order), or None where NumPy has to copy."""
        dims = tuple(dims)
        if same_dims(dims, self.dims) or len(dims) == len(self.dims) == 1:
            return self
        strides = reshaped_strides(self.dims, self.strides, dims, self.dtype.itemsize)
        if strides is None:
            return None
        steps = self.steps[:-1] if self.steps and isinstance(self.steps[-1], Reshape) else self.steps
        return replace(self, steps=(*steps, Reshape(dims)), dims=dims, strides=strides)

    def part(self, name: str) -> View:
        """The real or imaginary part, as a view."""
        dtype = np.empty(0, self.dtype).real.dtype
        return replace(self, steps=(*self.steps, Part(name)), dtype=dtype)

    def as_bits(self, dtype: np.dtype, dims: tuple[Dim, ...]) -> View:
        """The same memory as another dtype; `dims` has the last extent scaled, where the sizes differ."""
        strides = self.strides if dtype.itemsize == self.dtype.itemsize else (*self.strides[:-1], dtype.itemsize)
        return replace(self, steps=(*self.steps, Bits(DTYPE_NAMES[dtype], dims)), dims=dims, dtype=dtype, strides=strides)

    @property
    def is_c_contiguous(self) -> bool:
        return is_packed(self.dims, self.strides, self.dtype.itemsize, range(self.rank - 1, -1, -1))

    @property
    def is_f_contiguous(self) -> bool:
        return is_packed(self.dims, self.strides, self.dtype.itemsize, range(self.rank))


def view_of(storage: Storage) -> View:
    """All of a storage."""
    return View(storage, (), storage.dims, storage.dtype, storage.strides, storage.writeable)


def _put(steps: tuple[Step, ...], base: Value, new: Value) -> Value:
    if not steps:
        return new
    first, rest = steps[0], steps[1:]
    inner = _put(rest, first.read(base), new) if rest else new
    return first.write(base, inner)


def is_packed(dims: Sequence[Dim], strides: Sequence[AnyStride | None], itemsize: int, axes: Sequence[int]) -> bool:
    """Do the axes, fastest first, follow each other without gaps? NumPy ignores axes of extent 1 and empty arrays."""
    if any(isinstance(d, int) and d == 0 for d in dims):
        return True
    step: AnyStride | None = itemsize
    for a in axes:
        d = dims[a]
        if isinstance(d, int) and d == 1:
            continue
        if strides[a] is None and step is None:
            continue
        if strides[a] is None or step is None or strides[a] != step:
            return False
        step = times(step, d)
    return True


def shift_slots(map: ViewMap, by: int) -> ViewMap:
    return renumber_slots(map, lambda k: k + by)


def _dims_before(storage: Storage, steps: tuple[Step, ...]) -> tuple[Dim, ...]:
    """The extents that the next step sees."""
    return next((s.dims for s in reversed(steps) if not isinstance(s, Part)), storage.dims)


def _is_identity(step: Affine, dims: Sequence[Dim]) -> bool:
    return step.map == identity_map(len(dims)) and same_dims(step.dims, tuple(dims))


def _mapped_strides(map: ViewMap, strides: Sequence[AnyStride | None], rank: int) -> tuple[AnyStride | None, ...]:
    out: list[AnyStride | None] = [0] * rank
    for axis, stride in zip(map, strides, strict=True):
        for step, a in axis.terms:
            known = out[a]
            out[a] = None if known is None or stride is None else known + step * stride
    return tuple(out)


def _compose(inner: Affine, outer: Affine) -> Affine:
    """The view `outer` of the view `inner`, as one map."""
    starts = [*inner.starts, *outer.starts]

    def combine(a: int | Slot, step: int, b: int | Slot) -> Slot:
        moving = [(k, starts[s.operand]) for k, s in ((1, a), (step, b)) if isinstance(s, Slot)]
        fixed = sum(k * s for k, s in ((1, a), (step, b)) if isinstance(s, int))
        starts.append(_linear(fixed, moving))
        return Slot(len(starts) - 1)

    map = compose(shift_slots(outer.map, len(inner.starts)), inner.map, combine)
    assert map is not None
    used = sorted({s.operand for s in slots_of(map)})
    return Affine(renumber_slots(map, used.index), tuple(starts[k] for k in used), outer.dims)


def _linear(fixed: int, moving: Sequence[tuple[int, Value]]) -> Value:
    """fixed + sum of step * value, as a py.int."""
    total: Value | None = None
    for step, value in moving:
        term = value if step == 1 else tracer.emit("py_multiply", [value, tracer.constant(step)])
        total = term if total is None else tracer.emit("py_add", [total, term])
    assert total is not None
    return tracer.emit("py_add", [total, tracer.constant(fixed)]) if fixed else total


def reshape_value(x: Value, dims: Sequence[Dim]) -> Value:
    if same_dims(x.dims, tuple(dims)):
        return x
    return tracer.emit("reshape", [x, *[d for d in dims if isinstance(d, Value)]], dims=dim_template(dims))


def reshaped_strides(old: Sequence[Dim], strides: Sequence[AnyStride | None], new: Sequence[Dim], itemsize: int,
                     ) -> tuple[AnyStride | None, ...] | None:
    """Strides under which `new` extents view the same memory, or None where NumPy copies."""
    if any(not isinstance(d, int) for d in (*old, *new)):
        packed = is_packed(old, strides, itemsize, range(len(old) - 1, -1, -1))
        if not packed and len(new) > 1:
            # What can be merged into which of the new axes is decided by their extents.
            tracer.specialise(*(d for d in (*old, *new) if isinstance(d, Value)), *extents_of(*strides))
        return packed_strides(new, np.dtype(f"V{itemsize}")) if packed else None
    if math.prod(old) == 0 or is_packed(old, strides, itemsize, range(len(old) - 1, -1, -1)):  # type: ignore[arg-type]
        return packed_strides(new, np.dtype(f"V{itemsize}"))
    pairs = [(d, s) for d, s in zip(old, strides, strict=True) if d != 1]
    out: list[int] = [0] * len(new)
    i = j = 0
    while i < len(pairs) and j < len(new):
        i_end, j_end = i + 1, j + 1
        have, want = pairs[i][0], new[j]
        while have != want:
            if want < have:  # type: ignore[operator]
                want *= new[j_end]  # type: ignore[operator,assignment]
                j_end += 1
            else:
                have *= pairs[i_end][0]  # type: ignore[operator,assignment]
                i_end += 1
        for k in range(i, i_end - 1):
            if pairs[k][1] != pairs[k + 1][0] * pairs[k + 1][1]:  # type: ignore[operator,arg-type]
                return None
        out[j_end - 1] = pairs[i_end - 1][1]  # type: ignore[assignment]
        for k in range(j_end - 1, j, -1):
            out[k - 1] = out[k] * new[k]  # type: ignore[operator]
        i, j = i_end, j_end
    for k in range(j, len(new)):
        out[k] = out[j - 1] if j else itemsize
    return tuple(out)
