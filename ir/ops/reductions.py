"""Reductions over attribute `axes` (sorted, counted from the front), which the result drops.

`reduce_sum`, `reduce_prod`, `reduce_max`, `reduce_min`, `reduce_fmax`, `reduce_fmin`, `reduce_and`, `reduce_or`,
`reduce_xor` keep the operand's dtype: the front end casts first where NumPy does (a sum of truth values is one of int64).  A NaN
wins in max and min, a number in fmax and fmin; complex numbers are ordered by real part, then imaginary part.  The order of a
sum is free (results then differ within the bound of pairwise summation), that of a product is not; float16 sums and products are
formed in float32.  An empty maximum is refused by type where the extent is known.  Where several elements attain a maximum, its
derivative is shared equally.
`positions.py` has argmax and argmin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..builder import Builder
from ..expr import Expr, cast, const, select
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..opdef import Choice, Complex, Fold, Missing, OpDef, Reduction, Sample, Scalar, register
from ..scalar import BITS, FLOATS, scalar_type
from ..types import ArrayType, Dim, Type
from .shaping import ALL_DTYPES, NUMBERS, Terms, array_type, check_axes, multiply_scalars, no_tangent, real, reshape

INTEGERS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")


def infer_reduction(result: np.dtype | None = None, needs_elements: str = "") -> Callable[[list[Value], dict], list[Type]]:
    def infer(operands: list[Value], attrs: dict) -> list[Type]:
        type_, axes = array_type(operands[0]), attrs["axes"]
        check_axes(axes, type_.rank)
        if tuple(sorted(axes)) != tuple(axes):
            raise ValueError(f"axes {axes} are not sorted")
        if needs_elements and any(isinstance(type_.dims[a], int) and type_.dims[a] == 0 for a in axes):
            raise ValueError(needs_elements)
        dims = tuple(d for k, d in enumerate(type_.dims) if k not in axes)
        return [ArrayType(result or type_.dtype, dims)]

    return infer


def keep_dims(ctx: Builder, reduced: Value, axes: Sequence[int], dims: Sequence[Dim]) -> Value:
    """A result over `axes`, spread out again over the extents of what was reduced."""
    ones = tuple(1 if k in axes else d for k, d in enumerate(dims))
    return ctx.broadcast_to(reshape(ctx, reduced, ones), tuple(dims))


def batch_axes(name: str) -> Callable[..., list[Value]]:
    def batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
        return ctx.emit(name, list(operands), {**attrs, "axes": tuple(a + 1 for a in attrs["axes"])})

    return batch


def _evaluate(reduce: Callable) -> Callable[..., list]:
    def evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
        x = operands[0]
        return [xp.asarray(reduce(x, attrs["axes"])).astype(x.dtype, copy=False)]

    return evaluate


NOT_LINEAR = Missing("not linear")
_SHAPES = (((3, 4), (1,)), ((3, 4), (0,)), ((2, 3, 4), (0, 2)), ((3, 4), (0, 1)), ((5,), ()), ((1, 1), (0,)))


def reduction_samples(empty: bool = True) -> tuple[Sample, ...]:
    more = (((0, 3), (0,)), ((3, 0), (0,))) if empty else (((3, 0), (0,)),)
    return tuple(Sample((shape,), {"axes": axes}) for shape, axes in _SHAPES + more)


# --- sum and product ---------------------------------------------------------------------------------------------------


def _transpose_sum(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g = cotangents[0]
    return [None if g is None else keep_dims(ctx, g, attrs["axes"], operands[0].type.dims)]


def _jvp_sum(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    t = tangents[0]
    return [None if t is None else ctx.emit("reduce_sum", [t], attrs)[0]]


def _wide(scalar: str) -> str:
    return "f32" if scalar == "f16" else scalar


def _jvp_prod(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    """Axis by axis; each element's tangent times the product of all others, which is right where elements are zero."""
    x, t = primals[0], tangents[0]
    if t is None:
        return [None]
    for axis in reversed(attrs["axes"]):
        before = ctx.emit("cumprod", [x], {"axis": axis, "reverse": False, "exclusive": True})[0]
        after = ctx.emit("cumprod", [x], {"axis": axis, "reverse": True, "exclusive": True})[0]
        t = ctx.emit("reduce_sum", [ctx.multiply(t, ctx.multiply(before, after))], {"axes": (axis,)})[0]
        x = ctx.emit("reduce_prod", [x], {"axes": (axis,)})[0]
    return [t]


