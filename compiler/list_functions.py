"""Methods of lists whose length only the run knows, and what Python's and NumPy's functions make of such lists.

What goes element by element is in `list_algorithms.py`, and traced like the caller's code.
"""

from __future__ import annotations

import bisect
import functools
import heapq
import sys
import types
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.errors import UnsupportedError
from ..ir.types import WEAK_PYTHON, ArrayType
from . import dispatch, list_algorithms, sorted_algorithms, tracer
from .arrays import TracedArray, any_traced, new_array
from .assumptions import assume
from .choice import Choice, at_hand, spread
from .indexing import FEW_TRIPS
from .list_elements import Kind, Leaf, Record, assembled, kind_of, leaves_of, places_of
from .run_time_deques import RunTimeDeque
from .run_time_lists import GROWABLE, METHODS, RunTimeList, growth, new_list, note_growth, sum_of_sizes
from .scalars import PYTHON_SCALARS, TracedScalar

BUILTINS = dispatch.BUILTINS


def _run(f: Callable[..., Any], *args: Any) -> Any:
    return dispatch.FUNCTIONS["call"](f, args, {})


def fresh_list(what: str, items: Sequence[Any] = ()) -> RunTimeList:
    """A new list of the program's; what: of the lists made at one place which."""
    return RunTimeList(place_of(what), items)


def filled(found: RunTimeList, fill: Callable[..., Any], *args: Any) -> RunTimeList:
    """A list that was made with room for what fill(it, *args) puts in now."""
    found.is_being_filled = found.first > 0
    fill(found, *args)
    found.is_being_filled = False
    return found


def place_of(what: str) -> str:
    return f"{what} at " + " called from ".join(tracer.call_path())


# Methods

METHODS.update({name: getattr(list_algorithms, name) for name in ("extend", "insert", "remove", "index", "count", "reverse")})


