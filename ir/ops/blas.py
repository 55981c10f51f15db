"""Matrix products by BLAS: which operands can be passed where they lie, packing of the others, the calls.

Start with `multiply_matrices`.  A `Matrix` is a buffer seen as rows by columns, each of one stride; a product whose result
has consecutive columns is asked of column-major BLAS as the transposed product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..expr import Expr, const
from ..expr import op as scalar_op
from ..graph import Op
from ..loops import Buffer, Call
from ..opdef import Complex, LowerContext, Strided
from .shaping import loop_nest

Axes = Sequence[int]


@dataclass(frozen=True, slots=True)
class Span:
    """Axes seen as one: so many elements, one stride apart (in elements)."""

    extent: Expr
    stride: Expr


@dataclass(frozen=True, slots=True)
class Matrix:
    """Memory as rows by columns, for each index of its batch axes; `parts` is 2 for a complex one.

    `start`, in scalars of the buffer, is where the first element lies.
    """

    buffer: Buffer
    start: Expr
    rows: Span
    columns: Span
    batch: tuple[Expr, ...]
    parts: int

    def transposed(self) -> Matrix:
        return Matrix(self.buffer, self.start, self.columns, self.rows, self.batch, self.parts)

    def offset(self, index: Sequence[Expr]) -> Expr:
        """Where the matrix at a batch index begins, in scalars."""
        at = const(0)
        for i, stride in zip(index, self.batch, strict=True):
            at = at + i * stride
        return self.start + at * self.parts


def _span(dims: Sequence[Expr], strides: Sequence[Expr], axes: Axes) -> Span | None:
    """The axes as one, if they lie like one; axes of extent 1 do not matter."""
    kept = [k for k in axes if not _is(dims[k], 1)]
    if not kept:
        return Span(const(1), const(1))
    extent = dims[kept[-1]]
    for outer, inner in zip(reversed(kept[:-1]), reversed(kept[1:]), strict=True):
        if strides[outer] is not strides[inner] * dims[inner]:
            return None
        # In the order in which strides are multiplied, so that equal products are one expression.
        extent = extent * dims[outer]
    return Span(extent, strides[kept[-1]])


def _is(e: Expr, value: int) -> bool:
    return e.is_const and e.payload == value


def _value(e: Expr) -> int:
    assert isinstance(e.payload, int)
    return e.payload


def _can_lead(stride: Expr, other: Span, unit: Span) -> bool:
    """Is `stride` a leading dimension for lines of the unit span?"""
    if _is(other.extent, 1):
        return True
    if stride.is_const and unit.extent.is_const:
        return _value(stride) >= max(1, _value(unit.extent))
    return stride is unit.extent


def _is_column_major(rows: Span, columns: Span) -> bool:
    return (_is(rows.stride, 1) or _is(rows.extent, 1)) and _can_lead(columns.stride, columns, rows)


def _passes(rows: Span, columns: Span) -> bool:
    return _is_column_major(rows, columns) or _is_column_major(columns, rows)


def _as_matrix(ctx: LowerContext, op: Op, operand: int, rows: Axes, columns: Axes, batch: Axes) -> Matrix:
    """An operand where it lies if BLAS can take it so, else packed: batch, rows, columns in C order."""
    x = op.operands[operand]
    dims, parts = ctx.dims(x), 2 if x.dtype.kind == "c" else 1
    seen = _view(ctx.strided(operand), dims, rows, columns, batch, parts)
    if seen is not None:
        return seen
    order = (*batch, *rows, *columns)
    packed = ctx.temp(x.dtype, [dims[k] for k in order])
    with loop_nest(ctx, [dims[k] for k in order]) as index:
        at = dict(zip(order, index, strict=True))
        ctx.store(packed, index, ctx.read(operand, tuple(at[k] for k in range(len(dims)))))
    return _in_c_order(packed, [dims[k] for k in order], len(batch), len(rows), parts)


def _view(memory: Strided, dims: Sequence[Expr], rows: Axes, columns: Axes, batch: Axes, parts: int) -> Matrix | None:
    strides = [scalar_op("quot", s, parts) for s in memory.strides]
    a, b = _span(dims, strides, rows), _span(dims, strides, columns)
    if a is None or b is None or not _passes(a, b):
        return None
    return Matrix(memory.buffer, memory.offset, a, b, tuple(strides[k] for k in batch), parts)


def _whole(buffer: Buffer, rank: int) -> Strided:
    return Strided(buffer, const(0), buffer.strides[:rank])


def _in_c_order(buffer: Buffer, dims: Sequence[Expr], batch: int, rows: int, parts: int) -> Matrix:
    """A block that was made in C order: its spans are known, whatever can be proved of products of run-time extents."""
    n, m = _product(dims[batch:batch + rows]), _product(dims[batch + rows:])
    lead = const(max(1, _value(m))) if m.is_const else m
    strides = [scalar_op("quot", s, parts) for s in buffer.strides[:batch]]
    return Matrix(buffer, const(0), Span(n, lead), Span(m, const(1)), tuple(strides), parts)


def _product(dims: Sequence[Expr]) -> Expr:
    """The number of elements, multiplied in the order in which `_span` does."""
    whole = const(1)
    for d in reversed(dims):
        whole = d if _is(whole, 1) else whole * d
    return whole


def multiply_matrices(ctx: LowerContext, op: Op, letter: str, free: Sequence[Axes]) -> None:
    """Fill ctx.out() with the product of the operands; `letter` is BLAS's for the dtype, `free` the uncontracted axes."""
    (a_contract, b_contract), (a_batch, b_batch) = op.attrs["contract"], op.attrs["batch"]
    a = _as_matrix(ctx, op, 0, free[0], a_contract, a_batch)
    b = _as_matrix(ctx, op, 1, b_contract, free[1], b_batch)
    dims, n, m, parts = ctx.dims(op.result), len(a_batch), len(a_batch) + len(free[0]), a.parts
    places = range(len(dims))
    buffer = ctx.out()
    c = _view(_whole(buffer, len(dims)), dims, places[n:m], places[m:], places[:n], parts)
    if c is None:
        buffer = ctx.temp(op.result.dtype, dims)
        c = _in_c_order(buffer, dims, n, len(free[0]), parts)
    inner = a.columns.extent
    if not inner.is_const:
        # BLAS leaves the result of an empty sum alone.
        with ctx.branch(inner.equals(0)), loop_nest(ctx, dims) as index:
            zero = const(0, buffer.dtype)
            ctx.store(buffer, index, Complex(zero, zero) if parts == 2 else zero)
    with loop_nest(ctx, dims[:n]) as index:
        _multiply(ctx, letter, a, b, c, index)
    if buffer is not ctx.out():
        with loop_nest(ctx, dims) as index:
            ctx.store(ctx.out(), index, ctx.load(buffer, index))


