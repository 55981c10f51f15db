"""Who may see an allocation: what decides whether a rebound array may be carried as a value.

A carried array is a value, a Python array is a place.  Rebinding (`u = u + d`) may be a value only if nobody else can see
the old place: not another name or container of the frame, not a caller, not the caller of the compiled function.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import FrameType
from typing import Any

from ..ir.graph import Value
from . import tracer
from .arrays import TracedArray
from .choice import Choice
from .state import Path, State, Tentative, name_of, untentative
from .views import Frozen, Storage


def arrays_in(x: Any, depth: int = 4) -> Iterator[TracedArray]:
    """The traced arrays that an object holds."""
    if isinstance(x, Tentative):
        x = x.value
    if isinstance(x, TracedArray):
        yield x
    elif isinstance(x, Choice):
        for option in x.options:
            yield from arrays_in(option, depth)
    elif depth:
        if isinstance(x, dict):
            x = list(x.values())
        elif hasattr(x, "__dict__") and id(x) in tracer.current().fresh:
            x = list(vars(x).values())
        if isinstance(x, (list, tuple)):
            for e in x:
                yield from arrays_in(e, depth - 1)


def names_holding(frame: FrameType | None, live: tuple[str, ...] | None) -> dict[str, list[Storage]]:
    """The storages that each local name of a frame holds; names that nothing reads any more do not count."""
    if frame is None:
        return {}
    return {n: [a.view.storage for a in arrays_in(x)] for n, x in frame.f_locals.items()
            if not n.startswith("__") and (live is None or n in live)}


def is_visible(storage: Storage, path: Path, frame: dict[str, list[Storage]], others: dict[Path, Any]) -> bool:
    """May anyone but the leaf at `path` see this storage? frame, others: the names of the frame; other leaves."""
    trace = tracer.current()
    if storage.source is not None or storage.frozen is not None:
        return True
    if storage in trace.storages[:trace.marks[-1]]:
        return True
    if any(storage in held for name, held in frame.items() if name != path[0]):
        return True
    return any(p != path and any(a.view.storage is storage for a in arrays_in(x)) for p, x in others.items())


def shared_in(storage: Storage, path: Path, leaves: dict[Path, Any]) -> bool:
    """Does another leaf show this storage too?"""
    return any(p != path and any(y.view.storage is storage for y in arrays_in(x)) for p, x in leaves.items())


def freeze_copy(path: Path, x: Any, place: str, state: State, post: dict[Path, Any], frame: dict[str, list[Storage]],
                surely: bool) -> None:
    """After the loop at `place`: a leaf `x` that was carried as a value must not be written if others show what it was.

    state, post: before the loop, and at the end of a trip. surely: there was a trip.
    """
    x = untentative(x)
    if not isinstance(x, TracedArray):
        return
    end = untentative(post[path])
    if isinstance(end, TracedArray) and end.view.storage not in state.storages and shared_in(end.view.storage, path, post):
        x.view.storage.frozen = Frozen(f"'{name_of(path)}', which shares its memory with another name since a loop", place)
    for before, leaves in ((True, state.leaves), (False, post)):
        y = untentative(leaves[path])
        if isinstance(y, TracedArray) and y.view.storage in state.storages and not (surely and before) and is_visible(
                y.view.storage, path, frame, leaves):
            x.view.storage.frozen = y.view.storage.frozen = Frozen(
                f"'{name_of(path)}', which is another array if the loop makes no trip", place)


def note_alternative(x: Any, taken: Value, first: Any, state: State) -> None:
    """Where `taken` holds, the array `x` after a region is `first`, from before it: that is what is returned.  It is only so
    for arrays that are not written to any more."""
    x, first = untentative(x), untentative(first)
    if isinstance(x, TracedArray) and isinstance(first, TracedArray) and x.view.storage.frozen is not None and (
            first.view.storage in state.storages):
        tracer.current().alternatives.setdefault(x.view.storage, []).append((taken, first))


def told_apart(a: Any, b: Any) -> bool:
    """Is one of these the caller's array, and the other another array over the same elements?"""
    twins = tracer.current().twins
    return isinstance(a, TracedArray) and isinstance(b, TracedArray) and a is not b and (id(a) in twins or id(b) in twins) and (
        a.view.storage is b.view.storage)


def first_arrays(paths: Collection[Path], before: Mapping[Path, Any], head: Mapping[Path, Any],
                 after: Mapping[Path, Any]) -> dict[Path, set[Path]]:
    """Per leaf of a loop, the leaves whose first arrays it may hold in some trip: trips hand arrays on from name to name.

    before, head, after: the leaves before the loop, where a trip begins, and where it ends."""
    arrays = {p for p in paths if isinstance(untentative(head[p]), TracedArray)}
    owner = {untentative(head[p]).view.storage: p for p in arrays}
    found = {p: {p} if isinstance(untentative(before[p]), TracedArray) else set() for p in arrays}
    while True:
        size = sum(map(len, found.values()))
        for p in arrays:
            end = untentative(after[p])
            if isinstance(end, TracedArray) and end.view.storage in owner:
                found[p] |= found[owner[end.view.storage]]
        if sum(map(len, found.values())) == size:
            return found
