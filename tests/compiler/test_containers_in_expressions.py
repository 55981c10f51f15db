"""Containers that Python holds, changed on one side of an expression or reached by one of several names."""

import numpy as np
import pytest
import treadle as td

from .test_unbounded_lists import same


def by_and(x):
    out = []
    for i in range(len(x)):
        x[i] > 0.5 and out.append(x[i])
    return out


def by_either_call(x):
    a, b = [], []
    for i in range(len(x)):
        a.append(x[i]) if x[i] > 0.5 else b.append(-x[i])
    return a, b


def by_key(x):
    sums, lists = {"high": 0.0, "low": 0.0}, {"high": [], "low": []}
    for v in x:
        key = "high" if v > 0.5 else "low"
        sums[key] += v
        lists[key].append(v)
    return list(sums.values()), list(lists.values())


def by_name(x):
    a, b = [0.0], [0.0]
    for v in x:
        t = a if v > 0.5 else b
        t[0] += v
    return a, b


def by_statement(x):
    a, b = [0.0], [0.0]
    for v in x:
        if v > 0.5:
            t = a
        else:
            t = b
        t[0] += v
    return a, b


def by_index(x):
    groups = [[] for _ in range(3)]
    for v in x:
        groups[int(v * 3) % 3].append(v)
    return groups


def added(totals, v):
    totals["n"] += v
    return v


def by_a_function(x):
    totals, t = {"n": 0.0}, 0.0
    for v in x:
        t += added(totals, v) if v > 0.5 else 0.0
    return totals["n"], t


def kept_by_another_name(x):
    items = [1.0, 2.0]
    old = items
    if x[0] > 0.6:
        items = [9.0, 8.0]
    items[0] += 1
    return items, old


def named_by_the_last_trip(x):
    a, b = [0.0], [1.0]
    t = a
    for v in x:
        t[0] += v
        t = b if v > 0.5 else a
    return a, b


@pytest.mark.parametrize("n", [1, 8, 300])
@pytest.mark.parametrize("f", [by_and, by_either_call, by_key, by_name, by_statement, by_index, by_a_function, kept_by_another_name,
                               named_by_the_last_trip])
def test_programs(f, n):
    x = np.random.default_rng(0).random(n)
    same(td.jit(f)(x), f(x))


def test_one_of_two_dicts_is_refused():
    def f(x):
        a, b = {"s": 0.0}, {"s": 0.0}
        for v in x:
            t = a if v > 0.5 else b
            t["s"] += v
        return a, b

    with pytest.raises(td.errors.UnsupportedError, match="a change of a dict with the keys 's'.*one of several"):
        td.jit(f)(np.ones(3))
