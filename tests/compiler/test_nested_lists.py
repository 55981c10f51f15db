"""Lists in lists, dicts and tuples whose lengths only the run knows: tables, adjacency, clusters, paths."""

import copy
from collections import defaultdict

import numpy as np
import pytest
import treadle as td

from tests.compiler.test_dicts import ran, same

RNG = np.random.default_rng(0)


def edit_distance(a, b):
    n, m = len(a), len(b)
    table = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(n + 1):
        table[i][0] = i
    for j in range(m + 1):
        table[0][j] = j
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = 0 if a[i - 1] == b[j - 1] else 1
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + cost)
    return table[n][m], table[-1][-1]


def alignment(x, y):
    n, m = len(x), len(y)
    table = [[0.0] * (m + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            table[i][j] = max(table[i - 1][j], table[i][j - 1], table[i - 1][j - 1] + x[i - 1] * y[j - 1])
    return np.array(table), table


def depth_first(source, target, n):
    following = [[] for _ in range(n)]
    for k in range(len(source)):
        following[source[k]].append(target[k])
    seen, order, stack = [False] * n, [], [0]
    while stack:
        u = stack.pop()
        if seen[u]:
            continue
        seen[u] = True
        order.append(u)
        for v in following[u]:
            if not seen[v]:
                stack.append(v)
    return order, following, [len(f) for f in following]


def clusters(x, width):
    found = []
    for i in range(len(x)):
        placed = False
        for c in found:
            if abs(c[0] - x[i]) < width:
                c.append(x[i])
                placed = True
                break
        if not placed:
            found.append([x[i]])
    return found, [sum(c) / len(c) for c in found]


def by_key(source, target):
    a, b = {}, defaultdict(list)
    for s, t in zip(source, target, strict=True):
        a.setdefault(int(s), []).append(int(t))
        b[s].append(t)
    return a, b, sum(len(v) for v in b.values())


def subsets(n):
    out, stack = [], [(0, [])]
    while stack:
        depth, path = stack.pop()
        if depth == n:
            out.append(path)
            continue
        for v in (0, 1):
            stack.append((depth + 1, path + [v]))
    return out


def merged(x):
    runs = [[v] for v in x]
    while len(runs) > 1:
        following = []
        for i in range(0, len(runs) - 1, 2):
            a, b = runs[i], runs[i + 1]
            out, p, q = [], 0, 0
            while p < len(a) and q < len(b):
                if a[p] <= b[q]:
                    out.append(a[p])
                    p += 1
                else:
                    out.append(b[q])
                    q += 1
            out += a[p:] + b[q:]
            following.append(out)
        if len(runs) % 2:
            following.append(runs[-1])
        runs = following
    return runs[0]


def two_names(n):
    """What one name's list gets, the other's has."""
    rows, k = [], 0
    while k < n:
        row = [k]
        rows.append(row)
        row.append(-k)
        last = rows[k // 2]
        last.append(100 + k)
        k += 1
    return rows, rows[0]


def rows_of_one_length(x):
    out, k = [], 0
    while k < len(x) and x[k] < 0.95:
        out.append([x[k], k, 1.5])
        k += 1
    return np.array(out), out


def rows_of_several_lengths(x):
    out, k = [], 0
    while k < len(x) and x[k] < 0.99:
        out.append([x[k]] * (k + 1))
        k += 1
    return np.array(out)


def repeated(places, n):
    seen, k, c = [False] * n, 0, 0
    while k < len(places):
        c += seen[places[k]]
        seen[places[k]] = True
        k += 1
    return seen, c, [1, 2] * n, n * [0.5]


CASES = [
    (edit_distance, (RNG.integers(0, 4, 9), RNG.integers(0, 4, 11))),
    (edit_distance, (RNG.integers(0, 4, 60), RNG.integers(0, 4, 50))),
    (alignment, (RNG.random(6), RNG.random(7))),
    (depth_first, (RNG.integers(0, 9, 25), RNG.integers(0, 9, 25), 9)),
    (clusters, (RNG.random(12), 0.1)), (by_key, (RNG.integers(0, 9, 25), RNG.integers(0, 9, 25))), (subsets, (4,)),
    pytest.param(merged, (RNG.random(7),), marks=pytest.mark.heavy), (two_names, (np.int64(5),)),
    (rows_of_one_length, (RNG.random(8),)),
    (rows_of_several_lengths, (RNG.random(4),)), (repeated, (np.array([3, 1, 3, 0]), 5)),
]


@pytest.mark.parametrize(("f", "args"), CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_programs(f, args):
    def result(f):
        try:
            return ran(f, copy.deepcopy(args))
        except ValueError as e:
            return "ValueError", str(e)

    same(result(td.jit(f)), result(f))


def test_one_list_in_two_places_is_one_object():
    def f(x):
        row, out = [x[0]], []
        for v in x:
            if v > 0.5:
                out.append(row)
        row.append(7.0)
        return out

    x = np.array([0.9, 0.1, 0.8])
    got = td.jit(f)(x)
    assert got == f(x)
    assert got[0] is got[1]
