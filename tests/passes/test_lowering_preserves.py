"""Planned and lowered, a generated program still computes the same: through the loop evaluator, in every parallel order."""

import numpy as np
import pytest
from treadle.ir.evaluate import evaluate
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops_parse import parse_loops
from treadle.ir.loops_text import show_loops
from treadle.ir.verify import verify
from treadle.ir.verify_loops import verify_loops
from treadle.passes.cse import cse
from treadle.passes.dce import dce
from treadle.passes.lower import lower
from treadle.passes.plan import plan
from treadle.passes.simplify import simplify

from tests.ir.generated import generate
from tests.passes.test_passes_preserve import same


def run_lowered(f, args, order):
    """The results of the lowered function."""
    loops = verify_loops(lower(verify(plan(f).function)))
    results = [np.empty(v.dims, v.dtype) for v in f.block.yields]
    scalars = {p.name: a for p, a in zip(f.parameters, args, strict=True) if p.strides is None}
    arrays = [a for p, a in zip(f.parameters, args, strict=True) if p.strides is not None]
    evaluate_loops(loops, [*arrays, *results], scalars, order)
    return results


def test_lowered_programs_come_back_from_their_text():
    for seed in range(40):
        f, _ = generate(seed, 15, fused=False)
        text = show_loops(lower(plan(f).function))
        with expression_scope():
            assert show_loops(verify_loops(parse_loops(text))) == text


@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
@pytest.mark.parametrize("simplified", [False, True], ids=["as traced", "simplified"])
def test_lowered_programs_compute_the_same(order, simplified):
    for seed in range(25):
        f, args = generate(seed, 12, fused=False)
        want = evaluate(f, args)
        if simplified:
            f = dce(cse(simplify(f)))
        for k, (a, b) in enumerate(zip(want, run_lowered(f, args, order), strict=True)):
            assert same(a, b), (seed, k, a, b)
