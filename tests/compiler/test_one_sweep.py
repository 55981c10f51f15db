"""Functions that sweep their operand as few times as NumPy: partitions where they lie, extremes that skip NaN, counts."""

from __future__ import annotations

import numpy as np
import pytest
import treadle as td


@pytest.mark.parametrize("threads", (1, 2))
def test_partitions_of_many_lines(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines one after the other on any number of threads: the routine needs the GIL, which the calling thread may hold."""
    monkeypatch.setattr(td.config, "num_threads", threads)
    x = np.random.default_rng(0).random((40, 3000))

    def program(x: np.ndarray) -> tuple:
        return np.partition(x.T, 3), np.argpartition(x[:, ::2], 3, axis=0), np.argpartition(x[::2, 5:], (3, 7)), np.partition(x, 4)

    for found, expected in zip(td.jit(program)(x), program(x), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.strides == expected.strides


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_extremes_of_what_is_a_number() -> None:
    def program(x: np.ndarray) -> tuple:
        return np.nanmax(x), np.nanmin(x, axis=0), np.nanmax(x, axis=0, keepdims=True), np.nanmax(x, axis=1)

    compiled, nan, inf = td.jit(program), np.nan, np.inf
    for x in ([[1.0, 2.0], [nan, 3.0]], [[nan, 2.0], [nan, nan]], [[nan, nan], [nan, nan]], [[nan, -inf], [nan, nan]],
              [[-inf, inf], [nan, inf]]):
        for found, expected in zip(compiled(np.array(x)), program(np.array(x)), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_counts_of_what_may_not_be_negative() -> None:
    count = td.jit(lambda i: np.bincount(i, minlength=3))
    for i in (np.array([4, 1, 4]), np.array([0, 1, 0])):
        np.testing.assert_array_equal(count(i), np.bincount(i, minlength=3))
    with pytest.raises(ValueError, match="negative"):
        count(np.array([3, -1, 2]))
