"""Regions: blocks of ops that run by condition or in a loop, while they are being traced; and the conditions themselves.

A statement's body that fails while it is traced fails at run time, when the program gets there: `failed` keeps its exception,
and `after_pass` turns it into a raise of the region.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..ir.errors import TreadleError
from ..ir.graph import Block, Op, Value
from . import dispatch, tracer
from .arrays import TracedArray, truth_operand, value_of
from .choice import Choice, spread
from .effects import are_seen, raise_in_program
from .held import look
from .operators import Operators
from .run_time_lists import RunTimeList
from .scalars import TracedScalar, derivation
from .state import Either, Tentative, Undefined, is_structured
from .tracer import StagedLoop
from .values import cast_weak


@contextmanager
def inside(block: Block, loop: StagedLoop | None = None, once: bool = False) -> Iterator[None]:
    """Emit into a region that is being built; outer values stay visible. `once`: it runs exactly once, where it stands.

    If the body is left by an exception, its hook is dropped some time later: then nothing is to be restored any more.
    """
    trace = tracer.current()
    holder = Op(tracer.ONCE if once else "building", [], {}, [], [block])
    holder.block, depth, loops = trace.builder.block, trace.depth, len(trace.loops)
    trace.builder.block, trace.depth = block, depth + 1
    if loop is not None:
        trace.loops.append(loop)
    abandoned = False
    try:
        yield
    except GeneratorExit:
        abandoned = True
        raise
    finally:
        if not abandoned:
            trace.builder.block, trace.depth = holder.block, depth
            del trace.loops[loops:]


def after_pass(block: Block, loop: StagedLoop | None = None) -> None:
    """When a hook goes on after its body: take over again, and turn what the body raised into a raise of the program."""
    trace = tracer.current()
    error, trace.failure = trace.failure, None
    if error is None or block in trace.unreachable:
        return
    for open_ in trace.loops:
        if open_.widened and ("peel", open_.place) not in trace.decisions:
            # It may be the type that is at fault: the first trip by itself has the constant as it is.
            raise tracer.Restart(("peel", open_.place))
    outer = block.owner.block if block.owner is not None else None
    certain = loop is not None and loop.trips is not None and tracer.runs_once(outer) and not are_seen()
    if certain or not isinstance(error, _RAISED):
        raise error
    trace.builder.block = block
    trace.depth = sum(1 for _ in _blocks_around(block))
    del trace.loops[next((k + 1 for k, x in enumerate(trace.loops) if x is loop), len(trace.loops)):]
    if error.__traceback__ is not None:
        trace.builder.loc = tracer.here()
    raise_in_program(error)
    trace.unreachable.add(block)


# What NumPy and Python raise about a program; anything else is a fault of this package and stays an error of tracing.
_RAISED = (TypeError, ValueError, IndexError, KeyError, AttributeError, NameError, ArithmeticError)


def _blocks_around(block: Block | None) -> Iterator[Block]:
    while block is not None and block.owner is not None:
        yield block
        block = block.owner.block


def raise_failure() -> None:
    """After a body that runs as plain Python: its exception goes on."""
    trace = tracer.current()
    error, trace.failure = trace.failure, None
    if error is not None:
        raise error


def condition_of(x: Any) -> Any:
    """A condition: a Python truth value if tracing may decide it, else a traced scalar."""
    if isinstance(x, Tentative):
        x = checked_local("", x)
    if isinstance(x, Choice):
        x = spread(truth_of, x)
    if isinstance(x, RunTimeList):
        x = x.length > 0
    if isinstance(x, TracedArray):
        x = truth_operand(x)
    if isinstance(x, TracedScalar):
        return bool(x) if derivation(x) is not None else x
    look(x)
    if isinstance(x, (Operators, bool, int, float, str, list, tuple, dict, type(None))):
        return bool(x)
    truth = dispatch.FUNCTIONS["call"](bool, (x,), {})
    return condition_of(truth) if isinstance(truth, Operators) else bool(truth)


def truth_of(x: Any) -> Any:
    """The truth of anything, as a bool: of one type whatever `x` is."""
    t = condition_of(x)
    return TracedScalar(truth_value(t)) if isinstance(t, TracedScalar) else t


dispatch.FUNCTIONS["truth"] = truth_of


def truth_value(x: Any) -> Value:
    """The truth of a traced scalar, as a py.bool."""
    return cast_weak(value_of(x), "bool")


def checked_local(name: str, x: Any) -> Any:
    """A local name's value where it may have none: UnboundLocalError, at once or at run time."""
    message = f"cannot access local variable '{name}' where it is not associated with a value"
    if isinstance(x, Undefined):
        raise UnboundLocalError(message)
    return settled(x, UnboundLocalError(message))


def unbound_free(name: str) -> NameError:
    return NameError(f"cannot access free variable {name!r} where it is not associated with a value in enclosing scope")


def settled(x: Any, error: Exception) -> Any:
    """`x` without tentative values: where one is not defined, the program raises `error`."""
    if is_structured(x) and isinstance(x.tag, Tentative):
        check(value_of(x.tag.defined), error)
        return without_tentatives(x)
    if isinstance(x, tuple) and any(isinstance(e, (Tentative, tuple)) for e in x):
        items = [settled(e, error) for e in x]
        return tuple(items) if type(x) is tuple else type(x)._make(items)  # type: ignore[attr-defined]  # a namedtuple
    if isinstance(x, (list, dict)):
        for k, e in list(x.items() if isinstance(x, dict) else enumerate(x)):
            if isinstance(e, Tentative):
                check(value_of(e.defined), error)
                x[k] = e.value
            else:
                settled(e, error)
        return x
    if not isinstance(x, Tentative):
        return x
    defined = value_of(x.defined)
    if isinstance(x.value, TracedScalar):
        value = tracer.emit("check", [x.value.value, defined], exception=type(error).__name__, message=str(error))
        return TracedScalar(value)
    check(defined, error)
    return x.value


def without_tentatives(x: Any) -> Any:
    """`x` with the values of tentative leaves, where something else says whether they are there."""
    if isinstance(x, Tentative):
        return without_tentatives(x.value)
    if is_structured(x):
        return Choice(without_tentatives(x.tag), tuple(map(without_tentatives, x.options)))
    if isinstance(x, Either):
        return Either(*(without_tentatives(e) for e in (x.condition, x.then, x.other)))
    if isinstance(x, tuple):
        items = [without_tentatives(e) for e in x]
        return tuple(items) if type(x) is tuple else type(x)._make(items)  # type: ignore[attr-defined]  # a namedtuple
    if isinstance(x, list) and any(isinstance(e, (Tentative, tuple)) for e in x):
        return [without_tentatives(e) for e in x]
    if isinstance(x, dict) and any(isinstance(e, (Tentative, tuple)) for e in x.values()):
        return {k: without_tentatives(e) for k, e in x.items()}
    return x


def failed(error: Exception) -> None:
    """A body has raised: its hook decides what that means."""
    if isinstance(error, TreadleError):
        raise error
    tracer.current().failure = error


def check(condition: Value, error: BaseException) -> None:
    text = error.args[0] if error.args else ""
    tracer.emit("check", [tracer.constant(True), condition], exception=type(error).__name__,
                message=text.replace("{", "{{").replace("}", "}}"))
