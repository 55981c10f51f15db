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
    """NumPy's own arctan2.reduceat reads elements after it has overwritten them, its ldexp.reduce takes whole numbers for a float
    and an exponent; `exp.at` into integers truncates a rounding."""
    return [p for p in problems if not p.startswith(("np.arctan2.reduceat", "np.ldexp.re")) and ".at(x" not in p.split("#")[0]]


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