def _method(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(f: Callable[..., Any]) -> Callable[..., Any]:
        METHODS[name] = f
        return f

    return enter


@_method("pop")
def pop(items: RunTimeList, index: Any = -1) -> Any:
    if isinstance(index, int) and index == -1:
        return items.pop_last()
    return _run(list_algorithms.pop, items, index)


@_method("copy")
def copied(items: Any, what: type | None = None, maxlen: int | None = None) -> RunTimeList:
    """A new list, or a deque, with the elements of a list or deque."""
    place, size = place_of("a copy"), items.size()
    if (what or items.python) is deque:
        found: RunTimeList = RunTimeDeque(place, (), maxlen if what is not None else items.maxlen, size)
    else:
        found = RunTimeList(place, (), size)
    if found.maxlen is None:
        return filled(found, lambda found: found.take(items))
    _run(list_algorithms.extend, found, items)
    return found


def one_list(x: Any) -> Any:
    """Of one of several lists, by a run-time condition: a list with its elements."""
    x = at_hand(x)
    if not isinstance(x, Choice) or not all(isinstance(o, (list, deque, RunTimeList)) for o in x.options):
        return x
    found = fresh_list("one of several lists")
    spread(lambda chosen: _run(list_algorithms.extend, found, chosen), x)
    return found


def slice_of_list(items: list[Any], index: slice) -> Any:
    """items[index] of a list that Python holds."""
    if any(isinstance(b, TracedScalar) and b.known is None for b in (index.start, index.stop, index.step)):
        raise growth(items) or tracer.unsupported("a slice of a list with run-time bounds", instead="an array")
    return new_list(items[index])


def joined_list(parts: Sequence[tuple[bool, Any]]) -> RunTimeList:
    """A list of elements, and of those of what is starred."""
    found = fresh_list("a list")
    for starred, x in parts:
        if starred:
            _run(list_algorithms.extend, found, x)
        else:
            found.append(x)
    return found


@_method("sort")
def sort(items: RunTimeList, *, key: Any = None, reverse: Any = False) -> None:
    if items.holding is None:
        return
    order = _order(items, key, reverse)
    for column in items.all_columns():
        dispatch.call(np.copyto, (column, column[order]), {})


def _order(items: RunTimeList, key: Any, reverse: Any) -> TracedArray:
    """The places of the elements in their order: stable, as Python's sorts are, from the end for reverse."""
    keys = items if key is None else _run(list_algorithms.keys_of, items, key, fresh_list("keys"))
    kind = _only_kind(keys, "sorting")
    columns = [keys.column(k) for k in places_of(kind, keys.columns)]
    if any(leaf.python is None or leaf.column.dtype.kind == "c" for leaf in leaves_of(kind)):
        raise tracer.unsupported("sorting a list of arrays or complex numbers")
    if reverse:
        columns = [c[::-1] for c in columns]
    order = dispatch.call(np.argsort, (columns[-1],), {"kind": "stable"})
    for c in reversed(columns[:-1]):
        order = order[dispatch.call(np.argsort, (c[order],), {"kind": "stable"})]
    return (items.length - 1 - order)[::-1] if reverse else order


def _only_kind(items: RunTimeList, what: str) -> Kind:
    assert items.holding is not None
    if len(items.holding.kinds) > 1:
        raise tracer.unsupported(f"{what} a list of values of different types that a loop makes longer")
    return items.holding.kinds[0]


@_method("slice")
def slice_of(items: RunTimeList, index: slice) -> RunTimeList:
    start, count, step = _selected(items, index)
    found = RunTimeList(place_of("a slice"), (), items.size())
    return filled(found, lambda found: _run(list_algorithms.slice_of, items, start, count, step, found))


def _selected(items: RunTimeList, index: slice) -> tuple[Any, Any, Any]:
    """Where a slice begins, how many elements it has, and its step."""
    step = 1 if index.step is None else index.step
    if not isinstance(step, int):
        raise tracer.unsupported("a slice of a list with a run-time step")
    if step == 0:
        raise ValueError("slice step cannot be zero")
    n, smallest, largest = items.length, BUILTINS[min], BUILTINS[max]
    low, high = (0, n) if step > 0 else (-1, n - 1)

    def bound(x: Any, default: Any) -> Any:
        return default if x is None else _run(list_algorithms.clipped, x, n, low, high)

    start = bound(index.start, low if step > 0 else high)
    stop = bound(index.stop, high if step > 0 else low)
    distance = stop - start if step > 0 else start - stop
    count = largest(0, (distance + abs(step) - 1) // abs(step))
    return start, smallest(count, n), step


@_method("__delitem__")
def delete(items: RunTimeList, index: Any) -> None:
    if not isinstance(index, slice):
        _run(list_algorithms.delete, items, index)
        return
    start, count, step = _selected(items, index)
    if step != 1:
        raise tracer.unsupported("del of a slice with a step of a list that is appended to in a loop")
    _run(list_algorithms.delete_slice, items, start, start + count)


# Functions

def array_of(items: RunTimeList) -> TracedArray:
    """Its elements, as np.array has them."""
    if items.holding is None:
        return new_array(tracer.builder().zeros(ArrayType(np.dtype(np.float64), (0,))))
    if any(leaf.pool for kind in items.holding.kinds for leaf in leaves_of(kind)):
        return _of_rows(items)
    if len(items.holding.kinds) == 1:
        return _of_kind(items, items.holding.kinds[0])
    return _of_several(items)


def _of_rows(items: RunTimeList) -> TracedArray:
    """Of lists in a list: they must be of one length."""
    if not all(isinstance(kind, Leaf) and kind.pool for kind in items.holding.kinds):  # type: ignore[union-attr]
        raise tracer.unsupported("an array of a list that holds lists and other values", instead="a list of lists")
    flat = fresh_list("rows")
    m = _run(list_algorithms.put_in_rows, items, flat)
    return dispatch.call(np.reshape, (array_of(flat), (items.length, m)), {})


def _of_kind(items: RunTimeList, kind: Kind) -> TracedArray:
    columns = iter([items.column(k).copy() for k in places_of(kind, items.columns)])

    def build(kind: Kind, depth: int) -> TracedArray:
        if isinstance(kind, Leaf):
            return next(columns)
        if isinstance(kind, Record) and kind.parts and kind.cls is not dict:
            return dispatch.call(np.stack, ([build(part, depth + 1) for part in kind.parts],), {"axis": 1})
        raise tracer.unsupported("an array of a list that holds no numbers")

    return build(kind, 0)


def _of_several(items: RunTimeList) -> TracedArray:
    """Numbers of several types: NumPy takes a type that holds all that there are."""
    assert items.holding is not None
    kinds = items.holding.kinds
    if not all(isinstance(k, Leaf) and k.python is not None for k in kinds):
        raise tracer.unsupported("an array of a list that holds values of different types")
    tags = items.tag_column()
    dtypes = [k.column.dtype for k in kinds if isinstance(k, Leaf)]
    if len(set(dtypes)) > 1:
        present = [assume(dispatch.call(np.any, (tags == n,), {}).value, f"a list with elements of {d}")
                   for n, d in enumerate(dtypes)]
        dtypes = [d for d, there in zip(dtypes, present, strict=True) if there] or dtypes
    result = dispatch.call(np.zeros, (items.length, np.result_type(*dtypes)), {})
    for n, kind in enumerate(kinds):
        (place,) = places_of(kind, items.columns)
        if items.columns[place].dtype in dtypes:
            result = dispatch.call(np.where, (tags == n, items.column(place).astype(result.dtype), result), {})
    return result


# Lists whose length is known, with elements that are not

# Methods of theirs that a run-time value turns into one of a list whose length only the run knows, and the place of that value.
_UNSETTLING = {"insert": slice(0, 1), "pop": slice(0, 1), "remove": slice(0, None)}


def of_plain_list(f: Any, args: tuple, kwargs: dict) -> tuple[Any] | None:
    """The result of a method, or a function, of a list that Python holds, if run-time values decide it; else None."""
    if f in (sorted, min, max):
        items = args[0] if args and isinstance(args[0], (list, tuple)) and len(args) == 1 else None
        if f is not sorted and len(args) == 1 and kwargs.get("key") is not None and _is_by_run_time_key(args[0], kwargs["key"]):
            return (OF_LISTS[f](list(args[0]) if isinstance(args[0], (dict, set)) else args[0], **kwargs),)
        if items is None or not any_traced(items) or (
                f is not sorted and not kwargs.get("key") and not isinstance(items[0], tuple)):
            return None
        return (sorted_plain(items, **kwargs) if f is sorted else OF_LISTS[f](items, **kwargs),)
    items, name = getattr(f, "__self__", None), f.__name__
    if type(items) is not list:
        return None
    if (name in _UNSETTLING and any_traced(args[_UNSETTLING[name]])) or (name == "remove" and any_traced(items)):
        raise growth(items) or tracer.unsupported(f"list.{name} where run-time values decide", instead="an array and a mask")
    if name in ("index", "count") and len(args) == 1 and (any_traced(items) or any_traced(args)):
        return (_run(getattr(list_algorithms, name), items, *args),)
    if name == "sort" and any_traced(items):
        items[:] = sorted_plain(items, **kwargs)
        return (None,)
    return None


def _is_by_run_time_key(items: Any, key: Callable[[Any], Any]) -> bool:
    """Does only the run know the keys of what goes through in a `max` or `min`?"""
    if not isinstance(items, (list, tuple, range, dict, TracedArray)) or len(items) == 0:
        return False
    return any_traced(list(items) if isinstance(items, (list, tuple)) else items) or any_traced(_run(key, next(iter(items))))


# Up to so many elements are told apart by branches, or loops unrolled, where a run-time index says which is meant.
_FEW_ELEMENTS = 4


def grow_for(items: Any, *indices: Any) -> None:
    """A plain list is read or written where only the run knows: begin again with one that grows, unless it is short."""
    if type(items) is list and len(items) > _FEW_ELEMENTS and any(
            isinstance(i, TracedScalar) and i.known is None for i in indices) and (decided := growth(items)) is not None:
        raise decided


def place_written(owner: Any, index: Any) -> Any:
    """The index of what is about to be written."""
    grow_for(owner, index)
    return array_index(owner, index)


def set_element(items: list[Any], index: TracedScalar, value: Any) -> None:
    """items[index] = value: where only the run knows the place, the list is one that may grow."""
    try:
        items[index] = value  # type: ignore[call-overload]
    except UnsupportedError as e:
        raise growth(items) or e from None
    tracer.current().changes += 1


def array_index(owner: Any, index: Any) -> Any:
    """An index of an array, with arrays in the place of lists whose lengths only the run knows."""
    if isinstance(owner, (TracedArray, np.ndarray)):
        if isinstance(index, RunTimeList) and index.python is list:
            return array_of(index) if index.holding is not None else np.zeros(0, np.intp)
        if isinstance(index, tuple) and any(isinstance(e, RunTimeList) for e in index):
            return tuple([array_index(owner, e) for e in index])
    return index


def element_at(items: Sequence[Any], index: TracedScalar) -> Any:
    """items[index]: of numbers of one type from an array, else one of several."""
    if index.value.dtype.kind not in "iub":
        raise TypeError(f"{type(items).__name__} indices must be integers or slices, not {index.python_type.__name__}")
    if any_traced(items) or any(type(x) is list for x in items):
        grow_for(items, index)
    kinds = {kind_of(x) if isinstance(x, (TracedScalar, np.generic, *PYTHON_SCALARS)) else None for x in items}
    is_uniform = len(kinds) == 1 and None not in kinds
    if not tracer.follows_from_arguments(index.value):
        # Of numbers there is an array too, so that longer loops need not be written out.
        tracer.unroll_for(index.value, *([FEW_TRIPS] if is_uniform else []))
    n = len(items)
    at = _run(list_algorithms.place_in, index, n, f"{type(items).__name__} index out of range")
    if is_uniform:
        (kind,) = kinds
        x = dispatch.call(np.array, (list(items),), {})[at]
        return BUILTINS[WEAK_PYTHON[kind.python]](x) if isinstance(kind, Leaf) and kind.python else x
    # What is done to a container that Python holds would be done to all of them.
    if any(isinstance(x, (list, dict, set)) or id(x) in tracer.current().fresh for x in items):
        raise growth(*items) or tracer.unsupported("one of several containers, by a run-time index", instead="an array of them")
    return Choice(BUILTINS[int](at), tuple(items))


def sorted_plain(items: Sequence[Any], key: Any = None, reverse: Any = False) -> list[Any]:
    """As many elements, in order."""
    found = _sorted_as(items, key, reverse)
    kind = _only_kind(found, "sorting")
    columns = [found.column(k) for k in places_of(kind, found.columns)]
    leaves = list(leaves_of(kind))

    def element(k: int) -> Any:
        parts = [c[k] if leaf.python == "" or leaf.python is None else BUILTINS[WEAK_PYTHON[leaf.python]](c[k])
                 for leaf, c in zip(leaves, columns, strict=True)]
        return assembled(kind, iter(parts))

    return [element(k) for k in range(len(items))]


def _sorted_as(items: Sequence[Any], key: Any, reverse: Any) -> RunTimeList:
    found = fresh_list("a sorted list", items)
    sort(found, key=key, reverse=reverse)
    return found


_JOINING = (np.stack, np.vstack, np.concatenate, np.hstack)
# What stands for functions of heaps, and of sorted lists.
_HEAPS = {f: getattr(list_algorithms, f.__name__)
          for f in (heapq.heappush, heapq.heappop, heapq.heapreplace, heapq.heappushpop, heapq.heapify)}
_OF_SORTED = {f: getattr(sorted_algorithms, f.__name__) for f in (
    bisect.bisect_left, bisect.bisect_right, bisect.insort_left, bisect.insort_right, heapq.nsmallest, heapq.nlargest)}
_SPACES = (enumerate, zip, reversed)


def algorithm_for(f: Any, args: tuple) -> Callable[..., Any] | None:
    """What stands for a function of heaps or sorted lists."""
    if isinstance(f, types.BuiltinFunctionType) and f in _HEAPS:
        note_growth(args[0], f.__name__)
        return _HEAPS[f]
    if not isinstance(f, types.BuiltinFunctionType | types.FunctionType) or f not in _OF_SORTED:
        return None
    is_plain = isinstance(f, types.BuiltinFunctionType) and not any_traced(args) and not any(
        isinstance(a, RunTimeList) for a in args)
    return None if is_plain else _OF_SORTED[f]


def call_on_list(f: Any, args: tuple, kwargs: dict) -> Any:
    """A function of growing lists: their length, their elements in a new list, or what the function makes of an array."""
    first = args[0]
    if isinstance(first, RunTimeList) and f in OF_LISTS:
        return OF_LISTS[f](*args, **kwargs)
    if f in _SPACES:
        return BUILTINS[f](*args, **kwargs)
    if f in _JOINING and isinstance(first, RunTimeList):
        return _joined(f, first, *args[1:], **kwargs)
    implementation = dispatch.find(f)
    if implementation is None:
        if type(getattr(f, "__self__", None)) in GROWABLE and (decided := growth(f.__self__)) is not None:
            raise decided
        raise tracer.unsupported(f"{getattr(f, '__name__', f)} of a list that is appended to in a loop",
                                 instead="np.array(list)")
    return implementation(*[array_of(a) if isinstance(a, RunTimeList) else a for a in args], **kwargs)


def _total(items: RunTimeList, start: Any = 0) -> Any:
    for kind in items.holding.kinds if items.holding is not None else ():
        if not isinstance(kind, Leaf):
            raise TypeError("unsupported operand type(s) for +: 'int' and 'tuple'")
    return start if items.holding is None else _run(list_algorithms.total, items, start)


def _extreme(name: str, better: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    message = f"{name}() iterable argument is empty" if sys.version_info >= (3, 12) else f"{name}() arg is an empty sequence"

    def choose(items: RunTimeList | Sequence[Any], *others: Any, key: Any = None, **default: Any) -> Any:
        if others:
            raise tracer.unsupported("comparing lists that are appended to in a loop")
        if isinstance(items, RunTimeList) and items.holding is None:
            if default:
                return default["default"]
            raise ValueError(message)
        if default:
            return _run(list_algorithms.extreme_or, items, better, key, default["default"])
        return _run(list_algorithms.extreme, items, better, key, message)

    return choose


def _sorted(items: RunTimeList, **options: Any) -> RunTimeList:
    found = copied(items, list)
    sort(found, **options)
    return found


OF_LISTS: dict[Any, Callable[..., Any]] = {
    len: lambda items: items.length, isinstance: lambda items, classes: isinstance(items.python(), classes),
    list: lambda items: copied(items, list), deque: lambda items, maxlen=None: copied(items, deque, maxlen), sum: _total,
    min: _extreme("min", list_algorithms.smaller), max: _extreme("max", list_algorithms.larger), sorted: _sorted,
    any: lambda items: _run(list_algorithms.any_of, items), all: lambda items: _run(list_algorithms.all_of, items),
    bool: lambda items: items.length > 0, type: lambda items: items.python}


def _joined(function: Any, items: RunTimeList, axis: int = 0) -> TracedArray:
    """The arrays in a list along their first axis, or along a new one."""
    array = array_of(items)
    if function is np.stack:
        return array if axis == 0 else dispatch.call(np.moveaxis, (array, 0, axis), {})
    new_axis = function is np.vstack and array.ndim == 2
    if axis != 0 or (function is np.hstack and array.ndim != 2) or array.ndim < 2:
        raise tracer.unsupported(f"numpy.{function.__name__} of a list that is appended to in a loop", instead="np.stack(list)")
    return array if new_axis else array.reshape((-1, *array.shape[2:]))


def added(a: Any, b: Any) -> RunTimeList:
    """a + b, both lists."""
    if not all(isinstance(x, (list, RunTimeList)) for x in (a, b)):
        raise TypeError(f"can only concatenate list (not \"{type(b).__name__}\") to list")
    found = RunTimeList(place_of("a sum"), (), sum_of_sizes((a, b)))
    for x in (a, b):
        filled(found, functools.partial(_run, list_algorithms.extend), x)
    return found


METHODS["__add__"] = added


def repeated(a: Any, b: Any) -> RunTimeList | None:
    """a * b, where one is a list and only the run knows the list's length or how often it is repeated; None otherwise."""
    items, times = (a, b) if isinstance(a, (list, RunTimeList)) else (b, a)
    is_count = isinstance(times, (int, np.integer)) or (isinstance(times, TracedScalar) and times.value.dtype.kind in "biu")
    if not is_count or not (isinstance(items, RunTimeList) or (type(items) is list and isinstance(times, TracedScalar))):
        return None
    return _run(list_algorithms.repeated, items, times, fresh_list("a repeated list"))


@_method("__contains__")
def contains(items: RunTimeList, x: Any) -> Any:
    return _run(list_algorithms.contains, items, x)


@_method("__iadd__")
def extended(items: RunTimeList, more: Any) -> RunTimeList:
    _run(list_algorithms.extend, items, more)
    return items
