"""Where the generator's decisions come from: a seeded generator (fuzzing by seed), or Hypothesis (shrinking)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any


class SeededChoices:
    """Decisions from one integer seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def integer(self, lo: int, hi: int) -> int:
        """lo <= result <= hi"""
        return self._random.randint(lo, hi)

    def pick(self, options: Sequence[Any]) -> Any:
        return options[self._random.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        return self._random.randrange(100) < percent


class DrawnChoices:
    """Decisions drawn by Hypothesis, which can then shrink the program."""

    def __init__(self, draw: Any, strategies: Any) -> None:
        self._draw, self._st = draw, strategies

    def integer(self, lo: int, hi: int) -> int:
        return self._draw(self._st.integers(lo, hi))

    def pick(self, options: Sequence[Any]) -> Any:
        return options[self._draw(self._st.integers(0, len(options) - 1))]

    def chance(self, percent: int) -> bool:
        # Shrinks towards "no".
        return self._draw(self._st.integers(0, 99)) >= 100 - percent
