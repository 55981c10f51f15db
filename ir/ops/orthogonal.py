"""Orthogonal factorizations: `qr`, `qr_triangle`, `qr_reflectors`, `svd`, `singular_values`.

`qr(a){complete}`: q and r; `qr_triangle(a)`: r alone; `qr_reflectors(a)`: LAPACK's own form, the matrix with r above the
Householder vectors, and their factors.  `svd(a){full}`: u, s, vh; `singular_values(a)`: s alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import gufuncs
from ..builder import Builder
from ..errors import UnsupportedError
from ..expr import Expr, const, select
from ..graph import Op, Value
from ..loops import Buffer
from ..opdef import Complex, LowerContext, Missing, OpDef, Scalar, Statements, register
from ..types import Type
from .lapack import (
    LAPACK_DTYPES,
    NOT_LINEAR,
    batch_stack,
    lapack_op,
    least,
    matrices,
    matrix_work,
    regular,
    routine,
    run_loop,
    whole,
)
from .linear_systems import solution
from .matrices import (
    adjoint,
    alike,
    completed,
    diagonal,
    divided_differences,
    head,
    kept,
    phase_change,
    position_mask,
    product,
    real_part,
    scaled_columns,
    scaled_rows,
    turn,
)
from .shaping import Terms, array_type, loop_nest

# --- qr ------------------------------------------------------------------------------------------------------------------

def _reflect(ctx: LowerContext, op: Op, home: Buffer, scale: Buffer) -> None:
    """Fill `home` with LAPACK's form of the operand, `scale` with the reflectors' factors."""
    dims = ctx.dims(op.operands[0])
    with loop_nest(ctx, dims) as index:
        ctx.store(home, index, ctx.read(0, index))
    outer = len(dims) - 2
    m, n = dims[outer:]
    run_loop(ctx, routine("qr_r_raw", op.operands[0].dtype), (), (whole(home, outer, 2), whole(scale, outer, 1)), dims[:outer],
             (m, n, _count(op)), matrix_work(m, n))


def _count(op: Op) -> Expr:
    m, n = op.operands[0].dims[-2:]
    return const(int(least(m, n)))  # type: ignore[arg-type]


def _store_triangle(ctx: LowerContext, home: Buffer, out: Buffer, dims: Sequence[Expr]) -> None:
    with loop_nest(ctx, dims) as index:
        row, column = index[-2:]
        x = ctx.load(home, index)
        ctx.store(out, index, _where(row <= column, x))


def _where(condition: Expr, x: Scalar) -> Scalar:
    if isinstance(x, Complex):
        return Complex(select(condition, x.re, const(0, x.re.dtype)), select(condition, x.im, const(0, x.im.dtype)))
    return select(condition, x, const(0, x.dtype))


def _temporaries(ctx: LowerContext, op: Op) -> tuple[Buffer, Buffer]:
    dims = ctx.dims(op.operands[0])
    return ctx.temp(op.operands[0].dtype, dims), ctx.temp(op.operands[0].dtype, (*dims[:-2], _count(op)))


def _lower_qr(ctx: LowerContext, op: Op) -> None:
    dims, dtype = ctx.dims(op.operands[0]), op.operands[0].dtype
    outer = len(dims) - 2
    m, n = dims[outer:]
    home, scale = _temporaries(ctx, op)
    _reflect(ctx, op, home, scale)
    name = _qr_name(op.operands[0], op.attrs)
    core = (m, n, _count(op)) if name == "qr_reduced" else (m, n)
    run_loop(ctx, routine(name, dtype), (whole(home, outer, 2), whole(scale, outer, 1)), (whole(ctx.out(0), outer, 2),),
             dims[:outer], core, matrix_work(m, n))
    _store_triangle(ctx, home, ctx.out(1), ctx.dims(op.results[1]))


def _qr_name(a: Value | Any, attrs: dict) -> str:
    m, n = map(int, (a.dims if isinstance(a, Value) else a.shape)[-2:])  # type: ignore[arg-type]
    return "qr_complete" if attrs["complete"] and m > n else "qr_reduced"


def _lower_triangle(ctx: LowerContext, op: Op) -> None:
    home, scale = _temporaries(ctx, op)
    _reflect(ctx, op, home, scale)
    _store_triangle(ctx, home, ctx.out(), ctx.dims(op.result))


def _lower_reflectors(ctx: LowerContext, op: Op) -> None:
    _reflect(ctx, op, ctx.out(0), ctx.out(1))


def _matrix(x: Value) -> tuple[tuple, int, int, int]:
    """The stack, the static extents, and the smaller of them."""
    t = array_type(x)
    if t.rank < 2 or t.dtype.str[1:] not in ("f8", "c16"):
        raise TypeError(f"qr takes matrices of f64 or c128, not {t}")
    m, n = t.dims[-2:]
    if not (isinstance(m, int) and isinstance(n, int)):
        raise UnsupportedError("a decomposition of a matrix whose extents are known only at run time")
    return t.dims[:-2], m, n, min(m, n)


def _infer_qr(operands: list[Value], attrs: dict) -> list[Type]:
    stack, m, n, k = _matrix(operands[0])
    t = array_type(operands[0])
    size = m if attrs["complete"] and m > n else k
    return [t.with_dims((*stack, m, size)), t.with_dims((*stack, size, n))]


def _infer_triangle(operands: list[Value], attrs: dict) -> list[Type]:
    stack, _, n, k = _matrix(operands[0])
    return [array_type(operands[0]).with_dims((*stack, k, n))]


def _infer_reflectors(operands: list[Value], attrs: dict) -> list[Type]:
    stack, _, _, k = _matrix(operands[0])
    t = array_type(operands[0])
    return [t, t.with_dims((*stack, k))]


def _reflected(a: Any) -> tuple[Any, Any]:
    home = np.array(a)
    (scale,), _ = gufuncs.call("qr_r_raw", [home])
    return home, scale


def _evaluate_qr(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    home, scale = _reflected(operands[0])
    (q,), _ = gufuncs.call(_qr_name(home, attrs), [home, scale])
    return [q, np.triu(home[..., :types[1].dims[-2], :])]  # type: ignore[union-attr]


def _evaluate_triangle(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    return [np.triu(_reflected(operands[0])[0][..., :types[0].dims[-2], :])]  # type: ignore[union-attr]


def _jvp_qr(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    """q^H dq is skew-Hermitian and r's diagonal stays real, which splits q^H da r^-1 into the two changes."""
    if tangents[0] is None:
        return [None, None]
    (a, da), (q, r) = (primals[0], tangents[0]), results
    m, n = map(int, a.dims[-2:])  # type: ignore[arg-type]
    if q.dims[-1] == m and n < m:
        reduced = [head(ctx, q, len(a.dims) - 1, n), head(ctx, r, len(a.dims) - 2, n)]
        dq, dr = _jvp_qr(ctx, primals, tangents, reduced, {"complete": False})
        assert dq is not None and dr is not None
        rest = ctx.zeros(array_type(r).with_dims((*r.dims[:-2], m - n, n)))
        return [completed(ctx, dq, q, n), ctx.concatenate(dr, rest, axis=len(a.dims) - 2)]
    k = q.dims[-1]
    axis = len(a.dims) - 1
    left, corner = head(ctx, da, axis, k), head(ctx, r, axis, k)
    # x = left corner^-1, from corner^T x^T = left^T.
    scaled = _divided(ctx, left, corner)
    inside = product(ctx, adjoint(ctx, q), scaled)
    below = kept(ctx, inside, "greater")
    rotation = ctx.subtract(below, adjoint(ctx, below))
    if a.dtype.kind == "c":
        rotation = ctx.where(position_mask(ctx, inside, "equal"), turn(ctx, ctx.imag(inside)), rotation)
    dq = ctx.add(product(ctx, q, ctx.subtract(rotation, inside)), scaled)
    dr = product(ctx, adjoint(ctx, q), ctx.subtract(da, product(ctx, dq, r)))
    return [dq, kept(ctx, dr, "less_equal")]


