"""TracedScalar: stands for a Python scalar (weak in promotion) or a NumPy scalar (strong) while tracing.

It is immutable: one SSA value of rank 0.  A scalar that follows from the arguments alone carries a `Known`, so that tracing
may read it where it must (a shape, a list index, a branch), at the price of a guard.  `concrete` is that reading.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.types import WEAK_PYTHON, WeakType
from . import dispatch, tracer
from .known import Known, ValueGuard, known_result
from .operators import Operators
from .values import WEAK_KINDS, cast_weak

PYTHON_SCALARS = (bool, int, float, complex)


class TracedScalar(Operators):
    """A scalar in a traced function."""

    __slots__ = ("known", "value")

    def __init__(self, value: Value, known: Known | None = None) -> None:
        self.value, self.known = value, known

    @property
    def kind(self) -> str | None:
        """Of a Python scalar its kind; None for a NumPy scalar."""
        return self.value.type.kind if isinstance(self.value.type, WeakType) else None

    @property
    def python_type(self) -> type:
        """The class of what this stands for."""
        return WEAK_PYTHON[self.kind] if self.kind else self.value.dtype.type

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"'{self.python_type.__name__}' object has no attribute '{name}'")
        if self.kind is not None:
            return _python_attribute(self, name)
        if name in _STATIC_ATTRIBUTES:
            return _STATIC_ATTRIBUTES[name](self.value.dtype)
        if name == "T":
            return self
        if name in ("base", "data", "flags", "flat"):
            raise tracer.unsupported(f"attribute {name} of a NumPy scalar")
        if name in dispatch.METHODS:
            return BoundMethod(lambda s, *a, **k: dispatch.call("scalar method", (name, s, *a), k), self, name)
        getattr(self.python_type, name)
        raise tracer.unsupported(f"{self.python_type.__name__}.{name}")

    @property
    def real(self) -> Any:
        return self._part("real") if self.value.dtype.kind == "c" else self

    @property
    def imag(self) -> Any:
        return self._part("imag") if self.value.dtype.kind == "c" else TracedScalar(tracer.builder().zeros(self.value.type))

    def _part(self, name: str) -> TracedScalar:
        """A part of a complex number, which is weak if that is."""
        if self.kind is None:
            return TracedScalar(tracer.emit(name, [self.value]))
        strong = tracer.emit("cast", [self.value], dtype="c128")
        return TracedScalar(cast_weak(tracer.emit(name, [strong]), "float"))

    def __getitem__(self, index: Any) -> Any:
        if self.kind is not None:
            raise TypeError(f"'{self.kind}' object is not subscriptable")
        return dispatch.call(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(f"'{_type_name(self)}' object does not support item assignment")

    def __len__(self) -> int:
        raise TypeError(f"object of type '{_type_name(self)}' has no len()")

    def __iter__(self) -> Any:
        raise TypeError(f"'{_type_name(self)}' object is not iterable")

    def __bool__(self) -> bool:
        known = known_result(bool, (derivation(self),))
        if known is None:
            tracer.unroll_for(self.value)
            raise tracer.unsupported("a condition on a run-time value",
                                     "its truth is not known while compiling", "use np.where or arithmetic on the mask")
        return _guarded(known)

    def __index__(self) -> int:
        return operator.index(concrete(self, "an index or size"))

    def __int__(self) -> int:
        return int(concrete(self, "int()"))

    def __float__(self) -> float:
        return float(concrete(self, "float()"))

    def __complex__(self) -> complex:
        return complex(concrete(self, "complex()"))

    def __hash__(self) -> int:
        return hash(concrete(self, "a hash"))

    def __format__(self, spec: str) -> str:
        return format(concrete(self, "formatting"), spec)

    def __str__(self) -> str:
        return str(concrete(self, "formatting"))

    def __repr__(self) -> str:
        return f"<traced scalar: {self.value.type}>"


class BoundMethod:
    """A method of a traced object, to be called."""

    __slots__ = ("__name__", "__self__", "implementation")

    def __init__(self, implementation: Callable[..., Any], owner: Any, name: str) -> None:
        self.implementation, self.__self__, self.__name__ = implementation, owner, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.implementation(self.__self__, *args, **kwargs)


_STATIC_ATTRIBUTES: dict[str, Callable[[np.dtype], Any]] = {
    "dtype": lambda d: d, "shape": lambda d: (), "ndim": lambda d: 0, "size": lambda d: 1, "strides": lambda d: (),
    "itemsize": lambda d: d.itemsize, "nbytes": lambda d: d.itemsize,
}


def _type_name(x: TracedScalar) -> str:
    return x.kind or f"numpy.{x.value.dtype.type.__name__}"


def _python_attribute(x: TracedScalar, name: str) -> Any:
    if name == "conjugate":
        return BoundMethod(lambda s: to_kind(dispatch.call(np.conjugate, (s,), {}), "complex") if s.kind == "complex" else
                           dispatch.call(operator.pos, (s,), {}), x, name)
    getattr(x.python_type, name)  # AttributeError as Python's
    return getattr(concrete(x, f".{name}"), name)


def _guarded(known: Known) -> Any:
    tracer.current().guard(ValueGuard(known, known.value))
    return known.value


def concrete(x: Any, what: str) -> Any:
    """The Python or NumPy value of a scalar that tracing needs; anything else unchanged. `what` names the need."""
    if not isinstance(x, TracedScalar):
        return x
    if x.known is None:
        tracer.unroll_for(x.value)
        raise tracer.unsupported(f"{what} from a run-time value", "its value is not known while compiling",
                                 "pass it as an argument of its own")
    return _guarded(x.known)


def derivation(x: TracedScalar) -> Known | None:
    """How a scalar follows from the call, if only its truth is needed: from run-time extents, too."""
    return x.known or tracer.current().facts.following(x.value)


def known_of(x: Any) -> Known | None:
    """The known value of a scalar operand, if it has one."""
    if isinstance(x, TracedScalar):
        return x.known
    return Known(x) if isinstance(x, (*PYTHON_SCALARS, np.generic)) else None


def is_weak(x: Any) -> bool:
    """Is this a Python scalar, traced or not?"""
    if isinstance(x, TracedScalar):
        return x.kind is not None
    return isinstance(x, PYTHON_SCALARS) and not isinstance(x, np.generic)


def to_python(x: TracedScalar) -> TracedScalar:
    """`x.item()` of a scalar."""
    return x if x.kind is not None else to_kind(x, WEAK_KINDS[x.value.dtype.kind])


_CONVERSIONS = {"bool": bool, "int": int, "float": float, "complex": complex}


def to_kind(x: TracedScalar, kind: str) -> TracedScalar:
    """bool(x), int(x), float(x) or complex(x), with Python's errors."""
    own = WEAK_KINDS[x.value.dtype.kind]
    if own == "complex" and kind in ("int", "float"):
        if x.kind is None:  # NumPy drops the imaginary part, with a warning
            return to_kind(x.real, kind)
        _CONVERSIONS[kind](0j)  # raises Python's TypeError
    known = known_result(_CONVERSIONS[kind], (x.known,))
    if kind == "int" and (own == "float" or x.value.dtype == np.dtype(np.uint64)):
        return TracedScalar(tracer.emit("py_cast", [x.value], dtype="py.int"), known)
    return TracedScalar(cast_weak(x.value, kind), known)
