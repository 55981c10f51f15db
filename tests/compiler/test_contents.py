"""Objects that tracing does not see into: calls depend on what they hold then; a change of one is refused and undone."""

import array
import decimal
import enum
import fractions

import numpy as np
import pytest
import treadle
from treadle.ir.errors import UnsupportedError

X = np.arange(4.0)


class Marks(set):
    """A set of the caller's own class."""


class Row(list):
    """A list of the caller's own class."""


class Mode(enum.Enum):
    SLOW = 1
    FAST = 2


CHOSEN = {"names": {"a", "b"}, "mode": Mode.SLOW}


@pytest.mark.parametrize("make", [set, frozenset, Marks, Row, bytearray, lambda e: array.array("i", e)])
def test_elements(make):
    f = treadle.jit(lambda x, s: x * sum(s) + len(s))
    for elements in ([1, 2], [3, 4], [5, 6, 7]):
        np.testing.assert_array_equal(f(X, make(elements)), X * sum(elements) + len(elements))


def test_equal_elements_of_other_classes_differ():
    f = treadle.jit(lambda x, s: x * sum(isinstance(e, bool) for e in s))
    assert f(X, {1, 2})[1] == 0
    assert f(X, {True, 2})[1] == 1
    assert f(X, frozenset([1, 2]))[1] == 0
    assert f(X, frozenset([True, 2]))[1] == 1


@pytest.mark.parametrize(("a", "b"), [(fractions.Fraction(1, 2), fractions.Fraction(1, 4)),
                                      (decimal.Decimal(2), decimal.Decimal(3))])
def test_numbers_of_library_classes(a, b):
    f = treadle.jit(lambda x, s: x * float(s))
    for s in (a, b):
        np.testing.assert_array_equal(f(X, s), X * float(s))


@pytest.mark.parametrize("make", [np.poly1d, np.polynomial.Polynomial])
def test_polynomials(make):
    f = treadle.jit(lambda x, p: p(x))
    for coefficients in ([1.0, 2.0], [3.0, 4.0]):
        np.testing.assert_array_equal(f(X, make(coefficients)), make(coefficients)(X))


def test_globals():
    f = treadle.jit(lambda x, w: x + 10 * (w in CHOSEN["names"]) + (CHOSEN["mode"] is Mode.FAST))
    assert f(X, "c")[0] == 0
    CHOSEN["names"].add("c")
    assert f(X, "c")[0] == 10
    CHOSEN["mode"] = Mode.FAST
    assert f(X, "c")[0] == 11


def test_a_change_is_refused_and_undone():
    def add(x, s):
        s.add(7)
        return x + len(s)

    held = {1, 2}
    with pytest.raises(UnsupportedError, match="a change of s, a set of the caller's"):
        treadle.jit(add)(X, held)
    assert held == {1, 2}


def test_an_iterator_is_refused():
    with pytest.raises(UnsupportedError, match="a list_iterator: what it gives next differs"):
        treadle.jit(lambda x, s: x + next(s))(X, iter([1, 2]))
