"""Python's functions that go through what they are given (`list`, `sorted`, `max`, `any` ...) where only the run knows how far.

An array of run-time length, and `zip` and kin of such, give lists whose length only the run knows, or are gone through by a loop.
Start with `of_iterable`.
"""

from __future__ import annotations

import types
from typing import Any

from . import dispatch, list_algorithms
from .arrays import TracedArray, any_traced
from .choice import at_hand
from .iteration import is_run_time_space
from .list_functions import OF_LISTS, fresh_list, sort, sorted_plain
from .masked_values import MaskedValues
from .run_time_lists import RunTimeList
from .scalars import to_python

_GOING = (list, sorted, max, min, sum, any, all)


def _run(f: Any, *args: Any) -> Any:
    return dispatch.FUNCTIONS["call"](f, args, {})


def of_iterable(f: Any, args: tuple, kwargs: dict) -> tuple[Any] | None:
    """What `f` makes of what it goes through, if run-time values decide it; else None."""
    if len(args) != 1 and not (f is sum and args):
        return None
    x = at_hand(args[0])
    if isinstance(f, types.BuiltinMethodType) and type(f.__self__) is list and f.__name__ == "extend":
        return (_run(list_algorithms.extend, f.__self__, x),) if not isinstance(x, RunTimeList) and _is_run_time(x) else None
    if not (isinstance(f, (type, types.BuiltinFunctionType)) and f in _GOING) or isinstance(x, RunTimeList):
        return None
    if _is_run_time(x):
        return (_of_space(f, x, *args[1:], **kwargs),)
    return _ordered(x, **kwargs) if f is sorted else None


def _is_run_time(x: Any) -> bool:
    if isinstance(x, MaskedValues):
        raise x.refusal()
    return is_run_time_space(x)


def _of_space(f: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    if f is sum:
        return _run(list_algorithms.total, x if isinstance(x, TracedArray) else listed(x), *(args or (kwargs.get("start", 0),)))
    if f in (any, all) or (f in (max, min) and isinstance(x, TracedArray)):
        return OF_LISTS[f](x, **kwargs)
    found = listed(x)
    if f is sorted:
        sort(found, **kwargs)
    return found if f in (list, sorted) else OF_LISTS[f](found, **kwargs)


def listed(x: Any) -> RunTimeList:
    """A new list of what `x` gives."""
    found = fresh_list("a list of what an array holds")
    _run(list_algorithms.extend, found, x)
    return found


def _ordered(x: Any, key: Any = None, reverse: Any = False) -> tuple[Any] | None:
    """sorted(x) of what Python goes through; None if Python can sort it."""
    if isinstance(x, (list, tuple)) and key is None:
        return None
    items = list(x)
    if any_traced(items):
        return (sorted_plain(items, key, reverse),)
    if key is None:
        return None if items is x else (sorted(items, reverse=reverse),)
    keys = [_run(key, item) for item in items]
    if any_traced(keys):
        return (sorted_plain(items, key, reverse),)
    return ([items[k] for k in sorted(range(len(items)), key=keys.__getitem__, reverse=reverse)],)


@dispatch.implements_method("tolist")
def tolist(x: TracedArray) -> Any:
    """Nested lists of Python scalars."""
    if not x.ndim:
        return dispatch.METHODS["item"](x)
    if _is_run_time(x):
        found = fresh_list("a list of what an array holds")
        _run(list_algorithms.extend_by_numbers, found, x)
        return found
    return [tolist(e) if isinstance(e, TracedArray) else to_python(e) for e in x]
