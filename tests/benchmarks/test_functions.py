"""The table of functions: what it covers, and that a case is measured."""

import numpy as np
from treadle.benchmarks import functions


def test_the_cases_cover_every_ufunc_and_dtype():
    names = {c.name for c in functions.ufunc_cases()}
    assert {"np.add dd", "np.sin f", "np.logical_not ?", "special.gammaln d", "np.abs D"} <= names and len(names) > 800


def test_cases_are_measured():
    x = np.arange(40)
    result = functions.measure(functions.Case("isin", lambda x: np.isin(x, x[::3]), (x,)), 0.0)
    assert result.treadle > 0 and result.numpy > 0 and not result.refused
    refused = functions.measure(functions.Case("none", lambda x: np.sort(x, kind="none"), (x,)), 0.0)
    assert refused.refused.startswith("ValueError")


def test_the_report(capsys, tmp_path):
    found = functions.report("np.logaddexp2 ff", 0.0, str(tmp_path / "figures.json"))
    assert [r.case for r in found] == ["np.logaddexp2 ff"]
    assert "geometric mean" in capsys.readouterr().out
    assert '"ratio"' in (tmp_path / "figures.json").read_text()
