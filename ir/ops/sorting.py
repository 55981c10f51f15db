"""`sort` and `argsort` along one axis, as NumPy orders: NaN last, complex numbers by real part, then imaginary part.

Attributes: `axis`, and `kind`, NumPy's name of the algorithm ("quicksort", "heapsort", "stable").  The runtime
routines `sort_<dtype>` and `argsort_<dtype>` (`loops.Call` says how they are called) are NumPy's own, so equal elements come
out in NumPy's order, too.  They sort one contiguous line, so other lines are copied out, sorted, and copied in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ..builder import Builder
from ..expr import Expr, const
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..loops import Buffer, Call
from ..opdef import LowerContext, Missing, OpDef, Sample, Statements, Strided, register
from ..types import DTYPE_NAMES, Dim, Type
from .shaping import ALL_DTYPES, INT64, Terms, array_type, check_axes, iota, loop_nest, no_tangent

KINDS = ("quicksort", "heapsort", "stable")
# Lines across the memory that are copied together.
STRIP = 16


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


class _Lines:
    """The lines along the axis, taken into contiguous memory a few at a time.

    Lines along the last axis come one by one.  Others come in strips of `STRIP` neighbours, so that reading and writing
    them runs along the memory of rows.
    """

    def __init__(self, ctx: LowerContext, op: Op) -> None:
        self.ctx, self.op, self.axis = ctx, op, op.attrs["axis"]
        self.extents = ctx.dims(op.result)
        self.n, self.kind = self.extents[self.axis], const(KINDS.index(op.attrs.get("kind", "quicksort")))
        self.is_last = self.axis == len(self.extents) - 1

    def lie_in_result(self) -> bool:
        """Are the result's lines contiguous?"""
        out, parts = self.ctx.out(), 2 if self.op.result.dtype.kind == "c" else 1
        return self.is_last and out.strides[self.axis].is_const and out.strides[self.axis].payload == parts

    def each(self, work: Callable[[Callable[[Expr, Expr], tuple[Expr, ...]], Expr], None], kind: str = "par") -> None:
        """work(at, count) for every strip of `count` lines; at(line, k) is where element k of a line of it lies."""
        before, after = self.extents[:self.axis], self.extents[self.axis + 1:]
        if self.is_last:
            with loop_nest(self.ctx, before, kind) as outer:
                work(lambda line, k: (*outer, k), const(1))
            return
        with loop_nest(self.ctx, (*before, *after[:-1]), kind) as outer:
            with self.ctx.loop(0, after[-1], kind, STRIP) as first:
                lead, middle = outer[:self.axis], outer[self.axis:]
                work(lambda line, k: (*lead, k, *middle, first + line), scalar_op("min", after[-1] - first, STRIP))

    def strip(self, dtype: np.dtype) -> Buffer:
        return self.ctx.temp(dtype, (1 if self.is_last else STRIP, self.n))

    def fill(self, strip: Buffer, at: Callable[[Expr, Expr], tuple[Expr, ...]], count: Expr) -> None:
        with self._elements(count) as (k, line):
            self.ctx.store(strip, (line, k), self.ctx.read(0, at(line, k)))

    def empty(self, strip: Buffer, at: Callable[[Expr, Expr], tuple[Expr, ...]], count: Expr) -> None:
        with self._elements(count) as (k, line):
            self.ctx.store(self.ctx.out(), at(line, k), self.ctx.load(strip, (line, k)))

    @contextmanager
    def _elements(self, count: Expr) -> Iterator[tuple[Expr, Expr]]:
        """A loop over the elements of a strip; of a single line, one that runs in vectors."""
        with loop_nest(self.ctx, (self.n,) if self.is_last else (self.n, count)) as index:
            yield index[0], const(0) if self.is_last else index[1]

    def call(self, routine: str, count: Expr, reads: Sequence[Buffer], writes: Sequence[Buffer], dtype: np.dtype) -> None:
        """Run the routine on each line of the strips."""
        with self.ctx.loop(0, count, "seq") as line:
            starts = [line * b.strides[0] for b in (*reads, *writes)]
            self.ctx.emit(Call(f"{routine}_{DTYPE_NAMES[dtype]}", tuple(reads), tuple(writes), (*starts, self.n, self.kind)))


