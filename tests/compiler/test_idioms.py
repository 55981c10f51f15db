"""Whole programs as people write them, in many idioms of Python: results, mutated arguments and errors are NumPy's."""

import inspect

import numpy as np
import pytest
import treadle

from tests.comparator import difference, explained, fresh, observe
from tests.perturb import perturbed_functions

from .idioms import algebra, grids, searches

# Programs that take a second and more to compile, or several searches: run with the heavy tests.
LONG = {"knapsack", "smith_waterman", "mandelbrot", "fft_stages", "dijkstra", "flood", "run_lengths", "lz77",
        "natural_spline", "lattice_boltzmann", "cell_lists",
        "machine", "greens", "edit_distance", "bitonic", "metropolis", "convolution"}
CASES = [*algebra.CASES, *grids.CASES, *searches.CASES]


def problem(function, compiled, arguments):
    make = fresh(arguments)
    want, got = observe(function, make), observe(compiled, make)
    found = difference(got, want)
    if found is None or got.error is not None:
        return found
    variants = perturbed_functions(inspect.getsource(function), function.__name__, dict(function.__globals__, np=np))
    return explained(got, want, [observe(f, make) for f in variants])


@pytest.mark.parametrize(("function", "make"), [
    pytest.param(f, make, id=f.__name__, marks=[pytest.mark.heavy] if f.__name__ in LONG else []) for f, make in CASES])
def test_program_agrees_with_numpy(function, make):
    assert problem(function, treadle.jit(function), make(6)) is None


@pytest.mark.heavy
@pytest.mark.parametrize(("function", "make"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_second_call_of_other_sizes_agrees_with_numpy(function, make):
    compiled = treadle.jit(function)
    assert problem(function, compiled, make(6)) is None
    assert problem(function, compiled, make(9)) is None


def bound_by_the_second_operand(x):
    s, count = np.zeros(()), 0
    for v in x:
        if not (v > 0.5 or (w := v * 3) < 0.3) and (k := int(w * 4)) != 2:
            s += k + w
        elif 0.9 < v < (limit := v + 0.05) < 1:
            s -= limit
            count += 1
    return s, count


def may_be_unbound(x):
    if x[0] > 0 and (r := x[0] * 2) < 3:
        x[1] = r
    return r


@pytest.mark.parametrize("x", [np.linspace(0, 1, 40), np.array([-1.0, 2.0]), np.array([0.2, 0.4])], ids=["many", "negative", "two"])
@pytest.mark.parametrize("function", [bound_by_the_second_operand, may_be_unbound])
def test_names_bound_in_tests_that_stop_early(function, x):
    assert problem(function, treadle.jit(function), (x,)) is None
