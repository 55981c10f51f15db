"""Arrays that a function makes for itself: constants of any size, uninitialised memory, ramps between arguments."""

import numpy as np
import pytest
import treadle as td

from tests.comparator import difference, fresh, observe


def grid(x):
    rows, columns = np.mgrid[0:5, 0:7]
    return x[rows % 3, columns % 4] * rows + columns


def table(x):
    return x[:3] * np.array([[k * j for k in range(3)] for j in range(20)])


def memory(x):
    out = np.ndarray((4, 9), dtype=np.float32)
    for k in range(4):
        out[k] = k
    return out + x[0, 0]


def written_constant(x):
    t = np.array([float(k) for k in range(30)])
    t[3:6] = x[0, :3]
    return t


@pytest.mark.parametrize("f, args", [
    (grid, (np.arange(12.0).reshape(3, 4),)), (table, (np.arange(5.0),)), (memory, (np.ones((2, 2), np.float32),)),
    (written_constant, (np.arange(12.0).reshape(3, 4),)),
    (lambda a, b: np.linspace(a, b, 7), (-2.0, 0.5)), (lambda a, b: np.linspace(a, b, 4, endpoint=False), (1, 5)),
])
def test_compiled_is_as_plain(f, args):
    make = fresh(args)
    compiled = td.jit(f)
    for _ in range(2):  # a constant that is written is fresh in every call
        assert difference(observe(compiled, make), observe(f, make)) is None
