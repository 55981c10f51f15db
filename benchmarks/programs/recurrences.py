"""Recurrences along one axis: alternating directions, recursive filters, columns of an atmosphere, cumulative prices."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def adi(u, steps):
    n = u.shape[0]
    v = np.zeros_like(u)
    p = np.zeros_like(u)
    q = np.zeros_like(u)
    a = -0.3
    b = 1.6
    for _ in range(steps):
        v[0, 1:n - 1] = 1.0
        p[1:n - 1, 0] = 0.0
        q[1:n - 1, 0] = v[0, 1:n - 1]
        for j in range(1, n - 1):
            p[1:n - 1, j] = -a / (a * p[1:n - 1, j - 1] + b)
            q[1:n - 1, j] = (0.3 * u[j, :n - 2] + 0.4 * u[j, 1:n - 1] + 0.3 * u[j, 2:]
                             - a * q[1:n - 1, j - 1]) / (a * p[1:n - 1, j - 1] + b)
        v[n - 1, 1:n - 1] = 1.0
        for j in range(n - 2, 0, -1):
            v[j, 1:n - 1] = p[1:n - 1, j] * v[j + 1, 1:n - 1] + q[1:n - 1, j]
        u[1:n - 1, 1:n - 1] = v[1:n - 1, 1:n - 1].T
    return u


def recursive_filter(x, a, b):
    y = np.zeros_like(x)
    y[0] = b * x[0]
    for i in range(1, len(x)):
        y[i] = a * y[i - 1] + b * x[i]
    return y


def biquad(x, b0, b1, b2, a1, a2):
    y = np.zeros_like(x)
    x1 = x2 = y1 = y2 = 0.0
    for i in range(len(x)):
        t = b0 * x[i] + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
        x2, x1 = x1, x[i]
        y2, y1 = y1, t
        y[i] = t
    return y


def deriche(image, alpha):
    k = (1.0 - np.exp(-alpha)) ** 2 / (1.0 + alpha * np.exp(-alpha) - np.exp(2.0 * alpha))
    b1 = 2.0 ** (-alpha)
    b2 = -np.exp(-2.0 * alpha)
    left = np.empty_like(image)
    left[:, 0] = k * image[:, 0]
    left[:, 1] = k * image[:, 1] + b1 * left[:, 0]
    for j in range(2, image.shape[1]):
        left[:, j] = k * image[:, j] + b1 * left[:, j - 1] + b2 * left[:, j - 2]
    right = np.empty_like(image)
    right[:, -1] = 0.0
    right[:, -2] = k * image[:, -1]
    for j in range(image.shape[1] - 3, -1, -1):
        right[:, j] = k * image[:, j + 1] + b1 * right[:, j + 1] + b2 * right[:, j + 2]
    return left + right


def tridiagonal_columns(lower, diagonal, upper, rhs):
    levels = diagonal.shape[0]
    c = np.zeros_like(diagonal)
    d = np.zeros_like(diagonal)
    c[0] = upper[0] / diagonal[0]
    d[0] = rhs[0] / diagonal[0]
    for k in range(1, levels):
        m = diagonal[k] - lower[k] * c[k - 1]
        c[k] = upper[k] / m
        d[k] = (rhs[k] - lower[k] * d[k - 1]) / m
    x = np.zeros_like(d)
    x[levels - 1] = d[levels - 1]
    for k in range(levels - 2, -1, -1):
        x[k] = d[k] - c[k] * x[k + 1]
    return x


def exponential_average(prices, halflife):
    decay = 0.5 ** (1.0 / halflife)
    out = np.empty_like(prices)
    level = prices[0]
    peak = prices[0]
    worst = 0.0
    for i in range(prices.shape[0]):
        level = decay * level + (1 - decay) * prices[i]
        out[i] = level
        if level > peak:
            peak = level
        elif peak - level > worst:
            worst = peak - level
    return out, worst


def implicit_vertical(w, velocity, rate):
    levels, rows, columns = w.shape
    out = np.zeros_like(w)
    carry = np.zeros((rows, columns))
    for k in range(levels):
        g = 0.5 * rate * (velocity[k, 1:, :] + velocity[k, :-1, :])
        carry = (w[k] - g * carry) / (1.0 + np.abs(g))
        out[k] = carry
    for k in range(levels - 2, -1, -1):
        out[k] = out[k] - 0.25 * out[k + 1]
    return out


def _noise(*shape, seed=3):
    return np.random.default_rng(seed).normal(size=shape)


def _columns(levels, n):
    return _noise(levels, n) * 0.1, 2 + np.abs(_noise(levels, n, seed=4)), _noise(levels, n, seed=5) * 0.1, _noise(levels, n)


PROGRAMS = [
    Program(adi, lambda: (_noise(9, 9), 2), lambda: (_noise(200, 200), 20), "array"),
    Program(recursive_filter, lambda: (_noise(20), 0.9, 0.1), lambda: (_noise(1_000_000), 0.9, 0.1), "scalar"),
    Program(biquad, lambda: (_noise(15), 0.2, 0.3, 0.2, -0.4, 0.1), lambda: (_noise(300_000), 0.2, 0.3, 0.2, -0.4, 0.1),
            "scalar"),
    Program(deriche, lambda: (_noise(7, 9), 0.25), lambda: (_noise(700, 500), 0.25), "array"),
    Program(tridiagonal_columns, lambda: _columns(6, 5), lambda: _columns(80, 10000), "array"),
    Program(exponential_average, lambda: (np.abs(_noise(30)), 5.0), lambda: (np.abs(_noise(500_000)), 50.0), "scalar"),
    Program(implicit_vertical, lambda: (_noise(5, 6, 7), _noise(5, 7, 7, seed=6), 0.3),
            lambda: (_noise(60, 128, 128), _noise(60, 129, 128, seed=6), 0.3), "array"),
]
