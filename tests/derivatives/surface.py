"""The checks that every public call goes through: both modes against differences, twice, and lanes against a loop.

A call is a line of Python over an array `x` (and weights `w`): statements, then the expression whose value counts, parted by `; `.
What it returns is compared in its floats and complex numbers; integers and truths among the results have no slope.
"""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import treadle as td

STEP = 1e-6
LANES = 3
COARSE = (np.float16, np.float32, np.complex64)


def define(call: str) -> Callable:
    *statements, expression = call.split("; ")
    lines = ["import numpy as np", "import scipy.special as sp", "", "", "def f(x, w):", *("    " + s for s in statements),
             f"    return {expression}", ""]
    source, name = "\n".join(lines), f"<surface {call}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    scope: dict[str, Any] = {"__name__": "surface"}
    exec(compile(source, name, "exec"), scope)
    return scope["f"]


def moving(result: Any) -> list[np.ndarray]:
    """The leaves that can have a slope."""
    leaves = [np.asarray(x) for x in td.tree.leaves(result) if isinstance(x, np.ndarray | np.generic | float | complex)]
    return [x for x in leaves if x.dtype.kind in "fc"]


def drawn(rng: np.random.Generator, like: Any) -> np.ndarray:
    like = np.asarray(like)
    out = rng.uniform(-1, 1, like.shape)
    return (out + 1j * rng.uniform(-1, 1, like.shape) if like.dtype.kind == "c" else out).astype(like.dtype)


def inner(a: Any, b: Any) -> float:
    return float(np.sum(np.asarray(a) * np.asarray(b)).real)


def close(got: Any, want: Any, tolerance: float, what: str) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, not {want.shape}"
    scale = max(1.0, float(np.max(np.abs(want), initial=0.0)))
    if got.dtype in COARSE or want.dtype in COARSE:
        tolerance = max(tolerance, 1e-5)
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale, err_msg=what)


class Derivatives:
    """One call at one point, along one direction."""

    def __init__(self, call: str, x: np.ndarray, w: np.ndarray, seed: int = 0) -> None:
        plain = define(call)
        self.rng = np.random.default_rng(seed)
        self.x, self.u = x, drawn(self.rng, x)
        self.f = lambda x: plain(x, w)

    def plain(self, h: float) -> list[np.ndarray]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return [np.array(r) for r in moving(self.f((self.x + h * self.u).astype(self.x.dtype)))]

    def differences(self, at: Callable[[float], list[np.ndarray]], step: float = STEP) -> list[np.ndarray]:
        return [np.where(a == b, 0, (a - b) / (2 * step)) for a, b in zip(at(step), at(-step), strict=True)]

    def cotangents(self, result: Any) -> Any:
        def draw(x: Any) -> Any:
            if np.asarray(x).dtype.kind in "fc":
                ct = drawn(self.rng, x)
                return ct if isinstance(x, np.ndarray) else ct[()] if isinstance(x, np.generic) else type(x)(ct)
            return np.zeros_like(x) if isinstance(x, np.ndarray) else type(x)(0)

        return td.tree.map(draw, result)

    def first(self) -> None:
        want = self.differences(self.plain)
        value, tangent = td.jvp(self.f, (self.x.copy(),), (self.u,))
        pulled_value, pullback = td.vjp(self.f, self.x.copy())
        for got, exact in zip(moving(value), self.plain(0.0), strict=True):
            close(got, exact, 1e-12, "value by jvp")
        for got, exact in zip(moving(pulled_value), self.plain(0.0), strict=True):
            close(got, exact, 1e-12, "value by vjp")
        for got, slope in zip(moving(tangent), want, strict=True):
            close(got, slope, 1e-6, "jvp against differences")
        ct = self.cotangents(pulled_value)
        (back,) = pullback(ct)
        assert back.shape == self.x.shape and back.dtype == self.x.dtype
        ahead = sum(inner(c, t) for c, t in zip(moving(ct), moving(tangent), strict=True))
        np.testing.assert_allclose(inner(back, self.u), ahead, rtol=1e-9, atol=1e-9, err_msg="vjp against jvp")

    def second(self) -> None:
        """The change of jvp and of vjp along the direction, by jvp and by vjp."""
        ahead = lambda x: moving(td.jvp(self.f, (x,), (self.u,))[1])  # noqa: E731
        ct = self.cotangents(td.jit(self.f)(self.x.copy()))
        back = lambda x: td.vjp(self.f, x)[1](ct)[0]  # noqa: E731
        want_ahead = self.differences(lambda h: [np.asarray(t) for t in ahead(self.x + h * self.u)])
        (want_back,) = self.differences(lambda h: [back(self.x + h * self.u)])
        for got, slope in zip(td.jvp(ahead, (self.x,), (self.u,))[1], want_ahead, strict=True):
            close(got, slope, 1e-5, "jvp of jvp")
        close(td.jvp(back, (self.x,), (self.u,))[1], want_back, 1e-5, "jvp of vjp")
        v = drawn(self.rng, self.x)
        _, pullback = td.vjp(back, self.x)
        np.testing.assert_allclose(inner(pullback(v)[0], self.u), inner(v, td.jvp(back, (self.x,), (self.u,))[1]), rtol=1e-7,
                                   atol=1e-7, err_msg="vjp of vjp")


