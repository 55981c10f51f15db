"""`argmax`, `argmin`: the int64 position, in C order over `axes`, of the first greatest or least element.

A NaN wins, the first one; complex numbers are ordered by real part, then imaginary part.

Lowering.  Along contiguous elements, one pass of plain vector maxima finds the block where the extreme element lies, and
only that block is searched for its place, stretch by stretch until one has it; truths are searched so at once.  Other axes,
and complex elements, are folded one element after another.
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
        self.is_truth = op.operands[0].dtype.kind == "b"
        # A stretch's positions are compared in integers as wide as its elements, so that as many go into a vector.
        size = min(op.operands[0].dtype.itemsize, 8)
        self.stretch, self.position = (128 if size == 1 else 64), f"i{8 * size}"

    def read(self, place: Sequence[Expr]) -> Expr:
        rest, at = iter(self.index), dict(zip(self.axes, place, strict=True))
        return real(self.ctx.read(0, tuple(at[k] if k in at else next(rest) for k in range(self.rank))))

    def name(self, e: Expr) -> Expr:
        return real(self.ctx.let(e))

    def run(self) -> Expr:
        n, zero = self.extents[-1], const(0)
        if self.is_truth:
            return self.first_truth(n)
        first = self.read([zero] * len(self.axes))
        best, where = self.extreme((), zero, (first, zero))
        return self.place(self.name(best), self.name(where), n)

    def extreme(self, outer: tuple[Expr, ...], row: Expr, state: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """The extreme element and the position where its block begins; `row` counts lines along the last axis."""
        if len(outer) < len(self.axes) - 1:
            n = self.extents[len(outer)]
            return self.ctx.carry(0, n, state, lambda k, s: self.extreme((*outer, k), row * n + k, s))
        n = self.extents[-1]
        return self.parts(n, BLOCK, state, lambda lo, count, s: self.block(outer, row * n, lo, count, s))

    def parts(self, n: Expr, length: int, state: tuple[Expr, ...], each: Callable[[Expr, Expr, tuple[Expr, ...]], Sequence[Expr]],
              until: int | None = None) -> tuple[Expr, ...]:
        """each(start, count, state) for parts of so many of n elements, in order; the last one may begin in the one before."""
        if n.is_const and n.payload <= length:  # type: ignore[operator]
            return tuple(each(const(0), n, state))
        count = scalar_op("quot", n + (length - 1), length)
        if n.is_const:
            return self.ctx.carry(0, count, state, lambda k, s: each(
                self.name(scalar_op("min", k * length, n - length)), const(length), s), until)
        return self.ctx.carry(0, count, state, lambda k, s: each(k * length, scalar_op("min", n - k * length, length), s), until)

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
        outer = self.outer(scalar_op("quot", where, n))

        def is_best(k: Expr) -> Expr:
            x = self.read((*outer, lo + k))
            return x.equals(best) | is_nan(x)  # if there is a NaN, the first one is wanted

        count = n if one_block else const(BLOCK) if n.is_const else scalar_op("min", n - lo, BLOCK)
        at, length, _ = self.part_with(count, self.stretch, is_best)
        return where + at + self.first_in(length, lambda k: is_best(at + k))

    def outer(self, row: Expr) -> list[Expr]:
        """The indices of a line along all axes but the last."""
        out: list[Expr] = []
        for extent in reversed(self.extents[:-1]):
            out.insert(0, self.name(scalar_op("rem", row, extent)))
            row = scalar_op("quot", row, extent)
        return out

    def part_with(self, count: Expr, most: int, holds: Callable[[Expr], Expr]) -> tuple[Expr, Expr, Expr]:
        """Where the first part of at most so many elements begins that has one for which `holds`, how long it is, and whether
        there is one."""
        def look(at: Expr, length: Expr, state: tuple[Expr, ...]) -> tuple[Expr, ...]:
            return at, length, real(self.ctx.reduce([length], const(False, "i1"), "or", lambda k: holds(at + k[0])))

        start = (const(0), count, const(False, "i1"))
        at, length, found = self.parts(count, most, start, look, until=2)
        return at, const(min(int(count.payload), most)) if count.is_const else length, found  # type: ignore[call-overload]

    def first_in(self, length: Expr, holds: Callable[[Expr], Expr]) -> Expr:
        """The first position in a stretch for which `holds`, if any does."""
        # The last position need not be looked at: a stretch as long as these integers count has no number for `none`.
        none = const(self.stretch - 1, self.position)
        return cast(real(self.ctx.reduce(
            [length], none, "min", lambda k: select(holds(k[0]), cast(k[0], self.position), none))), "i64")

    def first_truth(self, n: Expr) -> Expr:
        def holds(outer: Sequence[Expr], at: Expr) -> Expr:
            x = self.read((*outer, at))
            return x if self.compare == "gt" else ~x

        in_stretches = n.is_const and n.payload <= BLOCK  # type: ignore[operator]

        def lines(outer: tuple[Expr, ...], row: Expr) -> tuple[Expr, ...]:
            if len(outer) == len(self.axes) - 1:
                return row, *self.part_with(n, self.stretch if in_stretches else BLOCK, lambda k: holds(outer, k))
            extent = self.extents[len(outer)]
            nothing = (const(0), const(0), const(0), const(False, "i1"))
            return self.ctx.carry(0, extent, nothing, lambda k, s: lines((*outer, k), row * extent + k), until=3)

        row, lo, length, found = lines((), const(0))
        outer = self.outer(row)
        if not in_stretches:
            at, length, _ = self.part_with(length, self.stretch, lambda k: holds(outer, lo + k))
            lo = self.name(lo + at)
        return select(found, row * n + lo + self.first_in(length, lambda k: holds(outer, lo + k)), const(0))


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
