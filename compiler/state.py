"""The state that a loop or branch may change, seen as leaves: variables, containers, what stands outside, and storages.

A leaf has a path (a variable's name, then keys).  `capture` takes the state apart, `restore` and `rebuild` put one back: a
body is traced several times from the same state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir.graph import Value
from . import tracer
from .arrays import TracedArray
from .choice import Choice, at_hand
from .jumps import RETURN_VALUE
from .operators import Operators
from .pooled_lists import PooledList
from .run_time_lists import RunTimeList
from .scalars import PYTHON_SCALARS, TracedScalar
from .views import Storage, View

Path = tuple
LENGTH = "#"


class Undefined:
    """The value of a name that has none yet."""

    def __repr__(self) -> str:
        return "<undefined>"


UNDEFINED = Undefined()
# Of a side that ends in a raise: joins with any value without a trace.
UNREACHABLE = Undefined()


class Tentative:
    """A value that is there only if `defined` (a run-time truth value) holds: a name bound on some of the paths."""

    __slots__ = ("defined", "value")

    def __init__(self, value: Any, defined: TracedScalar) -> None:
        self.value, self.defined = value, defined


class Either:
    """One of two values of different structure or type, by a condition; only the value that a function returns may be one."""

    __slots__ = ("condition", "other", "then")

    def __init__(self, condition: Any, then: Any, other: Any) -> None:
        self.condition, self.then, self.other = condition, then, other


def choice_of(x: Any) -> Any:
    """What a function returned to its caller: one of several objects, where the paths that it may take return different ones."""
    if not isinstance(x, Either):
        return x
    if not isinstance(x.condition, TracedScalar):
        return choice_of(x.then if x.condition else x.other)
    tag = tracer.emit("cast", [tracer.emit("py_logical_not", [x.condition.value])], dtype="py.int")
    return Choice(TracedScalar(tag), (choice_of(x.then), choice_of(x.other)))


def untentative(x: Any) -> Any:
    return x.value if isinstance(x, Tentative) else x


def container_at(x: Any, path: Path) -> Any:
    """The container within a variable's value that a path of one of its leaves goes into last; None if there is none."""
    for key in path[1:-1]:
        x = at_hand(x)
        if key == "." and id(x) in tracer.current().fresh:
            x = x.__dict__
        elif isinstance(x, dict) and key in x:
            x = x[key]
        elif isinstance(x, (list, tuple, deque)) and isinstance(key, int) and key < len(x):
            x = x[key]
        else:
            return None
    return x


def hollow(x: Any, leaf: Undefined = UNDEFINED) -> Any:
    """The structure of `x` with undefined leaves."""
    if isinstance(x, Either):
        return Either(leaf, hollow(x.then, leaf), hollow(x.other, leaf))
    if isinstance(x, PooledList):
        return x.pool.list_of(leaf)
    if is_structured(x):
        return Choice(leaf, tuple(hollow(o, UNREACHABLE) for o in x.options))  # type: ignore[arg-type]
    if isinstance(x, tuple):
        items = [hollow(e, leaf) for e in x]
        return tuple(items) if type(x) is tuple else type(x)._make(items)  # type: ignore[attr-defined]  # a namedtuple
    if isinstance(x, list):
        return [hollow(e, leaf) for e in x]
    if isinstance(x, dict):
        return {k: hollow(e, leaf) for k, e in x.items()}
    if is_scalar(x) or isinstance(x, (TracedArray, Choice, RunTimeList, Tentative, Undefined)):
        return leaf
    return x  # None, a string, an object: the same on both sides


def is_structured(x: Any) -> bool:
    """Is this a choice among tuples and other things (`structures.py`)?"""
    return isinstance(x, Choice) and any(isinstance(o, tuple) for o in x.options)


def is_scalar(x: Any) -> bool:
    return isinstance(x, (TracedScalar, *PYTHON_SCALARS, np.generic))


def is_static(x: Any) -> bool:
    """Is a leaf neither number nor array, so that it can only be what it is while tracing?"""
    return not is_scalar(x) and not isinstance(x, (Operators, Tentative, Undefined))


def take_apart(path: Path, x: Any, leaves: dict[Path, Any], containers: list[tuple[Any, Any]]) -> None:
    """Enter the leaves of `x` and copies of the containers in it."""
    x = at_hand(x)
    if isinstance(x, (list, dict, deque)):
        if any(x is seen for seen, _ in containers):
            return
        containers.append((x, x.copy()))
        leaves[(*path, LENGTH)] = tuple(x) if isinstance(x, dict) else len(x)
        for k, e in x.items() if isinstance(x, dict) else enumerate(x):
            take_apart((*path, k), e, leaves, containers)
    elif type(x) is tuple or (isinstance(x, tuple) and hasattr(x, "_fields")):
        leaves[(*path, LENGTH)] = len(x)
        for k, e in enumerate(x):
            take_apart((*path, k), e, leaves, containers)
    elif isinstance(x, PooledList):
        leaves[(*path, LENGTH)] = ("list of a pool", x.place)
        take_apart((*path, "number"), x.number, leaves, containers)
    elif isinstance(x, Either):
        leaves[(*path, LENGTH)] = "either"
        for k in ("condition", "then", "other"):
            take_apart((*path, k), getattr(x, k), leaves, containers)
    elif is_structured(x):
        leaves[(*path, LENGTH)] = ("options", *(type(o) if isinstance(o, tuple) else None for o in x.options))
        take_apart((*path, "tag"), x.tag, leaves, containers)
        for k, e in enumerate(x.options):
            take_apart((*path, k), e, leaves, containers)
    elif id(x) in tracer.current().fresh:
        take_apart((*path, "."), x.__dict__, leaves, containers)
    else:
        leaves[path] = x


