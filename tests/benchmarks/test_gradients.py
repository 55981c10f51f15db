"""The derivatives among the benchmarks: Treadle's and JAX's in float32 agree with Treadle's in float64."""

import pytest
from treadle.benchmarks.gradients import cases
from treadle.benchmarks.harness import compiled_on_first_call, implementation, peers

FOUND = peers(("jax",))


@pytest.mark.parametrize("case", cases(FOUND), ids=lambda c: c.name)
def test_both_sides_give_the_derivative(case):
    assert implementation(case, "numpy", FOUND) is None
    answer = compiled_on_first_call(implementation(case, "treadle", FOUND), case)
    assert "refused" not in answer and answer["error"] < 2e-5
    if "jax" not in FOUND:
        pytest.skip("JAX is not installed: only Treadle's side was tested")
    answer = compiled_on_first_call(implementation(case, "jax", FOUND), case)
    assert "refused" not in answer and answer["error"] < 2e-5