def _ordered_product(op: Op) -> Fold:
    """Element after element, as NumPy multiplies: another order would overflow or vanish elsewhere."""
    scalar = scalar_type(op.operands[0].dtype)
    wide = _wide(scalar)
    if op.operands[0].dtype.kind == "c":
        return Fold(init=lambda scalar: (const(1, scalar), const(0, scalar)),
                    step=lambda state, x, position: tuple(multiply_scalars(Complex(*state), x)),  # type: ignore[arg-type]
                    finish=lambda state: Complex(*state))
    return Fold(init=lambda scalar: (const(1, wide),), step=lambda state, x, position: (state[0] * cast(real(x), wide),),
                finish=lambda state: cast(state[0], scalar))


def _lower_prod(op: Op) -> Reduction | Fold:
    return _ordered_product(op) if op.operands[0].dtype.kind in "fc" else Reduction("mul", lambda scalar: 1)


# --- maximum and minimum -----------------------------------------------------------------------------------------------


def lowest(scalar: str) -> int | float:
    if scalar in FLOATS:
        return -np.inf
    if scalar == "i1":
        return 0
    return -(1 << (BITS[scalar] - 1)) if scalar[0] == "i" else 0


def highest(scalar: str) -> int | float:
    if scalar in FLOATS:
        return np.inf
    if scalar == "i1":
        return 1
    return (1 << (BITS[scalar] - 1)) - 1 if scalar[0] == "i" else (1 << BITS[scalar]) - 1


def is_nan(x: Scalar) -> Expr:
    if isinstance(x, Complex):
        return x.re.differs(x.re) | x.im.differs(x.im)
    return x.differs(x) if x.dtype in FLOATS else const(False, "i1")


def _beats(x: Scalar, best: Scalar, compare: str) -> Expr:
    """Is x strictly beyond `best`, neither being NaN?  `compare`: gt for a maximum, lt for a minimum."""
    if isinstance(x, Complex):
        assert isinstance(best, Complex)
        return scalar_op(compare, x.re, best.re) | (x.re.equals(best.re) & scalar_op(compare, x.im, best.im))
    assert isinstance(best, Expr)
    return scalar_op(compare, x, best)


def takes_over(x: Scalar, best: Scalar, compare: str) -> Expr:
    """Does x replace `best`?  When it is beyond it (compare: gt or lt) or the first NaN."""
    return (_beats(x, best, compare) | is_nan(x)) & ~is_nan(best)


def _complex_extreme(compare: str) -> Fold:
    def begin(x: Scalar, position: Expr) -> tuple[Expr, ...]:
        assert isinstance(x, Complex)
        return tuple(x)

    return best_of(compare, 2, begin, lambda state: Complex(*state))


def best_of(compare: str, parts: int, begin: Callable[[Scalar, Expr], tuple[Expr, ...]],
            finish: Callable[[tuple[Expr, ...]], Scalar]) -> Fold:
    """The fold that keeps the state of the first element beyond all others, or of the first NaN; a state begins with the `parts`
    of its element, and may end with its position."""
    def element(state: tuple[Expr, ...]) -> Scalar:
        return Complex(*state[:2]) if parts == 2 else state[0]

    def merge(state: tuple[Expr, ...], later: tuple[Expr, ...]) -> tuple[Expr, ...]:
        new = takes_over(element(later), element(state), compare)
        return tuple(select(new, b, a) for a, b in zip(state, later, strict=True))

    def step(state: tuple[Expr, ...], x: Scalar, position: Expr) -> tuple[Expr, ...]:
        later = begin(x, position)
        new = position.equals(0) | takes_over(x, element(state), compare)
        return tuple(select(new, b, a) for a, b in zip(state, later, strict=True))

    def init(scalar: str) -> tuple[Expr, ...]:
        kinds = [e.dtype for e in begin(Complex(const(0, scalar), const(0, scalar)) if parts == 2 else const(0, scalar), const(0))]
        return tuple(const(0, kind) for kind in kinds)

    return Fold(init, step, finish, (begin, merge))


