"""Objects that the program makes while it is traced.

Classes of the user's are set up by their own, rewritten `__init__`; what the factories of a data class make is made by the
program; other classes are called as they are.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from . import dispatch, tracer
from .arrays import any_traced
from .attributes import settle
from .library import is_library_code, is_numpys
from .run_time_lists import GROWABLE, made_list
from .run_time_sets import gathered
from .special_methods import class_attribute

Call = Callable[[Any, tuple, dict], Any]


def is_record(f: Any) -> bool:
    """Is this a class whose objects keep what they are made of as it is?"""
    return isinstance(f, type) and isinstance(class_attribute(f, "__init__"), types.FunctionType) and (
        not f.__module__.startswith("numpy"))


def _with_default_factories(call: Call, cls: type, args: tuple, kwargs: dict) -> dict:
    """What the factories of a data class make of the fields that are not given is made by the program."""
    init = class_attribute(cls, "__init__")
    if not dataclasses.is_dataclass(cls) or not isinstance(init, types.FunctionType) or init.__code__.co_filename != "<string>":
        return kwargs
    fields = [f for f in dataclasses.fields(cls) if f.init]
    given = {f.name for f in [f for f in fields if not f.kw_only][:len(args)]} | set(kwargs)
    return kwargs | {f.name: call(f.default_factory, (), {}) for f in fields
                     if f.name not in given and f.default_factory is not dataclasses.MISSING}


def construct(call: Call, cls: type, args: tuple, kwargs: dict) -> Any:
    """An object of a class, made while tracing."""
    if issubclass(cls, np.generic) and cls is not np.generic:
        return dispatch.call(("scalar type",), (cls, *args), kwargs)
    if is_numpys(cls) and (any_traced(args) or any_traced(kwargs)):
        raise tracer.unsupported(f"{cls.__module__}.{cls.__name__}", "objects of this class have no compiled form")
    kwargs = _with_default_factories(call, cls, args, kwargs)
    new, init = class_attribute(cls, "__new__"), class_attribute(cls, "__init__")
    trace = tracer.current()
    if (type(cls) is type and new is class_attribute(object, "__new__") and isinstance(init, types.FunctionType)
            and not is_library_code(init.__code__)):
        made: Any = object.__new__(cls)
        if not hasattr(made, "__dict__"):
            raise tracer.unsupported(f"an object of {cls.__name__}", "its attributes lie in slots", "leave __slots__ out")
        trace.fresh[id(made)] = made
        call(init, (made, *args), kwargs)
        return made
    if cls in (set, dict) and (found := gathered(cls, args, kwargs)) is not None:
        return found
    made = settle(cls(*args, **kwargs))
    if cls in GROWABLE:
        return made_list(tracer.call_path()[0], made)
    if hasattr(made, "__dict__") and not isinstance(made, (type, types.FunctionType)):
        trace.fresh[id(made)] = made
    return made
