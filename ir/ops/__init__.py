"""The op definitions: importing this package fills the registry `ir.opdef.OPS`.

One file per family; `families.py` holds the factories that make most of an elementwise op's rules.  Each line below is
one file; the names of the ops in it are in its docstring.
"""

from __future__ import annotations

from . import (
    arithmetic,
    bits,
    callback,
    casting,
    comparison,
    complexes,
    contraction,
    control,
    derivatives,
    division,
    draw,
    indexing,
    joining,
    leaves,
    memory,
    positions,
    power,
    python_logic,
    python_scalars,
    reductions,
    rolling,
    rounding,
    scans,
    slicing,
    sorting,
    transcendental,
    views,
)

__all__ = [
    "arithmetic",
    "bits",
    "callback",
    "casting",
    "comparison",
    "complexes",
    "contraction",
    "control",
    "derivatives",
    "division",
    "draw",
    "indexing",
    "joining",
    "leaves",
    "memory",
    "positions",
    "power",
    "python_logic",
    "python_scalars",
    "reductions",
    "rolling",
    "rounding",
    "scans",
    "slicing",
    "sorting",
    "transcendental",
    "views",
]
