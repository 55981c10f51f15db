"""Graphs, dynamic programming, strings of bytes, bits, games and grids by loops, in many idioms of Python."""

import heapq
import itertools
from collections import deque
from functools import cache

import numpy as np

INF = np.inf
POLY = 0xEDB88320


def numbers(n, seed=0, high=50):
    return np.random.default_rng(seed).integers(0, high, n)


def weights(n, seed=1):
    r = np.random.default_rng(seed)
    return np.where(r.random((n, n)) < 0.5, r.integers(1, 20, (n, n)).astype(float), INF)


def edit_distance(a, b):
    prev = np.arange(len(b) + 1)
    for i, x in enumerate(a, 1):
        cur = np.empty_like(prev)
        cur[0] = i
        for j, y in enumerate(b, start=1):
            cur[j] = min(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + (x != y))
        prev, cur = cur, prev
    return prev[-1]


def knapsack(value, weight, room):
    best = np.zeros(room + 1, dtype=np.int64)
    keep = np.zeros((len(value), room + 1), dtype=bool)
    for i, (v, w) in enumerate(zip(value, weight)):
        for c in range(room, w - 1, -1):
            if (new := best[c - w] + v) > best[c]:
                best[c], keep[i, c] = new, True
    chosen, c = [], room
    for i in reversed(range(len(value))):
        if keep[i, c]:
            chosen.append(i)
            c -= weight[i]
    return best[room], chosen[::-1]


def viterbi(obs, start, move, emit):
    t, s = len(obs), len(start)
    score, back = np.full((t, s), -INF), np.zeros((t, s), int)
    score[0] = np.log(start) + np.log(emit[:, obs[0]])
    for k in range(1, t):
        for j in range(s):
            c = score[k - 1] + np.log(move[:, j])
            back[k, j] = c.argmax()
            score[k, j] = c[back[k, j]] + np.log(emit[j, obs[k]])
    path = [int(score[-1].argmax())]
    for k in range(t - 1, 0, -1):
        path.append(int(back[k, path[-1]]))
    path.reverse()
    return np.array(path), score[-1].max()


def longest_increasing(x):
    n = len(x)
    length, before = np.ones(n, int), np.full(n, -1)
    for i in range(n):
        for j in range(i):
            if x[j] < x[i] and length[j] + 1 > length[i]:
                length[i], before[i] = length[j] + 1, j
    k, out = int(np.argmax(length)), []
    while k != -1:
        out.append(x[k])
        k = before[k]
    return out[::-1]


def matrix_chain(dims):
    n = len(dims) - 1
    cost, split = np.zeros((n, n)), np.zeros((n, n), dtype=int)
    for span in range(2, n + 1):
        for i in range(n - span + 1):
            j = i + span - 1
            cost[i, j] = INF
            for k in range(i, j):
                c = cost[i, k] + cost[k + 1, j] + dims[i] * dims[k + 1] * dims[j + 1]
                if c < cost[i, j]:
                    cost[i, j], split[i, j] = c, k
    return cost[0, n - 1], split


def smith_waterman(a, b, *, match=3, mismatch=-3, gap=2):
    h = np.zeros((len(a) + 1, len(b) + 1), dtype=np.int32)
    best, where = 0, (0, 0)
    for i, j in np.ndindex(len(a), len(b)):
        s = match if a[i] == b[j] else mismatch
        h[i + 1, j + 1] = max(0, h[i, j] + s, h[i, j + 1] - gap, h[i + 1, j] - gap)
        if h[i + 1, j + 1] > best:
            best, where = h[i + 1, j + 1], (i + 1, j + 1)
    return h, best, where


