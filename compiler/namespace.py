"""`td.numpy`: NumPy's namespace, for plain arrays and traced ones alike.

Code that runs as it is while a function is traced (made by exec, in a library, without its source at hand) may use it where
NumPy's own functions would make plain arrays.  Outside of compiled code its functions are NumPy's.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from . import tracer
from .hooks import call

_SUBMODULES = ("linalg", "fft")


class Namespace(types.ModuleType):
    """A module of NumPy, its functions going to the compiler while a function is traced."""

    def __init__(self, module: types.ModuleType) -> None:
        super().__init__(f"treadle.{module.__name__}", f"{module.__name__}, for plain arrays and traced ones.")
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, types.ModuleType):
            if name not in _SUBMODULES:
                return found
            made: Any = Namespace(found)
        elif not callable(found) or isinstance(found, (type, np.ufunc)):
            return found  # ufuncs know traced operands by themselves
        else:
            made = _function(found)
        setattr(self, name, made)
        return made

    def __dir__(self) -> list[str]:
        return dir(self._module)


def _function(f: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(f)
    def function(*args: Any, **kwargs: Any) -> Any:
        return call(f, args, kwargs) if tracer.is_tracing() else f(*args, **kwargs)

    return function


numpy = Namespace(np)
