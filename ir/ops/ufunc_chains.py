"""Reductions whose every element waits for the one before, by NumPy's own loops: `ufunc_reduce`, `ufunc_accumulate`,
`ufunc_reduceat`, `ufunc_at`.

Where ufunc(state, element) cannot be reordered there is nothing to do in vectors, and a chain is as fast as one evaluation
is short; the C loops that NumPy has for this are.  The routine `ufunc_<type>_<name>` (`loops.Call`) runs one over strided
memory: with a step of 0 for the state it reduces, with the result one element behind it accumulates.  Along an axis that is not
the last one whole rows are combined, as in NumPy.

Attributes: `ufunc`, its name in `numpy`; `axis`.  These ops exist only after all transformations: a `call` with the attribute
`chain` says the same as a loop, which is what is differentiated and batched, and `passes/inline.py` makes them of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..expr import Expr, const, select
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..loops import Call
from ..opdef import LowerContext, Missing, OpDef, Sample, Scalar, Statements, Update, register
from ..types import ArrayType, Type, same_dims
from .shaping import INT64, NUMBERS, array_type, check_axes, loop_nest, read_index

_BEFORE = Missing("made after all transformations, of a call whose callee is a loop over the ufunc")
# Rows shorter than this are walked along the axis, element by element.
SHORT_ROW = 8
# Their loops take a state that stays in place for whole vectors to be computed at once, and NumPy's own reductions of floats are
# wrong where they do; the states of a stretch of this length are laid one behind the other, which they see.
_BLIND, STRETCH = ("arctan2", "power"), 512


def letter_of(name: str, dtype: np.dtype) -> str | None:
    """The type letter of the loop of numpy's `name` from two of this dtype to a third; None if there is none."""
    ufunc = getattr(np, name)
    return next((t[0] for t in ufunc.types if len(t) == 5 and t[0] == t[1] == t[-1] and np.dtype(t[0]) == dtype), None)


def _routine(op: Op) -> str:
    return f"ufunc_{letter_of(op.attrs['ufunc'], op.operands[0].dtype)}_{op.attrs['ufunc']}"


class _Lines:
    """Where the lines of the operand and of the result lie; places and strides are in the buffers' (component) scalars."""

    def __init__(self, ctx: LowerContext, op: Op) -> None:
        self.ctx, self.op, self.routine = ctx, op, _routine(op)
        self.x, self.out, self.dims = ctx.strided(0), ctx.out(), ctx.dims(op.operands[0])

    def in_operand(self, index: Sequence[Expr]) -> Expr:
        return self.x.offset + sum((i * s for i, s in zip(index, self.x.strides, strict=False)), const(0))

    def in_result(self, index: Sequence[Expr]) -> Expr:
        return sum((i * s for i, s in zip(index, self.out.strides, strict=False)), const(0))

    def combine(self, state: Expr, element: Expr, result: Expr, count: Expr, steps: Sequence[Expr]) -> None:
        """`count` elements of the result at `result` become ufunc(state, element)."""
        self.ctx.emit(Call(self.routine, (self.out, self.x.buffer), (self.out,), (state, element, result, count, *steps)))

    def reduce(self, index: Sequence[Expr], begin: Scalar, element: Expr, count: Expr, step: Expr) -> None:
        """The result there is what `count` elements from `element` on make of `begin`."""
        ctx, zero = self.ctx, const(0)
        if self.op.attrs["ufunc"] not in _BLIND or self.op.result.dtype.kind != "f":
            ctx.store(self.out, index, begin)
            at = self.in_result(index)
            self.combine(at, element, at, count, (zero, step, zero))
            return
        states = ctx.temp(self.op.result.dtype, (STRETCH + 1,))
        ctx.store(states, (zero,), begin)
        with ctx.loop(0, count, "seq", STRETCH) as first:
            now = ctx.let(scalar_op("min", count - first, STRETCH))
            assert isinstance(now, Expr)
            ctx.emit(Call(self.routine, (states, self.x.buffer), (states,), (
                zero, element + first * step, const(1), now, const(1), step, const(1))))
            ctx.store(states, (zero,), ctx.load(states, (now,)))
        ctx.store(self.out, index, ctx.load(states, (zero,)))

    def along_rows(self, axis: int) -> bool:
        """Are whole rows to be combined?  Not along the last axis."""
        row = self.dims[-1]
        return axis != len(self.dims) - 1 and not (row.is_const and int(row.payload) < SHORT_ROW)  # type: ignore[arg-type]


def _put(index: Sequence[Expr], axis: int, i: Expr) -> tuple[Expr, ...]:
    return (*index[:axis], i, *index[axis:])


