"""How much work a nest is: elements times the cost of one, roughly, from which threads are worth starting."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.loops import Call, For, If, Stmt, While, own_exprs
from ..ir.ranges import Ranges

# Work from which a nest is spread over threads.
THREADS_FROM = 1 << 16
# What an operation costs beside an addition.
COSTS = {"div": 4, "sqrt": 6, "exp": 12, "log": 14, "sin": 16, "cos": 16, "tanh": 16, "pow": 30}
CALL_COST = 1 << 12
# Trips of a loop that nothing bounds.
UNKNOWN_TRIPS = 64
# Trips along an extent of the caller's arrays: whether there are so many is asked when the program runs.
LARGE_TRIPS = 1 << 16


def work(loops: Sequence[For], inner: list[Stmt], known: Ranges) -> int:
    """The work of `inner` inside `loops`, outermost first."""
    count = 1
    for f in loops:
        count *= trips(f, known)
        known = known.with_loop(f)
    return count * cost(inner, known)


def trips(f: For, known: Ranges) -> int:
    """The greatest number of trips."""
    most = known.interval(f.hi - f.lo)[1]
    if most is None:
        return LARGE_TRIPS if known.may_be_large(f.hi - f.lo) else UNKNOWN_TRIPS
    return max(0, -(-most // abs(f.step)))


def cost(body: list[Stmt], known: Ranges) -> int:
    """Roughly how many simple operations `body` executes."""
    total, seen = 0, set()
    for s in body:
        if isinstance(s, For):
            total += trips(s, known) * cost(s.body, known.with_loop(s))
        elif isinstance(s, If):
            total += max(cost(s.then, known), cost(s.other, known))
        elif isinstance(s, While):
            total += UNKNOWN_TRIPS * (cost(s.test, known) + cost(s.body, known))
        total += CALL_COST if isinstance(s, Call) else 0
        pending = list(own_exprs(s))
        while pending:
            e = pending.pop()
            if e in seen:
                continue
            seen.add(e)
            total += COSTS.get(e.payload, 1) if e.kind == "op" else 0  # type: ignore[call-overload]
            total += e.kind == "load"
            pending.extend(e.args)
    return max(total, 1)
