"""Elementwise results that read merged axes: their loops run over the axes that were merged, so that no index is divided.

    for p < n * m:  out[p] = f(x[p / m, p % m])      ->      for i < n, for j < m:  out[i * m + j] = f(x[i, j])

`merged_extents` finds what to run over; `undivided` then sees that (i * m + j) / m is i, from the ranges of the loops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir.expr import Expr, const
from ..ir.graph import Op, Value
from ..ir.linear import Linear, linear
from ..ir.opdef import Pointwise, definition, lowering
from ..ir.ops.views import matched_groups
from ..ir.ranges import Ranges

# An innermost loop of fewer trips costs more than the divisions do in vectors; where elements are only moved, one of two trips
# costs less.
LEAST_ROW, LEAST_ROW_MOVED = 16, 2

Extents = tuple[tuple[int, ...], ...]


def merged_extents(op: Op, lazy: Callable[[Value], Value | None]) -> Extents | None:
    """Per axis of the result, the extents that a reshape merges into it; None where none does.

    `lazy(v)` is the value to be computed where `v` is read, None if it lies in memory.  Of several reshapes the first decides.
    """
    waiting, seen = [op], {op}
    while waiting:
        op = waiting.pop()
        if op.name == "reshape":
            least = LEAST_ROW_MOVED if _is_moved(op.operands[0], lazy) else LEAST_ROW
            if found := _merged(op.operands[0].dims, op.result.dims, least):
                return found
        elif isinstance(lowering(op), Pointwise):
            inner = [v.op for v in map(lazy, op.operands) if v is not None and v.op is not None and v.dims]
            waiting += [o for o in reversed(inner) if o not in seen]
            seen.update(inner)
    return None


def _is_moved(v: Value, lazy: Callable[[Value], Value | None]) -> bool:
    """Are the elements those of memory, in another order?"""
    inner = lazy(v)
    if inner is None or inner.op is None:
        return True
    return "view" in definition(inner.op).traits and _is_moved(inner.op.operands[0], lazy)


def _merged(own: Sequence, dims: Sequence, least: int) -> Extents | None:
    if not all(isinstance(d, int) and d > 0 for d in (*own, *dims)):
        return None
    out: list[tuple[int, ...]] = [(d,) for d in dims]
    for mine, theirs in matched_groups(own, dims):
        kept = tuple(own[k] for k in mine if own[k] != 1)
        axes = [k for k in theirs if dims[k] != 1]
        if len(kept) > 1 and len(axes) == 1:
            out[axes[0]] = kept
    return tuple(out) if any(len(part) > 1 for part in out) and out[-1][-1] >= least else None


def merged_index(index: Sequence[Expr], extents: Extents) -> tuple[Expr, ...]:
    """The index in the merged axes."""
    out, parts = [], iter(index)
    for part in extents:
        at = const(0)
        for n in part:
            at = at * n + next(parts)
        out.append(at)
    return tuple(out)


def undivided(e: Expr, ranges: Ranges) -> Expr:
    """A quotient or remainder by a constant without the division, where the operand is known to be q * n + r with 0 <= r < n."""
    if e.kind != "op" or e.payload not in ("quot", "rem") or e.dtype != "i64" or not e.args[1].is_const:
        return e
    n = int(e.args[1].payload)  # type: ignore[arg-type]
    if n <= 0:
        return e  # no trip of any loop gets here
    form = linear(undivided(e.args[0], ranges))
    whole = Linear(0, {a: f for a, f in form.terms.items() if f % n == 0}, form.atoms)
    rest = form - whole
    low, high = ranges.interval(rest)
    if low is None or high is None or low < 0 or high >= n or not ranges.is_nonnegative(whole):
        return e
    return _expression(rest, 1) if e.payload == "rem" else _expression(whole, n)


def _expression(form: Linear, divisor: int) -> Expr:
    total = const(form.constant // divisor)
    for atom, factor in form.terms.items():
        total = total + form.atoms[atom] * (factor // divisor)
    return total
