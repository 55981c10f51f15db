"""Complex functions over wide ranges: the error, relative to the modulus, against NumPy in extended precision.

Where NumPy's own formula loses digits (log1p near 0, exp2 of large arguments) the reference is mpmath.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.opdef import OPS

from tests.ops.test_pointwise import lowered

COUNT = 4000
NAMES = ("divide reciprocal sqrt sign exp expm1 log log2 log10 sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh "
         "arccosh arctanh").split()
# Exact by mpmath; the largest exponent of ten that operands may have in their middle range.
OWN = {"log1p": (mpmath.log1p, 2.2), "exp2": (lambda z: mpmath.mpf(2) ** z, 13)}


def draw(rng, kind, dtype):
    """Points of all magnitudes, of middle ones, or near the unit's corners, where branch points lie."""
    reach = 30 if dtype == np.complex64 else 280
    low, high = {"wide": (-reach, reach), "middle": (-8, 2.2), "corners": (-8, 0)}[kind]
    parts = 10.0 ** rng.uniform(low, high, (2, COUNT)) * rng.choice([-1, 1], (2, COUNT))
    centre = rng.choice([1, -1, 1j, -1j], COUNT) if kind == "corners" else 0
    return (centre + parts[0] + 1j * parts[1]).astype(dtype)


def relative_error(got, exact, dtype):
    """In units of the dtype's rounding, where the exact value is in its range."""
    info = np.finfo(dtype)
    inside = np.isfinite(exact) & (np.abs(exact) < info.max / 4) & (np.abs(exact) > info.tiny * 100)
    error = np.abs(got.astype(np.clongdouble) - exact)[inside] / np.abs(exact)[inside] / info.eps
    return float(np.where(np.isnan(error), np.inf, error).max())


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("kind", ["wide", "middle", "corners"])
@pytest.mark.parametrize("name", NAMES)
def test_error_is_a_few_roundings(name, kind, dtype):
    rng = np.random.default_rng(11)
    operands = [draw(rng, kind, dtype) for _ in range(2 if name == "divide" else 1)]
    got = lowered(OPS[name], operands, {})
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(*[x.astype(np.clongdouble) for x in operands])
        numpys = getattr(np, name)(*operands)
        assert relative_error(got, exact, dtype) < 4
        # The same results overflow, and the same are no numbers.
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(numpys))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("kind", ["wide", "middle", "corners"])
@pytest.mark.parametrize("name", OWN)
def test_error_is_a_few_roundings_where_numpys_is_not(name, kind, dtype):
    exactly, most = OWN[name]
    x = draw(np.random.default_rng(11), kind, dtype)[:1000]
    if name == "exp2":
        x = np.where(np.abs(x.imag) < 10.0 ** most, x, x.real).astype(dtype)
        x = np.where(np.abs(x.real) < 1000, x, 1j * x.imag).astype(dtype)
    if kind == "corners":
        x = np.concatenate([x, x - 1]).astype(dtype)
    got = lowered(OPS[name], [x], {})
    with mpmath.workprec(400):
        exact = [exactly(mpmath.mpc(complex(z))) if z != -1 else mpmath.mpc("-inf") for z in x]
    exact = np.array([np.longdouble(mpmath.nstr(e.real, 25)) + 1j * np.longdouble(mpmath.nstr(e.imag, 25)) for e in exact])
    assert relative_error(got, exact, dtype) < 4


def test_powers_of_complex64_are_exact_to_a_rounding():
    rng = np.random.default_rng(13)
    x = draw(rng, "wide", np.complex64)
    y = 10 ** rng.uniform(-2, 1, COUNT) * np.exp(6.28j * rng.uniform(size=COUNT))
    y = (y / np.maximum(1, np.abs(np.log(x)) / 40)).astype(np.complex64)
    y[::5] = np.rint(y[::5].real)
    got = lowered(OPS["power"], [x, y], {})
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.clongdouble), y.astype(np.clongdouble))
    assert relative_error(got, exact, np.complex64) < 1


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_error_of_powers_is_that_of_numpy(dtype, name="power"):
    rng = np.random.default_rng(12)
    operands = [(rng.normal(size=COUNT) + 1j * rng.normal(size=COUNT)).astype(dtype) for _ in range(2)]
    got = lowered(OPS[name], operands, {})
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(*[x.astype(np.clongdouble) for x in operands])
        limit = relative_error(getattr(np, name)(*operands), exact, dtype)
    assert relative_error(got, exact, dtype) < 2 * limit + 4


def test_whole_powers_are_exact():
    z = np.array([1j, 1 + 1j, 2 - 3j])
    for n in (2, 3, 4, 5):
        got = lowered(OPS["power"], [z, np.full(3, n, complex)], {})
        np.testing.assert_array_equal(got, np.prod([z] * n, axis=0))
