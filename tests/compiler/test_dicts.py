"""Dicts and sets whose keys only the run knows, against Python's own."""

import copy

import numpy as np
import pytest
import treadle as td
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiler import dict_programs as programs

RNG = np.random.default_rng(0)
X = RNG.integers(0, 9, 30)
CASES = [
    (programs.orbit, (np.array([5.0]),)), (programs.counted, (X,)), (programs.counted_by_class, (X,)), (programs.memo, (12, 9)),
    (programs.components, (RNG.integers(0, 12, (7, 2)), 12)), (programs.two_that_sum, (RNG.permutation(20), 17)),
    (programs.taken_out, (X,)), (programs.cells, (RNG.random((60, 2)),)),
    (programs.shortest, (RNG.integers(0, 8, 25), RNG.integers(0, 8, 25), RNG.random(25), 8)),
    (programs.floats, (np.array([0.0, -0.0, 1.0, 2.5, 2.5]),)), (programs.missing, (X,)), (programs.missing_in_a_set, (X,)),
    (programs.joined, (X[:12], X[5:20] + 3)), (programs.in_and_out, (3000,)), (programs.primes, (np.int64(200),)),
    (programs.lempel_ziv_welch, (RNG.integers(0, 4, 200),)), (programs.displayed, (X,)),
]


def ran(f, args):
    try:
        return f(*copy.deepcopy(args))
    except KeyError as e:
        return "KeyError", str(e)


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        a, b = list(a.items()), list(b.items())
    if isinstance(a, (tuple, list)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    else:
        assert np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


@pytest.mark.parametrize(("f", "args"), CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_programs(f, args):
    same(ran(td.jit(f), args), ran(f, args))


def test_the_order_of_a_set_is_refused():
    def f(x):
        s, total = set(), 0.0
        for v in x:
            s.add(v)
        for v in s:
            total = total * 0.5 + v
        return total

    with pytest.raises(td.errors.UnsupportedError, match="order"):
        td.jit(f)(np.arange(20.0))


STEPS = ("d[k % 5] = k", "d[k] = 2 * k", "d.pop(k % 4, 0)", "total += d.get(k % 3, 7)", "total += k % 5 in d", "total += len(d)",
         "d[k % 2] = d.setdefault(k % 3, k)", "d.clear()", "total += sum(d.values())", "items += list(d)", "d = dict(d)",
         "d.update({k: 1, 3: k})", "del d[k % 6]", "total += d[k % 3]", "items += sorted(d.items())")


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(2, 4)), min_size=1, max_size=4), st.integers(0, 9))
def test_any_steps(tmp_path_factory, steps, n):
    lines = ["def f(n):", "    d, items, total, k = {}, [], 0, 0", "    while k < n:"]
    for step, every in steps:
        lines += [f"        if k % {every} == 0:", f"            {step}"]
    lines += ["        k += 1", "    return d, total, items"]
    path = tmp_path_factory.mktemp("dicts") / "program.py"
    path.write_text("\n".join(lines))
    names: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    same(ran(td.jit(names["f"]), (np.int64(n),)), ran(names["f"], (np.int64(n),)))