class State:
    """A snapshot: the leaves of the carried variables, the containers in reach, and what every storage held."""

    def __init__(self, names: Sequence[str], values: Sequence[Any], carried: Sequence[str]) -> None:
        trace = tracer.current()
        self.names, self.values, self.carried = tuple(names), tuple(values), tuple(carried)
        self.leaves: dict[Path, Any] = {}
        self.containers: list[tuple[Any, Any]] = []
        # A container belongs to the name that it keeps, rather than to the value that is returned.
        for name, x in sorted(zip(names, values, strict=True), key=lambda pair: pair[0] == RETURN_VALUE):
            if name in carried or isinstance(x, (list, dict, deque)) or id(x) in trace.fresh:
                take_apart((name,), x, self.leaves, self.containers)
        for number, c in enumerate(trace.containers.values()):
            take_apart(("caller's", number), c.twin, self.leaves, self.containers)
        take_apart(("outside",), trace.bindings, self.leaves, self.containers)
        self.storages: dict[Storage, Value] = {s: s.value for s in trace.storages}
        self.written = {s: s.written for s in trace.storages}

    def without_dead(self, leaves: dict[Path, Any]) -> dict[Path, Any]:
        """A later state's leaves but for those of names that nothing reads any more, which have containers only since."""
        known = {p[0] for p in self.leaves}
        return {p: x for p, x in leaves.items() if p[0] in known or p[0] not in self.names}

    def adopt_inputs(self) -> None:
        """Count arrays of the caller that were first read since as part of the state: they held what they hold at entry."""
        for s in tracer.current().storages:
            if s.parameter is not None and s not in self.storages:
                self.storages[s] = s.parameter

    def restore(self) -> None:
        """Bring containers and storages back; storages made since are forgotten, but for the caller's arrays."""
        self.adopt_inputs()
        for x, contents in self.containers:
            put_contents(x, contents)
        for s, v in self.storages.items():
            s.value = v
        tracer.current().storages[:] = list(self.storages)

    def variables(self, changed: dict[Path, Any]) -> tuple:
        """The variables' values with some leaves replaced, containers changed in place."""
        trace = tracer.current()
        for number, c in enumerate(trace.containers.values()):
            rebuild(("caller's", number), c.twin, changed)
        rebuild(("outside",), trace.bindings, changed)
        return tuple(rebuild((n,), x, changed) if n in self.carried or isinstance(x, (list, dict, deque)) or id(x) in trace.fresh
                     else x for n, x in zip(self.names, self.values, strict=True))


def put_contents(x: Any, contents: Any) -> None:
    """Make a container hold what a copy of it held."""
    if isinstance(x, dict):
        x.clear()
        x.update(contents)
    elif isinstance(x, deque):
        x.clear()
        x.extend(contents)
    else:
        x[:] = contents


def rebuild(path: Path, x: Any, changed: dict[Path, Any]) -> Any:
    """`x` with the leaves in `changed` in place."""
    if is_structured(x):
        known = at_hand(x)
        if known is not x:
            return rebuild(path, known, changed)
        return Choice(rebuild((*path, "tag"), x.tag, changed),
                      tuple(rebuild((*path, k), e, changed) for k, e in enumerate(x.options)))
    if isinstance(x, dict):
        for k in x:
            x[k] = rebuild((*path, k), x[k], changed)
        return x
    if isinstance(x, (list, deque)):
        for k in range(len(x)):
            x[k] = rebuild((*path, k), x[k], changed)
        return x
    if isinstance(x, tuple):
        items = [rebuild((*path, k), e, changed) for k, e in enumerate(x)]
        return tuple(items) if type(x) is tuple else type(x)._make(items)  # type: ignore[attr-defined]  # a namedtuple
    if isinstance(x, PooledList):
        return x.pool.list_of(rebuild((*path, "number"), x.number, changed))
    if isinstance(x, Either):
        return Either(*(rebuild((*path, k), getattr(x, k), changed) for k in ("condition", "then", "other")))
    if id(x) in tracer.current().fresh:
        rebuild((*path, "."), x.__dict__, changed)
        return x
    return changed.get(path, x)


def same_leaf(a: Any, b: Any) -> bool:
    """Is this leaf unchanged?"""
    if a is b:
        return True
    if isinstance(a, TracedScalar) and isinstance(b, TracedScalar):
        return a.value is b.value
    if isinstance(a, TracedArray) and isinstance(b, TracedArray):
        return same_place(a.view, b.view)
    if isinstance(a, Choice) and isinstance(b, Choice):
        return a.tag.value is b.tag.value and len(a.options) == len(b.options) and all(map(same_leaf, a.options, b.options))
    if isinstance(a, Tentative) and isinstance(b, Tentative):
        return same_leaf(a.value, b.value) and same_leaf(a.defined, b.defined)
    if isinstance(a, (TracedScalar, TracedArray, Choice)) or type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return a == b  # the keys of a dict
    if isinstance(a, (*PYTHON_SCALARS, str, np.generic)):
        return bool(a == b) or (a != a and b != b)
    return False


def same_place(a: View, b: View) -> bool:
    return a.storage is b.storage and a.steps == b.steps


def describe(x: Any) -> str:
    """A leaf in words, for messages."""
    if isinstance(x, TracedArray):
        return f"an array of rank {x.ndim}"
    if isinstance(x, TracedScalar):
        return f"a {x.python_type.__name__}"
    if isinstance(x, Undefined):
        return "not defined"
    if isinstance(x, Choice):
        return "one of several things"
    return "None" if x is None else f"a {type(x).__name__}"


def name_of(path: Path) -> str:
    return ".".join(str(p) for p in path if p != "outside")
