"""Operations on one of several objects: a branch on its number, in each side of which it is the object at hand."""

from __future__ import annotations

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


def conditional(test: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """then() if test else otherwise(): a branch inside an expression."""
    condition = condition_of(test)
    if not isinstance(condition, TracedScalar):
        return then() if condition else otherwise()
    box: list[Any] = [UNDEFINED]

    def put(values: tuple) -> None:
        box[0] = values[0]

    loc = tracer.here()
    place = f"{loc.file}:{loc.line}" if loc is not None else "expression"
    branch = Branch(Control(place, lambda: (box[0],), put, ("value",), ("value",)))
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
    branch.merge(truth_value(condition), inside)
    return box[0]


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

