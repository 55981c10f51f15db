"""Dense linear algebra by loops, as in a textbook."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def cholesky(A):
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            A[i, j] = (A[i, j] - A[i, :j] @ A[j, :j]) / A[j, j]
        A[i, i] = np.sqrt(A[i, i] - A[i, :i] @ A[i, :i])
    for i in range(n):
        A[i, i + 1:] = 0.0


def lu_rank_one(A):
    n = A.shape[0]
    for k in range(n - 1):
        A[k + 1:, k] /= A[k, k]
        A[k + 1:, k + 1:] -= np.outer(A[k + 1:, k], A[k, k + 1:])
    return A


def lu_dot(A):
    n = A.shape[0]
    for i in range(n):
        for j in range(i):
            A[i, j] = (A[i, j] - A[i, :j] @ A[:j, j]) / A[j, j]
        for j in range(i, n):
            A[i, j] -= A[i, :i] @ A[:i, j]


def lu_pivoting(A):
    n = A.shape[0]
    order = np.arange(n)
    for k in range(n - 1):
        p = k + np.argmax(np.abs(A[k:, k]))
        if p != k:
            row = A[k].copy()
            A[k] = A[p]
            A[p] = row
            q = order[k]
            order[k] = order[p]
            order[p] = q
        if A[k, k] != 0.0:
            A[k + 1:, k] /= A[k, k]
            A[k + 1:, k + 1:] -= A[k + 1:, k, None] * A[k, None, k + 1:]
    return order


def gram_schmidt(A):
    m, n = A.shape
    Q = np.zeros((m, n))
    R = np.zeros((n, n))
    for k in range(n):
        v = A[:, k].copy()
        for j in range(k):
            R[j, k] = Q[:, j] @ v
            v -= R[j, k] * Q[:, j]
        R[k, k] = np.sqrt(np.sum(v * v))
        Q[:, k] = v / R[k, k]
    return Q, R


def householder(A):
    m, n = A.shape
    for k in range(n):
        x = A[k:, k].copy()
        s = np.sqrt(np.sum(x * x))
        x[0] += s if x[0] >= 0 else -s
        x /= np.sqrt(np.sum(x * x))
        A[k:, k:] -= 2.0 * np.outer(x, x @ A[k:, k:])
    return A


def triangular_solve(L, b):
    n = len(b)
    x = np.zeros_like(b)
    for i in range(n):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x


def conjugate_gradient(A, b, tolerance):
    x = np.zeros_like(b)
    r = b - A @ x
    p = r.copy()
    rs = r @ r
    count = 0
    while rs > tolerance and count < 500:
        q = A @ p
        a = rs / (p @ q)
        x += a * p
        r -= a * q
        new = r @ r
        p = r + (new / rs) * p
        rs = new
        count += 1
    return x, count


def power_iteration(A, v, steps):
    value = 0.0
    for _ in range(steps):
        w = A @ v
        value = np.sqrt(w @ w)
        v = w / value
    return value, v


def symmetric_rank_k(C, A, alpha, beta):
    for i in range(A.shape[0]):
        C[i, :i + 1] *= beta
        for k in range(A.shape[1]):
            C[i, :i + 1] += alpha * A[i, k] * A[:i + 1, k]


def matrix_chain(A, B, C, D):
    return (A @ B) @ (C @ D), np.trace(A @ B @ C @ D)


def durbin(r):
    y = np.empty_like(r)
    a = -r[0]
    b = 1.0
    y[0] = -r[0]
    for k in range(1, r.shape[0]):
        b *= 1.0 - a * a
        a = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / b
        y[:k] += a * np.flip(y[:k])
        y[k] = a
    return y


def _matrix(n, m=None, seed=0):
    return np.random.default_rng(seed).normal(size=(n, m or n))


def _positive(n):
    a = _matrix(n)
    return a @ a.T / n + np.eye(n) * 2


def _dominant(n):
    return _matrix(n) * 0.3 / np.sqrt(n) + np.eye(n) * 2


PROGRAMS = [
    Program(cholesky, lambda: (_positive(12),), lambda: (_positive(400),), "scalar"),
    Program(lu_rank_one, lambda: (_dominant(12),), lambda: (_dominant(400),), "array"),
    Program(lu_dot, lambda: (_dominant(11),), lambda: (_dominant(300),), "scalar"),
    Program(lu_pivoting, lambda: (_matrix(10),), lambda: (_matrix(300),), "array"),
    Program(gram_schmidt, lambda: (_matrix(9, 6),), lambda: (_matrix(400, 150),), "array"),
    Program(householder, lambda: (_matrix(9, 6),), lambda: (_matrix(400, 200),), "array"),
    Program(triangular_solve, lambda: (np.tril(_dominant(9)), np.arange(9.0)),
            lambda: (np.tril(_dominant(1500)), np.arange(1500.0)), "array"),
    Program(conjugate_gradient, lambda: (_positive(8), np.ones(8), 1e-12), lambda: (_positive(1000), np.ones(1000), 1e-14),
            "blas"),
    Program(power_iteration, lambda: (_positive(8), np.ones(8), 5), lambda: (_positive(800), np.ones(800), 60), "blas"),
    Program(symmetric_rank_k, lambda: (_matrix(7), _matrix(7, 5), 1.5, 1.2),
            lambda: (_matrix(300), _matrix(300, 200), 1.5, 1.2), "array"),
    Program(matrix_chain, lambda: tuple(_matrix(6, seed=s) for s in range(4)), lambda: tuple(_matrix(400, seed=s)
            for s in range(4)), "blas"),
    Program(durbin, lambda: (_matrix(1, 9)[0] * 0.1,), lambda: (_matrix(1, 3000)[0] * 0.01,), "array"),
]
