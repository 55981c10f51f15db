"""Programs with lists whose length only the run knows, as one writes them."""

import heapq
from typing import NamedTuple

import numpy as np


def adaptive_steps(y, end, tolerance):
    t, h = 0.0, 0.1
    times, states = [t], [y]
    while t < end:
        h = min(h, end - t)
        k1 = np.sin(t) - y
        guess = y + h * k1
        better = y + h * (k1 + np.sin(t + h) - guess) / 2
        error = np.abs(better - guess).max()
        if error < tolerance:
            t += h
            y = better
            times.append(t)
            states.append(y)
        h *= min(2.0, 0.9 * (tolerance / (error + 1e-12)) ** 0.5)
    return np.array(times), np.array(states), len(times)


def births_and_deaths(seed, n, birth, death, end):
    rng = np.random.default_rng(seed)
    t, times, counts = 0.0, [], []
    while t < end:
        total = birth + death * n
        t += rng.exponential(1 / total)
        n += 1 if rng.random() * total < birth else -1
        times.append(t)
        counts.append(n)
    return times, counts


def best_path(back, last):
    path = [int(last)]
    for t in range(len(back) - 1, -1, -1):
        path.append(back[t, path[-1]])
    path.reverse()
    return path


def breadth_first(starts, ends, source):
    distance = np.full(len(starts) - 1, -1)
    distance[source] = 0
    queue = [source]
    while queue:
        u = queue.pop(0)
        for k in range(starts[u], starts[u + 1]):
            v = ends[k]
            if distance[v] < 0:
                distance[v] = distance[u] + 1
                queue.append(v)
    return distance


def flood_fill(grid, i, j):
    stack, size = [(i, j)], 0
    while stack:
        i, j = stack.pop()
        if i < 0 or j < 0 or i >= grid.shape[0] or j >= grid.shape[1] or grid[i, j] != 0:
            continue
        grid[i, j] = 2
        size += 1
        stack.extend([(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)])
    return size


def primes(n):
    found, k = [], 2
    while len(found) < n:
        for p in found:
            if k % p == 0:
                break
        else:
            found.append(k)
        k += 1
    return found, sum(found), max(found), found[-3:], found[1:10:2], found[::-1][:2]


def hailstones(n):
    seen = [n]
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        seen.append(n)
    return seen, np.array(seen).max(), sorted(seen)[:5], 16 in seen, 17 in seen, seen.index(1), seen.count(4), min(seen)


def shortest_paths(starts, ends, weights, source):
    distance = np.full(len(starts) - 1, np.inf)
    distance[source] = 0.0
    heap = [(0.0, source)]
    while heap:
        d, u = heapq.heappop(heap)
        if d > distance[u]:
            continue
        for k in range(starts[u], starts[u + 1]):
            v = ends[k]
            if d + weights[k] < distance[v]:
                distance[v] = d + weights[k]
                heapq.heappush(heap, (distance[v], v))
    return distance


def decay(x):
    history = [x]
    while np.abs(x).max() > 1e-3:
        x = x * 0.7
        history.append(x)
    return np.array(history), np.stack(history, axis=1), len(history)


class Event(NamedTuple):
    time: float
    kind: int


def events(arrivals, service):
    log, waiting, free = [], 0, 0.0
    k = 0
    while k < len(arrivals) or waiting:
        if waiting and (k == len(arrivals) or free <= arrivals[k]):
            waiting -= 1
            free += service
            log.append(Event(free, -1))
        else:
            if waiting == 0:
                free = max(free, arrivals[k])
            waiting += 1
            log.append(Event(arrivals[k], 1))
            k += 1
    return log, [e.time for e in log[:2]], log[-1].kind


def none_or_number(x):
    out, k = [], 0
    while k < len(x):
        out.append(None if x[k] < 0 else x[k])
        k += 1
    return out


def merged(x, y):
    out, i, j = [], 0, 0
    while i < len(x) and j < len(y):
        if x[i] <= y[j]:
            out.append(x[i])
            i += 1
        else:
            out.append(y[j])
            j += 1
    rest = []
    while i < len(x):
        rest.append(x[i])
        i += 1
    while j < len(y):
        rest.append(y[j])
        j += 1
    return out + rest


def edited(n):
    items, k = [], 0
    while k < n:
        items.insert(k // 2, k * 7 % 11)
        if k % 3 == 2:
            items.pop(0)
        if k % 5 == 4:
            del items[-1]
        if 6 in items:
            items.remove(6)
        k += 1
    del items[1:3]
    items.sort(reverse=True)
    again = items.copy()
    again.clear()
    again += items[:2]
    return items, again, sorted(items, key=lambda v: v % 4)


def gathered_by_type(x):
    ints_first, k = [0], 0
    while k < len(x):
        ints_first.append(x[k] * 0.5)
        k += 1
    return ints_first, np.array(ints_first)


def shown(n):
    out, k = [], 0
    while k < n:
        if k % 7000 == 0:
            print("at", k)
        out.append(k * 0.5)
        k += 1
    return sum(out), out[-1]


def graph(n, seed):
    rng = np.random.default_rng(seed)
    links = rng.random((n, n)) < 0.08
    starts = np.concatenate([[0], np.cumsum(links.sum(axis=1))])
    return starts, np.nonzero(links)[1], rng.random(int(starts[-1]))


STARTS, ENDS, WEIGHTS = graph(60, 0)
GRID = (np.random.default_rng(1).random((20, 20)) < 0.3).astype(int)
GRID[3, 3] = 0
SORTED = np.sort(np.random.default_rng(2).random(40))
MIXED = np.array([0.5, -1.0, 3.0, -2.0, 1.5])

PROGRAMS = [
    (adaptive_steps, (np.array([1.0, 0.5]), 10.0, 1e-4)), (births_and_deaths, (3, 10, 5.0, 0.1, 50.0)),
    (best_path, (np.random.default_rng(4).integers(0, 4, (30, 4)), np.int64(2))), (breadth_first, (STARTS, ENDS, 0)),
    (flood_fill, (GRID, 3, 3)), (primes, (50,)), (hailstones, (27,)), (shortest_paths, (STARTS, ENDS, WEIGHTS, 0)),
    (decay, (np.random.default_rng(5).random(5),)), (events, (np.cumsum(WEIGHTS[:30]), 0.6)), (none_or_number, (MIXED,)),
    (merged, (SORTED[::2], SORTED[1::2] + 0.01)), (edited, (40,)), (gathered_by_type, (MIXED,)), (gathered_by_type, (MIXED[:0],)),
    (shown, (20000,))]
