"""View maps against NumPy's own views, by looking at which elements they show."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from treadle.ir import viewmap
from treadle.ir.builder import Slot
from treadle.ir.ops.views import split_map
from treadle.ir.viewmap import Axis, basic_index_map, compose, is_injective


def seen(view_map, dims, x):
    """The elements that a static map shows of x."""
    out = np.empty(dims, x.dtype)
    for index in np.ndindex(*dims):
        out[index] = x[viewmap.apply_map(view_map, index, lambda slot: 0)]
    return out


def numbered(*dims):
    return np.arange(int(np.prod(dims))).reshape(dims)


ITEMS = st.one_of(st.integers(-3, 2), st.none(), st.just(Ellipsis),
                  st.builds(slice, *[st.one_of(st.none(), st.integers(-5, 5))] * 2,
                            st.sampled_from([None, 1, 2, -1, -2, 3])))


@settings(max_examples=200, deadline=None)
@given(st.lists(ITEMS, max_size=4))
def test_basic_indexes_show_what_numpy_shows(items):
    x, index = numbered(3, 4, 5), tuple(items)
    try:
        expected = x[index]
    except IndexError as e:
        with pytest.raises(IndexError) as got:
            basic_index_map(index, x.shape)
        assert str(got.value) == str(e)
        return
    view_map, dims = basic_index_map(index, x.shape)
    assert dims == expected.shape
    np.testing.assert_array_equal(seen(view_map, dims, x), expected)


@settings(max_examples=100, deadline=None)
@given(st.lists(ITEMS, max_size=3), st.lists(ITEMS, max_size=3))
def test_a_view_of_a_view_is_one_map(first, second):
    x = numbered(3, 4, 5)
    try:
        expected = x[tuple(first)][tuple(second)]
    except IndexError:
        return
    inner, dims = basic_index_map(tuple(first), x.shape)
    outer, dims = basic_index_map(tuple(second), dims)
    np.testing.assert_array_equal(seen(compose(outer, inner), dims, x), expected)


def test_starts_compose_where_they_can():
    inner = (Axis(Slot(1), ((1, 0),)), Axis(0, ((2, 1),)))
    assert compose((Axis(0, ((1, 0),)), Axis(3)), inner) == (Axis(Slot(1), ((1, 0),)), Axis(6))
    assert compose((Axis(1, ((1, 0),)), Axis(3)), inner) is None
    made = compose((Axis(1, ((1, 0),)), Axis(Slot(2))), inner, lambda a, step, b: Slot(10 * step))
    assert made == (Axis(Slot(10), ((1, 0),)), Axis(Slot(20)))
    assert compose((Axis(0, ((1, 0),)), Axis(Slot(2))), (Axis(0, ((1, 1),)), Axis(5))) == (Axis(Slot(2)), Axis(5))


def test_permutations():
    axes = (2, 0, 1)
    x = numbered(2, 3, 4)
    np.testing.assert_array_equal(seen(viewmap.permutation_map(axes), (4, 2, 3), x), x.transpose(axes))
    assert viewmap.invert_permutation(axes) == (1, 2, 0)
    assert viewmap.is_identity(compose(viewmap.permutation_map(axes), viewmap.permutation_map((1, 2, 0))))


def test_a_new_leading_axis_and_renumbered_slots():
    view_map = (Axis(Slot(1), ((2, 0),)),)
    assert viewmap.insert_axis(view_map) == (Axis(0, ((1, 0),)), Axis(Slot(1), ((2, 1),)))
    assert viewmap.renumber_slots(view_map, lambda k: k + 1) == (Axis(Slot(2), ((2, 0),)),)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.lists(st.tuples(st.integers(-2, 4), st.integers(0, 2)), max_size=2,
                                                      unique_by=lambda t: t[1])), min_size=1, max_size=2),
       st.tuples(*[st.integers(0, 3)] * 3))
def test_injectivity_is_never_claimed_wrongly(axes, dims):
    view_map = tuple(Axis(start, tuple(terms)) for start, terms in axes)
    places = [viewmap.apply_map(view_map, i, lambda slot: 0) for i in itertools.product(*map(range, dims))]
    if is_injective(view_map, dims):
        assert len(set(places)) == len(places)


def test_common_views_are_known_to_be_injective():
    for index in (slice(None, None, -2), (slice(1, None), 2), (Ellipsis, None)):
        assert is_injective(*basic_index_map(index, (4, 5)))
    assert is_injective((Axis(0, ((3, 0), (1, 1))),), (4, 3))
    assert not is_injective((Axis(0, ((1, 0), (1, 1))),), (4, 3))
    assert not is_injective((Axis(0, ((1, 1),)),), (4, 3))


def test_a_reshape_that_splits_axes_is_a_view():
    shapes = [s for n in range(4) for s in itertools.product((1, 2, 3, 4, 6, 12), repeat=n) if np.prod(s) in (1, 4, 12, 24)]
    for own, dims in itertools.product(shapes, repeat=2):
        if np.prod(own) == np.prod(dims):
            view_map = split_map(own, dims)
            if view_map is not None:
                np.testing.assert_array_equal(seen(view_map, dims, numbered(*own)), numbered(*own).reshape(dims))
                assert is_injective(view_map, dims)
    assert split_map((12,), (3, 1, 4)) is not None and split_map((3, 4), (12,)) is None and split_map((0,), (0, 2)) is None
