"""Calls of Python functions while the compiled program runs: `callback`, and `print` in traced code.

The order of effects is kept in a storage that every trace begins with: callbacks read and write it, so loops and branches
carry it as they carry any array that is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ir.graph import Value
from ..ir.host import HostFunction
from ..ir.types import ArrayType, Type
from . import capture, pytree, tracer
from .arrays import TracedArray, is_traced, value_of
from .builtin_functions import builtin
from .text import TracedText
from .values import check_dtype
from .views import Storage, view_of


def begin() -> None:
    """The order of effects, at the beginning of a trace."""
    tracer.current().order = Storage(tracer.constant(np.int64(0), ArrayType(np.dtype(np.int64))))


def host_call(name: str, function: Callable[..., list[Any]], values: Sequence[Any], types: Sequence[Type]) -> list[Value]:
    """Call `function` on these traced values at run time, in the program's order; its results."""
    order = tracer.current().order
    operands = [order.value, *[value_of(v) for v in values]]
    state, *results = tracer.emit_all("callback", operands, function=HostFunction(name, function), types=tuple(types))
    order.value, order.written = state, True
    return results


@builtin(print)
def traced_print(*args: Any, **options: Any) -> None:
    """`print` at run time, whatever it prints: each call of the compiled function prints."""
    leaves, treedef = pytree.flatten(args, is_leaf=lambda x: is_traced(x) or isinstance(x, TracedText))
    places = [k for k, x in enumerate(leaves) if is_traced(x)]
    texts = [(k, x) for k, x in enumerate(leaves) if isinstance(x, TracedText)]
    values = [leaves[k] for k in places] + [v for _, t in texts for v in t.values]

    def show(*given: Any) -> list[Any]:
        shown, rest = list(leaves), iter(given)
        for k in places:
            shown[k] = next(rest)
        for k, text in texts:
            shown[k] = text.fill([next(rest) for _ in text.values])
        print(*treedef.unflatten(shown), **options)
        return []

    host_call("print", show, values, ())


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
    if code is not None and capture.is_rewritten(code):
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
