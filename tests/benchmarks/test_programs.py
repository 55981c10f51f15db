"""Every benchmark program, compiled, does what NumPy does: results, mutated arguments; for its shapes, and for all shapes."""

import inspect

import numpy as np
import pytest
import treadle
from treadle.benchmarks.programs import PROGRAMS

from tests.comparator import difference, explained, fresh, observe
from tests.perturb import perturbed_functions


@pytest.mark.parametrize("shapes", ["auto", "always"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_program_agrees_with_numpy(program, shapes):
    make = fresh(program.small())
    want = observe(program.function, make)
    assert want.error is None, want.error
    with treadle.config.override(shapes=shapes):
        got = observe(treadle.jit(program.function), make)
    assert got.error is None, got.error
    if difference(got, want) is not None:
        source = inspect.getsource(program.function)
        variants = perturbed_functions(source, program.name, dict(program.function.__globals__, np=np))
        assert explained(got, want, [observe(f, make) for f in variants]) is None
