"""Dense linear algebra, sparse products, root finders, ODEs and quadrature by loops, in many idioms of Python."""

import math
from dataclasses import dataclass
from functools import partial, reduce
from typing import NamedTuple

import numpy as np

EPS = 1e-12


def spd(n, seed=0):
    m = np.random.default_rng(seed).normal(size=(n, n))
    return m @ m.T + n * np.eye(n)


def ldl(a):
    n = len(a)
    low, d = np.eye(n), np.zeros(n)
    for j in range(n):
        d[j] = a[j, j] - sum(low[j, k] ** 2 * d[k] for k in range(j))
        for i in range(j + 1, n):
            s = a[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k] * d[k]
            low[i, j] = s / d[j]
    return low, d


def householder(a):
    r, (m, n) = a.copy(), a.shape
    q = np.eye(m)
    for k in range(min(m - 1, n)):
        x = r[k:, k]
        alpha = -math.copysign(1.0, x[0]) * np.linalg.norm(x)
        v = x.copy()
        v[0] -= alpha
        if (size := np.dot(v, v)) < EPS:
            continue
        r[k:, k:] -= np.outer(2 * v / size, v @ r[k:, k:])
        q[:, k:] -= np.outer(q[:, k:] @ v, 2 * v / size)
    return q, r


def givens_qr(a):
    def rotation(x, y):
        if y == 0:
            return 1.0, 0.0
        h = math.hypot(x, y)
        return x / h, y / h

    r = np.array(a)
    m, n = r.shape
    for j in range(n):
        for i in reversed(range(j + 1, m)):
            c, s = rotation(r[i - 1, j], r[i, j])
            upper, lower = r[i - 1].copy(), r[i].copy()
            r[i - 1], r[i] = c * upper + s * lower, -s * upper + c * lower
    return np.triu(r)


def jacobi_eigenvalues(a, *, tol=1e-10, sweeps=30):
    a = a.copy()
    n = a.shape[0]
    for sweep in range(sweeps):
        off = np.sqrt(np.sum(np.tril(a, -1) ** 2))
        if off < tol:
            break
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(a[p, q]) < EPS:
                    continue
                theta = (a[q, q] - a[p, p]) / (2 * a[p, q])
                t = (1.0 if theta >= 0 else -1.0) / (abs(theta) + math.sqrt(theta * theta + 1))
                c = 1 / math.sqrt(t * t + 1)
                s = t * c
                rows = a[[p, q]]
                a[p], a[q] = c * rows[0] - s * rows[1], s * rows[0] + c * rows[1]
                cols = a[:, [p, q]]
                a[:, p], a[:, q] = c * cols[:, 0] - s * cols[:, 1], s * cols[:, 0] + c * cols[:, 1]
    else:
        sweep = -1
    return np.sort(np.diag(a)), sweep


def lanczos(a, v, steps):
    alphas, betas, basis = [], [], [v / np.linalg.norm(v)]
    for k in range(steps):
        w = a @ basis[-1]
        alphas.append(np.dot(w, basis[-1]))
        w = w - alphas[-1] * basis[-1]
        if k:
            w -= betas[-1] * basis[-2]
        betas.append(np.linalg.norm(w))
        if k < steps - 1:
            basis.append(w / betas[-1])
    return np.array(alphas), np.array(betas[:-1])


class Csr:
    def __init__(self, data, indices, indptr):
        self.data, self.indices, self.indptr = data, indices, indptr

    @property
    def rows(self):
        return len(self.indptr) - 1

    def __matmul__(self, x):
        y = np.zeros(self.rows)
        for i in range(self.rows):
            lo, hi = self.indptr[i:i + 2]
            for k in range(lo, hi):
                y[i] += self.data[k] * x[self.indices[k]]
        return y


def csr_power(data, indices, indptr, x, count=5):
    m = Csr(data, indices, indptr)
    for _ in range(count):
        x = m @ x
        x /= np.abs(x).max()
    return x


@dataclass
class Bracket:
    lo: float
    hi: float

    def width(self):
        return self.hi - self.lo


def bisect_all(c):
    roots = np.empty_like(c)
    for i, v in enumerate(c):
        b = Bracket(0.0, float(v) + 1.0)
        while b.width() > 1e-9:
            mid = 0.5 * (b.lo + b.hi)
            if mid * mid - v > 0:
                b.hi = mid
            else:
                b.lo = mid
        roots[i] = b.lo
    return roots


def newton_or_fail(x):
    it = 0
    while True:
        step = (x**3 - 2 * x - 5) / (3 * x**2 - 2)
        x = x - step
        it += 1
        if np.all(np.abs(step) < 1e-12):
            break
        if it > 50:
            raise RuntimeError("no convergence")
    return x, it


class Step(NamedTuple):
    t: float
    h: float
    y: np.ndarray


