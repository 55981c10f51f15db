"""Generators that put things in another order or choose among them: permutation, shuffle, choice with replacement.

The places that things go to are drawn all at once, as NumPy draws them one by one; the order that this makes (`swapped`) then
gathers what is shuffled.  Arrays whose extents only the run knows are shuffled alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ir.types import Dim
from . import integers, tracer
from .arrays import TracedArray, new_array, value_of
from .dispatch import call
from .generators import DRAWS, LEGACY_DRAWS, TracedGenerator
from .masked_values import MaskedValues
from .numpy_api.axes import one_axis
from .random_draws import draw
from .scalars import TracedScalar
from .values import cast

_I64 = np.dtype(np.int64)


def _order(generator: TracedGenerator, n: Dim) -> TracedArray:
    """The numbers below n as a shuffle leaves them."""
    last = cast(integers.as_value(n), _I64)
    places = new_array(last) - call(np.arange, (1, _plus_one(n)), {}) if not isinstance(n, int) else np.arange(n)[::-1]
    return new_array(tracer.emit("swapped", [draw(generator, "interval", [value_of(places)], (n,), _I64)]))


def _at(places: Any, axis: int) -> tuple:
    return (slice(None),) * axis + (places,)


def _plus_one(n: Dim) -> Any:
    return TracedScalar(integers.as_value(n)) + 1  # type: ignore[operator]


def _is_vector(x: Any) -> bool:
    if isinstance(x, MaskedValues):
        raise x.refusal()
    return isinstance(x, TracedArray) and x.ndim >= 1


def _permutation(generator: TracedGenerator, x: Any, axis: int = 0) -> Any:
    if type(x) is int and x >= 0:
        return _order(generator, x)
    if isinstance(x, TracedScalar) and x.kind == "int":
        return _order(generator, call(np.arange, (x,), {}).view.dims[0])
    if not _is_vector(x) or type(axis) is not int:
        return NotImplemented
    if x.view.dims == (0,):
        return x  # NumPy copies only where there is memory to share
    k = one_axis(axis, x.ndim)
    return x[_at(_order(generator, x.view.dims[k]), k)]


def _shuffle(generator: TracedGenerator, x: Any, axis: int = 0) -> Any:
    if not _is_vector(x) or type(axis) is not int:
        return NotImplemented
    if not x.view.writeable:
        raise ValueError("array is read-only")
    k = one_axis(axis, x.ndim)
    x.view.write(value_of(x[_at(_order(generator, x.view.dims[k]), k)]))
    return None


def _choice(generator: TracedGenerator, a: Any, size: Any = None, replace: bool = True, p: Any = None, axis: int = 0,
            shuffle: bool = True) -> Any:
    if replace is not True or p is not None or type(axis) is not int:
        return NotImplemented
    if type(a) is int and a > 0:
        return DRAWS["integers"](generator, 0, a, size, int if size is None else np.int64)
    if not _is_vector(a):
        return NotImplemented
    k = one_axis(axis, a.ndim)
    n = a.view.dims[k]
    if n == 0 and isinstance(n, int):
        return NotImplemented
    if not isinstance(n, int) and not integers.at_most(1, n):
        if size is not None:
            return NotImplemented
        some = tracer.emit("py_greater", [n, tracer.constant(0)])
        n = tracer.emit("check", [n, some], exception="ValueError", message="a cannot be empty unless no samples are taken")
    found = DRAWS["integers"](generator, 0, n if isinstance(n, int) else TracedScalar(n), size)
    return a[_at(found, k)]


DRAWS.update(permutation=_permutation, shuffle=_shuffle, choice=_choice)
LEGACY_DRAWS.update(permutation=_permutation, shuffle=_shuffle)
