"""Flow solvers and fractals, with stopping tests that depend on data."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def cavity_flow(u, v, p, dt, dx, dy, steps, inner):
    for _ in range(steps):
        b = np.zeros_like(p)
        b[1:-1, 1:-1] = (1.0 / dt * ((u[1:-1, 2:] - u[1:-1, :-2]) / (2 * dx) + (v[2:, 1:-1] - v[:-2, 1:-1]) / (2 * dy))
                         - ((u[1:-1, 2:] - u[1:-1, :-2]) / (2 * dx)) ** 2
                         - 2 * ((u[2:, 1:-1] - u[:-2, 1:-1]) / (2 * dy) * (v[1:-1, 2:] - v[1:-1, :-2]) / (2 * dx))
                         - ((v[2:, 1:-1] - v[:-2, 1:-1]) / (2 * dy)) ** 2)
        for _ in range(inner):
            pn = p.copy()
            p[1:-1, 1:-1] = (((pn[1:-1, 2:] + pn[1:-1, :-2]) * dy ** 2 + (pn[2:, 1:-1] + pn[:-2, 1:-1]) * dx ** 2)
                             / (2 * (dx ** 2 + dy ** 2)) - dx ** 2 * dy ** 2 / (2 * (dx ** 2 + dy ** 2)) * b[1:-1, 1:-1])
            p[:, -1] = p[:, -2]
            p[0, :] = p[1, :]
            p[:, 0] = p[:, 1]
            p[-1, :] = 0
        un = u.copy()
        vn = v.copy()
        u[1:-1, 1:-1] = (un[1:-1, 1:-1] - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, :-2])
                         - vn[1:-1, 1:-1] * dt / dy * (un[1:-1, 1:-1] - un[:-2, 1:-1])
                         - dt / (2 * dx) * (p[1:-1, 2:] - p[1:-1, :-2])
                         + 0.1 * (dt / dx ** 2 * (un[1:-1, 2:] - 2 * un[1:-1, 1:-1] + un[1:-1, :-2])))
        v[1:-1, 1:-1] = (vn[1:-1, 1:-1] - un[1:-1, 1:-1] * dt / dx * (vn[1:-1, 1:-1] - vn[1:-1, :-2])
                         - vn[1:-1, 1:-1] * dt / dy * (vn[1:-1, 1:-1] - vn[:-2, 1:-1])
                         - dt / (2 * dy) * (p[2:, 1:-1] - p[:-2, 1:-1]))
        u[-1, :] = 1.0
        u[0, :] = 0.0
    return u, v, p


def poisson_until_converged(f, tolerance):
    u = np.zeros_like(f)
    change = 1.0
    steps = 0
    while change > tolerance and steps < 2000:
        old = u.copy()
        u[1:-1, 1:-1] = 0.25 * (old[2:, 1:-1] + old[:-2, 1:-1] + old[1:-1, 2:] + old[1:-1, :-2] - f[1:-1, 1:-1])
        change = np.sum(np.abs(u - old)) / (np.sum(np.abs(u)) + 1e-30)
        steps += 1
    return u, steps


def shallow_water(h, hu, hv, dt, steps):
    for _ in range(steps):
        u = hu / h
        v = hv / h
        flux_x = hu * u + 4.9 * h * h
        flux_y = hv * v + 4.9 * h * h
        cross = hu * v
        h[1:-1, 1:-1] -= 0.5 * dt * (hu[2:, 1:-1] - hu[:-2, 1:-1] + hv[1:-1, 2:] - hv[1:-1, :-2])
        hu[1:-1, 1:-1] -= 0.5 * dt * (flux_x[2:, 1:-1] - flux_x[:-2, 1:-1] + cross[1:-1, 2:] - cross[1:-1, :-2])
        hv[1:-1, 1:-1] -= 0.5 * dt * (cross[2:, 1:-1] - cross[:-2, 1:-1] + flux_y[1:-1, 2:] - flux_y[1:-1, :-2])
        h[0], h[-1] = h[1], h[-2]
        h[:, 0], h[:, -1] = h[:, 1], h[:, -2]
    return h.sum()


def mandelbrot_escape(cr, ci, limit):
    out = np.zeros((len(ci), len(cr)), dtype=np.int64)
    for i in range(len(ci)):
        for j in range(len(cr)):
            x = y = 0.0
            n = 0
            while n < limit and x * x + y * y <= 4.0:
                x, y = x * x - y * y + cr[j], 2.0 * x * y + ci[i]
                n += 1
            out[i, j] = n
    return out


def mandelbrot_array(c, limit):
    z = np.zeros_like(c)
    count = np.zeros(c.shape, dtype=np.int64)
    for _ in range(limit):
        inside = np.abs(z) < 2.0
        count[inside] += 1
        z = np.where(inside, z * z + c, z)
    return count


def newton_roots(z, steps):
    for _ in range(steps):
        z = z - (z ** 3 - 1) / (3 * z ** 2)
    return np.round(np.angle(z) * 3 / (2 * np.pi)).astype(np.int64) % 3


def channel_flow(u, tolerance):
    change = 1.0
    steps = 0
    while change > tolerance:
        un = u.copy()
        u[1:-1] = un[1:-1] + 0.2 * (un[2:] - 2 * un[1:-1] + un[:-2]) + 0.001
        change = abs(np.sum(u) - np.sum(un)) / np.sum(u)
        steps += 1
        if steps >= 5000:
            break
    return steps


def _rng():
    return np.random.default_rng(13)


def _cavity(n, steps, inner):
    u, v, p = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    u[-1, :] = 1.0
    return u, v, p, 0.001, 2 / (n - 1), 2 / (n - 1), steps, inner


def _water(n, steps):
    h = 1 + 0.1 * np.exp(-((np.linspace(-3, 3, n)[:, None]) ** 2 + np.linspace(-3, 3, n)[None, :] ** 2))
    return h, np.zeros((n, n)), np.zeros((n, n)), 0.01, steps


def _plane(n, m):
    return np.linspace(-2, 0.5, n)[None, :] + 1j * np.linspace(-1.2, 1.2, m)[:, None]


PROGRAMS = [
    Program(cavity_flow, lambda: _cavity(7, 2, 3), lambda: _cavity(101, 40, 30), "array"),
    Program(poisson_until_converged, lambda: (_rng().normal(size=(7, 8)), 1e-3), lambda: (_rng().normal(size=(200, 200)), 1e-3),
            "array"),
    Program(shallow_water, lambda: _water(7, 3), lambda: _water(300, 60), "array"),
    Program(mandelbrot_escape, lambda: (np.linspace(-2, 0.5, 7), np.linspace(-1, 1, 6), 20),
            lambda: (np.linspace(-2, 0.5, 200), np.linspace(-1, 1, 200), 100), "scalar"),
    Program(mandelbrot_array, lambda: (_plane(6, 7), 10), lambda: (_plane(400, 400), 50), "array"),
    Program(newton_roots, lambda: (_plane(5, 6) + 0.3, 4), lambda: (_plane(300, 300) + 0.3, 30), "array"),
    Program(channel_flow, lambda: (np.ones(9), 1e-3), lambda: (np.ones(2000), 1e-6), "array"),
]
