"""The measuring: several implementations of one function side by side, interleaved in one process.

A case is a plain NumPy function with its arguments; Treadle runs it unmodified, Numba and JAX run it (or the version
given for them) where they are installed.  Each round times every competitor in turn, so that a slow spell of the machine
hits all alike; reported are medians, ratios of medians, the first call, and the error against float64.  Peers may run in
processes of their own (`apart.py`), since their idle threads disturb each other's.

    results = measure([Case("chain", chain, lambda: (x,))])
    print(table(results))
"""

from __future__ import annotations

import copy
import functools
import importlib
import importlib.util
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Protocol

import numpy as np
import treadle as td
from treadle.benchmarks.floors import Floors, machine

COMPETITORS = ("numpy", "treadle", "numba", "jax")
# Seconds before each turn: threads of the competitor before, which look for work (OpenBLAS's for some 60 ms), are asleep then.
REST = 0.15


@dataclass
class Case:
    """function: plain NumPy.  arguments: makes fresh ones.  numba, jax: the peer's version (None: left out; "same": the
    same function).  moved: bytes that must move and work: floating-point operations, for the distance from the floor.
    plain: false if the function is a transform of Treadle's, which NumPy does not have."""

    name: str
    function: Callable
    arguments: Callable[[], tuple]
    numba: Callable | str | None = "same"
    jax: Callable | str | None = "same"
    moved: int = 0
    work: int = 0
    fresh: bool = False
    plain: bool = True

    @functools.cached_property
    def made(self) -> tuple:
        return self.arguments()

    def copies(self) -> tuple:
        """Arguments for one run. Copies: making them anew may wake BLAS's threads, which then keep a core busy."""
        return copy.deepcopy(self.made)


@dataclass
class Result:
    case: str
    seconds: dict[str, float] = field(default_factory=dict)
    first_call: dict[str, float] = field(default_factory=dict)
    error: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    least: dict[str, float] = field(default_factory=dict)
    moved: int = 0
    work: int = 0

    def ratio(self, other: str) -> float | None:
        """How many times faster than `other` Treadle is."""
        mine, theirs = self.seconds.get("treadle"), self.seconds.get(other)
        return theirs / mine if mine and theirs else None


def installed_peers() -> list[str]:
    """The names of the peers that could be imported."""
    return [name for name in ("numba", "jax") if importlib.util.find_spec(name) is not None]


def peers(names: Sequence[str] = ("numba", "jax")) -> dict[str, ModuleType]:
    """Those of the named peers that can be imported, by name."""
    found = {name: importlib.import_module(name) for name in names if importlib.util.find_spec(name) is not None}
    if "jax" in found:
        found["jax"].config.update("jax_enable_x64", True)
    return found


class OwnProcess(Protocol):
    """A peer in a process of its own (`apart.Apart`)."""

    def prepare(self, case: Case) -> dict:
        """What `compiled_on_first_call` gives; empty if the peer has no version of the case."""

    def seconds(self, case: Case, calls: int) -> float:
        """The time of one call, taken over so many."""


def implementation(case: Case, name: str, found: dict) -> Callable | None:
    """The callable that competitor `name` is timed with, compiled on its first call."""
    if name == "numpy":
        return case.function if case.plain else None
    if name == "treadle":
        return td.jit(case.function)
    given = getattr(case, name)
    if given is None or name not in found:
        return None
    if name == "numba":
        return found["numba"].njit(parallel=True)(case.function) if given == "same" else given
    function = case.function if given == "same" else given
    compiled = found["jax"].jit(over_jax_numpy(function, found["jax"]))
    return lambda *args: found["jax"].block_until_ready(compiled(*args))


def over_jax_numpy(function: Callable, jax: ModuleType) -> Callable:
    """The same code with `np` meaning jax.numpy."""
    scope = {**function.__globals__, "np": jax.numpy}
    return type(function)(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)


def compiled_on_first_call(run: Callable, case: Case) -> dict:
    """The time of the first call and the error of its result, or why it was refused."""
    begin = time.perf_counter()
    try:
        got = run(*case.arguments())
    except Exception as e:
        return {"refused": f"{type(e).__name__}: {str(e).splitlines()[0][:100] if str(e) else ''}"}
    first_call = time.perf_counter() - begin
    return {"first_call": first_call, "error": error_against(got, reference_result(case))}


def measure_case(case: Case, found: dict, seconds: float = 2.0, apart: Mapping[str, OwnProcess] | None = None) -> Result:
    """Time each competitor in turn, those in `apart` in their own processes."""
    result = Result(case.name, moved=case.moved, work=case.work)
    ready: dict[str, Callable[[int], float]] = {}
    for name in COMPETITORS:
        if apart is not None and name in apart:
            answer, time_calls = apart[name].prepare(case), functools.partial(apart[name].seconds, case)
        else:
            run = implementation(case, name, found)
            answer = compiled_on_first_call(run, case) if run is not None else {}
            time_calls = functools.partial(timed, run, case)
        if "refused" in answer:  # a peer that cannot run the program is a result, not a failure
            if name in ("numpy", "treadle"):
                raise RuntimeError(f"{name} does not run {case.name}: {answer['refused']}")
            result.refused[name] = answer["refused"]
        elif answer:
            result.first_call[name], result.error[name] = answer["first_call"], answer["error"]
            ready[name] = time_calls
    times: dict[str, list[float]] = {name: [] for name in ready}
    per_call = {name: time_calls(1) for name, time_calls in ready.items()}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or min(map(len, times.values())) < 5:
        for name, time_calls in ready.items():
            time.sleep(REST)
            calls = max(1, min(1000, int(0.005 / max(per_call[name], 1e-7))))
            times[name].append(time_calls(calls))
    result.seconds = {name: median(t) for name, t in times.items()}
    result.least = {name: min(t) for name, t in times.items()}
    return result


