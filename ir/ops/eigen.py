"""Eigenvalues: `eigh`, `eigvalsh` of Hermitian matrices, `eig`, `eigvals` of any, whose results are always complex.

`eigh(a){lower}` reads one triangle of a.  Derivatives are for distinct eigenvalues; vectors keep LAPACK's length and phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..builder import Builder
from ..graph import Value
from .lapack import Pick, hermitian, lapack_op, matrices, regular
from .linear_systems import solution
from .matrices import (
    adjoint,
    alike,
    diagonal,
    divided_differences,
    hermitian_of,
    phase_change,
    product,
    real_part,
    scaled_columns,
    turn,
)
from .shaping import Terms, iota, reshape

# --- Hermitian matrices --------------------------------------------------------------------------------------------------


def _row(ctx: Builder, a: Value, chosen: Value) -> Value:
    """The elements of each column where `chosen` holds, which is at one place per column."""
    return ctx.reduce_sum(ctx.where(chosen, a, ctx.zeros(a.type)), axes=(len(a.dims) - 2,))


def _jvp_eigh(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    if tangents[0] is None:
        return [None, None, None]
    w, v, _ = results
    inner = product(ctx, adjoint(ctx, v), hermitian_of(ctx, tangents[0], attrs["lower"]), v)
    dv = product(ctx, v, ctx.multiply(*alike(ctx, divided_differences(ctx, w), inner)))
    if v.dtype.kind == "c":
        # LAPACK's vectors have one real component: the first of a lower, the last of an upper triangle.
        axis = len(v.dims) - 2
        place = iota(ctx, v.dims, axis)
        last: Any = v.dims[axis] - 1  # type: ignore[operator]
        chosen = ctx.equal(place, 0 if attrs["lower"] else last)
        dv = ctx.add(dv, scaled_columns(ctx, v, turn(ctx, phase_change(ctx, _row(ctx, dv, chosen), _row(ctx, v, chosen)))))
    return [real_part(ctx, diagonal(ctx, inner)), dv, None]



def _jvp_eigvalsh(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    if tangents[0] is None:
        return [None, None]
    vectors = ctx.emit("eigh", list(primals), attrs)[1]
    change = hermitian_of(ctx, tangents[0], attrs["lower"])
    return [real_part(ctx, diagonal(ctx, product(ctx, adjoint(ctx, vectors), change, vectors))), None]


def _triangle(name: str) -> Pick:
    return lambda attrs: f"{name}_lo" if attrs["lower"] else f"{name}_up"


_HERMITIAN = [s for lower in (True, False)
              for s in matrices(((3, 3),), ((2, 2, 2),), ((0, 0),), prepare=hermitian, attrs={"lower": lower})]
lapack_op("eigh", _triangle("eigh"), _jvp_eigh, _HERMITIAN, "Eigenvalues and eigenvectors of a Hermitian matrix.",
          attrs=("lower",), numpy=(np.linalg.eigh,))
lapack_op("eigvalsh", _triangle("eigvalsh"), _jvp_eigvalsh, _HERMITIAN, "Eigenvalues of a Hermitian matrix.",
          attrs=("lower",), numpy=(np.linalg.eigvalsh,))

# --- any matrices --------------------------------------------------------------------------------------------------------


def _jvp_eig(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    if tangents[0] is None:
        return [None, None, None]
    w, v, _ = results
    inner = _in_eigenbasis(ctx, v, tangents[0])
    dv = product(ctx, v, ctx.multiply(divided_differences(ctx, w), inner))
    shrunk = ctx.reduce_sum(ctx.real(ctx.multiply(ctx.conjugate(v), dv)), axes=(len(v.dims) - 2,))
    # The largest component of each vector is real.
    size = ctx.add(ctx.square(ctx.real(v)), ctx.square(ctx.imag(v)))
    largest = ctx.argmax(size, axes=(len(v.dims) - 2,))
    at = ctx.broadcast_to(reshape(ctx, largest, (*largest.dims[:-1], 1, largest.dims[-1])), v.dims)
    chosen = ctx.equal(iota(ctx, v.dims, len(v.dims) - 2), at)
    angle = phase_change(ctx, _row(ctx, dv, chosen), _row(ctx, v, chosen))
    factor = ctx.complex(ctx.negative(shrunk), angle)
    return [diagonal(ctx, inner), ctx.add(dv, scaled_columns(ctx, v, factor)), None]


def _in_eigenbasis(ctx: Builder, v: Value, change: Value) -> Value:
    return solution(ctx, v, product(ctx, change, v))


def _jvp_eigvals(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    if tangents[0] is None:
        return [None, None]
    vectors = ctx.emit("eig", list(primals))[1]
    return [diagonal(ctx, _in_eigenbasis(ctx, vectors, tangents[0])), None]


_SQUARE = matrices(((3, 3),), ((2, 2, 2),), ((1, 1),), prepare=regular)
lapack_op("eig", "eig", _jvp_eig, _SQUARE, "Complex eigenvalues and right eigenvectors.", numpy=(np.linalg.eig,))
lapack_op("eigvals", "eigvals", _jvp_eigvals, _SQUARE, "Complex eigenvalues.", numpy=(np.linalg.eigvals,))
