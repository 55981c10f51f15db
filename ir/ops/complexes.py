"""Complex numbers and their parts: conjugate, real, imag, complex.

Transposes keep the pairing Re(sum of cotangent * tangent): the adjoint of taking the imaginary part is therefore
multiplication by -i.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..builder import Builder
from ..graph import Value
from ..opdef import Complex, Pointwise, Sample
from ..types import ArrayType, Type
from . import complex_formulas
from .families import SHAPES, check_elementwise, elementwise, evaluate_by_name, jvp_from, transpose_from, ufunc_op
from .pointwise import by_kind

PART: dict[np.dtype, np.dtype] = {np.dtype("c8"): np.dtype("f4"), np.dtype("c16"): np.dtype("f8")}
WHOLE: dict[np.dtype, np.dtype] = {part: whole for whole, part in PART.items()}


def _conjugate(ctx: Builder, t: Value, *rest: Value) -> Value:
    return ctx.conjugate(t)


ufunc_op(
    np.conjugate, by_kind(lambda x: x, integer=lambda x: x, complex=complex_formulas.conjugate),
    [_conjugate], transpose=transpose_from(_conjugate), traits=["linear", "involution"])


def _infer_part(name: str) -> Callable[[list[Value], dict], list[Type]]:
    def infer(operands: list[Value], attrs: dict) -> list[Type]:
        check_elementwise(name, operands)
        (x,) = operands
        if x.dtype not in PART:
            raise TypeError(f"{name} takes a complex array, not {x.type}")
        return [ArrayType(PART[x.dtype], x.dims)]

    return infer


def _part(name: str, pick: Callable[[Complex], Any], adjoint: Callable[..., Value]) -> None:
    elementwise(
        name, 1, infer=_infer_part(name), evaluate=evaluate_by_name(name), lower=Pointwise(pick),
        jvp=jvp_from([lambda ctx, t, x, y: getattr(ctx, name)(t)]), transpose=transpose_from(adjoint),
        numpy=(getattr(np, name),), dtypes=("c64", "c128"), traits=["linear"])


_part("real", lambda z: z.re, lambda ctx, ct, z: ctx.complex(ct, ctx.zeros(ct.type)))
_part("imag", lambda z: z.im, lambda ctx, ct, z: ctx.complex(ctx.zeros(ct.type), ctx.negative(ct)))


def _infer_complex(operands: list[Value], attrs: dict) -> list[Type]:
    check_elementwise("complex", operands)
    x, y = operands
    if x.dtype not in WHOLE or y.dtype != x.dtype:
        raise TypeError(f"complex takes two arrays of f32 or of f64, not {x.type}, {y.type}")
    return [ArrayType(WHOLE[x.dtype], x.dims)]


def _evaluate_complex(xp: Any, operands: list, attrs: dict, types: list[Type]) -> list:
    x, y = operands
    out = xp.empty(x.shape, types[0].dtype)  # type: ignore[union-attr]
    out.real, out.imag = x, y
    return [out]


def _complex_jvp(ctx: Builder, primals: list[Value], tangents: list, results: list[Value], attrs: dict) -> list:
    if all(t is None for t in tangents):
        return [None]
    return [ctx.complex(*[ctx.zeros(x.type) if t is None else t for x, t in zip(primals, tangents, strict=True)])]


elementwise(
    "complex", 2, infer=_infer_complex, evaluate=_evaluate_complex, lower=Pointwise(Complex), jvp=_complex_jvp,
    transpose=transpose_from(lambda ctx, ct, x, y: ctx.real(ct), lambda ctx, ct, x, y: ctx.negative(ctx.imag(ct))),
    dtypes=("f32", "f64"), traits=["linear"], samples=tuple(Sample((s, s)) for s in SHAPES),
    doc="x + iy from its parts, exactly (no arithmetic: signed zeros and NaN stay where they are).")
