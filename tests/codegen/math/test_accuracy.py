"""Every function of the table against the C library one precision up: ulps and special values."""

import shutil

import pytest
from treadle.codegen.math import MATH
from treadle.ir.scalar import SCALAR_OPS

from tests.codegen.math.accuracy import PAGE, ROW
from tests.codegen.math.measure import BOUND, Measured
from tests.codegen.math.operands import pairs, random_f64, special, strided_f32

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="the expressions are run through gcc")

UNARY = [key for key in MATH if SCALAR_OPS[key[0]].arity == 1]
BINARY = [key for key in MATH if SCALAR_OPS[key[0]].arity == 2]


def test_every_mathematical_function_is_in_the_table():
    assert set(MATH) == {(row.name, dtype) for row in SCALAR_OPS.values() if row.math for dtype in row.types}


def assert_within(measured: Measured) -> None:
    report = measured.report()
    assert not report.wrong, f"{report.wrong} special values wrong, first {report.first_wrong}"
    assert report.ulp <= BOUND.get(measured.name, 2.0), report


@pytest.mark.parametrize(("name", "dtype"), UNARY)
def test_unary(name, dtype):
    measured = Measured(name, dtype)
    measured.check(special(measured.numpy))
    for x in strided_f32(1009) if dtype == "f32" else random_f64(20_000):
        measured.check(x)
    assert_within(measured)


@pytest.mark.parametrize(("name", "dtype"), BINARY)
def test_binary(name, dtype):
    measured = Measured(name, dtype)
    for x, y in pairs(measured.numpy, 20_000):
        measured.check(x, y)
    assert_within(measured)


@pytest.mark.heavy
@pytest.mark.parametrize(("name", "dtype"), UNARY)
def test_unary_exhaustively(name, dtype):
    measured = Measured(name, dtype)
    for x in strided_f32(1) if dtype == "f32" else random_f64(3_000_000, seed=1):
        measured.check(x)
    assert_within(measured)


@pytest.mark.heavy
@pytest.mark.parametrize(("name", "dtype"), BINARY)
def test_binary_at_length(name, dtype):
    measured = Measured(name, dtype)
    for x, y in pairs(measured.numpy, 3_000_000, seed=1):
        measured.check(x, y)
    assert_within(measured)


def test_the_page_lists_every_function_within_its_bound():
    listed = {(name, dtype): float(ulp) for name, dtype, ulp in ROW.findall(PAGE.read_text())}
    assert set(listed) == set(MATH)
    assert all(ulp <= BOUND.get(name, 2.0) for (name, _), ulp in listed.items())
