"""fori_loop, while_loop, cond and scan: the same compiled as run plainly, with one loop in the code whatever the trip count."""

import doctest

import numpy as np
import pytest
import treadle as td
from treadle.compiler import structured


def powers(x, n):
    return td.fori_loop(0, n, lambda i, s: s * 0.5 + x, np.zeros_like(x))


def newton(a):
    def body(state):
        x, k = state
        return 0.5 * (x + a / x), k + 1

    return td.while_loop(lambda s: abs(s[0] * s[0] - a) > 1e-12 * a, body, (a, 0))


def branch(x):
    return td.cond(x.sum() > 0, lambda v: v * 2, lambda v: v - 1, x)


def running(xs):
    return td.scan(lambda c, x: (c + x["a"], {"total": c + x["a"], "twice": x["b"] * 2}), xs["a"][0] * 0, xs)


def counted(c):
    return td.scan(lambda c, _: (c * 2, c), c, length=5)


def leaves(x):
    return td.tree.flatten(x)[0]


@pytest.mark.parametrize("f, args", [
    (powers, (np.arange(4.0), 7)), (powers, (np.arange(4.0), 0)), (newton, (np.float64(7.0),)),
    (branch, (np.ones(3),)), (branch, (-np.ones(3),)),
    (running, ({"a": np.arange(12.0).reshape(6, 2), "b": np.arange(6)},)), (counted, (np.float32(1.5),)),
], ids=lambda v: getattr(v, "__name__", ""))
def test_compiled_is_as_plain(f, args):
    want, got = leaves(f(*args)), leaves(td.jit(f)(*args))
    assert len(want) == len(got)
    for w, g in zip(want, got):
        assert np.array_equal(w, g) and np.asarray(w).dtype == np.asarray(g).dtype and np.shape(w) == np.shape(g)


def test_the_loop_stays_a_loop():
    texts = [td.jit(powers).lower(np.arange(4.0), n).ir("loops").count("for ") for n in (9, 100_000)]
    assert texts[0] == texts[1]


def test_a_scan_over_nothing_is_refused():
    with pytest.raises(ValueError, match="no elements"):
        td.scan(lambda c, x: (c, x), 0.0, np.zeros((0, 2)))


def test_examples():
    assert doctest.testmod(structured).failed == 0
