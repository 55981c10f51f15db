"""`check`: what of a function would not compile, found by tracing it; nothing is run on the arguments.

A call that is refused is noted, and tracing goes on with what NumPy gives for plain arrays of the same shapes; where even
that is not known, the list ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ir.errors import UnsupportedError
from . import dispatch, tracer
from .api import Jitted, jit
from .arrays import TracedArray
from .attributes import settle
from .lowered import Lowered
from .raising import trim
from .scalars import TracedScalar
from .trace import trace


def check(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> list[UnsupportedError]:
    """The places where `f` cannot be compiled for these arguments, each with its line, the reason, and what to write instead.

    An empty list means that it compiles.

    >>> import numpy as np
    >>> [p.what for p in check(lambda x: np.histogram(x, "stone"), np.arange(3))]
    ["np.histogram with bins='stone'"]
    """
    problems: list[UnsupportedError] = []
    function = f.function if isinstance(f, Jitted) else f
    try:
        with tracer.noting(problems):
            trace(function, args, kwargs)
    except UnsupportedError as e:
        problems.append(trim(e))  # type: ignore[arg-type]
    except Exception:
        if not problems:
            raise  # what NumPy would raise
    if not problems:
        lowered: Lowered = jit(function).lower(*args, **kwargs)
        try:
            lowered.compile()
        except UnsupportedError as e:
            problems.append(e)
    return _distinct(problems)


def _distinct(problems: list[UnsupportedError]) -> list[UnsupportedError]:
    """Each place once, as loops and restarts come by several times."""
    found = {(str(p.loc), p.what, p.why): p for p in problems}
    return list(found.values())


@dispatch.implements("stand in")
def stand_in(f: Any, args: tuple, kwargs: dict, error: UnsupportedError) -> Any:
    """What NumPy gives for ones, and zeros as integers, in place of what is traced; `error` where it gives nothing."""
    try:
        with np.errstate(all="ignore"):
            return settle(f(*map(_example, args), **{k: _example(v) for k, v in kwargs.items()}))
    except Exception:
        raise error from None


def _example(x: Any) -> Any:
    if isinstance(x, TracedArray):
        dims = tuple(tracer.static_extent(d, "a shape") for d in x.view.dims)
        return np.ones(dims, x.dtype) if x.dtype.kind in "fc" else np.zeros(dims, x.dtype)
    if isinstance(x, TracedScalar):
        return x.known.value if x.known is not None else x.python_type(0)
    if isinstance(x, (list, tuple)):
        return type(x)(map(_example, x))
    return x
