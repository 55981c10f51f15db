"""Python functions that compiled code calls back: what the op `callback` names."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

# The exception name of an error site that means: what the Python function raised.
HOST_EXCEPTION = "HostException"

_numbers = itertools.count(1)


class HostFunction:
    """One use of a Python function. `call` takes the operands' values and returns a list of results; `number` is unique."""

    __slots__ = ("call", "name", "number")

    def __init__(self, name: str, call: Callable[..., list[Any]]) -> None:
        self.name, self.call, self.number = name, call, next(_numbers)

    def __repr__(self) -> str:
        return f"host({self.name})"
