"""Rules of shape algebra: chains of views become one view, and what is written is read back without the array between.

Before: any graph.  After: a `slice` is not of a `slice`, `transpose`, or broadcast scalar; `transpose`, `reshape` and
`broadcast` are not of themselves; elementwise ops of scalars spread over an array are done once, on the scalars.  Only
views that are certain to stay in range are made, since each view of the chain was.  Start with `shape_rules`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.builder import Slot, fill_dims
from ..ir.graph import Op, Value
from ..ir.ops.shaping import emit_shaped, emit_view
from ..ir.ops.slicing import leaving
from ..ir.ops.views import split_map
from ..ir.rewrite import Match, Rewriter, Rule, RuleTable, any_value, made, with_trait
from ..ir.types import ArrayType, Dim, element_count, same_dims
from ..ir.viewmap import (
    Axis,
    ViewMap,
    bounds,
    broadcast_map,
    compose,
    is_identity,
    is_injective,
    permutation_map,
    renumber_slots,
)

X = any_value("x")
Y = any_value("y")
INT64 = ArrayType(np.dtype(np.int64))


def _slice(b: Rewriter, x: Value, view_map: ViewMap, dims: Sequence[Dim], operands: Sequence[Value]) -> Value:
    return emit_view(b, "slice", [x], view_map, dims, operands)


def _compose(b: Rewriter, m: Match, inner: ViewMap, inner_operands: Sequence[Value]) -> Value | None:
    """A slice through `inner` of x, the slots of `inner` being numbers of `inner_operands`."""
    operands = [*m.op.operands, *inner_operands]
    shift = len(m.op.operands)
    moved = renumber_slots(inner, lambda k: k + shift)

    def combine(a: int | Slot, step: int, c: int | Slot) -> Slot:
        """The start a + step * c as a new operand. Starts are in range, so int64 holds every sum of them."""
        first, second = (_start(b, s, operands) for s in (a, c))
        operands.append(b.add(first, b.multiply(second, step)))
        return Slot(len(operands) - 1)

    view_map = compose(m.op.attrs["map"], moved, combine)
    if view_map is None or any(leaving(view_map, m.op.result.dims, m.x.dims)):  # as views may that are never taken
        return None
    return _slice(b, m.x, view_map, m.op.result.dims, operands)


def _start(b: Rewriter, start: int | Slot, operands: Sequence[Value]) -> Value:
    """A start as an int64 value."""
    v = operands[start.operand] if isinstance(start, Slot) else b.constant(start, INT64)
    return b.cast(v, dtype="i64") if v.type != INT64 else v


def _slice_of_broadcast(b: Rewriter, m: Match) -> Value | None:
    if not m.x.dims:
        return b.broadcast_to(m.x, m.op.result.dims)
    inner = broadcast_map(m.x.dims, m.inner.result.dims)
    return _compose(b, m, inner, [])


def _slice_of_gather(b: Rewriter, m: Match) -> Value | None:
    """Only the places asked for are gathered."""
    gather, at = m.inner, m.inner.attrs["position"]
    x, *indices = gather.operands
    result, view = m.op.result, m.op.attrs["map"]
    others = [k for k in range(len(view)) if k != at]
    if len(indices[0].dims) != 1 or len(result.dims) != len(view) or not b.is_used_once(gather.result):
        return None
    if [k for _, k in view[at].terms] != [at] or any(
            view[k] != Axis(0, ((1, k),)) or not same_dims((result.dims[k],), (gather.result.dims[k],)) for k in others):
        return None
    own = (Axis(view[at].start, ((view[at].terms[0][0], 0),)),)
    picked = [_slice(b, i, own, (result.dims[at],), m.op.operands) for i in indices]
    return b.emit("gather", [x, *picked], gather.attrs)[0]


def _transpose_of_transpose(b: Rewriter, m: Match) -> Value:
    axes = tuple(m.inner.attrs["axes"][a] for a in m.op.attrs["axes"])
    return m.x if axes == tuple(range(len(axes))) else b.transpose(m.x, axes=axes)


def _transpose_of_product(b: Rewriter, m: Match) -> Value | None:
    """Exchanging the rows and columns of a product exchanges its factors: the result then lies in memory as it is used."""
    contract, batch = m.inner.attrs["contract"], m.inner.attrs["batch"]
    n = len(batch[0])
    rows, columns = (len(x.dims) - len(c) - n for x, c in zip(m.inner.operands, contract, strict=True))
    exchanged = (*range(n), *range(n + rows, n + rows + columns), *range(n, n + rows))
    if m.op.attrs["axes"] != exchanged or not b.is_used_once(m.inner.result):
        return None
    return b.emit("dot_general", [m.y, m.x], {"contract": contract[::-1], "batch": batch[::-1]})[0]


def _transpose_of_slice(b: Rewriter, m: Match) -> Value:
    """Axis k of the result is axis axes[k] of the slice."""
    place = {a: k for k, a in enumerate(m.op.attrs["axes"])}
    view_map = tuple(Axis(a.start, tuple((step, place[k]) for step, k in a.terms)) for a in m.inner.attrs["map"])
    return _slice(b, m.x, view_map, m.op.result.dims, m.inner.operands)


def _split(b: Rewriter, m: Match) -> Value | None:
    view_map = split_map(m.x.dims, m.op.result.dims)
    return None if view_map is None else _slice(b, m.x, view_map, m.op.result.dims, [])


def _reshape_of_split(b: Rewriter, m: Match) -> Value | None:
    size = element_count(m.x.dims)
    if size is None or size != element_count(m.inner.result.dims) or (
            m.inner.attrs["map"] != split_map(m.x.dims, m.inner.result.dims)):
        return None
    return emit_shaped(b, "reshape", [m.x], m.op.result.dims)


def _whole_reduction(b: Rewriter, m: Match) -> Value | None:
    if len(m.op.attrs["axes"]) != len(m.inner.result.dims) or None in (_count(m.x), _count(m.inner.result)):
        return None
    return b.emit(m.op.name, [m.x], m.op.attrs | {"axes": tuple(range(len(m.x.dims)))})[0]


def _whole_product(b: Rewriter, m: Match) -> Value | None:
    """Vectors that are two arrays of the same extents, read in the same order."""
    if not same_dims(m.x.dims, m.y.dims) or len(m.op.operands[0].dims) != 1 or m.op.attrs["contract"][0] != (0,) or None in (
            _count(m.x), _count(m.op.operands[0])):
        return None
    axes = tuple(range(len(m.x.dims)))
    return b.emit("dot_general", [m.x, m.y], m.op.attrs | {"contract": (axes, axes)})[0]


def _count(x: Value) -> int | None:
    return element_count(x.dims)


def _same(m: Match, x: Value) -> Value | None:
    return x if x.type == m.op.result.type else None


def _broadcast_of_broadcast(b: Rewriter, m: Match) -> Value:
    return b.broadcast_to(m.x, m.op.result.dims)


def _spread(b: Rewriter, m: Match) -> Value | None:
    """f(broadcast(a), broadcast(b)) -> broadcast(f(a, b)), for scalars a and b"""
    dims = m.op.result.dims
    scalars = [s for s in map(_spread_scalar, m.op.operands) if s is not None]
    if not dims or len(scalars) < len(m.op.operands):
        return None
    return b.broadcast_to(b.emit(m.op.name, scalars, m.op.attrs)[0], dims)


def _spread_scalar(v: Value) -> Value | None:
    """The scalar that `v` is everywhere."""
    return v.op.operands[0] if v.op is not None and v.op.name == "broadcast" and not v.op.operands[0].dims else None


view_rules = RuleTable("views", [
    Rule("slice of all -> x", made("slice", X, more=True),
         lambda b, m: m.x if is_identity(m.op.attrs["map"]) and m.x.type == m.op.result.type else None),
    Rule("slice(slice(x)) -> slice(x)", made("slice", made("slice", X, more=True, capture="inner"), more=True),
         lambda b, m: _compose(b, m, m.inner.attrs["map"], m.inner.operands)),
    Rule("slice(transpose(x)) -> slice(x)", made("slice", made("transpose", X, capture="inner"), more=True),
         lambda b, m: _compose(b, m, permutation_map(m.inner.attrs["axes"]), [])),
    Rule("slice(broadcast(x)) -> slice(x)", made("slice", made("broadcast", X, more=True, capture="inner"), more=True),
         _slice_of_broadcast),
    Rule("slice(gather(x, i)) -> gather(x, slice(i))", made("slice", made("gather", X, more=True, capture="inner"), more=True),
         _slice_of_gather),
    Rule("transpose in order -> x", made("transpose", X), lambda b, m: _same(m, m.x) if _in_order(m.op) else None),
    Rule("transpose(transpose(x)) -> transpose(x)", made("transpose", made("transpose", X, capture="inner")),
         _transpose_of_transpose),
    Rule("transpose(dot_general(x, y)) -> dot_general(y, x)", made("transpose", made("dot_general", X, Y, capture="inner")),
         _transpose_of_product),
    Rule("transpose(slice(x)) -> slice(x)", made("transpose", made("slice", X, more=True, capture="inner")),
         _transpose_of_slice),
    Rule("transpose(broadcast(scalar)) -> broadcast(scalar)", made("transpose", made("broadcast", X, more=True)),
         lambda b, m: b.broadcast_to(m.x, m.op.result.dims) if not m.x.dims else None),
    Rule("reshape to its own extents -> x", made("reshape", X, more=True), lambda b, m: _same(m, m.x)),
    Rule("reshape(reshape(x)) -> reshape(x)", made("reshape", made("reshape", X, more=True), more=True),
         lambda b, m: emit_shaped(b, "reshape", [m.x], m.op.result.dims)),
    Rule("reshape(a split x) -> reshape(x)", made("reshape", made("slice", X, more=True, capture="inner"), more=True),
         _reshape_of_split),
    Rule("reduction of all of reshape(x) -> of all of x",
         made({"reduce_sum", "reduce_prod", "reduce_max", "reduce_min", "reduce_fmax", "reduce_fmin", "reduce_and", "reduce_or"},
              made("reshape", X, more=True, capture="inner")), _whole_reduction),
    Rule("reshape(x) . reshape(y) -> x . y", made("dot_general", made("reshape", X, more=True), made("reshape", Y, more=True)),
         _whole_product),
    Rule("reshape that splits axes -> slice(x)", made("reshape", X, more=True), _split),
    Rule("reshape(broadcast(scalar)) -> broadcast(scalar)", made("reshape", made("broadcast", X, more=True), more=True),
         lambda b, m: b.broadcast_to(m.x, m.op.result.dims) if not m.x.dims else None),
    Rule("broadcast to its own extents -> x", made("broadcast", X, more=True), lambda b, m: _same(m, m.x)),
    Rule("broadcast(broadcast(x)) -> broadcast(x)", made("broadcast", made("broadcast", X, more=True), more=True),
         _broadcast_of_broadcast),
    Rule("f(broadcast(scalars)) -> broadcast(f(scalars))", made(with_trait("elementwise")), _spread),
])


def _in_order(op: Op) -> bool:
    return tuple(op.attrs["axes"]) == tuple(range(len(op.attrs["axes"])))


# Writes. `new` is what the earlier op wrote, `x` what it wrote into.


def filled_map(op: Op) -> tuple:
    """The op's view with run-time starts as values, for comparison."""
    return tuple((op.operands[a.start.operand] if isinstance(a.start, Slot) else a.start, a.terms) for a in op.attrs["map"])


