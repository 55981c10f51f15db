"""Linear algebra of real matrices of up to `LARGEST` rows in scalars: no call, no memory, and a stack is a loop like any other.

The elimination is LAPACK's, operation for operation (left-looking, sums of products that are contracted if NumPy's are, factors
by the reciprocal of the pivot), so that the same matrices are singular.  Start with `lower`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..expr import Expr, const, select
from ..expr import op as scalar_op
from ..graph import Op
from ..opdef import LowerContext
from .shaping import loop_nest, real

LARGEST = 4
Rows = list[list[Expr]]
_SMALLEST = float(np.finfo(np.float64).tiny)


def _number(x: float) -> Expr:
    return const(x, "f64")


class Factors(NamedTuple):
    """A matrix as l u, l having ones on its diagonal; which row was swapped with row k, and whether a pivot is 0."""

    lu: Rows
    swaps: list[list[Expr]]
    failed: Expr


def handles(name: str, op: Op) -> bool:
    """Is this op on matrices so small, of known extents?"""
    extents = [n for x in op.operands for n in x.dims[-2:]]
    return name in _LOWERINGS and op.operands[0].dtype.kind == "f" and all(
        isinstance(n, int) and 0 < n <= LARGEST for n in extents)


def lower(name: str, ctx: LowerContext, op: Op) -> None:
    """One loop over the stack, the matrices in scalars."""
    with loop_nest(ctx, ctx.dims(op.operands[0])[:-2]) as index:
        _LOWERINGS[name](ctx, op, index)


def _named(ctx: LowerContext, x: Expr) -> Expr:
    return real(ctx.let(x))


def _matrix(ctx: LowerContext, op: Op, k: int, index: Sequence[Expr]) -> Rows:
    rows, columns = (int(n) for n in op.operands[k].dims[-2:])  # type: ignore[arg-type]
    return [[_named(ctx, real(ctx.read(k, (*index, const(i), const(j))))) for j in range(columns)] for i in range(rows)]


@functools.cache
def _contracts() -> bool:
    """Does NumPy's LAPACK contract products and sums?  OpenBLAS's code for some processors does; this matrix tells."""
    return bool(np.linalg.slogdet(np.array([[1.0, 7.0, -6.0], [7.0, -1.0, 8.0], [2.0, -1.0, 3.0]]))[0])


def _less(ctx: LowerContext, x: Expr, left: Sequence[Expr], right: Sequence[Expr]) -> Expr:
    """x - left . right"""
    total: Expr | None = None
    for a, b in zip(left, right, strict=True):
        if total is None:
            total = a * b
        else:
            total = scalar_op("fma", a, b, total) if _contracts() else total + a * b
    return x if total is None else _named(ctx, x - total)


def _scaled(ctx: LowerContext, x: Expr, scale: Expr) -> Expr:
    """x * scale; BLAS makes everything 0 of a factor 0, infinities too."""
    return _named(ctx, select(scale.equals(0.0), 0.0, x * scale))


def _swap(ctx: LowerContext, rows: Rows, k: int, chosen: Sequence[Expr]) -> None:
    """Swap row k with that row below it which is chosen, if one is."""
    for j, top in enumerate(rows[k]):
        new = top
        for i, mine in enumerate(chosen, k + 1):
            new = select(mine, rows[i][j], new)
            rows[i][j] = _named(ctx, select(mine, top, rows[i][j]))
        rows[k][j] = _named(ctx, new)


def _pivot(ctx: LowerContext, column: Sequence[Expr]) -> list[Expr]:
    """For each row but the first, is it the first of those with the largest element?"""
    best, ahead = scalar_op("abs", column[0]), []
    for x in column[1:]:
        size = _named(ctx, scalar_op("abs", x))
        ahead.append(_named(ctx, size > best))
        best = _named(ctx, select(ahead[-1], size, best))
    chosen: list[Expr] = []
    later: Expr | None = None
    for mine in reversed(ahead):
        chosen.append(mine if later is None else _named(ctx, scalar_op("and", mine, scalar_op("not", later))))
        later = mine if later is None else _named(ctx, scalar_op("or", later, mine))
    return chosen[::-1]


def _factors(ctx: LowerContext, a: Rows) -> Factors:
    n, swaps, failed = len(a), [], const(False, "i1")
    for j in range(n):
        for i in range(1, n):
            done = min(i, j)
            a[i][j] = _less(ctx, a[i][j], a[i][:done], [a[t][j] for t in range(done)])
        swaps.append(_pivot(ctx, [a[i][j] for i in range(j, n)]))
        _swap(ctx, a, j, swaps[-1])
        failed = scalar_op("or", failed, a[j][j].equals(0.0))
        if j + 1 < n:
            # LAPACK leaves a column as it is under a pivot that is subnormal or NaN.
            normal = scalar_op("abs", a[j][j]) >= _SMALLEST
            scale = _named(ctx, select(normal, _number(1.0) / a[j][j], 1.0))
            for i in range(j + 1, n):
                a[i][j] = _scaled(ctx, a[i][j], scale)
    return Factors(a, swaps, _named(ctx, failed))


def _solved(ctx: LowerContext, f: Factors, b: Rows) -> Rows:
    n = len(f.lu)
    for k in range(n):
        _swap(ctx, b, k, f.swaps[k])
    for j in range(len(b[0])):
        for i in range(n):
            b[i][j] = _less(ctx, b[i][j], f.lu[i][:i], [b[t][j] for t in range(i)])
        for i in reversed(range(n)):
            rest = _less(ctx, b[i][j], f.lu[i][i + 1:], [b[t][j] for t in range(i + 1, n)])
            b[i][j] = _named(ctx, rest / f.lu[i][i])
    return b


def _store_matrix(ctx: LowerContext, index: Sequence[Expr], x: Rows, failed: Expr) -> None:
    """Result 0, which is NaN where LAPACK fails, and result 1, which tells."""
    for i, row in enumerate(x):
        for j, y in enumerate(row):
            ctx.store(ctx.out(0), (*index, const(i), const(j)), select(failed, _number(float("nan")), y))
    ctx.store(ctx.out(1), index, failed)


def _solve(ctx: LowerContext, op: Op, index: Sequence[Expr]) -> None:
    f = _factors(ctx, _matrix(ctx, op, 0, index))
    _store_matrix(ctx, index, _solved(ctx, f, _matrix(ctx, op, 1, index)), f.failed)


def _inv(ctx: LowerContext, op: Op, index: Sequence[Expr]) -> None:
    f = _factors(ctx, _matrix(ctx, op, 0, index))
    one = [[_number(float(i == j)) for j in range(len(f.lu))] for i in range(len(f.lu))]
    _store_matrix(ctx, index, _solved(ctx, f, one), f.failed)


def _determinant(ctx: LowerContext, op: Op, index: Sequence[Expr]) -> tuple[Expr, Expr]:
    """Sign, and logarithm of the absolute value."""
    f = _factors(ctx, _matrix(ctx, op, 0, index))
    sign, total = _number(1.0), _number(0.0)
    for k, chosen in enumerate(f.swaps):
        for mine in chosen:
            sign = _named(ctx, select(mine, -sign, sign))
        pivot = f.lu[k][k]
        sign = _named(ctx, select(pivot < 0.0, -sign, sign))
        total = _named(ctx, total + scalar_op("log", scalar_op("abs", pivot)))
    return select(f.failed, 0.0, sign), _named(ctx, select(f.failed, float("-inf"), total))


def _det(ctx: LowerContext, op: Op, index: Sequence[Expr]) -> None:
    sign, total = _determinant(ctx, op, index)
    ctx.store(ctx.out(), index, sign * scalar_op("exp", total))


def _slogdet(ctx: LowerContext, op: Op, index: Sequence[Expr]) -> None:
    for k, x in enumerate(_determinant(ctx, op, index)):
        ctx.store(ctx.out(k), index, x)


def _cholesky(ctx: LowerContext, op: Op, index: Sequence[Expr]) -> None:
    upper = op.attrs["upper"]
    a = _matrix(ctx, op, 0, index)
    n, failed = len(a), const(False, "i1")
    low = [[_number(0.0)] * n for _ in range(n)]
    for j in range(n):
        square = _less(ctx, a[j][j], low[j][:j], low[j][:j])
        failed = scalar_op("or", failed, square <= 0.0)
        low[j][j] = _named(ctx, scalar_op("sqrt", square))
        scale = _named(ctx, _number(1.0) / low[j][j])
        for i in range(j + 1, n):
            rest = _less(ctx, a[j][i] if upper else a[i][j], low[i][:j], low[j][:j])
            low[i][j] = _scaled(ctx, rest, scale)
    result = [[low[j][i] for j in range(n)] for i in range(n)] if upper else low
    _store_matrix(ctx, index, result, _named(ctx, failed))


_LOWERINGS: dict[str, Callable[[LowerContext, Op, Any], None]] = {
    "solve": _solve, "inv": _inv, "det": _det, "slogdet": _slogdet, "cholesky_lo": _cholesky, "cholesky_up": _cholesky}
