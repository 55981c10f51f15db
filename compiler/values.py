"""Operations on SSA values that the front end does everywhere: casting, and broadcasting extents as NumPy does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..ir.graph import Value
from ..ir.types import DTYPE_NAMES, ArrayType, Dim, WeakType
from . import integers, tracer

_FEW_TRIPS = 16
_REPEATED = "an extent that depends on run-time values is 1, and would be repeated: write out the case of one element"

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
    for d, wanted in zip(x.dims, dims[lead:]):
        if d is not wanted and not (isinstance(d, int) and (d == 1 or isinstance(wanted, int))):
            unify(d, wanted, "could not broadcast input array from shape ({0},) into shape ({1},)")
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


def must_equal(a: Dim, b: Dim, message: str) -> None:
    """Two extents that nothing repeats: they are equal, or ValueError with this message where the program runs."""
    if a is not b and not (isinstance(a, int) and isinstance(b, int)):
        unify(a, b, message, may_repeat=False)


def unify(a: Dim, b: Dim, message: str, may_repeat: bool = True) -> Dim:
    """Two extents that must be equal, one of them known only at run time: checked there, with this ValueError.

    An extent of 1 would be repeated instead: a short loop that decides whether it is 1 is unrolled, else that is an
    UnsupportedError where it happens.
    """
    wanted = b if isinstance(b, int) else a
    if integers.agree(a, b):
        return wanted
    repeats = [d for d in (a, b) if may_repeat and isinstance(d, Value) and not integers.at_most(2, d)]
    for d in repeats:
        tracer.unroll_for(d, _FEW_TRIPS)

    def make() -> Value:
        pair = [tracer.constant(d) if isinstance(d, int) else d for d in (a, b)]
        equal = tracer.emit("py_equal", pair)
        for d in repeats:
            longer = tracer.emit("py_not_equal", [d, tracer.constant(1)])
            tracer.emit("check", [tracer.constant(True), tracer.emit("py_bitwise_or", [equal, longer])],
                        exception="UnsupportedError", message=_REPEATED)
        extent = tracer.constant(wanted) if isinstance(wanted, int) else wanted
        return tracer.emit("check", [extent, equal, *pair], exception="ValueError", message=message)

    checked = integers.remember(("equal", integers.form_of(a).key, integers.form_of(b).key), make)
    if isinstance(wanted, int):
        return wanted
    form = integers.form_of(wanted)
    integers.set_bounds(checked, [form], [form])
    return checked


def fits(dims: Sequence[Dim], target: Sequence[Dim]) -> bool:
    """Does an array of extents `dims` broadcast to `target`?"""
    if len(dims) > len(target):
        return False
    lead = len(target) - len(dims)
    return all(_may_fit(d, target[lead + k]) for k, d in enumerate(dims))


def _may_fit(d: Dim, wanted: Dim) -> bool:
    """A run-time extent may; it is checked when the value is broadcast."""
    return (not (isinstance(d, int) and isinstance(wanted, int)) and d != 1) or d == 1 or d == wanted