def _lower_sort(ctx: LowerContext, op: Op) -> None:
    lines, dtype = _Lines(ctx, op), op.result.dtype
    if dtype.itemsize == 1:  # equal ones cannot be told apart, and NumPy's stable sort counts them
        lines.kind = const(KINDS.index("stable"))
    if lines.lie_in_result():
        _fill_result(lines)
        with _line_in_result(lines) as start:
            ctx.emit(Call(f"sort_{DTYPE_NAMES[dtype]}", (), (ctx.out(),), (start, lines.n, lines.kind)))
        return

    def work(at: Callable[[Expr, Expr], tuple[Expr, ...]], count: Expr) -> None:
        strip = lines.strip(dtype)
        lines.fill(strip, at, count)
        lines.call("sort", count, (), (strip,), dtype)
        lines.empty(strip, at, count)

    lines.each(work)


def _fill_result(lines: _Lines) -> None:
    ctx = lines.ctx
    with loop_nest(ctx, lines.extents) as index:
        ctx.store(ctx.out(), index, ctx.read(0, index))


@contextmanager
def _line_in_result(lines: _Lines, kind: str = "par") -> Iterator[Expr]:
    """A loop over the lines that lie contiguously in the result: where the loop's line begins there."""
    with loop_nest(lines.ctx, lines.extents[:-1], kind) as outer:
        yield _offset(outer, lines.ctx.out().strides)


def _offset(index: Sequence[Expr], strides: Sequence[Expr]) -> Expr:
    return sum((i * stride for i, stride in zip(index, strides, strict=False)), const(0))


def _lower_argsort(ctx: LowerContext, op: Op) -> None:
    lines, dtype = _Lines(ctx, op), op.operands[0].dtype

    def work(at: Callable[[Expr, Expr], tuple[Expr, ...]], count: Expr) -> None:
        strip, order = lines.strip(dtype), lines.strip(INT64)
        lines.fill(strip, at, count)
        lines.call("argsort", count, (strip,), (order,), dtype)
        lines.empty(order, at, count)

    lines.each(work)


_SAMPLES = tuple(Sample((shape,), {"axis": axis, "kind": kind}) for kind in ("quicksort", "stable")
                 for shape, axis in (((7,), 0), ((3, 5), 1), ((4, 3), 0), ((2, 3, 2), 1), ((0, 3), 0), ((3, 20), 0)))

register(OpDef(
    "sort", _infer(None),
    lambda xp, operands, attrs, types: [xp.sort(operands[0], axis=attrs["axis"], kind=attrs["kind"])],
    Statements(_lower_sort, reads_once=True), _jvp_sort, Missing("not linear: its derivative is a gather"), _batch("sort"),
    attrs=("axis", "kind"), dtypes=ALL_DTYPES, numpy=(np.sort,), traits=frozenset({"idempotent"}), samples=_SAMPLES,
    doc="The elements of each line along `axis` in order."))

register(OpDef(
    "argsort", _infer(INT64),
    lambda xp, operands, attrs, types: [xp.argsort(operands[0], axis=attrs["axis"], kind=attrs["kind"])],
    Statements(_lower_argsort, reads_once=True), no_tangent, Missing("not linear"), _batch("argsort"),
    attrs=("axis", "kind"), dtypes=ALL_DTYPES, numpy=(np.argsort,), samples=_SAMPLES,
    doc="The int64 positions that would sort each line along `axis`, in NumPy's own order among equals."))


# --- partial orders ----------------------------------------------------------------------------------------------------


def _infer_partial(result: np.dtype | None) -> Callable[[list[Value], dict], list[Type]]:
    def infer(operands: list[Value], attrs: dict) -> list[Type]:
        type_ = array_type(operands[0])
        check_axes([attrs["axis"]], type_.rank)
        if not attrs["kth"]:
            raise ValueError("a partition needs a place")
        return [type_.with_dtype(result or type_.dtype)]

    return infer


