"""Runs the data-apis array-api-tests suite with each function, and each operator, called through `td.jit`:

    python -m tests.support.array_api PATH_TO_SUITE [--plain] [-- pytest options]

PATH_TO_SUITE is a checkout of array-api-tests with its submodule.  What the suite's tests call of the namespace, and the operators
that they are given, are compiled; what its strategies and reference code call is NumPy.  A call refused by name is a failure.
`--plain` runs the suite with NumPy itself: the tests to pass are those that pass there.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import treadle as td

NAME = "compiled_numpy"
TESTS = "array_api_tests.test_"
SUBMODULES = ("linalg", "fft")
# Questions about dtypes and devices rather than computations, and the exchange of memory.
KEPT = {"finfo", "iinfo", "isdtype", "can_cast", "result_type", "from_dlpack", "__array_namespace_info__"}
CALLS: Counter[str] = Counter()


def compiled(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, compiled where the suite's tests call it."""
    jitted = td.jit(lambda *args, **kwargs: f(*args, **kwargs))

    @functools.wraps(f)
    def function(*args: Any, **kwargs: Any) -> Any:
        tested = sys._getframe(1).f_globals.get("__name__", "").startswith(TESTS)
        CALLS[f.__name__] += tested
        return (jitted if tested else f)(*args, **kwargs)

    return function


class Namespace(types.ModuleType):
    """NumPy, its functions compiled."""

    def __init__(self, module: types.ModuleType, name: str) -> None:
        super().__init__(name)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if name in SUBMODULES and isinstance(found, types.ModuleType):
            found = Namespace(found, f"{NAME}.{name}")
        elif callable(found) and not isinstance(found, type) and name not in KEPT:
            found = compiled(found)
        setattr(self, name, found)
        return found

    def __dir__(self) -> list[str]:
        return dir(self._module)


def operator_of(symbol: str, in_place: bool) -> Callable[..., Any]:
    """The compiled operator of two operands."""
    scope: dict[str, Any] = {}
    lines = [" a = a.copy()", f" a {symbol} b", " return a"] if in_place else [f" return a {symbol} b"]
    exec("\n".join(["def f(a, b):", *lines]), scope)
    return td.jit(scope["f"])


class Plugin:
    """Puts compiled operators in the place of those that tests get as parameters."""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        for item in items:
            given = item.callspec.params if hasattr(item, "callspec") else {}
            for name, value in given.items():
                if isinstance(value, types.BuiltinFunctionType):
                    given[name] = td.jit(lambda *args, f=value: f(*args))
                elif name == "ctx" and hasattr(value, "func_name") and value.func_name.startswith("__"):
                    given[name] = value._replace(func=self._operator(item.module, value))

    def _operator(self, module: Any, context: Any) -> Callable[..., Any]:
        symbol = module.all_op_to_symbol.get(context.func_name)
        if symbol is None:
            return td.jit(lambda x, name=context.func_name: getattr(x, name)())
        return operator_of(symbol, symbol in module.dh.inplace_op_to_symbol.values())


def main(arguments: list[str]) -> int:
    split = arguments.index("--") if "--" in arguments else len(arguments)
    suite, *flags = arguments[:split]
    plain = "--plain" in flags
    if not plain:
        sys.modules[NAME] = Namespace(np, NAME)
    os.environ["ARRAY_API_TESTS_MODULE"] = "numpy" if plain else NAME
    os.chdir(suite)
    sys.path.insert(0, suite)
    chosen = arguments[split + 1:]
    if not any(not a.startswith("-") and "array_api_tests" in a for a in chosen):
        chosen = ["array_api_tests", *chosen]
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--disable-deadline", *chosen], plugins=[] if plain else [Plugin()])
    print("calls compiled:", CALLS.total(), "of", len(CALLS), "functions, and the operators")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
