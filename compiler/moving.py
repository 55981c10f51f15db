"""Views whose position or size changes from trip to trip, or differs by path: one view of one storage, with some of its numbers
handed on as values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..ir.builder import Slot
from ..ir.graph import Block, Value, defining_block, is_inside
from ..ir.types import Dim
from ..ir.viewmap import Axis, renumber_slots, slots_of
from . import integers
from .arrays import TracedArray
from .views import Affine, Part, Reshape, View


@dataclass(frozen=True, slots=True)
class MovingView:
    """A view of which some numbers change: `places` are (step, axis) of changing starts, `extents` axes of the last affine
    step whose extents change. tentative: there may be none yet. array: the one array that it always is, if it does not move."""

    view: View
    places: tuple[tuple[int, int], ...]
    extents: tuple[int, ...] = ()
    tentative: bool = False
    array: TracedArray | None = None

    @property
    def count(self) -> int:
        """How many numbers change."""
        return len(self.places) + len(self.extents)

    def numbers(self, view: View) -> list[Dim]:
        """Those of another such view."""
        return [*(_start(view, place) for place in self.places), *(view.dims[axis] for axis in self.extents)]

    def at(self, numbers: Sequence[Value]) -> TracedArray:
        if not self.count and self.array is not None:
            return self.array
        steps, dims = list(self.view.steps), list(self.view.dims)
        for (k, axis), v in zip(self.places, numbers, strict=False):
            steps[k] = _with_start(steps[k], axis, v)  # type: ignore[arg-type]
        for axis, v in zip(self.extents, numbers[len(self.places):], strict=True):
            integers.set_bounds(v, [integers.form_of(0)], [integers.form_of(d) for d in self._room(axis)])
            dims[axis] = v
        if self.extents:
            last = _last(self.view)
            affine = steps[last]
            assert isinstance(affine, Affine)
            steps[last] = replace(affine, dims=tuple(dims))
        steps = [_without_unused(s) if isinstance(s, Affine) else s for s in steps]
        return TracedArray(replace(self.view, steps=tuple(steps), dims=tuple(dims)))

    def _room(self, axis: int) -> list[Dim]:
        """What bounds an extent that changes: the axis of which it shows elements, none twice."""
        last = _last(self.view)
        affine = self.view.steps[last]
        before = self.view.storage.dims if last == 0 else getattr(self.view.steps[last - 1], "dims", ())
        assert isinstance(affine, Affine)
        return [d for a, d in zip(affine.map, before) if len(a.terms) == 1 and a.terms[0][0] and a.terms[0][1] == axis]

    def joined(self, other: MovingView) -> MovingView:
        """Both's numbers change."""
        return replace(self, places=tuple(sorted({*self.places, *other.places})),
                       extents=tuple(sorted({*self.extents, *other.extents})))

    def reaching(self, view: View) -> MovingView | None:
        """With the numbers in which `view` differs from this one among those that change, if it differs in nothing else."""
        found = moving_view(self.view, view)
        return None if found is None else self.joined(found)

    def moves_like(self, other: MovingView) -> bool:
        return set(self.places) == set(other.places) and set(self.extents) == set(other.extents)


def _last(view: View) -> int:
    """The last affine step, if only parts of complex numbers are taken after it; else -1."""
    for k in range(len(view.steps) - 1, -1, -1):
        if not isinstance(view.steps[k], Part):
            return k if isinstance(view.steps[k], Affine) else -1
    return -1


def _start(view: View, place: tuple[int, int]) -> Dim:
    step = view.steps[place[0]]
    assert isinstance(step, Affine)
    start = step.map[place[1]].start
    return step.starts[start.operand] if isinstance(start, Slot) else start


def _with_start(step: Affine, axis: int, v: Value) -> Affine:
    starts = (*step.starts, v)
    map = tuple(Axis(Slot(len(starts) - 1), a.terms) if k == axis else a for k, a in enumerate(step.map))
    return Affine(map, starts, step.dims)


def _without_unused(step: Affine) -> Affine:
    """Only the starts that the map names."""
    used = sorted({s.operand for s in slots_of(step.map)})
    return Affine(renumber_slots(step.map, used.index), tuple(step.starts[k] for k in used), step.dims)


def moving_view(a: View, b: View) -> MovingView | None:
    """How `b` differs from `a`, if only in the starts of its steps and in its own extents."""
    if a.storage is not b.storage or len(a.steps) != len(b.steps) or len(a.dims) != len(b.dims):
        return None
    places, extents = [], []
    for k, (s, t) in enumerate(zip(a.steps, b.steps, strict=True)):
        if not isinstance(s, Affine) or not isinstance(t, Affine):
            if s != t:
                return None
            continue
        if len(s.dims) != len(t.dims) or [x.terms for x in s.map] != [x.terms for x in t.map]:
            return None
        changing = [axis for axis, (d, e) in enumerate(zip(s.dims, t.dims, strict=True)) if d is not e and d != e]
        if changing and k != _last(a):
            return None
        extents += changing
        places += [(k, axis) for axis in range(len(s.map)) if _start(a, (k, axis)) is not _start(b, (k, axis))
                   and _start(a, (k, axis)) != _start(b, (k, axis))]
    return MovingView(a, tuple(places), tuple(extents))


def view_from(array: TracedArray, block: Block) -> MovingView | None:
    """The view that a loop makes of an outer storage, where there was none before it."""
    view = array.view
    places, extents = [], []
    for k, step in enumerate(view.steps):
        if isinstance(step, Reshape) and dims_inside(step.dims, block):
            return None
        if isinstance(step, Affine):
            inside = [axis for axis, d in enumerate(step.dims) if dims_inside((d,), block)]
            if inside and k != _last(view):
                return None
            extents += inside
            for axis in range(len(step.map)):
                start = _start(view, (k, axis))
                if isinstance(start, Value) and is_inside(defining_block(start), block):
                    places.append((k, axis))
    return MovingView(view, tuple(places), tuple(extents), True, array)


def dims_inside(dims: Sequence[Dim], block: Block) -> bool:
    return any(isinstance(d, Value) and is_inside(defining_block(d), block) for d in dims)
