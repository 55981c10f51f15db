"""Polynomials by their coefficients, where NumPy drops leading zeros: here the leading coefficient must not be zero.

Dropping them would make the result's size depend on values; a zero that is met when the program runs is an error then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import tracer
from ..arrays import TracedArray, as_array, new_array, value_of
from ..dispatch import call, implements

_POLYUTILS = np.polynomial.polyutils.__dict__


def led(c: Any, last: bool = False) -> TracedArray:
    """Coefficients whose first (or last) is checked not to be zero, as the program runs."""
    c = call(np.atleast_1d, (as_array(c),), {})
    if tracer.static_extent(c.view.dims[0], "a polynomial") < 2:
        return c
    sound = value_of(call(np.not_equal, (c[-1] if last else c[0], 0), {}))
    return new_array(tracer.emit("check", [c.view.read(), sound], exception="UnsupportedError",
                                 message="a leading coefficient is 0: the size of the result would depend on values"))


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> TracedArray:
    return call(np.convolve, (led(a1), led(a2)), {})


@implements(np.roots)
def roots(p: Any) -> Any:
    """The eigenvalues of the companion matrix."""
    p = call(np.atleast_1d, (as_array(p),), {})
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    c = led(led(p), last=True)
    c = c if c.dtype.kind in "fc" else c.astype(float)
    n = c.shape[0]
    if n < 2:
        return call(np.zeros, (0,), {})
    companion = call(np.diag, (np.ones(n - 2, c.dtype), -1), {})
    companion[0, :] = -c[1:] / c[0]
    return call(np.linalg.eigvals, (companion,), {})


@implements(_POLYUTILS["as_series"])
def as_series(alist: Any, trim: bool = True) -> list:
    """1-d arrays of one dtype; with `trim`, their last coefficients must not be zero."""
    arrays = [call(np.array, (a,), {"ndmin": 1}) for a in alist]
    for a in arrays:
        if a.size == 0:
            raise ValueError("Coefficient array is empty")
        if a.ndim != 1:
            raise ValueError("Coefficient array is not 1-d")
    kind = np.result_type(np.float64 if any(a.dtype.kind in "biu" for a in arrays) else np.float16, *[a.dtype for a in arrays])
    return [led(a.astype(kind), last=True) if trim else a.astype(kind) for a in arrays]


@implements(_POLYUTILS["trimseq"])
def trimseq(seq: Any) -> Any:
    return led(seq, last=True)
