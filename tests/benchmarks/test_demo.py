"""The demonstration's programs agree with NumPy on their real data, and every stage of their compilation can be read."""

import pytest

pytest.importorskip("sklearn", reason="the demonstration reads scikit-learn's data sets")

import treadle as td  # noqa: E402
from treadle.benchmarks import demo  # noqa: E402


@pytest.mark.parametrize("program", demo.programs(), ids=lambda p: p.function.__name__)
def test_program_agrees_on_real_data(program, tmp_path):
    compiled, plain_args, jit_args = td.jit(program.function), program.arguments(), program.arguments()
    want, got = program.under_numpy(*plain_args), compiled(*jit_args)
    assert demo.relative_difference(got, want) < 1e-9
    assert demo.relative_difference(jit_args, plain_args) < 1e-9
    demo.write_stages(compiled.lower(*program.arguments()), tmp_path)
    assert (tmp_path / "0-traced.txt").read_text().startswith("func ")
