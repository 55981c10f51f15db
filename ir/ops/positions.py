"""`argmax`, `argmin`: the int64 position, in C order over `axes`, of the first greatest or least element.

A NaN wins, the first one; complex numbers are ordered by real part, then imaginary part.

Lowering.  Along contiguous elements, one pass of plain vector maxima finds the block where the extreme element lies, and
only that block is searched for its place.  Other axes, and complex elements, are folded one element after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..expr import Expr, cast, const, select
from ..expr import op as scalar_op
from ..graph import Op
from ..opdef import Choice, Complex, Element, Fold, LowerContext, OpDef, Scalar, register
from ..types import Type
from .reductions import NOT_LINEAR, batch_axes, best_of, highest, infer_reduction, is_nan, lowest, reduction_samples, takes_over
from .shaping import ALL_DTYPES, INT64, no_tangent, real

# Elements that one plain maximum covers.
BLOCK = 4096


def _evaluate_position(name: str) -> Callable[..., list]:
    def evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
        x, axes = operands[0], attrs["axes"]
        kept = [k for k in range(x.ndim) if k not in axes]
        count = int(np.prod([x.shape[a] for a in axes], dtype=int))
        flat = xp.transpose(x, (*kept, *axes)).reshape([*(x.shape[k] for k in kept), count])
        return [xp.asarray(getattr(xp, name)(flat, axis=-1)).astype(INT64)]

    return evaluate



def _fold(op: Op, compare: str) -> Fold:
    def begin(x: Scalar, position: Expr) -> tuple[Expr, ...]:
        return (*(x if isinstance(x, Complex) else (x,)), position)

    return best_of(compare, 2 if op.operands[0].dtype.kind == "c" else 1, begin, lambda state: state[-1])


class _Search:
    """The element of the result at one index: `extreme` finds the block, `place` looks into it."""

    def __init__(self, ctx: LowerContext, op: Op, index: Sequence[Expr], compare: str) -> None:
        self.ctx, self.axes, self.index, self.compare = ctx, op.attrs["axes"], index, compare
        self.extents = [ctx.dims(op.operands[0])[a] for a in self.axes]
        self.rank = len(op.operands[0].dims)
        # Truth values are compared as bytes.
        self.is_truth = op.operands[0].dtype.kind == "b"

    def read(self, place: Sequence[Expr]) -> Expr:
        rest, at = iter(self.index), dict(zip(self.axes, place, strict=True))
        x = real(self.ctx.read(0, tuple(at[k] if k in at else next(rest) for k in range(self.rank))))
        return cast(x, "u8") if self.is_truth else x

    def name(self, e: Expr) -> Expr:
        return real(self.ctx.let(e))

    def run(self) -> Expr:
        n, zero = self.extents[-1], const(0)
        first = self.read([zero] * len(self.axes))
        best, where = self.extreme((), zero, (first, zero))
        return self.place(best, where, n)

    def extreme(self, outer: tuple[Expr, ...], row: Expr, state: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """The extreme element and the position where its block begins; `row` counts lines along the last axis."""
        if len(outer) < len(self.axes) - 1:
            n = self.extents[len(outer)]
            return self.ctx.carry(0, n, state, lambda k, s: self.extreme((*outer, k), row * n + k, s))
        n = self.extents[-1]
        if n.is_const and n.payload <= BLOCK:  # type: ignore[operator]
            return self.block(outer, row * n, const(0), n, state)
        blocks = scalar_op("quot", n + (BLOCK - 1), BLOCK)
        return self.ctx.carry(0, blocks, state, lambda k, s: self.block(
            outer, row * n, k * BLOCK, scalar_op("min", n - k * BLOCK, BLOCK), s))

    def block(self, outer: tuple[Expr, ...], start: Expr, lo: Expr, count: Expr, state: tuple[Expr, ...]) -> tuple[Expr, ...]:
        greatest = self.compare == "gt"
        scalar = state[0].dtype
        limit = const(lowest(scalar) if greatest else highest(scalar), scalar)
        found = real(self.ctx.reduce([count], limit, "max" if greatest else "min", lambda k: self.read((*outer, lo + k[0]))))
        new = takes_over(found, state[0], self.compare)
        return select(new, found, state[0]), select(new, start + lo, state[1])

    def place(self, best: Expr, where: Expr, n: Expr) -> Expr:
        """The first position, from `where` on within its block, with the extreme element."""
        one_block = n.is_const and n.payload <= BLOCK  # type: ignore[operator]
        # Named, so that the accesses below are seen to be contiguous.
        lo = const(0) if one_block else self.name(scalar_op("rem", where, n))
        row = scalar_op("quot", where, n)
        outer: list[Expr] = []
        for extent in reversed(self.extents[:-1]):
            outer.insert(0, self.name(scalar_op("rem", row, extent)))
            row = scalar_op("quot", row, extent)

        def candidate(k: tuple[Expr, ...]) -> Expr:
            x = self.read((*outer, lo + k[0]))
            return select(x.equals(best) | (is_nan(x) & is_nan(best)), k[0], const(BLOCK))

        count = n if one_block else scalar_op("min", n - lo, BLOCK)
        return where + real(self.ctx.reduce([count], const(BLOCK), "min", candidate))


def _lower(compare: str) -> Choice:
    def element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
        return _Search(ctx, op, index, compare).run()

    def pick(op: Op) -> Element | Fold:
        x, axes = op.operands[0], op.attrs["axes"]
        along_lines = bool(axes) and axes[-1] == len(x.dims) - 1 and x.dtype.kind != "c"
        return Element(element) if along_lines else _fold(op, compare)

    return Choice(pick)


for _name, _compare, _callable in (("argmax", "gt", np.argmax), ("argmin", "lt", np.argmin)):
    register(OpDef(
        _name, infer_reduction(INT64, f"attempt to get {_name} of an empty sequence"), _evaluate_position(_name),
        _lower(_compare), no_tangent, NOT_LINEAR, batch_axes(_name), attrs=("axes",), dtypes=ALL_DTYPES,
        numpy=(_callable,), samples=reduction_samples(empty=False),
        doc="The position, in C order over `axes`, of the first extreme element."))
