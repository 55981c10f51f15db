"""Slices whose bounds, or the axis they apply to, are known only at run time.

Python clamps a slice to its axis.  Where tracing can prove that nothing is clamped, start and length are plain linear forms
of the bounds: then `a[i:i + 3]` has the static extent 3.  Otherwise both are computed as Python computes them; equal slices
of equal extents share one length, so that arrays cut alike still meet.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.graph import Value
from ..ir.types import Dim
from . import integers, tracer
from .integers import as_value, form_of, int_of_form, is_nonnegative


@dataclass(frozen=True, slots=True)
class Span:
    """start, start + step, ... : `length` positions along an axis."""

    start: int | Value
    length: Dim
    step: int


def run_time_span(start: Dim | None, stop: Dim | None, step: int, extent: Dim) -> Span:
    """The positions that slice(start, stop, step) picks along an axis of this extent."""
    if step > 0:
        first = 0 if start is None else _clamped(start, 0, extent, extent)
        last = extent if stop is None else _clamped(stop, 0, extent, extent)
        span = integers.add(last, first, -1)
    else:
        top = integers.add(extent, 1, -1)
        first = top if start is None else _clamped(start, -1, top, extent)
        last = -1 if stop is None else _clamped(stop, -1, top, extent)
        span = integers.add(first, last, -1)
    length = _quotient(_at_least_zero(span), abs(step))
    if isinstance(length, Value) and not integers.facts().bounds.get(length):
        integers.set_bounds(length, [form_of(0)], [form_of(extent)])
    integers.note_top(length, extent)
    return Span(_in_range(first, length, extent), length, step)


def _clamped(bound: Dim, low: int, high: Dim, extent: Dim) -> Dim:
    """A bound counted from the front and kept within low..high, as Python does it."""
    form = form_of(bound)
    if not is_nonnegative(form):
        if is_nonnegative(form.scaled(-1).plus(form_of(1), -1)):
            bound = integers.add(extent, bound)
        else:
            return _select_bound(bound, low, high, extent)
    above = is_nonnegative(form_of(bound).plus(form_of(low), -1))
    below = integers.at_most(bound, high)
    if above and below:
        return bound
    if above and integers.at_most(high, bound):
        return high
    if not above and integers.at_most(bound, low):
        return low
    return integers.remember(("clamp", form_of(bound).key, low, form_of(high).key),
                             lambda: _clamp_value(as_value(bound), low, high))


def _select_bound(bound: Dim, low: int, high: Dim, extent: Dim) -> Value:
    """The same where the sign of the bound is not known."""

    def make() -> Value:
        value = as_value(bound)
        negative = tracer.emit("py_less", [value, tracer.constant(0)])
        wrapped = tracer.emit("where", [negative, tracer.emit("py_add", [value, as_value(extent)]), value])
        return _clamp_value(wrapped, low, high)

    return integers.remember(("bound", form_of(bound).key, low, form_of(high).key), make)


def _clamp_value(value: Value, low: int, high: Dim) -> Value:
    floor, top = tracer.constant(low), as_value(high)
    value = tracer.emit("where", [tracer.emit("py_less", [value, floor]), floor, value])
    value = tracer.emit("where", [tracer.emit("py_greater", [value, top]), top, value])
    integers.set_bounds(value, [form_of(low)], [form_of(high)])
    return value


def _at_least_zero(span: Dim) -> Dim:
    if is_nonnegative(form_of(span)):
        return span
    if isinstance(span, int) or is_nonnegative(form_of(span).scaled(-1)):
        return 0

    def make() -> Value:
        zero = tracer.constant(0)
        return tracer.emit("where", [tracer.emit("py_less", [span, zero]), zero, span])

    found = integers.remember(("at least zero", form_of(span).key), make)
    # Not above the span's own upper end, where that is not negative: both bounds matter to later slices.
    integers.set_bounds(found, [form_of(0), form_of(span)], [])
    return found


def _quotient(span: Dim, step: int) -> Dim:
    """How many steps fit, rounded up."""
    if step == 1:
        return span
    if isinstance(span, int):
        return -(-span // step)
    more = integers.add(span, step - 1)

    def make() -> Value:
        return tracer.emit("py_floor_divide", [as_value(more), tracer.constant(step)])

    found = integers.remember(("steps", form_of(span).key, step), make)
    integers.set_bounds(found, [form_of(0)], [form_of(span)])
    return found


def _in_range(first: Dim, length: Dim, extent: Dim) -> int | Value:
    """The start of a slice, which must be in range even if the slice is empty."""
    if isinstance(first, int) and (first == 0 or (isinstance(length, int) and length > 0)):
        return first
    if isinstance(length, int) and length == 0:
        return 0
    return int_of_form(form_of(first))
