"""What a library routine reads counts as read: a start value that only a product sees is not dropped."""

import numpy as np
import pytest
import treadle as td


def power(a, v, steps):
    for _ in range(steps):
        v = a @ v
        v = v / np.sqrt((v * v).sum())
    return v


def mixed(a, steps):
    v = np.zeros(a.shape[1])
    v[:] = 1.0
    for _ in range(steps):
        w = a @ v
        v[:] = w[:len(v)] * 0.5
    return v


@pytest.mark.parametrize("n", (8, 300))
def test_the_start_of_an_iteration_is_kept(n):
    a = np.random.default_rng(0).normal(size=(n, n)) + n * np.eye(n)
    # Constant steps and run-time ones: the loop is known to run, or not.
    for f, g in ((lambda a, v: power(a, v, 20), (a, np.ones(n))), (power, (a, np.ones(n), 5)), (mixed, (a / n, 6)),
                 (lambda a: mixed(a, 4), (a / n,))):
        assert np.allclose(td.jit(f)(*g), f(*g), rtol=1e-10)
