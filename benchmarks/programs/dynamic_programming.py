"""Dynamic programming and shortest paths."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def floyd_warshall(path):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path, path[:, k, None] + path[None, k, :])
    return path


def edit_distance(a, b):
    n, m = len(a), len(b)
    d = np.zeros((n + 1, m + 1), dtype=np.int64)
    for i in range(n + 1):
        d[i, 0] = i
    for j in range(m + 1):
        d[0, j] = j
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            if a[i - 1] == b[j - 1]:
                d[i, j] = d[i - 1, j - 1]
            else:
                d[i, j] = 1 + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
    return d[n, m]


def nussinov(sequence):
    n = len(sequence)
    table = np.zeros((n, n), dtype=np.int64)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            best = max(table[i, j - 1], table[i + 1, j])
            if i < j - 1:
                pair = 1 if sequence[i] + sequence[j] == 3 else 0
                best = max(best, table[i + 1, j - 1] + pair)
            else:
                best = max(best, table[i + 1, j - 1])
            for k in range(i + 1, j):
                best = max(best, table[i, k] + table[k + 1, j])
            table[i, j] = best
    return table[0, n - 1]


def bellman_ford(source, target, weight, n, start):
    distance = np.full(n, np.inf)
    distance[start] = 0.0
    for _ in range(n):
        changed = False
        for e in range(len(weight)):
            new = distance[source[e]] + weight[e]
            if new < distance[target[e]]:
                distance[target[e]] = new
                changed = True
        if not changed:
            break
    return distance


def knapsack(weights, values, capacity):
    best = np.zeros(capacity + 1)
    for i in range(len(weights)):
        w = weights[i]
        for c in range(capacity, w - 1, -1):
            best[c] = max(best[c], best[c - w] + values[i])
    return best[capacity]


def viterbi(emission, transition, start):
    steps, states = emission.shape
    score = start + emission[0]
    back = np.zeros((steps, states), dtype=np.int64)
    for t in range(1, steps):
        candidate = score[:, None] + transition
        back[t] = candidate.argmax(axis=0)
        score = candidate.max(axis=0) + emission[t]
    path = np.zeros(steps, dtype=np.int64)
    path[steps - 1] = score.argmax()
    for t in range(steps - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


def _rng():
    return np.random.default_rng(7)


def _edges(n, m):
    r = _rng()
    return r.integers(0, n, m), r.integers(0, n, m), r.random(m) + 0.1, n, 0


def _items(n, capacity):
    r = _rng()
    return r.integers(1, max(2, capacity // 4), n), r.random(n), capacity


PROGRAMS = [
    Program(floyd_warshall, lambda: (_rng().random((9, 9)),), lambda: (_rng().random((300, 300)),), "array"),
    Program(edit_distance, lambda: (_rng().integers(0, 4, 9), _rng().integers(0, 4, 7)),
            lambda: (_rng().integers(0, 4, 700), _rng().integers(0, 4, 701)), "scalar"),
    Program(nussinov, lambda: (_rng().integers(0, 4, 9),), lambda: (_rng().integers(0, 4, 120),), "scalar"),
    Program(bellman_ford, lambda: _edges(6, 15), lambda: _edges(1000, 20000), "scalar"),
    Program(knapsack, lambda: _items(5, 20), lambda: _items(100, 5000), "scalar"),
    Program(viterbi, lambda: (_rng().normal(size=(6, 3)), _rng().normal(size=(3, 3)), np.zeros(3)),
            lambda: (_rng().normal(size=(1000, 64)), _rng().normal(size=(64, 64)), np.zeros(64)), "array"),
]