def adaptive_rk(y0, t1):
    def f(t, y):
        return np.array([y[1], -math.sin(t) * y[0]])

    s = Step(0.0, 0.1, y0)
    accepted = rejected = 0
    while s.t < t1 - EPS:
        h = min(s.h, t1 - s.t)
        k1 = f(s.t, s.y)
        k2 = f(s.t + h / 2, s.y + h / 2 * k1)
        k3 = f(s.t + 0.75 * h, s.y + 0.75 * h * k2)
        y = s.y + h * (2 * k1 + 3 * k2 + 4 * k3) / 9
        k4 = f(s.t + h, y)
        err = np.max(np.abs(h * (-5 * k1 / 72 + k2 / 12 + k3 / 9 - k4 / 8))) + 1e-30
        scale = min(5.0, max(0.2, 0.9 * (1e-6 / err) ** (1 / 3)))
        if err <= 1e-6:
            s = Step(s.t + h, h * scale, y)
            accepted += 1
        else:
            s = s._replace(h=h * scale)
            rejected += 1
    return s.y, accepted, rejected


def natural_spline(x, y, at):
    n = len(x)
    h = np.diff(x)
    sub, diag, sup, rhs = np.zeros(n), np.ones(n), np.zeros(n), np.zeros(n)
    for i in range(1, n - 1):
        sub[i], diag[i], sup[i] = h[i - 1], 2 * (h[i - 1] + h[i]), h[i]
        rhs[i] = 6 * ((y[i + 1] - y[i]) / h[i] - (y[i] - y[i - 1]) / h[i - 1])
    for i in range(1, n):
        w = sub[i] / diag[i - 1]
        diag[i] -= w * sup[i - 1]
        rhs[i] -= w * rhs[i - 1]
    m = np.zeros(n)
    for i in range(n - 1, -1, -1):
        m[i] = (rhs[i] - (sup[i] * m[i + 1] if i < n - 1 else 0.0)) / diag[i]
    out = []
    for v in at:
        k = min(max(int(np.searchsorted(x, v)) - 1, 0), n - 2)
        a, b = x[k + 1] - v, v - x[k]
        out.append((m[k] * a**3 + m[k + 1] * b**3) / (6 * h[k]) + (y[k] / h[k] - m[k] * h[k] / 6) * a
                   + (y[k + 1] / h[k] - m[k + 1] * h[k] / 6) * b)
    return np.array(out)


def kalman(z, q=1e-3, r=0.1):
    f, hm = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    x, p = np.zeros(2), np.eye(2)
    track = []
    for obs in z:
        x, p = f @ x, f @ p @ f.T + q * np.eye(2)
        if np.isnan(obs):
            track.append(x[0])
            continue
        s = hm @ p @ hm.T + r
        gain = p @ hm.T / s
        x = x + gain[:, 0] * (obs - x[0])
        p = (np.eye(2) - gain @ hm) @ p
        track.append(x[0])
    return np.array(track), p


def horner_compose(coefficients, x):
    polys = [partial(lambda c, v: reduce(lambda acc, a: acc * v + a, c), row) for row in coefficients]
    return reduce(lambda v, p: np.tanh(p(v)), polys, x)


def greens(energies, onsite, hop):
    """Transmission through a chain of cells, by recursive Green's functions."""
    eye, out = np.eye(onsite.shape[-1]), []
    for e in energies:
        z = (e + 1e-3j) * eye
        g = np.linalg.inv(z - onsite[0] + 0.5j * eye)
        full = g
        for cell in onsite[1:]:
            g = np.linalg.inv(z - cell - hop.conj().T @ g @ hop)
            full = full @ hop @ g
        out.append(np.trace(full @ full.conj().T).real)
    return np.asarray(out)


def _csr(n):
    m = np.abs(spd(n)) * (np.arange(n * n).reshape(n, n) % 3 == 0)
    i, j = np.nonzero(m)
    return m[i, j], j, np.concatenate([[0], np.cumsum(np.bincount(i, minlength=n))])


def _spline(n):
    x = np.linspace(0, 3, n)
    return x, np.sin(x), np.linspace(0.1, 2.9, 2 * n)


def _cells(n):
    return np.linspace(-1, 1, n), np.stack([spd(2, k) / 9 for k in range(n)]).astype(complex), 0.3 * np.eye(2) + 0.1j


CASES = [
    (ldl, lambda n: (spd(n),)), (householder, lambda n: (spd(n)[:, : n - 1],)), (givens_qr, lambda n: (spd(n),)),
    (jacobi_eigenvalues, lambda n: (spd(n),)), (lanczos, lambda n: (spd(n), np.ones(n), 4)),
    (csr_power, lambda n: (*_csr(n), np.ones(n))),
    (bisect_all, lambda n: (np.arange(1.0, n),)), (newton_or_fail, lambda n: (np.linspace(2, 3, n),)),
    (adaptive_rk, lambda n: (np.array([1.0, 0.0]), n / 2)),
    (natural_spline, _spline), (kalman, lambda n: (np.where(np.arange(3 * n) % 4 == 1, np.nan, np.arange(3.0 * n)),)),
    (horner_compose, lambda n: (spd(3) / 9, np.linspace(-1, 1, n))), (greens, _cells),
]
