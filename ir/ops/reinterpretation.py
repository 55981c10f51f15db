"""`reinterpret(x){dtype}`: the memory of `x`, packed in C order, as numbers of another dtype: what `x.view(dtype)` shows.

The last extent is scaled by the ratio of the element sizes; with equal sizes any rank will do.  Memory is a sequence of
parts (a complex number is two); a part of the result is a piece of one part of `x`, or several of them put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..builder import Builder
from ..errors import UnsupportedError
from ..expr import Expr, bitcast, cast, const, select
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..opdef import Complex, Element, LowerContext, OpDef, Sample, Scalar, register
from ..scalar import BITS, scalar_type
from ..types import DTYPES, Dim, Type
from .shaping import ALL_DTYPES, Terms, array_type

# The dtypes whose views of each other are linear: a complex number and its two parts.
_PARTS = {np.dtype("c8"): np.dtype("f4"), np.dtype("c16"): np.dtype("f8")}


def _infer(operands: list[Value], attrs: dict) -> list[Type]:
    x, new = array_type(operands[0]), DTYPES[attrs["dtype"]]
    old_size, new_size = x.dtype.itemsize, new.itemsize
    if old_size == new_size:
        return [x.with_dtype(new)]
    if not x.dims or not isinstance(x.dims[-1], int) or x.dims[-1] * old_size % new_size:
        raise TypeError(f"{x} cannot be seen as {attrs['dtype']}")
    return [x.with_dtype(new).with_dims((*x.dims[:-1], x.dims[-1] * old_size // new_size))]


def _evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    return [xp.ascontiguousarray(operands[0]).view(DTYPES[attrs["dtype"]]).reshape(
        _infer_shape(operands[0], DTYPES[attrs["dtype"]]))]


def _infer_shape(x: np.ndarray, dtype: np.dtype) -> tuple[int, ...]:
    return x.shape if x.itemsize == dtype.itemsize else (*x.shape[:-1], x.shape[-1] * x.itemsize // dtype.itemsize)


def _bits(x: Expr) -> Expr:
    """A part as an unsigned integer of its own size."""
    if x.dtype == "i1":
        return cast(x, "u8")
    return bitcast(x, f"u{BITS[x.dtype]}") if x.dtype != f"u{BITS[x.dtype]}" else x


def _from_bits(x: Expr, scalar: str) -> Expr:
    if scalar == "i1":
        return x.differs(0)
    return bitcast(x, scalar) if x.dtype != scalar else x


def _element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    source, new = op.operands[0].dtype, op.result.dtype
    pieces = 2 if source.kind == "c" else 1
    scalar = scalar_type(new)
    old_bytes, new_bytes = source.itemsize // pieces, new.itemsize // (2 if new.kind == "c" else 1)
    same = source.itemsize == new.itemsize

    def source_part(number: Expr) -> Expr:
        """Part `number` of the line; of the element, where the elements' sizes are equal."""
        place = index if same else (*index[:-1], scalar_op("shr", number, 1) if pieces == 2 else number)
        found = ctx.read(0, place)
        if isinstance(found, Complex):
            return select((number & 1).equals(0), _bits(found.re), _bits(found.im))
        return _bits(found)

    def part(number: Expr) -> Expr:
        """Part `number` of the result's line, or element."""
        if old_bytes == new_bytes:
            return _from_bits(source_part(number), scalar)
        unsigned = f"u{8 * new_bytes}"
        if new_bytes < old_bytes:
            ratio = old_bytes // new_bytes
            shift = cast((number & (ratio - 1)) * (8 * new_bytes), f"u{8 * old_bytes}")
            piece = scalar_op("shr", source_part(scalar_op("shr", number, ratio.bit_length() - 1)), shift)
            return _from_bits(cast(piece, unsigned), scalar)
        ratio = new_bytes // old_bytes
        total: Expr | None = None
        for k in range(ratio):
            term = scalar_op("shl", cast(source_part(number * ratio + k), unsigned), const(8 * old_bytes * k, unsigned))
            total = term if total is None else total | term
        assert total is not None
        return _from_bits(total, scalar)

    last = const(0) if same else index[-1]
    return Complex(part(last * 2), part(last * 2 + 1)) if new.kind == "c" else part(last)


def _is_linear(old: np.dtype, new: np.dtype) -> bool:
    return old == new or _PARTS.get(old) == new or _PARTS.get(new) == old


def _jvp(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    old, new = primals[0].dtype, results[0].dtype
    if tangents[0] is None or new.kind not in "fc":
        return [None]
    if not _is_linear(old, new):
        raise UnsupportedError("the derivative of x.view(dtype)", "the bits of a number are not a smooth function of it")
    return list(ctx.emit("reinterpret", [tangents[0]], attrs))


def _transpose(ctx: Builder, cotangents: Terms, operands: Sequence[Any], attrs: dict) -> Terms:
    ct, old = cotangents[0], operands[0].type.dtype
    if ct is None:
        return [None]
    # The pairing is Re(sum of products): an imaginary part is paired with minus its cotangent.
    plain = ctx.conjugate(ct) if ct.dtype.kind == "c" and old.kind != "c" else ct
    back = ctx.emit("reinterpret", [plain], {"dtype": next(n for n, d in DTYPES.items() if d == old)})[0]
    return [ctx.conjugate(back) if old.kind == "c" and ct.dtype.kind != "c" else back]


def _batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    return ctx.emit("reinterpret", list(operands), attrs)


_SAMPLES = [((3, 4), a, b) for a, b in (("f64", "i64"), ("i32", "f32"), ("c64", "f32"), ("f64", "c128"), ("i64", "i16"),
                                         ("u8", "u32"), ("c64", "f64"), ("bool", "i8"), ("c128", "u8"))]

register(OpDef(
    "reinterpret", _infer, _evaluate, Element(_element), _jvp, _transpose, _batch, attrs=("dtype",), dtypes=ALL_DTYPES,
    samples=(*(Sample((s,), {"dtype": b}, (a,)) for s, a, b in _SAMPLES), Sample(((),), {"dtype": "u64"}, ("f64",))),
    doc="The same memory as another dtype."))
