"""What comprehensions become (`comprehensions.py`): Python's own where what they go through is at hand, else loops that append."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import dispatch, list_algorithms, tracer
from .iteration import is_run_time_space
from .regions import condition_of
from .run_time_lists import GROWS, RunTimeList, made_list
from .scalars import TracedScalar
from .written_out import COMPREHENSION, one_by_one


class ComprehensionHooks:
    """The hooks of comprehensions."""

    def iterated(self, x: Any) -> Any:
        """What a comprehension goes through."""
        return dispatch.FUNCTIONS["iterated"](x)

    def inside(self, place: str, x: Any) -> Any:
        """What an inner `for` of a comprehension goes through."""
        found = self.iterated(x)
        if _is_run_time(found):
            raise tracer.Restart((COMPREHENSION, place))
        return found

    def comprehension(self, place: str, items: Any, element: Callable, test: Callable, itself: Callable) -> Any:
        """[element(x) for x in items if test(x)]; itself: the comprehension as Python runs it."""
        return _made(place, items, itself, list_algorithms.selected, element, test)

    def flattened(self, place: str, items: Any, inner: Callable, test: Callable, itself: Callable) -> Any:
        """[y for x in items if test(x) for y in inner(x)]"""
        return _made(place, items, itself, list_algorithms.flattened, inner, test)

    def decided(self, place: str, test: Any) -> Any:
        """The condition of a comprehension."""
        found = condition_of(test)
        if isinstance(found, TracedScalar):
            raise tracer.Restart((COMPREHENSION, place))
        return found


def _is_run_time(items: Any) -> bool:
    return isinstance(items, RunTimeList) or is_run_time_space(items)


def _made(place: str, items: Any, itself: Callable, loop: Callable, element: Callable, test: Callable) -> Any:
    what, decisions = f"comprehension at {place}", tracer.current().decisions
    if _is_run_time(items) or (COMPREHENSION, place) in decisions or (
            GROWS, " called from ".join([what, *tracer.call_path()[1:]])) in decisions:
        return dispatch.FUNCTIONS["call"](loop, (items, element, test, made_list(what, [])), {})
    found = itself(one_by_one(items, place))
    return made_list(what, found) if type(found) is list else found
