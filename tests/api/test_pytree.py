"""td.tree: flattening, rebuilding, mapping, registered classes."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import pytest
from treadle.compiler import pytree

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize("tree, leaves", [
    (1, [1]), ((), []), (None, []), ([1, (2, 3)], [1, 2, 3]), ({"b": 1, "a": [2]}, [1, 2]), (Point(1, {"k": 2}), [1, 2]),
    (OrderedDict(z=1, a=2), [1, 2]), (deque([1, 2], 5), [1, 2]), ([None, 1, None], [1]),
])
def test_round_trip(tree, leaves):
    found, treedef = pytree.flatten(tree)
    assert found == leaves and treedef.leaf_count == len(leaves)
    again = treedef.unflatten(found)
    assert again == tree and type(again) is type(tree)
    if isinstance(tree, dict):
        assert list(again) == list(tree)
    assert pytree.structure(again) == treedef and hash(pytree.structure(again)) == hash(treedef)


def test_defaultdict_keeps_its_factory():
    again = pytree.map(lambda x: x + 1, defaultdict(list, a=1))
    assert again == {"a": 2} and again.default_factory is list


def test_structures_differ_by_container_and_key():
    trees = [(1, 2), [1, 2], {"a": 1, "b": 2}, {"a": 1, "c": 2}, (1, (2,)), Point(1, 2), 1, None, ()]
    assert len({pytree.structure(t) for t in trees}) == len(trees)


def test_map_matches_dicts_by_key():
    assert pytree.map(lambda x, y: (x, y), {"a": 1, "b": 2}, {"b": 20, "a": 10}) == {"a": (1, 10), "b": (2, 20)}


def test_map_stops_at_the_first_trees_leaves():
    assert pytree.map(lambda x, sub: (x, sub), [1, 2], [(3, 4), None]) == [(1, (3, 4)), (2, None)]


@pytest.mark.parametrize("a, b, place", [([1, 2], (1, 2), "expected list, got tuple"), ([1, [2]], [1, [2, 3]], r"tree\[1\]"),
                                         ({"a": 1}, {"b": 1}, "keys")])
def test_map_names_where_structures_differ(a, b, place):
    with pytest.raises(ValueError, match=place):
        pytree.map(lambda x, y: x, a, b)


def test_unflatten_counts_leaves():
    with pytest.raises(ValueError, match="has 2 leaves, got 3"):
        pytree.structure((1, 2)).unflatten([1, 2, 3])


def test_is_leaf_stops_the_descent():
    assert pytree.flatten([(1, 2), [3]], is_leaf=lambda t: isinstance(t, tuple))[0] == [(1, 2), 3]


def test_registered_class():
    class Layer:
        def __init__(self, w, name):
            self.w, self.name = w, name

    pytree.register(Layer, lambda x: ((x.w,), x.name), lambda name, children: Layer(*children, name))
    again = pytree.map(lambda x: x * 2, {"l": Layer(3, "first")})["l"]
    assert isinstance(again, Layer) and (again.w, again.name) == (6, "first")
    assert pytree.structure(Layer(1, "a")) != pytree.structure(Layer(1, "b"))
    with pytest.raises(ValueError, match="registered already"):
        pytree.register(Layer, lambda x: ((), None), lambda aux, children: None)
