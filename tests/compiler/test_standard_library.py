"""Functions of Python's standard library, and constructors, on run-time values: against Python."""

from __future__ import annotations

import bisect
import heapq

import numpy as np
import pytest
from treadle import jit

from tests.comparator import difference, fresh, observe

X = np.linspace(0.1, 1, 8)


def places(x):
    return bisect.bisect_left(x, 0.5), bisect.bisect(x, x[3]), bisect.bisect_left(x, x[3], 2, 6), bisect.bisect_right(
        list(-x[::-1]), -0.5), bisect.bisect_left(list(x[::-1]), -0.5, key=lambda v: -v)


def bad_place(x):
    return bisect.bisect(x, x[0], -1)


def kept_in_order(x):
    found = [1.0, 2.0]
    for i in range(len(x)):
        if x[i] > 0.4:
            bisect.insort(found, x[i] * 2)
    return found


def graded(x):
    limits, grades = [0.2, 0.4, 0.6, 0.8], [10, 20, 30, 40, 50]
    return [grades[bisect.bisect(limits, v)] for v in x]


def extremes(x):
    return heapq.nsmallest(3, x), heapq.nlargest(2, list(x), key=lambda v: abs(v - 0.5)), heapq.nsmallest(2, (v * v for v in x))


def by_keys(x):
    pairs = [(v, i) for i, v in enumerate(x)]
    values = {5: x[3], 7: x[1]}
    return (min(range(len(x)), key=lambda i: abs(x[i] - 0.5)), max(x, key=lambda v: -abs(v - 0.5)),
            min(pairs, key=lambda p: abs(p[0] - 0.7)), min(values, key=lambda k: values[k]), max(["a", "bbb"], key=len))


def of_parts(x):
    return (complex(x[0], x[1]) * complex(2, x[2]), complex(real=x[0], imag=2), complex(x[0], 1j), complex(1 + 2j, x[1]),
            complex(float(x[0]), -0.0))


def chosen_in_vectorize(x):
    return np.vectorize(lambda v: v * 2 if v > 0.5 else 0.0)(x)


def rounded(x):
    total = 0.0
    for i in range(len(x)):
        total += round(float(x[i]), i % 3)
    return total, round(int(x[2] * 1000), -2), round(float(x[1]), 0)


def gathered(x):
    buckets = {int(v * 5): v for v in x}
    return sorted({int(v * 10) for v in x if v > 0.3}), [buckets[k] for k in sorted(buckets)], sorted({i % 3 for i in range(9)})


def constructed(x):
    return len(set(int(v * 10) // 3 for v in x)), sorted(dict((int(v * 5), v) for v in x).items())


def from_iterables(x):
    return np.fromiter((v * 2 for v in x), float), np.fromiter([1, 2, 3], int, 2) + x[0], np.fromiter(
        (i * i for i in range(5)), np.int32)


def too_few(x):
    return np.fromiter(list(x), float, 20)


def text(x):
    return ", ".join(f"{v:.2f}" for v in x)


@pytest.mark.parametrize("f", [places, bad_place, kept_in_order, graded, extremes, by_keys, of_parts, chosen_in_vectorize, rounded,
                               gathered, constructed, from_iterables, too_few, text])
def test_as_python_does(f):
    make = fresh((X,))
    assert difference(observe(jit(f), make), observe(f, make)) is None
