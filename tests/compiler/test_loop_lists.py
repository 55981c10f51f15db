"""Lists that a loop hands on from trip to trip, another one in each: frontiers, populations, paths, queues by slices."""

import numpy as np
import pytest
import treadle as td
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiler.test_unbounded_lists import STEPS, same


def levels(start, ends, source):
    level = -np.ones(len(start) - 1, int)
    level[source] = 0
    frontier, depth = [source], 0
    while frontier:
        depth += 1
        following = []
        for u in frontier:
            for v in ends[start[u]:start[u + 1]]:
                if level[v] < 0:
                    level[v] = depth
                    following.append(v)
        frontier = following
    return level


def generations(x, n):
    population = [v for v in x]
    for g in range(n):
        new = []
        for i in range(len(population)):
            a, b = population[i], population[(i * 7 + g) % len(population)]
            new.append(0.5 * (a + b) if a > b else a * 0.9)
        population = new
    return population


def path_to(parent, t):
    path = []
    while t >= 0:
        path = [t, *path] if t == 3 else [t] + path
        t = parent[t]
    return path


def queue_by_slices(x):
    queue, k = [x[0]], 0
    while queue and k < 50:
        v, queue = queue[0], queue[1:]
        k += 1
        if v > 0.2:
            queue = queue + [v * 0.6, v * 0.3]
    return k, queue


class Search:
    def __init__(self, start):
        self.front, self.seen = [start], 0

    def step(self, n):
        front = self.front
        self.front = []
        for v in front:
            self.seen += 1
            if 3 * v + 1 < n:
                self.front.append(3 * v + 1)
            if 2 * v < n:
                self.front.append(2 * v)


def by_attributes(n):
    search = Search(1)
    while search.front:
        search.step(n)
    return search.seen


def lists_with_two_names(n):
    items, k = [1], 0
    while k < n:
        other = items
        items = items + [k]
        other.append(-k)
        k += 1
    return items, other


def random_graph(n):
    rng = np.random.default_rng(n)
    degree = rng.integers(0, 4, n)
    start = np.r_[0, np.cumsum(degree)]
    return start, rng.integers(0, n, start[-1]), n // 2


@pytest.mark.parametrize(("f", "args"), [
    (levels, random_graph(1)), (levels, random_graph(60)), (generations, (np.random.default_rng(0).random(20), 6)),
    (path_to, (np.array([-1, 0, 1, 2, 3, 1, 5, 6]), 7)), (queue_by_slices, (np.array([3.0]),)), (by_attributes, (300,)),
    (lists_with_two_names, (np.int64(5),))], ids=lambda x: getattr(x, "__name__", ""))
def test_programs(f, args):
    same(td.jit(f)(*args), f(*args))


REBOUND = ("other = items", "other.append(k)", "items, other = other, items", "other = other + [k]", "items = list(other)",
           "total += len(other)", "new = []; new.extend(items); new.append(1); items = new", "other = items[:]",
           "items = [v + 1 for v in items]", "total += sum(other)")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS + REBOUND), st.integers(2, 4)), min_size=1, max_size=5), st.integers(0, 9))
def test_any_steps_with_two_names(tmp_path_factory, steps, n):
    lines = ["def f(n, start):", "    items, total, k = [start, 5], 0, 0", "    other = [7]", "    while k < n:"]
    for step, every in steps:
        lines += [f"        if k % {every} == 0 and len(items) < 40:", f"            {step}"]
    lines += ["        k += 1", "    return items, total, len(items), other, items is other"]
    path = tmp_path_factory.mktemp("lists") / "program.py"
    path.write_text("\n".join(lines))
    names: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), names)

    def run(f):
        try:
            return f(np.int64(n), 3)
        except (IndexError, ValueError) as e:
            return type(e), str(e)

    same(run(td.jit(names["f"])), run(names["f"]))


def test_a_comprehension_of_many_searches_is_a_loop():
    def roots(parent, pairs, n):
        def root(x):
            while parent[x] != x:
                parent[x] = parent[parent[x]]
                x = parent[x]
            return x

        for a, b in pairs:
            parent[root(b)] = root(a)
        return [root(i) + root(n - 1 - i) for i in range(n)]

    pairs = np.random.default_rng(0).integers(0, 400, size=(300, 2))
    compiled = td.jit(roots)
    for n in (400, 9):
        assert compiled(np.arange(n), pairs % n, n) == roots(np.arange(n), pairs % n, n)


def pairs_of_rows(x):
    rows = []
    for v in x:
        if v > 0:
            rows.append([v, v + 1])
    return [e for row in rows for e in row], sum(e for row in rows for e in row if e > 2)


def pairs_that_hold(x):
    up, down = [i for i in range(len(x)) if x[i] > 0], [i for i in range(len(x)) if x[i] <= 0]
    return min(x[i] - x[j] for i in up for j in down), [(i, j) for i in range(3) for j in range(3) if i != j and x[i] > j]


def products_of_several(x):
    y = x[x > 0]
    return [v * k for k in range(2) for v in y], [v * w for v in y for w in y if v < w], [i * j for i in range(3) for j in range(i)]


@pytest.mark.parametrize("f", [pairs_of_rows, pairs_that_hold, products_of_several])
def test_comprehensions_of_several_loops(f):
    compiled = td.jit(f)
    for x in (np.array([1.0, -2, 3, 4, -1]), np.array([-1.0, 2, 5, -7, 0.5])):
        same(compiled(x), f(x))
