"""td.check lists what would not compile, and runs nothing; td.numpy works in and out of compiled code."""

import numpy as np
import pytest
import treadle as td


def two_problems(x):
    a = np.nditer(x)
    b = np.asarray(x, object)
    return a, b


def test_every_refused_call_is_listed_with_its_line():
    x = np.arange(6.0)
    found = td.check(two_problems, x)
    first = two_problems.__code__.co_firstlineno
    assert [p.loc.line for p in found] == [first + 1, first + 2]
    assert all(isinstance(p, td.errors.UnsupportedError) and p.why and p.instead for p in found)


def test_nothing_is_listed_and_nothing_run_for_what_compiles():
    def f(x):
        x += 1
        return x.sum()

    x = np.zeros(3)
    assert td.check(f, x) == []
    assert td.check(td.jit(f), x) == []
    assert not x.any()


def test_an_error_of_numpy_is_raised():
    with pytest.raises(ValueError, match="broadcast"):
        td.check(lambda x: x + np.ones(2), np.ones(3))


def test_the_namespace_is_numpys():
    assert td.numpy.float32 is np.float32
    assert td.numpy.sin is np.sin
    np.testing.assert_array_equal(td.numpy.zeros(3), np.zeros(3))
    np.testing.assert_array_equal(td.numpy.linalg.norm(np.eye(3)), np.linalg.norm(np.eye(3)))
    with pytest.raises(AttributeError):
        td.numpy.no_such_function  # noqa: B018


def test_the_namespace_makes_traced_arrays():
    def f(x):
        out = td.numpy.zeros_like(x)
        out[1:] = td.numpy.cumsum(x)[:-1]
        return td.numpy.flip(out)

    x = np.arange(5.0)
    np.testing.assert_array_equal(td.jit(f)(x), f(x))
