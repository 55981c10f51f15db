"""Operations on SSA values that the front end does everywhere: casting, and broadcasting extents as NumPy does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.builder import dim_template
from ..ir.errors import AssumptionError
from ..ir.graph import Value
from ..ir.types import DTYPE_NAMES, ArrayType, Dim, WeakType
from . import integers, tracer

# What a version assumes until it is found to fail: extents that only the run knows are equal where they meet, or an error.
NOT_REPEATED = "no extent of 1 that only the run knows is repeated"

WEAK_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}


def check_dtype(dtype: np.dtype, what: str = "an array") -> np.dtype:
    """`dtype` if compiled code can hold it. what: of which this is the dtype."""
    if dtype not in DTYPE_NAMES:
        raise tracer.unsupported(f"{what} of dtype {dtype}", _why_not(dtype), "convert with astype to a supported dtype")
    return dtype


def _why_not(dtype: np.dtype) -> str:
    if not dtype.isnative:
        return "its byte order is not this machine's"
    kinds = {"O": "Python objects have no compiled form", "V": "structured arrays have no compiled form",
             "U": "strings have no compiled form", "S": "strings have no compiled form",
             "M": "dates have no compiled form", "m": "time spans have no compiled form"}
    return kinds.get(dtype.kind, "compiled code has no such number")


def cast(x: Value, dtype: np.dtype) -> Value:
    """`x` converted as `astype` does."""
    dtype = np.dtype(dtype)
    if isinstance(x.type, ArrayType) and x.dtype == dtype:
        return x
    name = DTYPE_NAMES[check_dtype(dtype)]
    if isinstance(x.type, WeakType) and dtype.kind in "iu" and x.type.kind in ("int", "float") and (x.type.kind, name) != (
            "int", "i64"):
        # A Python number that does not fit raises, where a NumPy one would wrap.
        return tracer.emit("py_cast", [x], dtype=name)
    return tracer.emit("cast", [x], dtype=name)


def cast_weak(x: Value, kind: str) -> Value:
    """A rank-0 value as a Python scalar of `kind`."""
    if x.type == WeakType(kind):
        return x
    return tracer.emit("cast", [x], dtype=f"py.{kind}")


def broadcast(x: Value, dims: Sequence[Dim]) -> Value:
    """`x` broadcast to `dims`, which it is known to fit; extents known only at run time are checked."""
    dims = tuple(dims)
    lead = len(dims) - len(x.dims)
    for axis, (d, wanted) in enumerate(zip(x.dims, dims[lead:])):
        if d is not wanted and not (isinstance(d, int) and (d == 1 or isinstance(wanted, int))):
            if repeats_here(d, wanted):
                x = _repeated(x, axis, wanted)
            else:
                unify(d, wanted, _MISFIT)
    return tracer.builder().broadcast_to(x, dims)


def shape_text(dims: Sequence[Dim]) -> str:
    """Extents as NumPy prints a shape."""
    inside = ",".join(str(d) if isinstance(d, int) else "n" for d in dims)
    return f"({inside},)" if len(dims) == 1 else f"({inside})"


def common_dims(*shapes: Sequence[Dim]) -> tuple[Dim, ...]:
    """The extents that these broadcast to; ValueError as NumPy's."""
    rank = max((len(s) for s in shapes), default=0)
    out: list[Dim] = [1] * rank
    for s in shapes:
        lead = rank - len(s)
        for k, d in enumerate(s):
            out[lead + k] = _common_dim(out[lead + k], d, shapes)
    return tuple(out)


def _common_dim(a: Dim, b: Dim, shapes: Sequence[Sequence[Dim]]) -> Dim:
    if a is b or (isinstance(b, int) and b == 1):
        return a
    if isinstance(a, int) and a == 1:
        return b
    if isinstance(a, int) and isinstance(b, int):
        if a == b:
            return a
        raise ValueError("operands could not be broadcast together with shapes "
                         + "".join(shape_text(s) + " " for s in shapes))
    return unify(a, b, "operands could not be broadcast together with shapes ({0},) ({1},) ")


def surely_equal(a: Dim, b: Dim) -> bool:
    """Is it certain that two extents are equal?"""
    return integers.form_of(a).key == integers.form_of(b).key or integers.agree(a, b) is True


def must_equal(a: Dim, b: Dim, message: str) -> None:
    """Two extents that nothing repeats: they are equal, or ValueError with this message where the program runs."""
    if a is not b and not (isinstance(a, int) and isinstance(b, int)):
        unify(a, b, message, may_repeat=False)


