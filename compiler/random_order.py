"""Generators that put things in another order: permutation and shuffle; `random_choice.py` chooses among things.

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


def shuffled_order(generator: TracedGenerator, n: Dim) -> TracedArray:
    """The numbers below n as a shuffle leaves them."""
    last = cast(integers.as_value(n), _I64)
    places = new_array(last) - call(np.arange, (1, _plus_one(n)), {}) if not isinstance(n, int) else np.arange(n)[::-1]
    return new_array(tracer.emit("swapped", [draw(generator, "interval", [value_of(places)], (n,), _I64)]))


def at_places(places: Any, axis: int) -> tuple:
    return (slice(None),) * axis + (places,)


def _plus_one(n: Dim) -> Any:
    return TracedScalar(integers.as_value(n)) + 1  # type: ignore[operator]


def is_vector(x: Any) -> bool:
    if isinstance(x, MaskedValues):
        raise x.refusal()
    return isinstance(x, TracedArray) and x.ndim >= 1


def _permutation(generator: TracedGenerator, x: Any, axis: int = 0) -> Any:
    if type(x) is int and x >= 0:
        return shuffled_order(generator, x)
    if isinstance(x, TracedScalar) and x.kind == "int":
        return shuffled_order(generator, call(np.arange, (x,), {}).view.dims[0])
    if not is_vector(x) or type(axis) is not int:
        return NotImplemented
    if x.view.dims == (0,):
        return x  # NumPy copies only where there is memory to share
    k = one_axis(axis, x.ndim)
    return x[at_places(shuffled_order(generator, x.view.dims[k]), k)]


def _shuffle(generator: TracedGenerator, x: Any, axis: int = 0) -> Any:
    if not is_vector(x) or type(axis) is not int:
        return NotImplemented
    if not x.view.writeable:
        raise ValueError("array is read-only")
    k = one_axis(axis, x.ndim)
    x.view.write(value_of(x[at_places(shuffled_order(generator, x.view.dims[k]), k)]))
    return None


DRAWS.update(permutation=_permutation, shuffle=_shuffle)
LEGACY_DRAWS.update(permutation=_permutation, shuffle=_shuffle)
