"""np.pad: one op for a single constant around the array, NumPy's own code for the rest, indices for widths of the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import tracer
from ..arrays import TracedArray, as_array, new_array, operand, value_of, wrap
from ..dispatch import call, implements
from ..regions import check
from ..scalars import TracedScalar, concrete, to_kind
from ..values import cast


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> TracedArray:
    a = as_array(array)
    if _has_open(pad_width) or (mode in _BY_INDEX and kwargs.get("reflect_type", "even") == "even" and a.ndim and not all(
            isinstance(d, int) for d in a.view.dims)):
        return _padded_at_run_time(a, _pairs(pad_width, a.ndim), mode, kwargs)
    constant = mode == "constant" and set(kwargs) <= {"constant_values"} and np.ndim(kwargs.get("constant_values", 0)) == 0
    if not a.ndim or not constant or isinstance(pad_width, (dict, TracedArray)):
        return call("numpy body", (np.pad, (array, pad_width, mode), kwargs), {})
    given = np.asarray(_widths(pad_width))
    if given.dtype.kind != "i":
        raise TypeError("`pad_width` must be of integral type.")
    widths = np.broadcast_to(given, (a.ndim, 2))
    if np.any(widths < 0):
        raise ValueError("index can't contain negative values")
    filler = value_of(operand(kwargs.get("constant_values", 0)), a.dtype)
    low, high = (tuple(int(w) for w in widths[:, side]) for side in (0, 1))
    fortran = a.view.is_f_contiguous and not a.view.is_c_contiguous
    if not all(isinstance(d, int) or (p, q) == (0, 0) for d, p, q in zip(a.view.dims, low, high, strict=True)):
        out = call(np.full, (tuple(n + p + q for n, p, q in zip(a.shape, low, high, strict=True)), new_array(filler), a.dtype),
                   {"order": "F" if fortran else "C"})
        out[tuple(slice(p, p + n) for n, p in zip(a.shape, low, strict=True))] = a
        return out
    padded = tracer.emit("pad", [a.view.read(), filler], low=low, high=high)
    return wrap(padded, tuple(reversed(range(a.ndim))) if fortran else None)


_BY_INDEX = ("edge", "wrap", "symmetric", "reflect")
_NOTHING_TO_EXTEND = "can't extend empty axis {} using modes other than 'constant' or 'empty'"


def _widths(x: Any) -> Any:
    return [_widths(e) for e in x] if isinstance(x, (list, tuple)) else concrete(x, "pad widths")


def _has_open(x: Any) -> bool:
    """Is a width among these that only the run knows?"""
    if isinstance(x, (list, tuple)):
        return any(map(_has_open, x))
    return isinstance(x, TracedScalar) and x.known is None


def _pairs(x: Any, rank: int) -> list[tuple[Any, Any]]:
    """The widths before and after each axis, by NumPy's rules of broadcasting."""
    rows = list(x) if isinstance(x, (list, tuple)) else [x]
    if not any(isinstance(r, (list, tuple)) for r in rows):
        rows = [rows]
    pairs = [(r[0], r[-1]) if isinstance(r, (list, tuple)) else (r, r) for r in rows]
    if len(pairs) not in (1, rank) or any(isinstance(r, (list, tuple)) and len(r) not in (1, 2) for r in rows):
        raise ValueError(f"operands could not be broadcast together with remapped shapes [original->remapped]: ({len(pairs)},2) "
                         f"and requested shape ({rank},2)")
    return [tuple(map(_width, p)) for p in (pairs if len(pairs) == rank else pairs * rank)]  # type: ignore[misc]


def _width(x: Any) -> Any:
    if not isinstance(x, TracedScalar):
        if x < 0:
            raise ValueError("index can't contain negative values")
        return x
    if x.value.dtype.kind not in "iub":
        raise TypeError("`pad_width` must be of integral type.")
    x = to_kind(x, "int")
    fine = cast(value_of(x >= 0), np.dtype(bool))
    message = "index can't contain negative values"
    return TracedScalar(tracer.emit("check", [x.value, fine], exception="ValueError", message=message))


def _by_index(i: Any, n: Any, mode: str) -> Any:
    """Which element of an axis of n stands `i` places behind its first."""
    if mode == "edge":
        return call(np.clip, (i, 0, n - 1), {})
    if mode == "wrap":
        return i % n
    if mode == "symmetric":
        place = i % (2 * n)
        return call(np.where, (place < n, place, 2 * n - 1 - place), {})
    period = call(max, (2 * (n - 1), 1), {})
    place = i % period
    return call(np.where, (place < n, place, period - place), {})


def _padded_at_run_time(a: TracedArray, widths: Sequence[tuple[Any, Any]], mode: Any, options: dict[str, Any]) -> TracedArray:
    """Padding of widths that only the run knows."""
    if mode in ("constant", "empty") and set(options) <= {"constant_values"}:
        return _surrounded(a, widths, _pairs_of_values(options.get("constant_values", 0), a.ndim))
    if mode not in _BY_INDEX or options.get("reflect_type", "even") != "even":
        raise tracer.unsupported(f"np.pad by {mode} of a width that only the run knows", "its elements are computed from others",
                                 "pass the width as an argument of its own")
    order = "F" if a.view.is_f_contiguous and not a.view.is_c_contiguous else "C"
    for k, (before, after) in enumerate(widths):
        n = a.shape[k]
        total = before + n + after
        if not isinstance(n, int) or n == 0:
            fine = (n > 0) | (total == 0)
            check(cast(value_of(fine), np.dtype(bool)), ValueError(_NOTHING_TO_EXTEND.format(k)))
            n = call(max, (n, 1), {})
        place = call(np.arange, (total,), {}) - before
        a = call(np.take, (a, _by_index(place, n, mode)), {"axis": k})
    return call(np.array, (a,), {"order": order})


def _pairs_of_values(x: Any, rank: int) -> list[tuple[Any, Any]]:
    values = np.broadcast_to(np.asarray(x), (rank, 2)) if not isinstance(x, (TracedScalar, TracedArray)) else None
    return [(x, x)] * rank if values is None else [(p[0], p[1]) for p in values]


def _surrounded(a: TracedArray, widths: Sequence[tuple[Any, Any]], values: Sequence[tuple[Any, Any]]) -> TracedArray:
    order = "F" if a.view.is_f_contiguous and not a.view.is_c_contiguous else "C"
    out = call(np.empty, (tuple(p + n + q for n, (p, q) in zip(a.shape, widths, strict=True)), a.dtype), {"order": order})
    out[tuple(slice(p, p + n) for n, (p, _) in zip(a.shape, widths, strict=True))] = a
    for k, (n, (p, _), (first, last)) in enumerate(zip(a.shape, widths, values, strict=True)):
        lead = (slice(None),) * k
        out[(*lead, slice(0, p))] = first
        out[(*lead, slice(p + n, None))] = last
    return out
