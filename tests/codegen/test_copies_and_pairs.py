"""Loops that only copy or fill, and complex numbers in vectors: whatever the length, the direction and what lies around."""

import numpy as np
import pytest
import treadle as td
from treadle.codegen.llvm.pairs import order_of_lanes

LENGTHS = [0, 1, 3, 8, 63, 64, 65, 511, 513, 4100]


def compiled_agrees(f, *args):
    got, want = td.jit(f)(*args), f(*args)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
    return td.jit(f).lower(*args).ir("llvm")


def values(n, dtype):
    x = np.random.default_rng(n).integers(0, 100, (2, n))
    return (x[0] + 1j * x[1] if dtype[0] == "c" else x[0]).astype(dtype)


@pytest.mark.parametrize("dtype", ["?", "i1", "f2", "i4", "f8", "c8", "c16"])
@pytest.mark.parametrize("n", LENGTHS)
def test_copies(n, dtype):
    x, m = values(n + 9, dtype), values(12 * n, dtype).reshape(3, 4, n)
    compiled_agrees(lambda x: x.copy(), x)
    compiled_agrees(lambda x: np.concatenate([x, x[3:], x[:2]]), x)
    compiled_agrees(lambda x: np.roll(x, 5), x)
    compiled_agrees(lambda m: m[1:, ::2, n // 2:].copy(), m)
    compiled_agrees(lambda m: m.transpose(1, 0, 2).copy(), m)
    compiled_agrees(lambda x: np.broadcast_to(x, (5, n + 9)).copy(), x)


def test_large_copies_are_calls():
    text = compiled_agrees(lambda x: np.concatenate([x, x]), values(700, "f8"))
    assert "llvm.memcpy" in text
    text = compiled_agrees(lambda x: np.full((30, 900), True), values(3, "f8"))
    assert "llvm.memset" in text and " i8 1," in text


@pytest.mark.parametrize("value", [0, 0.0, -0.0, 1, -1, 0x0101, 0x01010101, 257, np.nan, True])
@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "i4", "u8", "f4", "f8", "c16"])
def test_fills(value, dtype):
    with np.errstate(invalid="ignore"):
        value = np.float64(value).astype(dtype)
    got = td.jit(lambda: np.full(800, value))()
    want = np.full(800, value)
    assert got.dtype == want.dtype and got.tobytes() == want.tobytes()


def test_fills_of_a_part():
    def f(x):
        x[3:-2] = -1
        x[:1] = 0
        return x

    for dtype in ("i1", "i8", "f4"):
        np.testing.assert_array_equal(td.jit(f)(values(3000, dtype)), f(values(3000, dtype)))


def test_nothing_moves_within_one_array():
    def f(x):
        x[1:] = x[:-1]
        return x

    np.testing.assert_array_equal(td.jit(f)(np.arange(3000.0)), f(np.arange(3000.0)))


@pytest.mark.parametrize("size", [2, 4, 8])
@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
def test_lanes_hold_each_pair_once(lanes, size):
    order = order_of_lanes(lanes, size, True)
    assert sorted(order) == list(range(lanes)) == order_of_lanes(lanes, size, False)
    each = 16 // size
    if lanes % each == 0:  # what is picked for 16 bytes of a vector lies in the same 16 bytes of two others
        for k, pair in enumerate(order):
            assert (2 * pair) % lanes // each == k // each


PRODUCTS = {
    "product": lambda x, y: x * y,
    "quotient": lambda x, y: x / (y + 1),
    "conjugate": lambda x, y: np.conj(x) * y - x,
    "neighbours": lambda x, y: x[1:] * y[:-1] + x[:-1],
    "backwards": lambda x, y: x * y[::-1],
    "every other": lambda x, y: x[::2] * y[::2],
    "real factor": lambda x, y: x * y.real,
    "one for all": lambda x, y: x * y[:1] + (2 - 1j),
    "wider": lambda x, y: x.astype("c16") * y,
    "chosen": lambda x, y: np.where(x.real > 50, x * y, y * y),
    "where": lambda x, y: x * np.arange(len(x)),
    "rows": lambda x, y: np.multiply.outer(x[:7], y),
    "scalar parts": lambda x, y: (x * y).real + (x * y).imag,
}


@pytest.mark.parametrize("title", PRODUCTS)
@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 33, 64, 129])
def test_complex_vectors(n, dtype, title):
    f, x, y = PRODUCTS[title], values(n, dtype), values(n + 1, dtype)[1:]
    np.testing.assert_allclose(td.jit(f)(x, y), f(x, y), rtol=1e-5)


def test_complex_in_place():
    def f(o, y):
        for _ in range(4):
            o[:] = o * o.conj() + y
        o[2:] *= y[1:-1]
        return o

    y = values(45, "c16") / 100
    np.testing.assert_allclose(td.jit(f)(y / 2, y), f(y / 2, y), rtol=1e-12)
