"""`numpy.linalg` and `numpy.fft` under jit beside NumPy itself and SciPy's LAPACK and FFT, at the same number of threads.

    python -m treadle bench linalg [--only solve] [--threads 2]

Reported are the least time of a call and its ratios to the peers' least times (below 1: faster), interleaved in one process.
SciPy's side are the LAPACK functions themselves, called with arrays in their own memory order; stacks of matrices have none.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
import treadle as td
from scipy.linalg import lapack
from treadle.benchmarks.floors import machine

EXTENTS = (3, 10, 50, 100, 300, 1000)
STACKS = ((1000, 3), (1000, 10), (100, 50))
DTYPES = ("f8", "f4", "c16")
# Beyond, a call takes seconds.
LARGEST = {"eig": 300, "eigvals": 300, "svd": 300, "svd thin": 300, "lstsq": 300, "pinv": 300, "matrix_rank": 300, "cond": 300}


@dataclass(frozen=True)
class Case:
    """A function of NumPy's with its arguments, and the same through SciPy."""

    name: str
    function: Callable
    arguments: tuple
    scipy: Callable[[], Any] | None


@dataclass
class Result:
    case: str
    treadle: float
    numpy: float
    scipy: float | None


def _general(n: int, dtype: str, stack: tuple[int, ...] = ()) -> np.ndarray:
    rng = np.random.default_rng(n)
    a = rng.standard_normal((*stack, n, n))
    return (a + 1j * rng.standard_normal(a.shape) if dtype[0] == "c" else a).astype(dtype)


_FUNCTIONS: dict[str, tuple[Callable, str]] = {
    "solve": (lambda a, b: np.linalg.solve(a, b), "ab"), "inv": (lambda a: np.linalg.inv(a), "a"),
    "det": (lambda a: np.linalg.det(a), "a"), "slogdet": (lambda a: np.linalg.slogdet(a)[1], "a"),
    "cholesky": (lambda a: np.linalg.cholesky(a), "p"), "qr": (lambda a: np.linalg.qr(a), "a"),
    "qr r": (lambda a: np.linalg.qr(a, mode="r"), "a"), "svd": (lambda a: np.linalg.svd(a), "a"),
    "svd thin": (lambda a: np.linalg.svd(a, full_matrices=False), "t"), "svdvals": (lambda a: np.linalg.svdvals(a), "a"),
    "eigh": (lambda a: np.linalg.eigh(a), "h"), "eigvalsh": (lambda a: np.linalg.eigvalsh(a), "h"),
    "eig": (lambda a: np.linalg.eig(a), "a"), "eigvals": (lambda a: np.linalg.eigvals(a), "a"),
    "lstsq": (lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], "ab"), "pinv": (lambda a: np.linalg.pinv(a), "a"),
    "matrix_rank": (lambda a: np.linalg.matrix_rank(a), "a"), "matrix_power": (lambda a: np.linalg.matrix_power(a, 5), "a"),
    "norm": (lambda a: np.linalg.norm(a), "a"), "norm 2": (lambda a: np.linalg.norm(a, 2), "a"),
    "cond": (lambda a: np.linalg.cond(a), "a"), "multi_dot": (lambda a, b: np.linalg.multi_dot([a, a, b]), "ab")}
_STACKED = ("solve", "inv", "det", "cholesky", "qr", "svdvals", "eigh", "eigvals")


