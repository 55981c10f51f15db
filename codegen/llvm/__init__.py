"""The loop dialect as LLVM IR text.  Start with `emit.py`."""

from .emit import EmittedModule, emit

__all__ = ["EmittedModule", "emit"]
