"""`vmap` of generated programs against the loop over lanes: `python -m tests.fuzz --vmap`.

Some of a program's arguments get lanes, at an axis of their own each, the others are shared; every lane is the argument with
other numbers in it.  Results, what is written to arguments, dtypes and the error of the first lane that raises must be those of
the loop; programs whose results are no arrays or numbers, or differ in shape from lane to lane, say nothing.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tests.comparator import copy_arguments, difference, explained, observe
from tests.fuzz.derivatives import REFUSED, SKIPPED
from tests.fuzz.generate import Program
from tests.fuzz.run import define, make_program
from tests.perturb import perturbed_functions

LANES = 3


def _other(x: Any, rng: np.random.Generator) -> Any:
    """An argument of another lane: of the same type and shape, other numbers of the same kind."""
    y = np.array(x)
    with np.errstate(all="ignore"):
        return _moved(y, rng)


def _moved(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    flat = rng.permutation(y.reshape(-1)) if y.ndim else y.reshape(-1) + y.dtype.type(rng.integers(0, 2))
    if y.dtype.kind in "fc" and rng.random() < 0.5:
        flat = flat * y.dtype.type(rng.choice([0.5, -1.0, 2.0]))
    return flat.astype(y.dtype).reshape(y.shape)


class Batch:
    """The arguments with lanes, and what a loop over these means."""

    def __init__(self, program: Program, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.shared, self.axes, self.lanes = program.arguments, [], []
        # A lane of a vector is a scalar, which cannot stand for an array of rank 0.
        may = [x.ndim > 0 if isinstance(x, np.ndarray) else type(x) in (int, float) or isinstance(x, np.generic)
               for x in program.arguments]
        chosen = [m and rng.random() < 0.7 for m in may]
        if any(may) and not any(chosen):
            chosen[may.index(True)] = True
        for x, has_lanes in zip(program.arguments, chosen, strict=True):
            ndim = np.ndim(x)
            self.axes.append(int(rng.choice([0, 0, ndim, -1])) if has_lanes else None)
            self.lanes.append([np.array(x), *(_other(x, rng) for _ in range(LANES - 1))] if has_lanes else None)

    def arguments(self) -> tuple:
        given = copy_arguments(self.shared)
        return tuple(x if k is None else np.stack(lanes, k)  # type: ignore[arg-type]
                     for x, k, lanes in zip(given, self.axes, self.lanes, strict=True))

    def loop(self, f: Any, td: Any) -> Any:
        """What vmap(f) means, as a function."""
        def run(*args: Any) -> Any:
            along = [None if k is None else np.moveaxis(x, k, 0) for x, k in zip(args, self.axes, strict=True)]
            lanes = []
            for i in range(LANES):
                found = f(*(x if a is None else a[i] for x, a in zip(args, along, strict=True)))
                lanes.append([np.array(x, order="C") for x in td.tree.leaves(found)])
            return tuple(map(np.stack, zip(*lanes, strict=True)))

        return run

    def batched(self, f: Any, td: Any) -> Any:
        mapped = td.vmap(f, tuple(self.axes))
        return lambda *args: tuple(td.tree.leaves(mapped(*args)))


def _as_joined(x: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where paths end with numbers of several types, all lanes have the type that holds them all."""
    if not np.can_cast(wanted.dtype, x.dtype):
        return x
    with np.errstate(all="ignore"):
        narrow = x.astype(wanted.dtype)
    return narrow if np.array_equal(narrow, x, equal_nan=x.dtype.kind in "fc") else x


def check_vmap_seed(seed: int, treadle: Any) -> tuple[str | None, Program]:
    """None if vmap gives what the loop gives; a text that begins with `SKIPPED` if the loop says nothing."""
    program = make_program(seed, control=seed % 3 != 0)
    batch = Batch(program, seed)
    if not any(k is not None for k in batch.axes):
        return SKIPPED + "no argument that can have lanes", program
    f, make = define(program.source, f"<fuzz vmap {seed}>"), batch.arguments
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = observe(batch.loop(f, treadle), make)
    if want.error is not None and want.error[0] == "ValueError":
        return SKIPPED + "results of several shapes", program
    if want.error is None and any(x.dtype.kind not in "biufc" for x in want.result):
        return SKIPPED + "results that are no numbers", program
    got = observe(batch.batched(f, treadle), make)
    if got.error is not None and got.error[0] in ("UnsupportedError", "TypeError") and "vmap" in str(got.error):
        return f"('{REFUSED}{got.error}", program
    got.result = tuple(map(_as_joined, got.result or (), want.result or ()))
    problem = difference(got, want)
    if problem is not None:
        variants = [observe(batch.loop(g, treadle), make) for g in perturbed_functions(program.source, "f", {"np": np})]
        problem = explained(got, want, variants)
    return problem, program
