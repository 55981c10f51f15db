"""scipy.special under jit: SciPy's values, dtypes and shapes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as sp
import treadle as td
from treadle.ir.opdef import OPS
from treadle.ir.ops.special_family import SPECIAL

X = np.random.default_rng(0).normal(size=(4, 5))


def same(got, want, rtol):
    for g, w in zip(got if isinstance(got, tuple) else (got,), want if isinstance(want, tuple) else (want,), strict=True):
        assert type(g) is type(w) and g.dtype == w.dtype and g.shape == w.shape
        np.testing.assert_allclose(g, w, rtol=rtol, atol=rtol * 1e-3)


@pytest.mark.parametrize("dtype, rtol", [("f8", 1e-14), ("f4", 1e-6)])
def test_every_ufunc(dtype, rtol):
    """In one function, on operands of its sample; several strips long, and in rows."""
    rng = np.random.default_rng(1)
    names = sorted(SPECIAL.keys() - {"zeta"})
    operands = [[rng.uniform(*OPS[n].samples[0].domain, (3, 700)).astype(dtype) for _ in OPS[n].samples[0].shapes] for n in names]
    for n, args in zip(names, operands, strict=True):
        if n in ("yn", "kn", "expn"):
            args[0] = np.rint(args[0])
    functions = [getattr(sp, n) for n in names]

    def all_of_them(operands):
        return [f(*args) for f, args in zip(functions, operands)]

    for got, want in zip(td.jit(all_of_them)(operands), all_of_them(operands), strict=True):
        same(got, want, rtol)


def test_functions_made_of_them():
    def f(x):
        a = np.abs(x)
        return [
            sp.softmax(x, 1), sp.softmax(x), sp.log_softmax(x, 0), sp.log_softmax(x.astype("f8"), -1), sp.logsumexp(x),
            sp.logsumexp(x, 1, x), sp.logsumexp(x, axis=1, b=x, return_sign=True), sp.logsumexp(x, axis=(0, 1)),
            sp.logsumexp(x, keepdims=True), sp.logsumexp(x.astype("i8")), sp.polygamma(2, a), sp.polygamma([1, 2], x[0, :2]),
            sp.comb(a * 5, 2), sp.comb(5, (x * 3).astype("i8")), sp.perm(a * 5, 2), sp.factorial(a), sp.zeta(3, a),
            sp.factorial((x * 3).astype("i8")), sp.zeta(a + 1.5), sp.jn(2, x), sp.expm1(x), sp.softplus(x),
            sp.multigammaln(a + 3, 2), sp.gamma(x[0, 0]), sp.erf(x[0, 0]), sp.gamma(np.arange(1, 4)), sp.xlogy(0, x),
            sp.erf(x.T[::2]), sp.i0(x[::-1, ::2])]

    for got, want in zip(td.jit(f)(X), f(X), strict=True):
        same(got, want, 1e-13)


def test_keywords_of_ufuncs():
    def f(x, out):
        sp.expit(x, out=out)
        return sp.erf(x, dtype="f4"), sp.erf(x.astype("f2"))

    outs = np.zeros_like(X), np.zeros_like(X)
    same(td.jit(f)(X, outs[0]), f(X, outs[1]), 1e-6)
    same(outs[0], outs[1], 1e-14)
    # SciPy's own loops go astray under a mask.
    got = td.jit(lambda x: sp.gammaln(x, where=x > 0, out=np.zeros_like(x)))(X)
    np.testing.assert_allclose(got, np.where(X > 0, sp.gammaln(X), 0), rtol=1e-14)


def test_sums_of_exponentials_of_extremes():
    for x in ([np.inf, 1.0], [-np.inf, -np.inf], [np.nan, 1.0], [1000.0, 1000.0], [0.0, -40.0]):
        x = np.array(x)
        np.testing.assert_array_equal(td.jit(lambda x: sp.logsumexp(x))(x), sp.logsumexp(x))


def test_derivatives():
    np.testing.assert_allclose(td.grad(lambda x: np.sum(sp.gammaln(x) + sp.erf(x)))(np.abs(X)),
                               sp.psi(np.abs(X)) + 2 / np.sqrt(np.pi) * np.exp(-X * X), rtol=1e-13)
    with pytest.raises(td.errors.UnsupportedError, match="its order"):
        td.grad(lambda v: sp.jv(v, 2.0))(1.5)


def test_several_results_and_complex_numbers():
    def f(x, out):
        z = x + 0.5j
        sp.wofz(z, out=out)
        return [sp.airy(x), sp.ellipj(x, 0.5), sp.sici(x[0, 0]), sp.fresnel(z), sp.gamma(z), sp.jv(1, z),
                sp.wofz(x[:, :1] * z), sp.erf(1j), sp.shichi(x.astype("f4")), sp.kelvin(x), sp.hankel1(0, np.abs(x))]

    outs = np.zeros_like(X, complex), np.zeros_like(X, complex)
    for got, want in zip(td.jit(f)(X, outs[0]), f(X, outs[1]), strict=True):
        same(got, want, 1e-14)
    same(outs[0], outs[1], 1e-14)


def test_calls_in_loops_keep_their_order():
    def f(x):
        total = np.zeros(4)
        for i in range(x.shape[1]):
            total += sp.airy(x[:, i])[0] if i % 2 else sp.sici(total + x[:, i])[0]
        return total

    same(td.jit(f)(X), f(X), 1e-14)


def test_methods_of_ufuncs():
    def f(x):
        a = np.abs(x) + 0.5
        sp.xlogy.at(a, [0, 0, 2], a[0])
        return [sp.xlogy.outer(a[0], a[1]), sp.xlogy.reduce(a), sp.beta.accumulate(a[:2], axis=1),
                sp.xlogy.reduceat(a[0], [0, 2]), a]

    for got, want in zip(td.jit(f)(X), f(X), strict=True):
        same(got, want, 1e-12)


def test_others_are_refused_by_name():
    with pytest.raises(td.errors.UnsupportedError, match="scipy.special.airy with where"):
        td.jit(lambda x: sp.airy(x, where=x > 0))(X)
