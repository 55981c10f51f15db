"""The table of linear algebra: every case runs, and its SciPy side computes the same thing."""

import numpy as np
import pytest
from treadle.benchmarks import linalg

SMALL = [c for c in linalg.cases((10,), ((20, 3),)) if "f4" not in c.name and "x" not in c.name]


@pytest.mark.parametrize("case", SMALL, ids=lambda c: c.name)
def test_a_case_is_measured(case):
    result = linalg.measure(case, 0.0)
    assert result.treadle > 0 and result.numpy > 0 and (result.scipy is not None) == (case.scipy is not None)


def test_scipys_side():
    by_name = {c.name: c for c in SMALL}
    for name, pick in (("solve f8 10", 2), ("inv c16 10", 0), ("eigh f8 10", 0), ("lstsq c16 10", 0)):
        case = by_name[name]
        want = case.function(*case.arguments)
        np.testing.assert_allclose(case.scipy()[pick], want[0] if isinstance(want, tuple) else want, rtol=1e-8)


def test_the_report(capsys):
    assert [r.case for r in linalg.report("eigvalsh f8 10", 0.0)] == [
        "eigvalsh f8 10", "eigvalsh f8 100", "eigvalsh f8 1000"]
    assert "geometric mean" in capsys.readouterr().out
