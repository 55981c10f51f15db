"""Lists of known length with elements that only the run knows, and comprehensions with conditions that it decides."""

import numpy as np
import pytest
import treadle as td

from .test_unbounded_lists import same

X = np.array([0.5, 3.0, 1.0, 2.5])


def of_two_lengths(x, c):
    if c[0] > 0:
        items = [1.0]
    else:
        items = [x[0], x[1]]
    return items, len(items), sum(items)


def numbers(x):
    items = [x[0], x[1], x[2], x[3]]
    return (sorted(items), x[2] in items, x[2] + 1 not in items, items.index(x[2]), items.count(x[1]),
            sorted(items, reverse=True), sorted(items, key=lambda v: -v), min(items, key=lambda v: abs(v - 1)))


def pairs(x):
    items = [(x[0], 1), (x[1], 2), (x[2], 3)]
    items.sort()
    return items, sorted(items, key=lambda p: p[1]), max(items), min(items), items[0] < items[1], (x[0], 2) == (x[0], 2)


def chosen(x):
    large = [v for v in x if v > 1]
    twice = [v * 2 for v in large]
    return (large, twice, sum(v for v in large), any(v > 2 for v in x), all(v > 2 for v in x),
            [i for i, v in enumerate(x) if v > 1 and i != 3], max((v for v in x), default=0))


def unpacked(x):
    points = [(i, v) for i, v in enumerate(x) if v > 1]
    return points, [i + v for i, v in points], [j for (j, w) in points if w < 3], len([1 for v in x if v > 0])


def removed(x):
    items = [x[0], x[1], x[2]]
    items.remove(x[1])
    return items


def by_run_time_index(x):
    items, mixed = [x[0], x[1], x[2]], [1, x[1], x[0] > 0]
    k = int(x[2])
    return items[k], mixed[k], (4, 5, 6)[-k]


@pytest.mark.parametrize("f", [numbers, pairs, chosen, unpacked, removed, by_run_time_index])
def test_programs(f):
    for x in (X, -X, X[::-1].copy()):
        try:
            want = f(x)
        except IndexError as e:
            with pytest.raises(IndexError, match=str(e)):
                td.jit(f)(x)
        else:
            same(td.jit(f)(x), want)


@pytest.mark.parametrize("c", [-1, 1])
def test_lists_of_two_lengths(c):
    same(td.jit(of_two_lengths)(X, np.array([c])), of_two_lengths(X, np.array([c])))
