"""What lists that grow at run time hold: the kinds of their elements, the columns of memory for them, and the list returned.

An element is a number, an array of known extents, a tuple or dict of these, or an object that is the same whenever it is met
(None, a text).  A list may hold several kinds: a tag per element then says which.  Every number and array in an element has its
place in a column; kinds share columns of one dtype and extents.  Of a dict the list holds the values, so that from then on the
program may change no dict with its keys: it might be the one in the list (`note_change`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ir.types import WEAK_PYTHON, WeakType
from . import tracer
from .arrays import TracedArray, as_array, is_traced, value_of
from .choice import Choice
from .scalars import PYTHON_SCALARS, TracedScalar

if TYPE_CHECKING:
    from .results import Build, Recipe

# A decision: the list made at a place is one of the lists of a pool, of this name.
POOLED = "pooled"
# Kinds that the elements of one list may be of.
MOST_KINDS = 6


@dataclass(frozen=True, slots=True)
class Column:
    """Memory for one part of each element: of this dtype and, per element, these extents."""

    dtype: np.dtype
    dims: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A number or an array in an element; python: "int", "float", ... of a Python number, "" of NumPy's, None of an array.

    pool: of a list, whose number this is (`pooled_lists.py`).
    """

    column: Column
    python: str | None
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A tuple or dict of parts; cls: tuple, the class of a namedtuple, or dict; keys: of a dict."""

    cls: type
    parts: tuple[Kind, ...]
    keys: tuple[Hashable, ...] = ()

    def made(self, items: list[Any]) -> Any:
        """A record of this kind with these parts."""
        if self.cls is dict:
            return dict(zip(self.keys, items, strict=True))
        return tuple(items) if self.cls is tuple else self.cls._make(items)  # type: ignore[attr-defined]  # a namedtuple


@dataclass(frozen=True, slots=True)
class Fixed:
    """An object that is what it is, without memory."""

    object: Any


Kind = Leaf | Record | Fixed


def kind_of(x: Any, of_list: Callable[[Any], Kind | None] = lambda x: None) -> Kind:
    """The kind of an element; what no list in compiled code can hold is refused. of_list: says it for lists."""
    if isinstance(x, (TracedArray, np.ndarray)):
        dims = as_array(x).view.dims
        if not all(isinstance(d, int) for d in dims):
            raise tracer.unsupported("appending arrays whose extents are known only at run time to a list in a loop")
        return Leaf(Column(np.dtype(x.dtype), tuple(dims)), None)  # type: ignore[arg-type]
    if isinstance(x, (TracedScalar, np.generic, *PYTHON_SCALARS)):
        type_ = value_of(x).type
        return Leaf(Column(type_.dtype), type_.kind if isinstance(type_, WeakType) else "")  # type: ignore[union-attr]
    if isinstance(x, tuple) and (type(x) is tuple or hasattr(x, "_fields")):
        return Record(type(x), tuple(kind_of(e, of_list) for e in x))
    if type(x) is dict and not any(c.twin is x for c in tracer.current().containers.values()):
        tracer.current().listed_keys.add(tuple(x))
        return Record(dict, tuple(kind_of(e, of_list) for e in x.values()), tuple(x))
    if x is None or isinstance(x, str):
        return Fixed(x)
    found = of_list(x)
    if found is not None:
        return found
    raise tracer.unsupported(f"a {type(x).__name__} in a list that a loop makes longer",
                             "such lists hold numbers, arrays, tuples and dicts of them, None and texts")


def note_change(container: Any) -> None:
    """Something of the program is about to change: if it is a container that Python holds, branches have to know."""
    trace = tracer.current()
    trace.changes += not is_traced(container)
    if type(container) is dict and tuple(container) in trace.listed_keys:
        raise tracer.unsupported(f"a change of a dict with the keys {', '.join(map(repr, container))}",
                                 "there are copies of such dicts, in a list that a loop makes longer or of one of several",
                                 "put its values into a new dict")


def note_keys(kinds: Iterable[Kind]) -> None:
    """The keys of the dicts that a list of these kinds holds."""
    for kind in kinds:
        if isinstance(kind, Record):
            if kind.cls is dict:
                tracer.current().listed_keys.add(kind.keys)
            note_keys(kind.parts)


def leaves_of(kind: Kind) -> Iterator[Leaf]:
    if isinstance(kind, Leaf):
        yield kind
    elif isinstance(kind, Record):
        for part in kind.parts:
            yield from leaves_of(part)


def parts_of(kind: Kind, x: Any) -> Iterator[Any]:
    """The numbers and arrays of an element, in the order of `leaves_of`."""
    if isinstance(kind, Leaf):
        yield x
    elif isinstance(kind, Record):
        for part, e in zip(kind.parts, x.values() if kind.cls is dict else x, strict=True):
            yield from parts_of(part, e)


def assembled(kind: Kind, parts: Iterator[Any]) -> Any:
    """The element that these parts make."""
    if isinstance(kind, Leaf):
        return next(parts)
    if isinstance(kind, Fixed):
        return kind.object
    return kind.made([assembled(part, parts) for part in kind.parts])


def one_of(tag: TracedScalar, kinds: Sequence[Kind], elements: Sequence[Any]) -> Any:
    """The element with this tag of those that there would be of each kind; of tuples or dicts alike, one of what they differ in."""
    if all(e is elements[0] for e in elements):
        return elements[0]
    records = [k for k in kinds if isinstance(k, Record)]
    if len(records) == len(kinds) and len({(r.cls, len(r.parts), r.keys) for r in records}) == 1:
        places = records[0].keys or range(len(records[0].parts))
        return records[0].made([one_of(tag, [r.parts[k] for r in records], [e[place] for e in elements])
                                for k, place in enumerate(places)])
    return Choice(tag, tuple(elements))


def columns_of(kinds: tuple[Kind, ...]) -> tuple[Column, ...]:
    """The columns that a list of these kinds has."""
    columns: list[Column] = []
    for kind in kinds:
        wanted = [leaf.column for leaf in leaves_of(kind)]
        for c in dict.fromkeys(wanted):
            columns += [c] * (wanted.count(c) - columns.count(c))
    return tuple(columns)


def places_of(kind: Kind, columns: tuple[Column, ...]) -> list[int]:
    """The number of the column of each leaf of a kind."""
    places: list[int] = []
    for leaf in leaves_of(kind):
        places.append(next(k for k, c in enumerate(columns) if c == leaf.column and k not in places))
    return places


def described(kind: Kind) -> str:
    if isinstance(kind, Fixed):
        return repr(kind.object)
    if isinstance(kind, Record) and kind.cls is dict:
        return f"{{{', '.join(f'{k!r}: {described(p)}' for k, p in zip(kind.keys, kind.parts, strict=True))}}}"
    if isinstance(kind, Record):
        return f"({', '.join(map(described, kind.parts))})"
    if kind.pool:
        return "list"
    if kind.python is None:
        return f"{kind.column.dtype} array of shape {kind.column.dims}"
    return f"Python {kind.python}" if kind.python else f"NumPy {kind.column.dtype}"


@dataclass(frozen=True, slots=True, eq=False)
class ListOf:
    """The recipe of a list that grew. columns: arrays as long as the list; tags: the number of each element's kind, if there are
    several."""

    columns: tuple[Recipe, ...]
    tags: Recipe | None
    length: Recipe
    kinds: tuple[Kind, ...]
    # What it is made into: list, or a deque of some length.
    finish: Callable[[list[Any]], Any]
    # Of the lists among the elements.
    pools: Mapping[str, PoolOf]

    def build(self, state: Build) -> Any:
        if id(self) not in state.made:
            state.made[id(self)] = self.finish(self.elements(state))
        return state.made[id(self)]

    def elements(self, state: Build, begin: int = 0, end: int | None = None) -> list[Any]:
        """Those from one place up to another."""
        if id(self.columns) not in state.made:
            tags = None if self.tags is None else self.tags.build(state)
            state.made[id(self.columns)] = [c.build(state) for c in self.columns], tags, int(self.length.build(state))
        columns, tags, length = state.made[id(self.columns)]
        part = slice(begin, length if end is None else end)
        lists = [list(self._elements(kind, [c[part] for c in columns], part.stop - begin, state)) for kind in self.kinds]
        return lists[0] if tags is None else [lists[tag][k] for k, tag in enumerate(tags[part].tolist())]

    def _elements(self, kind: Kind, columns: list[np.ndarray], length: int, state: Build) -> Iterator[Any]:
        """The list as if all elements were of this kind."""
        places = places_of(kind, columns_of(self.kinds))
        parts = [[self.pools[leaf.pool].list_at(n, state) for n in columns[k].tolist()] if leaf.pool else
                 _as_python(leaf, columns[k]) for leaf, k in zip(leaves_of(kind), places, strict=True)]
        return (assembled(kind, iter([part[k] for part in parts])) for k in range(length))


@dataclass(frozen=True, slots=True, eq=False)
class PoolOf:
    """The recipe of the lists of a pool. elements: of all of them, one after the other; starts, lengths: where each lies."""

    elements: ListOf
    starts: Recipe
    lengths: Recipe

    def list_at(self, number: int, state: Build) -> list[Any]:
        """The list with this number, one object wherever it is met."""
        if id(self) not in state.made:
            state.made[id(self)] = self.starts.build(state), self.lengths.build(state), {}
        starts, lengths, lists = state.made[id(self)]
        if not 0 <= number < len(starts):
            return []  # an element of another kind
        if number not in lists:
            begin = int(starts[number])
            lists[number] = self.elements.elements(state, begin, begin + int(lengths[number]))
        return lists[number]


@dataclass(frozen=True, slots=True, eq=False)
class PooledOf:
    """The recipe of one list of a pool."""

    pool: PoolOf
    number: Recipe

    def build(self, state: Build) -> Any:
        return self.pool.list_at(int(self.number.build(state)), state)


@dataclass(frozen=True, slots=True, eq=False)
class EmptyOf:
    """The recipe of a list, or what else grows, that nothing was put in."""

    finish: Callable[[list[Any]], Any]

    def build(self, state: Build) -> Any:
        if id(self) not in state.made:
            state.made[id(self)] = self.finish([])
        return state.made[id(self)]


def _as_python(leaf: Leaf, column: np.ndarray) -> list[Any]:
    """A column's elements as the list holds them."""
    if leaf.python:
        kind = WEAK_PYTHON[leaf.python]
        found: list[Any] = column.tolist()
        return found if not found or type(found[0]) is kind else list(map(kind, found))
    return list(column) if leaf.python == "" else [np.array(row) for row in column]
