"""Trees of containers: nested tuples, lists, dicts and registered classes; public as `treadle.tree`.

`flatten` gives the leaves, left to right, and a `TreeDef` that rebuilds the containers; tree definitions are hashable and
compare by structure, so they serve as cache keys.  A dict's leaves come in its own (insertion) order, so that rebuilding
keeps it; `map` matches several dicts by key.  None is a container without leaves.

    leaves, treedef = flatten({"w": w, "b": [b0, b1]})
    treedef.unflatten(leaves)
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Flatten = Callable[[Any], tuple[Iterable[Any], Hashable]]
Unflatten = Callable[[Any, Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Container:
    """How one class is taken apart, into (children, hashable rest), and put together again.

    keys: for mappings, the children's keys as a function of the rest; None for sequences.
    """

    flatten: Flatten
    unflatten: Unflatten
    keys: Callable[[Any], tuple[Hashable, ...]] | None = None


class TreeDef:
    """The containers of a tree without its leaves. `cls` is None for a leaf itself."""

    __slots__ = ("_hash", "children", "cls", "leaf_count", "rest")

    def __init__(self, cls: type | None, rest: Hashable = None, children: tuple[TreeDef, ...] = ()) -> None:
        self.cls, self.rest, self.children = cls, rest, children
        self.leaf_count: int = 1 if cls is None else sum(c.leaf_count for c in children)
        self._hash = hash((cls, rest, children))

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this structure with these leaves."""
        leaves = list(leaves)
        if len(leaves) != self.leaf_count:
            raise ValueError(f"the tree has {self.leaf_count} leaves, got {len(leaves)}")
        return self._build(iter(leaves))

    def _build(self, leaves: Iterator[Any]) -> Any:
        if self.cls is None:
            return next(leaves)
        return _container(self.cls).unflatten(self.rest, [c._build(leaves) for c in self.children])

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """The subtrees of `tree` that stand where this structure has leaves."""
        out: list[Any] = []
        self._collect(tree, out, "tree")
        return out

    def _collect(self, tree: Any, out: list[Any], path: str) -> None:
        if self.cls is None:
            out.append(tree)
            return
        if type(tree) is not self.cls:
            raise ValueError(f"{path}: expected {self.cls.__name__}, got {type(tree).__name__}")
        container = _container(self.cls)
        children, rest = container.flatten(tree)
        children = list(children)
        names: Iterable[Any] = range(len(children))
        if container.keys is not None:
            names, given = container.keys(self.rest), container.keys(rest)
            if set(names) != set(given):
                raise ValueError(f"{path}: expected the keys {list(names)}, got {list(given)}")
            by_key = dict(zip(given, children, strict=True))
            children = [by_key[k] for k in names]
        elif rest != self.rest or len(children) != len(self.children):
            raise ValueError(f"{path}: expected {self!r}, got a {self.cls.__name__} of {len(children)} children")
        for node, name, child in zip(self.children, names, children, strict=True):
            node._collect(child, out, f"{path}[{name!r}]")

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, TreeDef) and self._hash == other._hash and self.cls is other.cls
                                 and self.rest == other.rest and self.children == other.children)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        if self.cls is None:
            return "*"
        keys = _container(self.cls).keys
        inside = [repr(c) for c in self.children]
        if keys is not None:
            inside = [f"{k!r}: {c}" for k, c in zip(keys(self.rest), inside, strict=True)]
        return f"{self.cls.__name__}({', '.join(inside)})"


LEAF = TreeDef(None)

_containers: dict[type, Container] = {
    tuple: Container(lambda t: (t, None), lambda rest, children: tuple(children)),
    list: Container(lambda t: (t, None), lambda rest, children: list(children)),
    dict: Container(lambda t: (t.values(), tuple(t)), lambda keys, children: dict(zip(keys, children, strict=True)),
                    lambda keys: keys),
    OrderedDict: Container(lambda t: (t.values(), tuple(t)),
                           lambda keys, children: OrderedDict(zip(keys, children, strict=True)), lambda keys: keys),
    defaultdict: Container(lambda t: (t.values(), (t.default_factory, tuple(t))),
                           lambda rest, children: defaultdict(rest[0], zip(rest[1], children, strict=True)),
                           lambda rest: rest[1]),
    deque: Container(lambda t: (t, t.maxlen), lambda maxlen, children: deque(children, maxlen)),
    type(None): Container(lambda t: ((), None), lambda rest, children: None),
}


def register(cls: type, flatten: Flatten, unflatten: Unflatten) -> type:
    """Make `cls` a container: flatten(x) -> (children, hashable rest); unflatten(rest, children) -> x. Returns `cls`.

        register(Layer, lambda x: ((x.w, x.b), x.name), lambda name, children: Layer(*children, name=name))
    """
    if cls in _containers:
        raise ValueError(f"{cls.__name__} is registered already")
    _containers[cls] = Container(flatten, unflatten)
    return cls


def is_container(cls: type) -> bool:
    """Are objects of exactly this class taken apart? Named tuples are, without being registered."""
    if cls in _containers:
        return True
    if issubclass(cls, tuple) and hasattr(cls, "_fields") and hasattr(cls, "_make"):
        make = cls._make
        _containers[cls] = Container(lambda t: (t, None), lambda rest, children: make(children))
        return True
    return False


def children(x: Any) -> list[Any]:
    """What a container directly holds."""
    return list(_container(type(x)).flatten(x)[0])


def with_children(x: Any, new: Sequence[Any]) -> Any:
    """A container like `x` that holds `new` instead."""
    return assemble(type(x), rest(x), new)


def rest(x: Any) -> Hashable:
    """What, besides class and children, makes up a container."""
    return _container(type(x)).flatten(x)[1]


def assemble(cls: type, rest: Hashable, children: Sequence[Any]) -> Any:
    """The container of class `cls` made of these parts."""
    return _container(cls).unflatten(rest, children)


def _container(cls: type) -> Container:
    return _containers[cls]


def flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeDef]:
    """The leaves of `tree`, left to right, and its structure. `is_leaf` may stop the descent early."""
    found: list[Any] = []
    return found, _flatten(tree, found, is_leaf)


def _flatten(tree: Any, found: list[Any], is_leaf: Callable[[Any], bool] | None) -> TreeDef:
    cls = type(tree)
    if not is_container(cls) or (is_leaf is not None and is_leaf(tree)):
        found.append(tree)
        return LEAF
    children, rest = _container(cls).flatten(tree)
    return TreeDef(cls, rest, tuple([_flatten(c, found, is_leaf) for c in children]))


def unflatten(treedef: TreeDef, leaves: Iterable[Any]) -> Any:
    """The inverse of `flatten`."""
    return treedef.unflatten(leaves)


def leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """The leaves of `tree`, left to right."""
    return flatten(tree, is_leaf)[0]


def structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> TreeDef:
    """The structure of `tree`."""
    return flatten(tree, is_leaf)[1]


def map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """`f` of the leaves of `tree`, and of what stands at their places in `rest`, in a tree like `tree`.

        map(lambda w, g: w - 0.1 * g, params, grads)
    """
    first, treedef = flatten(tree, is_leaf)
    others = [treedef.flatten_up_to(t) for t in rest]
    return treedef.unflatten([f(*xs) for xs in zip(first, *others, strict=True)])
