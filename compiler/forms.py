"""Linear forms over SSA integers, and the facts that a trace collects about its Python ints. `integers.py` uses them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..ir.graph import Block, Value
from ..ir.types import WEAK_PYTHON, WeakType
from .known import Known, KnownResult


@dataclass(frozen=True, slots=True)
class Form:
    """constant + sum of factor * value"""

    terms: tuple[tuple[Value, int], ...]
    constant: int

    def plus(self, other: Form, factor: int = 1) -> Form:
        terms = dict(self.terms)
        for v, f in other.terms:
            terms[v] = terms.get(v, 0) + factor * f
        return Form(tuple((v, f) for v, f in terms.items() if f), self.constant + factor * other.constant)

    def scaled(self, factor: int) -> Form:
        return Form((), 0).plus(self, factor)

    @property
    def key(self) -> tuple:
        return frozenset((id(v), f) for v, f in self.terms), self.constant

    @property
    def single(self) -> Value | None:
        """The value that this form is, if it is just that."""
        if self.constant == 0 and len(self.terms) == 1 and self.terms[0][1] == 1:
            return self.terms[0][0]
        return None


def _choose(condition: Any, then: Any, other: Any) -> Any:
    return then if condition else other


# What the ops on Python scalars compute.
_PYTHON: dict[str, Callable[..., Any]] = {
    "py_add": operator.add, "py_subtract": operator.sub, "py_multiply": operator.mul, "py_divide": operator.truediv,
    "py_floor_divide": operator.floordiv, "py_remainder": operator.mod, "py_left_shift": operator.lshift,
    "py_right_shift": operator.rshift, "py_less": operator.lt, "py_less_equal": operator.le, "py_greater": operator.gt,
    "py_greater_equal": operator.ge, "py_equal": operator.eq, "py_not_equal": operator.ne, "py_bitwise_and": operator.and_,
    "py_bitwise_or": operator.or_, "py_bitwise_xor": operator.xor, "py_negative": operator.neg, "py_absolute": operator.abs,
    "where": _choose,
}


class Facts:
    """Per trace: the forms, the bounds (below, above), the greatest possible and the known values of ints, and the values made
    for forms.  symbols: the extents of arguments that are run-time values, each with its number and how it follows from the
    call."""

    def __init__(self) -> None:
        self.forms: dict[Value, Form] = {}
        self.bounds: dict[Value, tuple[list[Form], list[Form]]] = {}
        self.tops: dict[Value, int] = {}
        self.known: dict[Value, Known] = {}
        self.made: dict[Block, dict[tuple, Value]] = {}
        self.symbols: dict[Value, tuple[int, Known]] = {}
        self._following: dict[Value, tuple[Known, frozenset[int]] | None] = {}

    def following(self, v: Value) -> Known | None:
        """How a scalar follows from run-time extents of arguments, if it follows from such and from known values alone."""
        found = self._follow(v)
        return found[0] if found is not None and found[1] else None

    def symbols_of(self, v: Value) -> frozenset[int]:
        """The numbers of the run-time extents that a scalar follows from."""
        found = self._follow(v)
        return found[1] if found is not None else frozenset()

    def _follow(self, v: Value) -> tuple[Known, frozenset[int]] | None:
        if not self.symbols:
            return None
        if v not in self._following:
            self._following[v] = self._traced_back(v)
        return self._following[v]

    def _traced_back(self, v: Value) -> tuple[Known, frozenset[int]] | None:
        if v in self.symbols:
            number, known = self.symbols[v]
            return known, frozenset({number})
        if v in self.known:
            return self.known[v], frozenset()
        source = v.op
        if source is None or not isinstance(v.type, WeakType):
            return None
        if source.name == "const":
            return Known(source.attrs["value"]), frozenset()
        fn = WEAK_PYTHON[v.type.kind] if source.name in ("cast", "py_cast") else _PYTHON.get(source.name)
        if fn is None or (source.name == "py_cast" and v.type.kind != "int"):
            return None
        parts = [self._follow(o) for o in source.operands]
        if any(p is None for p in parts):
            return None
        operands = tuple(p[0] for p in parts if p is not None)
        try:
            value = fn(*[o.value for o in operands])
        except (ArithmeticError, ValueError, TypeError):
            return None
        numbers: frozenset[int] = frozenset().union(*(p[1] for p in parts if p is not None))
        return KnownResult(value, fn, operands), numbers
