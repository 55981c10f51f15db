"""Runs a list of passes: in order, each timed, verified and dumped when asked.

A pass changes the program that it is given and returns it; the manager copies first, so its caller's program is
untouched.  The same manager serves both dialects: the caller says how a program is printed and verified.

    steps = []
    optimized = run_passes(function, [Pass("cse", "merge equal ops", cse)], dump=Path("dump"), record=steps)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ir.graph import Function, walk_ops
from ..ir.text import show
from ..ir.verify import verify
from ..ir.walk import callees, clone_function


@dataclass(frozen=True, slots=True)
class Pass:
    """name: as in dumps.  phrase: what it does, in words, for reports.  run: the pass."""

    name: str
    phrase: str
    run: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What one pass did: its time and the number of ops before and after."""

    name: str
    phrase: str
    seconds: float
    before: int
    after: int

    def __str__(self) -> str:
        return f"{self.name:12} {1e3 * self.seconds:8.2f} ms   {self.before:5} -> {self.after:5} ops   {self.phrase}"


def op_count(function: Function) -> int:
    """The ops of a function and of those it calls, regions included."""
    return sum(1 for f in callees(function) for _ in walk_ops(f.block))


def run_passes(function: Any, passes: Sequence[Pass], *, check: bool = False, dump: Path | None = None,
               record: list[Step] | None = None, copy: Callable[[Any], Any] = clone_function,
               text: Callable[[Any], str] = show, verifier: Callable[[Any], Any] = verify,
               size: Callable[[Any], int] = op_count) -> Any:
    """The program after `passes`.

    check: verify the program before the first pass and after each.  dump: a folder for the text before the first pass
    and after each, as NUMBER-NAME.txt.  record: gets one `Step` per pass.
    """
    function = copy(function)
    if check:
        verifier(function)
    _dump(dump, 0, "before", function, text)
    for number, p in enumerate(passes, 1):
        before = size(function) if record is not None else 0
        start = time.perf_counter()
        function = p.run(function)
        seconds = time.perf_counter() - start
        if record is not None:
            record.append(Step(p.name, p.phrase, seconds, before, size(function)))
        _dump(dump, number, p.name, function, text)
        if check:
            verifier(function)
    return function


def _dump(folder: Path | None, number: int, name: str, function: Any, text: Callable[[Any], str]) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02d}-{name}.txt").write_text(text(function))
