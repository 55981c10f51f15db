"""The key of a call: what of its arguments selects a compiled version.

Arrays count by class, dtype, shape, strides and flags; scalars by class; strings, functions and other hashable values by
value; objects by class (their attributes are inputs and guards of a version).  So is the pattern in which one object
appears several times.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any

import numpy as np

from . import pytree
from .sources import Call

# Values of these classes are compared, since what is compiled depends on them.
_BY_VALUE = (str, bytes, frozenset, range, type, Enum, np.dtype, type(Ellipsis), type(NotImplemented), ModuleType,
             FunctionType, BuiltinFunctionType, MethodType, np.ufunc)


@dataclass(frozen=True, slots=True)
class Static:
    """Stands in a call for an argument that counts by value, and that the function gets as it is."""

    value: Any


def _array_key(a: np.ndarray) -> Hashable:
    flags = a.flags
    return (np.ndarray, a.dtype, a.shape, a.strides, flags.writeable, flags.aligned)


def _int_key(x: int) -> Hashable:
    return int if -(2**63) <= x < 2**63 else (int, x)


_KEYS: dict[type, Callable[[Any], Hashable]] = {
    np.ndarray: _array_key, int: _int_key, float: lambda x: float, complex: lambda x: complex, bool: lambda x: bool,
    slice: lambda s: (slice, *[(type(k), k) for k in (s.start, s.stop, s.step)]),  # not hashable before Python 3.12
    Static: lambda x: (Static, type(x.value), x.value),
}


def leaf_key(x: Any) -> Hashable:
    """The part of the key that stands for one leaf."""
    make = _KEYS.get(type(x))
    if make is not None:
        return make(x)
    if isinstance(x, np.generic):
        return type(x), x.dtype
    if isinstance(x, FunctionType):
        return x, x.__code__
    if isinstance(x, _BY_VALUE):
        return type(x), x
    cls: Any = type(x)
    return cls


def signature(args: tuple, kwargs: dict) -> tuple[Hashable, Call]:
    """The key of this call, and the call with its leaves."""
    leaves, treedef = pytree.flatten((args, kwargs))
    key = tuple([leaf_key(x) for x in leaves])
    return (treedef, key, repeats((args, kwargs))), Call(args, kwargs, leaves)


def has_identity(x: Any) -> bool:
    """May it show whether two places hold the same `x`?  Not for numbers and what else is compared by value."""
    return type(x) is np.ndarray or (type(x) not in _KEYS and not isinstance(x, np.generic) and leaf_key(x) is type(x))


def repeats(tree: Any) -> tuple[int, ...]:
    """For each array, object or container that is the same as an earlier one, the two places; usually ()."""
    seen: dict[int, int] = {}
    out: list[int] = []

    def visit(x: Any) -> None:
        container = pytree.is_container(type(x))
        if container:
            for child in pytree.children(x):
                visit(child)
        if (type(x) not in (tuple, NoneType)) if container else has_identity(x):
            k = len(seen) + len(out)
            if seen.setdefault(id(x), k) != k:
                out.extend((seen[id(x)], k))

    visit(tree)
    return tuple(out)
