"""Runs NumPy's own tests with its functions compiled:

    python -m tests.support.numpy_suite test_numeric [more modules] [-- pytest options]

A test module's `np`, and the functions it has imported from NumPy, are replaced by ones that call `td.jit` of the function
whenever an argument is a numeric array.  A call that is refused by name runs as NumPy does, and is counted.
"""

from __future__ import annotations

import sys
import types
from collections import Counter
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import treadle as td

REFUSED: Counter[str] = Counter()
COMPILED: Counter[str] = Counter()
FOLDERS = ("numpy._core.tests", "numpy.lib.tests", "numpy.linalg.tests", "numpy.fft.tests")
# What tests compare with, and what makes no array or reads no values.
KEPT = {"array", "asarray", "asanyarray", "errstate", "testing", "zeros", "ones", "empty", "arange", "full"}


def _is_numeric(x: Any) -> bool:
    return type(x) is np.ndarray and x.dtype.kind in "biufc" and x.dtype.isnative and x.dtype.itemsize <= 16 and \
        x.dtype != np.longdouble and x.dtype != np.clongdouble


def compiled(f: Any, name: str) -> Any:
    """`f`, compiled where it gets a numeric array."""
    jitted = td.jit(lambda *args, **kwargs: f(*args, **kwargs))

    def function(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        if not any(map(_is_numeric, given)) or any(isinstance(a, np.ndarray) and not _is_numeric(a) for a in given):
            return f(*args, **kwargs)
        try:
            result = jitted(*args, **kwargs)
        except td.errors.UnsupportedError:
            REFUSED[name] += 1
            return f(*args, **kwargs)
        COMPILED[name] += 1
        return result

    return function


class Namespace(types.ModuleType):
    """NumPy, its functions compiled."""

    def __init__(self, module: types.ModuleType) -> None:
        super().__init__(module.__name__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if name in ("linalg", "fft") and isinstance(found, types.ModuleType):
            found = Namespace(found)
        elif replaceable(found, name):
            found = compiled(found, name)
        setattr(self, name, found)
        return found


def replaceable(x: Any, name: str) -> bool:
    public = getattr(np, name, getattr(np.linalg, name, getattr(np.fft, name, None)))
    return x is public and name not in KEPT and isinstance(x, (type(np.sum), types.BuiltinFunctionType))


class Plugin:
    """Replaces what the collected modules know as NumPy."""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        for module in {i.module for i in items if hasattr(i, "module")}:
            for name, value in list(vars(module).items()):
                if value is np:
                    setattr(module, name, Namespace(np))
                elif replaceable(value, name):
                    setattr(module, name, compiled(value, name))


def _modules(name: str) -> list[str]:
    """The test modules of this name: NumPy has some twice."""
    found = [f"{folder}.{name}" for folder in FOLDERS if find_spec(folder) and find_spec(f"{folder}.{name}")]
    if not found:
        raise SystemExit(f"NumPy has no tests {name}")
    return found


def main(arguments: list[str]) -> None:
    options = arguments[arguments.index("--") + 1:] if "--" in arguments else []
    names = arguments[:arguments.index("--")] if "--" in arguments else arguments
    pytest.main(["--pyargs", *(m for n in names for m in _modules(n)), "-q", "-p", "no:cacheprovider", "--no-header", *options],
                plugins=[Plugin()])
    print("calls compiled:", sum(COMPILED.values()), "of", len(COMPILED), "functions")
    print("calls refused:", sum(REFUSED.values()), dict(REFUSED.most_common(40)))


if __name__ == "__main__":
    main(sys.argv[1:])
