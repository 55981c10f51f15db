"""Ufuncs with several results or checks, and every ufunc over mixed dtypes, under jit."""

from __future__ import annotations

import numpy as np
import pytest
import treadle as td

from tests.ops.test_native_elementwise import close

A, B = np.array([7, -7, 5, 0]), np.array([2, 2, -3, 0])
X = np.array([1.75, -0.5, -0.0, np.inf])


@pytest.mark.parametrize("function, args", [
    (np.divmod, (A, B)), (np.divmod, (X, np.array([0.5, 0.3, 2.0, 1.0]))), (np.divmod, (A.astype("u1"), B.astype("i2"))),
    (np.modf, (X,)), (np.modf, (A,)), (np.frexp, (X,)), (np.frexp, (X.astype("f2"),)),
    (np.float_power, (A[:3], B[:3])), (np.float_power, (X[:2] + 1j, X[:2])),
])
def test_results_of_composed_ufuncs(function, args):
    with np.errstate(all="ignore"):
        want = function(*args)
    got = td.jit(lambda *a: function(*a))(*args)
    for g, w in zip(*(r if isinstance(r, tuple) else (r,) for r in (got, want)), strict=True):
        assert g.dtype == w.dtype
        if function is np.float_power:
            np.testing.assert_allclose(g, w, rtol=1e-14)
        else:
            np.testing.assert_array_equal(g, w)
            np.testing.assert_array_equal(np.signbit(g) & (g == g), np.signbit(w) & (w == w))


@pytest.mark.parametrize("function, args", [
    (lambda a, b: a**b, (A, B)), (lambda a: a**-1, (A,)), (lambda a: a[0] ** -2, (A,)), (lambda a, n: a**n, (A, -3)),
    (lambda a, b: np.power(a, b, where=b < 0), (A, B)),
])
def test_negative_exponents_of_ints_raise(function, args):
    for f in (function, td.jit(function)):
        with pytest.raises(ValueError, match="Integers to negative integer powers are not allowed"):
            f(*args)


@pytest.mark.parametrize("function, args", [
    (lambda a: a**2, (A,)), (lambda a, b: a ** np.abs(b), (A, B)), (lambda a, n: a**n, (A, 3)),
    (lambda a: a[:0] ** -1, (A,)), (lambda a, b: a ** b.astype("u1"), (A.astype("u1"), B)),
    (lambda a, b: np.power(a, b, where=b >= 0, out=np.zeros(4, int)), (A, B)),
])
def test_other_powers_of_ints(function, args):
    want, got = function(*args), td.jit(function)(*args)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)


UFUNCS = sorted({f.__name__: f for f in vars(np).values() if isinstance(f, np.ufunc) and f.signature is None}.items())
DTYPES = ("?", "i1", "u2", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16")


def draw(rng, dtype, n=61):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.random(n) < 0.5
    if kind in "iu":
        return rng.integers(0 if kind == "u" else -9, 9, n).astype(dtype)
    x = rng.normal(size=n) * 3
    return (x + 1j * rng.normal(size=n) if kind == "c" else x).astype(dtype)


@pytest.mark.heavy
@pytest.mark.parametrize("ufunc", [f for _, f in UFUNCS], ids=[n for n, _ in UFUNCS])
def test_mixed_dtypes(ufunc):
    """All that NumPy computes, of one or two operands of any dtypes: the same dtypes and values."""
    rng = np.random.default_rng(8)
    pairs = [(d,) for d in DTYPES] if ufunc.nin == 1 else [(d, DTYPES[(k + s) % len(DTYPES)])
                                                           for k, d in enumerate(DTYPES) for s in (0, 3, 7)]
    cases, want = [], []
    for dtypes in pairs:
        args = [draw(rng, d) for d in dtypes]
        if ufunc is np.power:
            args[1] = np.abs(args[1])
        try:
            with np.errstate(all="ignore"):
                want.append(ufunc(*args))
        except TypeError:
            with pytest.raises(TypeError):
                td.jit(lambda *a: ufunc(*a))(*args)
            continue
        cases.append(args)
    got = td.jit(lambda operands: [ufunc(*args) for args in operands])(cases)
    for args, g, w in zip(cases, got, want, strict=True):
        for one, other in zip(*(r if isinstance(r, tuple) else (r,) for r in (g, w)), strict=True):
            assert one.dtype == other.dtype, [x.dtype for x in args]
            same = one == other
            if other.dtype.kind in "fc":
                with np.errstate(all="ignore"):
                    same = close(one, other, 64)
            assert np.all(same), (args, one, other)
