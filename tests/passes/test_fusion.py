"""What is fused: a value that a broadcast would recompute is materialised, through any chain of views."""

import numpy as np
import pytest
import treadle as td


def layernorm(x):
    m = x.mean(axis=1, keepdims=True)
    v = ((x - m) ** 2).mean(axis=1, keepdims=True)
    return (x - m) / np.sqrt(v + 1e-5)


@pytest.mark.parametrize("program", [
    layernorm,
    lambda x: x / x.sum(axis=1)[:, None],
    lambda x: np.exp(x.max(axis=0))[None, :] * x,
    lambda x: (x.sum(axis=1, keepdims=True) * 2).T + x[:, :1],
], ids=("layernorm", "rows", "columns", "outer"))
def test_a_reduction_is_not_repeated_inside_the_nest_that_broadcasts_it(program):
    text = td.jit(program).lower(np.ones((64, 64))).ir("loops")
    deepest = max((len(line) - len(line.lstrip())) // 2 for line in text.splitlines() if line.lstrip().startswith("for "))
    assert deepest <= 3, text