def _lower_extreme(combine: str, truth: str, limit: Callable[[str], int | float], compare: str) -> Choice:
    def pick(op: Op) -> Reduction | Fold:
        kind = op.operands[0].dtype.kind
        if kind == "c":
            return _complex_extreme(compare)
        if kind == "b":
            return Reduction(truth, lambda scalar: truth == "and")
        return Reduction(combine, limit)

    return Choice(pick)


def _jvp_extreme(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    x, t, axes = primals[0], tangents[0], attrs["axes"]
    if t is None:
        return [None]
    attained = ctx.equal(x, keep_dims(ctx, results[0], axes, x.dims))
    count = ctx.emit("reduce_sum", [ctx.where(attained, ctx.full(1, x.type), ctx.zeros(x.type))], {"axes": axes})[0]
    total = ctx.emit("reduce_sum", [ctx.where(attained, t, ctx.zeros(x.type))], {"axes": axes})[0]
    return [ctx.divide(total, count)]


def _reduction(name: str, reduce: Callable, lower: Reduction | Choice, jvp: Callable, dtypes: tuple[str, ...],
               numpy: tuple[Callable, ...], doc: str, needs_elements: str = "", **more: Any) -> None:
    register(OpDef(
        name, infer_reduction(needs_elements=needs_elements), _evaluate(reduce), lower, jvp,
        more.pop("transpose", NOT_LINEAR),
        batch_axes(name), attrs=("axes",), dtypes=dtypes, numpy=numpy, samples=reduction_samples(not needs_elements),
        doc=doc, **more))


_reduction("reduce_sum", lambda x, axes: x.sum(axis=axes, dtype=x.dtype),
           Reduction("add", lambda scalar: 0, _wide), _jvp_sum, NUMBERS, (np.sum, np.add.reduce), "The sum over `axes`.",
           transpose=_transpose_sum, traits=frozenset({"linear"}))
_reduction("reduce_prod", lambda x, axes: x.prod(axis=axes, dtype=x.dtype),
           Choice(_lower_prod), _jvp_prod, NUMBERS, (np.prod, np.multiply.reduce), "The product over `axes`.")
_reduction("reduce_max", lambda x, axes: x.max(axis=axes), _lower_extreme("max", "or", lowest, "gt"), _jvp_extreme,
           ALL_DTYPES, (np.max, np.maximum.reduce), "The greatest element over `axes`.",
           needs_elements="zero-size array to reduction operation maximum which has no identity")
_reduction("reduce_min", lambda x, axes: x.min(axis=axes), _lower_extreme("min", "and", highest, "lt"), _jvp_extreme,
           ALL_DTYPES, (np.min, np.minimum.reduce), "The least element over `axes`.",
           needs_elements="zero-size array to reduction operation minimum which has no identity")
for _name, _numpy in (("fmax", np.fmax), ("fmin", np.fmin)):
    _reduction(f"reduce_{_name}", lambda x, axes, f=_numpy: f.reduce(x, axis=axes), Reduction(_name, lambda scalar: np.nan),
               _jvp_extreme, ("f16", "f32", "f64"), (_numpy.reduce,),
               "The extreme number over `axes`; NaN where there is none.",
               needs_elements=f"zero-size array to reduction operation {_name} which has no identity")
_reduction("reduce_and", lambda x, axes: np.bitwise_and.reduce(x, axis=axes), Reduction("and", lambda scalar: -1),
           no_tangent, ("bool", *INTEGERS), (np.all, np.bitwise_and.reduce, np.logical_and.reduce),
           "Bitwise and over `axes`; of truth values: do all hold?")
_reduction("reduce_or", lambda x, axes: np.bitwise_or.reduce(x, axis=axes), Reduction("or", lambda scalar: 0),
           no_tangent, ("bool", *INTEGERS), (np.any, np.bitwise_or.reduce, np.logical_or.reduce),
           "Bitwise or over `axes`; of truth values: does any hold?")
_reduction("reduce_xor", lambda x, axes: np.bitwise_xor.reduce(x, axis=axes), Reduction("xor", lambda scalar: 0),
           no_tangent, ("bool", *INTEGERS), (np.bitwise_xor.reduce, np.logical_xor.reduce),
           "Bitwise exclusive or over `axes`; of truth values: is the number of those that hold odd?")
