"""Loops over tuples, which the trace unrolls: their values have very many ways from one to the other.

None of these compiles within hours if a pass follows every way.
"""

import numpy as np
import pytest
import treadle as td

TRIPS = tuple(range(70))


def twice(o, y):
    for _ in TRIPS:
        o[:] = o * o.conj() + y
    return o


def shifted(o, y):
    for k in TRIPS:
        o[1:] = o[:-1] * o[1:] + y[1:] * o[1:]
        o[0] = o[-1] * o[k % 7]
    return o


def chosen(o, y):
    for _ in TRIPS:
        o = np.where(o.real > 0.5, o - 0.5, o + y) * o
    return o


def halves(o, y):
    for _ in TRIPS:
        a, b = o[::2], o[1::2]
        a += b
        b -= a * a
        o = o[::-1]
    return o


@pytest.mark.parametrize("program", [twice, shifted, chosen, halves])
def test_every_value_is_looked_at_once(program):
    given = np.linspace(0.1, 0.2, 16) * (1 + 0.5j)
    y = np.linspace(0.1, 0.3, 16)
    expected = given.copy()
    result = program(expected, y)
    got = given.copy()
    np.testing.assert_allclose(td.jit(program)(got, y), result, rtol=1e-10)
    np.testing.assert_allclose(got, expected, rtol=1e-10)
