"""Transforms: an FFT by stages, a Walsh-Hadamard transform, wavelets, sparse products, resampling."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def fft_by_stages(x):
    n = x.shape[0]
    levels = int(np.log2(n) + 0.5)
    index = np.arange(n)
    reverse = np.zeros(n, dtype=np.int64)
    for b in range(levels):
        reverse = (reverse << 1) | ((index >> b) & 1)
    y = x[reverse]
    half = 1
    for _ in range(levels):
        w = np.exp(-1j * np.pi * np.arange(half) / half)
        z = y.reshape(n // (2 * half), 2, half)
        a = z[:, 0, :].copy()
        b = z[:, 1, :] * w
        z[:, 0, :] = a + b
        z[:, 1, :] = a - b
        half *= 2
    return y


def walsh_hadamard(x):
    n = len(x)
    h = 1
    while h < n:
        for i in range(0, n, 2 * h):
            for j in range(i, i + h):
                a = x[j]
                b = x[j + h]
                x[j] = a + b
                x[j + h] = a - b
        h *= 2
    return x


def haar_wavelet(x, levels):
    out = x.copy()
    n = len(x)
    for _ in range(levels):
        half = n // 2
        a = (out[0:n:2] + out[1:n:2]) / np.sqrt(2.0)
        d = (out[0:n:2] - out[1:n:2]) / np.sqrt(2.0)
        out[:half] = a
        out[half:n] = d
        n = half
    return out


def spmv_csr(indptr, indices, data, x):
    y = np.zeros(len(indptr) - 1)
    for i in range(len(y)):
        total = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            total += data[k] * x[indices[k]]
        y[i] = total
    return y


def page_rank(source, target, degree, n, damping, steps):
    rank = np.full(n, 1.0 / n)
    for _ in range(steps):
        new = np.full(n, (1.0 - damping) / n)
        for e in range(len(source)):
            new[target[e]] += damping * rank[source[e]] / degree[source[e]]
        rank = new
    return rank


def bilinear_resize(image, height, width):
    y = np.linspace(0, image.shape[0] - 1, height)
    x = np.linspace(0, image.shape[1] - 1, width)
    y0 = np.minimum(np.floor(y).astype(np.int64), image.shape[0] - 2)
    x0 = np.minimum(np.floor(x).astype(np.int64), image.shape[1] - 2)
    fy = (y - y0)[:, None]
    fx = (x - x0)[None, :]
    top = image[y0][:, x0] * (1 - fx) + image[y0][:, x0 + 1] * fx
    bottom = image[y0 + 1][:, x0] * (1 - fx) + image[y0 + 1][:, x0 + 1] * fx
    return top * (1 - fy) + bottom * fy


def correlation_matrix(data):
    d = data - data.mean(axis=0)
    s = np.sqrt((d * d).mean(axis=0))
    s[s <= 0.1] = 1.0
    d /= np.sqrt(data.shape[0]) * s
    c = np.eye(data.shape[1])
    for i in range(data.shape[1] - 1):
        c[i, i + 1:] = d[:, i] @ d[:, i + 1:]
        c[i + 1:, i] = c[i, i + 1:]
    return c


def _rng():
    return np.random.default_rng(19)


def _sparse(n, per_row):
    r = _rng()
    counts = r.integers(0, 2 * per_row, n)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return indptr, r.integers(0, n, indptr[-1]), r.normal(size=indptr[-1]), r.normal(size=n)


def _links(n, m, steps):
    r = _rng()
    source, target = r.integers(0, n, m), r.integers(0, n, m)
    return source, target, np.maximum(np.bincount(source, minlength=n), 1).astype(float), n, 0.85, steps


PROGRAMS = [
    Program(fft_by_stages, lambda: (_rng().normal(size=16) + 0j,), lambda: (_rng().normal(size=1 << 16) + 0j,), "array"),
    Program(walsh_hadamard, lambda: (_rng().normal(size=16),), lambda: (_rng().normal(size=1 << 16),), "scalar"),
    Program(haar_wavelet, lambda: (_rng().normal(size=16), 3), lambda: (_rng().normal(size=1 << 20), 8), "array"),
    Program(spmv_csr, lambda: _sparse(6, 2), lambda: _sparse(20000, 10), "scalar"),
    Program(page_rank, lambda: _links(6, 12, 3), lambda: _links(5000, 50000, 10), "scalar"),
    Program(bilinear_resize, lambda: (_rng().random((6, 7)), 9, 11), lambda: (_rng().random((400, 400)), 900, 1000), "array"),
    Program(correlation_matrix, lambda: (_rng().normal(size=(7, 4)),), lambda: (_rng().normal(size=(700, 300)),), "blas"),
]
