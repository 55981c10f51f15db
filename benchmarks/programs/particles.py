"""Particles and sampling: N-body, pair forces, quantum transport, random-free Monte Carlo quadrature."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def nbody(mass, position, velocity, dt, steps):
    for _ in range(steps):
        dx = position[None, :, :] - position[:, None, :]
        r2 = (dx * dx).sum(axis=2) + 0.01
        a = (dx * (mass[None, :] * r2 ** -1.5)[:, :, None]).sum(axis=1)
        velocity += dt * a
        position += dt * velocity
    kinetic = 0.5 * (mass * (velocity * velocity).sum(axis=1)).sum()
    return kinetic


def lennard_jones(position, cutoff):
    n = position.shape[0]
    force = np.zeros_like(position)
    energy = 0.0
    for i in range(n):
        for j in range(i + 1, n):
            dx = position[i, 0] - position[j, 0]
            dy = position[i, 1] - position[j, 1]
            dz = position[i, 2] - position[j, 2]
            r2 = dx * dx + dy * dy + dz * dz
            if r2 < cutoff * cutoff:
                s6 = 1.0 / (r2 * r2 * r2)
                energy += 4.0 * (s6 * s6 - s6)
                f = 24.0 * (2.0 * s6 * s6 - s6) / r2
                force[i, 0] += f * dx
                force[i, 1] += f * dy
                force[i, 2] += f * dz
                force[j, 0] -= f * dx
                force[j, 1] -= f * dy
                force[j, 2] -= f * dz
    return energy, force


def contour_integral(H, points, weights):
    n = H.shape[1]
    P0 = np.zeros((n, n), dtype=np.complex128)
    P1 = np.zeros((n, n), dtype=np.complex128)
    for k in range(len(points)):
        z = points[k]
        T = np.zeros((n, n), dtype=np.complex128)
        for m in range(H.shape[0]):
            T += z ** (m - H.shape[0] // 2) * H[m]
        X = weights[k] * (T @ T.conj().T)
        if abs(z) < 1.0:
            X = -X
        P0 += X
        P1 += z * X
    return P0, P1


def scattering_self_energies(idx, G, D):
    sigma = np.zeros_like(G)
    for k in range(G.shape[0]):
        for q in range(D.shape[0]):
            for a in range(idx.shape[0]):
                for b in range(idx.shape[1]):
                    f = idx[a, b]
                    sigma[k, a] += G[k - q, f] @ D[q, a, b] * 0.5
    return sigma


def monte_carlo_pi(points):
    inside = 0
    for i in range(points.shape[0]):
        if points[i, 0] ** 2 + points[i, 1] ** 2 <= 1.0:
            inside += 1
    return 4.0 * inside / points.shape[0]


def kepler_orbits(m, e):
    E = m.copy()
    for _ in range(50):
        step = (E - e * np.sin(E) - m) / (1.0 - e * np.cos(E))
        E -= step
        if np.max(np.abs(step)) < 1e-13:
            break
    return 2.0 * np.arctan2(np.sqrt(1 + e) * np.sin(E / 2), np.sqrt(1 - e) * np.cos(E / 2))


def black_scholes(spot, strike, time, rate, sigma):
    root = sigma * np.sqrt(time)
    d1 = (np.log(spot / strike) + (rate + 0.5 * sigma * sigma) * time) / root
    d2 = d1 - root

    def normal(x):
        k = 1.0 / (1.0 + 0.2316419 * np.abs(x))
        p = k * (0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))))
        tail = np.exp(-0.5 * x * x) * p * 0.3989422804014327
        return np.where(x >= 0, 1.0 - tail, tail)

    discount = strike * np.exp(-rate * time)
    call = spot * normal(d1) - discount * normal(d2)
    return call, call - spot + discount


def _rng():
    return np.random.default_rng(11)


def _bodies(n, steps):
    r = _rng()
    return r.random(n), r.normal(size=(n, 3)), r.normal(size=(n, 3)) * 0.1, 0.01, steps


def _contour(n, k):
    r = _rng()
    return r.normal(size=(3, n, n)) + 0j, np.exp(2j * np.pi * r.random(k)) * (0.5 + r.random(k)), r.random(k) + 0j


def _energies(k, q, a, n):
    r = _rng()
    return r.integers(0, a, (a, 4)), r.normal(size=(k, a, n, n)) + 0j, r.normal(size=(q, a, 4, n, n)) + 0j


def _options(n):
    r = _rng()
    return r.random(n) * 100 + 10, r.random(n) * 100 + 10, r.random(n) + 0.1, 0.02, 0.3


PROGRAMS = [
    Program(nbody, lambda: _bodies(5, 2), lambda: _bodies(200, 30), "array"),
    Program(lennard_jones, lambda: (_rng().random((6, 3)) * 3, 2.0), lambda: (_rng().random((400, 3)) * 8, 2.5), "scalar"),
    Program(contour_integral, lambda: _contour(4, 5), lambda: _contour(100, 32), "blas"),
    Program(scattering_self_energies, lambda: _energies(3, 2, 4, 3), lambda: _energies(6, 4, 12, 6), "array"),
    Program(monte_carlo_pi, lambda: (_rng().random((40, 2)),), lambda: (_rng().random((500_000, 2)),), "scalar"),
    Program(kepler_orbits, lambda: (_rng().random(9) * 6, 0.3), lambda: (_rng().random(200_000) * 6, 0.3), "array"),
    Program(black_scholes, lambda: _options(9), lambda: _options(500_000), "array"),
]
