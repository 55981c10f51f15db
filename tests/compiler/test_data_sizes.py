"""Arrays whose extent depends on data: masks on reads, nonzero, unique, set operations, arrays that shrink in loops."""

import numpy as np
import pytest
import treadle as td

X = np.arange(24.0).reshape(4, 6)
ROWS = np.array([1, 0, 1, 0], bool)
THIRDS = X % 3 == 0
LINE = np.array([3.0, -1.0, 2.0, 0.0, -5.0, 7.0])
NUMBERS = np.array([3, 1, 3, 2, 1, 1])
Z = np.linspace(-2, 1, 40) + 1j * np.linspace(-1, 1, 40)


def agrees(f, *args):
    want, got = (run(*(np.copy(a) for a in args)) for run in (f, td.jit(f)))
    same(got, want)


def same(got, want):
    assert type(got) is type(want)
    if isinstance(want, (tuple, list)):
        assert len(got) == len(want)
        for g, w in zip(got, want):
            same(g, w)
        return
    g, w = np.asarray(got), np.asarray(want)
    assert (g.dtype, g.shape) == (w.dtype, w.shape)
    if isinstance(want, np.ndarray):
        assert g.strides == w.strides or not w.size
        # NumPy's nonzero gives columns of a matrix even where that has but one.
        assert w.base is None or w.ndim == 1 or g.flags.owndata == w.flags.owndata
        assert w.base is not None or g.flags.owndata
    np.testing.assert_allclose(g, w, rtol=1e-14) if w.dtype.kind in "fc" else np.testing.assert_array_equal(g, w)


ONE_LINE = [
    (lambda x: x[x > 0], LINE), (lambda x: x[x > 100], LINE), (lambda x: np.sort(x[x > 0])[::-1], LINE),
    (lambda x: len(x[x > 0]), LINE), (lambda x: x[x > 0].shape, LINE), (lambda x: x[x > 0][0], LINE),
    (lambda x: x[x > 0][-1], LINE),
    (lambda x: np.cumsum(x[x > 0]), LINE), (lambda x: np.diff(x[x > 0]), LINE), (lambda x: np.median(x[x > 0]), LINE),
    (lambda x: x[x > 0].argmax(), LINE), (lambda x: np.dot(x[x > 0], x[x > 0]), LINE),
    (lambda x: x[x > 0][1:] - x[x > 0][:-1], LINE),
    (lambda x: np.where(x[x > 0] > 2, 1, 0), LINE), (lambda x: np.concatenate([x[x > 0], x[x < 0], x]), LINE),
    (lambda x: np.vstack([x[x > 0], x[x > 0]]), LINE), (lambda x: np.append(x[x > 0], 7.0), LINE),
    (lambda x: np.repeat(x[x > 0], 2), LINE), (lambda x: np.zeros(len(x[x > 0])), LINE), (lambda x: np.arange(len(x[x > 0])), LINE),
    (lambda x: np.arange((x > 0).sum()), LINE), (lambda x: (x[x > 0] - x[x > 0].mean()) / x[x > 0].std(), LINE),
    (lambda x: x[x > 0].reshape(-1, 1) * x[None, :], LINE), (lambda x: np.nonzero(x > 0), LINE), (lambda x: np.where(x), LINE),
    (lambda x: x[np.flatnonzero(x)], LINE), (lambda x: x[x != 0][x[x != 0] > 2], LINE),
    (lambda x: x[ROWS], X), (lambda x: x[ROWS].T, X), (lambda x: x[ROWS][:, 1], X), (lambda x: x[ROWS] @ x[ROWS].T, X),
    (lambda x: x[ROWS].mean(axis=0), X), (lambda x: x[x[:, 0] > 5] + 1, X), (lambda x: x[THIRDS], X), (lambda x: x[x > 10], X),
    (lambda x: x[x > 10][::-1], X), (lambda x: np.argwhere(x > 10), X), (lambda x: np.nonzero(x % 2), X),
    (lambda x: x[x[:, 0] > 5, 2], X), (lambda x: x[x[:, 0] > 5, 1:3], X), (lambda x: x[1:3, x[0] > 2].sum(), X),
    (lambda x: np.outer(x[x[:, 0] > 5, 0], x[x[:, 0] > 5, 1]), X), (lambda x: x[x[:, 0] > 5].reshape(-1), X),
    (np.unique, NUMBERS), (lambda i: np.unique(i, return_counts=True), NUMBERS), (lambda i: np.unique(i).size, NUMBERS),
    (lambda i: np.unique(i, return_index=True, return_inverse=True, return_counts=True), NUMBERS),
    (lambda i: np.unique(i.reshape(2, 3), return_inverse=True), NUMBERS), (np.unique, np.array([np.nan, 1, np.nan, 0])),
    (lambda i: np.unique(i[i > 1]), NUMBERS), (np.unique, np.zeros(0)), (np.unique, np.array([4])),
    (lambda i: np.union1d(i, [7, 1]), NUMBERS), (lambda i: np.intersect1d(i, [7, 1, 2]), NUMBERS),
    (lambda i: np.setdiff1d(i, [1]), NUMBERS), (lambda i: np.setxor1d(i, [1, 9]), NUMBERS),
    (lambda i: np.bincount(i[i > 1]), NUMBERS),
]


