"""What the rules of non-elementwise ops share: extents with run-time values, batch axes, linear ops, loop nests.

Invariant: an op's run-time extents and starts are operands behind its arrays, and attributes name them by `Slot`.
`emit_shaped` and `emit_view` keep that true when a rule makes an op again with other operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ..builder import Builder, dim_template, fill_dims
from ..errors import UnsupportedError
from ..expr import Expr, cast
from ..graph import Value
from ..opdef import Complex, Linear, LowerContext, Scalar
from ..types import ArrayType, Dim, Type, WeakType, same_dims
from ..viewmap import ViewMap, renumber_slots, slots_of

Terms = list[Value | None]

INT64 = np.dtype(np.int64)
ALL_DTYPES = ("bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f16", "f32", "f64", "c64", "c128")
NUMBERS = ALL_DTYPES[1:]
INEXACT = ("f16", "f32", "f64", "c64", "c128")


def array_type(x: Value | Linear) -> ArrayType:
    """The type of an operand that must be an array."""
    if not isinstance(x.type, ArrayType):
        raise TypeError(f"an array is expected, not {x.type}")
    return x.type


def is_index(t: Type) -> bool:
    """May a value of this type stand in a `Slot`?"""
    return t == WeakType("int") or (isinstance(t, ArrayType) and not t.dims and t.dtype == INT64)


def check_slots(operands: Sequence[Value], first: int) -> None:
    """Operands from number `first` on fill slots, so they must be integers."""
    for x in operands[first:]:
        if not is_index(x.type):
            raise TypeError(f"a run-time extent or start must be an integer, not {x.type}")


def check_axes(axes: Sequence[int], rank: int) -> None:
    """Axes are distinct and counted from the front."""
    if len(set(axes)) != len(axes) or not all(0 <= a < rank for a in axes):
        raise ValueError(f"axes {tuple(axes)} do not fit an array of rank {rank}")


def may_equal(a: Dim, b: Dim) -> bool:
    """Could these extents be equal? A run-time one could be anything."""
    return not (isinstance(a, int) and isinstance(b, int)) or a == b


def concrete_dims(attrs: dict, operands: Sequence) -> tuple[int, ...]:
    """Attribute `dims` with its slots filled by the evaluated operands."""
    return tuple(int(d) for d in fill_dims(attrs["dims"], operands))


def emit_shaped(ctx: Builder, name: str, arrays: Sequence[Value], dims: Sequence[Dim], **attrs: Any) -> Value:
    """An op with attribute `dims`, its run-time extents as operands behind `arrays`."""
    extents = [d for d in dims if isinstance(d, Value)]
    return ctx.emit(name, [*arrays, *extents], {"dims": dim_template(dims, len(arrays)), **attrs})[0]


def emit_view(ctx: Builder, name: str, arrays: Sequence[Value], view_map: ViewMap, dims: Sequence[Dim],
              operands: Sequence[Value]) -> Value:
    """An op with attributes `map` and `dims`; the slots in `view_map` are numbers of `operands`."""
    starts = list(dict.fromkeys(s.operand for s in slots_of(view_map)))
    first = len(arrays)
    new_map = renumber_slots(view_map, lambda k: first + starts.index(k))
    extents = [d for d in dims if isinstance(d, Value)]
    return ctx.emit(name, [*arrays, *(operands[k] for k in starts), *extents],
                    {"map": new_map, "dims": dim_template(dims, first + len(starts))})[0]


def reshape(ctx: Builder, x: Value, dims: Sequence[Dim]) -> Value:
    return x if same_dims(x.dims, tuple(dims)) else emit_shaped(ctx, "reshape", [x], dims)


def transpose(ctx: Builder, x: Value, axes: Sequence[int]) -> Value:
    return x if tuple(axes) == tuple(range(len(axes))) else ctx.emit("transpose", [x], {"axes": tuple(axes)})[0]


def move_axis(ctx: Builder, x: Value, source: int, target: int) -> Value:
    order = [k for k in range(len(x.dims)) if k != source]
    order.insert(target, source)
    return transpose(ctx, x, order)


def iota(ctx: Builder, dims: Sequence[Dim], axis: int) -> Value:
    """The index along `axis`, as an int64 array of extents `dims`."""
    return emit_shaped(ctx, "iota", [], dims, axis=axis, dtype="i64")


def as_array(ctx: Builder, x: Value) -> Value:
    """A Python int as an int64 of rank 0; arrays as they are."""
    return x if isinstance(x.type, ArrayType) else ctx.emit("cast", [x], {"dtype": "i64"})[0]


def batched(ctx: Builder, x: Value, is_batched: bool, size: Dim) -> Value:
    """`x` with the batch axis in front; an unbatched one is repeated."""
    return x if is_batched else ctx.broadcast_to(x, (size, *x.dims))


def refuse_batched(flags: Sequence[bool], what: str) -> None:
    if any(flags):
        raise UnsupportedError(f"vmap over {what}", "it differs from lane to lane, so the lanes have no common shape")


def or_zeros(ctx: Builder, tangent: Value | None, primal: Value) -> Value:
    return ctx.zeros(primal.type) if tangent is None else tangent


def linear_jvp(name: str, arrays: int | None = 1) -> Callable[..., Terms]:
    """The jvp of an op linear in its first `arrays` operands taken together (None: in all)."""

    def jvp(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
        n = len(primals) if arrays is None else arrays
        if all(t is None for t in tangents[:n]):
            return [None]
        moving = [or_zeros(ctx, t, x) for t, x in zip(tangents[:n], primals[:n], strict=True)]
        return ctx.emit(name, [*moving, *primals[n:]], attrs)  # type: ignore[return-value]

    return jvp


def no_tangent(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    """The jvp of an op whose results are integers or truth values."""
    return [None] * len(results)


@contextmanager
def loop_nest(ctx: LowerContext, extents: Sequence[Expr | int], kind: str = "par") -> Iterator[tuple[Expr, ...]]:
    """Loops over a box, the last axis innermost."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(ctx.loop(0, n, kind)) for n in extents)


def real(x: Scalar) -> Expr:
    """A scalar that is known not to be complex."""
    assert isinstance(x, Expr)
    return x


def read_index(ctx: LowerContext, operand: int, place: Sequence[Expr] = ()) -> Expr:
    """An element of an integer operand as an i64."""
    return cast(real(ctx.read(operand, place)), "i64")


def add_scalars(a: Scalar, b: Scalar) -> Scalar:
    """Sum of two real, two complex, or two truth values (then: or)."""
    if isinstance(a, Complex):
        assert isinstance(b, Complex)
        return Complex(a.re + b.re, a.im + b.im)
    assert isinstance(b, Expr)
    return a | b if a.dtype == "i1" else a + b


def multiply_scalars(a: Scalar, b: Scalar) -> Scalar:
    """Product of two real, two complex, or two truth values (then: and)."""
    if isinstance(a, Complex):
        assert isinstance(b, Complex)
        return Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
    assert isinstance(b, Expr)
    return a & b if a.dtype == "i1" else a * b
