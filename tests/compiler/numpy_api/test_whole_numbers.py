"""Powers and common divisors of integers, at the edges of their types."""

import numpy as np
import pytest
import treadle as td

LETTERS = "bBhHiIlL"


def edges(letter: str, size: int, seed: int) -> np.ndarray:
    """Numbers of every magnitude, and among them zeros, ones, powers of two and the extremes."""
    rng, i = np.random.default_rng(seed), np.iinfo(letter)
    x = rng.integers(i.min, i.max, size, letter, endpoint=True) >> rng.integers(0, i.bits, size).astype(letter)
    special = np.array([0, 1, 2, 6, i.min, i.max, i.max // 2 + 1, i.max - 1], letter)
    return np.concatenate([x, np.tile(special, 8), np.repeat(special, 8)]).astype(letter)


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("function", [np.gcd, np.lcm])
def test_common_divisors(function, letter):
    x, y = edges(letter, 1003, 0), edges(letter, 1003, 1)
    y[-128:] = np.repeat(y[-64:], 2)[::-1]
    compiled = td.jit(lambda x, y: function(x, y))
    for a, b in ((x, y), (y[::-1], x[::-1]), (x[:1], y), (x, x)):
        np.testing.assert_array_equal(compiled(a, b), function(a, b))
    for a, b in zip(x[-128::9], y[-128::9], strict=True):  # one pair: no vectors
        np.testing.assert_array_equal(compiled(a, b), function(a, b))


@pytest.mark.parametrize("letter", LETTERS)
def test_powers(letter):
    x = edges(letter, 500, 2)
    large = edges(letter, 500, 3)
    large[large < 0] = 127
    compiled = td.jit(lambda x, y: x ** y)
    one_large = np.full_like(large, 3)
    one_large[77] = np.iinfo(letter).max  # one lane alone needs all bits of the exponent
    for y in (large, large % 32, one_large, large[:1]):
        np.testing.assert_array_equal(compiled(x, y), x ** y)


@pytest.mark.parametrize("base", [0, 1, 2, 4, 8, 16, 64, 3, -1, -2])
@pytest.mark.parametrize("letter", LETTERS)
def test_powers_of_constants(letter, base):
    if base < np.iinfo(letter).min:
        pytest.skip("the base is no number of this type")
    y = np.concatenate([np.arange(100), [127]]).astype(letter)
    expected = base ** y
    got = td.jit(lambda y: base ** y)(y)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    large = edges(letter, 100, 4)
    large[large < 0] = 1
    np.testing.assert_array_equal(td.jit(lambda y: base ** y)(large), base ** large)