def _multiply(ctx: LowerContext, letter: str, a: Matrix, b: Matrix, c: Matrix, index: Sequence[Expr]) -> None:
    """c = a b for one index of the batch axes."""
    if _is(c.columns.extent, 1):
        _matrix_by_vector(ctx, letter, a, b.rows, b, c.rows, c, index)
    elif _is(c.rows.extent, 1):
        _matrix_by_vector(ctx, letter, b.transposed(), a.columns, a, c.columns, c, index)
    elif _layout(c.rows, c.columns)[0]:
        # Consecutive elements are those of a row: the transposed result is column-major.
        _matrix_by_matrix(ctx, letter, b.transposed(), a.transposed(), c.transposed(), index)
    else:
        _matrix_by_matrix(ctx, letter, a, b, c, index)


def _layout(first: Span, second: Span) -> tuple[int, Expr]:
    """Of a matrix: 0 if it is column-major as it stands, 1 if its transpose is; and its leading dimension."""
    for transposed, (unit, other) in enumerate(((first, second), (second, first))):
        if _is_column_major(unit, other):
            lead = unit.extent if _is(other.extent, 1) else other.stride
            return transposed, scalar_op("max", lead, 1)
    raise AssertionError("only operands that can be passed come here")


def _matrix_by_matrix(ctx: LowerContext, letter: str, a: Matrix, b: Matrix, c: Matrix, index: Sequence[Expr]) -> None:
    """c = a b, where c is column-major."""
    (trans_a, lda), (trans_b, ldb), (_, ldc) = (_layout(x.rows, x.columns) for x in (a, b, c))
    if _same_place(a, b.transposed()) and trans_a != trans_b:
        ctx.emit(Call(f"{letter}syrk", (a.buffer,), (c.buffer,), (
            a.offset(index), c.offset(index), const(trans_a), c.rows.extent, a.columns.extent, lda, ldc)))
        return
    ctx.emit(Call(f"{letter}gemm", (a.buffer, b.buffer), (c.buffer,),
                  (a.offset(index), b.offset(index), c.offset(index), const(trans_a), const(trans_b),
                   c.rows.extent, c.columns.extent, a.columns.extent, lda, ldb, ldc)))


def _same_place(a: Matrix, b: Matrix) -> bool:
    """Are these surely the same elements?"""
    return a.buffer is b.buffer and a.start is b.start and a.rows == b.rows and a.columns == b.columns and a.batch == b.batch


def _matrix_by_vector(ctx: LowerContext, letter: str, a: Matrix, along: Span, x: Matrix, onto: Span, y: Matrix,
                      index: Sequence[Expr]) -> None:
    """y = a x, where the vectors are the spans `along` of x and `onto` of y."""
    transposed, lead = _layout(a.rows, a.columns)
    m, n = (a.columns.extent, a.rows.extent) if transposed else (a.rows.extent, a.columns.extent)
    ctx.emit(Call(f"{letter}gemv", (a.buffer, x.buffer), (y.buffer,),
                  (a.offset(index), x.offset(index), y.offset(index), const(transposed), m, n, lead,
                   along.stride, onto.stride)))
