"""Statistics: mixtures, clusters, transport, volatility, kernels, chains."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def gaussian_mixture_em(x, k, iters):
    mu = np.linspace(x.min(), x.max(), k)
    var = np.full(k, x.var())
    pi = np.full(k, 1.0 / k)
    for _ in range(iters):
        log_p = -0.5 * (x[:, None] - mu) ** 2 / var - 0.5 * np.log(2 * np.pi * var) + np.log(pi)
        m = log_p.max(axis=1, keepdims=True)
        resp = np.exp(log_p - m)
        total = resp.sum(axis=1, keepdims=True)
        ll = (m + np.log(total)).sum()
        resp /= total
        nk = resp.sum(axis=0)
        mu = (resp * x[:, None]).sum(axis=0) / nk
        var = (resp * (x[:, None] - mu) ** 2).sum(axis=0) / nk
        pi = nk / len(x)
    return mu, var, pi, ll


def dbscan(x, eps, min_pts):
    n = len(x)
    labels = np.full(n, -1)
    visited = np.zeros(n, dtype=bool)
    stack = np.zeros(n * n + n, dtype=np.int64)
    cluster = 0
    d2 = ((x[:, None] - x[None]) ** 2).sum(-1)
    neigh = d2 <= eps * eps
    counts = neigh.sum(axis=1)
    for i in range(n):
        if visited[i] or counts[i] < min_pts:
            continue
        top = 1
        stack[0] = i
        while top > 0:
            top -= 1
            p = stack[top]
            if labels[p] == -1:
                labels[p] = cluster
            if visited[p]:
                continue
            visited[p] = True
            if counts[p] >= min_pts:
                for q in range(n):
                    if neigh[p, q] and not visited[q]:
                        stack[top] = q
                        top += 1
        cluster += 1
    return labels, cluster


def sinkhorn(a, b, eps, iters):
    a = a / a.sum()
    b = b / b.sum()
    x = np.linspace(0, 1, len(a))
    y = np.linspace(0, 1, len(b))
    C = (x[:, None] - y[None, :]) ** 2
    K = np.exp(-C / eps)
    u = np.ones_like(a)
    for _ in range(iters):
        v = b / (K.T @ u)
        u = a / (K @ v)
    P = u[:, None] * K * v[None, :]
    return P, (P * C).sum()


def garch_likelihood(ret, omega, alpha, beta):
    s2 = np.empty_like(ret)
    s2[0] = ret.var()
    for t in range(1, len(ret)):
        s2[t] = omega + alpha * ret[t - 1] ** 2 + beta * s2[t - 1]
    return -0.5 * np.sum(np.log(2 * np.pi * s2) + ret ** 2 / s2), s2


def kernel_density(sample, grid, h):
    z = (grid[:, None] - sample[None, :]) / h
    return np.exp(-0.5 * z ** 2).sum(axis=1) / (len(sample) * h * np.sqrt(2 * np.pi))


def metropolis_hastings(steps, u):
    x = 0.0
    chain = np.empty(len(steps))
    accepted = 0
    for i in range(len(steps)):
        prop = x + steps[i]
        ratio = np.exp(-0.5 * prop ** 2 + 0.5 * x ** 2)
        if u[i] < ratio:
            x = prop
            accepted += 1
        chain[i] = x
    return chain.mean(), chain.var(), accepted


def _drawn(make):
    return make(np.random.default_rng(11))


PROGRAMS = [
    Program(gaussian_mixture_em,
            lambda: _drawn(lambda r: (r.normal(size=30), 2, 6)),
            lambda: _drawn(lambda r: (r.normal(size=20000), 4, 20)), "array"),
    Program(dbscan,
            lambda: _drawn(lambda r: (r.random((20, 2)), 0.2, 3)),
            lambda: _drawn(lambda r: (r.random((400, 2)), 0.05, 4)), "scalar"),
    Program(sinkhorn,
            lambda: _drawn(lambda r: (r.random(6), r.random(7), 0.1, 10)),
            lambda: _drawn(lambda r: (r.random(300), r.random(250), 0.1, 50)), "blas"),
    Program(garch_likelihood,
            lambda: _drawn(lambda r: (r.normal(size=25), 0.1, 0.1, 0.8)),
            lambda: _drawn(lambda r: (r.normal(size=50000), 0.1, 0.1, 0.8)), "scalar"),
    Program(kernel_density,
            lambda: _drawn(lambda r: (r.normal(size=15), np.linspace(-2, 2, 7), 0.3)),
            lambda: _drawn(lambda r: (r.normal(size=2000), np.linspace(-2, 2, 500), 0.3)), "array"),
    Program(metropolis_hastings,
            lambda: _drawn(lambda r: (r.normal(size=20), r.random(20))),
            lambda: _drawn(lambda r: (r.normal(size=50000), r.random(50000))), "scalar"),
]
