"""Loops whose extents double or halve from trip to trip: few of them are unrolled, all agree with NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from treadle import jit

from tests.comparator import difference, fresh, observe


def butterflies(y):
    half = 1
    for _ in range(4):
        z = y.reshape(y.shape[0] // (2 * half), 2, half)
        a = z[:, 0, :].copy()
        z[:, 0, :] = a + z[:, 1, :]
        z[:, 1, :] = a - z[:, 1, :]
        half *= 2
    return y


def scan(y):
    h = 1
    while h < y.size:
        y[h:] = y[h:] + y[:-h]
        h <<= 1
    return y


def tree_sum(y):
    n = y.size
    while n > 1:
        n //= 2
        y[:n] += y[n:2 * n]
    return y[0], n


def by_powers(y):
    for s in range(4):
        z = y.reshape(2**s, -1)
        z[:] = z[:, ::-1].copy()
    return y


def by_shifts(y):
    for s in range(3, -1, -1):
        z = y.reshape(1 << s, -1)
        z += z.sum(axis=1, keepdims=True)
    return y


@pytest.mark.parametrize("f", [butterflies, scan, tree_sum, by_powers, by_shifts])
def test_few_levels_are_unrolled(f):
    make = fresh((np.arange(16.0),))
    assert difference(observe(jit(f), make), observe(f, make)) is None
    traced = jit(f).lower(np.arange(16.0)).ir("traced")
    assert " = for " not in traced and " = while " not in traced


def triangle(a):
    for j in range(12):
        a[j, :j] *= 2
    return a


def long_sweep(y):
    n = 1
    for _ in range(100):
        y[:n] += 1
        n = n * 2 % 31
    return y


def as_many_as_asked(y, levels):
    n = y.size
    for _ in range(levels[0]):
        n = n // 2
        y[:n] += y[n:2 * n]
    return y


@pytest.mark.parametrize(("f", "args"), [
    (triangle, (np.ones((12, 12)),)), (long_sweep, (np.ones(40),)), (as_many_as_asked, (np.arange(16.0), np.array([3])))])
def test_other_loops_stay_loops(f, args):
    make = fresh(args)
    assert difference(observe(jit(f), make), observe(f, make)) is None
    assert " = for " in jit(f).lower(*args).ir("traced")
