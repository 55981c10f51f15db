"""Decomposed operations mean exactly what their rows say."""

import ctypes
import shutil

import numpy as np
import pytest
from treadle.codegen.math import DECOMPOSED
from treadle.ir.scalar import NUMPY_DTYPE

from tests.codegen.math.c_text import array_function, compile_c

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="the expressions are run through gcc")


def run(folder, function, dtype: str, *arrays: np.ndarray) -> np.ndarray:
    text = array_function("f", function, dtype, len(arrays))
    library = compile_c(text, folder, "decomposed")
    out = np.empty(len(arrays[0]), NUMPY_DTYPE[dtype])
    library.f(*(ctypes.c_void_p(np.ascontiguousarray(a).ctypes.data) for a in (*arrays, out)), ctypes.c_long(len(out)))
    return out


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_scalef_rounds_once(dtype, tmp_path):
    t = NUMPY_DTYPE[dtype]
    random = np.random.default_rng(0)
    x = random.integers(0, 256, 200_000 * t.itemsize, dtype=np.uint8).view(t)
    n = np.rint(random.uniform(-1, 1, len(x)) * (300 if dtype == "f32" else 2200)).astype(t)
    n[::2] = np.rint((-140.0 if dtype == "f32" else -1060.0) - np.log2(np.abs(np.where(np.isfinite(x) & (x != 0), x, 1)))[::2])
    got = run(tmp_path, DECOMPOSED["scalef", dtype], dtype, x, n)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, np.ldexp(x, n.astype(np.int32)))


def test_fma_through_f64_rounds_once(tmp_path):
    """(1 + 2**-12)**2 lies half way between two f32, so the least addend decides."""
    random = np.random.default_rng(0)
    x = (1 + 2.0 ** -12 * random.integers(0, 4096, 20_000)).astype(np.float32)
    addend = (2.0 ** random.integers(-140, 10, len(x)) * random.choice([-1, 1], len(x))).astype(np.float32)
    got = run(tmp_path, lambda a, b: DECOMPOSED["fma", "f32"](a, a, b), "f32", x, addend)
    exact = [rounded(int(a * 2.0 ** 30) ** 2 * 2 ** 140 + int(c * 2.0 ** 200))
             for a, c in zip(x.tolist(), addend.tolist(), strict=True)]
    np.testing.assert_array_equal(got, exact)


def rounded(units: int) -> np.float32:
    """units * 2**-200, rounded once."""
    sign, units = (-1, -units) if units < 0 else (1, units)
    shift = max(units.bit_length() - 24, 0)
    head, tail, half = units >> shift, units & ((1 << shift) - 1), (1 << shift) >> 1
    head += tail > half or (tail == half and shift and head & 1)
    return np.float32(sign * head * 2.0 ** (shift - 200))
