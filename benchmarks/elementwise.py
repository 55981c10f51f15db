"""Cases of the first kind: elementwise chains, reductions, rows, small linear algebra."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from treadle.benchmarks.harness import Case


def chain(x):
    return np.tanh(np.exp(-x * x) * np.sin(x) + 0.5 * x) / (1 + abs(x))


def axpy(a, x, y):
    return a * x + y


def polynomial(x):
    return ((2.0 * x + 3.0) * x - 1.0) * x + 0.25


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def layernorm(x, g, b):
    m = x.mean(axis=1, keepdims=True)
    v = ((x - m) ** 2).mean(axis=1, keepdims=True)
    return (x - m) / np.sqrt(v + 1e-5) * g + b


def norm(x):
    return np.sqrt((x * x).sum())


def column_means(x):
    return x.mean(axis=0)


def pairwise_distances(x, y):
    return np.sqrt(((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=-1))


def relu_layer(x, w, b):
    return np.maximum(x @ w + b, 0)


def masked_update(x, y):
    x[x < 0] = 0.0
    x[1:] += y[:-1]
    return x.sum()


def blur(u):
    return 0.25 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2])


def small(x):
    return x + 1


def cases(found: dict[str, ModuleType]) -> list[Case]:
    """The same functions for every peer, whichever are `found`."""
    rng = np.random.default_rng(0)

    def f32(*shape):
        return rng.normal(size=shape).astype(np.float32)

    x20, big = f32(1 << 20), rng.normal(size=1 << 24)
    rows, gain, bias = f32(4096, 1024), f32(1024), f32(1024)
    points, centres = rng.normal(size=(2000, 16)), rng.normal(size=(50, 16))
    a, w, b = f32(128, 784), f32(784, 512), f32(512)
    image = rng.normal(size=(2000, 2000))
    m = 1 << 20
    return [
        Case("chain, 2^20 f32", chain, lambda: (x20,), moved=8 * m),
        Case("axpy, 2^24 f64", axpy, lambda: (1.5, big, big), moved=24 << 24),
        Case("polynomial, 2^24 f64", polynomial, lambda: (big,), moved=16 << 24),
        Case("softmax rows, 4096x1024 f32", softmax, lambda: (rows,), numba=None, moved=8 * rows.size),
        Case("layernorm rows, 4096x1024 f32", layernorm, lambda: (rows, gain, bias), numba=None, moved=8 * rows.size),
        Case("norm, 2^24 f64", norm, lambda: (big,), moved=8 << 24),
        Case("column means, 2000x2000 f64", column_means, lambda: (image,), numba=None, moved=8 * image.size),
        Case("pairwise distances, 2000x50x16", pairwise_distances, lambda: (points, centres), numba=None),
        Case("relu layer, 128x784x512 f32", relu_layer, lambda: (a, w, b), work=2 * 128 * 784 * 512),
        Case("masked update, 2^20 f32", masked_update, lambda: (x20.copy(), x20), jax=None, fresh=True),
        Case("blur, 2000x2000 f64", blur, lambda: (image,), moved=16 * image.size),
        Case("x + 1, 8 f32", small, lambda: (x20[:8].copy(),)),
    ]