def same_view(a: Op, b: Op) -> bool:
    """Are these two accesses, each with attributes map and dims, surely to the same elements in the same order?"""
    return same_dims(view_dims(a), view_dims(b)) and all(
        (s is t or (isinstance(s, int) and s == t)) and p == q
        for (s, p), (t, q) in zip(filled_map(a), filled_map(b), strict=True))


def disjoint_views(a: Op, b: Op) -> bool:
    """Do these two accesses surely have no element in common?"""
    for p, q in zip(a.attrs["map"], b.attrs["map"], strict=True):
        one, other = bounds(p, view_dims(a)), bounds(q, view_dims(b))
        if one is not None and other is not None and (one[1] < other[0] or other[1] < one[0]):
            return True
    return False


def view_dims(op: Op) -> tuple[Dim, ...]:
    return fill_dims(op.attrs["dims"], op.operands)


def _read_back(b: Rewriter, m: Match) -> Value | None:
    """slice(update_slice(x, new)) through the same view -> new"""
    return _same(m, m.new) if same_view(m.op, m.inner) and is_injective(m.op.attrs["map"], m.op.result.dims) else None


def _read_elsewhere(b: Rewriter, m: Match) -> Value | None:
    """slice(update_slice(update_slice(_, new), _)) -> new: written through the same view, then only elsewhere.

    Reading an older version of the array where `new` is not found would only keep that version alive.
    """
    writer = m.inner
    while writer.name == "update_slice" and disjoint_views(m.op, writer):
        before = writer.operands[0].op
        if before is None or before.name != "update_slice":
            return None
        writer = before
        if same_view(m.op, writer) and is_injective(m.op.attrs["map"], m.op.result.dims):
            return _same(m, writer.operands[1])
    return None


