"""NumPy programs to differentiate, with points to do it at: plain functions of float64 arrays that return one number."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

PROGRAMS: dict[str, tuple[Callable, tuple]] = {}


def at(*args):
    """Enter a function with the arguments to differentiate it at."""
    def enter(f):
        PROGRAMS[f.__name__] = (f, args)
        return f

    return enter


def drawn(*shape, seed=0, low=0.3, high=1.7):
    return np.random.default_rng(seed).uniform(low, high, shape)


def positive_definite(n):
    a = drawn(n, n)
    return a @ a.T + n * np.eye(n)


@at(drawn(9))
def stencil_in_place(x):
    y = x.copy()
    for _ in range(6):
        y[1:-1] = np.sin(y[:-2]) + 0.5 * y[2:] * y[1:-1]
    return (y * y).sum()


@at(drawn(6))
def argument_written(x):
    x[1:] *= x[:-1]
    x += 1.0
    return np.sum(x**2)


@at(drawn(12), drawn(12, seed=1))
def recurrence(a, b):
    h = 0.0
    for k in range(12):
        h = np.tanh(a[k] * h + b[k])
    return h


@at(drawn(5, 3), drawn(4, 4, seed=1), drawn(4, 3, seed=2))
def rnn(xs, w, u):
    h = np.zeros(4)
    for x in xs:
        h = np.tanh(w @ h + u @ x)
    return np.sum(h * h)


@at(positive_definite(5))
def cholesky(a):
    n = a.shape[0]
    low = np.zeros_like(a)
    for j in range(n):
        low[j, j] = np.sqrt(a[j, j] - np.sum(low[j, :j] ** 2))
        for i in range(j + 1, n):
            low[i, j] = (a[i, j] - np.sum(low[i, :j] * low[j, :j])) / low[j, j]
    return np.sum(low * np.arange(1.0, n * n + 1).reshape(n, n))


@at(drawn(5, 5))
def lu_with_pivoting(a):
    n = a.shape[0]
    lu = a.copy()
    total = 0.0
    for k in range(n):
        p = k + np.argmax(np.abs(lu[k:, k]))
        row = lu[p].copy()
        lu[p] = lu[k]
        lu[k] = row
        for i in range(k + 1, n):
            lu[i, k] = lu[i, k] / lu[k, k]
            for j in range(k + 1, n):
                lu[i, j] -= lu[i, k] * lu[k, j]
        total += np.log(np.abs(lu[k, k]))
    return total + np.sum(np.sin(lu))


@at(drawn(6))
def branch_on_values(x):
    if x[0] > 1.0:
        y = x * x
    else:
        y = np.sin(x) + x[1]
    return np.sum(y * x)


@at(drawn(10))
def branch_in_loop(x):
    s = 0.0
    for k in range(10):
        if x[k] > 1.0:
            s += x[k] ** 2
        else:
            s = s * x[k] + 0.5
    return s


@at(drawn(10))
def branch_writes(x):
    y = np.zeros(10)
    for k in range(1, 10):
        if x[k] > x[k - 1]:
            y[k] = x[k] * y[k - 1] + x[0]
        elif x[k] > 0.6:
            y[k - 1] = np.exp(x[k])
    return np.sum(y * y)


@at(drawn(10))
def break_out(x):
    s = 1.0
    for k in range(10):
        if s > 4.0:
            break
        s = s + x[k] * s
    return s * x[9]


@at(drawn(4, 6))
def nested_break(a):
    total = 0.0
    for i in range(4):
        s = a[i, 0]
        for j in range(6):
            s = s * a[i, j] + 0.3
            if s > 1.2:
                break
        total = total + s * s
    return total


@at(drawn(4), drawn(4, seed=3))
def while_converges(x, y):
    while np.sum(x * x) < 50.0:
        x = x * (1.0 + 0.3 * y) + 0.1
    return np.sum(x * y)


@at(drawn(5))
def while_in_for(x):
    total = 0.0
    for k in range(5):
        s = x[k]
        while s < 6.0:
            s = s * 1.7 + np.sin(s)
        total += s * x[k]
    return total


@at(drawn(5))
def newton_root(a):
    x = np.ones(5)
    for _ in range(8):
        x = x - (x * x - a) / (2.0 * x)
    return np.sum(np.arange(5.0) * x)


@at(drawn(6, 5))
def writes_through_views(a):
    b = a.copy()
    v = b[1::2]
    v *= 2.0
    w = b.T[2:4]
    w[...] = np.sin(w) + v.sum()
    b.reshape(-1)[::7] = 3.0 * b[0, 0]
    return np.sum(b * b)


@at(drawn(7))
def scatter_with_repeats(x):
    y = np.zeros(4)
    i = np.array([0, 2, 2, 1, 0, 3, 2])
    y[i] = x * 2.0
    z = np.zeros(4)
    np.add.at(z, i, x * x)
    return np.sum(y * z)


@at(drawn(8))
def masks(x):
    y = x.copy()
    y[x > 1.0] = 0.5
    y[y < 0.7] *= 2.0
    return np.sum(np.where(x > 0.8, y * y, -y)) + np.sum(x[x > 0.9] ** 2)


@at(drawn(8))
def ping_pong(x):
    a, b = x.copy(), np.zeros(8)
    for _ in range(5):
        b[1:-1] = 0.25 * (a[:-2] + 2.0 * a[1:-1] ** 2 + a[2:])
        b[0] = a[0]
        b[-1] = a[-1]
        a, b = b, a
    return np.sum(a * a)


@at(drawn(9))
def sorted_weights(x):
    return np.sum(np.sort(x * x) * np.arange(9.0)) + np.max(x) * np.min(x) + np.median(x)


@at(drawn(6, 4))
def cumulative(a):
    return np.sum(np.cumsum(a, axis=0) ** 2) + np.sum(np.cumprod(a, axis=1)) + np.prod(a[0])


@at(drawn(5, 4))
def norms(a):
    return np.linalg.norm(a) + np.sum(np.sqrt(np.sum(a * a, axis=1))) + np.log(np.sum(np.exp(a - a.max()))) + np.std(a)


@at(drawn(3, 4), drawn(4, 5, seed=1), drawn(5, seed=2))
def einsums(a, b, c):
    return np.sum(np.einsum("ij,jk->ik", a, b) @ c) + np.einsum("ij,jk,k->", a, b, c * c)


@at(drawn(4, 4), drawn(4, seed=1))
def power_iteration(a, v):
    for _ in range(6):
        v = a @ v
        v = v / np.sqrt(v @ v)
    return v @ (a @ v)


@at(drawn(5), drawn(5, seed=1))
def early_return(x, y):
    for k in range(5):
        if x[k] > 1.2:
            return x[k] * y[k]
    return np.sum(x * y)


@at(drawn(6), 0.7)
def scalar_argument(x, s):
    t = s
    for k in range(3):
        t = t * s + k
    return np.sum(np.sin(x * s)) * t


@at(drawn(30))
def logsumexp_rows(x):
    a = x.reshape(5, 6)
    m = a.max(axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(a - m), axis=1)) + m[:, 0])


@at(drawn(6, 6))
def triangular_solve(a):
    n = a.shape[0]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        x[i] = (1.0 + i - a[i, i + 1:] @ x[i + 1:]) / (a[i, i] + 2.0)
    return np.sum(x * x)


@at(drawn(7, 7))
def wavefront(a):
    d = np.zeros((8, 8))
    for i in range(1, 8):
        for j in range(1, 8):
            d[i, j] = a[i - 1, j - 1] + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
    return d[7, 7] ** 2


@at(drawn(5))
def backwards_loop(x):
    y = x.copy()
    for k in range(4, 0, -2):
        y[k - 1] += y[k] * x[0]
    return np.sum(y * y)


@at(drawn(6))
def arm_with_a_loop_whose_length_only_it_knows(x):
    y, n = x.copy(), 0
    if x[0] < 100:
        while n < 4:
            n += 1
        for i in range(n):
            y[i + 1] = np.sin(y[i] * x[i]) + y[i + 1]
    return np.sum(y * y) + n


@at(drawn(8))
def arm_in_a_loop_with_a_slice_whose_length_only_it_knows(x):
    y = x.copy()
    for k in range(4):
        if y[k] < 100:
            n = 0
            while n < k + 2:
                n += 1
            z = np.exp(0.1 * y[:n] * x[k])
            y[:n] *= np.sqrt(z)
        else:
            y[k] = 0
    return np.sum(y * y)