def _lower_reduce(ctx: LowerContext, op: Op) -> None:
    lines, axis = _Lines(ctx, op), op.attrs["axis"]
    length, first = lines.dims[axis], const(0 if len(op.operands) == 2 else 1)
    kept, zero = (*lines.dims[:axis], *lines.dims[axis + 1:]), const(0)

    def begin(index: tuple[Expr, ...]) -> Scalar:
        return ctx.read(1, index) if len(op.operands) == 2 else ctx.read(0, _put(index, axis, zero))

    if not lines.along_rows(axis):
        with loop_nest(ctx, kept) as index:
            lines.reduce(index, begin(index), lines.in_operand(_put(index, axis, first)), length - first, lines.x.strides[axis])
        return
    with loop_nest(ctx, kept[:-1]) as outer:
        with ctx.loop(0, kept[-1]) as k:
            ctx.store(lines.out, (*outer, k), begin((*outer, k)))
        at, step = lines.in_result(outer), lines.out.strides[len(outer)]
        with ctx.loop(first, length, "seq") as i:
            lines.combine(at, lines.in_operand(_put((*outer, zero), axis, i)), at, kept[-1],
                          (step, lines.x.strides[len(lines.dims) - 1], step))


def _lower_accumulate(ctx: LowerContext, op: Op) -> None:
    lines, axis = _Lines(ctx, op), op.attrs["axis"]
    length, one, zero = lines.dims[axis], const(1), const(0)
    others = (*lines.dims[:axis], *lines.dims[axis + 1:])
    if not lines.along_rows(axis):
        with loop_nest(ctx, others) as index:
            start = _put(index, axis, zero)
            ctx.store(lines.out, start, ctx.read(0, start))
            step = lines.out.strides[axis]
            lines.combine(lines.in_result(start), lines.in_operand(_put(index, axis, one)), lines.in_result(_put(index, axis, one)),
                          length - 1, (step, lines.x.strides[axis], step))
        return
    with loop_nest(ctx, others[:-1]) as outer:
        with ctx.loop(0, others[-1]) as k:
            start = _put((*outer, k), axis, zero)
            ctx.store(lines.out, start, ctx.read(0, start))
        step = lines.out.strides[len(lines.dims) - 1]
        with ctx.loop(1, length, "seq") as i:
            row = _put((*outer, zero), axis, i)
            lines.combine(lines.in_result(_put((*outer, zero), axis, i - 1)), lines.in_operand(row), lines.in_result(row),
                          others[-1], (step, lines.x.strides[len(lines.dims) - 1], step))


def _lower_reduceat(ctx: LowerContext, op: Op) -> None:
    """Along the last axis; the places are known to be in range."""
    lines = _Lines(ctx, op)
    length, (places,) = lines.dims[-1], ctx.dims(op.operands[1])
    with loop_nest(ctx, (*lines.dims[:-1], places)) as index:
        *outer, j = index
        first = read_index(ctx, 1, (j,))
        following = read_index(ctx, 1, (scalar_op("min", j + 1, places - 1),))
        stop = select((j + 1).equals(places), length, following)
        count = scalar_op("max", stop - first - 1, 0)
        lines.reduce(index, ctx.read(0, (*outer, first)), lines.in_operand((*outer, first + 1)), count, lines.x.strides[len(outer)])


def _lower_at(ctx: LowerContext, op: Op) -> None:
    """Index after index; all are known to be in range."""
    out, routine, zero, one = ctx.out(), _routine(op), const(0), const(1)
    (count,) = ctx.dims(op.operands[1])
    element = ctx.temp(op.result.dtype, ())
    with ctx.loop(0, count, "seq") as j:
        ctx.store(element, (), ctx.read(2, (j,)))
        at = read_index(ctx, 1, (j,)) * out.strides[0]
        ctx.emit(Call(routine, (out, element), (out,), (at, zero, at, one, one, one, one)))


def _check_loop(x: ArrayType, attrs: dict) -> None:
    check_axes([attrs["axis"]], x.rank)
    if letter_of(attrs["ufunc"], x.dtype) is None:
        raise TypeError(f"NumPy's {attrs['ufunc']} has no loop over {x.dtype} alone")


def _infer_reduce(operands: list[Value], attrs: dict) -> list[Type]:
    x, axis = array_type(operands[0]), attrs["axis"]
    _check_loop(x, attrs)
    result = ArrayType(x.dtype, (*x.dims[:axis], *x.dims[axis + 1:]))
    if len(operands) > 2 or (len(operands) == 2 and operands[1].type != result):
        raise TypeError("ufunc_reduce takes an array, and perhaps the values to begin with")
    return [result]


def _infer_accumulate(operands: list[Value], attrs: dict) -> list[Type]:
    (x,) = map(array_type, operands)
    _check_loop(x, attrs)
    return [x]


