"""Python's functions on objects while tracing: getattr and its kin, `vars`, module copy, dataclasses.replace and its kin.

Library code would read the attributes of the caller's objects as they are, not as the traced program has left them; here
every attribute is read through the trace.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import deque
from typing import Any

from . import hooks, pytree, tracer
from .arrays import TracedArray, is_traced
from .attributes import attribute, delete_attribute, has_state, object_attribute, set_attribute, source_of
from .builtin_functions import builtin
from .dispatch import METHODS
from .known import StructureGuard
from .sources import Attribute


class Attributes(dict):
    """`vars(x)`: the attributes as they are now. Writing here would not reach the object."""

    def __setitem__(self, key: Any, value: Any) -> None:
        raise tracer.unsupported("a write to the dictionary of an object", instead="setattr(x, name, value)")

    __delitem__ = update = pop = clear = setdefault = popitem = __setitem__  # type: ignore[assignment]


@builtin(vars)
def attributes(x: Any) -> Attributes:
    """The attributes of an object, read through the trace."""
    trace = tracer.current()
    if id(x) in trace.fresh or isinstance(x, type) or not has_state(x):
        return Attributes(vars(x))
    source, own = source_of(x), vars(x)
    trace.guard(StructureGuard(Attribute(source, "__dict__"), dict, tuple(own)))
    names = [*own, *(s.name for s in trace.bindings if isinstance(s, Attribute) and s.base == source and s.name not in own)]
    return Attributes((n, object_attribute(x, n)) for n in names)


builtin(setattr)(set_attribute)
builtin(delattr)(delete_attribute)


@builtin(getattr)
def get(owner: Any, name: str, *default: Any) -> Any:
    try:
        return attribute(owner, name)
    except AttributeError:
        if not default:
            raise
        return default[0]


@builtin(hasattr)
def has(owner: Any, name: str) -> bool:
    try:
        attribute(owner, name)
    except AttributeError:
        return False
    return True


def _is_object(x: Any) -> bool:
    return hasattr(x, "__dict__") and not isinstance(x, type) and not callable(x) and has_state(x) and not is_traced(x)


def _made(cls: type, values: dict[str, Any]) -> Any:
    made: Any = object.__new__(cls)
    made.__dict__.update(values)
    tracer.current().fresh[id(made)] = made
    return made


@builtin(copy.copy)
def shallow(x: Any) -> Any:
    if isinstance(x, TracedArray):
        return METHODS["copy"](x, "K")
    own = getattr(type(x), "__copy__", None)
    if isinstance(x, (list, dict, deque)) or not _is_object(x):
        return x if is_traced(x) else copy.copy(x)
    return hooks.call(own, (x,), {}) if own is not None else _made(type(x), attributes(x))


@builtin(copy.deepcopy)
def deep(x: Any, memo: dict[int, Any] | None = None) -> Any:
    memo = {} if memo is None else memo
    if id(x) in memo:
        return memo[id(x)]
    own = getattr(type(x), "__deepcopy__", None)
    made: Any = x
    if isinstance(x, TracedArray):
        made = METHODS["copy"](x, "K")
    elif pytree.is_container(type(x)) and x is not None:
        made = pytree.assemble(type(x), pytree.rest(x), [deep(c, memo) for c in pytree.children(x)])
    elif _is_object(x):
        if own is not None:
            made = hooks.call(own, (x, memo), {})
        else:
            made = memo[id(x)] = _made(type(x), {})
            made.__dict__.update((n, deep(v, memo)) for n, v in attributes(x).items())
    memo[id(x)] = made
    return made


@builtin(dataclasses.replace)
def replace(obj: Any, /, **changes: Any) -> Any:
    values = attributes(obj)
    kept = {f.name: values[f.name] for f in dataclasses.fields(obj) if f.init and f.name not in changes}
    return hooks.call(type(obj), (), {**kept, **changes})


def _plain(x: Any, make: Any) -> Any:
    """A dataclass object, and those in it, as what `make` makes of its fields; arrays are copied."""
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        values = attributes(x)
        return make([(f.name, _plain(values[f.name], make)) for f in dataclasses.fields(x)])
    if pytree.is_container(type(x)) and x is not None:
        return pytree.assemble(type(x), pytree.rest(x), [_plain(c, make) for c in pytree.children(x)])
    return deep(x)


@builtin(dataclasses.asdict)
def asdict(obj: Any, *, dict_factory: Any = dict) -> Any:
    return _plain(obj, dict_factory)


@builtin(dataclasses.astuple)
def astuple(obj: Any, *, tuple_factory: Any = tuple) -> Any:
    return _plain(obj, lambda items: tuple_factory([v for _, v in items]))
