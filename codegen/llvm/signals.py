"""Long loops hear of signals: now and then they ask `treadle_interrupted`, and leave the function if it says so.

A loop asks once in so many trips that the asking costs nothing beside the work; one that is surely short does not ask.
Vector loops do not: they are as short as memory is small.  Nor do chunks of parallel loops, which threads run that are
not Python's.
"""

from __future__ import annotations

from ...ir.loops import For, Stmt
from .module import RARELY_TRUE, Branch, Phi
from .parallel import Parallel
from .shape import least_work

# Work between two questions, in scalar operations: some tens of microseconds.
PERIOD = 1 << 18
INTERRUPTED = -1


class Signals(Parallel):
    """Emits the questions."""

    def look_for_signals(self, s: For, trip: str, trips: int | None) -> None:
        if self.context is not None or self.replicated:
            return
        period = trips_between(s.body) * abs(s.step)
        if trips is not None and trips * abs(s.step) <= period:
            return
        # Of every `period` values of the loop variable the loop takes exactly one of the last |step|.
        place = self.put(self.depth, f"and i64 {trip}, {period - 1}")
        self._ask(self.put(self.depth, f"icmp uge i64 {place}, {max(period - abs(s.step), 0)}"))

    def look_in_while(self, body: list[Stmt], count: Phi) -> None:
        """`count` numbers the trips."""
        if self.context is None:
            place = self.put(self.depth, f"and i64 {count.register}, {trips_between(body) - 1}")
            self._ask(self.put(self.depth, f"icmp eq i64 {place}, {trips_between(body) - 1}"))

    def _ask(self, condition: str) -> None:
        f = self.function
        ask, leave, go = f.fresh("ask"), f.fresh("interrupted"), f.fresh("go")
        self.block.end = Branch(ask, condition, go, RARELY_TRUE)
        self.scopes[-1].block = f.place(ask)
        symbol = self.module.external("treadle_interrupted", "i64", [])
        answer = self.put(self.depth, f"call i64 @{symbol}()")
        ask.end = Branch(leave, self.put(self.depth, f"icmp ne i64 {answer}, 0"), go, RARELY_TRUE)
        self.scopes[-1].block = f.place(leave)
        self._put_word("%error", 0, "i64", str(INTERRUPTED))
        leave.end = f"ret i64 {INTERRUPTED}"
        self.scopes[-1].block = f.place(go)


def trips_between(body: list[Stmt]) -> int:
    """How many trips may pass between two questions: a power of two."""
    return 1 << max(PERIOD // max(least_work(body), 1), 1).bit_length() - 1
