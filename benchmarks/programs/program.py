"""What a benchmark program is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """function: the plain NumPy program.  small, large: make fresh arguments for testing and for timing.

    kind: "scalar" (loops over elements), "array" (whole-array statements in loops) or "blas".
    """

    function: Callable
    small: Callable[[], tuple]
    large: Callable[[], tuple]
    kind: str

    @property
    def name(self) -> str:
        return self.function.__name__
