"""Functions of (namespace, argument) whose gradients are compared with those of other libraries."""

import numpy as np


def drawn(*shape, seed=0, low=0.2, high=1.8):
    return np.random.default_rng(seed).uniform(low, high, shape)


X, Y, A, B = drawn(6), drawn(6, seed=1), drawn(4, 5), drawn(5, 3, seed=2)
S = drawn(4, 4, seed=3) + 4 * np.eye(4)
T = drawn(2, 3, 4, seed=4)
I = np.array([2, 0, 2, 5, 1])

CASES = {
    "sum of squares": (lambda xp, x: xp.sum(x**2), X),
    "mean": (lambda xp, x: xp.mean(x * x), X),
    "var": (lambda xp, a: xp.sum(xp.var(a, axis=0)), A),
    "std": (lambda xp, a: xp.sum(xp.std(a, axis=1, ddof=1)), A),
    "prod": (lambda xp, x: xp.prod(x), X),
    "prod with zeros": (lambda xp, x: xp.prod(x), np.array([1.0, 0.0, 2.0])),
    "prod with two zeros": (lambda xp, x: xp.prod(x), np.array([0.0, 0.0, 2.0])),
    "max": (lambda xp, a: xp.sum(xp.max(a, axis=0) ** 2), A),
    "min": (lambda xp, a: xp.sum(xp.min(a, axis=1) ** 2), A),
    "max tied": (lambda xp, x: xp.max(x), np.array([1.0, 2.0, 2.0])),
    "maximum tied": (lambda xp, x: xp.sum(xp.maximum(x, 1.0)), np.array([0.5, 1.0, 2.0])),
    "minimum": (lambda xp, x: xp.sum(xp.minimum(x, x[::-1]) * x), X),
    "clip": (lambda xp, x: xp.sum(xp.clip(x, 0.5, 1.2) ** 2), X),
    "abs": (lambda xp, x: xp.sum(xp.abs(x - 1)), X),
    "exp, log": (lambda xp, x: xp.sum(xp.exp(x) * xp.log(x)), X),
    "log1p, expm1": (lambda xp, x: xp.sum(xp.log1p(x) * xp.expm1(x)), X),
    "trigonometry": (lambda xp, x: xp.sum(xp.sin(x) * xp.cos(x) + xp.tan(x / 2)), X),
    "inverse trigonometry": (lambda xp, x: xp.sum(xp.arcsin(x / 2) + xp.arccos(x / 3) * xp.arctan(x)), X),
    "hyperbolic": (lambda xp, x: xp.sum(xp.tanh(x) + xp.sinh(x) * xp.cosh(x)), X),
    "arctan2": (lambda xp, x: xp.sum(xp.arctan2(x, x[::-1] + 0.1)), X),
    "hypot": (lambda xp, x: xp.sum(xp.hypot(x, x * x)), X),
    "logaddexp": (lambda xp, x: xp.sum(xp.logaddexp(x, 2 * x)), X),
    "sqrt, cbrt": (lambda xp, x: xp.sum(xp.sqrt(x) + xp.cbrt(x)), X),
    "power": (lambda xp, x: xp.sum(x**x + x**2.5 + 2.0**x), X),
    "integer powers": (lambda xp, x: xp.sum(x**3 + x**-2 + x**0), X),
    "division": (lambda xp, x: xp.sum((x + 1) / (x * x) / 3), X),
    "remainder": (lambda xp, x: xp.sum(xp.mod(3 * x, 1.1) * x), X),
    "floor": (lambda xp, x: xp.sum(xp.floor(3 * x) * x), X),
    "sign": (lambda xp, x: xp.sum(xp.sign(x - 1) * x), X),
    "where": (lambda xp, x: xp.sum(xp.where(x > 1, x * x, xp.sin(x))), X),
    "matmul": (lambda xp, a: xp.sum((a @ B) ** 2), A),
    "matrix by vector": (lambda xp, x: xp.sum(xp.sin(S @ x)), X[:4]),
    "vector by matrix": (lambda xp, x: xp.sum(xp.sin(x @ A)), X[:4]),
    "inner": (lambda xp, x: xp.dot(x, x[::-1]), X),
    "batched matmul": (lambda xp, t: xp.sum(xp.matmul(t, xp.swapaxes(t, 1, 2)) ** 2), T),
    "outer": (lambda xp, x: xp.sum(xp.sin(xp.outer(x, x))), X),
    "einsum": (lambda xp, a: xp.sum(xp.einsum("ij,kj,jl->il", a, a, B) ** 2), A),
    "einsum trace": (lambda xp, s: xp.einsum("ii,ij->", s, s), S),
    "tensordot": (lambda xp, t: xp.sum(xp.tensordot(t, t, axes=([0, 2], [0, 2])) ** 2), T),
    "trace": (lambda xp, s: xp.trace(s @ s), S),
    "softmax": (lambda xp, x: (lambda e: xp.sum(e / xp.sum(e) * xp.arange(6.0)))(xp.exp(x - xp.max(x))), X),
    "logsumexp": (lambda xp, a: xp.sum(xp.log(xp.sum(xp.exp(a), axis=1))), A),
    "layer norm": (lambda xp, a: xp.sum(((a - a.mean(1, keepdims=True)) / xp.sqrt(a.var(1, keepdims=True) + 1e-5)) ** 3), A),
    "cumsum": (lambda xp, a: xp.sum(xp.cumsum(a, axis=1) ** 2), A),
    "cumprod": (lambda xp, x: xp.sum(xp.cumprod(x) * xp.arange(6.0)), X),
    "sort": (lambda xp, x: xp.sum(xp.sort(x) * xp.arange(6.0)), X),
    "median": (lambda xp, x: xp.median(x) ** 2, X),
    "gather": (lambda xp, x: xp.sum(x[I] ** 2 * xp.arange(5.0)), X),
    "take": (lambda xp, a: xp.sum(xp.take(a, xp.array([0, 3, 3]), axis=1) ** 3), A),
    "slices": (lambda xp, a: xp.sum(a[1:, ::2] * a[:-1, ::2]) + xp.sum(a[::-1, 1] ** 2), A),
    "transposes": (lambda xp, t: xp.sum(xp.transpose(t, (2, 0, 1)).reshape(4, 6) ** 2 * xp.arange(6.0)), T),
    "concatenate": (lambda xp, x: xp.sum(xp.concatenate([x, x * x, x[:2]]) * xp.arange(14.0)), X),
    "stack": (lambda xp, x: xp.sum(xp.stack([x, xp.sin(x)], axis=1) * xp.arange(12.0).reshape(6, 2)), X),
    "pad": (lambda xp, a: xp.sum(xp.pad(a, ((1, 2), (0, 1))) ** 2), A),
    "roll": (lambda xp, x: xp.sum(xp.roll(x, 2) * x), X),
    "flip": (lambda xp, a: xp.sum(xp.flip(a, 0) * a), A),
    "tile, repeat": (lambda xp, x: xp.sum(xp.tile(x, 2) * xp.repeat(x, 2)), X),
    "broadcasting": (lambda xp, x: xp.sum((x[:, None] - x[None, :]) ** 2 * xp.arange(6.0)), X),
    "diagonal": (lambda xp, s: xp.sum(xp.diagonal(s) ** 2), S),
    "tril": (lambda xp, s: xp.sum(xp.tril(s) ** 2 + xp.triu(s, 1)), S),
    "diff": (lambda xp, x: xp.sum(xp.diff(x) ** 2), X),
    "norm": (lambda xp, a: xp.linalg.norm(a) + xp.sum(xp.linalg.norm(a, axis=1)), A),
    "polyval": (lambda xp, x: xp.sum(xp.polyval(x, xp.array([0.5, 1.5]))), X),
    "cross": (lambda xp, x: xp.sum(xp.cross(x[:3], x[3:]) * xp.arange(3.0)), X),
    "complex modulus": (lambda xp, x: xp.sum(xp.abs(x * (1 + 2j) + 1j) ** 2), X),
    "complex parts": (lambda xp, x: xp.sum((xp.exp(1j * x) * (x + 2j)).imag), X),
    "rosenbrock": (lambda xp, x: xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), X),
}