def dtw(x, y, window=None):
    n, m = len(x), len(y)
    w = max(window or max(n, m), abs(n - m))
    d = np.full((n + 1, m + 1), INF)
    d[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(max(1, i - w), min(m, i + w) + 1):
            d[i, j] = abs(x[i - 1] - y[j - 1]) + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
    return d[n, m]


def dijkstra(w, source=0):
    dist = np.full(len(w), INF)
    dist[source] = 0.0
    heap, done = [(0.0, source)], np.zeros(len(w), bool)
    while heap:
        d, u = heapq.heappop(heap)
        if done[u]:
            continue
        done[u] = True
        for v in range(len(w)):
            if w[u, v] < INF and d + w[u, v] < dist[v]:
                dist[v] = d + w[u, v]
                heapq.heappush(heap, (dist[v], v))
    return dist


def flood(grid):
    rows, cols = grid.shape
    label, current = np.zeros_like(grid), 0
    for r in range(rows):
        for c in range(cols):
            if grid[r, c] == 0 or label[r, c]:
                continue
            current += 1
            queue = deque([(r, c)])
            label[r, c] = current
            while queue:
                y, x = queue.popleft()
                for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                    v, u = y + dy, x + dx
                    if 0 <= v < rows and 0 <= u < cols and grid[v, u] and not label[v, u]:
                        label[v, u] = current
                        queue.append((v, u))
    return label, current


class Forest:
    def __init__(self, n):
        self.parent = np.arange(n)
        self.count = n

    def find(self, i):
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def union(self, i, j):
        a, b = self.find(i), self.find(j)
        if a == b:
            return False
        self.parent[b] = a
        self.count -= 1
        return True


def kruskal(w):
    n = len(w)
    i, j = np.triu_indices(n, 1)
    order = np.argsort(w[i, j], kind="stable")
    forest, total, used = Forest(n), 0.0, 0
    for e in order:
        if not np.isfinite(w[i[e], j[e]]):
            break
        if forest.union(i[e], j[e]):
            total += w[i[e], j[e]]
            used += 1
    return total, used, forest.count


def topological(adjacency):
    n = len(adjacency)
    degree = adjacency.sum(axis=0)
    ready = [v for v in range(n) if degree[v] == 0]
    order = []
    while ready:
        u = ready.pop()
        order.append(u)
        for v in range(n):
            if adjacency[u, v]:
                degree[v] -= 1
                if degree[v] == 0:
                    ready.append(v)
    return order if len(order) == n else None


def max_flow(capacity):
    n, flow = len(capacity), 0
    rest = capacity.copy()
    while True:
        parent = np.full(n, -1)
        parent[0], queue, head = 0, [0], 0
        while head < len(queue) and parent[n - 1] < 0:
            u = queue[head]
            head += 1
            for v in range(n):
                if parent[v] < 0 and rest[u, v] > 0:
                    parent[v] = u
                    queue.append(v)
        if parent[n - 1] < 0:
            return flow
        v, push = n - 1, rest.max()
        while v != 0:
            push = min(push, rest[parent[v], v])
            v = parent[v]
        v = n - 1
        while v != 0:
            u = parent[v]
            rest[u, v] -= push
            rest[v, u] += push
            v = u
        flow += push


def pagerank(links, d=0.85, tol=1e-10):
    n = links.shape[0]
    out = links.sum(axis=1)
    rank = np.full(n, 1 / n)
    it = 0
    while True:
        it += 1
        new = np.full(n, (1 - d) / n)
        for i in range(n):
            new += d * (rank[i] / n if out[i] == 0 else rank[i] * links[i] / out[i])
        if (delta := np.abs(new - rank).sum()) < tol:
            break
        rank = new
    return rank, it, delta


def crc32(data):
    table = []
    for i in range(256):
        c = i
        for _ in range(8):
            c = (c >> 1) ^ POLY if c & 1 else c >> 1
        table.append(c)
    table, crc = np.array(table, dtype=np.uint32), 0xFFFFFFFF
    for b in data:
        crc = (crc >> 8) ^ int(table[(crc ^ int(b)) & 0xFF])
    return crc ^ 0xFFFFFFFF


def run_lengths(data):
    out, i = [], 0
    while i < len(data):
        j = i
        while j + 1 < len(data) and data[j + 1] == data[i]:
            j += 1
        out.append((int(data[i]), j - i + 1))
        i = j + 1
    return out, sum(c for _, c in out)


def lz77(data, window=8):
    i, tokens = 0, []
    while i < len(data):
        best, offset = 0, 0
        for j in range(max(0, i - window), i):
            k = 0
            while i + k < len(data) - 1 and data[j + k] == data[i + k]:
                k += 1
            if k > best:
                best, offset = k, i - j
        tokens.append((offset, best, data[i + best]))
        i += best + 1
    return tokens


def queens(n):
    columns, solutions, row = np.full(n, -1), 0, 0
    while row >= 0:
        columns[row] += 1
        while columns[row] < n:
            for r in range(row):
                if columns[r] == columns[row] or abs(columns[r] - columns[row]) == row - r:
                    break
            else:
                break
            columns[row] += 1
        if columns[row] == n:
            columns[row] = -1
            row -= 1
        elif row == n - 1:
            solutions += 1
        else:
            row += 1
    return solutions


def machine(code, size=16):
    add = 1
    stack, sp, pc, ticks = np.zeros(size), 0, 0, 0
    while pc < len(code):
        op, arg = code[pc]
        pc, ticks = pc + 1, ticks + 1
        match op:
            case 0:
                stack[sp] = arg
                sp += 1
            case 1 | 2:
                a, b = stack[sp - 2], stack[sp - 1]
                stack[sp - 2] = a + b if op == add else a * b
                sp -= 1
            case 3:
                stack[[sp - 1, sp - 2]] = stack[[sp - 2, sp - 1]]
            case 4:
                if stack[sp - 1] != 0:
                    pc = int(arg)
            case 5:
                stack[sp - 1] -= 1
            case _:
                break
    return stack[:sp], ticks


def bitonic(x):
    x, n, k = x.copy(), len(x), 2
    while k <= n:
        j = k >> 1
        while j:
            for i in range(n):
                if (other := i ^ j) > i and (x[i] > x[other]) == (not i & k):
                    x[i], x[other] = x[other], x[i]
            j >>= 1
        k <<= 1
    return x


def life(board, generations, seen=None):
    history = [] if seen is None else seen
    for _ in range(generations):
        near = sum(np.roll(board, s, (0, 1)) for s in itertools.product((-1, 0, 1), repeat=2) if s != (0, 0))
        board = ((near == 3) | ((near == 2) & (board == 1))).astype(board.dtype)
        history.append(int(board.sum()))
    return board, history


def partitions(n):
    @cache
    def ways(total, largest):
        if total == 0:
            return 1
        return sum(ways(total - k, k) for k in range(1, min(total, largest) + 1))

    return np.array([ways(k, k) for k in range(n + 1)])


CASES = [
    (edit_distance, lambda n: (numbers(n, 0, 3), numbers(n + 2, 1, 3))),
    (knapsack, lambda n: (numbers(n), numbers(n, 1, 9) + 1, 3 * n)),
    (viterbi, lambda n: (numbers(n, 0, 3), np.ones(2) / 2, np.array([[0.7, 0.3], [0.4, 0.6]]),
                        np.array([[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]]))),
    (longest_increasing, lambda n: (numbers(n),)), (matrix_chain, lambda n: (numbers(n) + 1,)),
    (smith_waterman, lambda n: (numbers(n, 0, 4), numbers(n + 1, 1, 4))),
    (dtw, lambda n: (np.sin(np.arange(n)), np.cos(np.arange(n + 2.0)), 3)),
    (dijkstra, lambda n: (weights(n),)), (flood, lambda n: (numbers((n, n), 3, 2),)), (kruskal, lambda n: (weights(n),)),
    (topological, lambda n: (np.triu(numbers((n, n), 2, 2), 1),)), (max_flow, lambda n: (numbers((n, n), 4, 9),)),
    (pagerank, lambda n: (numbers((n, n), 5, 2),)), (crc32, lambda n: (numbers(4 * n, 0, 256).astype(np.uint8),)),
    (run_lengths, lambda n: (numbers(3 * n, 0, 2),)), (lz77, lambda n: (numbers(3 * n, 0, 2),)), (queens, lambda n: (n // 2 + 1,)),
    (machine, lambda n: (np.array([[0, 1], [0, n], [3, 0], [0, 2], [2, 0], [3, 0], [5, 0], [4, 2], [6, 0]]),)),
    (bitonic, lambda n: (np.random.default_rng(0).random(8 if n < 8 else 16),)), (life, lambda n: (numbers((n, n), 6, 2), 4)),
    (partitions, lambda n: (n,)),
]
