"""Matrix algebra for the rules of linear-algebra ops: products, adjoints, triangles and diagonals over stacks of matrices.

All functions take a builder and SSA values whose last two axes are matrices; the leading ones, the stack, agree.
"""

from __future__ import annotations

from ..builder import Builder
from ..graph import Value
from ..types import Dim, same_dims
from ..viewmap import Axis, identity_map
from .shaping import emit_view, iota, reshape, transpose


def flipped(ctx: Builder, a: Value) -> Value:
    """The transposed matrices."""
    n = len(a.dims)
    return transpose(ctx, a, (*range(n - 2), n - 1, n - 2))


def conjugated(ctx: Builder, a: Value) -> Value:
    return ctx.conjugate(a) if a.dtype.kind == "c" else a


def adjoint(ctx: Builder, a: Value) -> Value:
    return conjugated(ctx, flipped(ctx, a))


def product(ctx: Builder, *factors: Value) -> Value:
    """a @ b @ c ..., from the left; a real factor among complex ones is taken as complex."""
    out = factors[0]
    for b in factors[1:]:
        a, b = alike(ctx, out, b)
        n = len(a.dims)
        stack = tuple(range(n - 2))
        out = ctx.dot_general(a, b, contract=((n - 1,), (n - 2,)), batch=(stack, stack))
    return out


def alike(ctx: Builder, a: Value, b: Value) -> tuple[Value, Value]:
    """Two values of one dtype: the complex one where they differ."""
    if a.dtype == b.dtype:
        return a, b
    return (ctx.cast(a, dtype="c128"), b) if b.dtype.kind == "c" else (a, ctx.cast(b, dtype="c128"))


def real_part(ctx: Builder, x: Value) -> Value:
    return ctx.real(x) if x.dtype.kind == "c" else x


def scaled_columns(ctx: Builder, a: Value, d: Value) -> Value:
    """a @ diag(d)"""
    a, d = alike(ctx, a, d)
    return ctx.multiply(a, ctx.broadcast_to(reshape(ctx, d, (*d.dims[:-1], 1, d.dims[-1])), a.dims))


def scaled_rows(ctx: Builder, d: Value, a: Value) -> Value:
    """diag(d) @ a"""
    d, a = alike(ctx, d, a)
    return ctx.multiply(ctx.broadcast_to(reshape(ctx, d, (*d.dims, 1)), a.dims), a)


def position_mask(ctx: Builder, a: Value, relation: str) -> Value:
    """Where row `relation` column holds: "greater" is the strict lower triangle."""
    n = len(a.dims)
    return getattr(ctx, relation)(iota(ctx, a.dims, n - 2), iota(ctx, a.dims, n - 1))


def kept(ctx: Builder, a: Value, relation: str) -> Value:
    """`a` where row `relation` column, 0 elsewhere: "greater_equal" is the lower triangle."""
    return ctx.where(position_mask(ctx, a, relation), a, ctx.zeros(a.type))


def diagonal(ctx: Builder, a: Value) -> Value:
    """The main diagonals of square matrices."""
    n = len(a.dims)
    return ctx.reduce_sum(kept(ctx, a, "equal"), axes=(n - 1,))


def hermitian_of(ctx: Builder, a: Value, lower: bool) -> Value:
    """The Hermitian matrix that LAPACK reads from one triangle of `a`, the diagonal's imaginary parts being ignored."""
    triangle = kept(ctx, a, "greater" if lower else "less")
    middle = kept(ctx, a, "equal")
    if a.dtype.kind == "c":
        middle = ctx.cast(ctx.real(middle), dtype="c128")
    return ctx.add(ctx.add(triangle, adjoint(ctx, triangle)), middle)


def head(ctx: Builder, a: Value, axis: int, count: Dim) -> Value:
    """The first `count` elements along an axis."""
    if same_dims((a.dims[axis],), (count,)):
        return a
    dims = (*a.dims[:axis], count, *a.dims[axis + 1:])
    return emit_view(ctx, "slice", [a], identity_map(len(dims)), dims, [])


def tail(ctx: Builder, a: Value, axis: int, start: int) -> Value:
    """The elements along an axis from number `start` on, of a static extent."""
    dims = (*a.dims[:axis], a.dims[axis] - start, *a.dims[axis + 1:])  # type: ignore[operator]
    places = tuple(Axis(start if k == axis else 0, ((1, k),)) for k in range(len(dims)))
    return emit_view(ctx, "slice", [a], places, dims, [])


def completed(ctx: Builder, moved: Value, basis: Value, count: int) -> Value:
    """The change of all columns of an orthonormal basis, of its first `count` columns' one.

    The others follow as little as they can: any function of the space that they span has its derivative, whichever of
    the bases of that space was chosen.
    """
    axis = len(basis.dims) - 1
    if basis.dims[axis] == count:
        return moved
    others = tail(ctx, basis, axis, count)
    back = product(ctx, head(ctx, basis, axis, count), adjoint(ctx, moved), others)
    return ctx.concatenate(moved, ctx.negative(back), axis=axis)


def divided_differences(ctx: Builder, values: Value) -> Value:
    """The matrix of 1 / (values[j] - values[i]) with a diagonal of 0."""
    n = values.dims[-1]
    dims = (*values.dims, n)
    across = ctx.broadcast_to(reshape(ctx, values, (*values.dims[:-1], 1, n)), dims)
    down = ctx.broadcast_to(reshape(ctx, values, (*values.dims, 1)), dims)
    gaps = ctx.subtract(across, down)
    on_diagonal = position_mask(ctx, gaps, "equal")
    one, zero = ctx.full(1, gaps.type), ctx.zeros(gaps.type)
    return ctx.where(on_diagonal, zero, ctx.divide(one, ctx.where(on_diagonal, one, gaps)))


def turn(ctx: Builder, angle: Value) -> Value:
    """i * angle, of a real angle: the change of a phase."""
    return ctx.complex(ctx.zeros(angle.type), angle)


def phase_change(ctx: Builder, change: Value, reference: Value) -> Value:
    """The angle by which vectors must turn so that components `reference`, which are real, stay real after `change`."""
    there = ctx.real(reference)
    gone = ctx.equal(there, ctx.zeros(there.type))
    return ctx.negative(ctx.divide(ctx.imag(change), ctx.where(gone, ctx.full(1, there.type), there)))
