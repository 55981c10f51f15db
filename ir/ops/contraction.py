"""`dot_general(a, b){contract, batch}`: sums of products over any axes.

`contract` and `batch` are pairs (axes of a, axes of b); the result has the batch axes, then a's other axes, then b's.
Truth values combine by or and and; float16 sums are formed in float32, as NumPy's are; integers wrap.

Lowering.  Small products, vector by vector, and dtypes that BLAS does not know are read element by element, as sums that
fuse with their neighbours.  The others become calls of gemm or gemv (`blas.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..builder import Builder
from ..expr import Expr, cast, const
from ..graph import Op, Value
from ..opdef import Choice, Complex, Element, Linear, LowerContext, OpDef, Sample, Scalar, Statements, register
from ..scalar import scalar_type
from ..types import ArrayType, Dim, Type, element_count
from ..viewmap import invert_permutation
from .blas import multiply_matrices
from .product_loops import multiply_by_loops, suits_loops
from .shaping import (
    ALL_DTYPES,
    Terms,
    array_type,
    check_axes,
    may_equal,
    move_axis,
    multiply_scalars,
    transpose,
)

Axes = tuple[int, ...]

# Up to so many multiplications a product of matrices, or of a matrix and a vector, is not worth a call.
SMALL_PRODUCT = 1024
SMALL_MATRIX_BY_VECTOR = 1 << 15
BLAS_DTYPES = {np.dtype(k): letter for k, letter in (("f4", "s"), ("f8", "d"), ("c8", "c"), ("c16", "z"))}


def free_axes(rank: int, taken: Sequence[int]) -> Axes:
    return tuple(k for k in range(rank) if k not in taken)


def _infer(operands: list[Value], attrs: dict) -> list[Type]:
    a, b = (array_type(x) for x in operands)
    (a_contract, b_contract), (a_batch, b_batch) = attrs["contract"], attrs["batch"]
    if a.dtype != b.dtype:
        raise TypeError(f"operands differ in dtype: {a} and {b}")
    check_axes((*a_contract, *a_batch), a.rank)
    check_axes((*b_contract, *b_batch), b.rank)
    if len(a_contract) != len(b_contract) or len(a_batch) != len(b_batch):
        raise ValueError("contracted and batch axes come in pairs")
    for i, j in zip((*a_contract, *a_batch), (*b_contract, *b_batch), strict=True):
        if not may_equal(a.dims[i], b.dims[j]):
            raise ValueError(f"extents {a.dims[i]} and {b.dims[j]} of paired axes differ")
    dims = (*(a.dims[k] for k in a_batch), *(a.dims[k] for k in free_axes(a.rank, (*a_contract, *a_batch))),
            *(b.dims[k] for k in free_axes(b.rank, (*b_contract, *b_batch))))
    return [ArrayType(a.dtype, dims)]


def _evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    a, b = operands
    (a_contract, b_contract), (a_batch, b_batch) = attrs["contract"], attrs["batch"]
    a_free, b_free = free_axes(a.ndim, (*a_contract, *a_batch)), free_axes(b.ndim, (*b_contract, *b_batch))

    def count(x: Any, axes: Sequence[int]) -> int:
        return int(np.prod([x.shape[k] for k in axes], dtype=int))

    batch, inner = [a.shape[k] for k in a_batch], count(a, a_contract)
    left = xp.transpose(a, (*a_batch, *a_free, *a_contract)).reshape((*batch, count(a, a_free), inner))
    right = xp.transpose(b, (*b_batch, *b_contract, *b_free)).reshape((*batch, inner, count(b, b_free)))
    out = xp.asarray(xp.matmul(left, right))
    return [out.reshape((*batch, *(a.shape[k] for k in a_free), *(b.shape[k] for k in b_free)))]


# --- transformation rules ----------------------------------------------------------------------------------------------


def _jvp(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    (a, b), (da, db) = primals, tangents
    terms = []
    if da is not None:
        terms.append(ctx.emit("dot_general", [da, b], attrs)[0])
    if db is not None:
        terms.append(ctx.emit("dot_general", [a, db], attrs)[0])
    return [ctx.add(*terms) if len(terms) == 2 else terms[0] if terms else None]


def _cotangent(ctx: Builder, g: Value, known: Value, wanted: Type, pairs: Sequence[Axes], batch: Sequence[Axes],
               first: bool) -> Value:
    """The cotangent of one factor: g contracted with the other over the other's free axes.

    `pairs` and `batch` name axes of (wanted, known); first: `wanted` is the first factor, so its axes lead in g.
    """
    (w_contract, k_contract), (w_batch, k_batch) = pairs, batch
    k_free = free_axes(len(known.dims), (*k_contract, *k_batch))
    w_free = free_axes(len(wanted.dims), (*w_contract, *w_batch))
    n = len(w_batch)
    start = n + len(w_free) if first else n
    g_axes = tuple(range(start, start + len(k_free)))
    got = ctx.emit("dot_general", [g, known], {"contract": (g_axes, k_free), "batch": (tuple(range(n)), k_batch)})[0]
    # Its axes: the batch, wanted's free axes, then known's contracted axes in increasing order.
    partner = dict(zip(k_contract, w_contract, strict=True))
    places = (*w_batch, *w_free, *(partner[k] for k in sorted(k_contract)))
    return transpose(ctx, got, invert_permutation(places))


def _transpose(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, (a, b) = cotangents[0], operands
    if g is None:
        return [None, None]
    contract, batch = attrs["contract"], attrs["batch"]
    if isinstance(a, Linear) and isinstance(b, Linear):
        raise TypeError("dot_general is linear in one operand at a time")
    if isinstance(a, Linear):
        return [_cotangent(ctx, g, b, a.type, contract, batch, True), None]
    return [None, _cotangent(ctx, g, a, b.type, contract[::-1], batch[::-1], False)]


def _batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    def later(axes: Axes, shifted: bool) -> Axes:
        return tuple(k + 1 for k in axes) if shifted else axes

    contract = tuple(later(axes, f) for axes, f in zip(attrs["contract"], flags, strict=True))
    batch = tuple(later(axes, f) for axes, f in zip(attrs["batch"], flags, strict=True))
    if all(flags):
        return ctx.emit("dot_general", list(operands), {"contract": contract, "batch": tuple((0, *axes) for axes in batch)})
    got = ctx.emit("dot_general", list(operands), {"contract": contract, "batch": batch})[0]
    # The lanes are now a free axis, the first one of the batched operand.
    place = len(batch[0])
    if flags[1]:
        place += len(operands[0].dims) - len(contract[0]) - len(batch[0])
    return [move_axis(ctx, got, place, 0)]


# --- lowering ----------------------------------------------------------------------------------------------------------


def _free(op: Op) -> tuple[Axes, Axes]:
    """The axes of each factor that the result keeps beside the batch."""
    first, second = (free_axes(len(x.dims), (*contract, *batch))
                     for x, contract, batch in zip(op.operands, op.attrs["contract"], op.attrs["batch"], strict=True))
    return first, second


def _lower(op: Op) -> Element | Statements:
    a = op.operands[0]
    contract, batch = op.attrs["contract"][0], op.attrs["batch"][0]
    free = _free(op)
    work = element_count((*op.result.dims[len(batch):], *(a.dims[k] for k in contract)))
    if a.dtype not in BLAS_DTYPES or not contract or not any(free):
        by_library = False
    elif all(free):
        by_library = work is None or work > SMALL_PRODUCT
    else:
        # A vector's worth of work per matrix: run-time extents are those of slices, which loops read where they are.
        by_library = work is not None and work > SMALL_MATRIX_BY_VECTOR
    if by_library and suits_loops(op, free):
        return Statements(_multiply, views=True)
    return Statements(_call_library, views=True) if by_library else Element(_element, expands=any(free))


def _call_library(ctx: LowerContext, op: Op) -> None:
    multiply_matrices(ctx, op, BLAS_DTYPES[op.operands[0].dtype], _free(op))


def _multiply(ctx: LowerContext, op: Op) -> None:
    multiply_by_loops(ctx, op, _free(op))


def _element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    """One element of the result, as a sum over the contracted axes."""
    contract, batch, free = op.attrs["contract"], op.attrs["batch"], _free(op)
    scalar = scalar_type(op.result.dtype)
    wide = "f32" if scalar == "f16" else scalar
    n, m = len(batch[0]), len(batch[0]) + len(free[0])
    outer = (index[n:m], index[m:])

    def factor(operand: int, inner: tuple[Expr, ...]) -> Scalar:
        places = (*batch[operand], *contract[operand], *free[operand])
        at = dict(zip(places, (*index[:n], *inner, *outer[operand]), strict=True))
        x = ctx.read(operand, tuple(at[k] for k in range(len(at))))
        return x if isinstance(x, Complex) else cast(x, wide)

    def term(inner: tuple[Expr, ...]) -> Scalar:
        return multiply_scalars(factor(0, inner), factor(1, inner))

    if not contract[0]:
        total = term(())
    else:
        zero = const(0, wide)
        start: Scalar = Complex(zero, zero) if op.result.dtype.kind == "c" else zero
        extents = [ctx.dims(op.operands[0])[k] for k in contract[0]]
        total = ctx.reduce(extents, start, "or" if scalar == "i1" else "add", term)
    return total if isinstance(total, Complex) else cast(total, scalar)


def _sample(a: Axes, b: Axes, contract: tuple[Axes, Axes], batch: tuple[Axes, Axes] = ((), ())) -> Sample:
    return Sample((a, b), {"contract": contract, "batch": batch})


register(OpDef(
    "dot_general", _infer, _evaluate, Choice(_lower), _jvp, _transpose, _batch, attrs=("contract", "batch"),
    numpy=(np.dot, np.matmul, np.vdot, np.inner, np.outer, np.tensordot, np.einsum), dtypes=ALL_DTYPES,
    samples=(_sample((3, 4), (4, 5), ((1,), (0,))), _sample((4,), (4,), ((0,), (0,))), _sample((3, 4), (4,), ((1,), (0,))),
             _sample((2, 3, 4), (2, 4, 5), ((2,), (1,)), ((0,), (0,))), _sample((3,), (2,), ((), ())),
             _sample((3, 2, 4), (4, 5, 3), ((2, 0), (0, 2))), _sample((2, 4, 3, 2), (3, 2, 5), ((2,), (0,)), ((3,), (1,))),
             _sample((3, 0), (0, 2), ((1,), (0,))), _sample((11, 12), (12, 13), ((1,), (0,)))),
    doc="Sums of products over paired axes, as in jax.lax.dot_general."))
