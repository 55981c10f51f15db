"""Modules that are optional or slow to import, imported at their first use: the only place where that happens.

    networkx = lazy("networkx")
    networkx.DiGraph()
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any


class LazyModule(ModuleType):
    """Stands for a module until an attribute is wanted. `hint`: what to install if it is missing."""

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__(name)
        self.__dict__["_hint"] = hint

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") and attribute.endswith("__"):
            raise AttributeError(attribute)
        try:
            module = importlib.import_module(self.__name__)
        except ModuleNotFoundError as e:
            if e.name != self.__name__.partition(".")[0]:
                raise
            message = f"this needs {self.__name__}" + (f": {self._hint}" if self._hint else "")
            raise ModuleNotFoundError(message, name=e.name) from None
        self.__dict__.update(module.__dict__)
        return getattr(module, attribute)


def lazy(name: str, hint: str = "") -> LazyModule:
    """The module of this name, imported at its first use."""
    return LazyModule(name, hint)


def available(name: str) -> bool:
    """Can this module be imported? It is not imported to find out."""
    return importlib.util.find_spec(name) is not None
