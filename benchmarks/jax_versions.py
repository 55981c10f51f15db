"""The same fifteen programs rewritten by hand for JAX: `lax` loops, immutable arrays, masks instead of moving slices.

Each returns what the NumPy program returns or leaves in its arguments.  Made on first use, since JAX is optional.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType


def versions(jax: ModuleType) -> dict[str, Callable]:
    """The functions, to be compiled by `jax.jit`, by program name; Python ints among the arguments are run-time values."""
    return {**_dense(jax), **_grids(jax), **_sequences(jax), **_networks(jax)}


def _dense(jax: ModuleType) -> dict[str, Callable]:
    np, lax = jax.numpy, jax.lax

    def cholesky(A):
        return np.linalg.cholesky(A)

    def lu_rank_one(A):
        rows = np.arange(A.shape[0])

        def step(k, A):
            below = rows > k
            column = np.where(below, A[:, k] / A[k, k], A[:, k])
            A = A.at[:, k].set(column)
            return A - np.where(below[:, None] & below[None, :], column[:, None] * A[k][None, :], 0.0)

        return lax.fori_loop(0, A.shape[0] - 1, step, A)

    def floyd_warshall(path):
        return lax.fori_loop(0, path.shape[0], lambda k, p: np.minimum(p, p[:, k, None] + p[None, k, :]), path)

    def nbody(mass, position, velocity, dt, steps):
        def step(_, state):
            position, velocity = state
            dx = position[None, :, :] - position[:, None, :]
            r2 = (dx * dx).sum(axis=2) + 0.01
            velocity = velocity + dt * (dx * (mass[None, :] * r2 ** -1.5)[:, :, None]).sum(axis=1)
            return position + dt * velocity, velocity

        position, velocity = lax.fori_loop(0, steps, step, (position, velocity))
        return 0.5 * (mass * (velocity * velocity).sum(axis=1)).sum(), position, velocity

    return {"cholesky": cholesky, "lu_rank_one": lu_rank_one, "floyd_warshall": floyd_warshall, "nbody": nbody}


def _grids(jax: ModuleType) -> dict[str, Callable]:
    np, lax = jax.numpy, jax.lax

    def sweep(a):
        return 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[2:, 1:-1] + a[:-2, 1:-1])

    def jacobi_2d(a, b, steps):
        def step(_, state):
            a, b = state
            b = b.at[1:-1, 1:-1].set(sweep(a))
            return a.at[1:-1, 1:-1].set(sweep(b)), b

        return lax.fori_loop(0, steps, step, (a, b))

    def gauss_seidel(a, steps):
        def row(i, a):
            fixed = a[i - 1, 1:-1] + a[i + 1, 1:-1] + a[i, 2:]
            _, new = lax.scan(lambda left, f: ((left + f) * 0.25,) * 2, a[i, 0], fixed)
            return a.at[i, 1:-1].set(new)

        return lax.fori_loop(0, steps, lambda _, a: lax.fori_loop(1, a.shape[0] - 1, row, a), a)

    def adi(u, steps):
        a, b = -0.3, 1.6

        def step(_, u):
            def forward(state, row):
                p, q = state
                d = a * p + b
                new = (-a / d, (0.3 * row[:-2] + 0.4 * row[1:-1] + 0.3 * row[2:] - a * q) / d)
                return new, new

            ones = np.ones(u.shape[1] - 2)
            _, (p, q) = lax.scan(forward, (np.zeros_like(ones), ones), u[1:-1])
            _, v = lax.scan(lambda v, pq: (pq[0] * v + pq[1],) * 2, ones, (p, q), reverse=True)
            return u.at[1:-1, 1:-1].set(v.T)

        return lax.fori_loop(0, steps, step, u)

    def poisson_until_converged(f, tolerance):
        def step(state):
            u, _, steps = state
            new = u.at[1:-1, 1:-1].set(0.25 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - f[1:-1, 1:-1]))
            return new, np.sum(np.abs(new - u)) / (np.sum(np.abs(new)) + 1e-30), steps + 1

        u, _, steps = lax.while_loop(lambda s: (s[1] > tolerance) & (s[2] < 2000), step, (np.zeros_like(f), 1.0, 0))
        return u, steps

    def mandelbrot_escape(cr, ci, limit):
        shape = (len(ci), len(cr))
        zero = np.zeros(shape)

        def step(state):
            x, y, n, count = state
            live = x * x + y * y <= 4.0
            x, y = np.where(live, x * x - y * y + cr, x), np.where(live, 2.0 * x * y + ci[:, None], y)
            return x, y, n + 1, count + live

        def more(state):
            x, y, n, _ = state
            return (n < limit) & np.any(x * x + y * y <= 4.0)

        return lax.while_loop(more, step, (zero, zero, 0, np.zeros(shape, int)))[3]

    return {"jacobi_2d": jacobi_2d, "gauss_seidel": gauss_seidel, "adi": adi, "mandelbrot_escape": mandelbrot_escape,
            "poisson_until_converged": poisson_until_converged}


def _sequences(jax: ModuleType) -> dict[str, Callable]:
    np, lax = jax.numpy, jax.lax

    def recursive_filter(x, a, b):
        def step(y, v):
            y = a * y + b * v
            return y, y

        return lax.scan(step, 0.0, x)[1]

    def edit_distance(a, b):
        first = np.arange(len(b) + 1)

        def row(previous, letter):
            def cell(left, item):
                same, above, corner = item
                new = np.where(same, corner, 1 + np.minimum(np.minimum(above, left), corner))
                return new, new

            start = previous[0] + 1
            _, rest = lax.scan(cell, start, (b == letter, previous[1:], previous[:-1]))
            return np.concatenate([start[None], rest]), None

        return lax.scan(row, first, a)[0][-1]

    def spmv_csr(indptr, indices, data, x):
        row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr), total_repeat_length=len(data))
        return jax.ops.segment_sum(data * x[indices], row, num_segments=len(indptr) - 1)

    def crc16(data, polynomial):
        def byte(crc, b):
            def bit(_, state):
                crc, current = state
                odd = ((crc & 1) ^ (current & 1)) != 0
                return np.where(odd, (crc >> 1) ^ polynomial, crc >> 1), current >> 1

            return lax.fori_loop(0, 8, bit, (crc, b.astype(np.int64) & 0xFF))[0], None

        crc = ~lax.scan(byte, np.int64(0xFFFF), data)[0] & 0xFFFF
        return ((crc << 8) | ((crc >> 8) & 0xFF)) & 0xFFFF

    return {"recursive_filter": recursive_filter, "edit_distance": edit_distance, "spmv_csr": spmv_csr, "crc16": crc16}


def _networks(jax: ModuleType) -> dict[str, Callable]:
    np, lax = jax.numpy, jax.lax

    def conv2d_bias(x, weights, bias):
        return lax.conv_general_dilated(x, weights, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias

    def lstm(x, w, u, b):
        hidden = u.shape[0]

        def step(state, row):
            h, c = state
            z = row @ w + h @ u + b
            i, f, o = (jax.nn.sigmoid(z[:, k * hidden:(k + 1) * hidden]) for k in (0, 1, 3))
            c = f * c + i * np.tanh(z[:, 2 * hidden:3 * hidden])
            h = o * np.tanh(c)
            return (h, c), h

        zero = np.zeros((x.shape[1], hidden))
        return lax.scan(step, (zero, zero), x)[1]

    return {"conv2d_bias": conv2d_bias, "lstm": lstm}
