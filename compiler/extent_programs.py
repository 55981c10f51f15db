"""What tracing knows of extents, as programs that native code runs at each call (`runtime.sizes`).

Each function gives None for what no such program computes: then Python does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..ir.expr import Expr
from ..runtime.sizes import Size
from .known import Known, KnownInput, KnownResult, ValueGuard
from .sources import Argument, Extent, Source
from .strides import Comparison
from .traced import Guard

_OPERATIONS: dict[Callable[..., Any], str] = {
    operator.add: "add", operator.sub: "sub", operator.mul: "mul", operator.neg: "neg", max: "max", min: "min",
    operator.ge: "ge", operator.gt: "gt", operator.le: "le", operator.lt: "lt", operator.eq: "eq", operator.ne: "ne"}
_NAMES = ("add", "sub", "mul", "neg", "max", "min", "and")
# The deepest expression.
_DEEPEST = 16


def of_known(known: int | Known, position: Callable[[Source], int | None], depth: int = 0) -> Size | None:
    """A value that follows from extents; position: where among the native function's arguments an array stands."""
    if isinstance(known, int):
        return int(known)
    if depth > _DEEPEST:
        return None
    if isinstance(known, KnownInput):
        at = position(known.source.base) if isinstance(known.source, Extent) else None
        return ("extent", at, known.source.axis) if at is not None else None  # type: ignore[attr-defined]
    if not isinstance(known, KnownResult):
        return int(known.value) if isinstance(known.value, int) else None
    parts = [of_known(o, position, depth + 1) for o in known.operands]
    if any(p is None for p in parts):
        return None
    return _result(known.fn, parts)  # type: ignore[arg-type]


def _result(fn: Callable[..., Any], parts: Sequence[Size]) -> Size | None:
    if isinstance(fn, Comparison):
        total: Size = 0
        for places, factor in fn.terms:
            term: Size = factor
            for k in places:
                term = ("mul", term, parts[k])
            total = ("add", total, term)
        return (_OPERATIONS[fn.compare], total, 0)
    if fn in (operator.floordiv, operator.mod):
        divisor = parts[1]
        if not isinstance(divisor, int) or divisor <= 0:
            return None
        whole = ("floordiv", parts[0], divisor)
        return whole if fn is operator.floordiv else ("sub", parts[0], ("mul", whole, divisor))
    name = _OPERATIONS.get(fn)
    return (name, *parts) if name is not None and len(parts) == (1 if name == "neg" else 2) else None


def of_guards(guards: Iterable[Guard], position: Callable[[Source], int | None]) -> Size | None:
    """Whether truths about extents (`matchers.is_of_extents`) are what they were."""
    total: Size = 1
    truths, bounds = list[tuple[str, Size, Size]](), dict[Size, list[int]]()
    for g in guards:
        assert isinstance(g, ValueGuard)
        truth = of_known(g.known, position)
        if not isinstance(truth, tuple) or truth[0] not in _OPPOSITE:
            return None
        truths.append(truth if g.expected else (_OPPOSITE[truth[0]], *truth[1:]))  # type: ignore[arg-type]
    # Most are bounds; a number that is left out mostly lies outside of them.
    for name, x, y in sorted(truths, key=lambda t: t[0] == "ne"):
        form = _linear(("sub", x, y))
        if form is None or form[0] is None or not _narrows(bounds, name, *form):  # type: ignore[arg-type]
            total = ("and", total, (name, x, y))
    for x, (low, high) in bounds.items():
        total = ("and", total, ("ge", x, low)) if low > 2 else total
        total = ("and", total, ("le", x, high)) if high < 2**62 else total
    return total


_OPPOSITE = {"ge": "lt", "lt": "ge", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


def _linear(size: Size) -> tuple[Size | None, int, int] | None:
    """(x, a, b) if this is a x + b of one extent x, or of none."""
    if isinstance(size, int):
        return None, 0, size
    name, *rest = size
    if name == "extent":
        return size, 1, 0
    parts = [_linear(x) for x in rest] if name in ("add", "sub", "mul") else [None]
    if None in parts:
        return None
    (x, a, b), (y, c, d) = parts  # type: ignore[misc]
    if x is not None and y is not None and (x != y or name == "mul"):
        return None
    both = y if x is None else x
    if name == "mul":
        return both, a * d + c * b, b * d
    sign = 1 if name == "add" else -1
    return both, a + sign * c, b + sign * d


def _narrows(bounds: dict[Size, list[int]], name: str, x: Size, a: int, b: int) -> bool:
    """Is `a x + b` compared with 0 a bound of x, which is at least 2? Then it is noted."""
    low, high = bounds.get(x, (2, 2**62))
    if a < 0:
        a, b, name = -a, -b, {"ge": "le", "gt": "lt", "le": "ge", "lt": "gt"}.get(name, name)
    if a == 0 or name == "eq":
        return False
    at = -b // a  # the root, rounded down
    if name == "ne":
        return bool(-b % a) or not low <= at <= high
    if name in ("ge", "gt"):
        least = at + 1 if name == "gt" or -b % a else at
        bounds[x] = [max(low, least), high]
    else:
        bounds[x] = [low, min(high, at - 1 if name == "lt" and -b % a == 0 else at)]
    return True


def position_of_argument(source: Source) -> int | None:
    """Of what is called with the call's own positional arguments."""
    return source.key if isinstance(source, Argument) and isinstance(source.key, int) else None


def of_expression(e: Expr, given: Mapping[str, Size]) -> Size | None:
    """The size of a block of memory (`passes.rooms`); given: what the function's scalars are, as far as they are extents."""
    if e.kind == "var":
        return given.get(str(e.payload))
    if e.is_const:
        return int(e.payload)  # type: ignore[call-overload]
    parts = [of_expression(a, given) for a in e.args]
    return None if e.payload not in _NAMES or any(p is None for p in parts) else (str(e.payload), *parts)
