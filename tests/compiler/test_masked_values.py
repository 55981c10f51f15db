"""x[mask]: elementwise functions, reductions, assignments through the mask, and results, compared with plain NumPy."""

import numpy as np
import pytest
import treadle as td

from tests.compiler.programs import check


def grid(*shape):
    return np.arange(np.prod(shape), dtype=float).reshape(shape) / 3


def scale(x):
    x[x > 2] *= 3
    return x


def update(x):
    x[x > 2] = x[x > 2] ** 2 + 1
    return x[x > 1].sum(), x[x < 4].mean(), len(x[x > 1]), x[x > 3]


def rows(x):
    x[x[:, 0] > 1] += np.arange(4)
    return x[x[:, 0] > 1], x[:, x[0] > 0.4] + 1


def own_copy(x):
    y = x[x > 1]
    y += 1
    return y, y.max(), (x[x > 1] * y).sum(), y.size, y.shape, y.std()


def through_a_view(x):
    y = x.T[1:]
    y[y > 1] = -y[y > 1]
    return x[np.abs(x) > 1].astype(np.float32)


def two_selections(x):
    m = x > 1
    x[m] = np.sqrt(x[m]) / (1 + x[m])
    x[~m] -= 1
    return np.sum(x[m]), x[m].any(), np.maximum(x[m], 0.5)


@pytest.mark.parametrize("program", [scale, update, rows, own_copy, through_a_view, two_selections],
                         ids=lambda f: f.__name__)
def test_masks(program):
    check(program, lambda: (grid(4, 4),))


@pytest.mark.parametrize("size", [12, 13, 14])
def test_values_for_a_mask_are_counted_at_run_time(size):
    def program(x):
        x[x > 2] = np.arange(5.0)
        return x

    check(program, lambda: (grid(size),))


@pytest.mark.parametrize("program", [
    lambda x: x[x > 99].max(), lambda x: x.__setitem__(x > 1, np.ones((2, 2))), lambda x: x[x[:2] > 0], lambda x: x[x > 99].sum(),
    lambda x: np.sqrt(x[x > 0.4]).sum(axis=0)])
def test_edges(program):
    check(program, lambda: (grid(4),))


def test_masks_beside_numbers_and_arrays():
    def read(b, m, i):
        return (b[1, :, m[1]] * 1, b[i, 2, m[i]], b[:, i, m[1]] + 1, b[m[:4, 0], 1] * 2, b[m[:4, 0], 1, 2], b[i, m],
                b[:, None, 1, m[1]], b[2, ..., m[2]], b[1, 2, m[0]] @ b[2, 3, m[0]], b[m[:4, 0], :, np.array([1])])

    def write(b, m, i):
        b[1, :, m[1]] = 3
        b[i, 2, m[1]] += 1
        b[:, 1, m[1]] *= 2
        b[m[:4, 0], 1] = b[0, 1]
        b[2, m] = 7
        b[m[:4, 0], 2, 3] = -1
        return b

    b, m = np.arange(4.0 * 5 * 6).reshape(4, 5, 6), np.random.default_rng(0).random((5, 6)) < 0.6
    for f in (read, write):
        compiled = td.jit(f)
        for i in (0, 3):
            for got, want in zip(compiled(b.copy(), m, i), f(b.copy(), m, i), strict=True):
                assert np.array_equal(got, want) and np.shape(got) == np.shape(want)


def test_the_memory_order_beside_an_array_of_more_axes():
    f = lambda x, y: (y[:, None] * x[x > 0], np.outer(y, x[x > 0]) + 1)
    for x in (np.ones(2), np.arange(5.0) - 2):
        want, got = f(x, np.ones(3)), td.jit(f)(x, np.ones(3))
        for a, b in zip(want, got, strict=True):
            assert a.strides == b.strides
            assert np.array_equal(a, b)


@pytest.mark.parametrize("dtype", ["?", "i1", "i4", "i8", "f2", "f4", "f8", "c8", "c16"])
def test_what_a_mask_picks_of_long_arrays_lies_in_memory_of_its_size(dtype):
    """Results of many elements are cut to their size where they lie, others copied; none shares memory with another."""
    def program(x, bound):
        picked = x[np.abs(x) > bound]
        twice = x[np.abs(x) > bound]
        twice[:1] = 0
        return picked, picked[1:], twice, np.flatnonzero(np.abs(x) > bound), np.compress((np.abs(x) > bound).ravel(), x)

    x = (np.random.default_rng(0).normal(size=(40, 500)) * 9).astype(dtype)
    compiled = td.jit(program)
    for bound in (-1, 5, 30, 1000):
        for operand in (x, x.T, x[::-1, ::2]):
            got, want = compiled(operand, bound), program(operand, bound)
            for g, w in zip(got, want):
                assert (g.dtype, g.shape) == (w.dtype, w.shape) and (g.strides == w.strides or not g.size)
                np.testing.assert_array_equal(g, w)
            assert got[0].flags.owndata and got[0].flags.writeable
            assert np.shares_memory(got[0], got[1]) or not got[1].size
            assert not np.shares_memory(got[0], got[2]) and not np.shares_memory(got[0], operand)


def test_derivative_and_lanes_of_what_a_mask_picks():
    x = np.round(np.random.default_rng(1).normal(size=(3, 30)), 1)

    def weighed(x):
        y = x[x > 0.2]
        return np.sum(y[::-1] * np.arange(1.0, len(y) + 1))

    want = np.zeros_like(x)
    want[x > 0.2] = np.arange((x > 0.2).sum(), 0.0, -1)
    np.testing.assert_array_equal(td.grad(weighed)(x), want)
    np.testing.assert_allclose(td.vmap(weighed)(x), [weighed(row) for row in x], rtol=1e-14)
    np.testing.assert_array_equal(td.vmap(td.grad(weighed))(x), [td.grad(weighed)(row) for row in x])
