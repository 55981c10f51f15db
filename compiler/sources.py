"""Where a trace's inputs come from: paths from a call's arguments, or from globals, closure cells and objects, to a value.

A source is read anew at each call, so what a function reads outside its arguments is never baked in.  Sources compare by
content: one input per place.  `Call` is what a source is read from.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import pytree


class Call:
    """The arguments of one call: as given, and as the leaves of their tree."""

    __slots__ = ("args", "kwargs", "leaves")

    def __init__(self, args: tuple, kwargs: dict, leaves: list) -> None:
        self.args, self.kwargs, self.leaves = args, kwargs, leaves


class Source:
    """A place that can be read at each call. `base` is the place it is found in, if any."""

    __slots__ = ()

    def read(self, call: Call) -> Any:
        raise KeyError(self)

    def writer(self, call: Call) -> Callable[[Any], None]:
        """What sets the place to a value; the objects on the way to it are read now."""
        raise KeyError(self)


@dataclass(frozen=True, slots=True)
class Argument(Source):
    """A whole argument: positional by number, or by keyword."""

    key: int | str
    name: str = ""

    def read(self, call: Call) -> Any:
        return call.args[self.key] if isinstance(self.key, int) else call.kwargs[self.key]

    def __str__(self) -> str:
        return self.name or f"argument {self.key}"


@dataclass(frozen=True, slots=True, eq=False)
class Fixed(Source):
    """An object known while tracing: a module's dictionary, a closure cell, a function."""

    object: Any
    name: str

    def read(self, call: Call) -> Any:
        return self.object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and self.object is other.object

    def __hash__(self) -> int:
        return id(self.object)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Item(Source):
    """base[key]"""

    base: Source
    key: Any

    def read(self, call: Call) -> Any:
        return self.base.read(call)[self.key]

    def writer(self, call: Call) -> Callable[[Any], None]:
        return functools.partial(operator.setitem, self.base.read(call), self.key)

    def __str__(self) -> str:
        return f"{self.base}[{self.key!r}]"


@dataclass(frozen=True, slots=True)
class Child(Source):
    """A child of a registered container."""

    base: Source
    number: int

    def read(self, call: Call) -> Any:
        return pytree.children(self.base.read(call))[self.number]

    def __str__(self) -> str:
        return f"{self.base}[{self.number}]"


@dataclass(frozen=True, slots=True)
class Global(Source):
    """A global name of a module: `names` is the module's dictionary."""

    names: Fixed
    name: str

    def read(self, call: Call) -> Any:
        return self.names.object[self.name]

    def writer(self, call: Call) -> Callable[[Any], None]:
        return functools.partial(operator.setitem, self.names.object, self.name)

    def __str__(self) -> str:
        return f"global {self.name}"


@dataclass(frozen=True, slots=True)
class Attribute(Source):
    """base.name"""

    base: Source
    name: str

    def read(self, call: Call) -> Any:
        return getattr(self.base.read(call), self.name)

    def writer(self, call: Call) -> Callable[[Any], None]:
        return functools.partial(setattr, self.base.read(call), self.name)

    def __str__(self) -> str:
        return f"{self.base}.{self.name}"


@dataclass(frozen=True, slots=True)
class Cell(Source):
    """The contents of a closure cell."""

    cell: Fixed
    name: str

    def read(self, call: Call) -> Any:
        cell: types.CellType = self.cell.object
        return cell.cell_contents

    def writer(self, call: Call) -> Callable[[Any], None]:
        return functools.partial(setattr, self.cell.object, "cell_contents")

    def __str__(self) -> str:
        return f"closure variable {self.name}"


@dataclass(frozen=True, slots=True)
class Extent(Source):
    """base.shape[axis], which the native code reads from the array itself.  number: which of the call's run-time extents."""

    base: Source
    axis: int
    number: int

    def read(self, call: Call) -> int:
        shape: tuple[int, ...] = self.base.read(call).shape
        return shape[self.axis]

    def __str__(self) -> str:
        return f"{self.base}.shape[{self.axis}]"
