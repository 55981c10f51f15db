"""Small products of matrices: loops with several rows side by side, whatever the layout of the factors."""

import numpy as np
import pytest
import treadle as td

SHAPES = [(32, 64, 64), (7, 33, 10), (5, 40, 12), (64, 9, 19), (8, 64, 100), (1, 64, 64), (13, 128, 4)]


def summed(x, y):
    return np.maximum(x @ y + 1, 0).sum(axis=0)


@pytest.mark.parametrize("m, k, n", SHAPES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_small_products(m, k, n, dtype):
    rng = np.random.default_rng(m)
    a, b = (rng.integers(-9, 9, s).astype(dtype) for s in ((m, k), (k, n)))
    stack = rng.integers(-9, 9, (3, m, k)).astype(dtype)
    for x, y in ((a, b), (a.T.copy().T, b), (a, b.T.copy().T), (stack, b), (a[::-1], b[:, ::-1])):
        np.testing.assert_array_equal(td.jit(lambda x, y: x @ y)(x, y), x @ y)
        np.testing.assert_array_equal(td.jit(summed)(x, y), summed(x, y))


def test_infinities_stay_in_their_rows():
    a, b = np.ones((9, 40)), np.ones((40, 30))
    a[2, 3], b[3, 4], b[:, 5] = np.inf, 0.0, np.nan
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(td.jit(np.matmul)(a, b), a @ b)


def test_a_product_seen_from_the_other_side():
    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 9, (12, 30)).astype(float), rng.integers(-9, 9, (12, 20)).astype(float)
    f = td.jit(lambda a, b: (a.T @ b).T + 1.0)
    np.testing.assert_array_equal(f(a, b), (a.T @ b).T + 1.0)
    assert "transpose" not in f.lower(a, b).ir("optimized").split("dot_general")[1]


def test_rows_stand_side_by_side():
    text = td.jit(lambda a, b: a @ b).lower(np.ones((32, 64)), np.ones((64, 64))).ir("loops")
    assert "jam 4" in text and "dgemm" not in text
    assert "dgemm" in td.jit(lambda a, b: a @ b).lower(np.ones((300, 300)), np.ones((300, 300))).ir("loops")
