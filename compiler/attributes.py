"""Attributes in traced code: of objects read at each call, of those the trace makes, of modules and classes; read, set, deleted."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np

from . import dispatch, tracer
from .arrays import constant_array, is_traced
from .builtin_functions import BUILTINS
from .choice import Choice, at_hand, first_choice, spread
from .generators import GENERATORS, traced_generator
from .library import is_library_code, is_library_module
from .lifting import lift
from .regions import checked_local
from .run_time_lists import RunTimeList
from .sources import Attribute, Fixed, Global, Source
from .special_methods import class_attribute
from .state import UNDEFINED, Undefined


def _call(f: Any, *args: Any) -> Any:
    return dispatch.FUNCTIONS["call"](f, args, {})


def settle(x: Any) -> Any:
    """What unhooked code returned, fit for the trace: arrays it made become traced arrays of their own."""
    if type(x) is np.ndarray:
        found = tracer.current().lifted.get(id(x))
        return found[1] if found is not None and found[0] is x else constant_array(x)
    if type(x) in (tuple, list) and any(type(e) is np.ndarray for e in x):
        return type(x)(settle(e) for e in x)
    return x


def is_bound(source: Source) -> bool:
    """Has the function set this place, as far as is known while tracing?"""
    return not isinstance(tracer.current().bindings.get(source, UNDEFINED), Undefined)


def bound_value(source: Source, name: str) -> Any:
    return checked_local(name, tracer.current().bindings[source])


def source_of(owner: Any) -> Source:
    """Where an outside object was found; itself, if it came by a way that tracing does not follow."""
    found = tracer.current().origins.get(id(owner))
    return found[1] if found is not None else Fixed(owner, type(owner).__name__)


def attribute(owner: Any, name: str) -> Any:
    """owner.name"""
    owner = at_hand(owner)
    if isinstance(owner, Choice) and not all(map(is_traced, owner.options)):
        return spread(attribute, owner, name)
    if is_traced(owner):
        return getattr(owner, name)
    if not isinstance(owner, types.ModuleType):
        return object_attribute(owner, name)
    if is_library_module(owner):
        return settle(getattr(owner, name))
    source = Global(Fixed(vars(owner), owner.__name__), name)
    return bound_value(source, name) if is_bound(source) else lift(getattr(owner, name), source)


def set_attribute(owner: Any, name: str, value: Any) -> None:
    """owner.name = value"""
    trace = tracer.current()
    owner = at_hand(owner)
    if isinstance(owner, Choice) or (is_traced(owner) and first_choice(value) is not None):
        spread(set_attribute, owner, name, value)
    elif is_traced(owner) or id(owner) in trace.fresh:
        trace.changes += not is_traced(owner)
        setattr(owner, name, value)
    elif isinstance(owner, types.ModuleType):
        trace.bind(Global(Fixed(vars(owner), owner.__name__), name), value)
    else:
        found = class_attribute(type(owner), name)
        if isinstance(found, property) and found.fset is not None:
            _call(found.fset, owner, value)
        else:
            trace.bind(Attribute(source_of(owner), name), value)


def delete_attribute(owner: Any, name: str) -> None:
    """del owner.name"""
    if id(owner) not in tracer.current().fresh:
        raise tracer.unsupported(f"del of attribute {name}", "the object is the caller's", "set it to None")
    delattr(owner, name)


def object_attribute(owner: Any, name: str) -> Any:
    """owner.name for an object of any class."""
    trace = tracer.current()
    if isinstance(owner, type):
        return _of_class(owner, name)
    if isinstance(owner, RunTimeList):
        return getattr(owner, name)
    if isinstance(owner, GENERATORS):
        return getattr(traced_generator(owner), name)
    if name == "__dict__":
        return BUILTINS[vars](owner)
    found = class_attribute(type(owner), name)
    if isinstance(found, property) and found.fget is not None and not is_library_code(found.fget.__code__):
        return _call(found.fget, owner)
    if id(owner) in trace.fresh or not has_state(owner):
        return settle(getattr(owner, name))
    source = Attribute(source_of(owner), name)
    if is_bound(source):
        return bound_value(source, name)
    if isinstance(found, (types.FunctionType, classmethod, staticmethod)) and name not in getattr(owner, "__dict__", {}):
        return getattr(owner, name)
    return lift(getattr(owner, name), source)


def _of_class(cls: type, name: str) -> Any:
    found = class_attribute(cls, name)
    if found is None or is_library_module(sys.modules.get(cls.__module__)) or isinstance(
            found, (types.FunctionType, classmethod, staticmethod, property, types.GetSetDescriptorType)):
        return settle(getattr(cls, name))
    source = Attribute(Fixed(cls, cls.__name__), name)
    return bound_value(source, name) if is_bound(source) else lift(getattr(cls, name), source)


def has_state(x: Any) -> bool:
    """May attributes of this object change? Not those of numbers, containers, functions."""
    return type(x).__module__ != "builtins" and not isinstance(x, (np.dtype, np.ufunc, types.FunctionType))
