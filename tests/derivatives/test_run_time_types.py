"""Functions whose result has an extent, or a type, that only the run knows."""

import numpy as np
import pytest
import treadle as td

X = np.array([1.0, 3, 2, -1, 4.5, 0])
OTHER = np.array([1.0, 0, 2, 3, 4.5, 0])


def largest(x):
    best = 0
    for i in range(len(x)):
        if x[i] > best:
            best = x[i]
    return best


def one_path(x):
    if x[0] > 1:
        return 0
    return x[1] * 2


def reference(f, x, cotangent, step=1e-6):
    """By differences, where x is not 0: there extents may change."""
    units = np.eye(len(x))[x != 0]
    return np.array([np.sum((f(x + step * e) - f(x - step * e)) * cotangent) / (2 * step) for e in units])


@pytest.mark.parametrize("f", [
    lambda x: x[x > 1.5] ** 2, lambda x: x[np.nonzero(x)] * x[0], lambda x: np.sort(x[x > 0.5])[::-1],
    lambda x: np.trim_zeros(x) * x[1], lambda x: np.extract(x > 0, np.sin(x)), lambda x: np.concatenate([x[x > 0.1], x[:2]])])
def test_linear_maps_of_functions_whose_results_have_run_time_extents(f):
    for x in (X, OTHER + 0.01 * np.arange(6) * (OTHER != 0)):
        value, pullback = td.vjp(f, x)
        np.testing.assert_allclose(value, f(x), rtol=1e-14)
        ct = np.arange(1.0, 1 + len(value))
        np.testing.assert_allclose(pullback(ct)[0][x != 0], reference(f, x, ct), atol=1e-8)
        _, push = td.linearize(f, x)
        np.testing.assert_allclose(push(np.cos(x)) @ ct, pullback(ct)[0] @ np.cos(x), rtol=1e-12)
        np.testing.assert_allclose(td.jit(lambda x: td.vjp(f, x)[1](ct)[0])(x), pullback(ct)[0], rtol=1e-14)
        with pytest.raises(TypeError, match="axis of 9 where"):
            pullback(np.ones(9))


def test_several_results_of_run_time_extents():
    _, pullback = td.vjp(lambda x: (x[x > 1.5], {"s": np.sum(x[x > 0])}), X)
    np.testing.assert_array_equal(pullback((np.array([1.0, 2, 3]), {"s": 1.0}))[0], [1, 2, 3, 0, 4, 0])


@pytest.mark.parametrize("f, at", [(largest, 4), (one_path, 1)])
def test_a_constant_on_one_path(f, at):
    unit = np.eye(6)[at]
    np.testing.assert_array_equal(td.grad(f)(X), f(unit) * unit)
    np.testing.assert_array_equal(td.grad(f)(np.array([2.0, *[-1.0] * 5])), [1.0 if f is largest else 0.0, *[0.0] * 5])
    rows = np.stack([X, -X, X * 3])
    np.testing.assert_array_equal(td.vmap(f)(rows), [f(row) for row in rows])
    np.testing.assert_array_equal(td.vmap(td.grad(f))(rows), [td.grad(f)(row) for row in rows])
    np.testing.assert_array_equal(td.grad(lambda rows: td.vmap(f)(rows).sum())(rows), [td.grad(f)(row) for row in rows])
    np.testing.assert_allclose(td.hessian(lambda x: f(x) ** 2)(X), 2 * np.outer(unit, unit) * f(unit) ** 2)


def test_an_array_gets_its_shape_in_a_function_that_is_differentiated():
    def f(x):
        y = x * 2
        y.shape = (3, 2)
        return np.sum(y[1] ** 2)

    np.testing.assert_array_equal(td.grad(f)(X), np.where([0, 0, 1, 1, 0, 0], 8 * X, 0))
    np.testing.assert_array_equal(td.vmap(f)(np.stack([X, 2 * X])), [f(X), f(2 * X)])
