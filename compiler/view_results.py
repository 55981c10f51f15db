"""Results that are views of other arrays: `ViewOf` makes them at each call, without a recipe's steps where no run decides them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..ir.builder import Slot
from ..ir.types import DTYPES
from .traced import Build, Recipe
from .views import Affine, Bits, Part, Reshape, Step


@dataclass(frozen=True, slots=True)
class ViewOf:
    """A view of another array. `numbers`: recipes of the run-time starts and extents, per step."""

    base: Recipe
    steps: tuple[Step, ...]
    numbers: tuple[tuple[tuple[Recipe, ...], tuple[int | Recipe, ...]], ...]
    writeable: bool
    # The steps, where no run decides them.
    fixed: tuple[Callable[[np.ndarray], np.ndarray], ...] | None = field(init=False)

    def __post_init__(self) -> None:
        some = all(not starts and all(isinstance(d, int) for d in dims) for starts, dims in self.numbers)
        object.__setattr__(self, "fixed", tuple(
            _fixed_step(step, dims) for step, (_, dims) in zip(self.steps, self.numbers, strict=True)) if some else None)  # type: ignore[arg-type]

    def of(self, x: np.ndarray) -> np.ndarray:
        """The view of this array, where it is fixed."""
        assert self.fixed is not None
        for step in self.fixed:
            x = step(x)
        if not self.fixed:
            x = x[...]
        if not self.writeable and x.flags.writeable:
            x.flags.writeable = False
        return x

    def build(self, state: Build) -> Any:
        x = self.base.build(state)
        if self.fixed is not None:
            return self.of(x)
        for step, (starts, dims) in zip(self.steps, self.numbers, strict=True):
            extents = tuple(d if isinstance(d, int) else int(d.build(state)) for d in dims)
            x = apply_step(step, x, [int(s.build(state)) for s in starts], extents)
        if x.flags.writeable and not self.writeable:
            x.flags.writeable = False
        return x


def apply_step(step: Step, x: np.ndarray, starts: Sequence[int], dims: tuple[int, ...]) -> np.ndarray:
    """The real view that a step makes of a real array."""
    if isinstance(step, Reshape):
        return x.reshape(dims)
    if isinstance(step, Part):
        return getattr(x, step.name)
    if isinstance(step, Bits):
        return x.view(DTYPES[step.dtype])
    origin = [starts[a.start.operand] if isinstance(a.start, Slot) else a.start for a in step.map]
    basic = _basic_index(step, origin, dims)
    if basic is not None:
        index, axes = basic
        return x[index] if axes is None else x[index].transpose(axes)
    strides = [0] * len(dims)
    for axis, s in zip(step.map, x.strides, strict=True):
        for k, a in axis.terms:
            strides[a] += k * s
    if 0 in dims:
        return np.empty(dims, x.dtype)
    start: tuple[Any, ...] = (*origin, ...)
    return as_strided(x[start], dims, strides, writeable=x.flags.writeable)


def _fixed_step(step: Step, dims: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """`apply_step` of a step that is the same in every run."""
    if isinstance(step, Part):
        return operator.attrgetter(step.name)
    if not isinstance(step, Affine):
        return lambda x: apply_step(step, x, (), dims)
    basic = _basic_index(step, [a.start for a in step.map], dims)  # type: ignore[misc]
    if basic is None:
        return lambda x: apply_step(step, x, (), dims)
    index, axes = basic
    return operator.itemgetter(index) if axes is None else lambda x: x[index].transpose(axes)


def _basic_index(step: Affine, origin: Sequence[int], dims: tuple[int, ...]) -> tuple[tuple, tuple[int, ...] | None] | None:
    """The index, and the transposition after it if there is one, that make this view; None where indexing alone cannot."""
    index: list[Any] = []
    made: list[int] = []
    for start, axis in zip(origin, step.map, strict=True):
        if len(axis.terms) > 1:
            return None
        if not axis.terms:
            index.append(start)
            continue
        ((stride, a),) = axis.terms
        if a in made or stride == 0:
            return None
        stop: int | None = start + stride * dims[a]
        if dims[a] == 0:
            start = stop = 0
        elif stop is not None and stop < 0:
            stop = None
        index.append(slice(start, stop, stride))
        made.append(a)
    for a, d in enumerate(dims):
        if a not in made:
            if d != 1:
                return None
            index.append(None)
            made.append(a)
    axes = tuple(made.index(a) for a in range(len(dims)))
    return (*index, ...) if len(made) == 0 else tuple(index), None if axes == tuple(range(len(dims))) else axes
