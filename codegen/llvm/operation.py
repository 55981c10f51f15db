"""One scalar operation about to be emitted, and where its instructions go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ...ir.target import Target
from .module import Module, splat_literal, type_of


class Writer(Protocol):
    """Where an operation's instructions go."""

    @property
    def module(self) -> Module: ...

    @property
    def target(self) -> Target: ...

    def put(self, text: str) -> str:
        """Emit an instruction; its register."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One scalar operation on operands of type `source` with result type `result`, in vectors of `lanes` (0: scalars).

    one_condition: of a `select` of vectors: the condition is one scalar.
    """

    name: str
    source: str
    result: str
    lanes: int
    operands: tuple[str, ...]
    one_condition: bool = False

    def type(self, dtype: str) -> str:
        return type_of(dtype, self.lanes)

    def constant(self, value: bool | int | float, dtype: str) -> str:
        return splat_literal(value, dtype, self.lanes)
