"""Powers by a small whole number are products of pairs: against exact rational numbers, and NumPy's special values."""

from fractions import Fraction

import numpy as np
import pytest
import treadle as td
from treadle.codegen.math.power import SMALL_POWERS

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 5e-324, -1e-108, 1e-108, 1e103, -1e103, 1.7e308, 1e154, -1e62, 3e-162]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n", SMALL_POWERS.values())
def test_small_powers(n, dtype):
    rng = np.random.default_rng(n)
    spread = 12 if dtype == "f4" else 60
    with np.errstate(all="ignore"):
        x = np.concatenate([SPECIAL, rng.normal(size=300), -10.0 ** rng.uniform(-spread, spread, 300)]).astype(dtype)
        want = np.power(x, np.full_like(x, n))
    got = td.jit(lambda x: np.power(x, x.dtype.type(n)))(x)
    assert got.dtype == want.dtype and np.array_equal(np.isnan(got), np.isnan(want))
    assert np.array_equal(np.signbit(got)[~np.isnan(got)], np.signbit(want)[~np.isnan(want)])
    finite = np.isfinite(want)
    assert np.array_equal(got[~finite], want[~finite], equal_nan=True)
    for a, g in zip(x[finite].tolist(), got[finite], strict=True):
        assert abs(Fraction(a) ** n - Fraction(float(g))) <= Fraction(float(np.spacing(abs(g)))) * Fraction(3, 5)
