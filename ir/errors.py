"""The errors Treadle itself raises; public as `treadle.errors`.

What NumPy rejects raises NumPy's exception type and is not listed here.
"""

from __future__ import annotations

import builtins

import numpy as np

from .loc import Loc


class TreadleError(Exception):
    """Base class of all errors below."""


class UnsupportedError(TreadleError):
    """The function uses something that Treadle cannot compile.

    what: the expression or construct.  why: the reason.  instead: what to write.  loc: the user's line.
    """

    def __init__(self, what: str, why: str = "", instead: str = "", loc: Loc | None = None) -> None:
        self.what, self.why, self.instead, self.loc = what, why, instead, loc
        text = what
        if why:
            text += f": {why}"
        if instead:
            text += f"\n  instead: {instead}"
        if loc is not None:
            text += f"\n  at {loc.file}:{loc.line}" + (f" in {loc.function}" if loc.function else "")
        super().__init__(text)


class VerificationError(TreadleError):
    """An IR invariant does not hold: a bug in Treadle, not in the user's program. The message prints the IR around it."""


class CompilationError(TreadleError):
    """LLVM or NVRTC rejected generated code: a bug in Treadle, not in the user's program."""


class AssumptionError(TreadleError):
    """What a compiled version assumed of the data does not hold: its call is made again with another version."""


def exception_named(name: str) -> type[BaseException] | None:
    """The exception type of this name: Python's, NumPy's of linear algebra, or one of these; None if there is none."""
    found = getattr(builtins, name, None) or getattr(np.linalg, name, None) or globals().get(name)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None
