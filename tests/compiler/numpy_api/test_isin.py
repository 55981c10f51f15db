"""np.isin of integers by a table and by a search: the same truths as NumPy's."""

import numpy as np
import pytest
import treadle as td

found = td.jit(lambda x, y, z: (np.isin(x, y), np.isin(x, z, invert=True)))


@pytest.mark.parametrize("letter", "?bHlL")
def test_near_and_far_integers(letter):
    rng = np.random.default_rng(3)
    dtype = np.dtype(letter)
    if letter == "?":
        x, near, far = rng.random(300) < 0.5, np.zeros(20, bool), np.ones(20, bool)
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        x = rng.integers(max(low, -50), 90, 300).astype(dtype)
        x[:4] = low, high, low + 1, high - 1
        near = rng.integers(max(low, -20), 40, 20).astype(dtype)
        far = np.array([low, high, *near[:18]], dtype)
    for tests in ((near, far), (far, near), (far[:1].repeat(20), far[1:2].repeat(20))):
        for got, want in zip(found(x, *tests), (np.isin(x, tests[0]), np.isin(x, tests[1], invert=True)), strict=True):
            np.testing.assert_array_equal(got, want)


def test_lanes_of_lookups():
    x = np.random.default_rng(4).integers(0, 10**7, (3, 300))
    y = x[:, ::3].copy()
    y[1] %= 50
    got = td.jit(td.vmap(lambda a, b: np.isin(a, b)))(x, y)
    np.testing.assert_array_equal(got, np.stack([np.isin(a, b) for a, b in zip(x, y, strict=True)]))