def _arguments(letters: str, n: int, dtype: str, stack: tuple[int, ...] = ()) -> tuple[np.ndarray, ...]:
    """a: any matrix; b: a right-hand side; p: positive definite; h: Hermitian; t: tall."""
    a = _general(n, dtype, stack)
    adjoint = np.conj(np.swapaxes(a, -1, -2))
    made = {"a": a, "b": a[..., :1] + 1 if stack else a[:, 0] + 1, "p": a @ adjoint + n * np.eye(n, dtype=dtype), "h": a + adjoint,
            "t": a[..., :max(n // 2, 1)]}
    return tuple(np.ascontiguousarray(made[letter]) for letter in letters)


def _through_lapack(name: str, arguments: tuple[np.ndarray, ...]) -> Callable[[], Any] | None:
    """The LAPACK functions that do this, in the dtype in which NumPy computes."""
    wide = [np.asfortranarray(x.astype(np.result_type(x.dtype, "f8"))) for x in arguments]
    a, letter = wide[0], "z" if wide[0].dtype.kind == "c" else "d"

    def routine(stem: str) -> Any:
        return getattr(lapack, letter + stem)

    def inverse() -> Any:
        return routine("getri")(*routine("getrf")(a)[:2])

    def orthogonal() -> Any:
        q, tau, *_ = routine("geqrf")(a)
        return routine("orgqr" if letter == "d" else "ungqr")(q, tau), np.triu(q)

    symmetric = "syevd" if letter == "d" else "heevd"
    found: dict[str, Callable[[], Any]] = {
        "solve": lambda: routine("gesv")(a, wide[1]), "inv": inverse, "det": lambda: routine("getrf")(a),
        "slogdet": lambda: routine("getrf")(a), "cholesky": lambda: routine("potrf")(a), "qr": orthogonal,
        "qr r": lambda: np.triu(routine("geqrf")(a)[0]), "svd": lambda: routine("gesdd")(a),
        "svd thin": lambda: routine("gesdd")(a, full_matrices=0), "svdvals": lambda: routine("gesdd")(a, compute_uv=0),
        "norm 2": lambda: routine("gesdd")(a, compute_uv=0), "cond": lambda: routine("gesdd")(a, compute_uv=0),
        "matrix_rank": lambda: routine("gesdd")(a, compute_uv=0), "eigh": lambda: routine(symmetric)(a),
        "eigvalsh": lambda: routine(symmetric)(a, compute_v=0), "eig": lambda: routine("geev")(a, compute_vl=0),
        "eigvals": lambda: routine("geev")(a, compute_vl=0, compute_vr=0),
        "lstsq": lambda: scipy.linalg.lstsq(a, wide[1], check_finite=False),
        "pinv": lambda: scipy.linalg.pinv(a, check_finite=False)}
    return found.get(name)


def _transforms() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    for shape in ((1000,), (1024,), (1 << 16,), (1000, 64), (512, 512), (64, 64, 64)):
        x = rng.standard_normal(shape)
        z = x + 1j * x[::-1]
        for name, argument in (("fft", z), ("rfft", x), ("irfft", z), ("fftn", z), ("rfftn", x)):
            ours, theirs = getattr(np.fft, name), getattr(scipy.fft, name)
            size = "x".join(map(str, shape))
            yield Case(f"{name} {size}", lambda x, f=ours: f(x), (argument,), lambda f=theirs, x=argument: f(x))


def cases(extents: Sequence[int] = EXTENTS, stacks: Sequence[tuple[int, int]] = STACKS) -> Iterator[Case]:
    """One function, dtype and extent each; `1000*10` is a stack of 1000 matrices of 10 rows."""
    for dtype in DTYPES:
        for name, (function, letters) in _FUNCTIONS.items():
            for n in extents:
                if n <= LARGEST.get(name, n):
                    arguments = _arguments(letters, n, dtype)
                    yield Case(f"{name} {dtype} {n}", function, arguments, _through_lapack(name, arguments))
        for name in _STACKED:
            for count, n in stacks:
                function, letters = _FUNCTIONS[name]
                yield Case(f"{name} {dtype} {count}*{n}", function, _arguments(letters, n, dtype, (count,)), None)
    yield from _transforms()


def least_times(calls: Sequence[Callable[[], Any]], seconds: float) -> list[float]:
    """The least time of each, taking turns."""
    least, end, turns = [float("inf")] * len(calls), time.perf_counter() + seconds, 0
    while turns < 3 or (time.perf_counter() < end and turns < 1000):
        for k, call in enumerate(calls):
            begin = time.perf_counter()
            call()
            least[k] = min(least[k], time.perf_counter() - begin)
        turns += 1
    return least


def measure(case: Case, seconds: float) -> Result:
    compiled = td.jit(case.function)
    calls: list[Callable[[], Any]] = [lambda: compiled(*case.arguments), lambda: case.function(*case.arguments)]
    if case.scipy is not None:
        calls.append(case.scipy)
    for call in calls:
        call()
    least = least_times(calls, seconds)
    return Result(case.name, least[0], least[1], least[2] if len(least) > 2 else None)


@contextlib.contextmanager
def threads_of_blas(count: int) -> Iterator[None]:
    """NumPy's and SciPy's BLAS on so many threads, if threadpoolctl is there to say so."""
    if importlib.util.find_spec("threadpoolctl") is None:
        print("threadpoolctl is missing: BLAS runs on as many threads as its environment says")
        yield
        return
    with importlib.import_module("threadpoolctl").threadpool_limits(count, user_api="blas"):
        yield


def report(only: str = "", seconds: float = 0.3, threads: int = 1, output: str | None = None) -> list[Result]:
    """Measure and print line by line, and write JSON to `output`."""
    before, results = td.config.num_threads, []
    print(f"{machine()}\n{threads} threads\n{'case':28} {'ms':>10} {'/NumPy':>8} {'/SciPy':>8}", flush=True)
    td.config.num_threads = threads
    try:
        with threads_of_blas(threads), np.errstate(all="ignore"):
            for case in cases():
                if only in case.name:
                    r = measure(case, seconds)
                    results.append(r)
                    beside = f"{r.treadle / r.scipy:8.2f}" if r.scipy else ""
                    print(f"{r.case:28} {r.treadle * 1e3:10.4f} {r.treadle / r.numpy:8.2f} {beside}", flush=True)
    finally:
        td.config.num_threads = before
    ratios = [r.treadle / min(r.numpy, r.scipy or r.numpy) for r in results]
    if ratios:
        print(f"{sum(x > 1.05 for x in ratios)} of {len(ratios)} more than 5 % slower than the better; geometric mean "
              f"{float(np.exp(np.mean(np.log(ratios)))):.2f}; load after: {os.getloadavg()[0]:.2f}")
    if output:
        Path(output).write_text(json.dumps([asdict(r) for r in results], indent=1))
    return results
