"""Memory stays where it was: many functions compiled, called and dropped; many calls; many errors."""

import gc

import numpy as np
import pytest
import treadle as td

SOURCE = """
def f(x, y):
    a = x * {k}.5 + y
    b = a[1:] - a[:-1]
    return b * b + {k}
"""
X = np.arange(100.0)


def resident_mb() -> float:
    gc.collect()
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096 / 1e6


def compile_and_drop(first, count):
    for k in range(first, first + count):
        names = {}
        exec(SOURCE.format(k=k), names)
        assert td.jit(names["f"])(X, X).shape == (99,)


def growth(work, warm_up, count):
    work(0, warm_up)
    before = resident_mb()
    work(warm_up, count)
    return resident_mb() - before


def test_dropped_functions_are_given_back():
    assert growth(compile_and_drop, 100, 150) < 4


@pytest.mark.heavy
def test_two_thousand_functions():
    assert growth(compile_and_drop, 1000, 1000) < 20


def raise_often(first, count):
    f = td.jit(lambda x, i: x[i])
    for _ in range(count):
        try:
            f(X, 100)
        except IndexError:
            continue
        raise AssertionError("no error")


def call_often(first, count):
    f = td.jit(lambda x, y: x + y)
    for _ in range(count):
        f(X, X[:1])


@pytest.mark.parametrize("work", [raise_often, call_often])
def test_calls_do_not_accumulate(work):
    assert growth(work, 3000, 30000) < 0.5


@pytest.mark.heavy
def test_a_million_errors():
    assert growth(raise_often, 10_000, 1_000_000) < 1
