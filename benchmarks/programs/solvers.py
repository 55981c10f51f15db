"""Solvers and factorisations by loops over slices: substitution, elimination, rotations, relaxation, Krylov spaces."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def ludcmp(A, b):
    n = A.shape[0]
    x = np.zeros_like(b)
    y = np.zeros_like(b)
    for i in range(n):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, n):
            A[i, j] -= A[i, :i] @ A[:i, j]
    for i in range(n):
        y[i] = b[i] - A[i, :i] @ y[:i]
    for i in range(n - 1, -1, -1):
        x[i] = (y[i] - A[i, i + 1:] @ x[i + 1:]) / A[i, i]
    return x, y


def trmm(alpha, A, B):
    for i in range(B.shape[0]):
        for j in range(B.shape[1]):
            B[i, j] += np.dot(A[i + 1:, i], B[i + 1:, j])
    B *= alpha


def symm(alpha, beta, C, A, B):
    temp = np.empty(C.shape[1], dtype=C.dtype)
    C *= beta
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            C[:i, j] += alpha * B[i, j] * A[i, :i]
            temp[j] = B[:i, j] @ A[i, :i]
        C[i, :] += alpha * B[i, :] * A[i, i] + alpha * temp


def gauss_jordan(A, B):
    n = A.shape[0]
    M = np.hstack([A, B])
    for k in range(n):
        p = np.argmax(np.abs(M[k:, k])) + k
        if p != k:
            M[[k, p]] = M[[p, k]]
        M[k] = M[k] / M[k, k]
        for i in range(n):
            if i != k:
                M[i] -= M[i, k] * M[k]
    return M[:, n:]


def jacobi_eigenvalues(A):
    n = A.shape[0]
    V = np.eye(n)
    for sweep in range(4):
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(A[p, q]) > 1e-14:
                    theta = (A[q, q] - A[p, p]) / (2.0 * A[p, q])
                    t = np.sign(theta) / (abs(theta) + np.sqrt(theta * theta + 1.0))
                    c = 1.0 / np.sqrt(t * t + 1.0)
                    s = t * c
                    ap = A[:, p].copy()
                    aq = A[:, q].copy()
                    A[:, p] = c * ap - s * aq
                    A[:, q] = s * ap + c * aq
                    ap = A[p, :].copy()
                    aq = A[q, :].copy()
                    A[p, :] = c * ap - s * aq
                    A[q, :] = s * ap + c * aq
                    vp = V[:, p].copy()
                    V[:, p] = c * vp - s * V[:, q]
                    V[:, q] = s * vp + c * V[:, q]
    return np.diag(A), V


def lanczos(A, v, m):
    n = len(v)
    Q = np.zeros((n, m + 1))
    alpha = np.zeros(m)
    beta = np.zeros(m + 1)
    Q[:, 0] = v / np.linalg.norm(v)
    for j in range(m):
        w = A @ Q[:, j]
        if j > 0:
            w -= beta[j] * Q[:, j - 1]
        alpha[j] = Q[:, j] @ w
        w -= alpha[j] * Q[:, j]
        w -= Q[:, :j + 1] @ (Q[:, :j + 1].T @ w)
        beta[j + 1] = np.linalg.norm(w)
        Q[:, j + 1] = w / beta[j + 1]
    return alpha, beta


def successive_over_relaxation(A, b, omega, iters):
    x = np.zeros_like(b)
    n = len(b)
    for _ in range(iters):
        for i in range(n):
            sigma = A[i, :i] @ x[:i] + A[i, i + 1:] @ x[i + 1:]
            x[i] = (1 - omega) * x[i] + omega * (b[i] - sigma) / A[i, i]
    return x


def coordinate_descent_lasso(X, y, lam, iters):
    n, p = X.shape
    beta = np.zeros(p)
    norms = (X ** 2).sum(axis=0)
    residual = y - X @ beta
    for _ in range(iters):
        for j in range(p):
            old = beta[j]
            rho = X[:, j] @ residual + norms[j] * old
            beta[j] = np.sign(rho) * max(abs(rho) - lam, 0.0) / norms[j]
            if beta[j] != old:
                residual -= X[:, j] * (beta[j] - old)
    return beta


def cholesky_blocked_columns(A):
    n = A.shape[0]
    L = np.zeros_like(A)
    for j in range(n):
        L[j, j] = np.sqrt(A[j, j] - np.sum(L[j, :j] ** 2))
        L[j + 1:, j] = (A[j + 1:, j] - L[j + 1:, :j] @ L[j, :j]) / L[j, j]
    return L


def _drawn(make):
    return make(np.random.default_rng(11))


def _positive(r, n):
    a = r.normal(size=(n, n))
    return a @ a.T / n + 2 * np.eye(n)


PROGRAMS = [
    Program(ludcmp,
            lambda: _drawn(lambda r: (_positive(r, 7), r.random(7))),
            lambda: _drawn(lambda r: (_positive(r, 150), r.random(150))), "array"),
    Program(trmm,
            lambda: _drawn(lambda r: (1.5, r.random((7, 7)), r.random((7, 5)))),
            lambda: _drawn(lambda r: (1.5, r.random((120, 120)), r.random((120, 100)))), "array"),
    Program(symm,
            lambda: _drawn(lambda r: (1.5, 1.2, r.random((7, 6)), r.random((7, 7)), r.random((7, 6)))),
            lambda: _drawn(lambda r: (1.5, 1.2, r.random((100, 120)), r.random((100, 100)), r.random((100, 120)))), "array"),
    Program(gauss_jordan,
            lambda: _drawn(lambda r: (_positive(r, 6), r.random((6, 3)))),
            lambda: _drawn(lambda r: (_positive(r, 200), r.random((200, 20)))), "array"),
    Program(jacobi_eigenvalues,
            lambda: _drawn(lambda r: (_positive(r, 5),)),
            lambda: _drawn(lambda r: (_positive(r, 60),)), "array"),
    Program(lanczos,
            lambda: _drawn(lambda r: (_positive(r, 6), r.random(6), 5)),
            lambda: _drawn(lambda r: (_positive(r, 400), r.random(400), 40)), "blas"),
    Program(successive_over_relaxation,
            lambda: _drawn(lambda r: (_positive(r, 6), r.random(6), 1.2, 10)),
            lambda: _drawn(lambda r: (_positive(r, 300), r.random(300), 1.2, 10)), "array"),
    Program(coordinate_descent_lasso,
            lambda: _drawn(lambda r: (r.random((8, 6)), r.random((8,)), 0.1, 5)),
            lambda: _drawn(lambda r: (r.random((500, 100)), r.random((500,)), 0.1, 10)), "array"),
    Program(cholesky_blocked_columns,
            lambda: _drawn(lambda r: (_positive(r, 6),)),
            lambda: _drawn(lambda r: (_positive(r, 300),)), "array"),
]
