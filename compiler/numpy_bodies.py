"""NumPy's functions that NumPy writes in Python are traced through their own code, down to what `dispatch` implements.

So their rules (axes, dtypes, errors) are those of the NumPy that is installed.  `call_body` is the entry; `BodyHooks` says
how library code is traced: its globals are fixed, arrays made of plain values stay ndarrays, and short loops are unrolled.
What NumPy writes in C needs an implementation in `numpy_api`.
"""

from __future__ import annotations

import builtins
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import dispatch, tracer
from .arrays import any_traced, as_array, known_constant
from .carried import Control
from .hooks import FunctionHooks, call, call_rewritten, class_attribute
from .library import is_library_code
from .regions import checked_local, condition_of
from .scalars import TracedScalar, concrete

# Loops of library code up to this many trips are unrolled: over axes, pairs of arguments, coefficients.
_MOST_TRIPS = 32
# Arrays that library code makes to write into.
_NEW_ARRAYS: frozenset[Any] = frozenset((np.zeros, np.ones, np.empty, np.full))
_FUNCTION_TYPES = (types.BuiltinFunctionType, types.FunctionType, type(np.sum))
_COUNTED = (range, zip, enumerate, reversed, map)


def body_of(f: Any) -> types.FunctionType | None:
    """The Python code of one of NumPy's functions, if it is written in Python."""
    inner = getattr(f, "_implementation", f)
    if isinstance(inner, types.FunctionType) and (inner.__module__ or "").split(".")[0] == "numpy":
        return inner
    return None


def _decides_shapes(shape: Any, *others: Any, dtype: Any = None, **options: Any) -> bool:
    """Is a new array of this dtype one of masks, or of positions, that library code makes of what is known?"""
    kind = others[0] if others else dtype
    return kind in (bool, np.bool, np.intp, int) if isinstance(kind, type) else False


def _is_random(f: Any) -> bool:
    return (getattr(f, "__module__", None) or "").startswith("numpy.random")


class BodyHooks(FunctionHooks):
    """The hooks of a library function."""

    @staticmethod
    def defaults(f: types.FunctionType) -> Any:
        return f.__defaults__

    @staticmethod
    def keyword_defaults(f: types.FunctionType) -> Any:
        return f.__kwdefaults__

    def load_global(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        return getattr(builtins, name)

    def load_cell(self, name: str) -> Any:
        return self.cells[name].object.cell_contents

    def load_local(self, name: str, x: Any) -> Any:
        return checked_local(name, x)

    def load_enclosing(self, name: str, x: Any) -> Any:
        return checked_local(name, x)

    def attribute(self, owner: Any, name: str) -> Any:
        return getattr(owner, name)

    def set_attribute(self, owner: Any, name: str, value: Any) -> None:
        setattr(owner, name, value)

    def getitem(self, owner: Any, index: Any) -> Any:
        return (as_array(owner) if isinstance(owner, np.ndarray) and any_traced(index) else owner)[index]

    def setitem(self, owner: Any, index: Any, value: Any) -> None:
        if isinstance(owner, np.ndarray) and (any_traced(index) or any_traced(value)):
            raise tracer.unsupported("this function of NumPy", "it writes a run-time value into an array of constants")
        owner[index] = value

    def augment(self, op: str, old: Any, value: Any) -> Any:
        return super().augment(op, as_array(old) if isinstance(old, np.ndarray) and any_traced(value) else old, value)

    def for_(self, place: str, iterable: Any, get: Callable, set_: Callable, names: tuple, carried: tuple,
             live: tuple, flags: Callable[[], tuple]) -> Iterator[Any]:
        if isinstance(iterable, _COUNTED) and not isinstance(iterable, range):
            iterable = list(iterable)
        if isinstance(iterable, (range, list, tuple)) and len(iterable) <= _MOST_TRIPS:
            return self._unrolled(iter(iterable), flags, Control(place, get, set_, names, carried, live), None)
        return super().for_(place, iterable, get, set_, names, carried, live, flags)

    def while_(self, place: str, test: Callable[[], Any], get: Callable, set_: Callable, names: tuple, carried: tuple,
               live: tuple, endless: bool) -> Iterator[None]:
        if isinstance(condition_of(test()), TracedScalar):
            return super().while_(place, test, get, set_, names, carried, live, endless)
        return self._unrolled_while(test, Control(place, get, set_, names, carried, live))

    def call(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        if f is warnings.warn:
            return None
        if isinstance(f, _FUNCTION_TYPES) and f in _NEW_ARRAYS and not _decides_shapes(*args, **kwargs):
            return call(f, args, kwargs)
        if any_traced(args) or any_traced(kwargs):
            return call(f, args, kwargs)
        return f(*args, **kwargs)


def _plain(x: Any) -> Any:
    """An argument of library code: constants as ndarrays, and Python integers read where they are known.

    There they are axes, widths, counts, orders: what shapes follow from.
    """
    if type(x) in (list, tuple):
        return type(x)(map(_plain, x))
    if isinstance(x, dict):
        return {_plain(k): _plain(v) for k, v in x.items()}
    if isinstance(x, TracedScalar) and x.kind in ("int", "bool") and x.known is not None:
        return concrete(x, "an argument of NumPy's")
    return known_constant(x)


@dispatch.implements("numpy body")
def call_body(f: Any, args: tuple, kwargs: dict) -> Any:
    """Call one of NumPy's own functions on traced arguments."""
    method = class_attribute(type(f), "__call__")
    if isinstance(method, types.FunctionType) and not isinstance(f, types.FunctionType):
        return call_body(method, (f, *args), kwargs)
    body = body_of(f)
    if body is None or _is_random(f) or not is_library_code(body.__code__):
        raise tracer.unsupported(f"{_full_name(f)}", "there is no compiled form of it yet")
    return call_rewritten(body, tuple(map(_plain, args)), {k: _plain(v) for k, v in kwargs.items()}, BodyHooks)


def _full_name(f: Any) -> str:
    owner = getattr(f, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"{_home(owner)}.{owner.__name__}.{f.__name__}"
    if isinstance(f, tuple):
        return ".".join([_home(f[0]), getattr(f[0], "__name__", str(f[0])), *map(str, f[1:])])
    module = getattr(f, "__module__", None) or _home(f)
    return f"{module}.{getattr(f, '__name__', type(f).__name__)}"


def _home(f: Any) -> str:
    """The module of a ufunc, which itself does not say."""
    return "numpy" if not isinstance(f, np.ufunc) or getattr(np, f.__name__, None) is f else "scipy.special"
