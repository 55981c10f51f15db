"""At ties and kinks: as JAX has them, or as the page on derivatives states; and as autograd's where that is at hand."""

import numpy as np
import pytest
import treadle as td

ZERO, TIED = np.zeros(3), np.array([1.0, 2.0, 2.0, 0.0])

# function of (namespace, argument), and the point.
AS_JAX = {
    "max tied": (lambda xp, x: xp.max(x), TIED),
    "min tied": (lambda xp, x: xp.min(xp.stack([x, x[::-1]])), TIED),
    "maximum tied": (lambda xp, x: xp.sum(xp.maximum(x, 2.0)), TIED),
    "minimum tied": (lambda xp, x: xp.sum(xp.minimum(x, x[::-1]) * xp.arange(4.0)), TIED),
    "amax of an axis": (lambda xp, x: xp.sum(xp.max(x.reshape(2, 2), axis=1)), np.ones(4)),
    "ptp": (lambda xp, x: xp.ptp(x), TIED),
    "abs at 0": (lambda xp, x: xp.sum(xp.abs(x)), ZERO),
    "sign at 0": (lambda xp, x: xp.sum(xp.sign(x) * 3), ZERO),
    "sqrt at 0": (lambda xp, x: xp.sum(xp.sqrt(x)), ZERO),
    "sort tied": (lambda xp, x: xp.sum(xp.sort(x) * xp.arange(4.0)), TIED),
    "median tied": (lambda xp, x: xp.median(x), TIED),
    "clip inside": (lambda xp, x: xp.sum(xp.clip(x, 0.5, 1.5)), TIED),
    "where, untaken nan": (lambda xp, x: xp.sum(xp.where(x > 0, xp.where(x > 0, x, 1.0) ** 0.5, 0.0)), TIED),
    "x**0": (lambda xp, x: xp.sum(x**0), ZERO),
    "x**1 at 0": (lambda xp, x: xp.sum(x**1), ZERO),
    "x**2 at 0": (lambda xp, x: xp.sum(x**2), ZERO),
    "x**3 at 0": (lambda xp, x: xp.sum(x**3.0), ZERO),
    "2**x at 0": (lambda xp, x: xp.sum(2.0**x), ZERO),
    "logaddexp equal": (lambda xp, x: xp.sum(xp.logaddexp(x, x[::-1] * 1.0)), TIED),
    "logaddexp at -inf": (lambda xp, x: xp.sum(xp.logaddexp(x, -np.inf)), TIED),
    "sinc at 0": (lambda xp, x: xp.sum(xp.sinc(x)), ZERO),
    "prod with a zero": (lambda xp, x: xp.prod(x), TIED),
    "prod with zeros": (lambda xp, x: xp.prod(x), np.array([0.0, 3.0, 0.0])),
    "cumprod with a zero": (lambda xp, x: xp.sum(xp.cumprod(x) * xp.arange(1.0, 5.0)), np.array([2.0, 0.0, 3.0, 4.0])),
    "cumprod with zeros": (lambda xp, x: xp.sum(xp.cumprod(x)), np.array([2.0, 0.0, 3.0, 0.0])),
    "cumsum of ties": (lambda xp, x: xp.sum(xp.cumsum(x) ** 2), TIED),
    "var of constants": (lambda xp, x: xp.var(x), np.ones(4)),
    "floor at whole numbers": (lambda xp, x: xp.sum(xp.floor(x) * x), TIED),
    "remainder": (lambda xp, x: xp.sum(xp.mod(x, 1.5)), TIED),
    "tanh at 0": (lambda xp, x: xp.sum(xp.tanh(x)), ZERO),
    "arctan2 on an axis": (lambda xp, x: xp.sum(xp.arctan2(x, -1.0)), ZERO),
    "take twice": (lambda xp, x: xp.sum(x[np.array([1, 1, 2])] ** 2), TIED),
    "log1p at 0": (lambda xp, x: xp.sum(xp.log1p(x)), ZERO),
    "expm1 at 0": (lambda xp, x: xp.sum(xp.expm1(x)), ZERO),
    "softplus at 0": (lambda xp, x: xp.sum(xp.logaddexp(x, 0.0)), ZERO),
    "norm of ones": (lambda xp, x: xp.linalg.norm(x), np.ones(4)),
    "eigvalsh": (lambda xp, x: xp.sum(xp.linalg.eigvalsh((x + x.T) / 2) ** 2), np.array([[2.0, 1.0], [1.0, 5.0]])),
    "slogdet": (lambda xp, x: xp.linalg.slogdet(x.reshape(2, 2))[1], np.array([2.0, 1.0, 1.0, 5.0])),
    "inverse": (lambda xp, x: xp.sum(xp.linalg.inv(x.reshape(2, 2)) ** 2), np.array([2.0, 1.0, 1.0, 5.0])),
    "singular values": (lambda xp, x: xp.sum(xp.linalg.svd(x.reshape(2, 2), compute_uv=False)), np.array([2.0, 1.0, 0.0, 5.0])),
    "cholesky": (lambda xp, x: xp.sum(xp.linalg.cholesky((x + x.T) / 2)), np.array([[2.0, 0.5], [0.5, 3.0]])),
    "eigenvectors": (lambda xp, x: xp.sum(xp.abs(xp.linalg.eigh((x + x.T) / 2)[1])), np.array([[2.0, 0.5], [0.5, 3.0]])),
}


