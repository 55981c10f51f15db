"""Lists of the caller's that loops and branches make longer or change at run-time places; lists as indices of arrays."""

import copy

import numpy as np
import pytest
import treadle


class History:
    def __init__(self):
        self.losses = []


def early_stop(x, h):
    for k in range(20):
        h.losses.append((x * 0.5**k).sum())
        if k > 2 and abs(h.losses[-1] - h.losses[-2]) < 0.1:
            break
    return h.losses[-1]


def in_a_branch(x, h):
    for v in x:
        if v > 2:
            h.losses.append(float(v))
    return len(h.losses)


def shorter(x, stack):
    while len(stack) > 1 and stack[-1] > x[0]:
        stack.pop()
    stack.append(int(x[1]))
    return stack


def counters(x, count):
    for v in x:
        count[int(v) % len(count)] += 1
    return sum(count)


def exchanged(x, a, b):
    for v in x:
        if v > 2:
            a.append(v)
        else:
            b.append(v)
    a, b = b, a
    return a


X = np.array([3.0, 2.0, 5.0, 0.5, 2.5])


@pytest.mark.parametrize(("f", "arguments"), [
    (early_stop, (X, History())), (in_a_branch, (X, History())), (shorter, (X, [1, 4, 5, 6])), (counters, (X, [0] * 12)),
    (exchanged, (X, [], [1.5]))])
def test_lists_of_the_callers(f, arguments):
    compiled, own, given = treadle.jit(f), copy.deepcopy(arguments), copy.deepcopy(arguments)
    for _ in range(2):
        want, got = f(*own), compiled(*given)
        assert repr(got) == repr(want)
        assert repr([getattr(a, "losses", a) for a in given]) == repr([getattr(a, "losses", a) for a in own])
    assert got is given[1] or got is given[-1] or not isinstance(got, list)


def sorted_places(x):
    places = list(range(len(x)))
    for k in range(len(x) - 1):
        p = k + int(np.argmax(x[places[k:]]))
        if p != k:
            places[k], places[p] = places[p], places[k]
    return x[places], places


def selected(x):
    some = []
    for k in range(len(x)):
        if x[k] > 2:
            some.append(k)
    x[some] -= 1
    return x[some], np.outer(x, x)[some, some]


@pytest.mark.parametrize("f", [sorted_places, selected])
@pytest.mark.parametrize("n", [4, 40])
def test_lists_are_indices(f, n):
    x = np.random.default_rng(n).normal(2, 1, n)
    assert repr(treadle.jit(f)(x.copy())) == repr(f(x.copy()))
