"""Fifteen of the programs adapted by hand to Numba, each as its users would write it for speed: loops spelt out, `prange`
where iterations are independent.  Made on first use, since Numba is optional."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np


def versions(numba: ModuleType) -> dict[str, Callable]:
    """The compiled functions by program name; the same arguments as the NumPy programs."""
    return {**_dense(numba), **_stencils(numba), **_sweeps(numba), **_sequences(numba), **_networks(numba)}


def _dense(numba: ModuleType) -> dict[str, Callable]:
    prange = numba.prange

    @numba.njit
    def cholesky(A):
        n = A.shape[0]
        for i in range(n):
            for j in range(i):
                s = A[i, j]
                for k in range(j):
                    s -= A[i, k] * A[j, k]
                A[i, j] = s / A[j, j]
            s = A[i, i]
            for k in range(i):
                s -= A[i, k] * A[i, k]
            A[i, i] = np.sqrt(s)
        for i in range(n):
            for j in range(i + 1, n):
                A[i, j] = 0.0

    @numba.njit(parallel=True)
    def lu_rank_one(A):
        n = A.shape[0]
        for k in range(n - 1):
            for i in prange(k + 1, n):
                A[i, k] /= A[k, k]
                for j in range(k + 1, n):
                    A[i, j] -= A[i, k] * A[k, j]
        return A

    @numba.njit(parallel=True)
    def floyd_warshall(path):
        n = path.shape[0]
        for k in range(n):
            for i in prange(n):
                p = path[i, k]
                for j in range(n):
                    path[i, j] = min(path[i, j], p + path[k, j])
        return path

    @numba.njit(parallel=True)
    def nbody(mass, position, velocity, dt, steps):
        n = len(mass)
        for _ in range(steps):
            for i in prange(n):
                ax = ay = az = 0.0
                for j in range(n):
                    dx = position[j, 0] - position[i, 0]
                    dy = position[j, 1] - position[i, 1]
                    dz = position[j, 2] - position[i, 2]
                    w = mass[j] * (dx * dx + dy * dy + dz * dz + 0.01) ** -1.5
                    ax += dx * w
                    ay += dy * w
                    az += dz * w
                velocity[i, 0] += dt * ax
                velocity[i, 1] += dt * ay
                velocity[i, 2] += dt * az
            for i in range(n):
                for c in range(3):
                    position[i, c] += dt * velocity[i, c]
        total = 0.0
        for i in range(n):
            total += mass[i] * (velocity[i, 0] ** 2 + velocity[i, 1] ** 2 + velocity[i, 2] ** 2)
        return 0.5 * total

    return {"cholesky": cholesky, "lu_rank_one": lu_rank_one, "floyd_warshall": floyd_warshall, "nbody": nbody}


def _stencils(numba: ModuleType) -> dict[str, Callable]:
    prange = numba.prange

    @numba.njit(parallel=True)
    def jacobi_2d(a, b, steps):
        n, m = a.shape
        for _ in range(steps):
            for i in prange(1, n - 1):
                for j in range(1, m - 1):
                    b[i, j] = 0.2 * (a[i, j] + a[i, j - 1] + a[i, j + 1] + a[i + 1, j] + a[i - 1, j])
            for i in prange(1, n - 1):
                for j in range(1, m - 1):
                    a[i, j] = 0.2 * (b[i, j] + b[i, j - 1] + b[i, j + 1] + b[i + 1, j] + b[i - 1, j])

    @numba.njit(parallel=True)
    def poisson_until_converged(f, tolerance):
        n, m = f.shape
        u, old = np.zeros_like(f), np.zeros_like(f)
        change, steps = 1.0, 0
        while change > tolerance and steps < 2000:
            u, old = old, u
            difference = total = 0.0
            for i in prange(1, n - 1):
                for j in range(1, m - 1):
                    u[i, j] = 0.25 * (old[i + 1, j] + old[i - 1, j] + old[i, j + 1] + old[i, j - 1] - f[i, j])
                    difference += abs(u[i, j] - old[i, j])
                    total += abs(u[i, j])
            change = difference / (total + 1e-30)
            steps += 1
        return u, steps

    @numba.njit(parallel=True)
    def mandelbrot_escape(cr, ci, limit):
        out = np.zeros((len(ci), len(cr)), dtype=np.int64)
        for i in prange(len(ci)):
            for j in range(len(cr)):
                x = y = 0.0
                n = 0
                while n < limit and x * x + y * y <= 4.0:
                    x, y = x * x - y * y + cr[j], 2.0 * x * y + ci[i]
                    n += 1
                out[i, j] = n
        return out

    return {"jacobi_2d": jacobi_2d, "mandelbrot_escape": mandelbrot_escape, "poisson_until_converged": poisson_until_converged}


def _sweeps(numba: ModuleType) -> dict[str, Callable]:
    prange = numba.prange

    @numba.njit
    def gauss_seidel(a, steps):
        n, m = a.shape
        for _ in range(steps):
            for i in range(1, n - 1):
                for j in range(1, m - 1):
                    a[i, j] = (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1]) * 0.25

    @numba.njit(parallel=True)
    def adi(u, steps):
        n = u.shape[0]
        v, p, q = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
        a, b = -0.3, 1.6
        for _ in range(steps):
            for i in prange(1, n - 1):
                v[0, i] = 1.0
                p[i, 0] = 0.0
                q[i, 0] = 1.0
                for j in range(1, n - 1):
                    d = a * p[i, j - 1] + b
                    p[i, j] = -a / d
                    q[i, j] = (0.3 * u[j, i - 1] + 0.4 * u[j, i] + 0.3 * u[j, i + 1] - a * q[i, j - 1]) / d
                v[n - 1, i] = 1.0
                for j in range(n - 2, 0, -1):
                    v[j, i] = p[i, j] * v[j + 1, i] + q[i, j]
            for i in prange(1, n - 1):
                for j in range(1, n - 1):
                    u[i, j] = v[j, i]
        return u

    return {"gauss_seidel": gauss_seidel, "adi": adi}


def _sequences(numba: ModuleType) -> dict[str, Callable]:
    prange = numba.prange

    @numba.njit
    def recursive_filter(x, a, b):
        y = np.zeros_like(x)
        y[0] = b * x[0]
        for i in range(1, len(x)):
            y[i] = a * y[i - 1] + b * x[i]
        return y

    @numba.njit
    def edit_distance(a, b):
        n, m = len(a), len(b)
        d = np.zeros((n + 1, m + 1), dtype=np.int64)
        d[:, 0] = np.arange(n + 1)
        d[0, :] = np.arange(m + 1)
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                if a[i - 1] == b[j - 1]:
                    d[i, j] = d[i - 1, j - 1]
                else:
                    d[i, j] = 1 + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
        return d[n, m]

    @numba.njit(parallel=True)
    def spmv_csr(indptr, indices, data, x):
        y = np.zeros(len(indptr) - 1)
        for i in prange(len(y)):
            total = 0.0
            for k in range(indptr[i], indptr[i + 1]):
                total += data[k] * x[indices[k]]
            y[i] = total
        return y

    @numba.njit
    def crc16(data, polynomial):
        crc = 0xFFFF
        for b in data:
            current = 0xFF & b
            for _ in range(8):
                if (crc & 1) ^ (current & 1):
                    crc = (crc >> 1) ^ polynomial
                else:
                    crc >>= 1
                current >>= 1
        crc = ~crc & 0xFFFF
        return ((crc << 8) | ((crc >> 8) & 0xFF)) & 0xFFFF

    return {"recursive_filter": recursive_filter, "edit_distance": edit_distance, "spmv_csr": spmv_csr, "crc16": crc16}


def _networks(numba: ModuleType) -> dict[str, Callable]:
    prange = numba.prange

    @numba.njit(parallel=True)
    def conv2d_bias(x, weights, bias):
        k, channels, filters = weights.shape[0], weights.shape[2], weights.shape[3]
        n, h, w = x.shape[0], x.shape[1] - k + 1, x.shape[2] - k + 1
        out = np.empty((n, h, w, filters), dtype=x.dtype)
        for image in prange(n):
            for i in range(h):
                for j in range(w):
                    for f in range(filters):
                        out[image, i, j, f] = bias[f]
                    for p in range(k):
                        for q in range(k):
                            for c in range(channels):
                                v = x[image, i + p, j + q, c]
                                for f in range(filters):
                                    out[image, i, j, f] += v * weights[p, q, c, f]
        return out

    @numba.njit
    def lstm(x, w, u, b):
        steps, batch, _ = x.shape
        hidden = u.shape[0]
        h, c = np.zeros((batch, hidden)), np.zeros((batch, hidden))
        out = np.zeros((steps, batch, hidden))
        for t in range(steps):
            z = np.dot(x[t], w) + np.dot(h, u) + b
            for r in range(batch):
                for k in range(hidden):
                    i = 1.0 / (1.0 + np.exp(-z[r, k]))
                    f = 1.0 / (1.0 + np.exp(-z[r, hidden + k]))
                    g = np.tanh(z[r, 2 * hidden + k])
                    o = 1.0 / (1.0 + np.exp(-z[r, 3 * hidden + k]))
                    c[r, k] = f * c[r, k] + i * g
                    h[r, k] = o * np.tanh(c[r, k])
                    out[t, r, k] = h[r, k]
        return out

    return {"conv2d_bias": conv2d_bias, "lstm": lstm}
