"""Derivatives of generated programs against differences: `python -m tests.fuzz --grad`.

The float arguments of a program become float64 arrays of moderate numbers and move along one random direction; what the
program returns is summed with random weights.  Forward and reverse mode must give the slope of that sum, or refuse.  Points
where the one-sided differences disagree (kinks, jumps, numbers too large) say nothing and are skipped; so are those where a
slope on the way is not finite and one mode gives NaN for it, while the other one is right.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tests.comparator import copy_arguments
from tests.fuzz.generate import Program
from tests.fuzz.run import define, make_program

STEP = 1e-6
SKIPPED = "skipped: "
_COARSE = ("float16", "float32", "complex64", "astype('f2')", "astype('f4')")
REFUSED = "UnsupportedError', "


def program_of(seed: int) -> Program:
    """The program of a seed, with float64 arguments for its float arguments."""
    program = make_program(seed, control=seed % 3 != 0)
    rng = np.random.default_rng(seed)
    program.arguments = tuple(_moderate(x, rng) for x in program.arguments)
    return program


def _moderate(x: Any, rng: np.random.Generator) -> Any:
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return np.asarray(rng.uniform(0.3, 1.9, x.shape) * rng.choice([1.0, 1.0, -1.0], x.shape))
    if isinstance(x, float | np.floating):
        return float(rng.uniform(0.3, 1.9))
    return x


def _is_moving(x: Any) -> bool:
    return isinstance(x, float) or (isinstance(x, np.ndarray) and x.dtype == np.float64)


class Slope:
    """The program along one direction: `at(h)` is the weighted sum of its results there."""

    def __init__(self, program: Program, seed: int, treadle: Any) -> None:
        self.f = define(program.source, f"<fuzz grad {seed}>")
        self.treadle, self.arguments = treadle, program.arguments
        self.rng = np.random.default_rng(seed + 1)
        self.moving = [k for k, x in enumerate(self.arguments) if _is_moving(x)]
        self.units = [self.rng.normal(size=np.shape(self.arguments[k])) for k in self.moving]
        self.weights: list[Any] | None = None

    def arguments_at(self, h: float) -> list[Any]:
        args = list(copy_arguments(self.arguments))
        for k, u in zip(self.moving, self.units, strict=True):
            args[k] = args[k] + h * (u if isinstance(args[k], np.ndarray) else float(u))
        return args

    def leaves(self, result: Any) -> list[np.ndarray]:
        return [np.asarray(x) for x in self.treadle.tree.leaves(result) if isinstance(x, np.ndarray | np.generic | float)
                and np.asarray(x).dtype.kind == "f"]

    def at(self, h: float) -> float:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = self.leaves(self.f(*self.arguments_at(h)))
        if self.weights is None:
            self.weights = [self.rng.normal(size=x.shape) for x in found]
        if [x.shape for x in found] != [w.shape for w in self.weights]:
            return float("nan")
        return float(sum(np.sum(x.astype(float) * w) for x, w in zip(found, self.weights, strict=True)))

    def by_modes(self) -> tuple[float, float] | None:
        """The slope by forward and by reverse mode; None if the compiled program returns other types (where a loop makes no
        trip, a constant before it has the type of the trips)."""
        td, args = self.treadle, self.arguments_at(0.0)
        f, moving, fixed = self.f, tuple(self.moving), tuple(args)

        def along(*given):
            full = list(fixed)
            for k, x in zip(moving, given):
                full[k] = x
            return f(*full)

        primals = [args[k] for k in moving]
        value, pullback = td.vjp(along, *primals)
        if [x.shape for x in self.leaves(value)] != [w.shape for w in self.weights or []]:
            return None
        weights = iter(self.weights or [])
        ct = td.tree.map(lambda x: self._like(x, weights), value)
        back = sum(np.sum(np.asarray(g) * u) for g, u in zip(pullback(ct), self.units, strict=True))
        units = [u if isinstance(x, np.ndarray) else float(u) for u, x in zip(self.units, primals, strict=True)]
        _, tangent = td.jvp(along, tuple(primals), tuple(units))
        ahead = sum(np.sum(x.astype(float) * w) for x, w in zip(self.leaves(tangent), self.weights or [], strict=True))
        return float(ahead), float(back)

    @staticmethod
    def _like(x: Any, weights: Any) -> Any:
        if isinstance(x, np.ndarray | np.generic | float) and np.asarray(x).dtype.kind == "f":
            w = next(weights).astype(np.asarray(x).dtype)
            return w if isinstance(x, np.ndarray) else float(w) if type(x) is float else w[()]
        if isinstance(x, np.ndarray):
            return np.zeros_like(x)
        return type(x)(0) if isinstance(x, np.generic | complex) else x


def check_gradient_seed(seed: int, treadle: Any) -> tuple[str | None, Program]:
    """None if both modes agree with differences; a text that begins with `SKIPPED` if these say nothing."""
    program = program_of(seed)
    slope = Slope(program, seed, treadle)
    if any(name in program.source for name in _COARSE) or any(getattr(x, "dtype", None) in _COARSE for x in program.arguments):
        return SKIPPED + "numbers too coarse for differences", program
    if not slope.moving:
        return SKIPPED + "no float argument", program
    try:
        middle, high, low = slope.at(0.0), slope.at(STEP), slope.at(-STEP)
        wider = slope.at(16 * STEP) - slope.at(-16 * STEP)
    except Exception as e:  # NumPy refuses the program at these numbers
        return SKIPPED + type(e).__name__, program
    right, left, numeric = (high - middle) / STEP, (middle - low) / STEP, (high - low) / (2 * STEP)
    size = max(abs(middle), abs(numeric), 1.0)
    if not np.isfinite([middle, right, left, wider]).all() or abs(right - left) > 1e-2 * max(abs(numeric), 1.0):
        return SKIPPED + "a kink, or no number", program
    if abs(wider / (32 * STEP) - numeric) > 1e-3 * size or size > 1e6:
        return SKIPPED + "not smooth enough", program
    try:
        got = slope.by_modes()
    except treadle.errors.UnsupportedError as e:
        return f"('{REFUSED}{e.what}: {e.why}", program
    except TypeError as e:
        return f"('{REFUSED}TypeError: {e}", program
    tolerance = 1e-4 * size + 1e-5
    if got is None:
        return SKIPPED + "results of other types", program
    wrong = [(mode, x) for mode, x in zip(("forward", "reverse"), got, strict=True) if not abs(x - numeric) <= tolerance]
    if len(wrong) == 1 and np.isnan(wrong[0][1]):
        return SKIPPED + "one mode meets a slope that is not finite", program
    for mode, x in wrong:
        return f"{mode} mode gives {x}, differences {numeric} (arguments {slope.moving} move)", program
    return None, program
