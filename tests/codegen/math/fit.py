"""Minimax polynomials: how the coefficients in this package were found.

`fit` minimises the largest weighted error of a polynomial with given powers by Lawson's iteration (least squares whose
weights grow where the error is large) on a Chebyshev grid, in multiple precision.  Coefficients are rounded to the
target type one at a time from the lowest power up and the rest fitted again, so that later coefficients make up for the
rounding of earlier ones.  Needs mpmath, which only this module imports: nothing at run time does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mpmath as mp
import numpy as np

Real = Callable[[mp.mpf], mp.mpf]
GRID = 160
ROUNDS = 25


def chebyshev_grid(lo: float, hi: float, n: int = GRID) -> list[mp.mpf]:
    """n points of [lo, hi], dense at the ends, ascending, the ends among them."""
    mid, half = (mp.mpf(lo) + hi) / 2, (mp.mpf(hi) - lo) / 2
    return [mid - half * mp.cos(mp.pi * k / (n - 1)) for k in range(n)]


def _lawson(basis: np.ndarray, values: np.ndarray) -> tuple[list[mp.mpf], mp.mpf]:
    """Coefficients c that nearly minimise max |values - basis @ c| (arrays of mpf), and that maximum."""
    weights = np.full(len(values), mp.mpf(1))
    best: tuple[list[mp.mpf], mp.mpf] | None = None
    for _ in range(ROUNDS):
        weighted = basis * weights[:, None]
        normal, right = weighted.T @ basis, weighted.T @ values
        c = list(mp.lu_solve(mp.matrix(normal.tolist()), mp.matrix(right.tolist())))
        error = abs(values - basis @ np.array(c))
        worst = max(error)
        if best is None or worst < best[1]:
            best = c, worst
        if not worst:
            break
        weights = weights * (error / worst + mp.mpf(1) / 1000)
        weights = weights / max(weights)
    assert best is not None
    return best


def fit(f: Real, lo: float, hi: float, powers: Sequence[int], dtype: str,
        weight: Real = lambda x: mp.mpf(1), digits: int = 50) -> tuple[list[float], float]:
    """Coefficients, in `dtype` (f32 or f64), of sum c_k x**powers_k ~ f on [lo, hi], and the largest weighted error.

    Points where the weight is 0 are left out.
    """
    round_to = {"f32": np.float32, "f64": np.float64}[dtype]
    with mp.workdps(digits):
        grid = [x for x in chebyshev_grid(lo, hi) if weight(x) > 0]
        basis = np.array([[weight(x) * x ** p for p in powers] for x in grid], object)
        values = np.array([weight(x) * f(x) for x in grid], object)
        done: list[float] = []
        for k in range(len(powers)):
            coefficients, _ = _lawson(basis[:, k:], values)
            done.append(float(round_to(mp.nstr(coefficients[0], 30))))
            values = values - basis[:, k] * done[-1]
        return done, float(max(abs(values)))
