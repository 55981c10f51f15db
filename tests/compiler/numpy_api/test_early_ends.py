"""Reductions that may end early, positions of extremes and extremes of numbers: where the deciding element lies anywhere."""

import warnings

import numpy as np
import pytest
import treadle as td

LENGTHS = [1, 2, 31, 32, 63, 64, 65, 127, 128, 129, 511, 1000, 4097, 9000]
TRUTHS = {
    "any": np.any, "all": np.all, "max": np.max, "min": np.min, "argmax": np.argmax, "argmin": np.argmin,
    "and": np.logical_and.reduce, "or": np.bitwise_or.reduce,
}


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("name", TRUTHS)
def test_truths(name, n):
    f = TRUTHS[name]
    along, whole = td.jit(lambda m: f(m, axis=1)), td.jit(lambda x: f(x))
    for filler in (False, True):
        m = np.full((6, n), filler)
        for row, place in enumerate((0, n // 3, n // 2, n - 1)):
            m[row, place] ^= True
        np.testing.assert_array_equal(along(m), f(m, axis=1))
        np.testing.assert_array_equal(along(m[:, ::-1]), f(m[:, ::-1], axis=1))
        for row in m:
            assert whole(row) == f(row)


def test_products_of_truths():
    rng = np.random.default_rng(0)
    for density in (0.0, 0.01, 0.5, 1.0):
        a, b = (rng.random((70, 300)) < density for _ in range(2))
        np.testing.assert_array_equal(td.jit(lambda a, b: a @ b.T)(a, b), a @ b.T)
        assert td.jit(lambda a, b: np.vdot(a, b))(a, b) == np.vdot(a, b)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "f2", "i4", "f4", "i8", "u8", "f8"])
@pytest.mark.parametrize("n", LENGTHS)
def test_first_extreme(n, dtype):
    rng = np.random.default_rng(n)
    m = rng.integers(0, 3, (5, n)).astype(dtype)
    m[0], m[1, n // 2:], m[2, -1], m[3, 0] = 1, 5, 9, 9
    for f in (np.argmax, np.argmin):
        np.testing.assert_array_equal(td.jit(lambda m, f=f: f(m, axis=1))(m), f(m, axis=1))
        assert td.jit(lambda m, f=f: f(m))(m) == f(m)
    if dtype[0] == "f":
        m[1, n // 3], m[1, -1], m[4, -1] = np.nan, np.nan, np.nan
        for f in (np.argmax, np.argmin):
            np.testing.assert_array_equal(td.jit(lambda m, f=f: f(m, axis=1))(m), f(m, axis=1))
            assert td.jit(lambda m, f=f: f(m[::-1]))(m) == f(m[::-1])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", "c16", "?"])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_extremes_of_numbers(axis, dtype):
    m = np.random.default_rng(3).integers(-9, 9, (40, 70)).astype(dtype)
    functions = [lambda m: np.fmax.reduce(m, axis=axis), lambda m: np.fmin.reduce(m, axis=axis),
                 lambda m: np.nanmax(m, axis=axis), lambda m: np.nanmin(m, axis=axis, keepdims=True)]
    for f in functions:
        np.testing.assert_array_equal(td.jit(f)(m), f(m))
    if dtype[0] in "fc":
        m[3], m[:, 5], m[7, 8] = np.nan, np.nan, -np.inf
        m[:, 6] = -np.inf
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            for f in functions:
                np.testing.assert_array_equal(td.jit(f)(m), f(m))


def test_derivative_of_an_extreme_of_numbers():
    x = np.array([1.0, np.nan, 4.0, 4.0])
    np.testing.assert_array_equal(td.grad(lambda x: np.nanmax(x))(x), [0, 0, 0.5, 0.5])
    np.testing.assert_array_equal(td.vmap(np.nanmin)(np.stack([x, x[::-1], -x])), [1, 1, -4])


def test_no_number_at_all():
    for f in (np.nanmax, np.fmin.reduce):
        with pytest.raises(ValueError, match="zero-size array to reduction operation"):
            td.jit(lambda x, f=f: f(x))(np.zeros(0))


def test_what_arguments_give():
    x = np.arange(24.0).reshape(2, 3, 4)
    functions = [lambda x: x.T, lambda x: x[1:, ::-1], lambda x: x.reshape(-1), lambda x: x.shape, lambda x: x.ndim,
                 lambda x: x[0].T[2:], lambda x: x.diagonal(), lambda x: x, lambda x: 2.5,
                 lambda x: np.broadcast_to(x, (5, 2, 3, 4))]
    for f in functions:
        jitted, want = td.jit(f), f(x)
        for _ in range(3):
            got = jitted(x)
            np.testing.assert_array_equal(got, want)
            assert type(got) is type(want)
            if isinstance(want, np.ndarray):
                assert np.shares_memory(got, x) and got.flags.writeable == want.flags.writeable and got.strides == want.strides
