"""Gradients of long loops within a limit of memory: the same numbers, and the least number of trips run again."""

from math import comb

import numpy as np
import pytest
import treadle as td
from treadle.ir.builder import Builder
from treadle.ir.evaluate import evaluate
from treadle.ir.graph import Block, Function
from treadle.ir.types import DTYPES, ArrayType
from treadle.passes.budget import shares
from treadle.passes.checkpoints import trips_ahead

X = np.linspace(0.1, 1.0, 16)


def counted(x, trips=400):
    h = x
    for k in range(trips):
        h = np.sin(h) * 1.01 + 0.001 * x * k
    return np.sum(h * h)


def in_place(w):
    h = np.ones(16)
    for k in range(7, 600, 3):
        h[1:] = np.tanh(w[:-1] * h[:-1]) + 0.01 * k / 600
        h *= w
    return np.sum(h * h)


def in_place_of_any_length(x):
    h = x + 1.0
    for k in range(60):
        h[1:] = np.tanh(x[:-1] * h[:-1]) + 0.001 * k
        h *= x
    return np.sum(h * h)


def until_large(x):
    h, k = x.copy(), 0
    while np.sum(h) < 1e3:
        h = h * 1.01 + 0.01 * np.sin(x)
        k += 1
    return np.sum(h * x) + k


def broken_off(x):
    h = x.copy()
    for _ in range(1000):
        if np.sum(h) > 1e3:
            break
        h = h * 1.01 + 0.01 * np.sin(x)
    return np.sum(h * x)


def two_loops(x):
    h = x.copy()
    for _ in range(100):
        for j in range(1, 16):
            h[j] = np.sin(h[j] + h[j - 1])
    for _ in range(100):
        h = np.cos(h * x)
    return np.sum(h)


@pytest.mark.parametrize("f", [counted, in_place, until_large, broken_off, two_loops])
@pytest.mark.parametrize("memory", [2048, "6KB", "10MB"])
def test_the_gradient_is_the_same(f, memory):
    np.testing.assert_allclose(td.grad(f, memory=memory)(X), td.grad(f)(X), rtol=1e-11, atol=1e-13)


def test_few_trips():
    for trips in (0, 1, 2, 3):
        np.testing.assert_allclose(td.grad(counted, memory=10)(X, trips), td.grad(counted)(X, trips), rtol=1e-13)


def test_second_derivatives():
    def along(memory):
        return lambda x: np.sum(td.grad(lambda x: counted(x, 30), memory=memory)(x) ** 2)

    np.testing.assert_allclose(td.grad(along(2048))(X), td.grad(along(None))(X), rtol=1e-9)


def test_less_memory_is_used():
    assert temporaries(counted, "8KB") < 10_000 < 50_000 < temporaries(counted, None)


def nested(x):
    h = x.copy()
    for i in range(20):
        for j in range(200):
            h = np.sin(h + 0.01 * j) * x + h * 0.5
        h = h * x + i
    return np.sum(h * h)


def nested_with_a_while_loop(x):
    h = x.copy()
    for i in range(6):
        n = 0
        while np.sum(h) < 30 + i and n < 100:
            h = h * 1.01 + 0.1 * np.sin(x * h)
            n += 1
        h = h * 0.5
    return np.sum(h * h)


def three_loops(x):
    h = x.copy()
    for _ in range(300):
        h = np.sin(h * x)
    for _ in range(20):
        h = np.cos(h * x)
    for _ in range(400):
        h = np.tanh(h + x)
    return np.sum(h)


def temporaries(f, memory):
    report = td.grad(f, memory=memory).lower(X).report()
    return int(report.split("temporaries: ")[1].split(" bytes")[0])


@pytest.mark.parametrize("f", [nested, three_loops])
@pytest.mark.parametrize("memory", [6_000, 20_000, 100_000])
def test_the_limit_holds_for_all_loops_together_and_inside_of_each_other(f, memory):
    np.testing.assert_allclose(td.grad(f, memory=memory)(X), td.grad(f)(X), rtol=1e-9)
    assert temporaries(f, memory) <= memory + 2048 < temporaries(f, None)


@pytest.mark.parametrize("f", [nested, nested_with_a_while_loop, three_loops, in_place_of_any_length])
@pytest.mark.parametrize("memory", [100, "12KB"])
def test_states_of_run_time_extents(f, memory):
    with td.config.override(shapes="always", verify=True):
        limited, plain = td.jit(td.grad(f, memory=memory)), td.grad(f)
        for x in (X, X[:7]):
            np.testing.assert_allclose(limited(x), plain(x), rtol=1e-9)
        assert limited.versions == 1


@pytest.mark.parametrize(("total", "needs", "expected"), [
    (100, [10, 20], [10, 20]), (100, [10, 200], [10, 90]), (90, [50, 100, 40], [30, 30, 30]), (90, [80, 5, 100], [42, 5, 43]),
    (10, [], [])])
def test_what_each_loop_may_keep(total, needs, expected):
    assert shares(total, needs) == expected


def test_prints_come_once(capsys):
    def f(x):
        h = x
        for k in range(50):
            h = np.sin(h)
            if k % 20 == 0:
                print(k)
        return np.sum(h)

    td.grad(f, memory=1500)(X)
    assert capsys.readouterr().out == "0\n20\n40\n"


def test_what_memory_may_be():
    with pytest.raises(ValueError, match="200MB"):
        td.grad(counted, memory="much")


def rule():
    scalar = ArrayType(DTYPES["i64"])
    block = Block([scalar, scalar])
    block.yields = [trips_ahead(Builder(block), *block.args)]
    function = Function("ahead", block)
    return lambda count, free: int(evaluate(function, [np.asarray(count), np.asarray(free)])[0])


@pytest.mark.parametrize(("trips", "slots"), [(10, 3), (100, 5), (300, 10), (56, 3), (5, 10), (700, 40)])
def test_the_number_of_trips_run_again_is_the_optimum(trips, slots):
    ahead, stack, done = rule(), [0], 0

    def advance(last):
        nonlocal done
        at = stack[-1]
        while at < last:
            free = slots - len(stack)
            far = min(last - at, ahead(last - at + 1, free + 1)) if free else last - at
            done, at = done + far, at + far
            if at < last and free:
                stack.append(at)

    advance(trips - 1)
    for trip in range(trips - 1, -1, -1):
        advance(trip)
        if stack[-1] == trip:
            stack.pop()
    runs = next(r for r in range(trips) if comb(slots + r, slots) >= trips)
    assert done <= 1.03 * (runs * trips - comb(slots + runs, runs - 1)) + 2
