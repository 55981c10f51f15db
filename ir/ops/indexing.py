"""Integer-array indexing: `check_index`, `gather`, `scatter`, `scatter_add`, `scatter_mul`, `scatter_min`, `scatter_max`.

`check_index(indices, extent?){axis, extent}` returns the indexes counted from the front, as int64, or raises NumPy's
IndexError that names the first bad one in C order.  Accesses consume what it returns, so no pass can part the two.

`gather(x, *indices){axes, position}` is x[..., i, j, ...]: one index array per axis in `axes` (increasing), all of the same
extents; other axes are taken whole.  In the result the extents of the index arrays stand at `position` among those other
axes.  `scatter(x, new, *indices){axes, position, unique}` is x after x[..., i, j, ...] = new: where a place is named twice,
the later in C order over the index arrays wins.  `scatter_add` and the others combine instead, as `ufunc.at` does, every
element in order.  `unique`: the front end knows that no place is named twice (places come from a mask).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..builder import Builder, Slot
from ..errors import UnsupportedError
from ..expr import Expr, cast, const, select
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..opdef import Checked, Choice, Element, Linear, LowerContext, Missing, OpDef, Sample, Scalar, Update, register
from ..types import ArrayType, Dim, Type, WeakType, same_dims
from .reductions import takes_over
from .shaping import (
    ALL_DTYPES,
    INT64,
    NUMBERS,
    Terms,
    add_scalars,
    array_type,
    batched,
    check_axes,
    check_slots,
    iota,
    is_index,
    linear_jvp,
    loop_nest,
    may_equal,
    move_axis,
    multiply_scalars,
    no_tangent,
    or_zeros,
    read_index,
    real,
    refuse_batched,
)
from .slicing import positions

# --- check_index -------------------------------------------------------------------------------------------------------


def _infer_check_index(operands: list[Value], attrs: dict) -> list[Type]:
    type_ = operands[0].type
    if type_ != WeakType("int") and array_type(operands[0]).dtype != INT64:
        raise TypeError(f"indexes must be int64 or a Python int, not {type_}")
    check_slots(operands, 1)
    if isinstance(attrs["extent"], Slot) != (len(operands) == 2):
        raise ValueError("the extent is an attribute or an operand")
    return [type_]


def _message(axis: int) -> str:
    return f"index {{0}} is out of bounds for axis {axis} with size {{1}}"


def _evaluate_check_index(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    indices = xp.asarray(operands[0])
    n = int(operands[1]) if isinstance(attrs["extent"], Slot) else attrs["extent"]
    bad = xp.nonzero(((indices < -n) | (indices >= n)).reshape(-1))[0]
    if bad.size:
        raise IndexError(_message(attrs["axis"]).format(int(indices.reshape(-1)[bad[0]]), n))
    wrapped = xp.where(indices < 0, indices + n, indices)
    return [int(wrapped) if isinstance(types[0], WeakType) else wrapped]


def _extent(ctx: LowerContext, op: Op) -> Expr:
    extent = op.attrs["extent"]
    return read_index(ctx, extent.operand) if isinstance(extent, Slot) else const(extent)


def _emit_check(ctx: LowerContext, op: Op) -> None:
    n = real(ctx.let(_extent(ctx, op), "extent"))
    extents = ctx.dims(op.operands[0])

    def index_at(place: tuple[Expr, ...]) -> Expr:
        return read_index(ctx, 0, place)

    def refuse(index: Expr) -> None:
        with ctx.branch((index < -n) | (index >= n)):
            ctx.raise_error("IndexError", _message(op.attrs["axis"]), (index, n))

    if not extents:
        refuse(real(ctx.let(index_at(()), "index")))
        return
    # Vectors decide whether all is well; only a failure looks for the index that NumPy names.
    limits = np.iinfo(np.int64)
    least = real(ctx.reduce(extents, const(limits.max), "min", index_at))
    greatest = real(ctx.reduce(extents, const(limits.min), "max", index_at))
    with ctx.branch((least < -n) | (greatest >= n)), loop_nest(ctx, extents, "seq") as place:
        refuse(real(ctx.let(index_at(place), "index")))


def _checked_element(ctx: LowerContext, op: Op, place: tuple[Expr, ...]) -> Scalar:
    index = real(ctx.read(0, place))
    return select(index < 0, index + cast(_extent(ctx, op), index.dtype), index)


def _batch_check_index(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim,
                       attrs: dict) -> list[Value]:
    refuse_batched(flags[1:], "an extent")
    return ctx.emit("check_index", list(operands), attrs)


register(OpDef(
    "check_index", _infer_check_index, _evaluate_check_index, Checked(_emit_check, _checked_element), no_tangent,
    Missing("integers carry no tangent"), _batch_check_index, attrs=("axis", "extent"), effect="check", dtypes=("i64",),
    samples=(Sample(((4,),), {"axis": 0, "extent": 4}), Sample(((2, 3),), {"axis": 1, "extent": 5}),
             Sample(((),), {"axis": 0, "extent": 4}), Sample(((0,),), {"axis": 0, "extent": 0})),
    doc="Indexes in range, counted from the front; IndexError names the first that is not."))


def _evaluate_wrap_index(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    n = int(operands[1]) if isinstance(attrs["extent"], Slot) else attrs["extent"]
    return [xp.where(xp.asarray(operands[0]) < 0, operands[0] + n, operands[0])]


def _batch_wrap_index(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim,
                      attrs: dict) -> list[Value]:
    refuse_batched(flags[1:], "an extent")
    return ctx.emit("wrap_index", list(operands), attrs)


register(OpDef(
    "wrap_index", _infer_check_index, _evaluate_wrap_index, Element(_checked_element), no_tangent,
    Missing("integers carry no tangent"), _batch_wrap_index, attrs=("axis", "extent"), dtypes=("i64",),
    samples=(Sample(((4,),), {"axis": 0, "extent": 4}), Sample(((2, 3),), {"axis": 1, "extent": 5}),
             Sample(((),), {"axis": 0, "extent": 4})),
    doc="`check_index` of indexes that are known to be in range."))

# --- gather ------------------------------------------------------------------------------------------------------------


def _check_indices(x: ArrayType, indices: Sequence[Value], attrs: dict) -> tuple[Dim, ...]:
    """The extents of x[indices]."""
    axes, position = attrs["axes"], attrs["position"]
    check_axes(axes, x.rank)
    if tuple(sorted(axes)) != tuple(axes) or len(axes) != len(indices) or not axes:
        raise ValueError(f"axes {axes} do not fit {len(indices)} index arrays")
    for i in indices:
        if not (is_index(i.type) or array_type(i).dtype == INT64) or not same_dims(i.dims, indices[0].dims):
            raise TypeError(f"index arrays must be int64 and of the same extents, not {i.type}")
    rest = [d for k, d in enumerate(x.dims) if k not in axes]
    if not 0 <= position <= len(rest):
        raise ValueError(f"there is no position {position} among {len(rest)} axes")
    return (*rest[:position], *indices[0].dims, *rest[position:])


def _numpy_index(attrs: dict, indices: Sequence[Any], shape: Sequence[int]) -> tuple[tuple, tuple[int, ...]]:
    """Index arrays for every axis of x that broadcast to the gathered extents, and those extents."""
    axes, position = attrs["axes"], attrs["position"]
    rest = [k for k in range(len(shape)) if k not in axes]
    extents = np.shape(indices[0])
    dims = (*(shape[k] for k in rest[:position]), *extents, *(shape[k] for k in rest[position:]))
    tail = len(rest) - position
    out: list[Any] = [None] * len(shape)
    for axis, i in zip(axes, indices, strict=True):
        out[axis] = np.asarray(i).reshape((*extents, *(1,) * tail))
    for place, axis in enumerate(rest):
        at = place if place < position else place + len(extents)
        out[axis] = np.arange(shape[axis]).reshape((-1,) + (1,) * (len(dims) - at - 1))
    return tuple(out), dims


def _infer_gather(operands: list[Value], attrs: dict) -> list[Type]:
    x = array_type(operands[0])
    return [x.with_dims(_check_indices(x, operands[1:], attrs))]


def _evaluate_gather(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    where, _ = _numpy_index(attrs, operands[1:], operands[0].shape)
    return [xp.asarray(operands[0][where])]


def place_of(ctx: LowerContext, op: Op, first: int, index: Sequence[Expr]) -> tuple[Expr, ...]:
    """Where element `index` of the gathered array lies in x; index arrays are the operands from number `first` on."""
    axes, position = op.attrs["axes"], op.attrs["position"]
    rank = len(op.operands[first].dims)
    named = {axis: read_index(ctx, first + k, tuple(index[position:position + rank]))
             for k, axis in enumerate(axes)}
    rest = iter((*index[:position], *index[position + rank:]))
    return tuple(named[k] if k in named else next(rest) for k in range(len(op.operands[0].dims)))


def _gather_element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    return ctx.read(0, place_of(ctx, op, 1, index))


def _transpose_gather(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, x = cotangents[0], operands[0]
    none = [None] * (len(operands) - 1)
    if g is None:
        return [None, *none]
    return [ctx.emit("scatter_add", [ctx.zeros(x.type), g, *operands[1:]], {**attrs, "unique": False})[0], *none]


def lane_attrs(attrs: dict, per_lane: bool) -> dict:
    """Attributes for an x with a leading batch axis: taken whole, or indexed by the lane where indexes vary."""
    axes = tuple(a + 1 for a in attrs["axes"])
    if per_lane:
        return {**attrs, "axes": (0, *axes)}
    return {**attrs, "axes": axes, "position": attrs["position"] + 1}


def lane_arrays(ctx: Builder, indices: Sequence[Value], flags: Sequence[bool], size: Dim) -> list[Value]:
    """Index arrays with a batch axis, behind one that names the lane."""
    out = [batched(ctx, i, f, size) for i, f in zip(indices, flags, strict=True)]
    return [iota(ctx, out[0].dims, 0), *out]


def _batch_gather(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    x, indices = operands[0], operands[1:]
    if not any(flags[1:]):
        return ctx.emit("gather", [x, *indices], lane_attrs(attrs, False))
    where = lane_arrays(ctx, indices, flags[1:], size)
    if flags[0]:
        got = ctx.emit("gather", [x, *where], lane_attrs(attrs, True))[0]
    else:
        got = ctx.emit("gather", [x, *where[1:]], attrs)[0]
    return [move_axis(ctx, got, attrs["position"], 0)]


_INDEX = ("i64",)


def _samples(operands: int, **more: Any) -> tuple[Sample, ...]:
    """Index arrays draw from 0 and 1, which every indexed axis has."""
    rows: tuple[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int, tuple[int, ...]], ...] = (
        ((4,), (3,), (0,), 0, (3,)), ((3, 4), (2, 2), (0,), 0, (2, 2, 4)), ((3, 4), (5,), (1,), 1, (3, 5)),
        ((3, 4), (5,), (0, 1), 0, (5,)), ((2, 3, 4), (2,), (0, 2), 0, (2, 3)), ((2, 3, 4), (2,), (1, 2), 1, (2, 2)),
        ((3,), (), (0,), 0, ()), ((3, 2), (0,), (0,), 0, (0, 2)), ((2, 3, 4), (1,), (0, 2), 0, (1, 3)))
    rows = tuple(row for row in rows if not more.get("unique") or row[1] in ((), (0,), (1,)))
    return tuple(Sample((x, *(new,) * (operands - 1), *(i,) * len(axes)), {"axes": axes, "position": position, **more},
                        (*(None,) * operands, *_INDEX * len(axes)), domain=(0.0, 1.0))
                 for x, i, axes, position, new in rows)


register(OpDef(
    "gather", _infer_gather, _evaluate_gather, Element(_gather_element, expands=True), linear_jvp("gather"),
    _transpose_gather, _batch_gather, attrs=("axes", "position"), dtypes=ALL_DTYPES, numpy=(np.take,), samples=_samples(1),
    doc="x[..., i, j, ...] with integer arrays in range."))

# --- scatter -----------------------------------------------------------------------------------------------------------


def _infer_scatter(operands: list[Value], attrs: dict) -> list[Type]:
    x, new = array_type(operands[0]), array_type(operands[1])
    dims = _check_indices(x, operands[2:], attrs)
    if new.dtype != x.dtype:
        raise TypeError(f"cannot write {new.dtype} into an array of {x.dtype}")
    if len(dims) != new.rank or not all(map(may_equal, dims, new.dims)):
        raise ValueError(f"shape mismatch: value array of shape {new.dims} could not be broadcast to indexing result of "
                         f"shape {dims}")
    return [x]


def _evaluate_scatter(ufunc: np.ufunc | None) -> Callable[..., list]:
    def evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
        out = xp.array(operands[0])
        where, dims = _numpy_index(attrs, operands[2:], out.shape)
        # Contiguous index arrays, for NumPy walks others in the order of their memory.
        flat = tuple(xp.ascontiguousarray(xp.broadcast_to(k, dims)).reshape(-1) for k in where)
        if ufunc is None:
            out[flat] = operands[1].reshape(-1)
        else:
            getattr(xp, ufunc.__name__).at(out, flat, operands[1].reshape(-1))
        return [out]

    return evaluate


def _lower_scatter(combine: Callable[[Scalar, Scalar], Scalar] | None) -> Update:
    def lower(ctx: LowerContext, op: Op) -> None:
        position, rank = op.attrs["position"], len(op.operands[2].dims)
        extents = ctx.dims(op.operands[1])
        rest_extents = (*extents[:position], *extents[position + rank:])
        kind = "par" if op.attrs["unique"] else "seq"
        with loop_nest(ctx, extents[position:position + rank], kind) as named, loop_nest(ctx, rest_extents) as rest:
            index = (*rest[:position], *named, *rest[position:])
            at = place_of(ctx, op, 2, index)
            value = ctx.read(1, index)
            ctx.store(ctx.out(), at, value if combine is None else combine(ctx.load(ctx.out(), at), value))

    return Update(fn=lower)


def _choose_scatter(op: Op) -> Update:
    """Where every element has a place of its own, the stores are one nest, into which indices and values fuse."""
    elementwise = op.attrs["unique"] and len(op.attrs["axes"]) == len(op.operands[0].dims)
    return Update(index=lambda ctx, op, i: place_of(ctx, op, 2, i)) if elementwise else _lower_scatter(None)


def _batch_scatter(name: str) -> Callable[..., list[Value]]:
    def batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
        x, new = (batched(ctx, v, f, size) for v, f in zip(operands[:2], flags[:2], strict=True))
        if not any(flags[2:]):
            return ctx.emit(name, [x, new, *operands[2:]], lane_attrs(attrs, False))
        where = lane_arrays(ctx, operands[2:], flags[2:], size)
        return ctx.emit(name, [x, move_axis(ctx, new, 0, attrs["position"]), *where], lane_attrs(attrs, True))

    return batch


def _at(attrs: dict) -> dict:
    return {"axes": attrs["axes"], "position": attrs["position"]}


def _transpose_scatter(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g, (x, new), indices = cotangents[0], operands[:2], operands[2:]
    out: Terms = [None] * len(operands)
    if g is None:
        return out
    if isinstance(new, Linear):
        seen = ctx.emit("gather", [g, *indices], _at(attrs))[0]
        if not attrs["unique"]:
            # Only the element that is there at the end counts: it finds its own position at its place.
            position = positions(ctx, new.type.dims)
            blank = ctx.full(-1, ArrayType(INT64, x.type.dims))
            written = ctx.emit("scatter", [blank, position, *indices], attrs)[0]
            winner = ctx.equal(ctx.emit("gather", [written, *indices], _at(attrs))[0], position)
            seen = ctx.where(winner, seen, ctx.zeros(new.type))
        out[1] = seen
    if isinstance(x, Linear):
        # After the read, so that it is done in place.
        out[0] = ctx.emit("scatter", [g, ctx.zeros(new.type), *indices], attrs)[0]
    return out


def _transpose_scatter_add(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    g = cotangents[0]
    out: Terms = [None] * len(operands)
    if g is not None and isinstance(operands[0], Linear):
        out[0] = g
    if g is not None and isinstance(operands[1], Linear):
        out[1] = ctx.emit("gather", [g, *operands[2:]], _at(attrs))[0]
    return out


def _jvp_combined(name: str, derivative: Callable[..., Value]) -> Callable[..., Terms]:
    """The jvp of a scatter that combines, where no place is named twice: derivative(ctx, old, new, d_old, d_new)."""

    def jvp(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
        if tangents[0] is None and tangents[1] is None:
            return [None]
        if not attrs["unique"]:
            raise UnsupportedError(f"derivative of {name}", "a place may be written several times",
                                   "combine the values that share a place first")
        (x, new), indices = primals[:2], primals[2:]
        dx, dnew = or_zeros(ctx, tangents[0], x), or_zeros(ctx, tangents[1], new)
        old, dold = (ctx.emit("gather", [v, *indices], _at(attrs))[0] for v in (x, dx))
        return ctx.emit("scatter", [dx, derivative(ctx, old, new, dold, dnew), *indices], attrs)  # type: ignore

    return jvp


def _product_derivative(ctx: Builder, old: Value, new: Value, dold: Value, dnew: Value) -> Value:
    return ctx.add(ctx.multiply(dold, new), ctx.multiply(old, dnew))


def _extreme_derivative(beyond: str) -> Callable[..., Value]:
    def derivative(ctx: Builder, old: Value, new: Value, dold: Value, dnew: Value) -> Value:
        tied = ctx.multiply(ctx.add(dold, dnew), 0.5)
        chosen = ctx.where(getattr(ctx, beyond)(old, new), dold, dnew)
        return ctx.where(ctx.equal(old, new), tied, chosen)

    return derivative


def _extreme(combine: str, truth: str, compare: str) -> Callable[[Scalar, Scalar], Scalar]:
    def scalars(old: Scalar, new: Scalar) -> Scalar:
        if isinstance(old, Expr):
            return scalar_op(truth if old.dtype == "i1" else combine, old, new)  # type: ignore[arg-type]
        over = takes_over(new, old, compare)
        return type(old)(*(select(over, a, b) for a, b in zip(new, old, strict=True)))  # type: ignore[arg-type]

    return scalars


def _scatter(name: str, ufunc: np.ufunc | None, combine: Callable[[Scalar, Scalar], Scalar] | None, jvp: Callable,
             transpose: Callable | Missing, dtypes: tuple[str, ...], doc: str, unique: bool = False) -> None:
    register(OpDef(
        name, _infer_scatter, _evaluate_scatter(ufunc),
        Choice(_choose_scatter) if combine is None else _lower_scatter(combine), jvp, transpose, _batch_scatter(name),
        attrs=("axes", "position", "unique"), dtypes=dtypes, samples=_samples(2, unique=unique), doc=doc))


_scatter("scatter", None, None, linear_jvp("scatter", 2), _transpose_scatter, ALL_DTYPES,
         "x after x[..., i, j, ...] = new; the last write to a place stays.")
_scatter("scatter_add", np.add, add_scalars, linear_jvp("scatter_add", 2), _transpose_scatter_add, NUMBERS,
         "x after np.add.at(x, (..., i, j, ...), new).")
_scatter("scatter_mul", np.multiply, multiply_scalars, _jvp_combined("scatter_mul", _product_derivative),
         Missing("not linear in both operands"), NUMBERS, unique=True, doc="x after np.multiply.at(x, (..., i, j, ...), new).")
_scatter("scatter_min", np.minimum, _extreme("min", "and", "lt"), _jvp_combined("scatter_min", _extreme_derivative("less")),
         Missing("not linear"), ALL_DTYPES, unique=True, doc="x after np.minimum.at(x, (..., i, j, ...), new).")
_scatter("scatter_max", np.maximum, _extreme("max", "or", "gt"), _jvp_combined("scatter_max", _extreme_derivative("greater")),
         Missing("not linear"), ALL_DTYPES, unique=True, doc="x after np.maximum.at(x, (..., i, j, ...), new).")
