"""collections.deque in loops whose trips, and conditions, only the run knows: queues, windows, both ends."""

import copy
from collections import deque

import numpy as np
import pytest
import treadle as td

from tests.comparator import difference, observe


def breadth_first(start, ends, source):
    queue, order = deque([source]), []
    seen = np.zeros(len(start) - 1, bool)
    seen[source] = True
    while queue:
        u = queue.popleft()
        order.append(u)
        for v in ends[start[u]:start[u + 1]]:
            if not seen[v]:
                seen[v] = True
                queue.append(v)
    return order


def maze(walls, source):
    n, m = walls.shape
    dist = -np.ones((n, m), int)
    dist[source] = 0
    queue = deque()
    queue.append(source)
    while len(queue) > 0:
        i, j = queue.popleft()
        for di, dj in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            a, b = i + di, j + dj
            if 0 <= a < n and 0 <= b < m and not walls[a, b] and dist[a, b] < 0:
                dist[a, b] = dist[i, j] + 1
                queue.append((a, b))
    return dist


def largest_in_windows(x, w):
    queue, out = deque(), []
    for i in range(len(x)):
        while queue and x[queue[-1]] <= x[i]:
            queue.pop()
        queue.append(i)
        if queue[0] <= i - w:
            queue.popleft()
        if i >= w - 1:
            out.append(x[queue[0]])
    return np.array(out)


def last_three(x):
    queue, out = deque(maxlen=3), np.zeros_like(x)
    for i in range(len(x)):
        queue.append(x[i])
        if i > 2 and x[i] > 0.5:
            queue.popleft()
        out[i] = sum(queue) / len(queue) if queue else 0.0
    return out, queue


def both_ends(x):
    queue, i = deque(), 0
    while i < len(x) and x[i] < 0.97:
        if x[i] > 0.5:
            queue.append(x[i])
        else:
            queue.appendleft(x[i])
        i += 1
    return queue, len(queue), list(queue), np.array(queue)


def moved_about(x):
    queue, i = deque([-1]), 0
    while i < len(x) and x[i] < 0.97:
        queue.append(i)
        i += 1
    queue.rotate(2)
    queue.rotate(-5)
    queue.reverse()
    queue.extendleft([7, 8])
    queue.insert(1, 50)
    queue.remove(50)
    return queue, queue.count(3), 7 in queue, queue.index(8), queue.copy(), sorted(queue), isinstance(queue, deque)


def long_turns(n):
    """Far more is appended than is ever in it."""
    queue, total, k = deque([1.0, 2.0]), 0.0, 0
    while k < n:
        a = queue.popleft()
        queue.append(a * 0.5 + queue[-1] * 0.5 + k % 7)
        total, k = total + a, k + 1
        if k % 10000 == 0:
            queue.append(1.0)
    return total, queue


def to_the_left(n):
    queue, k = deque(), 0
    while k < n:
        queue.appendleft(k)
        if k % 3 == 0:
            queue.pop()
        k += 1
    return len(queue), queue[0], queue[-1]


def bounded_on_the_left(x):
    queue, i = deque(maxlen=2), 0
    while i < len(x) and x[i] < 0.97:
        queue.appendleft((i, x[i]))
        i += 1
    return queue


def made_by_list(x):
    stack, k = list(), 0
    stack.append(x[0])
    while stack and k < 100:
        v = stack.pop()
        k += 1
        if v > 0.1:
            stack.append(v * 0.5)
            stack.append(v * 0.4)
    return k, stack


def one_too_many(x):
    queue = deque()
    for v in x:
        if v > 0.5:
            queue.append(v)
    while True:
        queue.popleft()


def random_graph(n):
    rng = np.random.default_rng(n)
    degree = rng.integers(0, 4, n)
    start = np.r_[0, np.cumsum(degree)]
    return start, rng.integers(0, n, start[-1]), n // 2


def noise(n):
    return np.random.default_rng(n).random(n)


CASES = [
    *[(breadth_first, lambda n=n: random_graph(n)) for n in (1, 60)],
    (maze, lambda: ((noise(180).reshape(12, 15) < 0.3) & (np.arange(180).reshape(12, 15) > 0), (0, 0))),
    (largest_in_windows, lambda: (noise(50), 5)),
    *[(f, lambda n=n: (noise(n),)) for n in (1, 40)
      for f in (last_three, both_ends, moved_about, bounded_on_the_left, one_too_many)],
    (long_turns, lambda: (60000,)),
    (to_the_left, lambda: (3000,)),
    (made_by_list, lambda: (np.array([5.0]),)),
]


@pytest.mark.parametrize(("f", "make"), CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_programs(f, make):
    want = observe(f, lambda: copy.deepcopy(make()))
    got = observe(td.jit(f), lambda: copy.deepcopy(make()))
    assert difference(got, want) is None
