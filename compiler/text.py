"""Text made of run-time values: what f-strings, `str`, `format` and `%` give in traced code, until `print` or `raise` shows it.

A `Deferred` call keeps what its arguments were where it stood: arrays that are written to later do not change it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import pytree, tracer
from .arrays import TracedArray, is_traced, value_of
from .choice import Choice, at_hand
from .scalars import TracedScalar, concrete
from .views import Storage, view_of

# A piece of an f-string: text, or (value, conversion as in ast.FormattedValue, format specification).
Piece = str | tuple[Any, int, str]
_CONVERSIONS: dict[int, Callable[[Any], Any]] = {-1: lambda x: x, ord("s"): str, ord("r"): repr, ord("a"): ascii}


class Deferred:
    """make(*args, **kwargs), to be called when the values of what is traced in the arguments are there."""

    def __init__(self, make: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.make = make
        leaves, self.structure = pytree.flatten((args, kwargs), is_leaf=is_run_time)
        self.leaves = [_as_it_is(x) for x in leaves]

    @property
    def values(self) -> list[Any]:
        """The traced values, in order."""
        return [v for x in self.leaves for v in _values(x)]

    def run(self, values: Sequence[Any]) -> Any:
        """What `make` returns with these in place of the traced values."""
        return self._run(iter(values))

    def _run(self, rest: Iterator[Any]) -> Any:
        args, kwargs = self.structure.unflatten([_filled(x, rest) for x in self.leaves])
        return self.make(*args, **kwargs)


def _values(x: Any) -> list[Any]:
    if isinstance(x, Deferred):
        return x.values
    if isinstance(x, Choice):
        return [x.tag, *(v for o in x.options for v in _values(o))]
    return [x] if is_traced(x) else []


def _filled(x: Any, rest: Iterator[Any]) -> Any:
    if isinstance(x, Choice):
        k = int(next(rest))
        return [_filled(o, rest) for o in x.options][k]
    if isinstance(x, Deferred):
        return x._run(rest)
    if isinstance(x, TracedArray):
        return np.asarray(next(rest))
    return next(rest) if is_traced(x) else x


def is_run_time(x: Any) -> bool:
    """Is `x` known only while the program runs?"""
    return is_traced(x) or isinstance(x, Deferred)


def _as_it_is(x: Any) -> Any:
    x = at_hand(x)
    if isinstance(x, Choice):
        return Choice(x.tag, tuple(map(_as_it_is, x.options)))
    return TracedArray(view_of(Storage(value_of(x)))) if isinstance(x, TracedArray) else x


class TracedText(Deferred):
    """Text with run-time values in it."""

    def __add__(self, other: Any) -> TracedText:
        return TracedText(operator.add, self, other)

    def __radd__(self, other: Any) -> TracedText:
        return TracedText(operator.add, other, self)

    def __str__(self) -> str:
        raise tracer.unsupported("text made of run-time values", "it is known only while the program runs", "print it")

    __repr__ = __format__ = __hash__ = __eq__ = __len__ = __mod__ = __getitem__ = __contains__ = __bool__ = (  # type: ignore
        lambda self, *args: str(self))


def text_of(make: Callable[..., str], *args: Any, **kwargs: Any) -> Any:
    """make(*args, **kwargs): now, if tracing knows all that is in it."""
    leaves, tree = pytree.flatten((args, kwargs), is_leaf=is_run_time)
    if any(is_run_time(x) and not (isinstance(x, TracedScalar) and x.known is not None) for x in leaves):
        return TracedText(make, *args, **kwargs)
    args, kwargs = tree.unflatten([concrete(x, "text") for x in leaves])
    return make(*args, **kwargs)


def formatted(pieces: Sequence[Piece]) -> Any:
    """An f-string's value."""
    return text_of(_join, *pieces)


def _join(*pieces: Piece) -> str:
    return "".join(p if isinstance(p, str) else format(_CONVERSIONS[p[1]](p[0]), p[2]) for p in pieces)
