"""The memory order of arrays that loops and branches hand on: strides, flags, and views or copies by them, are NumPy's on
every path and after any number of trips."""

import numpy as np
import pytest
from treadle import jit

from tests.comparator import difference, fresh, observe

A = np.arange(12.0).reshape(3, 4)


def agrees(f, *arguments):
    make = fresh(arguments)
    want, compiled = observe(f, make), jit(f)
    for _ in range(2):
        assert difference(observe(compiled, make), want) is None


def made_in_the_loop(x, n):
    for k in range(n):
        t = (x + k).T
        gaps = (x * k)[:, ::2]
        back = (x - k)[::-1]
        same = np.broadcast_to(x[0] + k, (3, 4))
    return t, gaps, back, same, t + 1, t.ravel(), t.flags.f_contiguous, same.flags.writeable


def made_on_a_side(x, n):
    if x[0, 0] > n:
        y = x * 2
    else:
        y = (x.T * 2).T
    return y, y + 1, y.flags.c_contiguous, y.reshape(-1)


def turned_each_trip(x, n):
    y = x[:3, :3] + 1
    for _ in range(n):
        y = y.T
        y[0, 1] += 1
    return y, y * 2, y.flags.c_contiguous


def turned_once(x, n):
    y = x[:3, :3] + 1
    for k in range(n):
        y = (y * k).T @ y
        y = y.T
    return y, y.ravel(order="K")


def order_of_turns(x, n):
    u, v = x + 1, (x.T * 2).T
    for k in range(n):
        u += v
        u, v = v, u
    return u, v, u.flags.c_contiguous, u + v


def view_or_copy(x, n):
    u, v = x + 1, (x.T * 2).T
    for k in range(n):
        u, v = v, u
        flat = u.reshape(-1)
        flat[0] = k
    return u, v


def until(x, n):
    y, k = x + 1, 0
    while y[0, 0] < 40 and k < n:
        y = np.asfortranarray(y + k) if k % 2 else y * 2
        k += 1
    return y, y.flags.f_contiguous, k


PROGRAMS = [made_in_the_loop, made_on_a_side, turned_each_trip, turned_once, order_of_turns, view_or_copy, until]


@pytest.mark.parametrize("f", PROGRAMS)
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_memory_order(f, n):
    agrees(f, A, n)
    agrees(f, np.asfortranarray(A), n)
    agrees(f, np.repeat(A, 2, axis=1)[:, ::2], n)


def test_a_read_only_view_of_the_argument_stays_read_only():
    def f(x):
        k = 0
        while k < 3:
            k += 1
            y = x[:k]
        return y, y.flags.writeable

    x = np.arange(5.0)
    x.flags.writeable = False
    agrees(f, x)


def test_compares_with_objects_as_numpy():
    def f(x):
        return x == None, x != None, {} == x, x[:0] > {}, x[()] == set()  # noqa: E711

    agrees(f, A.T)


def test_an_axis_error_at_run_time_has_its_text():
    def f(x):
        for k in range(3):
            if x[k, 0] > 100:
                x = np.sort(x[0, 0] + np.zeros(()), axis=0)
        return x.sum()

    agrees(f, A)
    agrees(f, A + 200)


def test_clip_ignores_run_time_bounds_beyond_the_dtype():
    def f(x, low):
        for _ in range(5):
            low -= 2
        return x.clip(min=low), np.clip(x, low, 3), x.clip(max=-low * 1000)

    agrees(f, np.arange(5, dtype=np.uint8), 1)
