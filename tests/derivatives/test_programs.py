"""Derivatives of whole programs against central differences, and against each other."""

import copy

import numpy as np
import pytest
import treadle as td

from tests.derivatives.differences import check_gradient
from tests.derivatives.programs import PROGRAMS


def unit(args, k, seed=5):
    shape = np.shape(args[k])
    u = np.random.default_rng(seed).normal(size=shape)
    return u if shape else float(u)


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradient(name):
    f, args = PROGRAMS[name]
    check_gradient(td.grad, f, args)


@pytest.mark.parametrize("name", PROGRAMS)
def test_forward_mode_agrees_with_reverse_mode(name):
    f, args = PROGRAMS[name]
    units = tuple(unit(args, k) for k in range(len(args)))
    value, slope = td.jvp(f, copy.deepcopy(args), units)
    np.testing.assert_allclose(value, f(*copy.deepcopy(args)), rtol=1e-12)
    gradients = td.grad(f, argnums=range(len(args)))(*copy.deepcopy(args))
    expected = sum(np.sum(g * u) for g, u in zip(gradients, units, strict=True))
    np.testing.assert_allclose(slope, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_derivatives(name):
    """Reverse over reverse and forward over reverse, in one direction, against differences of the gradient."""
    f, args = PROGRAMS[name]
    u = unit(args, 0)
    gradient = td.grad(f)

    def along(x, *rest):
        return np.sum(gradient(x, *rest) * u)

    given = copy.deepcopy(args)
    backward = td.grad(along)(*given)
    _, forward = td.jvp(lambda x: gradient(x, *args[1:]), (given[0],), (u,))
    h = 1e-6
    ends = [gradient(args[0] + s * u, *copy.deepcopy(args[1:])) for s in (h, -h)]
    numeric = (np.asarray(ends[0]) - ends[1]) / (2 * h)
    np.testing.assert_allclose(forward, numeric, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(backward, forward, rtol=1e-8, atol=1e-9)
