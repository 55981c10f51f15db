"""Gradients of long loops within a limit of memory: the same numbers, and the least number of trips run again."""

from math import comb

import numpy as np
import pytest
import treadle as td
from treadle.ir.builder import Builder
from treadle.ir.evaluate import evaluate
from treadle.ir.graph import Block, Function
from treadle.ir.types import DTYPES, ArrayType
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
    def temporaries(memory):
        report = td.grad(counted, memory=memory).lower(X).report()
        return int(report.split("temporaries: ")[1].split(" bytes")[0])

    assert temporaries("8KB") < 10_000 < 50_000 < temporaries(None)


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
