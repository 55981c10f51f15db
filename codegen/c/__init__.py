"""The loop dialect as C.  Start with `emit.py`."""

from .emit import emit

__all__ = ["emit"]
