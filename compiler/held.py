"""What stands in a list for the elements that a staged loop has appended so far: nobody may look at them.

A loop that appends to a list is staged as if the list were empty in every trip (`growing`).  Whatever would show that it is
not (its length, an element, its truth) begins the trace again, with the loop treated in another way.
"""

from __future__ import annotations

from typing import Any, NoReturn

from . import tracer


class Held:
    """Stands for elements that are not at hand. Any use of it begins the trace again."""

    __slots__ = ("place",)

    def __init__(self, place: str) -> None:
        self.place = place

    def refuse(self, *args: Any) -> NoReturn:
        raise tracer.Restart(("hold", self.place))

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = refuse  # type: ignore[assignment]
    __bool__ = __len__ = __iter__ = __int__ = __float__ = __index__ = __array__ = __str__ = __repr__ = refuse
    __hash__ = object.__hash__


def look(x: Any) -> None:
    """Somebody looks at `x`: if it is a list that a loop appends to, that loop cannot be staged so."""
    if type(x) is list and x and type(x[0]) is Held:
        x[0].refuse()
