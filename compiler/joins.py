"""What a leaf becomes where paths meet: the common type of its values, and the SSA value of a leaf at that type.

A Python scalar with a NumPy one takes the NumPy dtype; Python scalars take the wider kind; a name without value on one path
gets a bit that says whether it is defined.  What does not join is a `JoinError`: the caller peels, unrolls or specialises.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import PY_BOOL, PY_INT, ArrayType, Dim, Type, WeakType
from . import integers, tracer
from .array_form import ArrayForm, form_of_array, in_form, is_sized, is_stepped, same_extents, step_of
from .arrays import TracedArray, value_of
from .jumps import RETURN_VALUE
from .masked_values import MaskedValues
from .scalars import TracedScalar
from .state import LENGTH, UNREACHABLE, Path, Tentative, Undefined, describe, is_scalar, name_of
from .values import cast, cast_weak


class JoinError(Exception):
    """Values that cannot be one SSA value. of_structure: containers of different size; containers: those, if they are at hand."""

    def __init__(self, message: str, of_structure: bool = False, containers: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.of_structure, self.containers = of_structure, tuple(containers)


_ORDER = ("bool", "int", "float", "complex")
_WEAK_SAMPLES = {"bool": False, "int": 0, "float": 0.0, "complex": 0j}


@dataclass(frozen=True, slots=True)
class Joined:
    """What is carried of one leaf. rank: None for a scalar. form: of an array.

    Two numbers may go beside it. tentative: a bit, is it defined? stepped: how far apart NumPy's array has its elements.
    """

    type: Type
    rank: int | None = None
    form: ArrayForm | None = None
    tentative: bool = False
    stepped: bool = False

    @property
    def beside(self) -> Sequence[Type]:
        """The types of what goes beside the leaf."""
        return [PY_BOOL] * self.tentative + [PY_INT] * self.stepped


def join_scalars(x: Any, y: Any, first: bool = False) -> Type:
    """The type of a scalar that is one of two.

    Types that differ do not join, since either would be seen to change; but for a constant and the NumPy dtype that holds the
    same numbers, in a loop (`max(0.0, x[i])`), where keeping them apart would cost too much.  first: `x` is what a loop begins
    with; a constant may take the type of what the trips make of it, which shows only if there is no trip.
    """
    a, b = scalar_type(x), scalar_type(y)
    if a == b:
        return a
    if first and not isinstance(x, TracedScalar) and isinstance(a, WeakType):
        joined = join_types(a, b)
        if joined == b and _holds(joined.dtype, x):
            return joined
    for t, v, other in ((a, x, b), (b, y, a)):
        if isinstance(t, WeakType) and not isinstance(v, TracedScalar) and isinstance(other, ArrayType) and (
                t.dtype == other.dtype and tracer.current().loops):
            return other
    raise JoinError(f"changes from {_name(a)} to {_name(b)}")


def _name(t: Type) -> str:
    return f"a Python {t.kind}" if isinstance(t, WeakType) else str(t.dtype)  # type: ignore[union-attr]


def _holds(dtype: np.dtype, x: Any) -> bool:
    with np.errstate(all="ignore"):
        converted = np.asarray(x).astype(dtype)
    return bool(converted == x) or x != x


def join_types(a: Type, b: Type) -> Type:
    """Of two scalars, as promotion has it for these kinds."""
    if isinstance(a, WeakType) and isinstance(b, WeakType):
        return WeakType(_ORDER[max(_ORDER.index(a.kind), _ORDER.index(b.kind))])
    if isinstance(a, WeakType):
        a, b = b, a
    if isinstance(b, WeakType):
        return ArrayType(np.result_type(a.dtype, _WEAK_SAMPLES[b.kind]))
    if a.dtype != b.dtype:
        raise JoinError(f"changes from {a.dtype} to {b.dtype}")
    return ArrayType(a.dtype)


def scalar_type(x: Any) -> Type:
    v = value_of(x)
    return v.type if isinstance(v.type, WeakType) else ArrayType(v.dtype)


def join(path: Path, a: Any, b: Any, first: bool = False) -> Joined:
    """The common form of a leaf's two values. first: `a` is what a loop begins with."""
    # Whether there is a returned value is known from the flag that is set with it.
    tentative = path[0] != RETURN_VALUE and any(isinstance(x, (Undefined, Tentative)) and x is not UNREACHABLE for x in (a, b))
    a, b = (x.value if isinstance(x, Tentative) else x for x in (a, b))
    a, b = (b if isinstance(a, Undefined) else a), (a if isinstance(b, Undefined) else b)
    if path[-1] == LENGTH:
        raise JoinError(f"the size or the keys of '{path[0]}' change", True)
    if is_scalar(a) and is_scalar(b):
        try:
            return Joined(join_scalars(a, b, first), tentative=tentative)
        except JoinError as e:
            raise JoinError(f"'{name_of(path)}' {e}") from None
    if isinstance(a, TracedArray) and isinstance(b, TracedArray):
        if a.ndim != b.ndim:
            raise JoinError(f"the rank of '{name_of(path)}' changes from {a.ndim} to {b.ndim}")
        if a.dtype != b.dtype:
            raise JoinError(f"the dtype of '{name_of(path)}' changes from {a.dtype} to {b.dtype}")
        stepped = not is_sized(a, b) and (is_stepped(a) or is_stepped(b))
        return Joined(ArrayType(a.dtype), a.ndim, _common_form(path, a, b), tentative, stepped)
    for x in (a, b):
        if isinstance(x, MaskedValues):
            raise x.refusal()
    raise JoinError(f"'{name_of(path)}' is {describe(a)} on one path and {describe(b)} on the other")


