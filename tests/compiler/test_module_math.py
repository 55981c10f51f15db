"""`math` and `cmath` on run-time numbers: Python's values, kinds and errors."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
import treadle as td

FLOATS = (0.0, -0.0, 0.3, -0.3, 0.9, 1.0, -1.0, 2.5, -2.5, 3.0, 170.5, 171.7, -170.5, 1e300,
          -1e300, 5e-324, math.inf, -math.inf, math.nan)
INTS = (0, 1, 2, 5, 12, 20, 21, -1, -6, 35, 2**53 + 1, 2**62, 10**18)
PARTS = (0.0, -0.0, 0.5, -1.0, 1.0, 2.0, 800.0, math.inf, -math.inf, math.nan)


def outcome(f, *args):
    try:
        return f(*args)
    except (ValueError, OverflowError, ZeroDivisionError, TypeError) as e:
        return type(e), str(e)


def alike(got, want, rtol):
    if isinstance(want, tuple) and isinstance(want[0], type):
        return got == want
    if isinstance(want, tuple):
        return isinstance(got, tuple) and all(alike(g, w, rtol) for g, w in zip(got, want, strict=True))
    if type(got) is not type(want):
        return False
    if isinstance(want, complex):
        if cmath.isfinite(want):
            return abs(got - want) <= rtol * abs(want) + 1e-300 and signs(got) == signs(want)
        return alike(got.real, want.real, rtol) and alike(got.imag, want.imag, rtol)
    if isinstance(want, float):
        if math.isnan(want) or math.isinf(want):
            return got == want or (math.isnan(got) and math.isnan(want))
        return abs(got - want) <= rtol * abs(want) and math.copysign(1, got) == math.copysign(1, want)
    return got == want


def signs(z):
    return [math.copysign(1, p) if p == 0 else 0 for p in (z.real, z.imag)]


def check(f, cases, rtol=2e-15):
    compiled = td.jit(f)
    wrong = [(args, outcome(compiled, *args), outcome(f, *args)) for args in cases
             if not alike(outcome(compiled, *args), outcome(f, *args), rtol)]
    assert not wrong, wrong[:5]


UNARY = ("acos acosh asin asinh atan atanh cbrt ceil cos cosh degrees erf erfc exp exp2 expm1 fabs floor gamma lgamma log log10 "
         "log1p log2 radians sin sinh sqrt tan tanh trunc ulp isnan isinf isfinite frexp modf").split()


@pytest.mark.parametrize("name", [n for n in UNARY if hasattr(math, n)])
def test_functions_of_a_float(name):
    python = getattr(math, name)
    # Python's gamma functions and SciPy's round differently.
    check(lambda x: python(x), [(x,) for x in FLOATS if abs(x) < 2**63 or name not in ("ceil", "floor", "trunc")],
          1e-13 if "gamma" in name else 4e-15)


@pytest.mark.parametrize("name", "atan2 copysign fmod nextafter pow remainder hypot isclose".split())
def test_functions_of_two_floats(name):
    python = getattr(math, name)
    check(lambda x, y: python(x, y), [(x, y) for x in FLOATS[::2] for y in FLOATS[1::3]])
    check(lambda x, y: python(x, y), [(5.5, 2.0), (-7.5, 3.0), (4.5, 3.0), (1.0, 1.0 + 1e-10), (-8.0, 1.0 / 3.0), (2.0, 3.0)])


@pytest.mark.parametrize("name", ["factorial", "isqrt"])
def test_functions_of_an_int(name):
    python = getattr(math, name)
    check(lambda n: python(n), [(n,) for n in INTS if n < 21 or name == "isqrt"])


@pytest.mark.parametrize("name", ["comb", "perm", "gcd", "lcm"])
def test_functions_of_two_ints(name):
    python = getattr(math, name)
    check(lambda n, k: python(n, k), [(n, k) for n in (0, 1, 5, 12, 20, -3) for k in (0, 1, 2, 5, 7, 13, -2)])


def test_what_needs_more_than_64_bits_raises():
    for f in (math.factorial, lambda n: math.perm(n, 20), lambda n: math.comb(n * 10, n * 5)):
        with pytest.raises(OverflowError):
            td.jit(lambda n, f=f: f(n))(25)


def test_other_functions():
    check(lambda x, n: math.ldexp(x, n), [(0.75, 3), (1.0, 5000), (1.0, -5000), (-0.0, 7), (math.inf, 3)])
    check(lambda x, b: (math.log(x, b), math.log(x)), [(8.0, 2.0), (3.0, 10.0)])
    check(lambda x, y: math.hypot(x, y, x), [(3.0, 4.0), (1e200, 1e200), (math.inf, math.nan)])
    check(lambda x, y: math.dist([x, y], [y, 2.0]), [(3.0, 4.0)])
    check(lambda x, y: math.fsum([x, y, -x, 1e-20]), [(1e16, 1.0), (0.1, 0.2)])
    check(lambda x, y: math.prod([x, y], start=2), [(1.5, 4.0), (3, 4)])
    check(lambda x: math.sqrt(x) + math.floor(x), [(True,), (7,)])
    assert td.jit(lambda a: math.fsum(a))(np.array([1e100, 1.0, -1e100])) == 1.0
    assert td.jit(lambda a: math.erf(a[0]))(np.array([0.5])) == pytest.approx(math.erf(0.5), rel=4e-16)


COMPLEX = "acos acosh asin asinh atan atanh cos cosh exp log log10 sin sinh sqrt tan tanh phase polar isnan isinf isfinite".split()


@pytest.mark.parametrize("name", COMPLEX)
def test_functions_of_a_complex_number(name):
    python = getattr(cmath, name)
    values = PARTS if name in ("phase", "polar", "isnan", "isinf", "isfinite", "sqrt") else PARTS[:6]
    check(lambda z: python(z), [(complex(a, b),) for a in values for b in values], 4e-15)


def test_other_complex_functions():
    check(lambda r, phi: cmath.rect(r, phi), [(2.0, 0.5), (1.0, -3.0)])
    check(lambda a, b: cmath.isclose(a, b), [(1 + 1j, 1 + 1.0000000001j), (1j, 2j), (complex(math.inf, 1), complex(math.inf, 1))])
    check(lambda z: cmath.log(z, 2.0), [(8 + 1j,)])
    check(lambda z: cmath.exp(z), [(1000 + 1j,), (complex(0, math.inf),), (1j,)])
