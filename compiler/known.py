"""Values that tracing can compute from the call itself: Python scalars among the arguments, and what follows from them.

A traced Python scalar may carry a `Known`: its value for the call at hand, and how to compute it for another.  Reading the
value costs a guard: `ValueGuard` on the value, or on the truth of a condition.  So `if n > 3` specialises on `n > 3` only.
"""

from __future__ import annotations

import operator
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .sources import Call, Source


@dataclass(frozen=True, slots=True)
class Known:
    """A value that follows from the call. `evaluate` computes it anew."""

    value: Any

    def evaluate(self, call: Call) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class KnownInput(Known):
    source: Source

    def evaluate(self, call: Call) -> Any:
        return self.source.read(call)


@dataclass(frozen=True, slots=True)
class KnownResult(Known):
    fn: Callable[..., Any]
    operands: tuple[Known, ...]

    def evaluate(self, call: Call) -> Any:
        return self.fn(*[o.evaluate(call) for o in self.operands])


def known_result(fn: Callable[..., Any], operands: tuple[Known | None, ...]) -> Known | None:
    """fn of known operands, or None if one is unknown or fn raises for these values."""
    if any(o is None for o in operands):
        return None
    try:
        value = fn(*[o.value for o in operands])  # type: ignore[union-attr]
    except (ArithmeticError, ValueError, TypeError):
        return None
    return KnownResult(value, fn, operands)  # type: ignore[arg-type]


_INFIX: dict[Callable[..., Any], str] = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.floordiv: "//", operator.mod: "%", operator.lt: "<",
    operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "==", operator.ne: "!="}


def expression(known: Known, value_of: Callable[[Source], str], names: dict[str, Any]) -> str:
    """Python source that computes a known value anew; `value_of` is the source for an input, `names` gets what it refers to."""
    if isinstance(known, KnownInput):
        return value_of(known.source)
    if not isinstance(known, KnownResult):
        return f"({known.value})" if type(known.value) is int else named(known.value, names)
    parts = [expression(o, value_of, names) for o in known.operands]
    if known.fn in _INFIX and len(parts) == 2:
        return f"({parts[0]} {_INFIX[known.fn]} {parts[1]})"
    return f"{named(known.fn, names)}({', '.join(parts)})"


def named(x: Any, names: dict[str, Any]) -> str:
    """A name for an object that source refers to."""
    name = f"k{len(names)}"
    names[name] = x
    return name


def same_value(a: Any, b: Any) -> bool:
    """Equal in type and value; a NaN equals itself."""
    if type(a) is not type(b):
        return False
    return repr(a) == repr(b) if isinstance(a, (float, complex)) else bool(a == b)


@dataclass(frozen=True, slots=True)
class ValueGuard:
    """A known value is what it was."""

    known: Known
    expected: Any

    def holds(self, call: Call) -> bool:
        return same_value(self.known.evaluate(call), self.expected)

    def __hash__(self) -> int:
        return hash((self.known, repr(self.expected)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValueGuard) and self.known == other.known and same_value(self.expected, other.expected)


@dataclass(frozen=True, slots=True)
class SourceGuard:
    """What stands at `source` equals a Python value of the same type: None, a string, a number."""

    source: Source
    expected: Any

    def holds(self, call: Call) -> bool:
        return same_value(self.source.read(call), self.expected)

    def __hash__(self) -> int:
        return hash((self.source, repr(self.expected)))


@dataclass(frozen=True, slots=True, eq=False)
class IdentityGuard:
    """The same object stands at `source`; a function must also have kept its code."""

    source: Source
    object: Any
    code: types.CodeType | None = None

    def holds(self, call: Call) -> bool:
        found = self.source.read(call)
        return found is self.object and (self.code is None or found.__code__ is self.code)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdentityGuard) and self.source == other.source and self.object is other.object

    def __hash__(self) -> int:
        return hash((self.source, id(self.object)))


@dataclass(frozen=True, slots=True)
class SameObject:
    """Two places hold one object."""

    a: Source
    b: Source

    def holds(self, call: Call) -> bool:
        return self.a.read(call) is self.b.read(call)


@dataclass(frozen=True, slots=True)
class DistinctGuard:
    """All these places hold objects of their own."""

    sources: tuple[Source, ...]

    def holds(self, call: Call) -> bool:
        return len({id(s.read(call)) for s in self.sources}) == len(self.sources)


@dataclass(frozen=True, slots=True)
class TypeGuard:
    """An object of exactly this class stands at `source`."""

    source: Source
    cls: type

    def holds(self, call: Call) -> bool:
        return type(self.source.read(call)) is self.cls


@dataclass(frozen=True, slots=True)
class StructureGuard:
    """A container of the same class and size, or with the same keys in the same order."""

    source: Source
    cls: type
    keys: tuple | int

    def holds(self, call: Call) -> bool:
        found = self.source.read(call)
        if type(found) is not self.cls:
            return False
        items: Any = found
        return len(items) == self.keys if isinstance(self.keys, int) else tuple(items) == self.keys


@dataclass(frozen=True, slots=True)
class LayoutGuard:
    """An array with the same dtype, shape, strides and flags."""

    source: Source
    layout: tuple

    def holds(self, call: Call) -> bool:
        return array_layout(self.source.read(call)) == self.layout


def array_layout(array: Any) -> tuple:
    """What compiled code relies on about an array."""
    flags = array.flags
    return (type(array), array.dtype, array.shape, array.strides, flags.writeable, flags.aligned)
