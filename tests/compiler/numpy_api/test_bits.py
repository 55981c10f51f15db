"""np.packbits and np.unpackbits: both orders, every axis, lengths that are no multiple of eight, layouts, counts."""

import numpy as np
import pytest
import treadle as td

from tests.compiler.numpy_api.library_calls import outcome, same

rng = np.random.default_rng(0)


def _arguments(shape):
    for axis in (None, *range(-len(shape), len(shape))):
        for order in ("big", "little"):
            yield axis, order


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "i8"])
@pytest.mark.parametrize("shape", [(0,), (1,), (8,), (27,), (3, 17), (16, 4), (2, 3, 24)], ids=str)
def test_packed(shape, dtype):
    x = rng.integers(-1, 2, shape).astype(dtype)
    for axis, order in _arguments(shape):
        def f(x):
            return np.packbits(x, axis, order), np.packbits(x[::-1], axis, order), np.packbits(x.T, axis, order)

        same(td.jit(f)(x), f(x))


@pytest.mark.parametrize("count", [None, 5, 40, -3, -1000])
@pytest.mark.parametrize("shape", [(1,), (9,), (3, 5), (2, 3, 4)], ids=str)
def test_unpacked(shape, count):
    x = rng.integers(0, 256, shape).astype("u1")
    for axis, order in _arguments(shape):
        def f(x):
            return np.unpackbits(x, axis, count, order), np.unpackbits(x[::-1], axis, count, order)

        got, want = (outcome(g, (x,)) for g in (td.jit(f), f))
        assert isinstance(want, tuple) or str(got) == str(want)
        same(got, want)
