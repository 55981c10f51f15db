"""Errors that end at the user's line.

`native_error` turns an error record of compiled code into NumPy's exception, whose traceback ends in a frame with the
user's file, line and function.  `trim` cuts the compiler's own frames off an exception that was raised while tracing.
"""

from __future__ import annotations

import ast
import builtins
import functools
import struct
from types import CodeType, TracebackType
from typing import Any

import numpy as np

from ..ir import errors
from ..ir.host import HOST_EXCEPTION
from ..ir.loc import Loc
from ..ir.loops import ErrorSite
from ..runtime.callbacks import take_raised
from .config import config
from .tracer import here, is_internal


def native_error(sites: list[ErrorSite], record: bytes) -> BaseException:
    """The exception that this error record stands for, with its traceback."""
    code, *details = struct.unpack("<4q", record)
    site = sites[code]
    if site.exception == HOST_EXCEPTION:
        return _host_error(site.loc)
    # No local name for the exception or its traceback: the traceback's frame leads back to this one, a cycle.
    return exception_class(site.exception)(site.message.format(*details)).with_traceback(frame_at(site.loc))


def _host_error(loc: Loc | None) -> BaseException:
    """What a Python function has raised; if it is one of ours, it stands for the user's line."""
    error = take_raised()
    try:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        if place is not None and is_internal(place.tb_frame.f_code.co_filename):
            return error.with_traceback(frame_at(loc))
        return error
    finally:
        del error, place  # the traceback's frames lead back to this one: a cycle


def exception_class(name: str) -> type[BaseException]:
    """The exception type of this name: a builtin one, or one of NumPy's or Treadle's."""
    for place in (builtins, np.exceptions, np.linalg, errors):
        found = getattr(place, name, None)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found
    raise errors.VerificationError(f"no exception is called {name}")


def frame_at(loc: Loc | None) -> TracebackType | None:
    """A traceback of one frame, at the user's line."""
    if loc is None:
        return None
    try:
        exec(_raiser(loc), {})
    except ZeroDivisionError as e:
        assert e.__traceback__ is not None
        return e.__traceback__.tb_next
    return None


@functools.lru_cache(maxsize=256)
def _raiser(loc: Loc) -> CodeType:
    tree = ast.parse("1 / 0")
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = loc.line  # type: ignore[attr-defined]
            node.col_offset, node.end_col_offset = 0, 0  # type: ignore[attr-defined]
    return compile(tree, loc.file, "exec", optimize=0).replace(co_name=loc.function or "<module>",
                                                               co_qualname=loc.function or "<module>")


def trim(error: BaseException) -> BaseException:
    """`error` without the compiler's frames below the user's last line; errors that are bugs of ours keep them."""
    if config.full_tracebacks or isinstance(error, (AssertionError, errors.VerificationError, errors.CompilationError)):
        return error
    last: Any = None
    place = error.__traceback__
    while place is not None:
        if not is_internal(place.tb_frame.f_code.co_filename):
            last = place
        place = place.tb_next
    if last is None:
        # Raised before the function itself was entered: its arguments are at fault, so the call is the user's line.
        return error.with_traceback(frame_at(here()))
    last.tb_next = None
    return error