def timed(run: Callable, case: Case, calls: int = 1) -> float:
    """Seconds per call; with `case.fresh`, arguments are made anew outside the clock."""
    if case.fresh:
        total = 0.0
        for _ in range(calls):
            args = case.copies()
            begin = time.perf_counter()
            run(*args)
            total += time.perf_counter() - begin
        return total / calls
    args = case.copies()
    begin = time.perf_counter()
    for _ in range(calls):
        run(*args)
    return (time.perf_counter() - begin) / calls


def reference_result(case: Case) -> object:
    widen = {np.dtype("f4"): "f8", np.dtype("f2"): "f8", np.dtype("c8"): "c16"}
    args = [a.astype(widen.get(a.dtype, a.dtype)) if isinstance(a, np.ndarray) else a for a in case.arguments()]
    return case.function(*args)


def error_against(got: object, reference: object) -> float:
    """The largest elementwise error relative to the largest magnitude of the reference."""
    if isinstance(reference, tuple | list):
        return max((error_against(g, r) for g, r in zip(got, reference)), default=0.0)  # type: ignore[call-overload]
    if reference is None:
        return 0.0
    if isinstance(got, tuple | list):  # a peer also returns what the program leaves in its arguments
        got = got[0]
    r = np.asarray(reference)
    if r.dtype.kind not in "fc" or not r.size:
        return float(np.any(np.asarray(got) != r))
    with np.errstate(all="ignore"):
        return float(np.nanmax(np.abs(np.asarray(got) - r)) / (np.nanmax(np.abs(r)) or 1.0))


def measure(cases: list[Case], seconds: float = 2.0, found: dict | None = None,
            apart: Mapping[str, OwnProcess] | None = None) -> list[Result]:
    """Measure each case; prints a line as each is done."""
    found = peers() if found is None else found
    results = []
    for case in cases:
        results.append(measure_case(case, found, seconds, apart))
        print(line(results[-1]), flush=True)
    return results


def line(r: Result) -> str:
    cells = [f"{r.case:34}"]
    for name in COMPETITORS:
        t = r.seconds.get(name)
        cells.append(f"{t * 1e3:10.3f} ms" if t else f"{'-':>13}")
    for name in ("numpy", "numba", "jax"):
        ratio = r.ratio(name)
        cells.append(f"{ratio:8.2f}x" if ratio else f"{'-':>9}")
    cells.append(f"{r.first_call.get('treadle', 0) * 1e3:7.0f} ms")
    cells.append(f"{r.error.get('treadle', 0):9.1e}")
    return " ".join(cells)


def header() -> str:
    ratios = [f"{'vs ' + c:>9}" for c in ("numpy", "numba", "jax")]
    names = " ".join([f"{'case':34}", *[f"{c:>13}" for c in COMPETITORS], *ratios, f"{'first':>10}", f"{'error':>9}"])
    return names + "\n" + "-" * len(names)


def floor_lines(results: list[Result], floors: Floors) -> list[str]:
    """How far each case with a known floor is from it."""
    out = []
    for r in results:
        if r.moved or r.work:
            best = max(r.moved / floors.copy_bytes_per_second, r.work / floors.fma_flops_per_second)
            out.append(f"{r.case:34} floor {best * 1e3:8.3f} ms, Treadle at {r.seconds['treadle'] / best:5.2f} times the floor")
    return out


def print_mean(name: str, ratios: Sequence[float | None]) -> None:
    """The geometric mean of the ratios that there are."""
    known = [r for r in ratios if r]
    if known:
        print(f"geometric mean against {name}: {float(np.exp(np.mean(np.log(known)))):.2f}x over {len(known)} cases")


def report(cases: list[Case], output: str | Path | None = None, seconds: float = 2.0, found: dict | None = None,
           apart: Mapping[str, OwnProcess] | None = None) -> list[Result]:
    """Measure, print the table with the machine's state and floors, and write JSON to `output`."""
    before, floors = machine(), Floors.measure()
    print(f"{before}\n{floors}\n\n{header()}", flush=True)
    results = measure(cases, seconds, found, apart)
    print("\n".join(floor_lines(results, floors)))
    for name in ("numpy", "numba", "jax"):
        print_mean(name, [r.ratio(name) for r in results])
    print_mean("the better of Numba and JAX", [
        min((x for x in (r.ratio("numba"), r.ratio("jax")) if x), default=None) for r in results])
    print(f"load after: {os.getloadavg()[0]:.2f}")
    if output:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        Path(output).write_text(json.dumps({"machine": before, "floors": asdict(floors), "load_after": os.getloadavg()[0],
                                            "results": [asdict(r) for r in results]}, indent=1))
    return results
