"""Derivatives and batching of loops whose arrays become smaller, or larger, from trip to trip."""

import numpy as np
import pytest
import treadle as td

X = np.random.default_rng(0).normal(size=12)


def two_by_one_mask(x):
    z, c = x, x * 2
    for _ in range(4):
        keep = z < 0.9 * np.max(z)
        z, c = z[keep] * 1.1, c[keep] + z[keep]
    return np.sum(z * c)


def halves(x):
    z = x
    while len(z) > 1:
        h = len(z) // 2
        z = z[:h] * z[h:2 * h]
    return z.sum()


def without_the_greatest(x):
    z, total = x, 0.0
    for k in range(5):
        total = total + np.max(z) * k
        z = np.delete(z, np.argmax(z))
    return total + z.sum()


def either_end(x):
    z, total = x, 0.0
    while len(z) > 2:
        z = z[1:] if z[0] > z[1] else z[:-1] * 1.5
        total = total + z.sum()
    return total


def loops_in_loops(x):
    rows = x.reshape(6, 2)
    for _ in range(3):
        w = rows
        while len(w) > 4:
            w = w[w[:, 0] < np.max(w[:, 0])] * 1.01
        rows = np.concatenate([w, rows])[:len(rows)]
    return np.sum(rows * rows)


def grows(x):
    z = x
    while z.sum() < 100:
        z = np.append(z, z[0] + 3)
    return z.sum()


def differences(f, x):
    return np.array([(f(x + 1e-6 * e) - f(x - 1e-6 * e)) / 2e-6 for e in np.eye(len(x))])


@pytest.mark.parametrize("f", [two_by_one_mask, halves, without_the_greatest, either_end, loops_in_loops, grows])
def test_gradients(f):
    np.testing.assert_allclose(td.grad(f)(X), differences(f, X), rtol=1e-5, atol=1e-5)


def test_second_derivatives_and_lanes():
    hessian = td.hessian(two_by_one_mask)(X)
    by_differences = [differences(lambda x, k=k: td.grad(two_by_one_mask)(x)[k], X) for k in range(12)]
    np.testing.assert_allclose(hessian, by_differences, atol=1e-4)
    lanes = np.stack([X, X[::-1] * 0.7])
    np.testing.assert_allclose(td.vmap(td.grad(either_end))(lanes), [td.grad(either_end)(x) for x in lanes])
