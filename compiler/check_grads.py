"""`check_grads`: a function's derivatives against central differences, up to an order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import pytree
from .linear_maps import jvp, vjp


def check_grads(f: Callable[..., Any], args: Sequence[Any], order: int = 1, modes: Sequence[str] = ("fwd", "rev"),
                atol: float | None = None, rtol: float | None = None, eps: float | None = None) -> None:
    """AssertionError unless the derivatives of f(*args), of each order up to `order`, equal central differences.

    One random direction is tried, in forward ("fwd") and reverse mode ("rev").

        treadle.check_grads(lambda x: np.sum(np.sin(x)), (x,), order=2)
    """
    args = tuple(args)
    coarse = any(np.asarray(x).dtype in (np.float16, np.float32, np.complex64) for x in pytree.leaves(args))
    atol = (2e-2 if coarse else 1e-5) if atol is None else atol
    rtol = (2e-2 if coarse else 1e-5) if rtol is None else rtol
    eps = (1e-2 if coarse else 1e-5) if eps is None else eps
    _check(f, args, order, tuple(modes), (atol, rtol, eps), np.random.default_rng(0))


def _check(f: Callable[..., Any], args: tuple, order: int, modes: tuple[str, ...], bounds: tuple[float, float, float],
           rng: np.random.Generator) -> None:
    atol, rtol, eps = bounds
    direction = pytree.map(lambda x: _draw(x, rng), args)
    value, slope = jvp(f, args, direction)
    numeric = pytree.map(lambda a, b: (a - b) / (2 * eps), *(f(*_moved(args, direction, s * eps)) for s in (1, -1)))
    if "fwd" in modes:
        _compare(slope, numeric, atol, rtol, "forward mode against differences")
    if "rev" in modes:
        weights = pytree.map(lambda x: _draw(x, rng), value)
        _, pullback = vjp(f, *args)
        found = _inner(pullback(weights), direction)
        _compare(found, _inner(weights, numeric), atol, rtol, "reverse mode against differences")
    if order > 1:
        if "fwd" in modes:
            _check(lambda *given: jvp(f, given, direction)[1], args, order - 1, modes, bounds, rng)
        if "rev" in modes:
            _check(lambda *given: vjp(f, *given)[1](weights), args, order - 1, modes, bounds, rng)


def _draw(x: Any, rng: np.random.Generator) -> Any:
    """A random number or array like `x`."""
    a = np.asarray(x)
    drawn = rng.normal(size=a.shape)
    if a.dtype.kind == "c":
        drawn = drawn + 1j * rng.normal(size=a.shape)
    drawn = np.asarray(drawn).astype(a.dtype)
    if isinstance(x, np.ndarray):
        return drawn
    return drawn[()] if isinstance(x, np.generic) else drawn.item()


def _moved(args: tuple, direction: tuple, step: float) -> tuple:
    def one(x: Any, d: Any) -> Any:
        moved = np.asarray(x + step * d, np.asarray(x).dtype)
        return moved if isinstance(x, np.ndarray) else type(x)(moved)

    return pytree.map(one, args, direction)


def _inner(a: Any, b: Any) -> float:
    return float(sum(np.sum(np.asarray(x) * np.asarray(y)).real
                     for x, y in zip(pytree.leaves(a), pytree.leaves(b), strict=True)))


def _compare(got: Any, expected: Any, atol: float, rtol: float, what: str) -> None:
    for x, y in zip(pytree.leaves(got), pytree.leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, atol=atol, rtol=rtol, err_msg=what)
