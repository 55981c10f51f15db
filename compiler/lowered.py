"""`f.lower(*args)`: what one call is compiled to, as text, page and report."""

from __future__ import annotations

import html
from collections.abc import Hashable
from typing import Any

from .executable import Executable, Overlap
from .pipeline import STAGES, Options, Record, build
from .signature import signature
from .traced import Traced


class Lowered:
    """The stages of one compilation: the traced graph, the optimised one, loops, LLVM text, assembly."""

    def __init__(self, traced: Traced, key: Hashable, options: Options) -> None:
        self._traced, self._key = traced, key
        self._record = Record()
        self._native = build(traced.function, options, self._record)

    def ir(self, stage: str = "optimized") -> str:
        """The text of a stage: see `stages()`."""
        if stage not in self._record.stages:
            raise ValueError(f"there is no stage {stage!r}; there are {', '.join(self.stages())}")
        return self._record.stages[stage]

    def stages(self) -> list[str]:
        """The names of the stages, in order."""
        return [s for s in STAGES if s in self._record.stages]

    def report(self) -> str:
        """What the passes did, how long each step took, the memory for temporaries, and every copy that was made."""
        r, loops = self._record, self._native.loops
        lines = [f"{self._traced.function.name}: {1e3 * sum(r.seconds.values()):.1f} ms"]
        lines += [f"  {name:12} {1e3 * s:8.2f} ms" for name, s in r.seconds.items()]
        lines += ["passes:", *(f"  {s}" for s in r.steps)]
        lines.append(f"temporaries: {loops.arena_bytes} bytes, and {loops.worker_bytes} per thread")
        lines.append(f"copies: {len(r.copies) or 'none'}")
        lines += [f"  {c}" for c in r.copies]
        lines += ["overlapping reads and writes:", *(f"  {n}" for n in loops.notes)] if loops.notes else []
        return "\n".join(lines)

    def html(self) -> str:
        """All stages and the report as one page."""
        parts = [f"<details{' open' if s == 'optimized' else ''}><summary>{s}</summary>"
                 f"<pre>{html.escape(self.ir(s))}</pre></details>" for s in self.stages()]
        name = html.escape(self._traced.function.name)
        head = f"<!doctype html><meta charset=utf-8><title>{name}</title><h1>{name}</h1>"
        return f"{head}<pre>{html.escape(self.report())}</pre>" + "\n".join(parts)

    def compile(self) -> Compiled:
        """The compiled function, for calls with the signature and the guards of this one."""
        return Compiled(self._traced, self._key, Executable(self._traced.function, self._native))

    def __repr__(self) -> str:
        return f"<{self._traced.function.name} lowered: {', '.join(self.stages())}>"


class Compiled:
    """One compiled form of a function."""

    def __init__(self, traced: Traced, key: Hashable, executable: Executable) -> None:
        self._traced, self._key, self._executable = traced, key, executable

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        key, call = signature(args, kwargs)
        if key != self._key or not self._traced.matches(call):
            raise TypeError(f"{self._traced.function.name} was lowered for arguments of other types, layouts or values")
        try:
            return self._traced.finish(self._executable.run(self._traced.bind(call)), call)
        except Overlap:
            raise ValueError(f"{self._traced.function.name} writes to an array that overlaps another argument") from None
