"""Library routines against NumPy: every type, transposition, offset, leading dimension; sorts; the user's BLAS threads."""

import ctypes
import itertools

import numpy as np
import pytest
from scipy.linalg import cython_blas
from treadle.runtime import blas
from treadle.runtime.device import cpu_device
from treadle.runtime.engine import CodeError
from treadle.runtime.products import PIECE_WORK
from treadle.runtime.routines import Routines

device = cpu_device()
DTYPES = {"s": "f4", "d": "f8", "c": "c8", "z": "c16"}
rng = np.random.default_rng(0)


def routine(name, pointers, scalars, routines=device.routines):
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * pointers, *[ctypes.c_int64] * scalars)(routines.address(name))


def random(shape, dtype):
    x = rng.standard_normal(shape)
    return np.asfortranarray((x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype))


def close(a, b):
    return np.allclose(a, b, rtol=1e-4 if a.dtype.char in "fF" else 1e-12, atol=1e-3 if a.dtype.char in "fF" else 1e-11)


@pytest.mark.parametrize("t", DTYPES)
@pytest.mark.parametrize("m, n, k", [(1, 1, 1), (3, 4, 5), (300, 200, 70), (150, 400, 300), (2, 3, 0), (0, 2, 3), (1, 7, 2)])
def test_gemm(t, m, n, k):
    gemm = routine(f"{t}gemm", 3, 11)
    parts = 2 if t in "cz" else 1
    for ta, tb in itertools.product((0, 1), repeat=2):
        a, b = random((k, m) if ta else (m, k), DTYPES[t]), random((n, k) if tb else (k, n), DTYPES[t])
        c = np.full((m + 3, n), np.nan, DTYPES[t], order="F")  # rows 1.. are the product's place
        status = gemm(a.ctypes.data, b.ctypes.data, c.ctypes.data, 0, 0, parts, ta, tb, m, n, k, len(a), len(b), m + 3)
        assert status == 0
        assert close(c[1:m + 1], (a.T if ta else a) @ (b.T if tb else b))
        assert np.isnan(c[0]).all() and np.isnan(c[m + 1:]).all()


@pytest.mark.parametrize("t", DTYPES)
@pytest.mark.parametrize("m, n", [(1, 1), (5, 3), (700, 900), (3, 0), (40000, 3), (3, 40000)])
def test_gemv(t, m, n):
    gemv = routine(f"{t}gemv", 3, 9)
    parts = 2 if t in "cz" else 1
    for trans in (0, 1):
        rows, inner = (n, m) if trans else (m, n)
        a, x = random((m, n), DTYPES[t]), random(2 * inner + 1, DTYPES[t])
        y = np.full(3 * rows, np.nan, DTYPES[t])
        status = gemv(a.ctypes.data, x.ctypes.data, y.ctypes.data, 0, parts, 0, trans, m, n, m, 2, 3)
        assert status == 0
        assert close(y[::3], (a.T if trans else a) @ x[1::2][:inner])
        assert np.isnan(y[1::3]).all()


