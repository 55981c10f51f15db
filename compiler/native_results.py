"""What a call without Python code in front gives by itself: new arrays, NumPy scalars, tuples of both, None, an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..runtime.calls import ALL, ARGUMENT, FINISHED, NOTHING
from .results import Constant, FromCall, NewArray, Once, Rebuilt, Scalar
from .sources import Argument, Call
from .traced import Build, Recipe, Traced
from .view_results import ViewOf

# One bit of a word for each output.
_MOST_OUTPUTS = 60


def native_result(traced: Traced, new: Sequence[int]) -> tuple[int, int]:
    """What `runtime.calls.Version` calls the result, and which outputs become scalars; new: the outputs that the entry gives."""
    result = _inner(traced.result)
    if traced.effects:
        return FINISHED, 0
    if isinstance(result, Constant) and result.value is None:
        return NOTHING, 0
    if isinstance(result, FromCall) and isinstance(result.source, Argument) and isinstance(result.source.key, int):
        return ARGUMENT - result.source.key, 0
    if isinstance(result, Rebuilt) and result.cls is tuple:
        places = [_place(c, new) for c in result.children]
        if places != [*range(len(new))]:
            return FINISHED, 0
        return ALL, sum(1 << k for k, c in enumerate(result.children) if isinstance(c, Scalar))
    place = _place(result, new)
    return (FINISHED, 0) if place is None else (place, 1 << place if isinstance(result, Scalar) else 0)


def _place(r: Recipe, new: Sequence[int]) -> int | None:
    """Which new output this is, as it is or as a scalar."""
    simple = isinstance(r, NewArray) or (isinstance(r, Scalar) and r.kind is None)
    return new.index(r.output) if simple and r.output in new and len(new) <= _MOST_OUTPUTS else None  # type: ignore[attr-defined]


def from_arguments(traced: Traced) -> Callable[[Sequence[Any]], Any] | None:
    """What makes the result of the arguments, where it is nothing new: a number known beforehand, or a view of an argument which no
    run decides."""
    if traced.effects:
        return None
    result = _inner(traced.result)
    if isinstance(result, Constant) and isinstance(result.value, int | float | complex | str | np.generic):
        value = result.value
        return lambda args: value
    if isinstance(result, Rebuilt) and result.cls is tuple and all(isinstance(c, Constant) for c in result.children):
        whole = result.build(Build((), Call((), {}, [])))
        return (lambda args: whole) if all(isinstance(x, int | float | str) for x in whole) else None
    if not isinstance(result, ViewOf) or result.fixed is None:
        return None
    base = _inner(result.base)
    if not isinstance(base, FromCall) or not isinstance(base.source, Argument) or not isinstance(base.source.key, int):
        return None
    place, view = base.source.key, result.of
    return lambda args: view(args[place])


def _inner(r: Recipe) -> Recipe:
    return r.inner if isinstance(r, Once) else r