def _written_over(b: Rewriter, m: Match) -> Value | None:
    """update_slice(update_slice(x, old), new) through the same view -> update_slice(x, new)

    Where the array between has other readers, both it and x would have to be kept.
    """
    if not same_view(m.op, m.inner) or not b.is_used_once(m.inner.result):
        return None
    return emit_view(b, "update_slice", [m.x, m.new], m.op.attrs["map"], view_dims(m.op), m.op.operands)


def _written_whole(b: Rewriter, m: Match) -> Value | None:
    return _same(m, m.new) if is_identity(m.op.attrs["map"]) else None


def _written_back(b: Rewriter, m: Match) -> Value | None:
    """update_slice(x, slice(x)) through the same view -> x"""
    return _same(m, m.x) if same_view(m.op, m.inner) else None


def _write_of_written(b: Rewriter, m: Match) -> Value | None:
    """update_slice(x, update_slice(y, new)) -> update_slice(update_slice(x, y), new), where y becomes the first elements of x

    What y was made of may then be in x already: an array that grows in its memory (`x = np.append(x, new)`).
    """
    if not is_identity(m.op.attrs["map"]) or not b.is_used_once(m.inner.result):
        return None
    whole = emit_view(b, "update_slice", [m.x, m.inner.operands[0]], m.op.attrs["map"], view_dims(m.op), m.op.operands)
    return emit_view(b, "update_slice", [whole, m.new], m.inner.attrs["map"], view_dims(m.inner), m.inner.operands)


