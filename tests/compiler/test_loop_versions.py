"""Loops whose bounds and indices follow from data run without tests where all are in range, else they fail as NumPy's."""

import numpy as np
import pytest
from treadle import jit


def shifted(x, s, y):
    k = int(s[0])
    for i in range(len(y)):
        y[i] = x[i + k] + 1
    return y


def part(a, s, b):
    m = int(s[0])
    for i in range(1, m - 1):
        for j in range(1, m - 1):
            b[i, j] = a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1]
    return b


def seidel(a, s, b):
    m = int(s[0])
    for i in range(1, m - 1):
        for j in range(1, m - 1):
            a[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + b[i, j + 1])
    return a


def band(a, s, b):
    low, high = int(s[0]), int(s[1])
    for i in range(low, high):
        for j in range(i - 2, i + 3):
            b[i, j] = a[j, i] * 2
    return b


def outcome(f, arrays):
    arrays = [a.copy() for a in arrays]
    try:
        return [f(*arrays), *arrays], None
    except IndexError as e:
        return arrays, str(e)


@pytest.mark.parametrize("f, shape, first", [
    (shifted, 90, [[3], [0], [10], [11], [-90], [-91], [-200], [2**62], [-2**62]]),
    (part, (40, 40), [[40], [41], [60], [2], [0], [-5], [37], [2**40]]),
    (seidel, (70, 70), [[70], [71], [90], [2], [0], [-5], [67]]),
    (band, (50, 50), [[2, 48], [0, 48], [2, 49], [2, 60], [-60, 3], [10, 5]]),
], ids=lambda p: getattr(p, "__name__", None))
def test_in_range_and_out_of_range(f, shape, first):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=100 if shape == 90 else shape), rng.normal(size=shape)
    compiled, errors = jit(f), set()
    for s in first:
        want, error = outcome(f, [a, np.array(s), b])
        got, found = outcome(compiled, [a, np.array(s), b])
        errors.add(error)
        assert error == found, s
        for x, y in zip(want, got, strict=True):
            np.testing.assert_array_equal(x, y)
    assert None in errors and len(errors) > 1


def test_both_versions_are_there():
    text = jit(part).lower(np.ones((40, 40)), np.array([40]), np.ones((40, 40))).ir("loops")
    free, tested = text.split("else:")
    assert "vector" in free and "raise" not in free.split("if ")[-1] and "for seq" in tested
