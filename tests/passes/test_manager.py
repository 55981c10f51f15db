"""The pass manager: copies first, records, verifies, dumps."""

import pytest
from treadle.ir.errors import VerificationError
from treadle.ir.parse import parse
from treadle.ir.text import show
from treadle.passes.cse import cse
from treadle.passes.dce import dce
from treadle.passes.manager import Pass, op_count, run_passes

TEXT = """\
func f(%x: f64[3]) -> (f64[3]) {
  %a: f64[3] = negative %x
  %b: f64[3] = negative %x
  %c: f64[3] = add %a, %b
  %d: f64[3] = exp %x
  return %c
}
"""
PASSES = [Pass("cse", "merge equal ops", cse), Pass("dce", "drop what nothing needs", dce)]


def test_passes_run_on_a_copy_and_are_recorded(tmp_path):
    f, steps = parse(TEXT), []
    g = run_passes(f, PASSES, check=True, dump=tmp_path / "dump", record=steps)
    assert show(f) == TEXT and op_count(f) == 4 and op_count(g) == 2
    assert [(s.name, s.before, s.after) for s in steps] == [("cse", 4, 3), ("dce", 3, 2)]
    assert "cse" in str(steps[0]) and "merge equal ops" in str(steps[0])
    dumps = sorted(p.name for p in (tmp_path / "dump").iterdir())
    assert dumps == ["00-before.txt", "01-cse.txt", "02-dce.txt"]
    assert (tmp_path / "dump" / "00-before.txt").read_text() == TEXT
    assert (tmp_path / "dump" / "02-dce.txt").read_text() == show(g)


def test_a_wrong_pass_is_caught_where_it_runs():
    def wrong(function):
        function.block.ops.reverse()
        return function

    with pytest.raises(VerificationError, match="used but not defined before"):
        run_passes(parse(TEXT), [*PASSES, Pass("wrong", "reverse", wrong)], check=True)