def _common_form(path: Path, a: TracedArray, b: TracedArray) -> ArrayForm:
    """The form of both; of arrays with gaps, which differ in extents, that of an array without."""
    forms = form_of_array(a), form_of_array(b)
    if not same_extents(a.view.dims, b.view.dims):
        forms = tuple(f if f.strides is None else replace(f, strides=None) for f in forms)  # type: ignore[assignment]
    if forms[0] != forms[1]:
        raise JoinError(f"the memory order of '{name_of(path)}' changes")
    return forms[0]


def leaf_value(x: Any, joined: Joined, dims: Sequence[Dim] = ()) -> Value:
    """The SSA value of a leaf at its joined type; a filler where it has none."""
    if isinstance(x, Tentative):
        x = x.value
    if isinstance(x, Undefined):
        return filler(joined.type, dims)
    v = value_of(x)
    if isinstance(joined.type, WeakType):
        return cast_weak(v, joined.type.kind)
    v = cast(v, joined.type.dtype)
    # Extents that are handed on beside the array are named by the values that are handed on.
    return tracer.builder().broadcast_to(v, tuple(dims)) if joined.rank is not None and dims else v


def filler(type: Type, dims: Sequence[Dim]) -> Value:
    """A value that nothing reads."""
    builder = tracer.builder()
    if isinstance(type, WeakType):
        return tracer.constant(_WEAK_SAMPLES[type.kind])
    return builder.zeros(ArrayType(type.dtype, tuple(dims)))


def defined_value(x: Any) -> Value:
    """The bit that says whether a leaf has a value."""
    if isinstance(x, Tentative):
        return value_of(x.defined)
    return tracer.constant(not isinstance(x, Undefined) or x is UNREACHABLE)


def values_beside(x: Any, joined: Joined) -> list[Value]:
    """The values of what goes beside a leaf."""
    found = [defined_value(x)] if joined.tentative else []
    if joined.stepped:
        array = x.value if isinstance(x, Tentative) else x
        found.append(integers.as_value(step_of(array) if isinstance(array, TracedArray) else 1))
    return found


def wrap_leaf(v: Value, joined: Joined, beside: Sequence[Value], surely: bool = False) -> Any:
    """The traced object for a joined value. surely: it has a value, whatever the bit says."""
    x: Any = TracedScalar(v) if joined.form is None else in_form(v, joined.form)
    if joined.stepped:
        x.view.storage.step = beside[-1]
    return Tentative(x, TracedScalar(beside[0])) if joined.tentative and not surely else x


def dims_of_leaf(x: Any) -> tuple[Dim, ...]:
    x = x.value if isinstance(x, Tentative) else x
    return x.view.dims if isinstance(x, TracedArray) else ()


def widens(x: Any, joined: Joined) -> bool:
    """Is `x` a constant that takes the joined type?"""
    return isinstance(x, (int, float)) and not isinstance(joined.type, WeakType) and joined.type.dtype.kind in "fc"
