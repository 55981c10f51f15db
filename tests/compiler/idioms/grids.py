"""Stencils, flows, particles, filters, networks and automata by loops, in many idioms of Python."""

import math
from collections import namedtuple

import numpy as np

Box = namedtuple("Box", "length cutoff")
WEIGHTS = np.array([4 / 9] + [1 / 9] * 4 + [1 / 36] * 4)
MOVES = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1], [1, 1], [-1, 1], [-1, -1], [1, -1]])


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def boundary_heat(u, kind, steps=5, r=0.2):
    for _ in range(steps):
        old = u.copy()
        u[1:-1] = old[1:-1] + r * (old[2:] - 2 * old[1:-1] + old[:-2])
        if kind == "periodic":
            u[0] = old[0] + r * (old[1] - 2 * old[0] + old[-1])
            u[-1] = old[-1] + r * (old[0] - 2 * old[-1] + old[-2])
        elif kind == "neumann":
            u[0], u[-1] = u[1], u[-2]
        else:
            u[0] = u[-1] = 0.0
    return u.sum()


def thomas(a, b, c, d):
    n = len(d)
    cp, dp = np.empty(n), np.empty(n)
    cp[0], dp[0] = c / b, d[0] / b
    for i in range(1, n):
        m = b - a * cp[i - 1]
        cp[i] = c / m
        dp[i] = (d[i] - a * dp[i - 1]) / m
    for i in range(n - 2, -1, -1):
        dp[i] -= cp[i] * dp[i + 1]
    return dp


def adi(u, r=0.5, steps=2):
    for _ in range(steps):
        half = u.copy()
        for j in range(1, u.shape[1] - 1):
            rhs = u[1:-1, j] + r / 2 * (u[1:-1, j + 1] - 2 * u[1:-1, j] + u[1:-1, j - 1])
            half[1:-1, j] = thomas(-r / 2, 1 + r, -r / 2, rhs)
        for i in range(1, u.shape[0] - 1):
            rhs = half[i, 1:-1] + r / 2 * (half[i + 1, 1:-1] - 2 * half[i, 1:-1] + half[i - 1, 1:-1])
            u[i, 1:-1] = thomas(-r / 2, 1 + r, -r / 2, rhs)
    return u


class Biquad:
    def __init__(self, b, a):
        self.b, self.a = b, a
        self.z1 = self.z2 = 0.0

    def step(self, x):
        y = self.b[0] * x + self.z1
        self.z1 = self.b[1] * x - self.a[0] * y + self.z2
        self.z2 = self.b[2] * x - self.a[1] * y
        return y


def filtered(x):
    stages = [Biquad((0.2, 0.4, 0.2), (-0.5, 0.1)), Biquad((0.3, 0.1, 0.0), (-0.2, 0.05))]
    out = np.empty_like(x)
    for i, v in enumerate(x):
        for stage in stages:
            v = stage.step(v)
        out[i] = v
    return out


def n_body(p, v, mass, steps=3, dt=0.01):
    def accelerate(p):
        acc = np.zeros_like(p)
        for i in range(len(p)):
            for j in range(len(p)):
                if i == j:
                    continue
                d = p[j] - p[i]
                acc[i] += mass[j] * d / (d @ d + 1e-3) ** 1.5
        return acc

    acc = accelerate(p)
    for _ in range(steps):
        v += dt / 2 * acc
        p += dt * v
        acc = accelerate(p)
        v += dt / 2 * acc
    return 0.5 * np.sum(mass[:, None] * v**2)


