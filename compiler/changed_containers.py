"""Effects on the caller's lists and dicts: they get, after the native code, what the function left in its copies."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from .sources import Source
from .state import put_contents
from .traced import Build, Recipe


@dataclass(frozen=True, slots=True)
class SetContents:
    """The caller's list or dict gets the contents that the function left in its copy."""

    source: Source
    keys: tuple | None
    values: tuple[Recipe | None, ...]

    def prepare(self, state: Build) -> Callable[[], None]:
        target = self.source.read(state.call)
        if self.keys is None:
            return functools.partial(put_contents, target, [v.build(state) for v in self.values])  # type: ignore[union-attr]
        kept = {k: target[k] if v is None else v.build(state) for k, v in zip(self.keys, self.values, strict=True)}
        return functools.partial(_set_items, target, kept)


@dataclass(frozen=True, slots=True)
class SetElements:
    """The caller's list gets what a list holds whose length only the run knows."""

    source: Source
    elements: Recipe

    def prepare(self, state: Build) -> Callable[[], None]:
        return functools.partial(put_contents, self.source.read(state.call), self.elements.build(state))


def _set_items(target: dict, kept: dict) -> None:
    if list(target)[:len(kept)] != list(kept)[:len(target)] or len(kept) < len(target):
        target.clear()
    target.update(kept)
