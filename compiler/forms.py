"""Linear forms over SSA integers, and the facts that a trace collects about its Python ints. `integers.py` uses them."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.graph import Block, Value
from .known import Known


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


class Facts:
    """Per trace: the forms, the bounds (below, above), the greatest possible and the known values of ints, and the values made
    for forms."""

    def __init__(self) -> None:
        self.forms: dict[Value, Form] = {}
        self.bounds: dict[Value, tuple[list[Form], list[Form]]] = {}
        self.tops: dict[Value, int] = {}
        self.known: dict[Value, Known] = {}
        self.made: dict[Block, dict[tuple, Value]] = {}
