"""Lists of run-time length that a loop hands from trip to trip, another one in each:  frontier = following.

At the loop's head such a name is a list of the loop's own, in memory that the loop carries; where a trip ends with another list,
its elements are what is handed on.  The program cannot tell, since no other name has the lists: where one has, this is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..ir.graph import Block, Value
from . import tracer
from .choice import Choice, spread
from .container_aliases import holds
from .control import Control
from .passage import options_of
from .run_time_lists import HOLDS, Holding, RunTimeList
from .state import Path, untentative


class LoopLists:
    """The lists of one loop."""

    def __init__(self, control: Control) -> None:
        self.control = control
        # Per leaf what makes an empty list of its own, and that of the present pass.
        self.own: dict[Path, RunTimeList] = {}
        self._heads: dict[Path, RunTimeList] = {}

    def end(self, path: Path, before: Any, after: Any, leaves: Mapping[Path, Any], ends: Mapping[Path, Any]) -> bool | None:
        """Is what a pass ends with for a leaf known to be such a list?  None if it is none.

        before, leaves: this leaf and all before the loop; after, ends: at the end of the pass.
        """
        lists, begin = self._lists(before, after), self._lists(before)
        if self._lists(after) and self.control.live is not None and path[0] not in self.control.live:
            return True  # nothing reads it any more
        if not begin or not lists or (path not in self.own and all(x is begin[0] for x in lists)):
            return None
        if len({(x.python, x.maxlen) for x in lists}) > 1:
            return None
        if self._are_shared(path, before, leaves) or self._are_shared(path, after, ends):
            return None
        self._hold(path, lists)
        known = path in self.own
        self.own[path] = begin[0]
        return known

    @staticmethod
    def _lists(*ends: Any) -> list[RunTimeList]:
        options = [o for x in ends for o in options_of(untentative(x))]
        return options if all(isinstance(o, RunTimeList) for o in options) else []

    def _place(self, path: Path) -> str:
        return " called from ".join([f"'{'.'.join(map(str, path))}' in {self.control.place}", *tracer.call_path()[1:]])

    def _hold(self, path: Path, lists: list[RunTimeList]) -> None:
        """Begin again if the loop's own list cannot hold what these do."""
        place = self._place(path)
        held = [d[2] for d in tracer.current().decisions if d[0] == HOLDS and d[1] == place]
        known = max((h.kinds for h in held), key=len, default=())
        found = dict.fromkeys([*known, *(k for x in lists if x.holding is not None for k in x.holding.kinds)])
        if len(found) > len(known):
            raise tracer.Restart((HOLDS, place, Holding(tuple(found), 0, True)))

    def _are_shared(self, path: Path, after: Any, ends: Mapping[Path, Any]) -> bool:
        own = self._heads.get(path)
        return any(x is not own and self._is_shared(x, path, ends) for x in self._lists(after))

    def _is_shared(self, x: RunTimeList, path: Path, leaves: Mapping[Path, Any]) -> bool:
        """Has another name, which may still be read, this list?"""
        live = self.control.live
        if any(p != path and (live is None or p[0] in live) and any(o is x for o in options_of(untentative(y)))
               for p, y in leaves.items()):
            return True
        for number, frame in enumerate(tracer.user_frames()):
            for name, value in frame.f_locals.items():
                known = not number and (name == path[0] or (live is not None and name not in live))
                if not name.startswith("__") and not known and holds(value, x):
                    return True
        return False

    # A pass

    def open(self, block: Block) -> dict[Path, RunTimeList]:
        """The loop's own lists at the head of a pass; their memory is arguments of `block`."""
        self._heads = {path: _with_memory(x.another(self._place(path)), block.add_arg) for path, x in self.own.items()}
        return dict(self._heads)

    def values(self, leaves: Mapping[Path, Any]) -> list[Value]:
        """What is handed to the next trip, or to the first."""
        out: list[Value] = []
        for path, own in self.own.items():
            x = leaves[path]
            if x is not self._heads.get(path):
                x = _filled(own.another(self._place(path)), x)
            out += [s.value for s in x.memory()]
        return out

    def finish(self, results: Iterator[Value]) -> dict[Path, RunTimeList]:
        """The lists after the loop."""
        return {path: _with_memory(x.another(self._place(path)), lambda type: next(results)) for path, x in self.own.items()}


def _with_memory(x: RunTimeList, value: Any) -> RunTimeList:
    return x.arrive([value(s.value.type) for s in x.memory()])


def _filled(found: RunTimeList, x: Any) -> RunTimeList:
    """An empty list, filled with the elements of another."""
    if isinstance(x := untentative(x), Choice):
        spread(found.take, x)
    else:
        found.take(x)
    return found
