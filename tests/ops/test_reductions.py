"""Reductions, scans, sorts and contractions where NumPy's answer needs care: NaN, ties, empty axes, zeros in products."""

from __future__ import annotations

import numpy as np
import pytest
from treadle.ir.opdef import OPS, Sample

from tests.ops.rule_checks import check_jvp, jvp, run

SPECIAL = np.array([[1.0, np.nan, -0.0, 3.0], [3.0, 3.0, -np.inf, 0.0], [2.0, np.nan, np.inf, 3.0]])


@pytest.mark.parametrize("x", [SPECIAL, SPECIAL + 1j * SPECIAL.T[:3, :1], (SPECIAL[1] > 0)[None] ^ (SPECIAL == 3)],
                         ids=["real", "complex", "bool"])
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_extremes_of_special_values(x, axes):
    for name, function in (("reduce_max", np.max), ("reduce_min", np.min)):
        got = run([x], lambda b, v: b.emit(name, v, {"axes": axes}))[0]
        np.testing.assert_array_equal(got, function(x, axis=axes))
    for name, function in (("argmax", np.argmax), ("argmin", np.argmin)):
        got = run([x], lambda b, v: b.emit(name, v, {"axes": axes}))[0]
        np.testing.assert_array_equal(got, function(x, axis=axes[0] if len(axes) == 1 else None))


@pytest.mark.parametrize("name, message", [("reduce_max", "zero-size array to reduction operation maximum"),
                                           ("argmin", "attempt to get argmin of an empty sequence")])
def test_an_empty_extreme_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        run([np.zeros((2, 0))], lambda b, v: b.emit(name, v, {"axes": (1,)}))


@pytest.mark.parametrize("name", ["reduce_prod", "cumprod"])
def test_the_derivative_of_a_product_with_zeros(name):
    attrs = {"axes": (0,)} if name == "reduce_prod" else {"axis": 0, "reverse": False, "exclusive": False}
    x, t = np.array([2.0, 0.0, 3.0, 4.0]), np.array([1.0, 10.0, 100.0, 1000.0])
    (got,) = jvp(OPS[name], [x], {0: t}, attrs)
    np.testing.assert_allclose(got, 240.0 if name == "reduce_prod" else [1.0, 20.0, 60.0, 240.0])


def test_ties_share_the_derivative_of_a_maximum():
    (got,) = jvp(OPS["reduce_max"], [np.array([3.0, 1.0, 3.0])], {0: np.array([1.0, 5.0, 2.0])}, {"axes": (0,)})
    assert got == 1.5


def test_cumulative_ops_keep_the_first_element_as_it_is():
    x = np.array([-0.0, -0.0])
    (got,) = run([x], lambda b, v: [b.cumsum(v[0], axis=0, reverse=False, exclusive=False)])
    assert np.signbit(got).all()


def test_the_derivative_of_a_sort_follows_the_elements():
    check_jvp(OPS["sort"], Sample(((4, 9),), {"axis": 0, "kind": "stable"}), "f64")


def test_an_unknown_sort_kind_is_refused():
    with pytest.raises(ValueError, match="sort kind must be one of"):
        run([np.zeros(3)], lambda b, v: [b.sort(v[0], axis=0, kind="bogo")])


@pytest.mark.parametrize("spec", ["ij,jk->ik", "bij,bjk->bik", "ij,kj->ik", "ijk,kjl->il", "i,i->", "i,j->ij", "ijk,k->ij"])
@pytest.mark.parametrize("dtype", ["f8", "c16", "i4", "f2"])
def test_contractions_are_einsums(spec, dtype):
    rng = np.random.default_rng(5)
    left, right, out = spec.replace("->", ",").split(",")
    size = dict(zip("bijkl", (2, 3, 4, 5, 6), strict=True))
    a, b = (np.asarray(rng.integers(-4, 5, [size[c] for c in s])).astype(dtype) for s in (left, right))
    batch = [c for c in left if c in right and c in out]
    contract = [c for c in left if c in right and c not in out]
    attrs = {k: (tuple(left.index(c) for c in cs), tuple(right.index(c) for c in cs))
             for k, cs in (("contract", contract), ("batch", batch))}
    (got,) = run([a, b], lambda g, v: g.emit("dot_general", v, attrs))
    np.testing.assert_array_equal(got, np.einsum(spec, a, b))
    assert got.dtype == a.dtype
