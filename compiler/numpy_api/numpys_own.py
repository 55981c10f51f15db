"""NumPy's own Python code run on traced arrays.

Much of `numpy.linalg` and `numpy.fft` is Python over a few generalized ufuncs.  `borrowed(np.linalg.pinv)` is that very code
with its names bound anew: functions that make arrays of their arguments (`asarray`) and those the caller replaces take
traced arrays; the module's other functions are borrowed in turn; everything else dispatches by NumPy's own protocols.
So arguments, shapes, dtypes and messages are NumPy's, of the version that is installed.  The code runs while tracing: a
function in which run-time values decide needs an implementation of its own.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ...ir.errors import TreadleError
from ..arrays import any_traced
from ..builtin_functions import BUILTINS
from ..dispatch import call
from ..scalars import TracedScalar, concrete

# These do not ask their arguments what to do.
_CONVERSIONS = (np.array, np.asarray, np.asanyarray, np.zeros, np.empty, np.arange)


class Borrowed:
    """The functions of one of NumPy's modules; `replaced` are those, by name, that have an implementation of their own."""

    def __init__(self, module: ModuleType, replaced: Mapping[str, Callable[..., Any]]) -> None:
        self.module = module
        # Of extents that only the run knows, too.
        self.names: dict[str, Any] = {**vars(module), "min": BUILTINS[min], "max": BUILTINS[max]}
        for name, x in vars(module).items():
            if name in replaced:
                self.names[name] = replaced[name]
            elif any(x is f for f in _CONVERSIONS):
                self.names[name] = _on_traced(x)
            elif getattr(x, "__module__", None) in (module.__name__, module.__name__.rpartition(".")[0]) and (
                    body := python_code(x)) is not None and body.__globals__ is vars(module):
                self.names[name] = self.function(body)

    def function(self, body: FunctionType) -> FunctionType:
        """A function of the module, with the new names."""
        made = types.FunctionType(body.__code__, self.names, body.__name__, body.__defaults__, body.__closure__)
        made.__kwdefaults__ = body.__kwdefaults__
        return made

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self.names[name]

    def entry(self, name: str) -> Callable[..., Any]:
        """The function as it is called from traced code: counts, axes and flags among its arguments have values."""
        body = self.names[name]

        def enter(*args: Any, **kwargs: Any) -> Any:
            try:
                return body(*map(_settled, args), **{k: _settled(x) for k, x in kwargs.items()})
            except Exception as error:
                refused = _refusal_behind(error)
                if refused is None:
                    raise
                raise refused from None

        return enter


def _refusal_behind(error: BaseException | None) -> TreadleError | None:
    """What tracing refused, where NumPy's code made an error of its own of that (an axis must be an integer)."""
    while error is not None and not isinstance(error, TreadleError):
        error = error.__cause__ or error.__context__
    return error


def python_code(f: Any) -> FunctionType | None:
    """The Python function that NumPy's dispatcher of array functions wraps, or the function itself."""
    body = getattr(f, "_implementation", f)
    return body if isinstance(body, FunctionType) else None


def _settled(x: Any) -> Any:
    """A traced Python integer or truth that follows from the call's arguments is read: NumPy's code asks for its type."""
    if isinstance(x, TracedScalar) and x.kind in ("int", "bool") and x.known is not None:
        return concrete(x, "an axis, a count or a flag")
    return type(x)(map(_settled, x)) if type(x) in (list, tuple) else x


def _on_traced(f: Callable[..., Any]) -> Callable[..., Any]:
    def convert(*args: Any, **kwargs: Any) -> Any:
        return call(f, args, kwargs) if any_traced(args) or any_traced(kwargs) else f(*args, **kwargs)

    return convert
