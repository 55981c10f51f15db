"""Every pass leaves the evaluator's answer, dtypes and shapes as they were, and a program that verifies."""

import numpy as np
import pytest
from treadle.ir.evaluate import evaluate
from treadle.ir.verify import verify
from treadle.ir.walk import clone_function
from treadle.passes.cse import cse
from treadle.passes.dce import dce
from treadle.passes.folding import fold
from treadle.passes.inline import inline
from treadle.passes.licm import licm
from treadle.passes.simplify import simplify

from tests.ir.generated import generate

PASSES = [simplify, fold, cse, dce, licm, inline]


def same(a, b) -> bool:
    """Equal bit for bit, but for the sign and payload of a NaN."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    nan = np.isnan(a) & np.isnan(b) if a.dtype.kind == "f" else np.zeros(a.shape, bool)
    sign = np.signbit(a) == np.signbit(b) if a.dtype.kind == "f" else np.ones(a.shape, bool)
    return bool((nan | ((a == b) & sign)).all())


def assert_preserved(f, args, run):
    before = evaluate(f, args)
    g = verify(run(clone_function(f)))
    for k, (a, b) in enumerate(zip(before, evaluate(g, args), strict=True)):
        assert same(a, b), (k, a, b)
    return g


@pytest.mark.parametrize("run", PASSES, ids=lambda p: p.__name__)
@pytest.mark.parametrize("block", range(5))
def test_a_pass_alone(run, block):
    for seed in range(30 * block, 30 * block + 30):
        assert_preserved(*generate(seed, 20, run_time=bool(seed % 2)), run)


@pytest.mark.parametrize("block", range(5))
def test_all_passes_together_and_again(block):
    for seed in range(1000 + 30 * block, 1030 + 30 * block):
        f, args = generate(seed, 25, run_time=bool(seed % 2))

        def everything(g):
            for _ in range(2):
                for p in PASSES:
                    g = verify(p(g))
            return g

        assert_preserved(f, args, everything)
