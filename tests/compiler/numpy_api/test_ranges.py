"""np.arange between numbers that only the run knows: lengths, values, dtypes, errors."""

import warnings

import numpy as np
import pytest
import treadle as td

from tests.compiler.numpy_api.library_calls import outcome

PROGRAMS = {
    "three": lambda x: np.arange(x[0], x[1], x[2]),
    "two": lambda x: np.arange(x[0], x[1]),
    "one": lambda x: np.arange(x[1]),
    "known step": lambda x: np.arange(x[0], x[1], 0.25),
    "known whole step": lambda x: (np.arange(x[0], x[1], 3), np.arange(0, int((x > 0).sum()), 2)),
    "from a float": lambda x: np.arange(1.0, len(x[x > 0]) + 1),
    "downwards": lambda x: np.arange(len(x[x > 0]), 0, -1),
    "of floats": lambda x: np.arange(float(x[0]), float(x[1]), float(x[2])),
    "in f32": lambda x: np.arange(float(x[0]), float(x[1]), dtype=np.float32),
    "in i32": lambda x: np.arange(x[0], x[1], x[2], dtype=np.int32),
    "of ints": lambda x: np.arange(int(x[0]), int(x[1]), int(x[2])),
    "a part of one": lambda x: np.arange(0, 1, 1 / len(x[x > 0])).sum(),
}
BOUNDS = [(0, 10, 3), (0, 10, -3), (10, 0, -3), (0, 0, 1), (0, 5, 0), (3, 1, 1), (1, 2, 0.25), (0, 1, 0.1), (-2.5, 7.3, 0.7),
          (0, np.inf, 1), (0, np.nan, 1), (0, 1, np.inf), (0, -1, np.inf), (0, -np.inf, 1)]


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i4"])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_numbers_between(program, dtype):
    compiled = td.jit(program)
    for bounds in BOUNDS:
        if dtype[0] == "i" and not all(float(b).is_integer() for b in bounds):
            continue
        x = np.array(bounds, dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want, got = (outcome(f, (x,)) for f in (program, compiled))
        assert type(got) is type(want), (bounds, got, want)
        if not isinstance(want, Exception):
            for g, w in zip(got, want) if isinstance(want, tuple) else ((got, want),):
                assert g.dtype == w.dtype
                np.testing.assert_array_equal(g, w)


def test_extents_that_a_small_dtype_counts_take_memory_of_their_size():
    """The range of int32 is no bound to set memory aside for."""
    f = td.jit(lambda x: (np.zeros(x[0]), np.arange(int(x[1]) - int(x[0])) * 2.0, np.ones((x[1], x[0])).sum()))
    for bounds in ((3, 5), (0, 0), (100, 40)):
        got, want = (g(np.array(bounds, np.int32)) for g in (f, f.function))
        for g, w in zip(got, want):
            np.testing.assert_array_equal(g, w)
