"""Runs one generated program plainly and compiled, and says whether they agree."""

from __future__ import annotations

import linecache
from collections import Counter
from collections.abc import Callable

import numpy as np

from tests.comparator import difference, explained, fresh, observe, unjoined
from tests.fuzz.choices import SeededChoices
from tests.fuzz.control import ControlGenerator
from tests.fuzz.generate import Generator, Program
from tests.perturb import perturbed_functions


def make_program(seed: int, control: bool = False) -> Program:
    """The program of a seed: straight-line, or with loops and branches."""
    choices = SeededChoices(seed)
    if control:
        return ControlGenerator(choices, seed).program(choices.integer(2, 7))
    return Generator(choices, seed).program(choices.integer(3, 14))


def define(source: str, filename: str) -> Callable:
    """The function of a program's text; its lines can be found by `inspect`, as a user's would."""
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    scope: dict = {"__name__": "fuzzed"}
    exec(compile(source, filename, "exec"), scope)
    return scope["f"]


def check(program: Program, jit: Callable, filename: str = "<fuzz>", joins: bool = False) -> str | None:
    """None if the compiled program agrees with the plain one (twice: the second call runs from the cache).

    joins: paths may meet with a Python scalar on one and a NumPy scalar on the other; it is a NumPy scalar then.
    """
    plain = define(program.source, filename)
    make = fresh(program.arguments)
    want = observe(plain, make)
    compiled = jit(define(program.source, filename))
    for attempt in ("first call", "second call"):
        got = observe(compiled, make)
        if joins:
            got.result = unjoined(got.result, want.result)
        problem = difference(got, want)
        if problem is None:
            continue
        variants = [observe(f, make) for f in perturbed_functions(program.source, "f", {"np": np})]
        problem = explained(got, want, variants)
        if problem is not None:
            return f"{attempt}: {problem}"
    return None


def check_seed(seed: int, jit: Callable, control: bool = False) -> tuple[str | None, Program]:
    program = make_program(seed, control)
    return check(program, jit, f"<fuzz {seed}>", joins=control), program


def coverage_table(total: Counter, programs: int) -> str:
    rows = sorted(total.items(), key=lambda kv: (kv[0].split(":")[0], -kv[1]))
    lines, group = [f"coverage over {programs} programs (occurrences):"], None
    for name, n in rows:
        head = name.split(":")[0] if ":" in name else "other"
        if head != group:
            group = head
            lines.append(f"  {head}:")
        lines[-1] += f"  {name.split(':', 1)[-1]} {n}"
    return "\n".join(lines)
