"""Slices whose steps are known only at run time, and two writes to one place with a read between: no copies, no refusals."""

import numpy as np
import pytest
import treadle as td

from tests.comparator import difference, fresh, observe


def marked_multiples(n):
    prime = np.ones(n, dtype=bool)
    for i in range(2, n // 2):
        prime[2 * i::i] = False
    return prime


def combs(x):
    for i in range(1, 60):
        x[i % 7::i] += x[i % 5]
        x[::i] = np.sqrt(np.abs(x[::i]))
    return x


def copied_rows(a):
    out = np.zeros_like(a)
    for i in range(1, 40):
        out[::i, 1:] = a[::i, :-1] + i
    return out


def views_are_written(x):
    for i in range(1, 50):
        y = x[::i]
        y[:] = y * 0.5 + i
    return x


def steps_of_either_sign(x):
    s = 0.0
    for i in range(-40, 41):
        if i != 0:
            s += x[::i][0]
    return s


def stores_around_a_read(a):
    for i in range(a.shape[0]):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[:j, j]
            a[i, j] /= a[j, j]
    return a


@pytest.mark.parametrize("f, args", [
    (marked_multiples, (100,)), (combs, (np.arange(90.0),)), (copied_rows, (np.arange(350.0).reshape(50, 7),)),
    (views_are_written, (np.arange(60.0),)), (steps_of_either_sign, (np.arange(60.0),)),
    (stores_around_a_read, (np.arange(49.0).reshape(7, 7) + 9 * np.eye(7),)),
], ids=lambda x: getattr(x, "__name__", ""))
def test_compiled_is_as_plain(f, args):
    make = fresh(args)
    want, got = observe(f, make), observe(td.jit(f), make)
    assert difference(got, want, values=False) is None
    assert np.allclose(np.asarray(got.result), np.asarray(want.result), rtol=1e-13)


def test_a_store_before_a_read_costs_no_copy():
    loops = td.jit(stores_around_a_read).lower(np.eye(50)).ir("loops")
    assert "alloc" not in loops


def test_grids_of_run_time_sizes():
    def grids(w, h):
        y, x = np.mgrid[-1:1:h * 1j, 0:w]
        a, b = np.ogrid[0:h, -1:1:w * 1j]
        return y + x, a * b

    for sizes in ((4, 3), (5, 2)):
        assert difference(observe(td.jit(grids), lambda s=sizes: s), observe(grids, lambda s=sizes: s)) is None


def test_a_copied_argument_is_rotated_in_place():
    def rotated(a):
        r = a.copy()
        for j in range(r.shape[1]):
            for i in range(len(r) - 1, j, -1):
                x, y = r[i - 1, j], r[i, j]
                n = np.hypot(x, y)
                if n == 0:
                    continue
                r[i - 1:i + 1, j:] = np.array([[x / n, y / n], [-y / n, x / n]]) @ r[i - 1:i + 1, j:]
        return r

    a = np.random.default_rng(0).random((7, 5))
    assert np.allclose(td.jit(rotated)(a), rotated(a)) and a[6, 0] != 0
    assert "copies: 1" in td.jit(rotated).lower(a).report()
