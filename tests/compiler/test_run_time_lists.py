"""Lists that loops and branches make longer, by a number known only at run time."""

import numpy as np
import pytest
import treadle as td

X = np.array([0.5, 3.0, 1.0, 7.0, 2.0, 6.0, -1.0, 4.0])


def until_large(x):
    out = []
    for i in range(len(x)):
        if x[i] > 5:
            break
        out.append(x[i] * 2)
    return out


def above_two(x):
    out = [0.25]
    for v in x:
        if v > 2:
            out.append(float(v))
    return out, len(out), np.array(out)


def python_numbers(x):
    counts, flags = [], []
    for i in range(40):
        if x[i % 8] > 1:
            counts.append(i)
            flags.append(i % 3 == 0)
    return counts, flags, sum(counts), max(counts)


def rows(x):
    out = []
    for i in range(60):
        if i % 7 == 0:
            out.append(x * i)
    return out, np.stack(out), np.concatenate(out), np.array(out).mean(axis=0)


def stack_of_work(x):
    """Depth first over an implicit binary tree."""
    order, work = [], [0]
    for _ in range(200):
        if not work:
            break
        k = work.pop()
        order.append(k)
        if 2 * k + 2 < len(x):
            work.append(2 * k + 2)
            work.append(2 * k + 1)
    return order


def read_and_written(x):
    best = [x[0]]
    for i in range(1, len(x)):
        if x[i] > best[-1]:
            best.append(x[i])
        else:
            best[-1] = best[-1] + 0.5
    total = 0.0
    for b in best:
        total += b
    return best, best[0], best[-1], total


def nested(x):
    pairs = []
    for i in range(len(x)):
        for j in range(i):
            if x[i] < x[j]:
                pairs.append(i * 10 + j)
    return pairs


def epochs(x, rate):
    losses = []
    w = 0.0
    for _ in range(50):
        loss = ((x - w) ** 2).mean()
        losses.append(loss)
        if len(losses) > 1 and losses[-2] - loss < 1e-6:
            break
        w += rate * 2 * (x - w).mean()
    return w, losses


def never(x):
    out = []
    for i in range(20):
        if x[i % 8] > 100:
            out.append(x[i])
    return out


@pytest.mark.parametrize("f, args", [
    (until_large, (X,)), (above_two, (X,)), (python_numbers, (X,)), (rows, (X,)), (stack_of_work, (np.zeros(15),)),
    (read_and_written, (X,)), (nested, (X,)), (epochs, (X, 0.3)), (never, (X,))], ids=lambda x: getattr(x, "__name__", ""))
def test_programs(f, args):
    got, want = td.jit(f)(*args), f(*args)
    same(got, want)


def same(got, want):
    assert type(got) is type(want)
    if isinstance(want, (tuple, list)):
        assert len(got) == len(want)
        for g, w in zip(got, want):
            same(g, w)
    else:
        assert getattr(got, "dtype", None) == getattr(want, "dtype", None)
        np.testing.assert_allclose(got, want, rtol=1e-14)


def test_errors():
    def out_of_range(x):
        out = []
        for i in range(30):
            if x[i % 8] > 2:
                out.append(x[i % 8])
        return out[25]

    with pytest.raises(IndexError, match="list index out of range"):
        td.jit(out_of_range)(X)

    def held_and_written(x):
        x = x.copy()
        out = []
        for i in range(30):
            x += 1
            if x[0] > 3:
                out.append(x)
        return out

    with pytest.raises(td.errors.UnsupportedError, match="list"):
        td.jit(held_and_written)(X)


def test_a_list_in_a_short_loop_that_is_written_out():
    def f(x, n):
        out, best = [], 100.0
        for k in range(10):
            out.append(x[k])
            if x[k] < best:
                best = x[k]
            elif k > n:
                break
        return out

    jitted = td.jit(f)
    for x in (np.arange(30.0), -np.arange(30.0)):
        assert jitted(x, 2) == f(x, 2)
