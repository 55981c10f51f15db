"""The coefficients in the package are what the fitting program finds."""

import mpmath as mp
import pytest
from treadle.codegen.math.exponential import EXP

from tests.codegen.math.fit import fit


def exp_quotient(x: mp.mpf) -> mp.mpf:
    """(exp(x) - 1 - x) / x**2"""
    return (mp.expm1(x) - x) / x ** 2 if x else mp.mpf(1) / 2


def test_the_coefficients_of_exp_are_found_again():
    half = float(mp.log(2) / 2 * 1.0005)
    found, error = fit(exp_quotient, -half, half, range(5), "f32", weight=lambda x: x * x * mp.exp(-x))
    assert found == pytest.approx(EXP["f32"], rel=1e-4)
    assert error < 3.3e-9


def test_rounding_one_coefficient_is_made_up_for_by_the_others():
    exact, error = fit(lambda x: mp.exp(x), -0.1, 0.1, range(2), "f64")
    rounded, rounded_error = fit(lambda x: mp.exp(x), -0.1, 0.1, range(2), "f32")
    assert exact[0] != rounded[0]
    assert error < rounded_error < error + 2.0 ** -24
