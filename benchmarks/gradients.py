"""Derivatives of plain NumPy functions beside `jax.jit` of JAX's: the gradient of an MLP, recurrent networks, attention,
per-example gradients, a Hessian.

    python -m treadle bench gradients [--only mlp] [--apart]

`cases` makes them; all in float32.  JAX differentiates the same code with `np` meaning jax.numpy, but for the recurrent networks,
whose loops are `lax.scan`.  Errors, of both sides, are against Treadle's derivative in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import treadle as td
from treadle.benchmarks.harness import Case, over_jax_numpy

Array = Any
SIZES = (784, 512, 256, 10)
WEIGHTS = (0, 1, 2, 3, 4, 5)


def mlp(w1: Array, b1: Array, w2: Array, b2: Array, w3: Array, b3: Array, x: Array, y: Array) -> Array:
    """The mean cross-entropy of a network with two hidden layers; y has a row of zeros and a one per example."""
    z = np.maximum(np.maximum(x @ w1 + b1, 0) @ w2 + b2, 0) @ w3 + b3
    largest = z.max(axis=-1, keepdims=True)
    total = np.log(np.exp(z - largest).sum(axis=-1, keepdims=True)) + largest
    return np.mean(total[..., 0] - (z * y).sum(axis=-1))


def rnn(w: Array, u: Array, xs: Array) -> Array:
    """xs: steps by inputs, or steps by examples by inputs."""
    h = np.zeros(xs.shape[1:-1] + w.shape[:1], xs.dtype)
    for t in range(xs.shape[0]):
        h = np.tanh(h @ w + xs[t] @ u)
    return np.sum(h * h)


def attention(q: Array, k: Array, v: Array) -> Array:
    scores = q @ np.swapaxes(k, 1, 2) * 0.125
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.sum(((scores / scores.sum(axis=-1, keepdims=True)) @ v) ** 2)


def rosenbrock(x: Array) -> Array:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rnn_with_scan(jax: ModuleType) -> Callable:
    """`rnn` as one writes it for JAX."""
    def run(w: Array, u: Array, xs: Array) -> Array:
        begin = jax.numpy.zeros(xs.shape[1:-1] + w.shape[:1], xs.dtype)
        h, _ = jax.lax.scan(lambda h, x: (jax.numpy.tanh(h @ w + x @ u), None), begin, xs)
        return jax.numpy.sum(h * h)
    return run


def _case(name: str, arguments: tuple, ours: Callable, theirs: Callable | None) -> Case:
    """`ours` and `theirs` are the derivatives."""
    def run(*args: Array) -> Array:
        return ours(*args)

    def peer(*args: Array) -> Array:
        assert theirs is not None
        return theirs(*args)

    return Case(name, run, lambda: arguments, numba=None, jax=peer if theirs is not None else None, plain=False)


def _gradient(name: str, f: Callable, arguments: tuple, argnums: tuple[int, ...], jax: ModuleType | None,
              peer: Callable | None = None) -> Case:
    """The gradient of f; JAX's of `peer`, which is f itself over jax.numpy unless given."""
    theirs = None
    if jax is not None:
        theirs = jax.grad(peer or over_jax_numpy(f, jax), argnums)
    return _case(name, arguments, td.grad(f, argnums), theirs)


def _drawn(rng: np.random.Generator, *extents: int, scale: float = 1.0) -> Array:
    return (rng.standard_normal(extents) * scale).astype("f4")


def cases(found: dict) -> list[Case]:
    """The suite; `found` are the peers that are there."""
    jax, rng = found.get("jax"), np.random.default_rng(0)
    scan = rnn_with_scan(jax) if jax is not None else None
    weights = [made for rows, columns in zip(SIZES[:-1], SIZES[1:])
               for made in (_drawn(rng, rows, columns, scale=rows**-0.5), np.zeros(columns, "f4"))]
    x, y = _drawn(rng, 128, SIZES[0]), np.eye(10, dtype="f4")[rng.integers(0, 10, 128)]
    w, u = _drawn(rng, 64, 64, scale=0.125), _drawn(rng, 32, 64, scale=0.125)
    lanes = (None,) * 6 + (0, 0)
    each, beside = td.vmap(td.grad(mlp, WEIGHTS), lanes), None
    if jax is not None:
        beside = jax.vmap(jax.grad(over_jax_numpy(mlp, jax), WEIGHTS), lanes)
    curvature = jax.hessian(over_jax_numpy(rosenbrock, jax)) if jax is not None else None
    return [
        _gradient("mlp 784-512-256-10, batch 128", mlp, (*weights, x, y), WEIGHTS, jax),
        _gradient("rnn, 100 steps", rnn, (w, u, _drawn(rng, 100, 32)), (0, 1), jax, scan),
        _gradient("rnn, 100 steps, batch 32", rnn, (w, u, _drawn(rng, 100, 32, 32)), (0, 1), jax, scan),
        _gradient("attention 8x128x64", attention, tuple(_drawn(rng, 8, 128, 64) for _ in range(3)), (0, 1, 2), jax),
        _case("per-example gradients, 16 of mlp", (*weights, x[:16], y[:16]), each, beside),
        _case("hessian of 100-dim rosenbrock", (_drawn(rng, 100),), td.hessian(rosenbrock), curvature)]
