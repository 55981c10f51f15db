"""Arrays whose extents differ by path or by trip, and views whose size changes, against NumPy."""

import numpy as np
import pytest
from treadle import jit

from tests.comparator import difference, observe
from tests.compiler.programs import check


def grows(a, n):
    x = a[:0] * 1
    for i in range(n):
        x = a[:i + 1] * 2
    return x.sum()


def grows_in_both(a, n):
    for i in range(n, 0, -1):
        x = np.outer(a[:-i - 1], a[i:]) * 2
    return x.sum(), len(a)


def shrinks(a, n):
    x = a * 1
    for i in range(n):
        x = x[1:] * 2
    return x.sum()


def one_of_two_sizes(a, n):
    if a[0] > 2:
        x = a[:n] * 2
    else:
        x = a[:n + 2] + 1
    return x.sum(), x.max()


def view_that_grows(a, n):
    for i in range(n):
        v = a[i:i + 2]
        v[0] += 1
    v[-1] = 100
    a[0] = -1
    return v.sum()


def view_by_branch(a, n):
    if a[1] > 0:
        v = a[n:]
    else:
        v = a[1:]
    v[0] = 50
    a[-1] = 9
    return v.sum()


@pytest.mark.parametrize("f", [grows, grows_in_both, shrinks, one_of_two_sizes, view_that_grows, view_by_branch])
@pytest.mark.parametrize("first", [1.0, 3.0, -1.0])
def test_extents_by_path_or_trip(f, first):
    for n in (1, 3, 8):
        def make(n=n):
            return np.arange(9.0) * first + first, n

        check(f, make)
        want, got = make(), make()
        assert f(*want) == jit(f)(*got)
        assert np.array_equal(want[0], got[0])


def halves(a, n):
    for _ in range(n):
        a = a[::2]
    return a


def halves_of_what_is_left(a, n):
    a = a[a > 1]
    k = 0
    while len(a) > 2 and k < n:
        k += 1
        a = np.unique(a[:-1])[::2]
    return a[::-1], a


def reversed_by_branch(a, n):
    x = a[a > 2]
    if n > 1:
        x = x[::-2]
    return x, x[::3]


def one_of_two_after_a_loop(a, n):
    x = y = a[a > 2]
    if n > 0:
        y = x.copy()
        for _ in range(n):
            y = y[y != n][::2]
    y += 1
    return x, y


@pytest.mark.parametrize("f", [halves, halves_of_what_is_left, reversed_by_branch, one_of_two_after_a_loop])
def test_gaps_between_elements_by_path_or_trip(f):
    jitted = jit(f)
    for n in (0, 1, 2, 3):
        assert difference(observe(jitted, lambda n=n: (np.arange(40.0), n)), observe(f, lambda n=n: (np.arange(40.0), n))) is None


def test_arrays_without_axes_by_path_and_trip():
    def f(x, y):
        v = np.asarray(x.sum())
        if x[0] > 0:
            v = np.asarray(y)
        for k in range(3):
            w = np.asarray(v * k)
            v[()] -= w[()]
        return v, w

    jitted = jit(f)
    for first in (1.0, -1.0):
        def make(first=first):
            return np.array([first, 2.0]), 3.0

        assert difference(observe(jitted, make), observe(f, make)) is None
