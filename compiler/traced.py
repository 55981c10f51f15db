"""What tracing produces: a graph function, and how one call is bound to it.

`Traced` is the contract between the tracer and the executables:

    key, call = signature(args, kwargs)          # signature.py: a hashable key; versions are kept by key
    traced = trace(f, args, kwargs)              # trace.py
    traced.matches(call)                         # do this call's guards hold?
    values = traced.bind(call)                   # one array or scalar per parameter, in order
    outputs = run(traced.function, values)       # one array (0-d for scalars) per output; an output with `into` is
                                                 # written in place, and its entry is not read
    result = traced.finish(outputs, call)        # effects on the caller's objects, then the result

An output of rank 0 comes as anything whose `[()]` or value is a NumPy scalar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..ir.graph import Function
from .known import Known
from .sources import Call, Extent, Source


class Guard(Protocol):
    """A fact that the trace relied on."""

    def holds(self, call: Call) -> bool: ...


class Recipe(Protocol):
    """How to build one Python object of the result from the outputs and the call."""

    def build(self, state: Build) -> Any: ...


class Effect(Protocol):
    """A change of one of the caller's objects, done after the native code.

    `prepare` reads and builds all that the change needs, and returns what makes it: changes move what others read.
    """

    def prepare(self, state: Build) -> Callable[[], None]: ...


class Build:
    """One call's outputs, and the objects built from them so far: what is shared in the trace is shared in the result."""

    __slots__ = ("call", "made", "outputs")

    def __init__(self, outputs: Sequence[Any], call: Call) -> None:
        self.outputs, self.call = outputs, call
        self.made: dict[int, Any] = {}


@dataclass(eq=False, slots=True)
class Traced:
    """A traced function.

    unites: some inputs share memory and are one parameter.  generators: where the caller's random generators are; None if
    the function draws no random numbers.  assumptions: see `assumptions.py`.  shapes: the extents of new arrays, where
    run-time extents of arguments decide them; symbols: the numbers of those extents.
    """

    function: Function
    inputs: list[Source]
    guards: list[Guard]
    result: Recipe
    effects: list[Effect] = field(default_factory=list)
    unites: bool = False
    generators: list[Source] | None = None
    assumptions: frozenset[tuple] = frozenset()
    shapes: dict[int, tuple[int | Known, ...]] = field(default_factory=dict)
    symbols: frozenset[int] = frozenset()

    def matches(self, call: Call) -> bool:
        """Do the guards hold for this call? A place that cannot be read any more fails its guard."""
        try:
            for g in self.guards:
                if not g.holds(call):
                    return False
        except (AttributeError, KeyError, IndexError, ValueError, TypeError):
            return False
        return True

    def bind(self, call: Call) -> list[np.ndarray | np.generic | bool | int | float | complex]:
        """The parameters' values, in order, but for extents, which the native code reads."""
        return [s.read(call) for s in self.inputs if type(s) is not Extent]

    def finish(self, outputs: Sequence[Any], call: Call) -> Any:
        """The result, once the effects on the caller's objects are done."""
        state = Build(outputs, call)
        result = self.result.build(state)
        for change in [e.prepare(state) for e in self.effects]:
            change()
        return result