@pytest.mark.parametrize("t", DTYPES)
@pytest.mark.parametrize("m, n, k", [(500, 700, 300), (13, 2706, 398), (691, 195, 256), (1500, 100, 90), (40, 3001, 77)])
@pytest.mark.parametrize("ta, tb", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_results_do_not_depend_on_the_number_of_threads(t, m, n, k, ta, tb):
    gemm, saved = routine(f"{t}gemm", 3, 11), device.pool.count
    a, b = random((k, m) if ta else (m, k), DTYPES[t]), random((n, k) if tb else (k, n), DTYPES[t])
    results = []
    try:
        for device.pool.count in (1, 2, 3, 4, 7, 16):
            c = np.empty((m, n), DTYPES[t], order="F")
            gemm(a.ctypes.data, b.ctypes.data, c.ctypes.data, 0, 0, 0, ta, tb, m, n, k, len(a), len(b), m)
            results.append(c)
    finally:
        device.pool.count = saved
    assert all(np.array_equal(results[0], c) for c in results[1:])


@pytest.mark.parametrize("t", DTYPES)
@pytest.mark.parametrize("n, k", [(1, 1), (5, 3), (300, 200), (700, 40), (3, 0), (0, 4), (257, 1)])
def test_syrk(t, n, k):
    syrk = routine(f"{t}syrk", 2, 7)
    parts = 2 if t in "cz" else 1
    for trans in (0, 1):
        a = random((k, n) if trans else (n, k), DTYPES[t])
        c = np.full((n + 3, n), np.nan, DTYPES[t], order="F")
        assert syrk(a.ctypes.data, c.ctypes.data, 0, parts, trans, n, k, len(a), n + 3) == 0
        got = c[1:n + 1]
        assert close(got, a.T @ a if trans else a @ a.T)
        assert np.array_equal(got, got.T)
        assert np.isnan(c[0]).all() and np.isnan(c[n + 1:]).all()


@pytest.fixture
def scipys(monkeypatch):
    """Routines over SciPy's BLAS, whose integers have 32 bits."""
    monkeypatch.setattr(blas, "source", lambda: blas.Source(cython_blas, None))
    return Routines(device.engine, device.pool.symbols)


def test_sizes_beyond_32_bits_are_refused(scipys):
    assert routine("dgemm", 3, 11, scipys)(0, 0, 0, 0, 0, 0, 0, 0, 1 << 32, 1, 1, 1, 1, 1) == 1
    assert routine("dgemv", 3, 9, scipys)(0, 0, 0, 0, 0, 0, 0, 1, 1 << 33, 1, 1, 1) == 1


def test_scipys_blas_takes_the_place_of_numpys(scipys):
    a, b, c = random((40, 50), "f8"), random((50, 60), "f8"), np.empty((40, 60), order="F")
    assert routine("dgemm", 3, 11, scipys)(a.ctypes.data, b.ctypes.data, c.ctypes.data, 0, 0, 0, 0, 0, 40, 60, 50, 40, 50, 40) == 0
    assert close(c, a @ b)


def test_a_product_of_one_piece_is_numpys_own():
    if blas.source().pattern is None:
        pytest.skip("NumPy's BLAS is not at hand")
    a, b, c = random((70, 80), "f4"), random((80, 60), "f4"), np.empty((70, 60), "f4", order="F")
    assert 70 * 80 * 60 < PIECE_WORK
    routine("sgemm", 3, 11)(a.ctypes.data, b.ctypes.data, c.ctypes.data, 0, 0, 0, 0, 0, 70, 60, 80, 70, 80, 70)
    assert np.array_equal(c, np.matmul(a, b, out=np.empty_like(c)))


def test_the_users_blas_threads_are_restored():
    functions = blas.thread_functions(blas.source().user)
    if not functions:
        pytest.skip("the BLAS is not OpenBLAS")
    get = ctypes.CFUNCTYPE(ctypes.c_int)(functions["treadle_blas_get_threads"])
    put = ctypes.CFUNCTYPE(None, ctypes.c_int)(functions["treadle_blas_set_threads"])
    before = get()
    try:
        for threads in (2, 1):
            put(threads)
            test_gemm("d", 300, 200, 70)
            assert get() == threads
    finally:
        put(before)


@pytest.mark.parametrize("name, code", {**{f"{k}{n}": f"{k}{n // 8}" for k in "iu" for n in (8, 16, 32, 64)}, "bool": "?",
                                        "f16": "f2", "f32": "f4", "f64": "f8", "c64": "c8", "c128": "c16"}.items())
def test_sorts_are_numpys(name, code):
    for n, (number, kind) in itertools.product((0, 1, 5, 1000), enumerate(("quicksort", "heapsort", "stable"))):
        x = (random(n, "f8") * 10).astype(code)
        if x.dtype.kind in "fc" and n:
            x[::7] = np.nan
        parts = 2 if x.dtype.kind == "c" else 1
        padded = np.concatenate([x[:1], x]) if n else x.copy()
        offset = min(n, 1)
        order = np.full(n + 1, -1)
        argsort = routine(f"argsort_{name}", 2, 4)
        assert argsort(padded.ctypes.data, order.ctypes.data, offset * parts, 1, n, number) == 0
        assert np.array_equal(order[1:], np.argsort(x, kind=kind)) and order[0] == -1
        assert routine(f"sort_{name}", 1, 3)(padded.ctypes.data, offset * parts, n, number) == 0
        assert padded[offset:].tobytes() == np.sort(x, kind=kind).tobytes()


def test_compiled_text_calls_routines():
    library = device.compile("""
declare i64 @treadle_sort_f64(ptr, i64, i64, i64)
define i64 @f(ptr %x, i64 %n) {
  %r = call i64 @treadle_sort_f64(ptr %x, i64 0, i64 %n, i64 2)
  ret i64 %r
}""")
    x = np.array([3.0, 1, 2])
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)(library.address("f"))(x.ctypes.data, 3) == 0
    assert list(x) == [1, 2, 3]


@pytest.mark.parametrize("name", ["dgemmm", "qgemm", "sort_f80", "nothing"])
def test_unknown_routines(name):
    with pytest.raises(CodeError, match=f"no library routine {name}"):
        device.routines.address(name)
