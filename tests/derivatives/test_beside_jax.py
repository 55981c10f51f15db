"""Gradients equal to jax.grad's, to rounding: one function of (namespace, arguments) for both."""

import numpy as np
import pytest
import treadle as td

from tests.derivatives.peer_cases import CASES, drawn

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy


@pytest.mark.parametrize("name", CASES)
def test_gradient(name):
    f, x = CASES[name]
    expected = np.asarray(jax.grad(lambda x: f(jnp, x))(x))
    np.testing.assert_allclose(td.grad(lambda x: f(np, x))(x), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["softmax", "layer norm", "einsum", "power", "cumprod", "batched matmul", "rosenbrock", "prod"])
def test_hessian(name):
    f, x = CASES[name]
    expected = np.asarray(jax.hessian(lambda x: f(jnp, x))(x))
    np.testing.assert_allclose(td.hessian(lambda x: f(np, x))(x), expected, rtol=1e-8, atol=1e-9)


Z = drawn(4, seed=5) + 1j * drawn(4, seed=6)


@pytest.mark.parametrize("f", [
    lambda xp, z: xp.sum(xp.abs(z) ** 2), lambda xp, z: xp.sum(xp.abs(z)), lambda xp, z: xp.sum(xp.exp(z).real),
    lambda xp, z: xp.sum((z * z * xp.conj(z)).imag), lambda xp, z: xp.abs(xp.sum(z**2 / (z + 1))),
    lambda xp, z: xp.sum(xp.angle(z)), lambda xp, z: xp.sum(xp.sin(z).real * z.imag)])
def test_gradient_in_complex_arguments(f):
    expected = np.asarray(jax.grad(lambda z: f(jnp, z))(Z))
    np.testing.assert_allclose(td.grad(lambda z: f(np, z))(Z), expected, rtol=1e-10, atol=1e-12)
