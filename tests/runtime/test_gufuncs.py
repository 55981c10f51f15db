"""NumPy's loops called by address: strides, failures, pieces of a stack, the user's BLAS threads."""

import ctypes

import numpy as np
import pytest
from numpy.linalg import _umath_linalg
from treadle.runtime import blas, gufuncs
from treadle.runtime.device import cpu_device
from treadle.runtime.engine import CodeError

device = cpu_device()
rng = np.random.default_rng(0)


def routine(name, pointers, scalars):
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * pointers, *[ctypes.c_int64] * scalars)(
        device.routines.address(name))


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a_stack_in_pieces_with_failures(chunk):
    a, b = rng.normal(size=(20, 3, 3)), rng.normal(size=(20, 3, 2))
    a[[4, 11]] = 0
    x, failed = np.full_like(b, 7), np.ones(20, bool)
    solve = routine("flagged_solve_d", 4, 4 + 2 + 2 + 3 + 6)
    pointers = [p.ctypes.data for p in (a, b, x, failed)]
    assert solve(*pointers, 0, 0, 0, 0, 20, chunk, 3, 2, 9, 6, 6, 3, 1, 2, 1, 2, 1) == 0
    assert np.flatnonzero(failed).tolist() == [4, 11] and np.isnan(x[failed]).all()
    np.testing.assert_array_equal(x[~failed], np.linalg.solve(a[~failed], b[~failed]))


def test_strides_and_offsets_are_in_components():
    x, scale = rng.normal(size=(9, 4)) + 1j, np.full((), 0.5)
    out = np.zeros((4, 6), complex)
    fft = routine("gufunc_fft_D", 3, 3 + 2 + 2 + 3 + 2)
    # Every second row of x, from row 1 on, along its columns; the first column of the result is left out.
    fft(x.ctypes.data, scale.ctypes.data, out.ctypes.data, 8, 0, 2, 4, 1, 4, 5, 2, 0, 12, 16, 2)
    np.testing.assert_array_equal(out[:, 1:], np.fft.fft(x[1::2], 5, axis=0).T * 0.5)
    assert not out[:, 0].any()


def test_the_users_blas_threads_are_restored():
    functions = blas.thread_functions(_umath_linalg)
    if not functions:
        pytest.skip("NumPy's BLAS is not OpenBLAS")
    get = ctypes.CFUNCTYPE(ctypes.c_int)(functions["treadle_blas_get_threads"])
    put = ctypes.CFUNCTYPE(None, ctypes.c_int)(functions["treadle_blas_set_threads"])
    before = get()
    try:
        for threads in (2, 1):
            put(threads)
            test_a_stack_in_pieces_with_failures(7)
            assert get() == threads
    finally:
        put(before)


def test_unknown_loops():
    assert gufuncs.find_loop("solve_g") is None and gufuncs.find_loop("add_d") is None
    with pytest.raises(CodeError):
        device.routines.address("gufunc_nothing_d")
