"""Every function of NumPy's that compiles, dtype by dtype, beside NumPy itself: which are slower?

    python -m treadle bench functions [--only isin] [--json figures.json]

Each case is one call at about 10^6 elements (matrices of 300 rows where the work grows with the cube), run by turns with NumPy in
one process; the least times are compared, since other work on the machine only adds.  Beyond `SLOWER` times NumPy's time a case
is measured again at length before it is reported, and the table ends with those, the worst first.  The benchmarks of linear
algebra beside LAPACK are a suite of their own (`linalg.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special
import treadle as td
from treadle.benchmarks.floors import machine
from treadle.benchmarks.function_calls import CALLS, UFUNC_METHODS
from treadle.benchmarks.linalg import least_times, threads_of_blas

SIZE = 1_000_000
SLOWER = 1.10
LETTERS = "?bBhHiIlLefdFD"
KINDS = {"b": "?", "i": "bhil", "u": "BHIL", "f": "efd", "c": "FD"}


@dataclass(frozen=True)
class Case:
    name: str
    function: Callable
    arguments: tuple


@dataclass
class Result:
    """Times of a call in seconds; `refused` says why it does not compile or run."""

    case: str
    treadle: float = 0.0
    numpy: float = 0.0
    refused: str = ""

    @property
    def ratio(self) -> float:
        return self.treadle / self.numpy if self.numpy else 0.0


def array(letter: str, shape: tuple[int, ...], seed: int = 0, low: float = 0.05, high: float = 0.95) -> np.ndarray:
    """Numbers in the domain of most functions; integers 1 to 100, small enough that few products of two overflow."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(letter)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        return rng.integers(1, 101, shape).astype(dtype)
    x = rng.uniform(low, high, shape)
    return (x + 1j * rng.uniform(low, high, shape) if dtype.kind == "c" else x).astype(dtype)


def _written(text: str, names: str) -> Callable:
    """The function that computes `text`; `text` may be statements, of which the last line is an expression."""
    *before, last = text.split(";")
    body = "".join(f"    {line.strip()}\n" for line in before) + f"    return {last.strip()}\n"
    scope: dict[str, Any] = {"np": np, "special": scipy.special}
    exec(f"def function({names}):\n{body}", scope)
    return scope["function"]


def ufunc_cases() -> Iterator[Case]:
    """Every ufunc on every dtype that it has a loop for."""
    chosen = [(n, getattr(np, n), "np") for n in sorted(dir(np)) if isinstance(getattr(np, n), np.ufunc)]
    chosen += [(n, getattr(scipy.special, n), "special") for n in sorted(dir(scipy.special))
               if isinstance(getattr(scipy.special, n), np.ufunc)]
    seen = set()
    for name, ufunc, module in chosen:
        if ufunc in seen or ufunc.signature is not None:
            continue
        seen.add(ufunc)
        for types in sorted({t.split("->")[0] for t in ufunc.types}):
            if set(types) <= set(LETTERS) and (module == "np" or set(types) <= set("d")):
                low = 1.05 if name == "arccosh" else 0.05
                given = tuple(array(t, (SIZE,), k, low, low + 0.9) for k, t in enumerate(types))
                names = "xyzwvuabc"[:len(types)]
                yield Case(f"{module}.{name} {types}", _written(f"{module}.{name}({', '.join(names)})", ", ".join(names)), given)


def method_cases() -> Iterator[Case]:
    """reduce, accumulate, outer, at and reduceat of the ufuncs of two operands."""
    for name in sorted(dir(np)):
        ufunc = getattr(np, name)
        if not isinstance(ufunc, np.ufunc) or ufunc.nin != 2 or ufunc.nout != 1 or ufunc.signature is not None:
            continue
        for letter in LETTERS:
            if any(t.startswith(letter * 2) and t[-1] == letter for t in ufunc.types):
                x = array(letter, (1000, 1000))
                for method, text in UFUNC_METHODS.items():
                    yield Case(f"np.{name}.{method} {letter}", _written(text.replace("F", f"np.{name}"), "x"), (x,))


def call_cases() -> Iterator[Case]:
    """The calls of `function_calls.CALLS`, which says what the names in them stand for."""
    rng = np.random.default_rng(5)
    indices = {"k": rng.permutation(SIZE), "i": rng.integers(0, 1000, SIZE), "t": rng.random(SIZE) < 0.5}
    for letters, texts in CALLS.items():
        for letter in [c for kind in letters.split()[0] for c in KINDS[kind]]:
            shapes = {"x": (SIZE,), "y": (SIZE,), "m": (1000, 1000), "n": (1000, 1000), "a": (300, 300), "b": (300, 300)}
            made = {name: array(letter, shape, name in "ynb") for name, shape in shapes.items()} | indices
            for text in filter(None, (line.strip() for line in texts.splitlines())):
                names = [n for n in made if n in _names(text)]
                yield Case(f"{text} {letter}", _written(text, ", ".join(names)), tuple(made[n] for n in names))


def _names(text: str) -> set[str]:
    return {n for part in text.split(";") for n in compile(part.strip(), "<call>", "exec").co_names}


def cases() -> Iterator[Case]:
    yield from ufunc_cases()
    yield from call_cases()
    yield from method_cases()


def measure(case: Case, seconds: float) -> Result:
    """The least times; those of a loser are taken again, at more length."""
    compiled = td.jit(case.function)
    given = [tuple(a.copy() for a in case.arguments) for _ in range(2)]
    try:
        case.function(*given[1])
        compiled(*given[0])
    except Exception as e:  # what does not compile, or is no call of NumPy's, is a line of the table
        return Result(case.name, refused=f"{type(e).__name__}: {str(e).splitlines()[0][:120] if str(e) else ''}")
    result = Result(case.name)
    for again in (1, 5):
        result.treadle, result.numpy = least_times(
            [lambda: compiled(*given[0]), lambda: case.function(*given[1])], again * seconds)
        if result.ratio <= SLOWER:
            break
    return result


def report(only: str = "", seconds: float = 0.03, output: str | None = None) -> list[Result]:
    """Measure on one thread, print each loser as it is found and all of them at the end, and write JSON to `output`."""
    before, results = td.config.num_threads, []
    print(machine(), flush=True)
    td.config.num_threads = 1
    try:
        with threads_of_blas(1), np.errstate(all="ignore"):
            for case in cases():
                if only in case.name:
                    results.append(measure(case, seconds))
                    if results[-1].refused or results[-1].ratio > SLOWER:
                        print(line(results[-1]), flush=True)
    finally:
        td.config.num_threads = before
    timed = [r for r in results if not r.refused]
    losers = sorted((r for r in timed if r.ratio > SLOWER), key=lambda r: -r.ratio)
    print(f"\n== {len(losers)} of {len(timed)} slower than NumPy by more than {SLOWER - 1:.0%}; "
          f"{len(results) - len(timed)} do not run")
    for r in losers:
        print(line(r))
    if timed:
        print(f"geometric mean {np.exp(np.mean(np.log([r.ratio for r in timed]))):.2f} of NumPy's time; "
              f"load after: {os.getloadavg()[0]:.2f}")
    if output:
        Path(output).write_text(json.dumps([asdict(r) | {"ratio": r.ratio} for r in results], indent=1))
    return results


def line(r: Result) -> str:
    if r.refused:
        return f"{r.case:52} {r.refused}"
    return f"{r.case:52} {r.ratio:7.2f}x NumPy's time ({r.treadle * 1e3:.3f} ms, {r.numpy * 1e3:.3f} ms)"
