"""`sort` and `argsort` along one axis, as NumPy orders: NaN last, complex numbers by real part, then imaginary part.

Attributes: `axis`, and `kind`, NumPy's name of the algorithm ("quicksort", "heapsort", "stable").  The runtime
routines `sort_<dtype>` and `argsort_<dtype>` (`loops.Call` says how they are called) are NumPy's own, so equal elements come
out in NumPy's order, too.  They sort one contiguous line, so each line is copied out, sorted, and copied in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..builder import Builder
from ..expr import Expr, const
from ..graph import Op, Value
from ..loops import Buffer, Call
from ..opdef import LowerContext, Missing, OpDef, Sample, Scalar, Statements, register
from ..types import DTYPE_NAMES, Dim, Type
from .shaping import ALL_DTYPES, INT64, Terms, array_type, check_axes, iota, loop_nest, no_tangent

KINDS = ("quicksort", "heapsort", "stable")


def _infer(result: np.dtype | None) -> Callable[[list[Value], dict], list[Type]]:
    def infer(operands: list[Value], attrs: dict) -> list[Type]:
        type_ = array_type(operands[0])
        check_axes([attrs["axis"]], type_.rank)
        if attrs["kind"] not in KINDS:
            raise ValueError(f"sort kind must be one of {', '.join(KINDS)} (got {attrs['kind']!r})")
        return [type_.with_dtype(result or type_.dtype)]

    return infer


def _batch(name: str) -> Callable[..., list[Value]]:
    def batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
        return ctx.emit(name, list(operands), {**attrs, "axis": attrs["axis"] + 1})

    return batch


def _jvp_sort(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    t = tangents[0]
    if t is None:
        return [None]
    return [take_along(ctx, t, ctx.emit("argsort", [primals[0]], attrs)[0], attrs["axis"])]


def take_along(ctx: Builder, x: Value, where: Value, axis: int) -> Value:
    """np.take_along_axis, for indexes known to be in range."""
    indices = [where if k == axis else iota(ctx, where.dims, k) for k in range(len(x.dims))]
    return ctx.emit("gather", [x, *indices], {"axes": tuple(range(len(indices))), "position": 0})[0]


def _lines(ctx: LowerContext, op: Op, sort_line: Callable[[Callable[[Expr], tuple[Expr, ...]]], None]) -> None:
    """Run sort_line for every line along the axis; it gets the map from a place in the line to the whole index."""
    axis, extents = op.attrs["axis"], ctx.dims(op.result)
    with loop_nest(ctx, (*extents[:axis], *extents[axis + 1:])) as others:
        sort_line(lambda k: (*others[:axis], k, *others[axis:]))


def _copy_line(ctx: LowerContext, source: Callable[[Expr], Scalar], target: Buffer,
               at: Callable[[Expr], tuple[Expr, ...]], n: Expr) -> None:
    with ctx.loop(0, n) as k:
        ctx.store(target, at(k), source(k))


def _in_line(k: Expr) -> tuple[Expr, ...]:
    return (k,)


def _lower_sort(ctx: LowerContext, op: Op) -> None:
    n, kind = ctx.dims(op.result)[op.attrs["axis"]], const(KINDS.index(op.attrs["kind"]))

    def sort_line(at: Callable[[Expr], tuple[Expr, ...]]) -> None:
        line = ctx.temp(op.result.dtype, (n,))
        _copy_line(ctx, lambda k: ctx.read(0, at(k)), line, _in_line, n)
        ctx.emit(Call(f"sort_{DTYPE_NAMES[op.result.dtype]}", (), (line,), (const(0), n, kind)))
        _copy_line(ctx, lambda k: ctx.load(line, (k,)), ctx.out(), at, n)

    _lines(ctx, op, sort_line)


def _lower_argsort(ctx: LowerContext, op: Op) -> None:
    n, kind = ctx.dims(op.result)[op.attrs["axis"]], const(KINDS.index(op.attrs["kind"]))
    dtype = op.operands[0].dtype

    def sort_line(at: Callable[[Expr], tuple[Expr, ...]]) -> None:
        line, order = ctx.temp(dtype, (n,)), ctx.temp(INT64, (n,))
        _copy_line(ctx, lambda k: ctx.read(0, at(k)), line, _in_line, n)
        ctx.emit(Call(f"argsort_{DTYPE_NAMES[dtype]}", (line,), (order,), (const(0), const(0), n, kind)))
        _copy_line(ctx, lambda k: ctx.load(order, (k,)), ctx.out(), at, n)

    _lines(ctx, op, sort_line)


_SAMPLES = tuple(Sample((shape,), {"axis": axis, "kind": kind}) for kind in ("quicksort", "stable")
                 for shape, axis in (((7,), 0), ((3, 5), 1), ((4, 3), 0), ((2, 3, 2), 1), ((0, 3), 0), ((1,), 0)))

register(OpDef(
    "sort", _infer(None),
    lambda xp, operands, attrs, types: [xp.sort(operands[0], axis=attrs["axis"], kind=attrs["kind"])],
    Statements(_lower_sort), _jvp_sort, Missing("not linear: its derivative is a gather"), _batch("sort"),
    attrs=("axis", "kind"), dtypes=ALL_DTYPES, numpy=(np.sort,), traits=frozenset({"idempotent"}), samples=_SAMPLES,
    doc="The elements of each line along `axis` in order."))

register(OpDef(
    "argsort", _infer(INT64),
    lambda xp, operands, attrs, types: [xp.argsort(operands[0], axis=attrs["axis"], kind=attrs["kind"])],
    Statements(_lower_argsort), no_tangent, Missing("not linear"), _batch("argsort"),
    attrs=("axis", "kind"), dtypes=ALL_DTYPES, numpy=(np.argsort,), samples=_SAMPLES,
    doc="The int64 positions that would sort each line along `axis`, in NumPy's own order among equals."))
