"""Names that are one of several containers after a branch or trip: their elements may join only if nobody else has the containers.

Elements that differ by path are joined one by one, in one container.  That is what the program means where a path makes a list
of its own; where two lists, dicts or objects exist under other names too, a write would have to reach the one at hand.  Lists then
become such as grow at run time, which are told apart; of dicts with the same keys the name gets a copy (`own_dicts`), and no dict
with these keys is changed any more (`note_change`); the rest is refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from . import tracer
from .run_time_lists import growth
from .tracer import Restart

_DEEPEST = 6
# A decision: after the branch at a place a name holds a dict of its own.
APART = "apart"


def is_container(x: Any) -> bool:
    """Is this something that Python holds and the program can change?"""
    return isinstance(x, (list, dict, set, deque)) or id(x) in tracer.current().fresh


def own_dicts(place: str, names: Sequence[str], values: tuple) -> tuple:
    """What the names hold at the end of a side of the branch at this place: where a dict's elements join, one of the name's own."""
    trace = tracer.current()
    decided = {d[2] for d in trace.decisions if d[:2] == (APART, place)}
    if not decided:
        return values
    own = list(values)
    for k, name in enumerate(names):
        if name in decided and type(own[k]) is dict:
            trace.listed_keys.add(tuple(own[k]))
            own[k] = own[k].copy()
    return tuple(own)


def _may_be_apart(x: Any) -> bool:
    """Is this a dict of the program's that holds no containers?"""
    return type(x) is dict and not any(map(is_container, x.values())) and all(
        c.twin is not x for c in tracer.current().containers.values())


def check_containers(place: str, name: str, before: Any, after: Any) -> None:
    """Begin again, or refuse, where a name's two values are containers of which another name holds one."""
    if before is after or not (is_container(before) and is_container(after)):
        return
    if any(_is_held(x, name) for x in (before, after)):
        if _may_be_apart(before) and _may_be_apart(after) and tuple(before) == tuple(after):
            raise Restart((APART, place, name))
        raise growth(before, after) or tracer.unsupported(
            f"'{name}', which is one of two {type(after).__name__}s, by a run-time condition",
            "both have other names, and it is not known while compiling which one is changed", "change each in its own branch")


def _is_held(x: Any, name: str) -> bool:
    """Does the program have this container elsewhere than under this name?"""
    trace = tracer.current()
    for number, frame in enumerate(tracer.user_frames()):
        for own, value in frame.f_locals.items():
            if not own.startswith("__") and (number or own != name) and any(e is x for e in _within(value, _DEEPEST)):
                return True
    return any(e is x for c in trace.containers.values() for e in _within(c.twin, _DEEPEST))


def holds(x: Any, wanted: Any) -> bool:
    """Is this object the wanted one, or is that in a container in it?"""
    if x is wanted or any(o is wanted for o in getattr(x, "options", ())):
        return True
    return any(e is wanted for c in _within(x, _DEEPEST) for e in (c.values() if isinstance(c, dict) else _elements(c)))


def _elements(x: Any) -> Any:
    return list(vars(x).values()) if id(x) in tracer.current().fresh and hasattr(x, "__dict__") else x


def _within(x: Any, depth: int) -> Iterator[Any]:
    """The containers in an object, itself included."""
    if not is_container(x) and not isinstance(x, tuple):
        return
    yield x
    if depth:
        inside = vars(x) if id(x) in tracer.current().fresh and hasattr(x, "__dict__") else x
        for e in list(inside.values()) if isinstance(inside, dict) else inside:
            yield from _within(e, depth - 1)