def cell_lists(p, box):
    m = max(1, int(box.length // box.cutoff))
    where = np.minimum((p / box.length * m).astype(int), m - 1)
    head, link = -np.ones((m, m), int), -np.ones(len(p), int)
    for i, (cx, cy) in enumerate(where):
        link[i], head[cx, cy] = head[cx, cy], i
    pairs = 0
    energy = 0.0
    for i in range(len(p)):
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                cx, cy = where[i, 0] + dx, where[i, 1] + dy
                if not (0 <= cx < m and 0 <= cy < m):
                    continue
                j = head[cx, cy]
                while j != -1:
                    if j < i and (r2 := ((p[i] - p[j]) ** 2).sum()) < box.cutoff**2:
                        energy += 1 / (r2 + 0.1)
                        pairs += 1
                    j = link[j]
    return pairs, energy


def lattice_boltzmann(f, steps=3, omega=1.2):
    for _ in range(steps):
        for k, (dx, dy) in enumerate(MOVES):
            f[k] = np.roll(f[k], (dx, dy), axis=(0, 1))
        rho = f.sum(axis=0)
        u = np.tensordot(MOVES.T.astype(float), f, axes=1) / rho
        for k in range(9):
            cu = 3 * (MOVES[k, 0] * u[0] + MOVES[k, 1] * u[1])
            f[k] += omega * (WEIGHTS[k] * rho * (1 + cu + 0.5 * cu**2 - 1.5 * (u**2).sum(axis=0)) - f[k])
    return rho


def projection(u, v, n_max=200, tol=1e-4):
    div = (u[1:, 1:] - u[:-1, 1:]) + (v[1:, 1:] - v[1:, :-1])
    p = np.zeros_like(u)
    for it in range(n_max):
        change = 0.0
        for i in range(1, p.shape[0] - 1):
            for j in range(1, p.shape[1] - 1):
                new = 0.25 * (p[i + 1, j] + p[i - 1, j] + p[i, j + 1] + p[i, j - 1] - div[i, j])
                change = max(change, abs(new - p[i, j]))
                p[i, j] = new
        if change < tol:
            break
    else:
        raise ArithmeticError("pressure")
    u[:-1] -= np.diff(p, axis=0)
    v[:, :-1] -= np.diff(p, axis=1)
    return it, change


def mandelbrot(n, limit=20):
    out = np.zeros((n, n), np.int32)
    for (i, j), _ in np.ndenumerate(out):
        c, z, k = complex(-2 + 3 * j / n, -1.5 + 3 * i / n), 0j, 0
        while abs(z) <= 2 and k < limit:
            z = z * z + c
            k += 1
        out[i, j] = k
    return out


def fft_stages(x):
    n = len(x)
    bits = n.bit_length() - 1
    y = np.empty(n, complex)
    for i in range(n):
        r = 0
        for b in range(bits):
            r |= ((i >> b) & 1) << (bits - 1 - b)
        y[r] = x[i]
    size = 2
    while size <= n:
        w = np.exp(-2j * np.pi * np.arange(size // 2) / size)
        for start in range(0, n, size):
            even, odd = y[start:start + size // 2].copy(), w * y[start + size // 2:start + size]
            y[start:start + size // 2], y[start + size // 2:start + size] = even + odd, even - odd
        size *= 2
    return y


def rain(q, t, rate=0.3):
    fallen = np.zeros(q.shape[0])
    for c in range(q.shape[0]):
        flux = 0.0
        for k in reversed(range(q.shape[1])):
            limit = 0.01 * math.exp(0.06 * t[c, k])
            if (excess := q[c, k] - limit) > 0:
                flux += excess
                q[c, k] = limit
                t[c, k] += 2.5 * excess
            elif flux > 0:
                taken = min(flux, -rate * excess)
                flux -= taken
                q[c, k] += taken
        fallen[c] = flux
    return fallen


def convolution(x, w, b, stride=1, *, pad=1):
    c, h, wd = x.shape
    o, _, kh, kw = w.shape
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    y = np.zeros((o, (h + 2 * pad - kh) // stride + 1, (wd + 2 * pad - kw) // stride + 1))
    for k in range(o):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                patch = xp[:, i * stride:i * stride + kh, j * stride:j * stride + kw]
                y[k, i, j] = np.sum(patch * w[k]) + b[k]
    return np.maximum(y, 0, out=y)


def gru(x, params):
    wz, wr, wh = (params[k] for k in "zrh")
    h, states = np.zeros(wz.shape[0]), []
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    for row in x:
        hx = np.concatenate([h, row])
        z, r = sigmoid(wz @ hx), sigmoid(wr @ hx)
        h = (1 - z) * h + z * np.tanh(wh @ np.concatenate([r * h, row]))
        states.append(h)
    return np.stack(states), h


def metropolis(spins, beta, seed, sweeps=3):
    rng = np.random.default_rng(seed)
    n = spins.shape[0]
    energies = []
    for _ in range(sweeps):
        for _ in range(n * n):
            i, j = rng.integers(0, n), rng.integers(0, n)
            near = spins[(i + 1) % n, j] + spins[i - 1, j] + spins[i, (j + 1) % n] + spins[i, j - 1]
            delta = 2 * spins[i, j] * near
            if delta <= 0 or rng.random() < math.exp(-beta * delta):
                spins[i, j] *= -1
        energies.append(float(-(spins * (np.roll(spins, 1, 0) + np.roll(spins, 1, 1))).sum()))
    return energies


def automaton(rule, width, steps):
    table = [(rule >> k) & 1 for k in range(8)]
    rows = np.zeros((steps, width), np.uint8)
    rows[0, width // 2] = 1
    for t in range(1, steps):
        for i in range(width):
            left, mid, right = rows[t - 1, i - 1], rows[t - 1, i], rows[t - 1, (i + 1) % width]
            rows[t, i] = table[(int(left) << 2) | (int(mid) << 1) | int(right)]
    return rows


def smoothed_density(p, h=0.5):
    rho = np.zeros(len(p))
    for i in range(len(p)):
        q = np.linalg.norm(p - p[i], axis=1) / h
        near = q < 2
        with np.errstate(invalid="ignore"):
            w = np.where(q < 1, 1 - 1.5 * q**2 + 0.75 * q**3, 0.25 * (2 - q) ** 3)
        rho[i] = w[near].sum()
    return rho


CASES = [
    (boundary_heat, lambda n: (noise(n), ["periodic", "neumann", "fixed"][n % 3])), (adi, lambda n: (noise(n, n + 1),)),
    (filtered, lambda n: (noise(3 * n),)), (n_body, lambda n: (noise(n, 3), noise(n, 3, seed=1), np.ones(n))),
    (cell_lists, lambda n: (np.random.default_rng(2).random((3 * n, 2)) * 4, Box(4.0, 1.0))),
    (lattice_boltzmann, lambda n: (1 + 0.01 * noise(9, n, n),)), (projection, lambda n: (noise(n, n), noise(n, n, seed=1))),
    (mandelbrot, lambda n: (n,)), (fft_stages, lambda n: (noise(8 if n < 8 else 16),)),
    (rain, lambda n: (np.abs(noise(n, 5)) / 10, noise(n, 5) * 9)),
    (convolution, lambda n: (noise(2, n, n), noise(3, 2, 3, 3), noise(3))),
    (gru, lambda n: (noise(n, 2), {k: noise(4, 6, seed=i) for i, k in enumerate("zrh")})),
    (metropolis, lambda n: (np.where(noise(n, n) > 0, 1, -1), 0.4, 7)), (automaton, lambda n: (110, 2 * n, n)),
    (smoothed_density, lambda n: (noise(n, 2),)),
]
