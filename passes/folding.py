"""Constant folding: an op of constants is replaced by its value, found by the op's own evaluation.

Before: any graph.  After: no pure or check op has only constant operands, if its result has at most MAX_ELEMENTS elements
or is one value throughout.  What raises when evaluated (a check that fails) stays, to raise when the program runs; a check
that passes is done.  Start with `fold`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ir import ops  # noqa: F401  (fills the registry)
from ..ir.builder import Slot
from ..ir.graph import Function, Op, Value
from ..ir.opdef import OPS
from ..ir.rewrite import Fired, Match, Rewriter, Rule, RuleTable, made, rewrite
from ..ir.types import WEAK_PYTHON, ArrayType, Type, WeakType, element_count
from ..ir.viewmap import Axis

MAX_ELEMENTS = 64

# Leaves, and what is better kept as it is: a constant spread over an array is read without being stored.
_KEPT = frozenset({"const", "array_const", "broadcast", "iota", "if", "for", "while", "call", "fused"})


def fold(function: Function, record: list[Fired] | None = None) -> Function:
    """Replace ops of constants by constants, in place."""
    return rewrite(function, folding_rules, record)


def constant_value(v: Value, limit: int = MAX_ELEMENTS) -> Any:
    """The value of `v` if it is made of constants only and small; else None."""
    op = v.op
    if op is None:
        return None
    if op.name == "const":
        return _typed(op.attrs["value"], v.type)
    if op.name == "array_const" and len(op.attrs["data"]) <= limit:
        return np.asarray(op.attrs["data"], v.type.dtype).reshape(v.type.dims)
    if op.name in ("broadcast", "iota"):
        count = element_count(v.type.dims)
        if count is None or count > limit:
            return None
        inner = [constant_value(x, limit) for x in op.operands]
        if not any(x is None for x in inner):
            return OPS[op.name].evaluate(np, inner, op.attrs, [v.type])[0]
    return None


def _typed(value: Any, t: Type) -> Any:
    return WEAK_PYTHON[t.kind](value) if isinstance(t, WeakType) else np.asarray(value).astype(t.dtype)[()]


def _fold(b: Rewriter, m: Match) -> list[Value] | None:
    op = m.op
    if op.regions or OPS[op.name].effect == "ordered" or not op.results or not _small(op):
        return None
    operands = [constant_value(v) for v in op.operands]
    if any(x is None for x in operands):
        return None
    try:
        with np.errstate(all="ignore"):
            values = OPS[op.name].evaluate(np, operands, op.attrs, [r.type for r in op.results])
    except Exception:
        # Whatever the user's program raises here, it raises when it runs, at its own line.
        return None
    made_of = [_constant(b, x, r.type) for x, r in zip(values, op.results, strict=True)]
    return None if any(v is None for v in made_of) else made_of  # type: ignore[return-value]


def _small(op: Op) -> bool:
    counts = [element_count(r.type.dims) for r in op.results]
    return all(c is not None and c <= MAX_ELEMENTS for c in counts)


def _constant(b: Rewriter, value: Any, t: Type) -> Value | None:
    if not isinstance(t, ArrayType):
        return b.constant(value, t) if isinstance(t, WeakType) else None
    x = np.asarray(value, t.dtype)
    if x.shape != t.dims:
        return None
    if not t.dims:
        return b.constant(x.item(), t)
    flat = [y.item() for y in x.ravel()]
    if flat and all(repr(y) == repr(flat[0]) for y in flat):
        return b.full(flat[0], t)
    return b.emit("array_const", [], {"data": tuple(flat), "type": t})[0]


def _known_starts(b: Rewriter, m: Match) -> Value | None:
    """slice x, 3 {map=view($1 + i0)} -> slice x {map=view(3 + i0)}"""
    op = m.op
    # An extent that became static would be another type; the starts alone leave the type as it is.
    starts = {a.start.operand for a in op.attrs["map"] if isinstance(a.start, Slot)}
    extents = {d.operand for d in op.attrs["dims"] if isinstance(d, Slot)}
    known = {}
    for k in starts - extents:
        made_by = op.operands[k].op
        if made_by is not None and made_by.name == "const":
            known[k] = made_by.attrs["value"]
    if not known:
        return None
    place = {k: n for n, k in enumerate(k for k in range(len(op.operands)) if k not in known)}
    attrs = {name: _fill(x, known, place) for name, x in op.attrs.items()}
    try:
        return b.emit(op.name, [op.operands[k] for k in place], attrs)[0]
    except ValueError:
        # Out of range: a check before it, or a branch around it, keeps it from running.
        return None


def _fill(x: Any, known: dict[int, int], place: dict[int, int]) -> Any:
    if isinstance(x, Slot):
        return int(known[x.operand]) if x.operand in known else Slot(place[x.operand])
    if isinstance(x, tuple):
        return tuple(_fill(y, known, place) for y in x)
    return Axis(_fill(x.start, known, place), x.terms) if isinstance(x, Axis) else x


def _foldable() -> Sequence[str]:
    return [name for name, d in OPS.items() if name not in _KEPT and d.effect != "ordered"]


folding_rules = RuleTable("folding", [
    Rule("f(constants) -> constant", made(_foldable()), _fold),
    Rule("a start that is a constant -> a static start", made(("slice", "update_slice", "update_add")), _known_starts),
])
