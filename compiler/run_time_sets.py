"""Sets whose elements only the run knows: dicts without values.

Python's order of a set follows from hashes and history, so nothing that depends on it is compiled: sets can be asked, changed,
counted, joined and sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import dict_algorithms, dispatch, tracer
from .arrays import any_traced
from .list_elements import Fixed, Record
from .list_functions import OF_LISTS, filled, place_of
from .run_time_dicts import DictView, RunTimeDict, made_dict
from .run_time_lists import GROWABLE, Holding, RunTimeList, made_list, sum_of_sizes


class RunTimeSet(RunTimeDict):
    """Stands for a set; every method is Python's."""

    python = set
    methods: dict[str, Callable[..., Any]] = {"discard": dict_algorithms.discard}

    def __init__(self, place: str, items: Iterable[Any] = (), factory: Callable[[], Any] | None = None,
                 least: Holding | None = None) -> None:
        super().__init__(place, ((x, None) for x in items), None, least)

    def take(self, other: RunTimeList) -> None:
        if other.holding is not None:
            _run(dict_algorithms.add_keys, self, other)

    def as_python(self, items: list[Any]) -> Any:
        return {x for x, _ in items}

    def add(self, x: Any) -> None:
        self[x] = None

    def remove(self, x: Any) -> None:
        del self[x]

    def pop(self, *args: Any) -> Any:
        raise _of_order("set.pop")

    def union(self, *others: Any) -> RunTimeList:
        found = self.another(place_of("a union"), sum_of_sizes([self, *others]))
        for x in (self, *others):
            if isinstance(x, RunTimeList):
                filled(found, type(self).take, x)
            else:
                found.update(x)  # type: ignore[attr-defined]
        return found

    def intersection(self, other: Any) -> RunTimeList:
        return self._chosen(dict_algorithms.keep_common, other)

    def difference(self, other: Any) -> RunTimeList:
        return self._chosen(dict_algorithms.keep_others, other)

    def issubset(self, other: Any) -> Any:
        return _run(dict_algorithms.is_within, self, other)

    def _chosen(self, f: Callable[..., Any], other: Any) -> RunTimeList:
        found = self.another(place_of("a set"), self.size())
        return found if self.holding is None else filled(found, lambda found: _run(f, found, self, other))

    __or__, __and__, __sub__, __le__ = union, intersection, difference, issubset  # type: ignore[assignment]

    def __ior__(self, other: Any) -> RunTimeSet:  # type: ignore[misc]
        self.update(other)
        return self

    def update(self, other: Any) -> None:
        _run(dict_algorithms.add_keys if isinstance(other, RunTimeSet) else dict_algorithms.add_all, self, other)

    def gone_through(self) -> DictView:
        raise _of_order("going through a set")


def _run(f: Callable[..., Any], *args: Any) -> Any:
    return dispatch.FUNCTIONS["call"](f, args, {})


def _of_order(what: str) -> BaseException:
    return tracer.unsupported(what, "Python's order of a set is not known while compiling", "sorted(s)")


def made_set(place: str, items: tuple) -> Any:
    """A set display."""
    if not any_traced(items):
        return made_list(place, set(items))
    return RunTimeSet(" called from ".join([place, *tracer.call_path()[1:]]), items)


def set_of(items: Any) -> RunTimeSet:
    """set(items)"""
    size = items.size() if isinstance(items, RunTimeList) else None
    least = None if size is None else Holding(tuple(Record(tuple, (k, Fixed(None))) for k in size.kinds), size.room)
    found = RunTimeSet(place_of("a set"), (), None, least)
    filled(found, lambda found: found.update(items))  # type: ignore[attr-defined]
    return found


def dict_of(place: str, pairs: Any) -> Any:
    """dict(pairs), made at a place of the program."""
    if not isinstance(pairs, RunTimeList):
        return made_dict(place, (), tuple(x for key, value in pairs for x in (key, value)))
    found = RunTimeDict(" called from ".join([place, *tracer.call_path()[1:]]))
    _run(dict_algorithms.put_pairs, found, pairs)
    return found


def gathered(cls: type, args: tuple, kwargs: dict) -> Any:
    """set(items) or dict(pairs) of what run-time values are in; else None."""
    if not args or not isinstance(args[0], Iterator | RunTimeList | list | tuple):
        return set_of(*args) if cls is set and any_traced(args) else None
    items = list(args[0]) if isinstance(args[0], Iterator) else args[0]
    place = tracer.call_path()[0]
    if cls is set:
        return set_of(items) if isinstance(items, RunTimeList) or any_traced(items) else made_list(place, set(items))
    found = dict_of(place, items)
    for key, value in kwargs.items():
        found[key] = value
    return found


OF_LISTS[set] = set_of
GROWABLE[set] = lambda place, s: RunTimeSet(place, s)
