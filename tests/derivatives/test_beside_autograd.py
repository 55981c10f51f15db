"""Gradients equal to autograd's, to rounding, where autograd has them."""

import numpy as np
import pytest
import treadle as td

from tests.derivatives.peer_cases import CASES

autograd = pytest.importorskip("autograd")
anp = pytest.importorskip("autograd.numpy")

# It has no rule for these, or does not take the call, or its products of zeros are NaN.
WITHOUT = {"prod with zeros", "prod with two zeros", "sqrt, cbrt", "einsum trace", "cumprod", "median", "take", "pad", "flip",
           "diagonal", "polyval", "complex parts"}


@pytest.mark.parametrize("name", sorted(CASES.keys() - WITHOUT))
def test_gradient(name):
    f, x = CASES[name]
    expected = autograd.grad(lambda x: f(anp, x))(x)
    np.testing.assert_allclose(td.grad(lambda x: f(np, x))(x), expected, rtol=1e-9, atol=1e-11)


def drawn_matrices():
    rng = np.random.default_rng(7)
    return rng.normal(size=(5, 5)) + 5 * np.eye(5)


@pytest.mark.parametrize("f", [
    lambda xp, a: xp.sum(xp.linalg.inv(a) ** 2), lambda xp, a: xp.linalg.det(a), lambda xp, a: xp.linalg.slogdet(a)[1],
    lambda xp, a: xp.sum(xp.linalg.solve(a, a @ a + 1) ** 2), lambda xp, a: xp.sum(xp.linalg.cholesky(a @ a.T) ** 3),
    lambda xp, a: xp.sum(xp.linalg.eigh(a + a.T)[0] ** 3), lambda xp, a: xp.sum(xp.linalg.svd(a, full_matrices=False)[1] ** 3)])
def test_gradient_of_linear_algebra(f):
    a = drawn_matrices()
    expected = autograd.grad(lambda a: f(anp, a))(a)
    np.testing.assert_allclose(td.grad(lambda a: f(np, a))(a), expected, rtol=1e-8, atol=1e-9)
