"""Extremes of complex arrays, long enough for stretches of them to be gone through side by side."""

import numpy as np
import pytest
from treadle import jit

CALLS = {"max": lambda x: np.max(x), "min": lambda x: x.min(), "argmax": lambda x: np.argmax(x), "argmin": lambda x: x.argmin(),
         "rows": lambda x: np.max(x, axis=-1), "positions": lambda x: np.argmin(x, -1)}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_extremes(call, dtype):
    rng = np.random.default_rng(0)
    compiled = jit(CALLS[call])
    for shape in ((256,), (1003,), (5, 259)):
        few = rng.integers(-2, 3, (2, *shape))
        x = (few[0] + 1j * few[1]).astype(dtype)
        for missing in ((), (0,), (70,), (255,), (200, 90)):
            for part in (np.nan, complex(0, np.nan)):
                y = x.copy()
                y.reshape(-1)[list(missing)] = [part + k for k in range(len(missing))]
                np.testing.assert_array_equal(compiled(y), CALLS[call](y))


def test_the_product_of_vectors_that_are_computed():
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=1000) + 1j * rng.normal(size=1000) for _ in range(2))
    for f in (lambda x, y: np.vdot(x, y), lambda x, y: np.dot(x - y, 2 * x), lambda x, y: np.dot(x * y, x * y)):
        np.testing.assert_allclose(jit(f)(x, y), f(x, y), rtol=1e-12)
        assert jit(f).lower(x, y).report().count("copies: none")
        assert "temporaries: 0 bytes" in jit(f).lower(x, y).report()
