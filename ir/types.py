"""Types of the graph dialect.

`ArrayType(dtype, dims)`: an array; rank 0 is a NumPy scalar or a 0-d array (the tracer knows which).  A dimension is an
int or a `Value` of type py.int: types are dependent.  `WeakType(kind)`: a Python bool, int, float or complex, weak in
NEP 50's sense.  `TokenType`: orders effects.  Types are immutable and compare by content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

import numpy as np

if TYPE_CHECKING:
    from .graph import Value

Dim = Union[int, "Value"]

DTYPE_NAMES = {
    np.dtype(bool): "bool",
    **{np.dtype(f"{k}{n // 8}"): f"{k}{n}" for k in "iu" for n in (8, 16, 32, 64)},
    **{np.dtype(f"f{n // 8}"): f"f{n}" for n in (16, 32, 64)},
    **{np.dtype(f"c{n // 8}"): f"c{n}" for n in (64, 128)},
}
DTYPES = {name: dtype for dtype, name in DTYPE_NAMES.items()}
WEAK_DTYPES = {"bool": np.dtype(bool), "int": np.dtype(np.int64), "float": np.dtype(np.float64),
               "complex": np.dtype(np.complex128)}
WEAK_PYTHON = {"bool": bool, "int": int, "float": float, "complex": complex}


@dataclass(frozen=True, slots=True)
class ArrayType:
    """An array of `dtype` (native byte order) with extents `dims`."""

    dtype: np.dtype
    dims: tuple[Dim, ...] = ()

    @property
    def rank(self) -> int:
        return len(self.dims)

    def with_dims(self, dims: tuple[Dim, ...]) -> ArrayType:
        return ArrayType(self.dtype, tuple(dims))

    def with_dtype(self, dtype: np.dtype) -> ArrayType:
        return ArrayType(np.dtype(dtype), self.dims)

    def __str__(self) -> str:
        name = DTYPE_NAMES[self.dtype]
        return f"{name}[{', '.join(map(str, self.dims))}]" if self.dims else name


@dataclass(frozen=True, slots=True)
class WeakType:
    """A Python scalar: "bool", "int", "float" or "complex"."""

    kind: str

    @property
    def dtype(self) -> np.dtype:
        return WEAK_DTYPES[self.kind]

    @property
    def dims(self) -> tuple[Dim, ...]:
        return ()

    @property
    def rank(self) -> int:
        return 0

    def __str__(self) -> str:
        return f"py.{self.kind}"


@dataclass(frozen=True, slots=True)
class TokenType:
    """The thread that ordered effects hang on."""

    @property
    def dtype(self) -> np.dtype:
        """No elements: of no kind that a rule is about."""
        return np.dtype("V")

    @property
    def dims(self) -> tuple[Dim, ...]:
        return ()

    def __str__(self) -> str:
        return "token"


Type = ArrayType | WeakType | TokenType

PY_BOOL, PY_INT, PY_FLOAT, PY_COMPLEX = (WeakType(k) for k in ("bool", "int", "float", "complex"))
TOKEN = TokenType()


def is_differentiable(t: Type) -> bool:
    """Does a value of this type carry a tangent?"""
    return not isinstance(t, TokenType) and t.dtype.kind in "fc"


def same_dims(a: tuple[Dim, ...], b: tuple[Dim, ...]) -> bool:
    """Are these extents known to be equal (same ints, same values)?"""
    return len(a) == len(b) and all(x is y or (isinstance(x, int) and isinstance(y, int) and x == y)
                                    for x, y in zip(a, b, strict=True))


def element_count(dims: tuple[Dim, ...]) -> int | None:
    """The product of the extents, or None when one is a run-time value."""
    n = 1
    for d in dims:
        if not isinstance(d, int):
            return None
        n *= d
    return n