def unify(a: Dim, b: Dim, message: str, may_repeat: bool = True) -> Dim:
    """The extent that two have together, one of them known only at run time: ValueError there if they do not fit.

    They must be equal, but for extents of 1, which are repeated.  A version assumes that this does not happen; where it does,
    the call is made again with a version whose extents are what the run finds.
    """
    wanted = b if isinstance(b, int) else a
    if integers.agree(a, b):
        return wanted
    ones = [d for d in (a, b) if may_repeat and _may_be_one(d)]
    if ones and repeats():
        return _joint(a, b, message)

    def make() -> Value:
        pair = [integers.as_value(d) for d in (a, b)]
        equal = tracer.emit("py_equal", pair)
        assume_not_repeated(ones, equal)
        return tracer.emit("check", [integers.as_value(wanted), equal, *pair], exception="ValueError", message=message)

    checked = integers.remember(("equal", integers.form_of(a).key, integers.form_of(b).key), make)
    if isinstance(wanted, int):
        return wanted
    form = integers.form_of(wanted)
    integers.set_bounds(checked, [form], [form])
    return checked


_MISFIT = "could not broadcast input array from shape ({0},) into shape ({1},)"


def repeats() -> bool:
    """Is this the version for calls in which extents of 1 that only the run knows are repeated?"""
    return (tracer.ASSUME_NOT, NOT_REPEATED) in tracer.current().decisions


def assume_not_repeated(extents: Sequence[Dim], equal: Value) -> None:
    """Take for granted that none of these extents is 1, but for where they are `equal`."""
    for d in extents:
        longer = tracer.emit("py_not_equal", [integers.as_value(d), tracer.constant(1)])
        tracer.emit("check", [tracer.constant(True), tracer.emit("py_bitwise_or", [equal, longer])],
                    exception=AssumptionError.__name__, message=NOT_REPEATED)


def repeats_here(d: Dim, wanted: Dim) -> bool:
    """Is an extent, in this version, one that may be 1 and is then repeated to `wanted`?"""
    return repeats() and _may_be_one(d) and not surely_equal(d, wanted)


def _may_be_one(d: Dim) -> bool:
    return isinstance(d, Value) and not integers.at_most(2, d)


def _joint(a: Dim, b: Dim, message: str) -> Dim:
    """What two extents broadcast to, whichever of them is 1."""
    pair = [integers.as_value(d) for d in (a, b)]
    of_one = [tracer.emit("py_equal", [v, tracer.constant(1)]) for v in pair]
    fit = tracer.emit("py_bitwise_or", [tracer.emit("py_equal", pair), tracer.emit("py_bitwise_or", of_one)])
    if isinstance(wanted := b if isinstance(b, int) else a, int):
        return _checked(wanted, fit, pair, message)
    checked = _checked(tracer.emit("where", [of_one[0], pair[1], pair[0]]), fit, pair, message)
    integers.set_bounds(checked, [integers.form_of(0)], [integers.form_of(a).plus(integers.form_of(b))])
    integers.note_top_of_any(checked, a, b)
    return checked


def _checked(extent: Dim, fit: Value, pair: Sequence[Value], message: str) -> Dim:
    """`extent` where two extents fit each other, or ValueError."""
    value = tracer.emit("check", [integers.as_value(extent), fit, *pair], exception="ValueError", message=message)
    return extent if isinstance(extent, int) else value


def _repeated(x: Value, axis: int, wanted: Dim) -> Value:
    """`x` with this extent along an axis whose own is that, or turns out to be 1."""
    own = integers.as_value(x.dims[axis])
    pair = [own, integers.as_value(wanted)]
    one, longer = (tracer.emit(name, [own, tracer.constant(1)]) for name in ("py_equal", "py_not_equal"))
    fit = tracer.emit("py_bitwise_or", [tracer.emit("py_equal", pair), one])
    count = _checked(wanted, fit, pair, _MISFIT)
    place = tracer.emit("iota", [v for v in (count,) if isinstance(v, Value)], dims=dim_template((count,), 0), axis=0, dtype="i64")
    step = tracer.builder().broadcast_to(cast(longer, place.dtype), place.dims)
    return tracer.emit("gather", [x, tracer.emit("multiply", [place, step])], axes=(axis,), position=axis)


def fits(dims: Sequence[Dim], target: Sequence[Dim]) -> bool:
    """Does an array of extents `dims` broadcast to `target`?"""
    if len(dims) > len(target):
        return False
    lead = len(target) - len(dims)
    return all(_may_fit(d, target[lead + k]) for k, d in enumerate(dims))


def _may_fit(d: Dim, wanted: Dim) -> bool:
    """A run-time extent may; it is checked when the value is broadcast."""
    return (not (isinstance(d, int) and isinstance(wanted, int)) and d != 1) or d == 1 or d == wanted
