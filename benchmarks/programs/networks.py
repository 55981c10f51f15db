"""Neural networks by hand: convolution by loops, pooling, an LSTM, attention, a perceptron with its gradient."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def conv2d_bias(x, weights, bias):
    k = weights.shape[0]
    n = x.shape[0]
    h = x.shape[1] - k + 1
    w = x.shape[2] - k + 1
    out = np.empty((n, h, w, weights.shape[3]), dtype=x.dtype)
    for i in range(h):
        for j in range(w):
            out[:, i, j, :] = np.sum(x[:, i:i + k, j:j + k, :, None] * weights[None, :, :, :], axis=(1, 2, 3))
    return out + bias


def max_pool(x):
    out = np.empty((x.shape[0], x.shape[1] // 2, x.shape[2] // 2, x.shape[3]), dtype=x.dtype)
    for i in range(x.shape[1] // 2):
        for j in range(x.shape[2] // 2):
            out[:, i, j, :] = np.max(x[:, 2 * i:2 * i + 2, 2 * j:2 * j + 2, :], axis=(1, 2))
    return out


def mlp(x, w1, b1, w2, b2, w3, b3):
    def softmax(z):
        e = np.exp(z - np.max(z, axis=-1, keepdims=True))
        return e / np.sum(e, axis=-1, keepdims=True)

    h = np.maximum(x @ w1 + b1, 0)
    h = np.maximum(h @ w2 + b2, 0)
    return softmax(h @ w3 + b3)


def lstm(x, w, u, b):
    steps, batch, _ = x.shape
    hidden = u.shape[0]
    h = np.zeros((batch, hidden))
    c = np.zeros((batch, hidden))
    out = np.zeros((steps, batch, hidden))

    def sigmoid(z):
        return 1.0 / (1.0 + np.exp(-z))

    for t in range(steps):
        z = x[t] @ w + h @ u + b
        i = sigmoid(z[:, :hidden])
        f = sigmoid(z[:, hidden:2 * hidden])
        g = np.tanh(z[:, 2 * hidden:3 * hidden])
        o = sigmoid(z[:, 3 * hidden:])
        c = f * c + i * g
        h = o * np.tanh(c)
        out[t] = h
    return out


def attention(q, k, v):
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    scores -= scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ v


def train_perceptron(x, y, w1, w2, rate, epochs):
    losses = np.zeros(epochs)
    for epoch in range(epochs):
        h = np.tanh(x @ w1)
        p = h @ w2
        d = p - y
        losses[epoch] = np.mean(d * d)
        g2 = h.T @ d * (2.0 / len(x))
        gh = d @ w2.T * (1 - h * h)
        g1 = x.T @ gh * (2.0 / len(x))
        w1 -= rate * g1
        w2 -= rate * g2
        if losses[epoch] < 1e-6:
            break
    return losses


def batch_norm_relu(x, gamma, beta):
    mean = np.mean(x, axis=0, keepdims=True)
    std = np.std(x, axis=0, keepdims=True)
    return np.maximum(gamma * (x - mean) / np.sqrt(std + 1e-5) + beta, 0)


def _r(*shape, seed=17):
    return np.random.default_rng(seed).normal(size=shape)


def _f(*shape, seed=17):
    return _r(*shape, seed=seed).astype(np.float32)


def _lstm(t, b, i, h):
    return _r(t, b, i), _r(i, 4 * h) * 0.1, _r(h, 4 * h) * 0.1, _r(4 * h) * 0.1


def _mlp(n, a, b, c, d):
    return _f(n, a), _f(a, b) * 0.1, _f(b), _f(b, c) * 0.1, _f(c), _f(c, d) * 0.1, _f(d)


PROGRAMS = [
    Program(conv2d_bias, lambda: (_f(2, 6, 6, 2), _f(3, 3, 2, 4), _f(4)), lambda: (_f(8, 32, 32, 3), _f(5, 5, 3, 16), _f(16)),
            "array"),
    Program(max_pool, lambda: (_f(2, 4, 6, 3),), lambda: (_f(8, 64, 64, 16),), "array"),
    Program(mlp, lambda: _mlp(3, 5, 4, 4, 3), lambda: _mlp(128, 784, 512, 256, 10), "blas"),
    Program(lstm, lambda: _lstm(3, 2, 3, 4), lambda: _lstm(100, 16, 64, 128), "blas"),
    Program(attention, lambda: tuple(_f(2, 5, 4, seed=s) for s in range(3)), lambda: tuple(_f(8, 128, 64, seed=s)
            for s in range(3)), "blas"),
    Program(train_perceptron, lambda: (_r(8, 3), _r(8, 2, seed=1), _r(3, 4) * 0.3, _r(4, 2) * 0.3, 0.1, 4),
            lambda: (_r(500, 20), _r(500, 3, seed=1), _r(20, 64) * 0.3, _r(64, 3) * 0.3, 0.1, 200), "blas"),
    Program(batch_norm_relu, lambda: (_f(4, 3, 3, 2), _f(2), _f(2)), lambda: (_f(32, 28, 28, 32), _f(32), _f(32)), "array"),
]
