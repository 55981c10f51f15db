"""Small products of matrices as loops: for too little work to pay for a call of BLAS.

The loops over rows and columns are parallel, the sum stands innermost; columns run in vectors and several rows side by side
(`jam`, chosen where loops are marked), so that each loaded row of the second factor serves several sums held in registers.
Start with `multiply_by_loops`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..expr import Expr, cast, const
from ..expr import op as scalar_op
from ..graph import Op
from ..opdef import LowerContext
from ..types import element_count
from .shaping import loop_nest, real

# Up to so many multiplications, BLAS's packing and dividing of the work cost more than its better use of caches gains.
MOST_WORK = 1 << 19
# The second factor is read again for every few rows: it shall stay in a near cache.
MOST_ELEMENTS = 1 << 14
LEAST_COLUMNS = 4


def suits_loops(op: Op, free: Sequence[Sequence[int]]) -> bool:
    """Is this a product of real matrices, one axis on each side, small enough?"""
    contract, batch = op.attrs["contract"], op.attrs["batch"]
    if op.result.dtype.kind != "f" or len(contract[0]) != 1 or len(free[1]) != 1 or not free[0]:
        return False
    columns, inner = op.operands[1].dims[free[1][0]], op.operands[1].dims[contract[1][0]]
    work = element_count((*op.result.dims[len(batch[0]):], inner))
    if work is None or not isinstance(columns, int) or not isinstance(inner, int):
        return False
    return work <= MOST_WORK and columns * inner <= MOST_ELEMENTS and columns >= LEAST_COLUMNS


def multiply_by_loops(ctx: LowerContext, op: Op, free: Sequence[Sequence[int]]) -> None:
    """Fill ctx.out() with the product of the operands."""
    (a_contract, b_contract), (a_batch, b_batch) = op.attrs["contract"], op.attrs["batch"]
    dims, b_dims = ctx.dims(op.result), ctx.dims(op.operands[1])
    inner, column = b_contract[0], free[1][0]
    order = (*b_batch, inner, column)

    def at(places: Sequence[int], index: Sequence[Expr]) -> tuple[Expr, ...]:
        found = dict(zip(places, index, strict=True))
        return tuple(found[k] for k in range(len(found)))

    packed = None
    if not _is_one(ctx.strided(1).strides[column]):
        packed = ctx.temp(op.result.dtype, [b_dims[k] for k in order])
        with loop_nest(ctx, [b_dims[k] for k in order]) as index:
            ctx.store(packed, index, ctx.read(1, at(order, index)))
    n = len(a_batch)
    with loop_nest(ctx, dims) as index:
        batch, rows, col = index[:n], index[n:-1], index[-1]

        def add(k: Expr, state: Sequence[Expr]) -> list[Expr]:
            x = real(ctx.read(0, at((*a_batch, *free[0], a_contract[0]), (*batch, *rows, k))))
            y = real(ctx.read(1, at(order, (*batch, k, col))) if packed is None else ctx.load(packed, (*batch, k, col)))
            return [scalar_op("muladd", x, y, state[0])]

        out = ctx.out()
        (total,) = ctx.carry(0, b_dims[inner], [cast(const(0, out.dtype), out.dtype)], add)
        ctx.store(out, index, total)


def _is_one(e: Expr) -> bool:
    return e.is_const and e.payload == 1
