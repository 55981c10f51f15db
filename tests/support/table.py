"""The support table: every call of `calls.py`, compiled and compared with NumPy for each dtype; `docs/support.md` shows it.

`python -m tests.support.table` writes the page; `test_support.py` compares it with what is measured, so it cannot go stale.
A cell is `X` where the result is wrong, which fails the test; `HEAD` explains the others.
"""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from typing import Any

import numpy as np
import treadle as td

from tests.comparator import Observation, difference, fresh, leaves, observe
from tests.support.calls import CALLS, OUTSIDE, function_of

PAGE = Path(__file__).parents[2] / "docs" / "support.md"
DTYPES = ("bool", "i4", "i8", "u1", "f2", "f4", "f8", "c8", "c16")


def operands(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """x of shape (4, 6) and weights for its columns."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4, 6)) * 2
    x[0, 0] = 0
    kind = np.dtype(dtype).kind
    if kind == "b":
        return x > 0, np.abs(x[1]) + 0.5
    if kind == "c":
        return (x + 1j * rng.normal(size=x.shape)).astype(dtype), np.abs(x[1]) + 0.5
    return (np.abs(x) if kind == "u" else x).astype(dtype), np.abs(x[1]) + 0.5


def define(call: str) -> Any:
    source, name = f"import numpy as np\n\n\ndef f(x, w):\n    return {call}, x\n", f"<support {call}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    scope: dict[str, Any] = {"__name__": "support"}
    exec(compile(source, name, "exec"), scope)
    return scope["f"]


def rounding_only(got: Observation, want: Observation) -> bool:
    """Are the values the same but for rounding, relative to the largest in each array?"""
    for g, w in zip(leaves((got.result, got.arguments)), leaves((want.result, want.arguments)), strict=True):
        a, b = np.asarray(g), np.asarray(w)
        if b.dtype.kind not in "fc":
            if not np.array_equal(a, b):
                return False
            continue
        unit, size = np.finfo(b.dtype).eps, np.max(np.abs(b[np.isfinite(b)]), initial=0)
        if not np.allclose(a, b, rtol=16 * unit, atol=32 * unit * size, equal_nan=True):
            return False
    return True


def cell(call: str, dtype: str) -> str:
    """What becomes of a call with operands of a dtype."""
    make = fresh(operands(dtype))
    want, got = observe(define(call), make), observe(td.jit(define(call)), make)
    if got.error is not None and got.error[0] == "UnsupportedError":
        return "e" if want.error is not None else "-"
    found = difference(got, want)
    if found is None:
        return "e" if want.error is not None else "="
    if want.error is None and got.error is None and difference(got, want, values=False) is None and rounding_only(got, want):
        return "~"
    return "X"


def row(call: str) -> str:
    shown = call.replace("|", "\\|")
    return f"| `{shown}` | " + " | ".join(cell(call, d) for d in DTYPES) + " |"


HEAD = """# What of NumPy is compiled

Each call was compiled with an array `x` of shape (4, 6) of each dtype, and weights `w`, and compared with NumPy's result:
values, dtype, shape, strides, effects on `x`, exceptions.  `=`: equal to the last bit.  `~`: equal but for rounding.
`e`: NumPy's own error.  `-`: refused by name (UnsupportedError).  Written by `python -m tests.support.table`; a test
compares this page with what it measures.
"""


def page() -> str:
    lines = [HEAD, "| call | " + " | ".join(DTYPES) + " |", "|---" * (len(DTYPES) + 1) + "|"]
    for call in sorted(CALLS, key=lambda c: (function_of(c), CALLS.index(c))):
        lines.append(row(call))
        if "X" in lines[-1].rsplit("` |", 1)[1]:
            print(lines[-1], file=sys.stderr)
    lines += ["", "## Outside the compiler", "", "These run as NumPy does on values known while compiling; others are refused.", ""]
    reasons: dict[str, list[str]] = {}
    for name, why in OUTSIDE.items():
        reasons.setdefault(why, []).append(name)
    lines += [f"- {why}: {', '.join(f'`{n}`' for n in sorted(names))}" for why, names in reasons.items()]
    return "\n".join(lines) + "\n"


def rows_of_page() -> dict[str, list[str]]:
    """The cells by call."""
    out = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            shown, rest = line[3:].rsplit("` | ", 1)
            out[shown.replace("\\|", "|")] = [c.strip() for c in rest.rstrip("| ").split("|")]
    return out


if __name__ == "__main__":
    PAGE.write_text(page())
