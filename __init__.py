"""Treadle compiles plain NumPy functions: `jit` traces, optimises and runs them as one native call."""

from .compiler import pytree as tree
from .compiler.api import jit
from .compiler.config import config
from .ir import errors

__version__ = "0.1.0"
__all__ = ["config", "errors", "jit", "tree"]
