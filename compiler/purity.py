"""Functions whose results differ from call to call: they must not be called while tracing."""

from __future__ import annotations

from typing import Any

from . import tracer

# What these return differs from call to call.
_IMPURE_MODULES = ("numpy.random", "random", "time", "secrets", "uuid", "datetime")


def check_pure(f: Any) -> None:
    """UnsupportedError for functions whose result must not be computed once and kept."""
    owner = getattr(f, "__self__", None)
    module = getattr(f, "__module__", None) or type(owner).__module__
    if (module in _IMPURE_MODULES or type(owner).__module__ in _IMPURE_MODULES
            or (module or "").startswith("numpy.random")) and not isinstance(f, type):
        raise tracer.unsupported(f"{module}.{getattr(f, '__name__', f)}", "its result differs from call to call",
                                 "call it outside and pass the result as an argument")
