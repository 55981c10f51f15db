"""What loops iterate over: `Space`, a counted range of positions and what the loop's target gets at each.

`range` with run-time bounds, arrays, and `zip`, `enumerate` and `reversed` of them are spaces; everything else iterates as
Python does, and its loop unrolls.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.graph import Value
from . import integers, tracer
from .arrays import TracedArray, any_traced, constant_array, extent
from .builtin_functions import BUILTINS, builtin
from .choice import Choice, at_hand, spread
from .held import look
from .known import Known, KnownResult, ValueGuard
from .run_time_lists import RunTimeList
from .scalars import TracedScalar, concrete, derivation


@dataclass(frozen=True, slots=True)
class Space:
    """Positions start, start + step, ... before stop; `element(position)` is what the target gets."""

    start: Any
    stop: Any
    step: Any
    element: Callable[[Any], Any]

    @property
    def is_upward(self) -> bool:
        """A run-time step is positive."""
        return isinstance(self.step, TracedScalar) or self.step > 0

    @property
    def trips(self) -> int | None:
        """The number of trips, if it is known while tracing."""
        if any(isinstance(b, TracedScalar) for b in (self.start, self.stop, self.step)):
            return None
        return len(range(self.start, self.stop, self.step))

    @property
    def trips_at_hand(self) -> int | None:
        """The number of trips for the arguments at hand, if they decide it."""
        known = [b.known if isinstance(b, TracedScalar) else Known(b) for b in (self.start, self.stop, self.step)]
        bounds = [k.value for k in known if k is not None]
        return len(range(*bounds)) if len(bounds) == len(known) else None

    def is_empty(self) -> bool:
        """Are there surely no trips? Where the arguments decide it, whether there are any is a guard."""
        if self.trips is not None:
            return self.trips == 0
        known = tuple(derivation(b) if isinstance(b, TracedScalar) else Known(b) for b in (self.start, self.stop, self.step))
        if None in known:
            return False
        none = KnownResult(not range(*[k.value for k in known]), _no_trips, known)  # type: ignore[union-attr,arg-type]
        tracer.current().guard(ValueGuard(none, none.value))
        return none.value

    def specialised(self) -> Space:
        """With bounds that follow from the arguments read, at the price of guards."""
        start, stop = (concrete(b, "the bound of a range") if isinstance(b, TracedScalar) and b.known is not None else b
                       for b in (self.start, self.stop))
        return Space(start, stop, self.step, self.element)

    def counted(self) -> Space:
        """The same, counted from 0 by 1."""
        if not any(isinstance(b, TracedScalar) for b in (self.start, self.step)) and (self.start, self.step) == (0, 1):
            return self
        return Space(0, self.length(), 1, lambda k: self.element(self.start + k * self.step))

    def length(self) -> Any:
        if self.trips is not None:
            return self.trips
        distance = self.stop - self.start if self.is_upward else self.start - self.stop
        size = self.step if self.is_upward else -self.step
        one = not isinstance(size, TracedScalar) and size == 1
        return BUILTINS[max](0, distance if one else (distance + (size - 1)) // size)

    def __iter__(self) -> Iterator[Any]:
        bounds = (operator.index(concrete(b, "the bound of a range")) for b in (self.start, self.stop, self.step))
        return (self.element(k) for k in range(*bounds))

    def __len__(self) -> int:
        return operator.index(concrete(self.length(), "the length of a range"))

    def __getitem__(self, k: Any) -> Any:
        return self.element(self.start + k * self.step)


def _no_trips(start: int, stop: int, step: int) -> bool:
    return not range(start, stop, step)


def space_of(x: Any) -> Space | None:
    """The space that iterating over `x` goes through, if a loop over it can be staged."""
    if isinstance(x, Space):
        return x
    if isinstance(x, range):
        return Space(x.start, x.stop, x.step, lambda k: k)
    if type(x) is np.ndarray:
        x = constant_array(x)
    x = at_hand(x)
    if isinstance(x, RunTimeList):
        return Space(0, x.length, 1, lambda k: x[k])
    if isinstance(x, TracedArray) and x.ndim:
        return Space(0, extent(x.view.dims[0]), 1, lambda k: x[k])
    if isinstance(x, Choice) and all(isinstance(o, TracedArray) and o.ndim for o in x.options):
        return Space(0, length(x), 1, lambda k: x[k])
    return None


def is_run_time_space(x: Any) -> bool:
    """Does iterating over `x` make a number of steps that only the run knows?"""
    x = at_hand(x)
    if isinstance(x, (RunTimeList, Space)):
        space = space_of(x)
        return space is not None and space.trips_at_hand is None
    return isinstance(x, TracedArray) and bool(x.ndim) and isinstance(x.view.dims[0], Value) and (
        integers.known_int(x.view.dims[0]) is None)


def _scalar(x: Any) -> Any:
    if isinstance(x, Choice):
        return spread(_bound, x)
    return x[()] if isinstance(x, TracedArray) and not x.ndim else x


def _bound(x: Any) -> Any:
    """A bound of a range, as a Python int."""
    x = _scalar(x)
    if isinstance(x, TracedScalar) and x.value.dtype.kind in "iub":
        return BUILTINS[int](x)
    return operator.index(x) if not isinstance(x, TracedScalar) else operator.index(x.python_type())


@builtin(range)
def make_range(*args: Any) -> Any:
    args = tuple(map(_scalar, args))
    if not any_traced(args):
        return range(*args)
    for a in args:
        if isinstance(a, TracedScalar) and a.value.dtype.kind not in "iub":
            raise TypeError(f"'{a.python_type.__name__}' object cannot be interpreted as an integer")
    start, stop, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
    if isinstance(step, TracedScalar) and step.known is None:
        step = BUILTINS[int](step)
    else:
        step = operator.index(concrete(step, "the step of a range"))
    if isinstance(step, int) and step == 0:
        raise ValueError("range() arg 3 must not be zero")
    start, stop = (BUILTINS[int](b) for b in (start, stop))
    if isinstance(step, TracedScalar):
        # The direction must be known, or counting would need both.
        positive = tracer.emit("py_greater", [step.value, tracer.constant(0)])
        step = TracedScalar(tracer.emit("check", [step.value, positive], exception="UnsupportedError",
                                        message="range() with a run-time step that is not positive has no compiled form"))
        integers.set_bounds(step.value, [integers.form_of(1)], [])
    return Space(start, stop, step, lambda k: k)


@builtin(enumerate)
def make_enumerate(x: Any, start: Any = 0) -> Any:
    space = None if isinstance(x, range) else space_of(x)
    if space is None:
        return enumerate(x, start)
    counted = space.counted()
    return Space(0, counted.stop, 1, lambda k: (k + start, counted.element(k)))


@builtin(zip)
def make_zip(*xs: Any, strict: bool = False) -> Any:
    spaces = [space_of(x) for x in xs]
    differ = strict and (None in (lengths := {None if s is None else s.trips for s in spaces}) or len(lengths) > 1)
    if not xs or any(s is None for s in spaces) or differ or all(isinstance(x, range) for x in xs):
        return zip(*xs, strict=strict)
    counted = [s.counted() for s in spaces if s is not None]
    stop = counted[0].stop
    for s in counted[1:]:
        stop = BUILTINS[min](stop, s.stop)
    return Space(0, stop, 1, lambda k: tuple(s.element(k) for s in counted))


@builtin(reversed)
def make_reversed(x: Any) -> Any:
    space = None if isinstance(x, range) else space_of(x)
    if space is None:
        look(x)
        return reversed(x)
    counted = space.counted()
    last = counted.stop - 1
    return Space(last, -1, -1, counted.element)


@builtin(len)
def length(x: Any) -> Any:
    if isinstance(x, Choice):
        return spread(length, x)
    if isinstance(x, Space):
        return x.length()
    if isinstance(x, RunTimeList):
        return x.length
    if isinstance(x, TracedArray):
        if not x.ndim:
            raise TypeError("len() of unsized object")
        return x.shape[0]
    look(x)
    return len(x)
