"""What a compiled version assumes of the data: which of two dtypes NumPy's result has, that an extent is not 1,
and how much room a list needs.

`assume(condition, what)` returns True or False, the truth that this trace takes for granted, and leaves a check of it in the
program.  `room_at(place)` is a number of elements that what grows there is assumed not to exceed; `check_room` is its check.
If one fails, `AssumptionError` names the assumption; `api.py` restores what was written and runs the version that assumes
what `revised` says, which is tried first from then on.  What the program did outside meanwhile is not done twice (`replay.py`).
"""

from __future__ import annotations

import re

from ..ir.errors import AssumptionError
from ..ir.graph import Value
from . import tracer

ROOM = "room"
_NAME = AssumptionError.__name__

# Elements, and bytes, that something is first assumed not to exceed if nothing is known of its size; how much more each time
# that it does.
FIRST_ROOM, FIRST_BYTES = 1 << 14, 1 << 26
ROOM_FACTOR = 16
_ROOM_TEXT = re.compile(r"room for (\d+) elements at (.*)", re.DOTALL)


def assume(condition: Value, what: str) -> bool:
    """Take `condition`, a run-time truth value, as holding, or as failing if it was found to fail."""
    key = f"{what} at {' called from '.join(tracer.call_path())}"
    negated = (tracer.ASSUME_NOT, key) in tracer.current().decisions
    _check(tracer.emit("logical_not", [condition]) if negated else condition, key)
    return not negated


def room_at(place: str, each: int, least: int = 0) -> int:
    """How many elements of so many bytes what grows at this place is assumed to have at most; it begins with `least`."""
    first = max(min(FIRST_ROOM, FIRST_BYTES // max(each, 1)), 2 * least, 16)
    return max((d[2] for d in tracer.current().decisions if d[:2] == (ROOM, place)), default=first)


def check_room(x: Value, room: int, place: str, count: Value | None = None) -> Value:
    """`x`, where the program checks that `count`, or `x` itself, is at most the room there is."""
    fits = tracer.emit("py_less_equal", [x if count is None else count, tracer.constant(room)])
    return _check(fits, f"room for {room} elements at {place}", x)


def _check(truth: Value, key: str, x: Value | None = None) -> Value:
    message = key.replace("{", "{{").replace("}", "}}")
    return tracer.emit("check", [truth if x is None else x, truth], exception=_NAME, message=message)


def assumed(decisions: frozenset[tuple]) -> frozenset[tuple]:
    """Of a trace's decisions, the assumptions that were found to fail."""
    return frozenset(d for d in decisions if d[0] in (tracer.ASSUME_NOT, ROOM))


def revised(assumptions: frozenset[tuple], failed: str) -> frozenset[tuple]:
    """The assumptions to make after one, named by its error, has failed."""
    room = _ROOM_TEXT.fullmatch(failed)
    if room is None:
        return assumptions ^ {(tracer.ASSUME_NOT, failed)}
    size, place = int(room[1]), room[2]
    return frozenset(d for d in assumptions if d[:2] != (ROOM, place)) | {(ROOM, place, size * ROOM_FACTOR)}


def rooms(assumptions: frozenset[tuple]) -> frozenset[tuple]:
    """Those about room: they only grow."""
    return frozenset(d for d in assumptions if d[0] == ROOM)


def largest_rooms(assumptions: frozenset[tuple]) -> frozenset[tuple]:
    """Of each place only the largest room."""
    sizes: dict[str, int] = {}
    for _, place, size in rooms(assumptions):
        sizes[place] = max(size, sizes.get(place, 0))
    return (assumptions - rooms(assumptions)) | {(ROOM, place, size) for place, size in sizes.items()}
