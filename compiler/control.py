"""A rewritten statement as its hook sees it: its place in the source, and access to its variables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .state import State


@dataclass(frozen=True, slots=True)
class Control:
    """A rewritten statement: its place, how to read and write its variables, and which of them it may change. live: the
    names that may still be read at a loop's head or after an `if`; None if that is not known."""

    place: str
    get: Callable[[], tuple]
    set: Callable[[tuple], None]
    names: tuple[str, ...]
    carried: tuple[str, ...]
    live: tuple[str, ...] | None = None

    def snapshot(self) -> State:
        return State(self.names, self.get(), self.carried)