@pytest.mark.parametrize("case", range(len(ONE_LINE)))
def test_one_line(case):
    agrees(*ONE_LINE[case])


def test_copies_and_their_views():
    def f(x):
        y = x[x > 0]
        y += 1
        y[0] = 100
        v = y[1:]
        v[:] = 5
        return y, v, x

    agrees(f, LINE)

    def g(x):
        y = x[x[:, 0] > 5]
        y[0, 0] = 99
        x[x[:, 0] > 5] = 0
        return y, x

    agrees(g, X)

    def h(x):
        x[x > 10] = np.arange((x > 10).sum())
        x[x[:, 0] > 5, 2] = -1
        return x

    agrees(h, X)


def above_the_mean(x):
    n = 0
    while len(x) > 1:
        x = x[x > x.mean()]
        n += 1
    return n, x.sum(), x


def primes(n):
    sieve = np.ones(n, bool)
    sieve[:2] = False
    for k in range(2, int(n**0.5) + 1):
        if sieve[k]:
            sieve[k * k::k] = False
    return np.nonzero(sieve)[0]


def escape_times(c):
    z, times, index = np.zeros_like(c), np.zeros(c.shape, int), np.arange(c.size)
    for k in range(20):
        z = z * z + c
        inside = abs(z) < 2
        times[index[~inside]] = k
        z, c, index = z[inside], c[inside], index[inside]
        if len(z) == 0:
            break
    return times


def quickselect(x, k):
    while True:
        pivot = x[len(x) // 2]
        less, more = x[x < pivot], x[x > pivot]
        equal = len(x) - len(less) - len(more)
        if k < len(less):
            x = less
        elif k < len(less) + equal:
            return pivot
        else:
            k -= len(less) + equal
            x = more


def breadth_first(adjacency, start):
    distance = np.full(len(adjacency), -1)
    distance[start] = 0
    front, level = np.array([start]), 0
    while len(front):
        level += 1
        reached = adjacency[front].any(axis=0) & (distance < 0)
        distance[reached] = level
        front = np.flatnonzero(reached)
    return distance


@pytest.mark.parametrize("f, args", [
    (above_the_mean, (np.arange(10.0),)), (above_the_mean, (np.ones(1),)), (primes, (50,)), (primes, (2,)), (escape_times, (Z,)),
    (escape_times, (Z * 3,)), (quickselect, (np.array([5.0, 2, 9, 1, 7, 3, 8]), 3)),
    (breadth_first, (np.random.default_rng(1).random((12, 12)) < 0.15, 0)),
], ids=lambda x: getattr(x, "__name__", ""))
def test_arrays_that_shrink_in_loops(f, args):
    want, got = (run(*(np.copy(a) if isinstance(a, np.ndarray) else a for a in args)) for run in (f, td.jit(f)))
    same(got, want)


def last_rows(x):
    """A view whose extent differs by trip, used after the loops."""
    order, total = np.arange(len(x)), 0.0
    for _ in range(3):
        order = order[::-1].copy()
        for start in range(0, len(x), 32):
            rows = order[start:start + 32]
            total += x[rows].sum()
    return total, rows


@pytest.mark.parametrize("n", [96, 90])
def test_a_view_of_bounded_extent_outlives_its_loops(n):
    agrees(last_rows, np.random.default_rng(0).random(n))


def test_one_compilation_for_all_counts():
    jitted = td.jit(lambda x: np.sort(x[x > 0]))
    rng = np.random.default_rng(0)
    for _ in range(30):
        x = rng.normal(size=20)
        np.testing.assert_array_equal(jitted(x), np.sort(x[x > 0]))
    assert sum(map(len, jitted._versions.values())) == 1


def test_derivatives_and_lanes():
    x = np.array([0.5, -1.0, 2.0, 3.0])
    np.testing.assert_allclose(td.grad(lambda x: np.cumsum(x[x > 0] ** 2).sum())(x), [3.0, 0.0, 8.0, 6.0])
    rows = np.random.default_rng(2).normal(size=(5, 4))
    got = td.vmap(lambda r: np.sort(r[r > 0])[::-1].sum())(rows)
    np.testing.assert_allclose(got, [r[r > 0].sum() for r in rows])
    with pytest.raises(td.errors.UnsupportedError, match="differ in shape"):
        td.vmap(lambda r: np.sort(r[r > 0]))(rows)


def test_errors():
    with pytest.raises(IndexError, match="index 0 is out of bounds"):
        td.jit(lambda x: x[x > 100][0])(LINE)
    with pytest.raises(ValueError, match="zero-size array"):
        td.jit(lambda x: np.sort(x[x > 100]).max())(LINE)


def escapes(z, c, steps):
    count, place = np.zeros(len(z), np.int64), np.arange(len(z))
    for k in range(steps):
        if not len(z):
            break
        z = z * z + c
        out = np.abs(z) > 2
        count[place[out]] = k
        keep = ~out
        z, c, place = z[keep], c[keep], place[keep]
    return count


def test_a_trip_touches_only_what_is_left():
    z = np.linspace(-2, 1, 4099) + 0.3j
    agrees(escapes, z, z, 30)
    before, _, inside = td.jit(escapes).lower(z, z, 30).ir("loops").partition("for seq")
    assert "0..4099" in before
    assert "for" in inside and "in 0..4099" not in inside


def agree(f, *sets):
    jitted = td.jit(f)
    for arguments in sets:
        got, want = (g(*(x.copy() if isinstance(x, np.ndarray) else x for x in arguments)) for g in (jitted, f))
        for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (got, want)), strict=True):
            assert np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype


