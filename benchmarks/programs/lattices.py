"""Fields on periodic lattices, spins, springs, molecules: shifted arrays, wrapped indices, lists of what was seen on the way."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def lattice_boltzmann(nx, ny, steps, tau):
    cx = np.array([0, 1, 0, -1, 0, 1, -1, -1, 1])
    cy = np.array([0, 0, 1, 0, -1, 1, 1, -1, -1])
    w = np.array([4 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 36, 1 / 36, 1 / 36, 1 / 36])
    F = np.ones((ny, nx, 9)) + 0.01 * np.sin(np.arange(ny * nx * 9)).reshape(ny, nx, 9)
    for t in range(steps):
        for i in range(9):
            F[:, :, i] = np.roll(F[:, :, i], cx[i], axis=1)
            F[:, :, i] = np.roll(F[:, :, i], cy[i], axis=0)
        rho = np.sum(F, 2)
        ux = np.sum(F * cx, 2) / rho
        uy = np.sum(F * cy, 2) / rho
        Feq = np.zeros(F.shape)
        for i in range(9):
            cu = cx[i] * ux + cy[i] * uy
            Feq[:, :, i] = rho * w[i] * (1 + 3 * cu + 4.5 * cu ** 2 - 1.5 * (ux ** 2 + uy ** 2))
        F += -(1.0 / tau) * (F - Feq)
    return F, ux, uy


def ising_checkerboard(s, u, beta):
    ii, jj = np.indices(s.shape)
    black = (ii + jj) % 2 == 0
    for t in range(len(u)):
        for colour in range(2):
            nb = np.roll(s, 1, 0) + np.roll(s, -1, 0) + np.roll(s, 1, 1) + np.roll(s, -1, 1)
            flip = u[t] < np.exp(-2 * beta * s * nb)
            mask = flip & (black if colour == 0 else ~black)
            s[mask] *= -1
    return s.sum()


def ising_metropolis(spins, sites, u, beta):
    n = spins.shape[0]
    energy = 0.0
    for k in range(len(u)):
        i, j = sites[k]
        nb = spins[(i + 1) % n, j] + spins[i - 1, j] + spins[i, (j + 1) % n] + spins[i, j - 1]
        dE = 2 * spins[i, j] * nb
        if dE <= 0 or u[k] < np.exp(-beta * dE):
            spins[i, j] *= -1
            energy += dE
    return energy, spins.mean()


def spring_network(pos, vel, edges, dt, steps):
    rest = 0.3
    for _ in range(steps):
        force = np.zeros_like(pos)
        for a, b in edges:
            d = pos[b] - pos[a]
            length = np.sqrt(d @ d) + 1e-12
            f = 5.0 * (length - rest) * d / length
            force[a] += f
            force[b] -= f
        vel += dt * (force - 0.1 * vel)
        pos += dt * vel
    return pos


def cahn_hilliard(c, steps):
    dt, gamma = 0.01, 0.5
    def laplacian(a):
        return np.roll(a, 1, 0) + np.roll(a, -1, 0) + np.roll(a, 1, 1) + np.roll(a, -1, 1) - 4 * a
    for _ in range(steps):
        mu = c ** 3 - c - gamma * laplacian(c)
        c = c + dt * laplacian(mu)
    return c


def wave_3d_roll(u, c, steps):
    prev = u.copy()
    for _ in range(steps):
        lap = -6 * u
        for ax in range(3):
            lap += np.roll(u, 1, axis=ax) + np.roll(u, -1, axis=ax)
        nxt = 2 * u - prev + c * lap
        prev = u
        u = nxt
    return u


def advection_minmod(u, c, steps):
    for _ in range(steps):
        left = u - np.roll(u, 1)
        right = np.roll(u, -1) - u
        slope = np.where(left * right > 0, np.where(np.abs(left) < np.abs(right), left, right), 0.0)
        face = u + 0.5 * (1 - c) * slope
        u = u - c * (face - np.roll(face, 1))
    return u


def lorenz96_rk4(x, dt, steps):
    def f(x):
        return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + 8.0
    for _ in range(steps):
        k1 = f(x)
        k2 = f(x + 0.5 * dt * k1)
        k3 = f(x + 0.5 * dt * k2)
        k4 = f(x + dt * k3)
        x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x


def multigrid_v_cycle(f, cycles):
    def smooth(u, f, h, k):
        for _ in range(k):
            around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
            u[1:-1, 1:-1] = 0.2 * (around + h * h * f[1:-1, 1:-1]) + 0.2 * u[1:-1, 1:-1]
        return u
    def residual(u, f, h):
        r = np.zeros_like(u)
        r[1:-1, 1:-1] = f[1:-1, 1:-1] - (4 * u[1:-1, 1:-1] - u[:-2, 1:-1] - u[2:, 1:-1] - u[1:-1, :-2] - u[1:-1, 2:]) / (h * h)
        return r
    def v_cycle(u, f, h):
        n = u.shape[0]
        if n <= 5:
            return smooth(u, f, h, 10)
        u = smooth(u, f, h, 2)
        r = residual(u, f, h)
        e = v_cycle(np.zeros(((n + 1) // 2, (n + 1) // 2)), r[::2, ::2].copy(), 2 * h)
        fine = np.zeros_like(u)
        fine[::2, ::2] = e
        fine[1::2, ::2] = 0.5 * (e[:-1, :] + e[1:, :])
        fine[:, 1::2] = 0.5 * (fine[:, :-1:2] + fine[:, 2::2])
        return smooth(u + fine, f, h, 2)
    u = np.zeros_like(f)
    h = 1.0 / (f.shape[0] - 1)
    for _ in range(cycles):
        u = v_cycle(u, f, h)
    return u


def semi_lagrangian(q, vel, steps):
    n, m = q.shape
    for _ in range(steps):
        new = np.empty_like(q)
        for i in range(n):
            for j in range(m):
                x = i - vel[i, j]
                y = j - 0.5 * vel[i, j]
                x = min(max(x, 0.0), n - 1.001)
                y = min(max(y, 0.0), m - 1.001)
                i0, j0 = int(x), int(y)
                a, b = x - i0, y - j0
                left = (1 - a) * q[i0, j0] + a * q[i0 + 1, j0]
                right = (1 - a) * q[i0, j0 + 1] + a * q[i0 + 1, j0 + 1]
                new[i, j] = (1 - b) * left + b * right
        q = new
    return q


def molecular_dynamics_verlet(x, v, box, dt, steps):
    n = len(x)
    def forces(x):
        d = x[:, None, :] - x[None, :, :]
        d -= box * np.round(d / box)
        r2 = (d ** 2).sum(axis=-1)
        np.fill_diagonal(r2, 1.0)
        r2 = np.maximum(r2, 0.5)
        inv6 = 1.0 / r2 ** 3
        f = 24 * (2 * inv6 ** 2 - inv6) / r2
        np.fill_diagonal(f, 0.0)
        return (f[:, :, None] * d).sum(axis=1), 4 * (inv6 ** 2 - inv6)[np.triu_indices(n, 1)].sum()
    a, e = forces(x)
    energies = []
    for _ in range(steps):
        v += 0.5 * dt * a
        x += dt * v
        x %= box
        a, e = forces(x)
        v += 0.5 * dt * a
        energies.append(e + 0.5 * (v ** 2).sum())
    return np.array(energies)


def _drawn(make):
    return make(np.random.default_rng(11))


PROGRAMS = [
    Program(lattice_boltzmann, lambda: (9, 8, 3, 0.6), lambda: (100, 60, 10, 0.6), "array"),
    Program(ising_checkerboard,
            lambda: _drawn(lambda r: (np.where(r.random((8, 8)) < 0.5, 1, -1), r.random((4, 8, 8)), 0.44)),
            lambda: _drawn(lambda r: (np.where(r.random((128, 128)) < 0.5, 1, -1), r.random((20, 128, 128)), 0.44)), "array"),
    Program(ising_metropolis,
            lambda: _drawn(lambda r: (np.where(r.random((8, 8)) < 0.5, 1, -1), r.integers(0, 8, (60, 2)), r.random(60), 0.44)),
            lambda: _drawn(lambda r: (np.where(r.random((64, 64)) < 0.5, 1, -1), r.integers(0, 64, (20000, 2)),
                                      r.random(20000), 0.44)),
            "scalar"),
    Program(spring_network,
            lambda: _drawn(lambda r: (r.random((6, 2)), r.random((6, 2)), r.integers(0, 6, (9, 2)), 0.01, 5)),
            lambda: _drawn(lambda r: (r.random((300, 2)), r.random((300, 2)), r.integers(0, 300, (900, 2)), 0.01, 20)), "array"),
    Program(cahn_hilliard,
            lambda: _drawn(lambda r: (r.random((9, 9)), 3)),
            lambda: _drawn(lambda r: (r.random((200, 200)), 20)), "array"),
    Program(wave_3d_roll,
            lambda: _drawn(lambda r: (r.random((8, 8, 8)), 0.1, 3)),
            lambda: _drawn(lambda r: (r.random((48, 48, 48)), 0.1, 10)), "array"),
    Program(advection_minmod, lambda: (np.sin(np.linspace(0, 6, 40)), 0.5, 5),
            lambda: (np.sin(np.linspace(0, 6, 5000)), 0.5, 100), "array"),
    Program(lorenz96_rk4,
            lambda: _drawn(lambda r: (r.random(10), 0.02, 5)),
            lambda: _drawn(lambda r: (r.random(40), 0.01, 2000)), "array"),
    Program(multigrid_v_cycle,
            lambda: _drawn(lambda r: (r.random((17, 17)), 2)),
            lambda: _drawn(lambda r: (r.random((129, 129)), 3)), "array"),
    Program(semi_lagrangian,
            lambda: _drawn(lambda r: (r.random((5, 6)), r.random((5, 6)), 3)),
            lambda: _drawn(lambda r: (r.random((80, 90)), r.random((80, 90)), 20)), "scalar"),
    Program(molecular_dynamics_verlet,
            lambda: _drawn(lambda r: (r.random((7, 3)) * 3, r.normal(size=(7, 3)), 3.0, 0.002, 4)),
            lambda: _drawn(lambda r: (r.random((150, 3)) * 6, r.normal(size=(150, 3)), 6.0, 0.002, 10)), "array"),
]
