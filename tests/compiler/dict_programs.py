"""Programs whose dicts and sets have run-time keys, as people write them: counters, memos, graphs, cells, tables of codes."""

from collections import Counter, defaultdict

import numpy as np


def orbit(x):
    seen, k, v = set(), 0, int(x[0])
    while v not in seen:
        seen.add(v)
        v = (v * v + 1) % 97
        k += 1
    return k, len(seen), seen


def counted(x):
    c = {}
    for v in x:
        if v in c:
            c[v] += 1
        else:
            c[v] = 1
    best = max(c, key=c.get)
    return c, best, sorted(c), list(c.items()), sum(c.values()), len(c), list(c.keys())


def counted_by_class(x):
    a, b = defaultdict(int), Counter()
    for v in x:
        a[v] += 1
        b[int(v)] += 2
    return a, b, sorted(a.items(), key=lambda item: -item[1]), b[1000]


def memo(n, m):
    cache, total = {}, 0
    for i in range(n):
        for j in range(m):
            key = (i * j % 5, i)
            if key not in cache:
                cache[key] = i * 1.5 + j
            total += cache[key]
    return total, cache


def components(pairs, n):
    parent = {}

    def root(a):
        while parent[a] != a:
            a = parent[a]
        return a

    for i in range(n):
        parent[i] = i
    for k in range(len(pairs)):
        a, b = root(int(pairs[k, 0])), root(int(pairs[k, 1]))
        if a != b:
            parent[a] = b
    roots = set()
    for i in range(n):
        roots.add(root(i))
    return len(roots), sorted(roots), parent


def two_that_sum(x, t):
    seen = {}
    for i in range(len(x)):
        if t - x[i] in seen:
            return seen[t - x[i]], i
        seen[x[i]] = i
    return -1, -1


def taken_out(x):
    d = {}
    for i, v in enumerate(x):
        k = int(v)
        d[k] = i
        if i % 3 == 2:
            del d[k]
        if i % 5 == 4:
            d.pop(k, None)
    d[1] = 77
    out = 0
    for k, v in d.items():
        out = out * 31 + k * v
    for k in d:
        out += k
    return d, out, 3 in d, d.get(99), d.get(99, -5), d.setdefault(50, 4), d.pop(1), d.popitem()


def cells(points):
    grid, best = {}, 0
    for i in range(len(points)):
        c = (int(points[i, 0] // 0.3), int(points[i, 1] // 0.3))
        grid[c] = grid.get(c, 0) + 1
    for c in grid:
        s = 0
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                s += grid.get((c[0] + dx, c[1] + dy), 0)
        best = max(best, s)
    return best, grid


def shortest(source, target, weight, n):
    dist, done = {0: 0.0}, set()
    while len(done) < n:
        best, least = None, np.inf
        for v in dist:
            if v not in done and dist[v] < least:
                best, least = v, dist[v]
        if least == np.inf:
            break
        done.add(best)
        for k in range(len(source)):
            if source[k] == best:
                d = least + weight[k]
                if target[k] not in dist or d < dist[int(target[k])]:
                    dist[int(target[k])] = d
    return dist, done


def floats(x):
    d = {}
    for v in x:
        d[v] = d.get(v, 0.0) + v
    d[1] = 5.0
    return d


def missing(x):
    d = {}
    for i in range(len(x)):
        d[int(x[i])] = 1
    return d[1000]


def missing_in_a_set(x):
    s = {-1}
    for v in x:
        s.add(int(v))
    s.discard(500)
    s.remove(-1)
    s.remove(500)


def joined(x, y):
    a, b = set(), set()
    for v in x:
        a.add(int(v))
    for v in y:
        b.add(int(v))
    return len(a | b), len(a & b), sorted(a - b), a | b, a <= b


def in_and_out(n):
    """Far more keys are put in than are ever there."""
    d, k, total = {}, 0, 0
    while k < n:
        d[k] = k * 2
        if k >= 10:
            total += d.pop(k - 10)
        k += 1
    return d, total


def primes(n):
    multiples, q, found = {}, 2, []
    while q < n:
        if q not in multiples:
            found.append(q)
            multiples[q * q] = q
        else:
            p = multiples[q]
            del multiples[q]
            x = q + p
            while x in multiples:
                x += p
            multiples[x] = p
        q += 1
    return found


def lempel_ziv_welch(data):
    table, out, w = {}, [], -1
    for i in range(256):
        table[(-1, i)] = i
    for c in data:
        c = int(c)
        if (w, c) in table:
            w = table[(w, c)]
        else:
            out.append(w)
            table[(w, c)] = len(table)
            w = c
    out.append(w)
    return out


def displayed(x):
    k = int(x[0])
    d = {k: 1.0, k + 1: 2.0, "name": 3.0}
    e = {**d, k: 4.0}
    s = {k, k + 1, k}
    return d, e, len(s), k + 1 in s, e[k], bool(d)
