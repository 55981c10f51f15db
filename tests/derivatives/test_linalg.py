"""Derivatives of linear algebra where formulas break down: singular matrices, bases completed at will, norms at 0."""

import numpy as np
import pytest
import treadle as td

rng = np.random.default_rng(0)
A, W = rng.normal(size=(3, 3)), rng.normal(size=(5, 5))
MATRICES = {"regular": A, "rank 2": np.array([[1.0, 2, 3], [2, 4, 6], [1, 0, 1]]), "rank 1": np.ones((3, 3)),
            "zero": np.zeros((3, 3)), "equal singular values": np.diag([2.0, 2, 0]), "one": np.eye(3), "number": np.zeros((1, 1)),
            "stack": np.stack([A, np.ones((3, 3)), np.eye(3)]), "4 by 4": np.diag([1.0, 2, 0, -3]) + np.diag([1.0, 1, 0], 1)}


def differences(f, a, step=1e-6):
    found = np.zeros_like(a)
    for i in np.ndindex(a.shape):
        moved = np.zeros_like(a)
        moved[i] = step
        found[i] = (f(a + moved) - f(a - moved)) / (2 * step)
    return found


@pytest.mark.parametrize("name", MATRICES)
def test_determinants_of_singular_matrices(name):
    def f(a):
        return (np.linalg.det(a) * np.arange(1.0, 4.0)[:len(a) if a.ndim > 2 else 1]).sum()

    a = MATRICES[name]
    want = differences(f, a)
    np.testing.assert_allclose(td.grad(f)(a), want, atol=1e-8)
    np.testing.assert_allclose(td.jacfwd(f)(a), want, atol=1e-8)
    if a.ndim > 2:
        lanes = td.vmap(td.grad(lambda a: np.linalg.det(a)))(a)
        np.testing.assert_allclose(lanes, differences(lambda a: np.linalg.det(a).sum(), a), atol=1e-8)


def test_a_complex_singular_matrix():
    a, d = A + 1j * A.T, rng.normal(size=(3, 3)) + 1j
    a[2] = a[0] * (1 + 2j)
    f = lambda a: np.linalg.det(a)  # noqa: E731
    np.testing.assert_allclose(td.jvp(f, (a,), (d,))[1], (f(a + 1e-6 * d) - f(a - 1e-6 * d)) / 2e-6, rtol=1e-6)


def test_hessian_of_a_determinant():
    f = lambda a: np.linalg.det(a)  # noqa: E731
    for name in ("regular", "rank 2", "one"):
        a = MATRICES[name]
        want = np.stack([differences(lambda a, i=i: td.grad(f)(a)[i], a, 1e-5) for i in np.ndindex(3, 3)]).reshape(3, 3, 3, 3)
        for hessian in (td.jacfwd(td.grad(f))(a), td.jacrev(td.grad(f))(a)):
            np.testing.assert_allclose(hessian, want, atol=1e-5)


def full_svd(a):
    u, s, vh = np.linalg.svd(a)
    k = s.shape[0]
    left = (u[:, k:] @ u[:, k:].T * W[:u.shape[0], :u.shape[0]]).sum()
    right = (vh[k:].T @ vh[k:] * W[:vh.shape[0], :vh.shape[0]]).sum()
    return left + right + (u[:, :k] * s)[0].sum() * s[0] + (u[:, :k] @ np.diag(s) @ vh[:k])[0, 1]


def full_qr(a):
    q, r = np.linalg.qr(a, "complete")
    k = min(a.shape)
    outside = (q[:, k:] @ q[:, k:].T * W[:q.shape[0], :q.shape[0]]).sum()
    return outside + (q @ r)[0, 1] + (r ** 2 * np.arange(r.shape[1])).sum() + q[0, 0]


@pytest.mark.parametrize("f", [full_svd, full_qr])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (5, 2)])
def test_complete_factors_of_matrices_that_are_not_square(f, shape):
    a = rng.normal(size=shape)
    want = differences(f, a)
    np.testing.assert_allclose(td.grad(f)(a), want, atol=1e-6)
    np.testing.assert_allclose(td.jacfwd(f)(a), want, atol=1e-6)


@pytest.mark.parametrize("norm", [
    lambda x: np.linalg.norm(x), lambda x: np.linalg.norm(x, axis=0).sum(), lambda x: np.linalg.norm(x, 2, axis=1).sum(),
    lambda x: np.linalg.norm(x, "fro"), lambda x: np.linalg.norm(x, axis=(0, 1))])
def test_norms_at_zero_have_slope_zero(norm):
    np.testing.assert_array_equal(td.grad(norm)(np.zeros((2, 3))), np.zeros((2, 3)))
    np.testing.assert_array_equal(td.jacfwd(norm)(np.zeros((2, 3))), np.zeros((2, 3)))


def test_the_norm_of_magnitudes_at_zero_has_the_slope_of_abs():
    for derivative in (td.grad, td.jacfwd):
        np.testing.assert_array_equal(derivative(lambda x: np.linalg.norm(x, 1, axis=1).sum())(np.zeros((2, 3))), np.ones((2, 3)))
