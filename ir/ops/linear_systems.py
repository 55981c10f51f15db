"""Linear systems: `solve`, `inv`, `det`, `slogdet`, `cholesky`, `lstsq`; each is one loop of NumPy's (see `lapack.py`).

`solve(a, b)`: a x = b, by LU.  `slogdet(a)`: sign and logarithm.  `cholesky(a){upper}` reads one triangle of a.
`lstsq(a, b, rcond)`: x, the squared residuals, the rank (int32), the singular values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..builder import Builder
from ..graph import Block, Value
from ..opdef import Linear, Sample
from ..types import DTYPE_NAMES
from .lapack import lapack_op, matrices, positive_definite, regular
from .matrices import (
    adjoint,
    conjugated,
    diagonal,
    flipped,
    hermitian_of,
    kept,
    position_mask,
    product,
    real_part,
    scaled_columns,
)
from .shaping import Terms, iota, or_zeros, reshape


def solution(ctx: Builder, a: Value, b: Value) -> Value:
    """The solution alone; NaN where a is singular."""
    return ctx.emit("solve", [a, b])[0]


def _jvp_solve(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    (a, b), (da, db) = primals, tangents
    if da is None and db is None:
        return [None, None]
    right = or_zeros(ctx, db, b)
    if da is not None:
        right = ctx.subtract(right, product(ctx, da, results[0]))
    return [solution(ctx, a, right), None]


def _transpose_solve(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, a = cotangents[0], operands[0]
    if isinstance(a, Linear):
        raise TypeError("solve is linear in its second operand only")
    return [None, None if g is None else solution(ctx, flipped(ctx, a), g)]


lapack_op("solve", "solve", _jvp_solve,
          matrices(((3, 3), (3, 2)), ((2, 4, 4), (2, 4, 1)), ((0, 0), (0, 2)), ((2, 2), (2, 0)), prepare=regular),
          "The solution x of a x = b.", transpose=_transpose_solve, numpy=(np.linalg.solve,))


def _jvp_inv(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    if tangents[0] is None:
        return [None, None]
    return [ctx.negative(product(ctx, results[0], tangents[0], results[0])), None]


lapack_op("inv", "inv", _jvp_inv, matrices(((3, 3),), ((2, 4, 4),), ((0, 0),), prepare=regular), "The inverse of a matrix.",
          numpy=(np.linalg.inv,))


def _relative_change(ctx: Builder, a: Value, da: Value) -> Value:
    """trace(a^-1 da)"""
    return ctx.reduce_sum(diagonal(ctx, solution(ctx, a, da)), axes=(len(a.dims) - 2,))


def _singular_adjugate(ctx: Builder, a: Value) -> Value:
    """det(a) a^-1 by singular values: v diag(products of the other singular values) u^H, times the determinants of u and v^H."""
    u, s, vh, _ = ctx.emit("svd", [a], {"full": False})
    n = len(a.dims)
    across = ctx.broadcast_to(reshape(ctx, s, (*s.dims[:-1], 1, s.dims[-1])), a.dims)
    others = ctx.where(position_mask(ctx, across, "equal"), ctx.full(1, across.type), across)
    found = product(ctx, scaled_columns(ctx, adjoint(ctx, vh), ctx.reduce_prod(others, axes=(n - 1,))), adjoint(ctx, u))
    turned = ctx.multiply(*(ctx.emit("det", [x])[0] for x in (u, vh)))
    return _times_each(ctx, turned, found)


def _times_each(ctx: Builder, numbers: Value, a: Value) -> Value:
    """Each matrix times its number."""
    return ctx.multiply(ctx.broadcast_to(reshape(ctx, numbers, (*numbers.dims, 1, 1)), a.dims), a)


def _regular_adjugate(ctx: Builder, a: Value, det: Value) -> Value:
    return _times_each(ctx, det, ctx.emit("inv", [a])[0])


def _adjugate(ctx: Builder, a: Value, det: Value) -> Value:
    """det(a) a^-1, which exists for singular matrices too; singular values are used only if there is one."""
    singular = ctx.equal(det, ctx.zeros(det.type))
    then, otherwise = Builder(Block(), ctx.loc), Builder(Block(), ctx.loc)
    otherwise.block.yields = [_regular_adjugate(otherwise, a, det)]
    found = _singular_adjugate(then, a)
    if singular.dims:
        # What has no inverse is kept out, so that no NaN comes of it.
        which = then.broadcast_to(reshape(then, singular, (*singular.dims, 1, 1)), a.dims)
        safe = then.where(which, then.cast(position_mask(then, a, "equal"), dtype=DTYPE_NAMES[a.dtype]), a)
        found = then.where(which, found, _regular_adjugate(then, safe, det))
    then.block.yields = [found]
    some = ctx.reduce_or(singular, axes=tuple(range(len(singular.dims)))) if singular.dims else singular
    return ctx.emit("if", [some], {}, [then.block, otherwise.block])[0]


def _jvp_det(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    """trace(adjugate(a) da)"""
    if tangents[0] is None:
        return [None]
    n = len(primals[0].dims)
    weights = flipped(ctx, _adjugate(ctx, primals[0], results[0]))
    return [ctx.reduce_sum(ctx.multiply(weights, tangents[0]), axes=(n - 2, n - 1))]


def _jvp_slogdet(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    if tangents[0] is None:
        return [None, None]
    change = _relative_change(ctx, primals[0], tangents[0])
    if change.dtype.kind == "f":
        return [None, change]
    grown, turned = ctx.real(change), ctx.imag(change)
    return [ctx.multiply(results[0], ctx.complex(ctx.zeros(turned.type), turned)), grown]


_SQUARE = matrices(((3, 3),), ((2, 2, 2),), ((1, 1),), ((0, 0),), prepare=regular)
lapack_op("det", "det", _jvp_det, _SQUARE, "The determinant.", flagged=False, numpy=(np.linalg.det,))
lapack_op("slogdet", "slogdet", _jvp_slogdet, _SQUARE, "The sign of the determinant, and the logarithm of its absolute value.",
          flagged=False, numpy=(np.linalg.slogdet,))


def _jvp_cholesky(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    """L^-1 dL is the lower half of S = L^-1 dA L^-H (Smith, 1995)."""
    if tangents[0] is None:
        return [None, None]
    low = adjoint(ctx, results[0]) if attrs["upper"] else results[0]
    change = hermitian_of(ctx, tangents[0], not attrs["upper"])
    left = solution(ctx, low, change)
    both = adjoint(ctx, solution(ctx, low, adjoint(ctx, left)))
    half = ctx.multiply(both, ctx.full(0.5, both.type))
    lower = ctx.where(position_mask(ctx, both, "equal"), half, kept(ctx, both, "greater"))
    moved = product(ctx, low, lower)
    return [adjoint(ctx, moved) if attrs["upper"] else moved, None]


lapack_op("cholesky", lambda attrs: "cholesky_up" if attrs["upper"] else "cholesky_lo", _jvp_cholesky,
          [s for upper in (False, True)
           for s in matrices(((3, 3),), ((2, 4, 4),), ((0, 0),), prepare=positive_definite, attrs={"upper": upper})],
          "The triangular factor of a positive definite matrix.", attrs=("upper",), numpy=(np.linalg.cholesky,))


# --- lstsq ---------------------------------------------------------------------------------------------------------------


def _singular_vectors(ctx: Builder, a: Value, rank: Value) -> tuple[Value, Value, Value]:
    """u, vh, and the inverses of the first `rank` singular values, followed by zeros."""
    u, s, vh, _ = ctx.emit("svd", [a], {"full": False})
    number = iota(ctx, s.dims, len(s.dims) - 1)
    counted = ctx.less(number, ctx.broadcast_to(reshape(ctx, ctx.cast(rank, dtype="i64"), (*rank.dims, 1)), s.dims))
    one = ctx.full(1, s.type)
    return u, vh, ctx.where(counted, ctx.divide(one, ctx.where(counted, s, one)), ctx.zeros(s.type))


def _jvp_lstsq(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    """The derivative of the pseudo-inverse at constant rank (Golub and Pereyra, 1973)."""
    (a, b, _), (da, db, _) = primals, tangents
    if da is None and db is None:
        return [None] * 5
    x, _, rank, _, _ = results
    u, vh, inverse = _singular_vectors(ctx, a, rank)
    pinv = product(ctx, scaled_columns(ctx, adjoint(ctx, vh), inverse), adjoint(ctx, u))
    right = or_zeros(ctx, db, b)
    rest = ctx.subtract(b, product(ctx, a, x))
    if da is None:
        dx, ds = product(ctx, pinv, right), None
    else:
        right = ctx.subtract(right, product(ctx, da, x))
        back = product(ctx, adjoint(ctx, da), adjoint(ctx, pinv))
        outside = product(ctx, back, x)
        outside = ctx.subtract(outside, product(ctx, pinv, product(ctx, a, outside)))
        inside = product(ctx, pinv, adjoint(ctx, pinv), adjoint(ctx, da), rest)
        dx = ctx.add(ctx.add(product(ctx, pinv, right), inside), outside)
        ds = real_part(ctx, diagonal(ctx, product(ctx, adjoint(ctx, u), da, adjoint(ctx, vh))))
    terms = real_part(ctx, ctx.multiply(conjugated(ctx, rest), right))
    dresid = ctx.reduce_sum(ctx.multiply(terms, ctx.full(2, terms.type)), axes=(len(terms.dims) - 2,))
    # There are no residuals, but NaN, where a is not tall or not of full rank.
    return [dx, ctx.where(ctx.isnan(results[1]), results[1], dresid), None, ds, None]


def _small_cutoff(operands: list[np.ndarray]) -> list[np.ndarray]:
    return [*regular(operands)[:2], np.asarray(1e-12)]


lapack_op("lstsq", "lstsq", _jvp_lstsq,
          [Sample((a, b, ()), dtypes=(None, None, "f64"), prepare=_small_cutoff)
           for a, b in (((4, 2), (4, 3)), ((3, 3), (3, 1)), ((2, 4), (2, 2)))],
          "The least-squares solution, the squared residuals, the rank and the singular values.", numpy=(np.linalg.lstsq,))
