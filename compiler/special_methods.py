"""Operators, comparisons, conversions, iteration and `with` on objects of the caller's classes: their methods run with hooks,
since they read attributes.

`run` is how a function is called inside the trace (`hooks.call`).
"""

from __future__ import annotations

import itertools
import operator
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import tracer
from .arrays import is_traced
from .library import is_library_code, is_library_module
from .source_code import find_node

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


_COMPARISONS = {"Lt": ("lt", "gt"), "LtE": ("le", "ge"), "Gt": ("gt", "lt"), "GtE": ("ge", "le"), "Eq": ("eq", "eq"),
                "NotEq": ("ne", "ne")}
# The methods that built-in functions of one object call, in the order in which they are looked for.
_OF_BUILTINS: dict[Any, tuple[str, ...]] = {
    len: ("__len__",), abs: ("__abs__",), bool: ("__bool__", "__len__"), float: ("__float__", "__index__"),
    int: ("__int__", "__index__", "__trunc__"), complex: ("__complex__", "__float__", "__index__"), round: ("__round__",),
    reversed: ("__reversed__",), hash: ("__hash__",), str: ("__str__", "__repr__"), repr: ("__repr__",),
    operator.index: ("__index__",), next: ("__next__",), divmod: ("__divmod__",)}
# These go through what they are given.
_ITERATING = (list, tuple, set, frozenset, sum, sorted, enumerate, zip, min, max, any, all, map, filter, iter)


def own_method(x: Any, *names: str) -> types.FunctionType | None:
    """The method of one of these names that the caller's class of `x` has, written in Python."""
    if not _has_methods(x):
        return None
    for name in names:
        found = class_attribute(type(x), name)
        if isinstance(found, types.FunctionType) and find_node(found.__code__) is None and not is_library_code(found.__code__):
            # A data class's comparison, say: without hooks it would read what the attributes were while tracing.
            raise tracer.unsupported(f"{type(x).__name__}.{name}", "its source is not at hand", f"write {name} out in the class")
        if found is not None:
            return found if isinstance(found, types.FunctionType) else None
    return None


def compare(run: Run, negated: Callable[[Any], Any], op: str, a: Any, b: Any) -> Any:
    """a op b for a comparison; NotImplemented, and identity after it, as in Python. negated: `not x`, which `!=` is of `==`."""
    name, reflected = _COMPARISONS[op]
    function = getattr(operator, name)
    if not (_has_methods(a) or _has_methods(b)):
        return function(a, b)
    for owner, other, own in ((a, b, name), (b, a, reflected)):
        method = own_method(owner, f"__{own}__")
        if method is not None:
            result = run(method, (owner, other), {})
        elif own == "ne" and (method := own_method(owner, "__eq__")) is not None:
            result = run(method, (owner, other), {})
            result = result if result is NotImplemented else negated(result)
        else:
            continue
        if result is not NotImplemented:
            return result
    if op in ("Eq", "NotEq"):
        return (a is b) == (op == "Eq")
    return function(a, b)


def iterated(run: Run, x: Any) -> Any:
    """`x`, or if its class says how to go through it, an iterator that runs its methods with hooks."""
    method = own_method(x, "__iter__")
    if method is not None:
        return _advanced(run, run(method, (x,), {}))
    method = own_method(x, "__getitem__") if not hasattr(type(x), "__iter__") else None
    return x if method is None else _counted(run, method, x)


def _advanced(run: Run, it: Any) -> Any:
    method = own_method(it, "__next__")
    return it if method is None else _stepped(run, method, it)


def _stepped(run: Run, method: Any, it: Any) -> Iterator[Any]:
    while True:
        try:
            x = run(method, (it,), {})
        except StopIteration:
            return
        yield x


def _counted(run: Run, method: Any, x: Any) -> Iterator[Any]:
    for k in itertools.count():
        try:
            item = run(method, (x, k), {})
        except IndexError:
            return
        yield item


def contains(run: Run, container: Any, x: Any) -> Any:
    """x in container"""
    method = own_method(container, "__contains__")
    if method is not None:
        return run(bool, (run(method, (container, x), {}),), {})
    return x in iterated(run, container)


def of_builtin(run: Run, f: Any, args: tuple, kwargs: dict) -> tuple[Any] | None:
    """The result of a built-in function of an object whose class has the method that it calls; None for others."""
    if not args or not any(map(_has_methods, args)):
        return None
    names = _OF_BUILTINS.get(f)
    if names is not None:
        method = own_method(args[0], *names)
        if method is None:
            return None
        result = run(method, args, kwargs)
        return (run(f, (result,), {}) if f in (bool, float, int, complex) else result,)
    if f in _ITERATING:
        through = tuple(iterated(run, x) for x in args)
        if any(x is not y for x, y in zip(args, through, strict=True)):
            return (run(f, through, kwargs),)
    return None


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
