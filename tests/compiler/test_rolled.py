"""np.roll is read where its operand lies: any shifts, also those known only at run time; loops are cut where they wrap."""

import numpy as np
import pytest
import treadle as td

from tests.comparator import difference, fresh, observe


def laplacian(u):
    return np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4 * u


def shifts(x, s, t):
    return np.roll(x, s), np.roll(x, (s, t), (0, 1)), np.roll(x, s, (0, 1)), np.roll(np.roll(x, 2, 1), -1, 1), np.roll(x, -30)


def streamed(f, c):
    for k in range(len(c)):
        f[k] = np.roll(f[k], c[k], axis=k % 2)
        f[k] += np.roll(f[k], k)
    return f


def by_array(x, s):
    return np.roll(x, s, (0, 1))


def rolled_in_place(u, steps):
    for _ in range(steps):
        u[:] = 0.5 * (np.roll(u, 1) + np.roll(u, -2))
        u[1:] = np.roll(u, 1)[:-1] + u[:-1]
    return u


def products(x):
    return np.sum(x * np.roll(x, 1)), (np.roll(x, 3)[1:-1] > 0).sum()


@pytest.mark.parametrize("f, args", [
    (laplacian, (np.arange(42.0).reshape(6, 7) ** 2,)), (laplacian, (np.arange(42.0).reshape(7, 6).T,)),
    (laplacian, (np.ones((1, 2)),)), (laplacian, (np.ones((0, 3)),)),
    (shifts, (np.arange(12).reshape(3, 4), 5, -7)), (shifts, (np.arange(12.0).reshape(3, 4) * 1j, -5, 0)),
    (streamed, (np.arange(36.0).reshape(3, 3, 4), np.array([1, -5, 7]))),
    (by_array, (np.arange(12.0).reshape(3, 4), np.array([2, 1]))),
    (rolled_in_place, (np.arange(9.0), 4)), (products, (np.arange(-8.0, 9.0),)),
], ids=lambda x: getattr(x, "__name__", ""))
def test_compiled_is_as_plain(f, args):
    make = fresh(args)
    compiled = td.jit(f)
    for _ in range(2):
        assert difference(observe(compiled, make), observe(f, make)) is None


def test_loops_are_cut_where_they_wrap():
    text = td.jit(laplacian).lower(np.ones((50, 60))).ir("loops")
    row = text[text.index("in 1..59 vector"):]
    assert "out0[i0, 0] =" in text and "out0[i0, 59] =" in row and "alloc" not in text
