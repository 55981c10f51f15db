"""Whole NumPy programs as people write them: loops, branches, in-place updates, library calls.

Each module registers its programs; `PROGRAMS` lists them all.  A program is a plain function, run unmodified.  `small`
arguments are for tests, `large` ones for timing.
"""

from __future__ import annotations

from treadle.benchmarks.programs import (
    algorithms,
    bits_and_counts,
    dynamic_programming,
    estimation,
    fields,
    growing,
    images,
    lattices,
    linear_algebra,
    networks,
    particles,
    recurrences,
    solvers,
    stencils,
    transforms,
)
from treadle.benchmarks.programs.program import Program

PROGRAMS: list[Program] = [
    p
    for module in (linear_algebra, stencils, recurrences, dynamic_programming, particles, fields, networks, transforms,
                   bits_and_counts, solvers, lattices, images, algorithms, estimation, growing)
    for p in module.PROGRAMS
]

__all__ = ["PROGRAMS", "Program"]
