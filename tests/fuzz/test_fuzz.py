"""Generated programs: the compiled one does what NumPy does. More seeds: `make fuzz SEEDS=0:10000`."""

import pytest
import treadle

from tests.fuzz.run import check_seed

SEEDS = 300
BATCH = 10


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_generated_programs_agree_with_numpy(first):
    for seed in range(first, first + BATCH):
        problem, program = check_seed(seed, treadle.jit)
        assert problem is None, f"seed {seed}: {problem}\n{program.source}"
