"""A program that starts anew, since an assumption of its version failed, does not print or call back again what it did before.

While such a program runs, `recording` keeps what its calls of Python functions returned, in order.  The next attempt, which
does the same up to the place of the failure, is given these results instead of calling (`logged`).  Draws of random numbers
are made again: their generators are set back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Log:
    """What the calls of one run returned; `position` counts those of the attempt under way."""

    __slots__ = ("position", "results")

    def __init__(self) -> None:
        self.position = 0
        self.results: list[list[Any]] = []


class _Current(threading.local):
    log: Log | None = None


_current = _Current()


@contextmanager
def recording(log: Log | None) -> Iterator[None]:
    """An attempt whose calls are kept in `log`."""
    saved, _current.log = _current.log, log
    if log is not None:
        log.position = 0
    try:
        yield
    finally:
        _current.log = saved


def logged(function: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """`function` as a program calls it: not again what an earlier attempt has called."""

    def call(*args: Any) -> list[Any]:
        log = _current.log
        if log is None:
            return function(*args)
        log.position += 1
        if log.position > len(log.results):
            # Programs that the function calls are runs of their own.
            with recording(None):
                log.results.append(function(*args))
        return log.results[log.position - 1]

    return call
