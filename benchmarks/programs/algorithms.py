"""Alignment, sets, sorting and number theory by scalar loops; a sieve by slices."""

from __future__ import annotations

import numpy as np
from treadle.benchmarks.programs.program import Program


def dynamic_time_warping(a, b):
    n, m = len(a), len(b)
    D = np.full((n + 1, m + 1), np.inf)
    D[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = abs(a[i - 1] - b[j - 1])
            D[i, j] = cost + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return D[n, m]


def smith_waterman(a, b, match, mismatch, gap):
    H = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    best = 0
    where = (0, 0)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            s = match if a[i - 1] == b[j - 1] else mismatch
            H[i, j] = max(0, H[i - 1, j - 1] + s, H[i - 1, j] + gap, H[i, j - 1] + gap)
            if H[i, j] > best:
                best = H[i, j]
                where = (i, j)
    return best, where


def union_find(edges, n):
    parent = np.arange(n)
    rank = np.zeros(n, dtype=np.int32)
    count = n
    for a, b in edges:
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a != b:
            if rank[a] < rank[b]:
                a, b = b, a
            parent[b] = a
            if rank[a] == rank[b]:
                rank[a] += 1
            count -= 1
    return count, parent


def sieve_slices(n):
    is_prime = np.ones(n + 1, dtype=bool)
    is_prime[:2] = False
    for i in range(2, int(n ** 0.5) + 1):
        if is_prime[i]:
            is_prime[i * i::i] = False
    return is_prime.sum(), is_prime


def radix_sort(x):
    src = x.copy()
    for shift in range(0, 32, 8):
        digit = (src >> np.uint32(shift)) & np.uint32(255)
        count = np.zeros(257, dtype=np.int64)
        for d in digit:
            count[d + 1] += 1
        count = np.cumsum(count)
        out = np.empty_like(src)
        for k in range(len(src)):
            d = digit[k]
            out[count[d]] = src[k]
            count[d] += 1
        src = out
    return src


def gcd_pairs(a, b):
    out = np.empty_like(a)
    for i in range(len(a)):
        x, y = a[i], b[i]
        while y != 0:
            x, y = y, x % y
        out[i] = x
    return out


def _drawn(make):
    return make(np.random.default_rng(11))


PROGRAMS = [
    Program(dynamic_time_warping,
            lambda: _drawn(lambda r: (r.random(8), r.random(9))),
            lambda: _drawn(lambda r: (r.random(200), r.random(220))), "scalar"),
    Program(smith_waterman,
            lambda: _drawn(lambda r: (r.integers(0, 4, 9), r.integers(0, 4, 8), 3, -2, -2)),
            lambda: _drawn(lambda r: (r.integers(0, 4, 250), r.integers(0, 4, 240), 3, -2, -2)), "scalar"),
    Program(union_find,
            lambda: _drawn(lambda r: (r.integers(0, 9, (14, 2)), 9)),
            lambda: _drawn(lambda r: (r.integers(0, 3000, (6000, 2)), 3000)), "scalar"),
    Program(sieve_slices, lambda: (100,), lambda: (200000,), "array"),
    Program(radix_sort,
            lambda: _drawn(lambda r: (r.integers(0, 1000, 20).astype(np.uint32),)),
            lambda: _drawn(lambda r: (r.integers(0, 2**31, 20000).astype(np.uint32),)), "scalar"),
    Program(gcd_pairs,
            lambda: _drawn(lambda r: (r.integers(1, 1000, 20), r.integers(1, 1000, 20))),
            lambda: _drawn(lambda r: (r.integers(1, 10**6, 20000), r.integers(1, 10**6, 20000))), "scalar"),
]
