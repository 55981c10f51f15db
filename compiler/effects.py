"""Calls of Python functions while the compiled program runs: `callback`, `print` and the exceptions
that traced code raises with run-time values in them.

The order of effects is kept in a storage that every trace begins with: callbacks read and write it, so loops and branches
carry it as they carry any array that is written.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.builder import Slot
from ..ir.graph import Value, walk_ops
from ..ir.host import HostFunction
from ..ir.opdef import effect_of
from ..ir.types import ArrayType, Type
from . import dispatch, pytree, rewriting, tracer
from .arrays import TracedArray, is_traced, value_of
from .builtin_functions import builtin
from .replay import logged
from .scalars import TracedScalar, to_kind
from .text import Deferred, is_run_time, text_of
from .values import cast_weak, check_dtype
from .views import Storage, view_of


def begin() -> None:
    """The order of effects, at the beginning of a trace."""
    tracer.current().order = Storage(tracer.constant(np.int64(0), ArrayType(np.dtype(np.int64))))


def host_call(name: str, function: Callable[..., list[Any]], values: Sequence[Any], types: Sequence[Type],
              once: bool = True) -> list[Value]:
    """Call `function` on these traced values at run time, in the program's order; its results.

    once: not again by a program that starts anew (`replay.py`).
    """
    function = logged(function) if once else function
    order = tracer.current().order
    operands = [order.value, *[value_of(v) for v in values]]
    extents = [d for t in types if isinstance(t, ArrayType) for d in t.dims if isinstance(d, Value)]
    if extents:
        given, own = function, len(values)

        def function(*args: Any) -> list[Any]:
            return given(*args[:own])

    place = itertools.count(len(operands))
    slotted = tuple(t.with_dims(tuple(Slot(next(place)) if isinstance(d, Value) else d for d in t.dims))  # type: ignore[misc]
                    if isinstance(t, ArrayType) else t for t in types)
    state, *results = tracer.emit_all("callback", [*operands, *extents], function=HostFunction(name, function), types=slotted)
    order.value, order.written = state, True
    return results


@builtin(print)
def traced_print(*args: Any, **options: Any) -> None:
    """`print` at run time, whatever it prints: each call of the compiled function prints."""
    _defer("print", Deferred(print, *args, **options))


def _defer(name: str, call: Deferred) -> None:
    """Make this call at run time."""

    def run(*given: Any) -> list[Any]:
        call.run(given)
        return []

    host_call(name, run, call.values, ())


def raise_at_run_time(error: BaseException, cause: Any) -> None:
    """Raise `error`, whose arguments may hold run-time values, when the program gets here."""
    kind, state = type(error), _attributes(error)
    if _any_run_time(state):
        raise tracer.unsupported(f"raising {kind.__name__} where run-time values decide", "its attributes hold run-time values")
    native: Any = next(c for c in kind.__mro__ if c.__module__ == "builtins")

    def fail(*args: Any) -> None:
        made = kind.__new__(kind, *args)
        native.__init__(made, *args)
        for name, x in state.items():
            setattr(made, name, x)
        made.__cause__, made.__suppress_context__ = error.__cause__ or cause, True
        raise made

    _defer("raise", Deferred(fail, *error.args))


def _attributes(error: BaseException) -> dict[str, Any]:
    """An exception's attributes: those of its `__dict__`, and those that its class has slots for."""
    slots = [name for c in type(error).__mro__ for name in getattr(c, "__slots__", ())]
    return {**{name: getattr(error, name) for name in slots if hasattr(error, name)}, **error.__dict__}


def are_seen() -> bool:
    """Has the program printed, called back or written to the caller's arrays so far, or may it have raised?"""
    trace = tracer.current()
    return (trace.order.written or any(s.parameter is not None and s.value is not s.parameter for s in trace.storages)
            or any(effect_of(op) == "check" for op in walk_ops(trace.builder.block)))


def raise_in_program(error: BaseException, cause: Any = None) -> None:
    """Raise `error` when the program gets here: compiled code does it itself if it is a builtin exception with a fixed text."""
    text = error.args[0] if error.args else ""
    if type(error).__module__ == "builtins" and len(error.args) < 2 and isinstance(text, str):
        tracer.emit("check", [tracer.constant(True), tracer.constant(False)], exception=type(error).__name__,
                    message=text.replace("{", "{{").replace("}", "}}"))
    else:
        raise_at_run_time(error, cause)


def holds_run_time_values(error: Any) -> bool:
    return isinstance(error, BaseException) and _any_run_time((error.args, error.__dict__))


def _any_run_time(tree: Any) -> bool:
    return any(is_run_time(x) for x in pytree.flatten(tree, is_leaf=is_run_time)[0])


@dispatch.implements("round to digits")
def rounded_to_digits(x: TracedScalar, digits: Any) -> TracedScalar:
    """round(x, digits) of a Python number: of the decimal digits of x, which Python knows."""
    kind = "float" if x.kind == "float" else "int"

    def run(*given: Any) -> list[Any]:
        return [round(given[0], digits if len(given) == 1 else given[1])]

    values = [to_kind(x, kind), *([digits] if is_traced(digits) else [])]
    result = host_call("round", run, values, (ArrayType(np.dtype(np.int64 if kind == "int" else float)),))
    return TracedScalar(cast_weak(result[0], kind))


for _make in (str, repr, ascii, format):
    builtin(_make)(functools.partial(text_of, _make))


def callback(function: Callable[..., Any], result: Any, *args: Any) -> Any:
    """Call the Python function `function(*args)` while the compiled program runs, and in its order.

    result: a tree of arrays, NumPy scalars or dtypes that tells the shapes and dtypes of what it returns, or None.  It gets
    copies; what it raises ends the compiled function.  Outside compiled code it is simply called.

        loss = treadle.callback(lambda i, x: log.append((i, x)), None, i, loss)
    """
    if not tracer.is_tracing():
        return function(*args)
    container = tracer.current().containers.get(id(getattr(function, "__self__", None)))
    if container is not None:
        # A method of the copy that tracing works on: the caller's own object is meant.
        function = getattr(container.original, function.__name__)
    code = getattr(function, "__code__", None)
    if code is not None and rewriting.is_rewritten(code):
        raise tracer.unsupported(f"a callback to {code.co_name}", "it is defined inside the compiled function",
                                 "define it outside, and pass what it needs as arguments")
    leaves, treedef = pytree.flatten(args, is_leaf=is_traced)
    places = [k for k, x in enumerate(leaves) if is_traced(x)]
    like, shape = pytree.flatten(result, is_leaf=is_traced)
    types = [_described(x) for x in like]

    def run(*given: Any) -> list[Any]:
        filled = list(leaves)
        for k, x in zip(places, given, strict=True):
            filled[k] = x
        found, structure = pytree.flatten(function(*treedef.unflatten(filled)))
        if structure != shape:
            raise TypeError(f"a callback returned {structure}, not {shape} as promised")
        return found

    outs = host_call(getattr(function, "__name__", "callback"), run, [leaves[k] for k in places], types)
    return shape.unflatten([TracedArray(view_of(Storage(v))) for v in outs])


def _described(x: Any) -> ArrayType:
    """The type that an example, or a dtype for a 0-d array, stands for."""
    if is_traced(x):
        dims = value_of(x).dims
        if not all(isinstance(d, int) for d in dims):
            raise tracer.unsupported("a callback's result", "its extents are known only while the program runs")
        return ArrayType(value_of(x).dtype, dims)
    if isinstance(x, (np.ndarray, np.generic)):
        return ArrayType(check_dtype(x.dtype), x.shape)
    return ArrayType(check_dtype(np.dtype(x)))
