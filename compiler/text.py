"""Text made of run-time values: what an f-string is in traced code, until `print` shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import tracer
from .arrays import is_traced
from .scalars import TracedScalar

# A piece of an f-string: text, or (value, conversion as in ast.FormattedValue, format specification).
Piece = str | tuple[Any, int, str]
_CONVERSIONS: dict[int, Callable[[Any], Any]] = {-1: lambda x: x, ord("s"): str, ord("r"): repr, ord("a"): ascii}


class TracedText:
    """An f-string with run-time values in it."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = tuple(pieces)

    @property
    def values(self) -> list[Any]:
        """The traced values, in order."""
        return [p[0] for p in self.pieces if not isinstance(p, str) and is_traced(p[0])]

    def fill(self, values: Sequence[Any]) -> str:
        """The text, with these in place of the traced values."""
        rest = iter(values)
        return "".join(p if isinstance(p, str) else _show(next(rest) if is_traced(p[0]) else p[0], p[1], p[2])
                       for p in self.pieces)

    def __str__(self) -> str:
        raise tracer.unsupported("text made of run-time values", "it is known only while the program runs", "print it")

    __repr__ = __format__ = __hash__ = __eq__ = __len__ = __add__ = __radd__ = __mod__ = __getitem__ = (  # type: ignore
        lambda self, *args: str(self))


def _show(x: Any, conversion: int, specification: str) -> str:
    return format(_CONVERSIONS[conversion](x), specification)


def formatted(pieces: Sequence[Piece]) -> str | TracedText:
    """An f-string's value: text now if tracing knows all of its values."""
    unknown = any(not isinstance(p, str) and is_traced(p[0]) and not (isinstance(p[0], TracedScalar) and p[0].known is not None)
                  for p in pieces)
    if unknown:
        return TracedText(pieces)
    return "".join(p if isinstance(p, str) else _show(*p) for p in pieces)