def stacked(lanes: list[Any], axis: int = 0) -> Any:
    leaves = [td.tree.leaves(lane) for lane in lanes]
    return [np.stack([np.asarray(x) for x in each], axis) for each in zip(*leaves, strict=True)]


def check_lanes(call: str, x: np.ndarray, w: np.ndarray, seed: int = 0, few: bool = False) -> None:
    """`vmap` with the lanes at several axes, nested, and of shared arguments, against a loop."""
    f, rng = define(call), np.random.default_rng(seed)
    xs = np.stack([x] + [(x + 0.1 * drawn(rng, x)).astype(x.dtype) if x.dtype.kind in "fc" else x for _ in range(LANES - 1)])

    def loop(given: np.ndarray) -> tuple[list[Any], list[np.ndarray]]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            rows = [row.copy() for row in given]
            return [f(row, w) for row in rows], rows

    want, written = loop(xs)
    for in_axis, out_axis in ((0, 0), (-1, 0), (1, 1), (0, -1))[:2 if few else 4]:
        if out_axis > 0 and any(np.ndim(r) < out_axis for r in td.tree.leaves(want[0])):
            continue
        given = np.moveaxis(xs, 0, in_axis).copy()
        got = td.vmap(f, (in_axis, None), out_axis)(given, w)
        for g, s in zip(td.tree.leaves(got), stacked(want, out_axis), strict=True):
            assert np.asarray(g).dtype == s.dtype, f"dtype {np.asarray(g).dtype}, not {s.dtype}"
            close(g, s, 1e-11, f"vmap, in_axes {in_axis}, out_axes {out_axis}")
        close(np.moveaxis(given, in_axis, 0), np.stack(written), 1e-12, "what vmap writes")
    if few:
        return
    twice = np.stack([xs, xs[::-1]])
    got = td.vmap(td.vmap(f, (0, None)), (0, None))(twice.copy(), w)
    for g, a, b in zip(td.tree.leaves(got), stacked(want), stacked(want[::-1]), strict=True):
        close(g, np.stack([a, b]), 1e-11, "vmap of vmap")


def check_gradients_of_lanes(call: str, x: np.ndarray, w: np.ndarray, seed: int = 0) -> None:
    """Pullbacks under `vmap`, and through it, against a loop."""
    f, rng = define(call), np.random.default_rng(seed)
    xs = np.stack([x] + [(x + 0.1 * drawn(rng, x)).astype(x.dtype) for _ in range(LANES - 1)])

    def total(x: np.ndarray) -> Any:
        return sum(np.sum(np.sin(r.real) + np.cos(r.imag)) for r in td.tree.leaves(f(x, w)) if np.asarray(r).dtype.kind in "fc")

    want = np.stack([td.grad(total)(row) for row in xs])
    close(td.vmap(td.grad(total))(xs), want, 1e-10, "vmap of grad")
    close(td.grad(lambda xs: np.sum(td.vmap(total)(xs)))(xs), want, 1e-10, "grad of vmap")