def test_an_array_that_shrinks_and_is_added_up_in_the_same_trip():
    def f(x):
        total = 0.0
        for _ in range(3):
            x = x[x > 0]
            total += x.sum()
        return total, x

    agree(f, (np.array([1.0, -2, 0, 3]),), (np.array([-1.0, 5]),), (np.zeros(3),))


def test_sets_of_what_a_mask_leaves():
    def f(x, y):
        x, y = x[x > 3], y[y > 3]
        return np.setxor1d(x, y), np.setxor1d(x, x), np.unique(x), np.union1d(x, y), np.intersect1d(x, y)

    agree(f, (np.arange(6.0), np.arange(9.0)), (np.arange(5.0), np.arange(3.0)), (np.arange(2.0), np.zeros(0)))


def test_a_mask_of_another_length_is_an_index_error():
    def f(x, y):
        return x[x > 0][(y > 0)[y >= 0]]

    assert np.array_equal(td.jit(f)(np.array([1.0, 2]), np.array([1.0, 0])), [1.0])
    with pytest.raises(IndexError, match="boolean index did not match indexed array along axis 0; size of axis is 2"):
        td.jit(f)(np.array([1.0, 2]), np.array([1.0, -1]))


def test_what_a_mask_chooses_is_written_back_in_another_order():
    def f(x):
        x = x[x > 2]
        x[x > 4] = x[x > 4][::-1]
        return x

    agree(f, (np.arange(9.0),), (np.arange(4.0),), (np.zeros(2),))


def test_repeat_by_counts_that_only_the_run_knows():
    def f(x, counts, m):
        return np.repeat(x, counts), np.repeat(x[x > 2], counts[x > 2]), np.repeat(m, counts, axis=1), np.repeat(x, counts[:1])

    counts = np.array([0, 2, 1, 3, 0])
    agree(f, (np.arange(5.0), counts, np.arange(10).reshape(2, 5)), (np.zeros(5), counts * 0, np.ones((1, 5))))
    with pytest.raises(ValueError, match="repeats may not contain negative values"):
        td.jit(np.repeat)(np.arange(5.0), counts - 1)


def test_padding_and_searching_among_what_a_mask_leaves():
    def f(x, y):
        return np.pad(x[x > 3], 2), np.pad(x[x > 3], (1, 0), constant_values=7), np.searchsorted(np.sort(x[x > 1]), y)

    agree(f, (np.arange(6.0), np.arange(4.0)), (np.zeros(3), np.arange(2.0)))


@pytest.mark.parametrize("sizes", [(9, 7), (3, 9), (3, 4)])
def test_a_write_through_a_part_that_a_loop_cuts_shorter_reaches_the_callers_array(sizes):
    def f(x, y):
        for _ in range(3):
            x = x[:len(y)]
            y = y[:len(y) - 1]
        x -= 1
        return x

    x, y = map(np.arange, np.array(sizes, float))
    want, got = x.copy(), x.copy()
    expected, found = f(want, y), td.jit(f)(got, y)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(got, want)
    assert np.shares_memory(found, got)


def test_arrays_of_run_time_extents_are_equal_if_their_extents_are():
    def f(x, y):
        a, b = x[x > 0], y[y > 0]
        return np.array_equal(a, b), np.array_equal(a, x), np.array_equal(a, a[::-1], equal_nan=True), np.array_equal(a, a[:, None])

    def until_it_stays(x):
        trips = 0
        while True:
            new = np.unique(x // 2)
            if np.array_equal(new, x):
                return x, trips
            x = new
            trips += 1

    x = np.array([1.0, -2, 3, 1])
    agree(f, (x, x), (x, x + 1), (np.abs(x), np.abs(x)), (-x, -x), (x, np.array([1.0, 3, 1, 0])))
    agree(until_it_stays, (np.arange(30),), (np.zeros(5, int),))


def test_parts_of_what_a_mask_leaves():
    def f(y, seed):
        rng = np.random.default_rng(seed)
        folds = [[] for _ in range(3)]
        for c in np.unique(y):
            rows = np.flatnonzero(y == c)
            rng.shuffle(rows)
            for i, part in enumerate(np.array_split(rows, 3)):
                folds[i].extend(part)
        return *[np.array(fold, dtype=int) for fold in folds], *np.array_split(y[y > 0], [1, 3]), rng.random()

    y = np.arange(17) * 7 % 5 - 1
    agree(f, (y, 0), (y[:9] + 1, 1))
