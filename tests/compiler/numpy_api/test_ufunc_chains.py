"""Methods of ufuncs that NumPy's own loops run: values, memory that is no plain array, errors, derivatives, lanes."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import treadle as td

CHAINS = [(np.fmod, "f8"), (np.gcd, "i4"), (np.power, "i8"), (np.divide, "c8"), (np.maximum, "f2"), (np.fmin, "c16"),
          (np.lcm, "u1")]


def numbers(dtype, shape):
    x = np.random.default_rng(0).integers(1, 5, shape)
    return (x + 0.5j * x[::-1] if np.dtype(dtype).kind == "c" else x).astype(dtype)


@pytest.mark.parametrize("ufunc, dtype", CHAINS, ids=lambda p: getattr(p, "__name__", p))
def test_methods(ufunc, dtype):
    def all_methods(x, v):
        z = v.copy()
        ufunc.at(z, np.array([3, 0, 3, 1]), x[0, :4])
        return (ufunc.reduce(x, axis=1), ufunc.reduce(x), ufunc.reduce(x.ravel()), ufunc.accumulate(x, axis=1),
                ufunc.accumulate(x), ufunc.reduceat(x, [0, 3, 1, 1, 8], axis=1), ufunc.reduce(x[:, ::-2], axis=1),
                ufunc.accumulate(x.T), ufunc.reduce(x + x, axis=1), z)

    x, v = numbers(dtype, (3, 9)), numbers(dtype, 5)
    with np.errstate(all="ignore"):
        want = all_methods(x, v)
    for w, g in zip(want, td.jit(all_methods)(x, v), strict=True):
        assert g.dtype == w.dtype
        np.testing.assert_allclose(g, w, rtol=1e-6 if dtype == "c8" else 1e-14)


@pytest.mark.parametrize("ufunc", [np.arctan2, np.power])
@pytest.mark.parametrize("n", [7, 1200])
def test_each_state_waits_for_the_one_before(ufunc, n):
    """NumPy's own reductions by these evaluate whole vectors against one state, where the processor has vectors of 512 bits."""
    x = np.random.default_rng(0).uniform(0.5, 1.5, n)
    np.testing.assert_allclose(td.jit(ufunc.reduce)(x), functools.reduce(ufunc, x), rtol=1e-13)


def test_negative_exponents_are_refused():
    x = np.array([[-2, 3, 2], [2, -1, 3]])
    for f in (lambda x: np.power.reduce(x, axis=1), lambda x: np.power.accumulate(x, axis=1),
              lambda x: np.power.at(x[0], np.array([0]), x[1, 1:2])):
        compiled = td.jit(f)
        with pytest.raises(ValueError, match="Integers to negative integer powers are not allowed"):
            compiled(x.copy())
    assert td.jit(lambda x: np.power.reduce(x))(x[:1, 1:]).tolist() == [3, 2]
    assert td.jit(lambda x: np.power.reduce(x, axis=1))(x[:1]).tolist() == [64]


def test_derivatives_and_lanes():
    x = np.random.default_rng(0).uniform(0.5, 1.5, (3, 6))

    def f(x):
        return np.sum(np.arctan2.accumulate(x, axis=1)) + np.sum(np.power.reduce(x, axis=1))

    def by_hand(x):
        return sum(sum(np.arctan2.accumulate(r)) + functools.reduce(np.power, r) for r in x)

    step = 1e-6 * np.eye(18).reshape(18, 3, 6)
    slopes = np.array([by_hand(x + h) - by_hand(x - h) for h in step]).reshape(3, 6) / 2e-6
    np.testing.assert_allclose(td.grad(f)(x), slopes, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(td.vmap(np.arctan2.accumulate)(x), np.arctan2.accumulate(x, axis=1), rtol=1e-14)


def test_truths_at():
    def both(z, i, v):
        other = z.copy()
        np.maximum.at(z, i, v)
        np.minimum.at(other, i, v)
        return z, other

    z, i, v = np.array([True, False, False, True]), np.array([0, 1, 3, 1]), np.array([False, True, False, False])
    for w, g in zip(both(z.copy(), i, v), td.jit(both)(z.copy(), i, v), strict=True):
        np.testing.assert_array_equal(g, w)


@pytest.mark.parametrize("dtype", ["i1", "u4", "i8", "f4"])
def test_differences_and_extremes_of_a_ravelled_array(dtype):
    x = np.random.default_rng(0).integers(0, 100, (40, 50)).astype(dtype)

    def f(x):
        return np.subtract.reduce(x.ravel()), np.fmax.reduce(x.ravel()), np.subtract.reduce(x[:, 1:], axis=1)

    for w, g in zip(f(x), td.jit(f)(x), strict=True):
        assert g.dtype == w.dtype
        np.testing.assert_array_equal(g, w)


@pytest.mark.parametrize("f, error", [(lambda x: np.ldexp.accumulate(x[:0]), TypeError),
                                      (lambda x: np.lcm.reduce(x.reshape(2, 2), axis=None), ValueError)])
def test_errors_are_numpys(f, error):
    x = np.arange(4)
    with pytest.raises(error) as wanted:
        f(x)
    with pytest.raises(error) as got:
        td.jit(f)(x)
    assert str(got.value).splitlines()[0] == str(wanted.value).splitlines()[0]
