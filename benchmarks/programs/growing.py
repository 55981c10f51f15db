"""Programs whose lists, queues, heaps and arrays grow by what the data say."""

from __future__ import annotations

import heapq

import numpy as np
from treadle.benchmarks.programs.program import Program


def adaptive_integration(y, end, tolerance):
    """Heun's method with step control; the times and states of the steps taken."""
    t, h = 0.0, 0.1
    times, states = [t], [y]
    while t < end:
        h = min(h, end - t)
        k1 = y * (1.0 - y[::-1]) - 0.1 * t * y
        guess = y + h * k1
        k2 = guess * (1.0 - guess[::-1]) - 0.1 * (t + h) * guess
        better = y + 0.5 * h * (k1 + k2)
        error = np.abs(better - guess).max()
        if error < tolerance:
            t += h
            y = better
            times.append(t)
            states.append(y)
        h *= min(2.0, 0.9 * np.sqrt(tolerance / (error + 1e-15)))
    return np.array(times), np.array(states)


def birth_death_process(seed, population, birth, death, end):
    """Gillespie's algorithm: every event's time and the population after it."""
    rng = np.random.default_rng(seed)
    t, times, sizes = 0.0, [0.0], [population]
    while t < end and population > 0:
        up, down = birth * population, death * population * population
        t += rng.exponential(1.0 / (up + down))
        population += 1 if rng.random() * (up + down) < up else -1
        times.append(t)
        sizes.append(population)
    return np.array(times), np.array(sizes)


def dijkstra_by_heap(starts, ends, lengths, source):
    distance = np.full(len(starts) - 1, np.inf)
    distance[source] = 0.0
    heap = [(0.0, source)]
    while heap:
        d, u = heapq.heappop(heap)
        if d > distance[u]:
            continue
        for k in range(starts[u], starts[u + 1]):
            v = ends[k]
            if d + lengths[k] < distance[v]:
                distance[v] = d + lengths[k]
                heapq.heappush(heap, (distance[v], v))
    return distance


def components_by_flood_fill(picture):
    """Number the connected regions of a picture's ones."""
    labels, found = np.zeros(picture.shape, dtype=np.int64), 0
    height, width = picture.shape
    for i in range(height):
        for j in range(width):
            if picture[i, j] == 0 or labels[i, j] != 0:
                continue
            found += 1
            labels[i, j] = found
            stack = [(i, j)]
            while stack:
                y, x = stack.pop()
                for dy, dx in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                    v, u = y + dy, x + dx
                    if 0 <= v < height and 0 <= u < width and picture[v, u] and labels[v, u] == 0:
                        labels[v, u] = found
                        stack.append((v, u))
    return labels, found


def convex_hull(points):
    """Andrew's monotone chain over points sorted by x, then y."""
    hull = []
    for k in range(len(points)):
        while len(hull) >= 2 and turn(points, hull[-2], hull[-1], k) <= 0:
            hull.pop()
        hull.append(k)
    lower = len(hull)
    for k in range(len(points) - 2, -1, -1):
        while len(hull) > lower and turn(points, hull[-2], hull[-1], k) <= 0:
            hull.pop()
        hull.append(k)
    return points[np.array(hull[:-1])]


def turn(points, a, b, c):
    ab, ac = points[b] - points[a], points[c] - points[a]
    return ab[0] * ac[1] - ab[1] * ac[0]


def breadth_first_levels(starts, ends, source):
    """The nodes level by level, each level an array."""
    level = np.full(len(starts) - 1, -1)
    level[source] = 0
    front, order, depth = np.array([source]), np.array([source]), 0
    while len(front):
        depth += 1
        following = np.zeros(0, dtype=np.int64)
        for u in front:
            near = ends[starts[u]:starts[u + 1]]
            new = near[level[near] < 0]
            level[new] = depth
            following = np.append(following, new)
        order = np.concatenate([order, following])
        front = following
    return order, level


def graph(nodes, degree):
    rng = np.random.default_rng(nodes)
    ends = np.sort(rng.integers(0, nodes, (nodes, degree)), axis=1).ravel()
    return np.arange(0, nodes * degree + 1, degree), ends, rng.random(nodes * degree)


def picture(n):
    return (np.random.default_rng(n).random((n, n)) < 0.55).astype(np.int64)


def points(n):
    p = np.random.default_rng(n).normal(size=(n, 2))
    return p[np.lexsort((p[:, 1], p[:, 0]))]


PROGRAMS = [
    Program(adaptive_integration, lambda: (np.linspace(0.1, 0.9, 4), 5.0, 1e-3), lambda: (np.linspace(0.1, 0.9, 50), 20.0, 1e-5),
            "array"),
    Program(birth_death_process, lambda: (1, 20, 1.0, 0.02, 2.0), lambda: (1, 50, 1.0, 0.01, 40.0), "scalar"),
    Program(dijkstra_by_heap, lambda: (*graph(30, 3), 0), lambda: (*graph(2000, 6), 0), "scalar"),
    Program(components_by_flood_fill, lambda: (picture(8),), lambda: (picture(120),), "scalar"),
    Program(convex_hull, lambda: (points(20),), lambda: (points(3000),), "scalar"),
    Program(breadth_first_levels, lambda: (*graph(30, 3)[:2], 0), lambda: (*graph(1500, 5)[:2], 0), "array"),
]
