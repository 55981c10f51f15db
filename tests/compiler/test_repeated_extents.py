"""Extents that only the run knows, where they turn out to be 1: NumPy repeats them."""

import numpy as np
import pytest
from treadle import grad, jit, vmap

from tests.comparator import difference, observe


def joined(x, y):
    return x[x > 0] + y[y > 0]


def written(x, y):
    out = np.zeros(len(x))
    out[:len(y[y > 0])] = x[x > 0]
    return out


def after_a_write(x, y):
    x += 1
    return np.where(y[y > 0] > 1, x[x > 0], 0), (x[x > 0][:, None] * y[y > 0]).sum(0)


def in_a_loop(x, y):
    total = 0.0
    for i in range(20):
        total += (x[x > i] * y[y > i]).sum()
    return total


def drawn(x, y):
    rng = np.random.default_rng(1)
    return rng.random(3), x[x > 0] * y[y > 0], rng.random()


def printed(x, y):
    print("once")
    return x[x > 0] - y[y > 0]


def beside_four(x, y):
    return x[x > 0] + np.arange(4.0), (y[y > 0] * np.arange(3.0)).sum()


def counts_of_one(x, y):
    return np.repeat(x[x > 0], np.abs(y[:len(x[x > 0])]).astype(int))


def masked_on_one_side(x, y):
    if y.sum() > 0:
        kept = x[x > 1]
    if y.sum() > 1:
        last = kept[kept > 2]
    return len(x) and last


ARRAYS = [([1, 2, -3], [3, 4, -1]), ([1, -2, -3], [3, 4, -1]), ([1, 2, 3, 3], [-3, 4, -1]), ([1, -2, 3, 3], [-3, 4, 1]),
          ([1, -2, 3, 3], [-3, -4, -1]), ([-1], [5]), ([5], [5])]


@pytest.mark.parametrize("f", [joined, written, after_a_write, in_a_loop, drawn, printed, beside_four, counts_of_one,
                               masked_on_one_side])
def test_as_numpy(f, capsys):
    compiled = jit(f)
    for pair in ARRAYS:
        def make(pair=pair):
            return tuple(np.array(v, float) for v in pair)

        assert difference(observe(compiled, make), observe(f, make)) is None
    assert capsys.readouterr().out == ("once\n" * (2 * len(ARRAYS)) if f is printed else "")
    assert compiled.versions <= 12


def test_derivatives_and_lanes():
    def product(x, y):
        return (x[x > 0] * y[y > 0]).sum()

    y = np.array([3.0, 4.0])
    assert np.array_equal(grad(product)(np.array([1.0, -2.0]), y), [7, 0])
    assert np.array_equal(grad(product)(np.array([1.0, 2.0]), y), [3, 4])
    lanes = np.array([[1.0, -2.0], [1.0, 2.0], [-1.0, 5.0]])
    assert np.array_equal(vmap(product, (0, None))(lanes, y), [7, 11, 35])
