"""Operators and `with` on objects of the caller's classes: their methods run with hooks, since they read attributes.

`run` is how a function is called inside the trace (`hooks.call`).
"""

from __future__ import annotations

import operator
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import is_traced
from .library import is_library_module

Run = Callable[[Any, tuple, dict], Any]

IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.iadd, "Sub": operator.isub, "Mult": operator.imul, "Div": operator.itruediv,
             "FloorDiv": operator.ifloordiv, "Mod": operator.imod, "Pow": operator.ipow, "BitAnd": operator.iand,
             "BitOr": operator.ior, "BitXor": operator.ixor, "LShift": operator.ilshift, "RShift": operator.irshift,
             "MatMult": operator.imatmul}
_BINARY = {name: getattr(operator, function.__name__[1:] if function.__name__ not in ("iand", "ior") else
                         function.__name__[1:] + "_") for name, function in IN_PLACE.items()}
_METHOD_NAMES = {name: function.__name__[1:] for name, function in IN_PLACE.items()}
_UNARY: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "USub": ("__neg__", operator.neg), "UAdd": ("__pos__", operator.pos), "Invert": ("__invert__", operator.invert)}


def class_attribute(cls: type, name: str) -> Any:
    """What the class itself holds under `name`, without binding it."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def _has_methods(x: Any) -> bool:
    """Is this an object of a class of the user's own?"""
    cls = type(x)
    return cls.__module__ != "builtins" and not is_traced(x) and bool(cls.__flags__ & (1 << 9)) and hasattr(x, "__dict__") \
        and not isinstance(x, (np.ndarray, np.generic, type)) and not is_library_module(sys.modules.get(cls.__module__))


def binary(run: Run, op: str, a: Any, b: Any) -> Any:
    """a op b. Methods of the caller's classes run with hooks: they read attributes."""
    if not (_has_methods(a) or _has_methods(b)):
        return _BINARY[op](a, b)
    for owner, other, name in ((a, b, _METHOD_NAMES[op]), (b, a, "r" + _METHOD_NAMES[op])):
        method = class_attribute(type(owner), f"__{name}__")
        if isinstance(method, types.FunctionType) and _has_methods(owner):
            result = run(method, (owner, other), {})
            if result is not NotImplemented:
                return result
    return _BINARY[op](a, b)


def unary(run: Run, op: str, a: Any) -> Any:
    name, function = _UNARY[op]
    method = class_attribute(type(a), name)
    return run(method, (a,), {}) if isinstance(method, types.FunctionType) and _has_methods(a) else function(a)


class Context:
    """A context manager of the caller's, whose methods run with hooks."""

    def __init__(self, run: Run, manager: Any) -> None:
        self.run, self.manager = run, manager

    def __enter__(self) -> Any:
        return self.run(class_attribute(type(self.manager), "__enter__"), (self.manager,), {})

    def __exit__(self, *error: Any) -> Any:
        return self.run(class_attribute(type(self.manager), "__exit__"), (self.manager, *error), {})


def context(run: Run, manager: Any) -> Any:
    """The manager of a `with`, with hooks if its class is the caller's."""
    enter = class_attribute(type(manager), "__enter__")
    return Context(run, manager) if isinstance(enter, types.FunctionType) and _has_methods(manager) else manager
