"""Division by multiplication: the very quotients of NumPy, over every range of the type."""

import numpy as np
import pytest
import treadle as td

WORDS = {"f4": ("u4", 23, 8), "f8": ("u8", 52, 11)}


def numbers(rng, dtype, count, mantissas, spread):
    """Numbers with these mantissas (callables of count) and exponents around 0, or with any exponent."""
    word, m, e = WORDS[dtype]
    middle = 2 ** (e - 1)
    low, high = (0, 2**e) if spread is None else (middle - spread, middle + spread)
    patterns = np.array(mantissas(2**m, count), word) | np.array(rng.integers(low, high, count), word) << np.array(m, word)
    return patterns.view(dtype) * rng.choice([-1, 1], count).astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_quotients_by_one_number(dtype):
    rng = np.random.default_rng(7)
    divide = td.jit(lambda x, d: x / d)
    ends = {"any": lambda top, n: rng.integers(0, top, n), "least": lambda top, n: rng.integers(0, 40, n),
            "greatest": lambda top, n: top - 1 - rng.integers(0, 40, n)}
    for spread in (3, 30, 100, None):
        for of_x in ends.values():
            for of_d in ends.values():
                x = numbers(rng, dtype, 999, of_x, spread)
                x[::17] = 0
                x[::51] *= -1
                for d in numbers(rng, dtype, 4, of_d, spread):
                    with np.errstate(all="ignore"):
                        want = x / d
                    got = divide(x, d)
                    same = got.view(f"u{got.itemsize}") == want.view(f"u{want.itemsize}")
                    assert (same | (np.isnan(got) & np.isnan(want))).all(), (d, x[~same][:3])


@pytest.mark.parametrize("divide", [td.jit(lambda x, d: x / d), td.jit(lambda x, d: np.sqrt(x / d * (x / d)) / (x / d))])
def test_quotients_by_as_many_numbers(divide):
    rng = np.random.default_rng(9)
    ends = (lambda top, n: rng.integers(0, top, n), lambda top, n: rng.integers(0, 4, n),
            lambda top, n: top - 1 - rng.integers(0, 4, n))
    for spread in (1, 30, 500, None):
        for of_x in ends:
            for of_d in ends:
                x, d = numbers(rng, "f8", 9999, of_x, spread), numbers(rng, "f8", 9999, of_d, spread)
                x[::17] = 0
                x[::51] *= -1
                d[::13] = rng.choice([0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1.0], d[::13].size)
                x[::11] = rng.choice([0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1.0], x[::11].size)
                for part in (slice(None), slice(2000, 2000 + 640)):
                    with np.errstate(all="ignore"):
                        want = divide.function(x[part], d[part])
                    got = divide(x[part], d[part])
                    same = got.view("u8") == want.view("u8")
                    assert (same | (np.isnan(got) & np.isnan(want))).all(), (x[part][~same][:3], d[part][~same][:3])


def test_quotients_near_the_middle_between_two_numbers():
    rng = np.random.default_rng(8)
    divide = td.jit(lambda x, d: x / d)
    for _ in range(30):
        d = 1 + rng.random()
        q = 1 + rng.random(999)
        x = (np.longdouble(d) * (q + np.longdouble(2.0**-53))).astype(float)
        np.testing.assert_array_equal(divide(x, d), x / d)
        many = d * (1 + rng.integers(0, 9, x.size) * 2.0**-52)
        np.testing.assert_array_equal(divide(x, many), x / many)


@pytest.mark.parametrize(("dtype", "bits"), [("f4", 24), ("f8", 53)])
def test_quotients_nearest_to_the_middle_between_two_numbers(dtype, bits):
    """The x for which 2**bits x (x at least d) or 2**(bits + 1) x (x below d) is a few more or less than an odd multiple of d."""
    rng = np.random.default_rng(3)
    divide = td.jit(lambda x, d: x / d)
    low, high = 2**(bits - 1), 2**bits
    divisors = [*range(low + 1, low + 40, 2), *range(high - 39, high, 2), *(int(d) | 1 for d in rng.integers(low, high, 160))]
    for d in divisors:
        steps = [k for k in range(-32, 33) if k]
        below = [k * pow(2 * high, -1, d) % d for k in steps]
        above = [k * pow(high, -1, d) % d + d for k in steps]
        x = np.array([x for x in (*below, *above) if low <= x < high] * 2, dtype)
        np.testing.assert_array_equal(divide(x, np.dtype(dtype).type(d)), x / np.dtype(dtype).type(d))


def test_rows_by_their_sums():
    p = np.random.default_rng(0).random((33, 50))
    p[5] = 0
    p[6, 3] = np.inf
    p[7] *= 1e-310
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(td.jit(lambda p, s: p / s[:, None])(p, p[:, 3]), p / p[:, 3][:, None])
