"""Discrete Fourier transforms along one axis: `fft`, `rfft`, `irfft`; each is one loop of NumPy's over the lines.

Attributes: `axis`; `n`, the number of points, to which a line is cut or filled up with zeros (of `fft` also None: as many as
the line has); `scale`, a factor of the result.
`fft{inverse}` is to complex from complex or real; `rfft` gives the first n // 2 + 1 frequencies of a real line;
`irfft` makes a real line of n points of them.  Norms and transforms over several axes are the front end's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import gufuncs
from ..builder import Builder
from ..expr import Expr, const
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..opdef import Choice, Complex, LowerContext, OpDef, Sample, Statements, Strided, register
from ..types import Dim, Type, same_dims
from .complexes import PART, WHOLE
from .lapack import Stack, routine, run_loop
from .matrices import head
from .shaping import Terms, array_type, check_axes, iota, linear_jvp, loop_nest, real

# The cost of a point of a transform, in the multiplications that pieces of work are measured in.
POINT_WORK = 24


def _result_length(name: str, attrs: dict, own: Dim) -> Dim:
    """How many elements a line of the result has; own: of the operand."""
    if attrs["n"] is None:
        return own
    return attrs["n"] // 2 + 1 if name == "rfft" else attrs["n"]


def _ufunc(name: str, attrs: dict) -> str:
    if name == "fft":
        return "ifft" if attrs["inverse"] else "fft"
    if name == "rfft":
        return "rfft_n_odd" if attrs["n"] % 2 else "rfft_n_even"
    return "irfft"


def _infer(name: str, dtypes: dict[np.dtype, np.dtype]) -> Callable[[list[Value], dict], list[Type]]:
    def infer(operands: list[Value], attrs: dict) -> list[Type]:
        t = array_type(operands[0])
        axis, n = attrs["axis"], attrs["n"]
        check_axes([axis], t.rank)
        if t.dims[axis] == 0:
            raise ValueError(f"{name} of lines without elements")
        if t.dtype not in dtypes or (n is None and name != "fft") or (n is not None and n < 1):
            raise TypeError(f"{name} of {n} points takes {', '.join(map(str, dtypes))}, not {t}")
        length = _result_length(name, attrs, t.dims[axis])
        return [t.with_dtype(dtypes[t.dtype]).with_dims((*t.dims[:axis], length, *t.dims[axis + 1:]))]

    return infer


def _evaluate(name: str) -> Callable[..., list]:
    def evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
        x, axis = np.asarray(operands[0]), attrs["axis"]
        scale = np.asarray(attrs["scale"], PART.get(x.dtype, x.dtype))
        x = x if name == "rfft" or x.dtype.kind == "c" else x.astype(types[0].dtype)
        shape = (*x.shape[:axis], _result_length(name, attrs, x.shape[axis]), *x.shape[axis + 1:])
        result = np.empty(shape, types[0].dtype)
        gufuncs.call(_ufunc(name, attrs), [x, scale], axes=[(axis,), (), (axis,)], out=result)
        return [result]

    return evaluate


def _lower(name: str) -> Statements:
    """Lines are read where they lie."""

    def lower(ctx: LowerContext, op: Op) -> None:
        seen = ctx.strided(0)
        _run(ctx, op, name, seen, ctx.dims(op.operands[0])[op.attrs["axis"]])

    return Statements(lower, views=True)


def _lower_real(ctx: LowerContext, op: Op) -> None:
    """Real lines are made complex in the result's memory, and transformed there."""
    out, axis = ctx.out(), op.attrs["axis"]
    own, dims = ctx.dims(op.operands[0]), ctx.dims(op.result)
    zero = const(0, out.dtype)
    used = scalar_op("min", own[axis], dims[axis])
    with loop_nest(ctx, (*dims[:axis], used, *dims[axis + 1:])) as index:
        ctx.store(out, index, Complex(real(ctx.read(0, index)), zero))
    # A loop that finds its input in its output fills nothing up.
    with loop_nest(ctx, (*dims[:axis], dims[axis] - used, *dims[axis + 1:])) as index:
        ctx.store(out, (*index[:axis], index[axis] + used, *index[axis + 1:]), Complex(zero, zero))
    _run(ctx, op, "fft", Strided(out, const(0), out.strides), dims[axis])


def _run(ctx: LowerContext, op: Op, name: str, x: Strided, length: Expr) -> None:
    """Transform lines of `length` elements."""
    out, axis, dtype = ctx.out(), op.attrs["axis"], op.operands[0].dtype
    part = PART.get(dtype, dtype)
    scale = ctx.temp(part, ())
    ctx.store(scale, (), const(op.attrs["scale"], scale.dtype))
    dims = ctx.dims(op.result)
    others = [k for k in range(len(dims)) if k != axis]
    lines, results = (Stack(b, at, tuple(strides[k] for k in others), (strides[axis],))
                      for b, at, strides in (x, (out, const(0), out.strides)))
    factor = Stack(scale, const(0), tuple(const(0) for _ in others), ())
    run_loop(ctx, routine(_ufunc(name, op.attrs), dtype if name == "rfft" else WHOLE[part]), (lines, factor), (results,),
             [dims[k] for k in others], (length, dims[axis]), dims[axis] * POINT_WORK)


