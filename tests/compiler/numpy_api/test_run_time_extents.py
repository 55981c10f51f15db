"""NumPy's functions on arrays whose extents only the run knows, of none to all of the elements."""

import numpy as np
import pytest
from treadle import jit

from tests.comparator import difference, observe


def members(x, y):
    kept = y[y > 0]
    return np.isin(x, kept), np.isin(x, kept, invert=True), np.setdiff1d(x[x > 0], kept), np.intersect1d(x, kept)


def combined(x, y):
    places, values = y[y >= 0].astype(int) % 4, y[y >= 0]
    np.add.at(x, places, 1)
    np.multiply.at(x, places, 2.0)
    np.subtract.at(x, places, values)
    whole = x.astype(int)
    np.add.at(whole, places, values.astype(int))
    return x, whole


def chosen(x, y):
    kept = x[x > 0]
    return np.compress(x > 1, x), np.compress(kept > 1, kept), np.extract(kept > 1, kept), np.extract(x > 0, x)


def parts(x, y):
    kept = x[x > 0]
    return np.split(kept, [1]), np.split(kept, [1, 3])[2], np.array_split(kept, [len(y[y > 0])])[0]


def bins(x, y):
    kept = x[x > 0]
    return np.histogram(kept, bins=3), np.histogram(kept.astype(int), bins=4), np.histogram(kept, bins=3, range=(0, 2))


def drawn(x, y):
    rng, kept = np.random.default_rng(3), x[x > 0]
    full = np.append(kept, [1.0, 2.0, 3.0])
    return (rng.permuted(kept), rng.choice(full, 2, replace=False), rng.random(), rng.multinomial(len(kept), [0.5, 0.5]),
            rng.dirichlet(np.ones(3), len(kept)), rng.random(len(kept)), rng.choice(4, len(kept), p=[0.1, 0.2, 0.3, 0.4]),
            rng.hypergeometric(5, 4, 3, size=(len(kept), 2)), rng.random())


def drawn_by_the_module(x, y):
    np.random.seed(3)
    kept = x[x > 0]
    return (np.random.rand(len(kept)), np.random.choice(np.append(kept, 1.0)), np.random.randint(0, 9, len(kept)),
            np.random.normal(kept, 1.0), np.random.permutation(kept), np.random.uniform(-1, 1, (len(kept), 2)), np.random.rand())


@pytest.mark.parametrize("f", [members, combined, chosen, parts, bins, drawn, drawn_by_the_module])
def test_as_numpy(f):
    compiled = jit(f)
    for x, y in (([1, 2, -3, 4], [3, 4, -1, 2]), ([-1, -2, -3, -4], [3, 4, -1, 2]), ([1, 2, 3, 3], [-3, -4, -1, -4])):
        def make(x=x, y=y):
            return np.array(x, float), np.array(y, float)

        assert difference(observe(compiled, make), observe(f, make)) is None
