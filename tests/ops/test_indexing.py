"""Integer-array indexing against NumPy's: results, errors, repeated places, derivatives of repeated writes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from treadle.ir.builder import Slot
from treadle.ir.errors import UnsupportedError
from treadle.ir.opdef import OPS, Sample

from tests.ops.rule_checks import check_jvp, check_transpose, run


def check(indices, extent, axis=0):
    return run([np.asarray(indices, dtype=np.int64)],
               lambda b, v: [b.check_index(v[0], axis=axis, extent=extent)])[0]


def test_indexes_are_counted_from_the_front():
    np.testing.assert_array_equal(check([[0, -1], [-3, 2]], 3), [[0, 2], [0, 2]])


@pytest.mark.parametrize("indices", [[[0, 1], [10, -7]], [[-4, 5], [0, 0]], -4, 3])
def test_the_first_bad_index_is_named_as_numpy_names_it(indices):
    with pytest.raises(IndexError) as expected:
        np.zeros(3)[np.asarray(indices)]
    with pytest.raises(IndexError) as got:
        check(indices, 3)
    assert str(got.value) == str(expected.value)


def test_the_extent_may_be_an_operand():
    got = run([np.array([-1, 1]), np.asarray(4)], lambda b, v: [b.check_index(v[0], v[1], axis=0, extent=Slot(1))])
    np.testing.assert_array_equal(got[0], [3, 1])


@pytest.mark.parametrize("axes", [a for n in (1, 2, 3) for a in itertools.combinations(range(3), n)])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0,)])
def test_gather_and_scatter_are_numpys(axes, shape):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3, 4, 5))
    arrays = [np.asarray(rng.integers(0, 3, shape)) for _ in axes]
    # NumPy puts the indexed axes where they stand if they are neighbours, else in front.
    position = axes[0] if axes == tuple(range(axes[0], axes[-1] + 1)) else 0
    index = tuple(arrays[axes.index(k)] if k in axes else slice(None) for k in range(3))
    if not shape:
        position = 0 if len(axes) > 1 and position == 0 else position
    attrs = {"axes": axes, "position": position}
    np.testing.assert_array_equal(run([x, *arrays], lambda b, v: b.emit("gather", v, attrs))[0], x[index])
    new = rng.normal(size=x[index].shape)
    expected, added = x.copy(), x.copy()
    expected[index] = new
    np.add.at(added, index, new)
    for name, want in (("scatter", expected), ("scatter_add", added)):
        got = run([x, new, *arrays], lambda b, v: b.emit(name, v, {**attrs, "unique": False}))
        np.testing.assert_array_equal(got[0], want)


def test_the_last_of_repeated_writes_stays_and_alone_has_a_derivative():
    sample = Sample(((2, 3), (40,), (40,), (40,)), {"axes": (0, 1), "position": 0, "unique": False},
                    (None, None, "i64", "i64"), domain=(0.0, 1.0))
    check_jvp(OPS["scatter"], sample, "f64")
    check_transpose(OPS["scatter"], sample, "f64")
    got = run([np.zeros(2), np.arange(1.0, 6.0), np.array([0, 1, 0, 1, 0])],
              lambda b, v: [b.scatter(*v, axes=(0,), position=0, unique=False)])
    np.testing.assert_array_equal(got[0], [5, 4])


def test_a_product_of_repeated_writes_has_no_derivative_rule():
    sample = Sample(((2,), (4,), (4,)), {"axes": (0,), "position": 0, "unique": False}, (None, None, "i64"), (0.0, 1.0))
    with pytest.raises(UnsupportedError, match="scatter_mul"):
        check_jvp(OPS["scatter_mul"], sample, "f64")
