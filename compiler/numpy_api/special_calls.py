"""The ufuncs of `scipy.special` that are no ops: of several results (airy, ellipj, sici), of complex numbers, and the rest.

A compiled program calls SciPy's own ufunc, one call for a whole array, in the program's order.  `call_scipy` is the entry; the
methods (reduce, accumulate, reduceat, outer, at) of all of SciPy's ufuncs are the loops that serve NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...ir.types import ArrayType
from .. import tracer
from ..arrays import deliver, dims_of, operand, value_of, wrap
from ..dispatch import FUNCTIONS, implements
from ..effects import host_call
from ..ufuncs import implement_outer, outputs, promotable, resolve
from ..values import cast, check_dtype, common_dims
from .reductions import implement_methods
from .ufunc_methods import implement_at, implement_reduceat


def call_scipy(ufunc: np.ufunc, *args: Any, out: Any = None, casting: str = "same_kind", dtype: Any = None,
               **options: Any) -> Any:
    """ufunc(*args, ...) by SciPy itself, while the program runs."""
    name = f"scipy.special.{ufunc.__name__}"
    if options:
        raise tracer.unsupported(f"{name} with {', '.join(options)}", "there is no compiled form of it", "np.where on the result")
    if not ufunc.nin <= len(args) <= ufunc.nargs:
        raise TypeError(f"{ufunc.__name__}() takes from {ufunc.nin} to {ufunc.nargs} positional arguments but "
                        f"{len(args)} were given")
    outs = outputs(ufunc, args[ufunc.nin:], out)
    inputs = [operand(a) for a in args[:ufunc.nin]]
    signature = None if dtype is None else (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
    loop = [check_dtype(d) for d in resolve(ufunc, inputs, outs, casting, signature) or ()]
    dims = tuple(tracer.static_extent(d, name) for d in common_dims(*map(dims_of, inputs)))
    values = [cast(value_of(x), d) for x, d in zip(inputs, loop, strict=False)]
    types = [ArrayType(d, dims) for d in loop[ufunc.nin:]]

    def run(*given: Any) -> list[Any]:
        with np.errstate(all="ignore"):
            found = ufunc(*given)
        return list(found) if ufunc.nout > 1 else [found]

    results = [deliver(wrap(r), o) for r, o in zip(host_call(name, run, values, types), outs, strict=True)]
    return results[0] if ufunc.nout == 1 else tuple(results)


@implements("scipy ufunc")
def implementation_of(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """What stands for one of SciPy's ufuncs that has no op."""
    return None if ufunc.signature is not None else lambda *args, **kwargs: call_scipy(ufunc, *args, **kwargs)


@implements("scipy ufunc method")
def method_of(ufunc: np.ufunc, name: str) -> Callable[..., Any] | None:
    """What stands for a method of one of SciPy's ufuncs, which is entered by its first use."""
    if (ufunc, "at") not in FUNCTIONS and ufunc.signature is None:
        implement_methods(ufunc)
        implement_reduceat(ufunc)
        implement_at(ufunc)
        implement_outer(ufunc)
    return FUNCTIONS.get((ufunc, name))


def has_complex(args: tuple) -> bool:
    """Is there a complex number among the operands?"""
    kinds = [promotable(operand(x)) for x in args]
    return any(k is complex or (isinstance(k, np.dtype) and k.kind == "c") for k in kinds)
