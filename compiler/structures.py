"""Names that are a tuple on one path and something else on the other: a `Choice` whose options are taken apart like containers.

`best = None; if better: best = (m, b)` leaves `best` one of None and a pair.  There is one option for each structure of tuples,
and one for all that is no tuple; the leaves of each join by themselves, and those of options that a path did not take are
UNREACHABLE there: they join with anything.  Lists, dicts and objects, which others may see, keep one structure.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from . import tracer
from .choice import Choice, at_hand
from .passage import mapped_tag
from .scalars import TracedScalar
from .state import UNREACHABLE, Tentative, Undefined, hollow, is_structured, untentative

Structure = Any
_LEAF = "leaf"


def structure_of(x: Any) -> Structure | None:
    """How `x` is made of tuples; None if there is something in it that others may see, or that may have no value."""
    if isinstance(x, tuple):
        items = tuple(structure_of(e) for e in x)
        return None if None in items else (type(x).__qualname__, id(type(x)), items)
    x = at_hand(x)
    if x is UNREACHABLE:
        return _LEAF
    shared = isinstance(x, (list, dict, set, deque)) or id(x) in tracer.current().fresh
    return None if shared or isinstance(x, (Undefined, Tentative)) or is_structured(x) else _LEAF


def options_by_structure(x: Any) -> dict[Structure, Any] | None:
    """The options of a value, or itself."""
    x = at_hand(untentative(x))
    found = {structure_of(o): o for o in (x.options if is_structured(x) else (x,))}
    return None if None in found else found


def common_options(x: Any, y: Any) -> dict[Structure, Any] | None:
    """The options of both, in an order of their own; None if the values are alike, or cannot be options."""
    first, second = options_by_structure(x), options_by_structure(y)
    if first is None or second is None or (first.keys() == second.keys() and _is_options(x) == _is_options(y)):
        return None
    found = {**second, **first}
    return {s: found[s] for s in sorted(found, key=repr)}


def _is_options(x: Any) -> bool:
    return is_structured(at_hand(untentative(x)))


def as_options(x: Any, options: dict[Structure, Any]) -> Choice:
    """The value as one of these options."""
    known, own, order = at_hand(untentative(x)), options_by_structure(x), list(options)
    assert own is not None
    numbers, bit = [order.index(s) for s in own], x.defined if isinstance(x, Tentative) else None
    tag: Any = known.tag if is_structured(known) else None
    if isinstance(tag, Tentative):
        known, bit = Choice(tag.value, known.options), tag.defined
    if not isinstance(tag, Undefined):
        tag = TracedScalar(mapped_tag(known if is_structured(known) else None, numbers))
        tag = tag if bit is None else Tentative(tag, bit)
    return Choice(tag, tuple(own[s] if s in own else hollow(o, UNREACHABLE) for s, o in options.items()))
