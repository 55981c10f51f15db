"""Operations on one of several objects: a branch on its number, in each side of which it is the object at hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from ..ir.graph import Block
from . import dispatch, tracer
from .branches import Branch
from .choice import Choice, assuming, first_choice, replaced
from .control import Control
from .regions import after_pass, condition_of, failed, inside, truth_value
from .scalars import TracedScalar
from .state import UNDEFINED

# A decision: the expression at a place changes containers on one of its sides.
CHANGES = "changes"


def conditional(test: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """then() if test else otherwise(): a branch inside an expression."""
    condition = condition_of(test)
    if not isinstance(condition, TracedScalar):
        return then() if condition else otherwise()
    box: list[Any] = [UNDEFINED]

    def put(values: tuple) -> None:
        box[0] = values[0]

    loc, trace = tracer.here(), tracer.current()
    place = f"{loc.file}:{loc.line}" if loc is not None else "expression"
    changing = (CHANGES, place) in trace.decisions
    held = _containers() if changing else {}
    branch = Branch(Control(place, lambda: (box[0], *held.values()), put, ("value", *held), ("value",)))
    before = trace.changes
    for side in (then, otherwise):
        block = Block()
        branch.open()
        with inside(block):
            try:
                box[0] = side()
            except Exception as e:
                failed(e)
            after_pass(block)
            branch.close(block)
    if trace.changes > before and not changing:
        # Containers that Python holds were changed on one side: they are part of what joins.
        raise tracer.Restart((CHANGES, place))
    branch.merge(truth_value(condition), inside)
    return box[0]


def _containers() -> dict[str, Any]:
    """The containers and objects of the program that the variables of its active functions name."""
    found: dict[str, Any] = {}
    fresh, seen = tracer.current().fresh, set()
    for number, frame in enumerate(tracer.user_frames()):
        for name, x in frame.f_locals.items():
            if (isinstance(x, (list, dict, deque)) or id(x) in fresh) and id(x) not in seen and not name.startswith("__"):
                seen.add(id(x))
                found[f"{name} {number}" if number else name] = x
    return found


@dispatch.implements("spread")
def spread(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """f(*args, **kwargs), with each choice among the arguments settled in a branch of its own."""
    found = first_choice((args, kwargs))
    if found is None:
        return f(*args, **kwargs)
    return _over(found, 0, lambda k: spread(f, *replaced(args, found, k), **replaced(kwargs, found, k)))


def _over(choice: Choice, first: int, on: Callable[[int], Any]) -> Any:
    """on(k) for the option k at hand."""
    known = tracer.current().assumed.get(choice.tag.value)
    if known is not None:
        return on(known)

    def settled(k: int) -> Any:
        with assuming(choice.tag, k):
            return on(k)

    if first == len(choice.options) - 1:
        return settled(first)
    is_it = TracedScalar(tracer.emit("py_equal", [choice.tag.value, tracer.constant(first)]))
    return conditional(is_it, lambda: settled(first), lambda: _over(choice, first + 1, on))


dispatch.FUNCTIONS["conditional"] = conditional

