"""The entry of the tracer: `trace(f, args, kwargs)` runs `f` on traced stand-ins and returns a `Traced`.

A trace may find that it needs a decision (two arguments share memory and one is written; a loop must be unrolled): it then
starts again with that decision, so there is no half-done state.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..ir.errors import TreadleError, UnsupportedError
from ..ir.graph import Function, Parameter
from ..ir.types import ArrayType
from . import advanced as _advanced  # noqa: F401  (these fill the table)
from . import assignment as _assignment  # noqa: F401
from . import effects, tracer
from . import indexing as _indexing  # noqa: F401
from . import iteration as _iteration  # noqa: F401
from . import module_cmath as _module_cmath  # noqa: F401
from . import module_math as _module_math  # noqa: F401
from . import numpy_api as _numpy_api  # noqa: F401
from . import numpy_bodies as _numpy_bodies  # noqa: F401
from . import object_operands as _object_operands  # noqa: F401
from . import objects as _objects  # noqa: F401
from . import python_arithmetic as _python_arithmetic  # noqa: F401
from . import random_choice as _random_choice  # noqa: F401
from . import random_draws as _random_draws  # noqa: F401
from . import random_order as _random_order  # noqa: F401
from . import spreading as _spreading  # noqa: F401
from . import ufuncs as _ufuncs  # noqa: F401
from .aliasing import check_overlaps
from .assumptions import assumed
from .generators import StateAddress
from .hooks import call
from .known import DistinctGuard
from .lifting import RUN_TIME_SCALARS, lift
from .pooled_lists import begin_pools
from .results import Recipes
from .sources import Argument, Call, Extent, Source
from .state import UNDEFINED
from .traced import Traced
from .tracer import Restart, Shapes, Trace
from .views import Storage, packed_strides

_MAX_RESTARTS = 100


def trace(f: Callable[..., Any], args: tuple, kwargs: dict, run_time_scalars: bool = False,
          assumptions: frozenset[tuple] = frozenset(), shapes: Shapes | None = None) -> Traced:
    """Trace one call of `f`. Nothing of the caller's is changed.

    run_time_scalars: do not read the values of Python scalars among the arguments; what needs them is then staged or refused.
    assumptions: those found to fail.  shapes: the extents that are to be run-time values, where they can.
    """
    decisions: frozenset[tuple] = assumptions | frozenset({(RUN_TIME_SCALARS,)} if run_time_scalars else ())
    # Where another decision was possible: the decisions with that one instead.
    others: list[frozenset[tuple]] = []
    refused: UnsupportedError | None = None
    for _ in range(_MAX_RESTARTS):
        try:
            with tracer.tracing(Trace(Call(args, kwargs, []), decisions, shapes)) as state:
                return _without_changes(state, f, args, kwargs)
        except Restart as r:
            assert r.decision not in decisions, r.decision
            if r.otherwise is not None:
                others.append(decisions | {r.otherwise})
            decisions |= {r.decision}
        except UnsupportedError as e:
            refused = refused or e
            if not others:
                raise refused from refused.__cause__
            decisions = others.pop()
    raise tracer.unsupported(f"{f.__name__}", f"tracing it needs more than {_MAX_RESTARTS} attempts")


def _without_changes(state: Trace, f: Callable[..., Any], args: tuple, kwargs: dict) -> Traced:
    """Trace; what the function changed meanwhile, where tracing does not see it, is as before."""
    changed: list[Source] = []
    try:
        traced = _trace(state, f, args, kwargs)
    finally:
        changed += [source for snapshot, source in state.snapshots if snapshot.restore()]
    if changed:
        raise tracer.unsupported(f"a change of {changed[0]}, a {type(changed[0].read(state.call)).__name__} of the caller's",
                                 "a compiled function cannot change it", "change a copy and return that")
    return traced


def _trace(state: Trace, f: Callable[..., Any], args: tuple, kwargs: dict) -> Traced:
    effects.begin()
    begin_pools()
    names = _names(f, len(args))
    given = [lift(a, Argument(k, names[k]), in_key=True) for k, a in enumerate(args)]
    named = {k: lift(a, Argument(k, k), in_key=True) for k, a in kwargs.items()}
    for decision in state.decisions:
        if decision[0] == "preload":
            _preload(state, decision[1])
    try:
        result = call(f, tuple(given), named)
    except Exception as e:
        ended = state.block in state.unreachable
        if state.shapes is not None or isinstance(e, TreadleError) or state.builder.block is not state.block or not (
                ended or effects.are_seen() or effects.holds_run_time_values(e)):
            raise
        if not ended:
            # The program does what it does before it raises.
            with tracer.at_line(e.__traceback__):
                effects.raise_in_program(e, e.__cause__)
        result = None
    return finish_trace(state, getattr(f, "__name__", "f"), result)


def _preload(state: Trace, source: Source) -> None:
    """Read a place that a loop or branch sets, before the function runs."""
    try:
        state.bindings[source] = state.preloaded[source] = lift(source.read(state.call), source)
    except (AttributeError, KeyError, ValueError):
        state.bindings[source] = UNDEFINED


def finish_trace(state: Trace, name: str, result: Any) -> Traced:
    """The function traced so far, with `result` as what it returns."""
    check_overlaps()
    recipes = Recipes()
    recipe = recipes.recipe(result)
    effects = recipes.effects()
    position = {id(value): k for k, (_, value) in enumerate(state.inputs)}
    recipes.write_back(state.storages, position)
    if effects and len(state.containers) > 1:
        state.guard(DistinctGuard(tuple(c.source for c in state.containers.values())))
    state.block.yields = list(recipes.values)
    storages = {id(s.parameter): s for s in state.storages if s.parameter is not None}
    places = {source: k for k, (source, _) in enumerate(state.inputs)}
    parameters = [_parameter(source, value, storages.get(id(value))) if not isinstance(source, Extent) else
                  Parameter(str(source), extent_of=(places[source.base], source.axis)) for source, value in state.inputs]
    # Names of native symbols are made from it.
    function = Function(re.sub(r"\W", "", name) or "function", state.block, parameters, recipes.outputs)
    generators = [s.base for s, _ in state.inputs if isinstance(s, StateAddress)] if state.draws else None
    return Traced(function, [s for s, _ in state.inputs], list(state.guards), recipe, effects, bool(state.unions), generators,
                  assumed(state.decisions), recipes.shapes, frozenset(n for n, _ in state.facts.symbols.values()))


def _parameter(source: Source, value: Any, storage: Storage | None) -> Parameter:
    if not isinstance(value.type, ArrayType):
        return Parameter(str(source))
    if storage is None and not value.dims:
        return Parameter(str(source), None, False)
    # A constant's memory is packed.
    strides = packed_strides(value.dims, value.dtype) if storage is None else storage.strides
    itemsize = value.dtype.itemsize
    run_time = storage is not None and not all(isinstance(s, int) for s in strides)
    return Parameter(str(source), tuple(s // itemsize if isinstance(s, int) else 0 for s in strides),
                     storage is not None and storage.writeable, storage.layout if run_time and storage is not None else None)


def _names(f: Callable[..., Any], count: int) -> list[str]:
    code = getattr(f, "__code__", None)
    names = list(code.co_varnames[:code.co_argcount]) if code is not None else []
    return [names[k] if k < len(names) else f"argument {k}" for k in range(count)]


