"""Python's functions that go through arrays whose length only the run knows, and `sorted` of what Python goes through."""

import numpy as np
import pytest
import treadle as td


def totals(x):
    y = x[x > 0]
    return max(y), min(y), sum(y), sum(y, 1.5), any(y > 1), all(y > 1), max(y, key=lambda v: -v), max(y[y > 99], default=-1.0)


def lists(x):
    y = x[x > 0]
    items = list(y)
    items.append(items[0])
    return len(items), items, sorted(y), sorted(y, key=lambda v: abs(v - 1), reverse=True), y.tolist(), (y > 1).tolist()


def pairs(x):
    y = x[x > 0]
    return list(zip(y, range(9))), sorted(zip(y, y[::-1])), max(enumerate(y), key=lambda p: p[1])[0]


def extended(x):
    found = []
    while len(found) < 6:
        z = x + len(found)
        found.extend(z[z > 0])
    return np.array(found)


def stack(x):
    waiting, order = list(np.where(x > 0)[0]), []
    while waiting:
        k = waiting.pop()
        order.append(k)
        if k > 3:
            waiting.extend(np.flatnonzero(x[:k - 3] > 0))
    return np.array(order)


def of_known_length(x):
    low, high = sorted(x.astype(int)[:2])
    return high - low, sorted(x), sorted(x.tolist(), reverse=True), sorted(range(3), key=lambda k: x[k]), sorted({3: 0, 1: 2})


@pytest.mark.parametrize("f", [totals, lists, pairs, extended, stack, of_known_length])
def test_as_python(f):
    compiled = td.jit(f)
    for x in ([3.0, -1.0, 2.0, 0.5, -2.0, 4.0], [1.0, 5.0, 2.0, -3.0, 7.0, 2.0]):
        assert repr(compiled(np.array(x))) == repr(f(np.array(x)))


def test_nothing_to_choose_from():
    with pytest.raises(ValueError, match="empty"):
        td.jit(lambda x: max(x[x > 0]))(-np.ones(3))


def test_a_list_is_sifted_in_each_trip():
    def overlaps(low, high):
        active, found = [], []
        for i in np.argsort(low):
            active = [j for j in active if high[j] >= low[i]]
            for j in active:
                found.append((min(i, j), max(i, j)))
            active.append(i)
        return np.array(found)

    compiled = td.jit(overlaps)
    for n in (12, 30):
        low = np.random.default_rng(n).random(n) * 10
        assert repr(compiled(low, low + 1)) == repr(overlaps(low, low + 1))


@pytest.mark.parametrize("rows", [8, 3, 1, 0])
def test_least_squares_of_rows_that_data_pick(rows):
    rng = np.random.default_rng(1)
    a, b, keep = rng.normal(size=(10, 3)), rng.normal(size=(10, 2)), np.arange(10) < rows
    f = lambda a, b, keep: np.linalg.lstsq(a[keep], b[keep], rcond=None)
    for got, want in zip(td.jit(f)(a, b, keep), f(a, b, keep), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, atol=1e-12, strict=True)
