"""Loops that read what they wrote: rings, sweeps in both directions, cells that may be one, at sizes down to none."""

import numpy as np
import pytest
from treadle import jit

SIZES = (33, 7, 2, 1, 0)


def ring_of_rows(a, k):
    n, m = a.shape
    r = np.zeros((3, m))
    for i in range(n):
        for j in range(m):
            up = r[(i - 1) % 3, j] if i > 0 else 0.0
            r[i % 3, j] = a[i, j] + 0.5 * up - 0.25 * r[(i + 1) % 3, j]
        for j in range(m):
            a[i, j] = r[i % 3, j] * 2
    return r


def cells_that_may_be_one(a, k):
    total = 0.0
    for i in range(len(a)):
        a[0, k % len(a)] += a[i, i]
        total += a[0, (k * 3) % len(a)]
    return total


def there_and_back(a, k):
    n, m = a.shape
    for i in range(1, n):
        if i % 2 == 0:
            for j in range(1, m):
                a[i, j] += a[i, j - 1] * 0.5 - a[i - 1, j]
        else:
            for j in range(m - 2, -1, -1):
                a[i, j] += a[i, j + 1] * 0.5 - a[i - 1, j]
    return a[:, :1]


def two_states(a, k):
    n, m = a.shape
    b = np.zeros((n, m))
    for i in range(1, n):
        for j in range(2, m):
            b[i, j] = b[i, j - 2] * 0.5 + a[i - 1, j]
            a[i, j] = a[i, j - 1] + b[i - 1, j - 1]
    return b


def triangle_from_below(a, k):
    n = len(a)
    for i in range(n - 1, -1, -1):
        for j in range(n - 1, i, -1):
            for q in range(j, n):
                a[i, j] -= a[i, q] * 0.1 * a[q, j]
    return a.sum()


def a_row_until(a, k):
    n, m = a.shape
    t = np.zeros(3)
    for i in range(n):
        for j in range(m):
            t[1] += a[i, j]
            if t[1] > k:
                break
            a[i, j] = t[1] * t[0]
        t[2] += t[1]
    return t


def out_of_range_halfway(a, k):
    n, m = a.shape
    for i in range(n):
        for j in range(m):
            a[i, j] = a[i, j + (1 if a[i, j] > -9 else 0)] + k
    return a


@pytest.mark.parametrize("program", [ring_of_rows, cells_that_may_be_one, there_and_back, two_states, triangle_from_below,
                                     a_row_until, out_of_range_halfway], ids=lambda f: f.__name__)
def test_it_computes_what_numpy_does(program):
    compiled = jit(program)
    for n in SIZES:
        outcomes = []
        for f in (program, compiled):
            a = np.random.default_rng(n).normal(size=(n, n))
            try:
                outcomes.append((f(a, 2), a, None))
            except IndexError as e:
                outcomes.append((None, a, str(e)))
        (want, left, error), (got, found, message) = outcomes
        assert error == message
        np.testing.assert_allclose(found, left, rtol=1e-12)
        if error is None:
            np.testing.assert_allclose(got, want, rtol=1e-12)