def _lower_partial(name: str) -> Callable[[LowerContext, Op], None]:
    """NumPy's own function runs on each line. It holds the GIL, so the lines come one after the other."""

    def lower(ctx: LowerContext, op: Op) -> None:
        lines, dtype = _Lines(ctx, op), op.operands[0].dtype
        places = op.attrs["kth"]
        kth = ctx.temp(INT64, (const(len(places)),))
        for k, place in enumerate(places):
            ctx.store(kth, (const(k),), const(place))
        if lines.lie_in_result():
            (_partition_result if name == "partition" else _argpartition_to_result)(lines, kth)
            return

        def work(at: Callable[[Expr, Expr], tuple[Expr, ...]], count: Expr) -> None:
            strip = lines.strip(dtype)
            result = lines.strip(INT64) if name == "argpartition" else strip
            lines.fill(strip, at, count)
            with ctx.loop(0, count, "seq") as line:
                reads = (kth,) if result is strip else (kth, strip)
                starts = [const(0), *[line * b.strides[0] for b in dict.fromkeys((strip, result))]]
                ctx.emit(Call(f"{name}_{DTYPE_NAMES[dtype]}", reads, (result,), (*starts, lines.n, const(len(places)))))
            lines.empty(result, at, count)

        lines.each(work, "seq")

    return lower


def _partition_result(lines: _Lines, kth: Buffer) -> None:
    ctx, dtype = lines.ctx, lines.op.result.dtype
    _fill_result(lines)
    with _line_in_result(lines, "seq") as start:
        ctx.emit(Call(f"partition_{DTYPE_NAMES[dtype]}", (kth,), (ctx.out(),), (const(0), start, lines.n, kth.dims[0])))


def _argpartition_to_result(lines: _Lines, kth: Buffer) -> None:
    """The routine only reads the operand: where its lines are contiguous, too, nothing is copied."""
    ctx, dtype, out = lines.ctx, lines.op.operands[0].dtype, lines.ctx.out()
    parts = 2 if dtype.kind == "c" else 1
    x = ctx.strided(0)
    if not (x.strides[-1].is_const and x.strides[-1].payload == parts):
        packed = ctx.buffer(0, contiguous=True)
        x = Strided(packed, const(0), packed.strides)
    with loop_nest(ctx, lines.extents[:-1], "seq") as outer:
        starts = (const(0), x.offset + _offset(outer, x.strides), _offset(outer, out.strides))
        ctx.emit(Call(f"argpartition_{DTYPE_NAMES[dtype]}", (kth, x.buffer), (out,), (*starts, lines.n, kth.dims[0])))


def _jvp_partition(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    """Each element's tangent goes where the element went: equal ones in order, wherever they were."""
    t = tangents[0]
    if t is None:
        return [None]
    options = {"axis": attrs["axis"], "kind": "stable"}
    before, after = (ctx.emit("argsort", [v], options)[0] for v in (primals[0], results[0]))
    rank = ctx.emit("argsort", [after], options)[0]
    return [take_along(ctx, t, take_along(ctx, before, rank, attrs["axis"]), attrs["axis"])]


_PARTIAL_SAMPLES = tuple(Sample((shape,), {"axis": axis, "kth": kth}) for shape, axis, kth in (
    ((7,), 0, (3,)), ((3, 5), 1, (4,)), ((4, 3), 0, (0,)), ((2, 3, 2), 1, (1, 2)), ((0, 3), 1, (1,)), ((5, 20), 0, (2,))))

register(OpDef(
    "partition", _infer_partial(None),
    lambda xp, operands, attrs, types: [xp.partition(operands[0], attrs["kth"], axis=attrs["axis"])],
    Statements(_lower_partial("partition"), reads_once=True), _jvp_partition,
    Missing("not linear: its derivative is a gather"), _batch("partition"), attrs=("axis", "kth"), dtypes=ALL_DTYPES,
    numpy=(np.partition,), samples=_PARTIAL_SAMPLES,
    doc="The elements of each line along `axis` with those at `kth` where sorting puts them, smaller ones before, larger behind."))

register(OpDef(
    "argpartition", _infer_partial(INT64),
    lambda xp, operands, attrs, types: [xp.argpartition(operands[0], attrs["kth"], axis=attrs["axis"])],
    Statements(_lower_partial("argpartition"), reads_once=True), no_tangent, Missing("not linear"), _batch("argpartition"),
    attrs=("axis", "kth"), dtypes=ALL_DTYPES, numpy=(np.argpartition,), samples=_PARTIAL_SAMPLES,
    doc="The int64 positions that would partition each line along `axis`."))
