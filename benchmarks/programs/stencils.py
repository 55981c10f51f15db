"""Stencils in one, two and three dimensions, with boundaries."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def heat_1d(a, b, steps):
    for _ in range(steps):
        b[1:-1] = 0.25 * (a[:-2] + 2.0 * a[1:-1] + a[2:])
        a[1:-1] = 0.25 * (b[:-2] + 2.0 * b[1:-1] + b[2:])


def jacobi_2d(a, b, steps):
    for _ in range(steps):
        b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])
        a[1:-1, 1:-1] = 0.2 * (b[1:-1, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:] + b[2:, 1:-1] + b[:-2, 1:-1])


def heat_3d(a, b, steps):
    for _ in range(steps):
        b[1:-1, 1:-1, 1:-1] = a[1:-1, 1:-1, 1:-1] + 0.125 * (
            a[2:, 1:-1, 1:-1] + a[:-2, 1:-1, 1:-1] + a[1:-1, 2:, 1:-1] + a[1:-1, :-2, 1:-1]
            + a[1:-1, 1:-1, 2:] + a[1:-1, 1:-1, :-2] - 6.0 * a[1:-1, 1:-1, 1:-1])
        a[1:-1, 1:-1, 1:-1] = b[1:-1, 1:-1, 1:-1]


def gauss_seidel(a, steps):
    n, m = a.shape
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                a[i, j] = (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1]) * 0.25


def wave_2d(u, v, c, steps):
    for _ in range(steps):
        lap = np.zeros_like(u)
        lap[1:-1, 1:-1] = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
        v += c * lap
        u += v
        u[0, :] = 0.0
        u[-1, :] = 0.0
        u[:, 0] = 0.0
        u[:, -1] = 0.0
    return np.sum(u * u)


def maxwell_2d(ex, ey, hz, source):
    for t in range(len(source)):
        ey[0, :] = source[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])


def reaction_diffusion(u, v, f, k, steps):
    for _ in range(steps):
        lu = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u
        lv = np.roll(v, 1, 0) + np.roll(v, -1, 0) + np.roll(v, 1, 1) + np.roll(v, -1, 1) - 4 * v
        w = u * v * v
        u = u + 0.16 * lu - w + f * (1 - u)
        v = v + 0.08 * lv + w - (f + k) * v
    return u, v


def life(grid, steps):
    for _ in range(steps):
        n = np.zeros(grid.shape, dtype=np.int64)
        n[1:-1, 1:-1] = (grid[:-2, :-2] + grid[:-2, 1:-1] + grid[:-2, 2:] + grid[1:-1, :-2] + grid[1:-1, 2:]
                         + grid[2:, :-2] + grid[2:, 1:-1] + grid[2:, 2:])
        grid = ((n == 3) | ((grid == 1) & (n == 2))).astype(np.int64)
    return grid


def sobel(image):
    gx = (image[:-2, 2:] + 2 * image[1:-1, 2:] + image[2:, 2:]) - (image[:-2, :-2] + 2 * image[1:-1, :-2] + image[2:, :-2])
    gy = (image[2:, :-2] + 2 * image[2:, 1:-1] + image[2:, 2:]) - (image[:-2, :-2] + 2 * image[:-2, 1:-1] + image[:-2, 2:])
    return np.hypot(gx, gy)


def _grid(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def _cells(n):
    return (np.random.default_rng(2).random((n, n)) < 0.4).astype(np.int64)


PROGRAMS = [
    Program(heat_1d, lambda: (_grid(20), _grid(20), 4), lambda: (_grid(20000), _grid(20000), 500), "array"),
    Program(jacobi_2d, lambda: (_grid(9, 10), _grid(9, 10), 3), lambda: (_grid(500, 500), _grid(500, 500), 50), "array"),
    Program(heat_3d, lambda: (_grid(5, 6, 7), _grid(5, 6, 7), 3), lambda: (_grid(60, 60, 60), _grid(60, 60, 60), 30), "array"),
    Program(gauss_seidel, lambda: (_grid(9, 8), 3), lambda: (_grid(200, 200), 10), "scalar"),
    Program(wave_2d, lambda: (_grid(9, 8), np.zeros((9, 8)), 0.1, 3), lambda: (_grid(400, 400), np.zeros((400, 400)), 0.1, 50),
            "array"),
    Program(maxwell_2d, lambda: (_grid(7, 8), _grid(7, 8), _grid(7, 8), np.arange(4.0)),
            lambda: (_grid(500, 600), _grid(500, 600), _grid(500, 600), np.arange(40.0)), "array"),
    Program(reaction_diffusion, lambda: (_grid(6, 7), _grid(6, 7), 0.06, 0.06, 2),
            lambda: (_grid(256, 256) * 0.1, _grid(256, 256) * 0.1, 0.06, 0.06, 40), "array"),
    Program(life, lambda: (_cells(9), 3), lambda: (_cells(500), 30), "array"),
    Program(sobel, lambda: (_grid(9, 11),), lambda: (_grid(1500, 1500),), "array"),
]
