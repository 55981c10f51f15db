"""Axes that a reshape merges become loops of their own, and their indices lose the divisions."""

import numpy as np
import pytest
import treadle as td
from treadle.ir.expr import const, nodes, var
from treadle.ir.expr import op as scalar_op
from treadle.ir.linear import linear
from treadle.ir.loops import For, own_exprs, walk
from treadle.ir.ranges import Ranges
from treadle.ir.types import ArrayType
from treadle.passes.merged_axes import merged_index, undivided

from tests.passes.planned import agree, make

F = np.dtype("f8")


def _ravelled(rows, columns, computed):
    def build(b, x):
        x = b.transpose(x, axes=(1, 0))
        line = b.reshape(b.sin(x) if computed else x, dims=(rows * columns,))
        return [b.multiply(line, line)]

    return make([ArrayType(F, (rows, columns))], build)


@pytest.mark.parametrize("computed, least", [(True, 16), (False, 2)])
@pytest.mark.parametrize("shape", [(20, 30), (16, 3), (3, 16), (2, 9)])
def test_a_ravelled_transpose_is_not_divided_where_its_rows_are_long(shape, computed, least):
    """Where elements are only moved, two make a row."""
    x = np.random.default_rng(0).normal(size=shape)
    _, loops = agree(_ravelled(*shape, computed), [x])
    divisions = [e for s in walk(loops.body) for e in nodes(own_exprs(s)) if e.payload in ("quot", "rem")]
    assert bool(divisions) == (shape[0] < least)
    assert all(s.kind == "par" for s in walk(loops.body) if isinstance(s, For))


def test_quotients_and_remainders_go_where_ranges_prove_it():
    known = Ranges()
    for name, n in (("i", 5), ("j", 7)):
        known = known.with_loop(For(name, const(0), const(n)))
    (p,) = merged_index((var("i"), var("j")), ((5, 7),))

    def form(name, x, n):
        return linear(undivided(scalar_op(name, x, const(n)), known))

    assert form("quot", p, 7).same(linear(var("i"))) and form("rem", p, 7).same(linear(var("j")))
    for x, n in ((p, 6), (p + 1, 7), (p - 1, 7), (p - 7, 7), (p, 0)):
        whole = scalar_op("quot", x, const(n))
        assert undivided(whole, known) is whole


def test_nothing_is_divided_by_an_extent_of_zero():
    x = np.zeros((4, 0))
    assert td.jit(lambda x: np.linalg.vector_norm(x.T.reshape(-1)))(x) == 0.0


@pytest.mark.parametrize("f", [
    lambda x: np.tile(x, (2, 3)), lambda x: np.tile(x.T, 2) * 2 + 1, lambda x: np.cumsum(x.T.ravel()),
    lambda x: x.T.reshape(-1)[::-1] * 2, lambda x: np.repeat(x, 20, axis=0) + np.repeat(x, 20, axis=0)[::-1]],
    ids=["tile", "tile of a transpose", "cumsum", "reversed", "repeat"])
def test_what_is_laid_out_anew_is_numpys(f):
    x = np.random.default_rng(1).normal(size=(20, 33))
    np.testing.assert_array_equal(td.jit(f)(x), f(x))