def _divided(ctx: Builder, left: Value, corner: Value) -> Value:
    """left corner^-1"""
    n = len(left.dims)
    axes = (*range(n - 2), n - 1, n - 2)
    solved = solution(ctx, ctx.transpose(corner, axes=axes), ctx.transpose(left, axes=axes))
    return ctx.transpose(solved, axes=axes)


def _jvp_triangle(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    if tangents[0] is None:
        return [None]
    reduced = {"complete": False}
    return _jvp_qr(ctx, primals, tangents, ctx.emit("qr", list(primals), reduced), reduced)[1:]


_SHAPES = (((3, 3),), ((4, 2),), ((2, 3, 3),), ((2, 4),), ((0, 2),), ((3, 0),))


def _register_qr(name: str, infer: Any, evaluate: Any, lower: Any, jvp: Any, samples: list, doc: str,
                 attrs: tuple[str, ...] = (), numpy: tuple = ()) -> None:
    register(OpDef(name, infer, evaluate, Statements(lower, reads_once=True), jvp, NOT_LINEAR, batch_stack(name), attrs=attrs,
                   dtypes=LAPACK_DTYPES, numpy=numpy, samples=tuple(samples), doc=doc))


_register_qr("qr", _infer_qr, _evaluate_qr, _lower_qr, _jvp_qr,
             [*matrices(*_SHAPES, prepare=regular, attrs={"complete": False}),
              *matrices(((3, 3),), ((2, 4),), prepare=regular, attrs={"complete": True})],
             "An orthonormal and a triangular factor.", ("complete",), (np.linalg.qr,))
_register_qr("qr_triangle", _infer_triangle, _evaluate_triangle, _lower_triangle, _jvp_triangle,
             matrices(*_SHAPES, prepare=regular), "The triangular factor of a QR factorization.")
_register_qr("qr_reflectors", _infer_reflectors, lambda xp, operands, attrs, types: list(_reflected(operands[0])),
             _lower_reflectors, Missing("the reflectors are intermediate results: differentiate q and r"),
             matrices(*_SHAPES, prepare=regular), "A QR factorization as LAPACK keeps it.")

# --- svd -----------------------------------------------------------------------------------------------------------------


def _jvp_svd(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    """For distinct singular values that are not 0 (Townsend, 2016); the phases are those that LAPACK chooses."""
    da = tangents[0]
    if da is None:
        return [None] * 4
    a, (whole_u, s, whole_vh, _) = primals[0], results
    m, n = map(int, a.dims[-2:])  # type: ignore[arg-type]
    count, axis = min(m, n), len(a.dims) - 1
    whole_v = adjoint(ctx, whole_vh)
    u, v = head(ctx, whole_u, axis, count), head(ctx, whole_v, axis, count)
    vh = head(ctx, whole_vh, axis - 1, count)
    inner = product(ctx, adjoint(ctx, u), da, v)
    ds = real_part(ctx, diagonal(ctx, inner))
    squares = divided_differences(ctx, ctx.multiply(s, s))
    right, left = scaled_columns(ctx, inner, s), scaled_rows(ctx, s, inner)
    du = product(ctx, u, _times(ctx, squares, ctx.add(right, adjoint(ctx, right))))
    dv = product(ctx, v, _times(ctx, squares, ctx.add(left, adjoint(ctx, left))))
    inverse = ctx.divide(ctx.full(1, s.type), s)
    if m > n:
        rest = product(ctx, da, v)
        du = ctx.add(du, scaled_columns(ctx, ctx.subtract(rest, product(ctx, u, adjoint(ctx, u), rest)), inverse))
    if m < n:
        rest = product(ctx, adjoint(ctx, da), u)
        dv = ctx.add(dv, scaled_columns(ctx, ctx.subtract(rest, product(ctx, v, vh, rest)), inverse))
    if a.dtype.kind == "c":
        du = ctx.add(du, scaled_columns(ctx, u, turn(ctx, ctx.multiply(ctx.imag(diagonal(ctx, inner)), inverse))))
        # The first component of each vector is real: of the right ones of a tall matrix, else of the left ones.
        change, vectors = (dv, v) if m >= n else (du, u)
        turned = turn(ctx, phase_change(ctx, *(_first_row(ctx, x) for x in (change, vectors))))
        du, dv = ctx.add(du, scaled_columns(ctx, u, turned)), ctx.add(dv, scaled_columns(ctx, v, turned))
    du, dv = completed(ctx, du, whole_u, count), completed(ctx, dv, whole_v, count)
    return [du, ds, adjoint(ctx, dv), None]


def _times(ctx: Builder, a: Value, b: Value) -> Value:
    return ctx.multiply(*alike(ctx, a, b))


def _first_row(ctx: Builder, a: Value) -> Value:
    """a[..., 0, :]"""
    axis = len(a.dims) - 2
    return ctx.reduce_sum(head(ctx, a, axis, 1), axes=(axis,))


def _jvp_singular_values(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value],
                         attrs: dict) -> Terms:
    if tangents[0] is None:
        return [None, None]
    u, _, vh, _ = ctx.emit("svd", list(primals), {"full": False})
    return [real_part(ctx, diagonal(ctx, product(ctx, adjoint(ctx, u), tangents[0], adjoint(ctx, vh)))), None]


_RECTANGLES = (((3, 3),), ((4, 2),), ((2, 2, 3),), ((2, 0),))
lapack_op("svd", lambda attrs: "svd_f" if attrs["full"] else "svd_s", _jvp_svd,
          [*matrices(*_RECTANGLES, prepare=regular, attrs={"full": False}),
           *matrices(((3, 3),), ((0, 0),), prepare=regular, attrs={"full": True})],
          "Left singular vectors, singular values, adjoint right singular vectors.", attrs=("full",), numpy=(np.linalg.svd,))
lapack_op("singular_values", "svd", _jvp_singular_values, matrices(*_RECTANGLES, prepare=regular), "The singular values.",
          numpy=(np.linalg.svdvals,))
