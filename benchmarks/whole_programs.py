"""The programs of `programs/` as cases: NumPy for all, peers for those with a hand-adapted version in `adapted.py`."""

from __future__ import annotations

from treadle.benchmarks.harness import Case
from treadle.benchmarks.programs import PROGRAMS


def cases() -> list[Case]:
    return [Case(p.name, p.function, p.large, numba=None, jax=None, fresh=True) for p in PROGRAMS]
