"""Arrays that loops make longer, by an amount that nothing bounds."""

import numpy as np
import pytest
import treadle as td

from tests.comparator import difference, observe

from .list_programs import ENDS, STARTS
from .test_unbounded_lists import same

RNG = np.random.default_rng(0)


def sums(x, end):
    a, s, k = np.zeros(0), 0.0, 0
    while s < end:
        s += x[k % len(x)]
        a = np.append(a, s)
        k += 1
    return a, len(a), a.sum()


def some(x):
    a = np.array([1.0])
    for v in x:
        if v > 0.5:
            a = np.append(a, v)
    return a


def rows(x, tolerance):
    history = x[None, :]
    while np.abs(x).max() > tolerance:
        x = x * 0.5
        history = np.concatenate([history, x[None, :]])
    return history, history.mean(axis=0)


def stacked(x, tolerance):
    history = x.reshape(1, -1)
    while np.abs(x).max() > tolerance:
        x = x * 0.5
        history = np.vstack((history, x))
    return history


def frontiers(starts, ends, source):
    distance, d = np.full(len(starts) - 1, -1), 0
    distance[source] = 0
    front = np.array([source])
    while len(front):
        d += 1
        following = np.zeros(0, dtype=np.int64)
        for u in front:
            near = ends[starts[u]:starts[u + 1]]
            near = near[distance[near] < 0]
            distance[near] = d
            following = np.append(following, near)
        front = following
    return distance


def records(x):
    a, i = x[:1], 1
    while i < len(x):
        if x[i] > a[-1]:
            a = np.r_[a, x[i]]
        i += 1
    return a


def doubled(x, n):
    while len(x) < n:
        x = np.concatenate([x, x[::-1]])
    return x


def shrinks_and_grows(x, n):
    for k in range(n):
        x = x[x > k % 3 * 0.1]
        x = np.append(x, [k * 0.01, 0.5])
    return x, x.sum()


def column_by_column(x, n):
    a, k = x[:, None], 0
    while k < n:
        a = np.hstack([a, a[:, -1:] * 0.5])
        k += 1
    return a


@pytest.mark.parametrize("f, args", [
    (sums, (RNG.random(5), 20.0)), (sums, (RNG.random(5), -1.0)), (some, (RNG.random(9),)), (rows, (RNG.random(4), 1e-3)),
    (stacked, (RNG.random(4), 1e-3)), (frontiers, (STARTS, ENDS, 0)), (records, (RNG.random(40),)),
    (doubled, (RNG.random(3), 40_000)),
    (shrinks_and_grows, (RNG.random(7), np.int64(60))), (column_by_column, (RNG.random(3), np.int64(30)))],
    ids=lambda x: getattr(x, "__name__", ""))
def test_programs(f, args):
    jitted = td.jit(f)
    for _ in range(2):
        same(jitted(*args), f(*args))


def test_derivatives_and_lanes():
    def f(x, end):
        a, s = np.zeros(0), 0.0
        while s < end:
            s = s + x * x
            a = np.append(a, s * x)
        return a.sum()

    def slope(x, end):
        n = int(np.ceil(end / (x * x)))
        return 3 * x * x * n * (n + 1) / 2

    xs = np.linspace(0.5, 2.0, 5)
    np.testing.assert_allclose([td.grad(f)(x, 3.3) for x in xs], [slope(x, 3.3) for x in xs], rtol=1e-12)
    np.testing.assert_allclose(td.vmap(f, in_axes=(0, None))(xs, 3.3), [f(x, 3.3) for x in xs])


def repeated_on_one_path(x, counts):
    y = np.repeat(x, counts) if x[0] > 0 else x
    return y, y.sum()


def reduced_and_written(x, counts):
    """One of several arrays whose extents trips decide, and that is written to."""
    x = np.repeat(x, counts)
    k = 0
    while len(x) > 1 and k < 4:
        k += 1
        x = x[x != x.max()] if len(x) else x
        x = x[x > -1] if k != 2 else x
    x[x > 0] = 3
    np.add.at(x, counts[counts < len(x)], 1)
    return x, k


def written_after_one_path(x, counts):
    """Several names for one array that only a path makes."""
    y = z = x
    if x.sum() > 0:
        y = np.repeat(x, counts)
        z = y[1:]
    y[y > 2] = -7
    return y, z


@pytest.mark.parametrize("f", [repeated_on_one_path, reduced_and_written, written_after_one_path])
def test_arrays_of_one_path_or_trip_have_room_that_is_assumed(f):
    compiled = td.jit(f)
    for x, most in (([1.0, 2, 3, -2], 3), ([-1.0, 0.5, 0], 2), ([2.0, 1, 2], 9000), ([1.0], 1)):
        x = np.array(x)
        counts = np.arange(len(x)) % 2 * (most - 1) + 1
        same(compiled(x.copy(), counts), f(x.copy(), counts))


def rotated(x, cuts):
    for k in cuts:
        x = np.concatenate([x[k:], x[:k]])
    return x


def crossed(pool, rng, generations):
    for _ in range(generations):
        children = []
        for _ in range(len(pool)):
            a, b = rng.integers(len(pool), size=2)
            k = rng.integers(1, pool.shape[1])
            children.append(np.concatenate([pool[a, :k], pool[b, k:]]))
        pool = np.array(children)
    return pool


def test_pieces_that_make_up_a_known_extent_leave_the_loop_a_loop():
    x, cuts = np.arange(5.0), RNG.integers(-7, 8, 4000)
    same(td.jit(rotated)(x, cuts), rotated(x, cuts))
    ours, theirs = np.random.default_rng(1), np.random.default_rng(1)
    pool = RNG.random((6, 5))
    same(td.jit(crossed)(pool, ours, 30), crossed(pool, theirs, 30))
    assert ours.random() == theirs.random()


def test_rows_that_data_pick_are_stacked_in_loops_that_stay():
    def f(x, n):
        for k in range(20):
            for _ in range(n):
                found = np.argwhere(x > 0.5)
                x[np.flatnonzero(x > 0.5)] -= 1
            pair = np.stack([x[x > k - 9], x[x > k - 9] * 2])
        return found, pair, x

    jitted = td.jit(f)
    for n in (1, 3):
        assert difference(observe(jitted, lambda n=n: (np.arange(8.0), n)), observe(f, lambda n=n: (np.arange(8.0), n))) is None
