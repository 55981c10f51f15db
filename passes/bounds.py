"""The least and the greatest value of integer expressions, as far as loop bounds tell.

`Ranges.enter(statement)` learns what a `Let` or a `For` says of the variable it binds; `Ranges.of(expression)` answers.
"""

from __future__ import annotations

from ..ir.expr import Expr
from ..ir.loops import For, Let, Stmt

Interval = tuple[int | None, int | None]
UNKNOWN: Interval = (None, None)


class Ranges:
    """Intervals by variable name; None is unbounded."""

    def __init__(self) -> None:
        self.known: dict[str, Interval] = {}

    def enter(self, s: Stmt) -> None:
        """Note the range of the variable that a `Let` or `For` binds."""
        if isinstance(s, Let):
            if s.value.dtype == "i64":
                self.known[s.name] = self.of(s.value)
        elif isinstance(s, For):
            lo, hi = self.of(s.lo), self.of(s.hi)
            self.known[s.var] = (lo[0], _minus(hi[1], 1)) if s.step > 0 else (_minus(hi[0], -1), lo[1])

    def of(self, e: Expr) -> Interval:
        """Bounds of an i64 expression."""
        if e.kind == "const" and e.dtype == "i64":
            return e.payload, e.payload  # type: ignore[return-value]
        if e.kind == "var":
            return self.known.get(e.payload, UNKNOWN)  # type: ignore[arg-type]
        if e.kind != "op" or e.dtype != "i64":
            return UNKNOWN
        args = [self.of(a) for a in e.args if a.dtype == "i64"]
        if e.payload == "select":
            return _joined(args[0], args[1])
        if e.payload in _RULES and len(args) == 2:
            return _RULES[e.payload](args[0], args[1])  # type: ignore[index]
        return UNKNOWN


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _minus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a - b


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _most(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else max(a, b)


def _joined(a: Interval, b: Interval) -> Interval:
    lo = None if a[0] is None or b[0] is None else min(a[0], b[0])
    return lo, None if a[1] is None or b[1] is None else max(a[1], b[1])


def _product(a: Interval, b: Interval) -> Interval:
    if None in (*a, *b):
        return UNKNOWN
    corners = [x * y for x in a for y in b]  # type: ignore[operator]
    return min(corners), max(corners)


def _quotient(a: Interval, b: Interval) -> Interval:
    if None in (*a, *b) or b[0] <= 0:  # type: ignore[operator]
        return UNKNOWN
    corners = [abs(x) // y * (1 if x >= 0 else -1) for x in a for y in b]  # type: ignore[operator, arg-type]
    return min(corners), max(corners)


_RULES = {
    "add": lambda a, b: (_plus(a[0], b[0]), _plus(a[1], b[1])),
    "sub": lambda a, b: (_minus(a[0], b[1]), _minus(a[1], b[0])),
    "mul": _product,
    "quot": _quotient,
    "min": lambda a, b: (None if a[0] is None or b[0] is None else min(a[0], b[0]), _least(a[1], b[1])),
    "max": lambda a, b: (_most(a[0], b[0]), None if a[1] is None or b[1] is None else max(a[1], b[1])),
}
