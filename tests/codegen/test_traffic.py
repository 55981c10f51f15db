"""Loads of large arrays are asked for ahead of time, by loops that compute much."""

import numpy as np
import pytest
import treadle as td

LARGE = np.linspace(0.1, 1.0, 400_000)


def computes_much(x):
    return np.exp(np.sin(x)) * x


def neighbours(x):
    return np.exp(x[1:-1] - x[:-2] - x[2:])


def computes_little(x):
    return x + 1.0


def total(x):
    return np.sum(np.exp(np.sin(x)))


def fetches(f, x):
    return td.jit(f).lower(x).ir("llvm").count("call void @llvm.prefetch")


@pytest.mark.parametrize("f", [computes_much, total, neighbours])
def test_lines_of_large_arrays_are_asked_for(f):
    assert fetches(f, LARGE) > 0 == fetches(f, LARGE[:1000].copy())
    np.testing.assert_allclose(td.jit(f)(LARGE), f(LARGE), rtol=1e-13)


def test_each_line_is_asked_for_once():
    assert fetches(neighbours, LARGE) <= fetches(computes_much, LARGE) + 1


def test_what_computes_little_asks_for_nothing():
    assert fetches(computes_little, LARGE) == 0
