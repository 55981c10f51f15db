"""Other extents for the same elements: `broadcast`, `transpose`, `reshape`.

All are linear, so their jvp is themselves.  `slicing.py` has the views that show only some elements.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..builder import Builder, Slot, fill_dims
from ..expr import Expr, const
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..opdef import Element, LowerContext, OpDef, Sample, Scalar, register
from ..types import ArrayType, Dim, Type, element_count
from ..viewmap import Axis, ViewMap, invert_permutation
from .leaves import linear_index
from .shaping import (
    ALL_DTYPES,
    Terms,
    array_type,
    check_axes,
    check_slots,
    concrete_dims,
    linear_jvp,
    may_equal,
    refuse_batched,
    reshape,
    transpose,
)

# --- broadcast ---------------------------------------------------------------------------------------------------------


def _infer_broadcast(operands: list[Value], attrs: dict) -> list[Type]:
    check_slots(operands, 1)
    dims = fill_dims(attrs["dims"], operands)
    own = operands[0].dims
    lead = len(dims) - len(own)
    if lead < 0 or not all(d == 1 or may_equal(d, to) for d, to in zip(own, dims[lead:], strict=True)):
        raise ValueError(f"extents {own} do not broadcast to {dims}")
    return [ArrayType(operands[0].dtype, dims)]


def _stretched(own: Sequence[Dim], dims: Sequence[Dim]) -> list[int]:
    """The axes of x (extent 1) that are repeated."""
    lead = len(dims) - len(own)
    return [k for k, d in enumerate(own) if isinstance(d, int) and d == 1 and dims[lead + k] != 1]


def _broadcast_element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    own = op.operands[0].dims
    repeated = _stretched(own, op.result.dims)
    lead = len(index) - len(own)
    return ctx.read(0, tuple(const(0) if k in repeated else index[lead + k] for k in range(len(own))))


def _transpose_broadcast(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, x = cotangents[0], operands[0]
    if g is None:
        return [None] * len(operands)
    lead = len(g.dims) - len(x.type.dims)
    axes = (*range(lead), *(lead + k for k in _stretched(x.type.dims, g.dims)))
    total = ctx.emit("reduce_sum", [g], {"axes": axes})[0] if axes else g
    return [reshape(ctx, total, x.type.dims), *[None] * (len(operands) - 1)]


def _batch_broadcast(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    refuse_batched(flags[1:], "an extent")
    x, dims = operands[0], fill_dims(attrs["dims"], operands)
    ones = (1,) * (len(dims) + 1 - len(x.dims))
    return [ctx.broadcast_to(reshape(ctx, x, (x.dims[0], *ones, *x.dims[1:])), (size, *dims))]


register(OpDef(
    "broadcast", _infer_broadcast,
    lambda xp, operands, attrs, types: [xp.broadcast_to(operands[0], concrete_dims(attrs, operands))],
    Element(_broadcast_element, expands=True), linear_jvp("broadcast"), _transpose_broadcast, _batch_broadcast,
    attrs=("dims",), numpy=(np.broadcast_to,), dtypes=ALL_DTYPES, traits=frozenset({"linear", "view"}),
    samples=(Sample(((),), {"dims": (2, 3)}), Sample(((3,),), {"dims": (2, 3)}), Sample(((2, 1),), {"dims": (4, 2, 3)}),
             Sample(((1, 3),), {"dims": (0, 3)}),
             Sample(((3, 1), ()), {"dims": (3, Slot(1))}, (None, "i64"), domain=(2.0, 2.0))),
    doc="NumPy broadcasting to extents `dims`."))

# --- transpose ---------------------------------------------------------------------------------------------------------


def _infer_transpose(operands: list[Value], attrs: dict) -> list[Type]:
    type_, axes = array_type(operands[0]), attrs["axes"]
    check_axes(axes, type_.rank)
    if len(axes) != type_.rank:
        raise ValueError("axes don't match array")
    return [type_.with_dims(tuple(type_.dims[a] for a in axes))]


def _transpose_element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    return ctx.read(0, tuple(index[k] for k in invert_permutation(op.attrs["axes"])))


def _transpose_transpose(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g = cotangents[0]
    return [None if g is None else transpose(ctx, g, invert_permutation(attrs["axes"]))]


register(OpDef(
    "transpose", _infer_transpose, lambda xp, operands, attrs, types: [xp.transpose(operands[0], attrs["axes"])],
    Element(_transpose_element), linear_jvp("transpose"), _transpose_transpose,
    lambda ctx, operands, flags, size, attrs: [transpose(ctx, operands[0], (0, *(a + 1 for a in attrs["axes"])))],
    attrs=("axes",), numpy=(np.transpose,), dtypes=ALL_DTYPES, traits=frozenset({"linear", "view"}),
    samples=(Sample(((2, 3),), {"axes": (1, 0)}), Sample(((2, 3, 4),), {"axes": (2, 0, 1)}), Sample(((),), {"axes": ()})),
    doc="Axis k of the result is axis axes[k] of the operand."))

# --- reshape -----------------------------------------------------------------------------------------------------------


def _infer_reshape(operands: list[Value], attrs: dict) -> list[Type]:
    check_slots(operands, 1)
    dims, own = fill_dims(attrs["dims"], operands), operands[0].dims
    before, after = element_count(own), element_count(dims)
    if before is not None and after is not None and before != after:
        raise ValueError(f"cannot reshape array of size {before} into shape {dims}")
    return [ArrayType(operands[0].dtype, dims)]


def matched_groups(a: Sequence[Dim], b: Sequence[Dim]) -> list[tuple[range, range]]:
    """Axes of `a` and of `b`, cut into the smallest runs that hold equally many elements.

    Where a run-time extent hides the count, the rest is one group.  Reshaping works group by group, so an index needs
    division only inside a group that really changes.
    """
    groups: list[tuple[range, range]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        p, q, m, n = 1, 1, i, j
        if a[i] is b[j] or a[i] == b[j]:
            m, n = i + 1, j + 1
        else:
            done = False
            while not done:
                if m == i or (n > j and p < q):
                    if m == len(a) or not isinstance(a[m], int):
                        break
                    p, m = p * a[m], m + 1  # type: ignore[operator]
                else:
                    if n == len(b) or not isinstance(b[n], int):
                        break
                    q, n = q * b[n], n + 1  # type: ignore[operator]
                done = p == q and m > i and n > j
            if not done:
                return [*groups, (range(i, len(a)), range(j, len(b)))]
        groups.append((range(i, m), range(j, n)))
        i, j = m, n
    if i < len(a) or j < len(b):
        groups.append((range(i, len(a)), range(j, len(b))))
    return groups


def split_map(own: Sequence[Dim], dims: Sequence[Dim]) -> ViewMap | None:
    """The view map of a reshape that only splits axes, and adds or drops axes of extent 1; None of any other."""
    out = [Axis()] * len(own)
    if any(isinstance(d, int) and d == 0 for d in own):
        return None
    for mine, theirs in matched_groups(own, dims):
        kept = [k for k in mine if not (isinstance(own[k], int) and own[k] == 1)]
        terms: list[tuple[int, int]] = []
        step: Dim = 1
        for k in reversed(theirs):
            if not (isinstance(dims[k], int) and dims[k] == 1):
                if not isinstance(step, int):
                    return None
                terms.insert(0, (step, k))
                n = dims[k]
                step = step * n if isinstance(n, int) else n
        if len(kept) > 1 or (terms and not kept):
            return None
        if kept:
            out[kept[0]] = Axis(0, tuple(terms))
    return tuple(out)


def reshaped_index(index: Sequence[Expr], dims: Sequence[Expr], own: Sequence[Expr],
                   groups: Sequence[tuple[range, range]]) -> tuple[Expr, ...]:
    """The index in extents `own` of the element at `index` in extents `dims`; `groups` are of (own, dims)."""
    out: list[Expr] = [const(0)] * len(own)
    for mine, theirs in groups:
        position = linear_index([index[k] for k in theirs], [dims[k] for k in theirs])
        kept = [k for k in mine if not (own[k].is_const and own[k].payload == 1)]
        for k in reversed(kept[1:]):
            out[k] = scalar_op("rem", position, own[k])
            position = scalar_op("quot", position, own[k])
        if kept:
            out[kept[0]] = position
    return tuple(out)


def _reshape_element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    x = op.operands[0]
    groups = matched_groups(x.dims, op.result.dims)
    return ctx.read(0, reshaped_index(index, ctx.dims(op.result), ctx.dims(x), groups))


def _transpose_reshape(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g = cotangents[0]
    return [None if g is None else reshape(ctx, g, operands[0].type.dims), *[None] * (len(operands) - 1)]


def _batch_reshape(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    refuse_batched(flags[1:], "an extent")
    return [reshape(ctx, operands[0], (size, *fill_dims(attrs["dims"], operands)))]


register(OpDef(
    "reshape", _infer_reshape,
    lambda xp, operands, attrs, types: [xp.reshape(operands[0], concrete_dims(attrs, operands))],
    Element(_reshape_element), linear_jvp("reshape"), _transpose_reshape, _batch_reshape,
    attrs=("dims",), numpy=(np.reshape,), dtypes=ALL_DTYPES, traits=frozenset({"linear", "view"}),
    samples=(Sample(((2, 6),), {"dims": (3, 4)}), Sample(((4, 3),), {"dims": (12,)}), Sample(((3, 4),), {"dims": (3, 1, 2, 2)}),
             Sample(((1, 1),), {"dims": ()}), Sample(((0, 3),), {"dims": (3, 0, 2)}), Sample(((2, 3, 5),), {"dims": (6, 5)}),
             Sample(((2, 6), ()), {"dims": (3, Slot(1), 2)}, (None, "i64"), domain=(2.0, 2.0))),
    doc="The same elements in C order under other extents."))