def _infer_reduceat(operands: list[Value], attrs: dict) -> list[Type]:
    x, where = map(array_type, operands)
    _check_loop(x, attrs)
    if attrs["axis"] != x.rank - 1 or where.rank != 1 or where.dtype != INT64:
        raise TypeError("ufunc_reduceat takes an array and a vector of int64, and goes along the last axis")
    return [x.with_dims((*x.dims[:-1], where.dims[0]))]


def _infer_at(operands: list[Value], attrs: dict) -> list[Type]:
    x, where, values = map(array_type, operands)
    _check_loop(x, attrs)
    if x.rank != 1 or where.rank != 1 or where.dtype != INT64 or values.dtype != x.dtype or not same_dims(values.dims, where.dims):
        raise TypeError("ufunc_at takes three vectors: of numbers, of int64, and of as many numbers")
    return [x]


def _evaluate(run: Callable[..., Any]) -> Callable[..., list]:
    def evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
        with np.errstate(all="ignore"):
            found = run(getattr(np, attrs["ufunc"]), attrs["axis"], *map(np.asarray, operands))
        return [xp.asarray(found)]

    return evaluate


def _reduced(ufunc: np.ufunc, axis: int, x: np.ndarray, begin: np.ndarray | None = None) -> Any:
    """The last of all states: see `_BLIND`."""
    if begin is not None:
        x = np.concatenate([np.expand_dims(begin, axis), x], axis=axis)
    return ufunc.accumulate(x, axis=axis, dtype=x.dtype).take(-1, axis=axis)


def _combined_at(ufunc: np.ufunc, axis: int, x: np.ndarray, where: np.ndarray, values: np.ndarray) -> np.ndarray:
    result = x.copy()
    ufunc.at(result, where, values)
    return result


def _chain(name: str, infer: Callable, run: Callable, lower: Statements | Update, samples: Sequence[Sample], doc: str) -> None:
    register(OpDef(name, infer, _evaluate(run), lower, _BEFORE, _BEFORE, _BEFORE, attrs=("ufunc", "axis"), dtypes=NUMBERS,
                   samples=tuple(samples), doc=doc))


def _places_in_range(operands: list[np.ndarray]) -> list[np.ndarray]:
    return [operands[0], np.abs(operands[1]) % operands[0].shape[-1], *operands[2:]]


def _sample(axis: int, ufunc: str, *shapes: tuple[int, ...], dtype: str = "f64", places: bool = False) -> Sample:
    """A sample over one dtype; powers are of ones and twos, which all loops compute exactly."""
    dtypes = tuple("i64" if places and k == 1 else dtype for k in range(len(shapes)))
    prepare = _places_in_range if places else _whole if ufunc == "power" else None
    return Sample(shapes, {"ufunc": ufunc, "axis": axis}, dtypes, (0.6, 2.4), prepare)


def _whole(operands: list[np.ndarray]) -> list[np.ndarray]:
    return [np.rint(x) for x in operands]


_chain("ufunc_reduce", _infer_reduce, _reduced, Statements(_lower_reduce, views=True),
       [_sample(0, "power", (4,)), _sample(1, "fmod", (3, 5), dtype="f32"), _sample(0, "divide", (4, 3)),
        _sample(0, "remainder", (4, 9)), _sample(1, "divide", (2, 5, 9)), _sample(1, "gcd", (3, 5), (3,), dtype="i32"),
        _sample(1, "maximum", (2, 3), dtype="c128")], "ufunc.reduce along `axis`; a second operand is what to begin with.")
_chain("ufunc_accumulate", _infer_accumulate, lambda ufunc, axis, x: ufunc.accumulate(x, axis=axis, dtype=x.dtype),
       Statements(_lower_accumulate, views=True),
       [_sample(0, "divide", (7,)), _sample(1, "power", (3, 4), dtype="f32"), _sample(0, "fmod", (4, 9)),
        _sample(1, "maximum", (2, 5, 3), dtype="f16"), _sample(1, "maximum", (2, 3), dtype="c128")],
       "ufunc.accumulate along `axis`.")
_chain("ufunc_reduceat", _infer_reduceat, lambda ufunc, axis, x, where: ufunc.reduceat(x, where, axis=axis, dtype=x.dtype),
       Statements(_lower_reduceat, views=True),
       [_sample(0, "gcd", (7,), (4,), dtype="i64", places=True), _sample(1, "maximum", (3, 5), (6,), dtype="c64", places=True)],
       "ufunc.reduceat along `axis`, the last one; the places are in range.")
_chain("ufunc_at", _infer_at, _combined_at, Update(_lower_at),
       [_sample(0, "divide", (7,), (4,), (4,), places=True), _sample(0, "maximum", (5,), (9,), (9,), dtype="c64", places=True)],
       "ufunc.at on a vector; the places are in range.")
