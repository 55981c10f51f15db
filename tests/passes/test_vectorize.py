"""Vectorization: every lane of the vectorized program computes what the program computes for that lane alone."""

import numpy as np
import pytest
from treadle.ir.evaluate import evaluate
from treadle.ir.verify import verify
from treadle.ir.walk import clone_function
from treadle.passes.vectorize import vectorize

from tests.ir.generated import generate

LANES = 3


def lanes_of(value, count, rng):
    """`count` values like `value`, the first of them itself."""
    value = np.asarray(value)
    if value.dtype.kind == "b":
        others = [rng.random(value.shape) < 0.5 for _ in range(count - 1)]
    else:
        others = [rng.permutation(value.reshape(-1)).reshape(value.shape) for _ in range(count - 1)]
    return np.stack([value, *(o.astype(value.dtype) for o in others)])


def one_lane(model, stacked, lane):
    return stacked[lane] if isinstance(model, np.ndarray | np.generic) else type(model)(stacked[lane])


def assert_lanes_agree(f, args, varying):
    rng = np.random.default_rng(0)
    stacked = [lanes_of(a, LANES, rng) if v else a for a, v in zip(args, varying, strict=True)]
    got = vectorize(clone_function(f), varying, LANES)
    together = evaluate(verify(got.function), stacked)
    for lane in range(LANES):
        alone = evaluate(f, [one_lane(x, a, lane) if v else a
                             for x, a, v in zip(args, stacked, varying, strict=True)])
        for k, (one, every) in enumerate(zip(alone, together, strict=True)):
            one, mine = np.asarray(one), np.asarray(every)
            mine = mine[lane] if got.varying[k] else mine
            assert one.dtype == mine.dtype and one.shape == mine.shape, (k, lane, one, mine)
            tolerance = 1e-6 if one.dtype == np.float32 else 1e-12
            if one.dtype.kind in "fc":
                np.testing.assert_allclose(mine, one, rtol=tolerance, atol=tolerance, err_msg=f"{k} {lane}")
            else:
                np.testing.assert_array_equal(mine, one, err_msg=f"{k} {lane}")


@pytest.mark.parametrize("block", range(5))
def test_generated_programs(block):
    for seed in range(40 * block, 40 * block + 40):
        f, args = generate(seed, 20, run_time=bool(seed % 2))
        rng = np.random.default_rng(seed)
        # Arrays among the arguments have extents `n`, so that it cannot differ.
        varying = [a.name != "n" and rng.random() < 0.5 for a in f.block.args]
        try:
            assert_lanes_agree(f, args, varying)
        except BaseException as e:
            raise AssertionError(f"seed {seed}, {varying}") from e
