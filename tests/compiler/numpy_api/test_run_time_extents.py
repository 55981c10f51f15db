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


ROWS = {
    "insert": lambda v, x, n: (np.insert(v[:n], [0, 3, 3], [1, 2, 3]), np.insert(v[:n], 2, 7.5), np.insert(x[:n], 1, 5, axis=1),
                               np.insert(x[:n], [1, 3], x[:2] * 9, axis=0), np.insert(x[:n], 2, np.arange(4), axis=0)),
    "insert slices": lambda v, x, n: (np.insert(v[:n], slice(0, 2), 1.0), np.insert(v, np.flatnonzero(v > 0), 0.0),
                                      np.insert(v, n, 1)),
    "bits": lambda v, x, n: (np.packbits(v[:n] > 0), np.packbits(x[:n] > 0, axis=0, bitorder="little"),
                             np.packbits(x[:n] > 0, axis=1)),
    "unpacked": lambda v, x, n: np.unpackbits((v[:n] * 50).astype(int).astype(np.uint8)),
    "unpacked but some": lambda v, x, n: np.unpackbits((v[:n] * 50).astype(int).astype(np.uint8), count=-3, bitorder="little"),
    "bins": lambda v, x, n: (np.histogram(v[:n], "auto"), np.histogram(v[:n], "auto", (-1, 1)),
                             np.histogram(v[:n], 4, weights=v[:n])),
    "medians": lambda v, x, n: (np.nanmedian(x[:n], axis=0), np.nanmedian(v[:n])),
    "diagonals": lambda v, x, n: (np.diagflat(v[:n], 1), np.diag(x[:n], -1), np.trace(x[:n], 2), np.corrcoef(x[:n].T)),
    "split": lambda v, x, n: (np.array_split(v[:n], 3)[1], np.split(v[:n], 2)[1]),
    "split at places": lambda v, x, n: [p.sum() for p in np.split(v, np.argsort(v[:3]) * n)],
    "windows": lambda v, x, n: (np.lib.stride_tricks.sliding_window_view(v[:n], 3).sum(1),
                                np.lib.stride_tricks.sliding_window_view(v, int(n)).max(1)),
    "unravelled": lambda v, x, n: np.unravel_index(np.argmax(x[:n]), x[:n].shape),
    "all unravelled": lambda v, x, n: np.unravel_index(np.argsort(x[:n], axis=None), x[:n].shape),
    "vectorized": lambda v, x, n: np.vectorize(lambda a: a * 2 if a > 0 else -a)(v[:n]),
    "along an axis": lambda v, x, n: np.apply_along_axis(lambda r: r - r.max(), 1, x[:n]),
    "along the first": lambda v, x, n: np.apply_along_axis(np.sort, 0, x[:n]),
    "chosen": lambda v, x, n: (np.choose((v[:n] > 0).astype(int), [v[:n], -v[:n]]), np.lexsort((v[:n], np.round(v[:n])))),
    "squeezed": lambda v, x, n: np.squeeze(x[None, :n, :], axis=0),
    "placed": lambda v, x, n: (np.place(x[:n], x[:n] > 0, [1, 2, 3]), np.putmask(v[:n], v[:n] > 0, [1, 2, 3]), x, v),
    "filled": lambda v, x, n: (np.fill_diagonal(x[:n], 5), x),
    "partitioned": lambda v, x, n: (np.argpartition(v[:n], 1)[:1], np.partition(v[:n], n - 1)[-1], np.partition(v, n)[n]),
    "by the last": lambda v, x, n: v[np.argpartition(v, -n)][-n],
    "segments": lambda v, x, n: (np.add.reduceat(v, np.flatnonzero(v > 0)),
                                 np.multiply.reduceat(x, np.flatnonzero(v > 0), axis=0)),
    "taken": lambda v, x, n: (np.take(x[:n], [1, 0], axis=1), np.take(x[:n], np.arange(n) % 3, axis=1)),
    **{mode: lambda v, x, n, mode=mode: (np.pad(v, n, mode), np.pad(x, (0, n), mode), np.pad(v[:n], 3, mode),
                                         np.pad(np.asfortranarray(x), [(n, 1), (2, n)], mode))
       for mode in ("constant", "edge", "wrap", "symmetric", "reflect")},
    "constants": lambda v, x, n: np.pad(x, [(n, 1), (2, n)], constant_values=((1, 2), (3, 4))),
}


@pytest.mark.parametrize("f", ROWS.values(), ids=ROWS)
def test_extents_of_an_argument(f):
    compiled = jit(lambda v, x, n: f(v, x, n[0]))
    v, x = np.random.default_rng(0).normal(size=9), np.random.default_rng(1).normal(size=(9, 4))
    for n in (6, 4, 9, 3, 1, 0, -1):
        def make(n=n):
            return v.copy(), x.copy(), np.array([n])

        want, got = observe(lambda v, x, n: f(v, x, n[0]), make), observe(compiled, make)
        assert difference(got, want) is None, n


def test_an_extent_of_one_that_only_the_run_knows_is_not_squeezed_in_silence():
    f = jit(lambda x, n: np.squeeze(x[:n[0]]))
    x = np.arange(8.0).reshape(4, 2)
    np.testing.assert_array_equal(f(x, np.array([3])), x[:3])
    with pytest.raises(ValueError, match="name the axis"):
        f(x, np.array([1]))
