"""What objects hold that tracing does not see into: sets, bytes that change, fractions, objects of NumPy's and SciPy's classes.

Code that is not traced reads them as they are, so a version relies on what they held (`ContentsGuard`).  A function that
changes one is refused, and finds the old contents there again: the change would be made while tracing, and never after that.
"""

from __future__ import annotations

import array
import sys
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from . import pytree
from .library import is_library_module
from .sources import Call, Source

# Their state is read and written by the compiled program itself.
_RANDOM = (np.random.Generator, np.random.RandomState, np.random.BitGenerator, np.random.SeedSequence)
_BYTES = (bytearray, array.array)


def is_seen_by_contents(x: Any) -> bool:
    """Does code that is not traced read what `x` holds?"""
    cls: Any = type(x)
    if isinstance(x, (set, frozenset, *_BYTES)) or (isinstance(x, (list, tuple, dict)) and not pytree.is_container(cls)):
        return True
    if isinstance(x, (*_RANDOM, ModuleType, FunctionType, type, Enum)) or not is_library_module(sys.modules.get(cls.__module__)):
        return False
    if hasattr(x, "__dict__"):
        return cls.__module__.split(".")[0] in ("numpy", "scipy")
    return cls.__hash__ is not None and cls.__eq__ is not object.__eq__  # a number, a date and the like


def contents(x: Any, around: tuple[int, ...] = ()) -> Hashable:
    """What `x` holds: equal for two objects that no code tells apart but by identity."""
    cls = type(x)
    if isinstance(x, np.ndarray):
        return (cls, x.dtype, id(x)) if x.dtype.hasobject else (cls, x.dtype, x.shape, x.strides, x.tobytes())
    if isinstance(x, _BYTES):
        return cls, getattr(x, "typecode", ""), bytes(x)
    if id(x) in around:
        return cls, around.index(id(x))
    inside = (*around, id(x))
    parts: list[Hashable] = []
    if isinstance(x, dict):
        parts.extend((contents(k, inside), contents(v, inside)) for k, v in x.items())
    elif isinstance(x, (set, frozenset, list, tuple)):
        parts.extend(contents(e, inside) for e in x)
    elif not is_seen_by_contents(x) or not hasattr(x, "__dict__"):
        return cls, repr(x) if isinstance(x, (float, complex)) else x if isinstance(x, Hashable) else id(x)
    if hasattr(x, "__dict__"):
        parts.append(contents(x.__dict__, inside))
    return cls, tuple(parts)


@dataclass(frozen=True, slots=True)
class ContentsGuard:
    """What stands at `source` holds what it held."""

    source: Source
    expected: Hashable

    def holds(self, call: Call) -> bool:
        return contents(self.source.read(call)) == self.expected


class Snapshot:
    """What an object of the caller's held when it was found."""

    def __init__(self, x: Any, held: Hashable) -> None:
        self.object, self.held = x, held
        self.items: Any = list(x) if isinstance(x, (set, list)) else dict(x) if isinstance(x, dict) else x[:] if isinstance(
            x, _BYTES) else None

    def restore(self) -> bool:
        """Put back what the object held. Was there anything to do?"""
        x: Any = self.object
        if contents(x) == self.held:
            return False
        if isinstance(self.object, (set, dict)):
            x.clear()
            x.update(self.items)
        elif isinstance(self.object, (list, *_BYTES)):
            x[:] = self.items
        return True