def _batch(name: str) -> Callable[..., list[Value]]:
    def batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
        return ctx.emit(name, list(operands), {**attrs, "axis": attrs["axis"] + 1})

    return batch


def _fitted(ctx: Builder, x: Value, axis: int, length: Dim) -> Value:
    """`x` cut or filled up with zeros to this length along the axis."""
    own = x.dims[axis]
    if same_dims((own,), (length,)):
        return x
    assert isinstance(own, int) and isinstance(length, int)
    if own > length:
        return head(ctx, x, axis, length)
    rank = len(x.dims)
    return ctx.pad(x, ctx.constant(0, x.type), low=(0,) * rank,
                   high=tuple(length - own if k == axis else 0 for k in range(rank)))


def _transpose_fft(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    """The matrix of the transform is symmetric."""
    g = cotangents[0]
    if g is None:
        return [None]
    axis, x = attrs["axis"], operands[0].type
    back = _fitted(ctx, ctx.emit("fft", [g], attrs)[0], axis, x.dims[axis])
    return [back if x.dtype.kind == "c" else ctx.real(back)]


def _transpose_rfft(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    """The frequencies that are left out count as zeros."""
    g = cotangents[0]
    if g is None:
        return [None]
    axis = attrs["axis"]
    full = ctx.emit("fft", [_fitted(ctx, g, axis, attrs["n"])], {**attrs, "inverse": False})[0]
    return [_fitted(ctx, ctx.real(full), axis, operands[0].type.dims[axis])]


def _transpose_irfft(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    """Each frequency stands for itself and for its mirror image, unless it is its own."""
    g = cotangents[0]
    if g is None:
        return [None]
    axis, n = attrs["axis"], attrs["n"]
    spectrum = ctx.conjugate(ctx.emit("rfft", [g], attrs)[0])
    place = iota(ctx, spectrum.dims, axis)
    own = ctx.equal(place, 0)
    if n % 2 == 0:
        own = ctx.logical_or(own, ctx.equal(place, n // 2))
    doubled = ctx.where(own, spectrum, ctx.multiply(spectrum, ctx.full(2, spectrum.type)))
    return [_fitted(ctx, doubled, axis, operands[0].type.dims[axis])]


_FFT, _FFT_OF_REAL = _lower("fft"), Statements(_lower_real, reads_once=True)


def _pick_fft(op: Op) -> Statements:
    return _FFT if op.operands[0].dtype.kind == "c" else _FFT_OF_REAL


def _samples(**attrs: Any) -> tuple[Sample, ...]:
    cases = (((6,), 0, 6), ((3, 5), 1, 5), ((4, 3), 0, 4), ((2, 3, 4), 1, 5), ((3, 6), 1, 4), ((2, 5), 1, 8), ((0, 4), 1, 4),
             ((3, 1), 1, 1))
    return tuple(Sample((shape,), {"axis": axis, "n": n, "scale": scale, **attrs})
                 for (shape, axis, n), scale in zip(cases, (1.0, 0.5, 1.0, 0.25) * 2, strict=True))


_OWN_LENGTH = tuple(Sample((shape,), {"axis": axis, "n": None, "scale": 0.5, "inverse": inverse})
                    for shape, axis, inverse in (((6,), 0, False), ((4, 3), 0, True), ((2, 3, 4), 1, False)))


def _transform(name: str, dtypes: dict[np.dtype, np.dtype], names: tuple[str, ...], transpose: Callable[..., Terms],
               samples: tuple[Sample, ...], numpy: tuple[Callable, ...], doc: str, attrs: tuple[str, ...] = (),
               lower: Choice | None = None) -> None:
    register(OpDef(name, _infer(name, dtypes), _evaluate(name), lower or _lower(name), linear_jvp(name), transpose, _batch(name),
                   attrs=("axis", "n", "scale", *attrs), numpy=numpy, dtypes=names, traits=frozenset({"linear"}),
                   samples=samples, doc=doc))


_transform("fft", {d: d for d in PART} | WHOLE, ("f32", "f64", "c64", "c128"), _transpose_fft,
           _samples(inverse=False) + _samples(inverse=True) + _OWN_LENGTH, (np.fft.fft, np.fft.ifft),
           "The discrete Fourier transform along `axis`, or its inverse without the factor 1/n.",
           ("inverse",), Choice(_pick_fft))
_transform("rfft", WHOLE, ("f32", "f64"), _transpose_rfft, _samples(), (np.fft.rfft,),
           "The first half of the transform of real lines.")
_transform("irfft", PART, ("c64", "c128"), _transpose_irfft, _samples(), (np.fft.irfft,),
           "The real lines of which the operand is the first half of the transform, without the factor 1/n.")
