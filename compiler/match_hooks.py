"""What the patterns of a `match` ask while tracing, once `matching.py` has written them out as branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import dispatch, tracer
from .arrays import any_traced
from .choice import Choice, spread
from .regions import truth_of

# Classes whose pattern has one part, for the object itself.
_MATCHED_WHOLE = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


class MatchHooks:
    """The hooks of `match`; `hooks.FunctionHooks` inherits them."""

    truth = staticmethod(truth_of)

    def fits_class(self, x: Any, cls: type, places: int, names: tuple[str, ...]) -> Any:
        """Does a pattern of a class fit? places, names: its parts by place and by name."""
        if isinstance(x, Choice):
            return spread(self.fits_class, x, cls, places, names)
        if not dispatch.FUNCTIONS["call"](isinstance, (x, cls), {}):
            return False
        allowed = 1 if cls in _MATCHED_WHOLE else len(getattr(cls, "__match_args__", ()))
        if places > allowed:
            raise TypeError(f"{cls.__name__}() accepts {allowed} positional sub-pattern{'s'[:allowed != 1]} ({places} given)")
        return all(hasattr(x, n) for n in names)

    def part(self, x: Any, cls: type, key: int | str) -> Any:
        """What a part of a class pattern is matched with."""
        if isinstance(key, int) and cls in _MATCHED_WHOLE:
            return x
        name = key if isinstance(key, str) else cls.__match_args__[key]  # type: ignore[attr-defined]
        return self.attribute(x, name)  # type: ignore[attr-defined]  # of `hooks.FunctionHooks`

    def is_sequence(self, x: Any, length: int, more: bool) -> Any:
        """Does a pattern of a sequence fit? more: it has a starred part."""
        if isinstance(x, Choice):
            return spread(self.is_sequence, x, length, more)
        if not isinstance(x, Sequence) or isinstance(x, (str, bytes, bytearray)):
            return False
        found = len(x)
        return found >= length if more else found == length

    def is_mapping(self, x: Any, *keys: Any) -> Any:
        """Does a pattern of a mapping with these keys fit?"""
        if isinstance(x, Choice):
            return spread(self.is_mapping, x, *keys)
        return isinstance(x, Mapping) and all(k in x for k in keys)

    def known_subject(self, x: Any) -> Any:
        """The subject of a `match` whose patterns are not written out as branches."""
        if any_traced(x):
            raise tracer.unsupported("match of run-time values with these patterns", "alternatives that bind names, and the rest "
                                     "of a mapping, are matched while compiling", "write a case for each alternative")
        return x