NEW = any_value("new")

write_rules = RuleTable("writes", [
    Rule("slice(update_slice(_, new)) -> new, the same view",
         made("slice", made("update_slice", X, NEW, more=True, capture="inner"), more=True), _read_back),
    Rule("slice(update_slice(update_slice(_, new), _)) -> new, the same view and disjoint ones",
         made("slice", made("update_slice", X, NEW, more=True, capture="inner"), more=True), _read_elsewhere),
    Rule("update_slice(update_slice(x, _), new) -> update_slice(x, new), the same view",
         made("update_slice", made("update_slice", X, any_value("old"), more=True, capture="inner"), NEW, more=True),
         _written_over),
    Rule("update_slice(x, new) -> new, the whole array", made("update_slice", X, NEW, more=True), _written_whole),
    Rule("update_slice(x, slice(x)) -> x, the same view",
         made("update_slice", X, made("slice", X, more=True, capture="inner"), more=True), _written_back),
    Rule("update_slice(x, update_slice(y, new)) -> update_slice(update_slice(x, y), new), the first elements",
         made("update_slice", X, made("update_slice", any_value("y"), NEW, more=True, capture="inner"), more=True),
         _write_of_written),
    Rule("update_slice(x, empty) -> x", made("update_slice", X, made("empty", more=True), more=True), lambda b, m: _same(m, m.x)),
    Rule("update_slice(x, nothing) -> x", made(("update_slice", "update_add"), X, NEW, more=True),
         lambda b, m: _same(m, m.x) if any(isinstance(d, int) and d == 0 for d in m.new.dims) else None),
])

def _extreme_of_one(b: Rewriter, m: Match) -> Value | None:
    """Every element is `x`, and there is one."""
    some = all(isinstance(m.inner.result.dims[a], int) and m.inner.result.dims[a] for a in m.op.attrs["axes"])
    return b.broadcast_to(m.x, m.op.result.dims) if some and not m.x.dims else None


reduction_rules = RuleTable("reductions", [
    Rule("extreme of broadcast(scalar) -> broadcast(scalar)",
         made({"reduce_max", "reduce_min", "reduce_fmax", "reduce_fmin", "reduce_and", "reduce_or"},
              made("broadcast", X, more=True, capture="inner")), _extreme_of_one),
    Rule("reduce over no axis -> x", made(("reduce_sum", "reduce_prod", "reduce_max", "reduce_min"), X),
         lambda b, m: _same(m, m.x) if m.op.attrs.get("axes") == () else None),
    Rule("concatenate of one -> x", made("concatenate", X), lambda b, m: _same(m, m.x)),
])

shape_rules = view_rules + write_rules + reduction_rules
