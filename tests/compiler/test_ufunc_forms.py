"""Every ufunc in every form of call: what is compiled does as NumPy does; the heavy tests run the whole product of dtypes."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import treadle as td

from tests.compiler.ufunc_forms import DTYPES, REFUSED, UFUNCS, Call, compare, elementwise, methods, scalars

PLAIN = sorted(n for n, u in UFUNCS.items() if u.signature is None and n != "isnat")


def accepted(problems):
    """The problems without those that are none.

    NumPy's own arctan2.reduceat reads elements after it has overwritten them; its ldexp.reduce takes whole numbers for a float
    and an exponent; `exp.at` into integers truncates a rounding; what logaddexp.reduce adds up is accurate in absolute terms.
    """
    known = ("np.arctan2.reduceat", "np.ldexp.re", "np.logaddexp.re", "np.logaddexp2.re")
    return [p for p in problems if not p.startswith(known) and ".at(x" not in p.split("#")[0]]


@pytest.mark.parametrize("name", PLAIN)
def test_some_forms(name):
    """A share of the forms over a dtype or two, other ones for each ufunc."""
    turn = PLAIN.index(name)
    dtypes = (DTYPES[1 + turn % (len(DTYPES) - 1)],) * UFUNCS[name].nin
    some = [*elementwise(name, dtypes)][turn % 3::3] + [*methods(name, ("f8", "i8", "f4", "?")[turn % 4])][turn % 5::5]
    assert not accepted(compare(some, f"{name} forms"))


@pytest.mark.heavy
@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("dtype", DTYPES)
def test_product(name, dtype):
    others = {dtype, "f8", DTYPES[(DTYPES.index(dtype) + 5) % len(DTYPES)]} if UFUNCS[name].nin == 2 else {""}
    calls = itertools.chain(*(elementwise(name, (dtype, o) if o else (dtype,)) for o in sorted(others)), methods(name, dtype))
    assert not accepted(compare(list(calls), f"{name} {dtype}"))


@pytest.mark.heavy
@pytest.mark.parametrize("name", PLAIN)
def test_python_numbers(name):
    assert not accepted(compare(list(scalars(name)), f"{name} scalars"))


@pytest.mark.parametrize("dtype", REFUSED)
def test_other_dtypes_are_refused_by_name(dtype):
    with pytest.raises(td.errors.UnsupportedError, match=re.escape(str(np.dtype(dtype)))):
        td.jit(lambda x: np.add(x, x))(np.ones(3).astype(dtype))


def test_errors_name_the_ufunc():
    def cast_down(x):
        return np.exp(x, out=np.zeros(3, int))

    call = Call("np.exp(x, out=o)", {"x": np.ones(3), "o": np.zeros(3, int)})
    assert not compare([call], "cast", messages=True)
    with pytest.raises(TypeError, match="Cannot cast ufunc 'exp' output from dtype"):
        td.jit(cast_down)(np.ones(3))


@pytest.mark.parametrize("dtype", ["c8", "c16"])
def test_complex_powers_of_special_values(dtype):
    """Infinite and zero parts, and no numbers, in base and exponent: the parts that NumPy's result has."""
    parts = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-3, np.inf, -np.inf, np.nan])
    grid = (parts[:, None] + 1j * np.zeros(11)).astype(dtype)
    grid.imag = parts
    x, y = (v.ravel() for v in np.meshgrid(grid.ravel(), grid.ravel()))
    with np.errstate(all="ignore"):
        want = np.power(x, y)
    got = td.jit(lambda x, y: np.power(x, y))(x, y)
    for g, w in ((got.real, want.real), (got.imag, want.imag)):
        with np.errstate(all="ignore"):
            near = np.abs(g - w) <= 1e-5 * np.abs(want)
        assert np.all(near | (g == w) | (np.isnan(g) & np.isnan(w)))


def test_every_half_precision_operand():
    """Functions of one float16: within a unit in the last place of the true result, for all 65536 operands."""
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    ufuncs = [u for n, u in UFUNCS.items() if u.nin == u.nout == 1 and u.signature is None and n != "spacing"]
    ufuncs = [u for u in ufuncs if any(t == "e->e" for t in u.types)]

    def each(x):
        return [u(x) for u in ufuncs]

    for u, got in zip(ufuncs, td.jit(each)(every), strict=True):
        with np.errstate(all="ignore"):
            want = u(every.astype(np.float64))
            nearest = want.astype(np.float16)
            off = np.abs(got.astype(np.float64) - want) > np.spacing(np.abs(nearest)).astype(np.float64)
            both = (got == nearest) & (np.signbit(got) == np.signbit(nearest)) | (np.isnan(got) & np.isnan(want))
        assert not np.any(off & ~both & np.isfinite(nearest)), u
        assert np.all(both[~np.isfinite(nearest)]), u
