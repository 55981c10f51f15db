"""Generated programs: the compiled one does what NumPy does. More seeds: `make fuzz SEEDS=0:10000`."""

import pytest
import treadle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.choices import DrawnChoices
from tests.fuzz.data import check_data_seed
from tests.fuzz.derivatives import REFUSED, SKIPPED, check_gradient_seed
from tests.fuzz.generate import Generator
from tests.fuzz.outside import check_outside_seed
from tests.fuzz.run import check, check_seed
from tests.fuzz.shapes import check_shapes_seed

SEEDS = 300
BATCH = 10


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_generated_programs_agree_with_numpy(first):
    for seed in range(first, first + BATCH):
        problem, program = check_seed(seed, treadle.jit)
        assert problem is None, f"seed {seed}: {problem}\n{program.source}"


@pytest.mark.parametrize("first", range(0, 40, BATCH))
def test_programs_called_with_several_shapes_agree_with_numpy(first):
    for seed in range(first, first + BATCH):
        problem, program = check_shapes_seed(seed, treadle.jit)
        assert problem is None, f"seed {seed}: {problem}\n{program.source}"


@pytest.mark.parametrize("first", range(0, 60, BATCH))
def test_programs_among_containers_objects_and_globals_agree_with_python(first):
    for seed in range(first, first + BATCH):
        problem, program = check_outside_seed(seed, treadle.jit)
        assert problem is None, f"seed {seed}: {problem}\n{program.source}"


@pytest.mark.parametrize("first", range(0, 60, BATCH))
def test_programs_with_run_time_extents_and_random_numbers_agree_with_numpy(first):
    """Equal, the generator's state included, or refused."""
    for seed in range(first, first + BATCH):
        problem, program = check_data_seed(seed, treadle.jit)
        assert problem is None or REFUSED in problem, f"seed {seed}: {problem}\n{program.source}"


@pytest.mark.parametrize("first", range(0, 60, BATCH))
def test_derivatives_of_generated_programs_agree_with_differences(first):
    """Equal, or refused, or at a point where differences say nothing."""
    for seed in range(first, first + BATCH):
        problem, program = check_gradient_seed(seed, treadle)
        assert problem is None or problem.startswith(SKIPPED) or REFUSED in problem, f"seed {seed}: {problem}\n{program.source}"


@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_drawn_programs_agree_with_numpy(data):
    """Drawn by Hypothesis, which makes a failing program as short as it can."""
    choices = DrawnChoices(data.draw, st)
    program = Generator(choices, choices.integer(0, 1000)).program(choices.integer(1, 5))
    problem = check(program, treadle.jit)
    assert problem is None, f"{problem}\n{program.source}"