@pytest.mark.parametrize("name", AS_JAX)
def test_as_jax_has_it(name):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    jax.config.update("jax_enable_x64", True)
    f, x = AS_JAX[name]
    want = np.asarray(jax.grad(lambda x: f(jax.numpy, x))(x))
    np.testing.assert_allclose(td.grad(lambda x: f(np, x))(x), want, rtol=1e-10, atol=1e-12)
    if np.isfinite(want).all():
        np.testing.assert_allclose(td.jacfwd(lambda x: f(np, x))(x), want, rtol=1e-10, atol=1e-12)


STATED = [
    (lambda x: np.linalg.norm(x), ZERO, ZERO), (lambda x: np.std(x), np.ones(3), ZERO),
    (lambda x: np.hypot(x, x).sum(), ZERO, ZERO),
    (lambda x: (x**0).sum(), ZERO, ZERO), (lambda x: np.abs(x).sum(), ZERO, np.ones(3)),
    (lambda x: np.maximum(x, 0).sum(), ZERO, np.full(3, 0.5)), (lambda x: np.where(x > 0, np.log(x), 0).sum(), ZERO, ZERO),
    (lambda x: (np.linalg.eigvalsh(x) ** 2).sum(), np.array([[2.0, 1.0], [1.0, 5.0]]), np.array([[4.0, 0.0], [4.0, 10.0]]))]


@pytest.mark.parametrize("f, x, want", STATED)
def test_as_stated(f, x, want):
    np.testing.assert_allclose(td.grad(f)(x), want, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(td.jacfwd(f)(x), want, rtol=1e-14, atol=1e-14)


SMOOTH = np.array([0.4, 1.2, 0.7, 1.9])
NAMES = ("sin cos tan arcsin:0.4 arccos:0.4 arctan sinh cosh tanh arcsinh arctanh:0.4 exp expm1 exp2 log log1p log2 log10 sqrt "
         "square reciprocal absolute negative fabs deg2rad rad2deg sinc sum prod mean var std max min cumsum sort diff ravel "
         "flipud linalg.norm").split()
WITH_AUTOGRAD = [
    *NAMES, "power", "hypot", "arctan2", "logaddexp", "maximum", "minimum", "divide", "multiply", "dot", "outer", "kron", "where",
    "concatenate", "tile", "repeat", "roll", "pad", "trace", "tril", "triu", "diag", "inner", "tensordot", "einsum", "cross",
    "linalg.inv", "linalg.det", "linalg.solve", "linalg.slogdet", "linalg.cholesky", "linalg.eigh", "linalg.svd"]


def of_two(xp, name, x):
    """A scalar made by a function of matrices, or of two arrays."""
    a = xp.reshape(x, (2, 2)) + 2 * xp.eye(2)
    y = x[::-1] + 0.3
    found = {
        "dot": lambda: xp.dot(x, y), "where": lambda: xp.where(x > 1, x * x, xp.sin(x)),
        "concatenate": lambda: xp.concatenate([x, y * y]), "tile": lambda: xp.tile(x, 2) * xp.arange(8),
        "repeat": lambda: xp.repeat(x, 2),
        "roll": lambda: xp.roll(x, 1) * x, "pad": lambda: xp.pad(x, 1, "constant") ** 2, "trace": lambda: xp.trace(xp.dot(a, a)),
        "tril": lambda: xp.tril(a) ** 2, "triu": lambda: xp.triu(a) ** 2, "diag": lambda: xp.diag(a) ** 3,
        "tensordot": lambda: xp.tensordot(a, a, 1), "einsum": lambda: xp.einsum("ij,jk->ik", a, a), "inner": lambda: xp.inner(a, a),
        "cross": lambda: xp.cross(x[:3], y[:3]) * xp.arange(3), "linalg.inv": lambda: xp.linalg.inv(a),
        "linalg.det": lambda: xp.linalg.det(a), "linalg.solve": lambda: xp.linalg.solve(a, x[:2]),
        "linalg.slogdet": lambda: xp.linalg.slogdet(a)[1], "linalg.cholesky": lambda: xp.linalg.cholesky(xp.dot(a, a.T)),
        "linalg.eigh": lambda: xp.linalg.eigh(a + a.T)[0] ** 2, "linalg.svd": lambda: xp.linalg.svd(a, compute_uv=False) ** 2,
    }.get(name)
    return xp.sum(found() if found is not None else getattr(xp, name)(x, y) * x[0])


def of_one(xp, name, x):
    name, _, scale = name.partition(":")
    function = xp
    for part in name.split("."):
        function = getattr(function, part)
    return xp.sum(function(x * float(scale or 1)) * (1 + x[0]))


@pytest.mark.parametrize("name", WITH_AUTOGRAD)
def test_as_autograd_has_it(name):
    autograd = pytest.importorskip("autograd", reason="autograd is not installed")
    import autograd.numpy as anp

    f = of_one if name in NAMES else of_two
    try:
        want = autograd.grad(lambda x: f(anp, name, x))(SMOOTH)
    except (AttributeError, NotImplementedError, TypeError) as e:
        pytest.skip(f"autograd has no derivative of it: {e}")
    np.testing.assert_allclose(td.grad(lambda x: f(np, name, x))(SMOOTH), want, rtol=1e-9, atol=1e-12)
