"""Lists that loops append to: staged where every trip appends alike, and as in Python whatever else is done with them."""

import numpy as np
import pytest
import treadle as td

from tests.comparator import difference, fresh, observe


def numbers(x, n):
    out = []
    for i in range(n):
        x = x * 0.5 + i
        out.append(x[1])
    return out


def joined(x, n):
    out = [x[0]]
    t = 0.0
    times = []
    for _ in range(n):
        x = np.sqrt(x + 1)
        t += 0.25
        times.append(t)
        out.append(x[0])
    return np.array(out), np.array(times), times[3], np.mean(out), sum(times), max(out), len(out)


def tuples(s, i, days):
    history = []
    for d in range(days):
        s, i = s - 0.1 * s * i, i + 0.1 * s * i
        history.append((d, s, i))
    return history, np.array(history)[:, 1]


def snapshots(x, n):
    seen = [x.copy()]
    for k in range(n):
        x[k % len(x)] += 1
        seen.append(x.copy())
    seen[2][0] = 77
    return np.stack(seen), seen


def carried_array(x, n):
    path = []
    for _ in range(n):
        x = x * 0.5
        path.append(x)
    return np.array(path), x


def carried_and_written(x, n):
    path = []
    for _ in range(n):
        x += 1
        path.append(x)
    return np.array(path), path


def written_later(x, n):
    path = []
    for _ in range(n):
        x = x * 2
        path.append(x)
        x = x + 0
    path[0][0] = 5
    return path


def rows_of_an_argument(a):
    rows = []
    for i in range(len(a)):
        rows.append(a[i])
    a[0, 0] = 100
    return rows


def looked_at(n):
    f = [1, 1]
    for _ in range(n):
        f.append(f[-1] + f[-2])
    return f


def counted(x):
    out = []
    for v in x:
        out.append(v * len(out))
    return out


def checks_emptiness(x):
    out = []
    for v in x:
        out.append(v if not out else -v)
    return out


def passed_on(x):
    out = []
    for v in x:
        out.append(v + sum(out))
    return out


def stops(x):
    out = []
    for i in range(6):
        out.append(x[i] * 2)
        if i == 3:
            break
    return out


def inner(a):
    table = []
    for i in range(a.shape[0]):
        row = []
        for j in range(a.shape[1]):
            row.append(a[i, j] + i * j)
        table.append(sum(row))
    return table


def several(x, n):
    h = {"a": [], "b": [np.float64(3)], "n": 0}
    for i in range(2, n, 3):
        h["a"].append(x[i % 4])
        h["b"] += [x[0] * i]
        h["a"].append(-x[1])
        h["n"] += 1
    h["a"].append(x[0])
    return h


def first_differs(x):
    total = 0
    out = []
    for v in x:
        out.append(total)
        total = total + v
    return out


def callers(out, x):
    for v in x:
        out.append(v * 2)
    return len(out)


class Model:
    def __init__(self):
        self.losses = []

    def fit(self, x, n):
        w = 0.0
        for _ in range(n):
            w += 0.1 * (x.sum() - w)
            self.losses.append((x.sum() - w) ** 2)
        return w


def fitted(x, n):
    m = Model()
    return m.fit(x, n), m.losses, m


def small(x):
    out = []
    for k, v in enumerate(x):
        out.append((np.float32(v), k, v > 1, v * 1j))
    return out


X = np.arange(1.0, 9.0)
PROGRAMS = [
    (numbers, (X, 40)), (joined, (X, 30)), (tuples, (0.9, 0.1, 25)), (snapshots, (X, 12)), (carried_array, (X, 20)),
    (carried_and_written, (X, 6)), (written_later, (X, 6)),
    (rows_of_an_argument, (np.arange(12.0).reshape(4, 3),)), (looked_at, (9,)),
    (counted, (X,)), (checks_emptiness, (X,)), (passed_on, (X,)), (stops, (X,)), (inner, (np.arange(12.0).reshape(4, 3),)),
    (several, (X, 30)),
    (first_differs, (X,)), (callers, ([1.5], X)), (small, (X,)),
]


@pytest.mark.parametrize("f, args", PROGRAMS, ids=lambda x: getattr(x, "__name__", ""))
def test_compiled_is_as_plain(f, args):
    make = fresh(args)
    compiled = td.jit(f)
    for _ in range(2):
        assert difference(observe(compiled, make), observe(f, make)) is None


def test_attributes_of_new_objects():
    w, losses, m = td.jit(fitted)(X, 50)
    want = fitted(X, 50)
    assert m.losses is losses and np.allclose(losses, want[1]) and len(losses) == 50 and w == pytest.approx(want[0])


@pytest.mark.parametrize("f, args", [(numbers, (X, 3000)), (snapshots, (X, 3000)), (tuples, (0.9, 0.1, 3000))])
def test_long_loops_stay_loops(f, args):
    traced = td.jit(f).lower(*fresh(args)()).ir("traced")
    assert len(traced) < 20_000


def test_a_list_made_on_one_side_of_a_branch_is_used_after_it():
    def f(a):
        if np.any(a > 1):
            pass
        else:
            seen = []
            for k in range(3):
                seen.append(a[k % 4])
        for _ in range(2):
            found = {"n": 0}
            for _ in range(2):
                found["n"] += 1
        return seen, found

    for values in ([0, 1, -7, 0], [0, 1, 7, 0]):
        make = fresh((np.array(values),))
        assert difference(observe(td.jit(f), make), observe(f, make)) is None


def test_a_list_made_after_an_early_return_is_returned():
    def f(a, n):
        for k in range(n):
            if a[k] > 1:
                return a
        for _ in range(len(a)):
            seen = []
            for k in range(4):
                seen.append(a[k % 3])
        return n, seen, np.array(seen)

    for values in ([0.0, 1.0, -7.0], [0.0, 1.0, 7.0]):
        make = fresh((np.array(values), 3))
        assert difference(observe(td.jit(f), make), observe(f, make)) is None
