"""Every loop pass, alone and with those before it, leaves what programs compute: bit for bit, in every parallel order."""

import numpy as np
import pytest
from treadle.compiler.pipeline import LOOP_PASSES
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops_text import show_loops
from treadle.ir.verify_loops import verify_loops

from tests.passes.loops.in_place_programs import generate

SEEDS = 40


def outcome(function, arrays, scalars, order="forward"):
    arrays = [a.copy() for a in arrays]
    evaluate_loops(function, arrays, scalars, order)
    return arrays


def check(seed, passes):
    with expression_scope():
        f, arrays, scalars = generate(seed)
        text = show_loops(verify_loops(f))
        want = outcome(f, arrays, scalars)
        for p in passes:
            f = p.run(f)
            verify_loops(f)
        for order in ("forward", "reverse", "random"):
            for b, x, y in zip(f.buffers, want, outcome(f, arrays, scalars, order), strict=True):
                np.testing.assert_array_equal(y, x, f"{b} of seed {seed}, {order}\n{text}\n{show_loops(f)}")
                assert (np.signbit(x) == np.signbit(y))[~np.isnan(x)].all(), (seed, order)


@pytest.mark.parametrize("p", LOOP_PASSES, ids=lambda p: p.name)
def test_a_pass_alone(p):
    for seed in range(SEEDS):
        check(seed, [p])


def test_all_together():
    for seed in range(100, 100 + 2 * SEEDS):
        check(seed, LOOP_PASSES)
