"""Treadle compiles plain NumPy functions: `jit` traces, optimises and runs them as one native call."""

from .compiler import pytree as tree
from .compiler.api import jit
from .compiler.config import config
from .compiler.effects import callback
from .compiler.structured import cond, fori_loop, scan, while_loop
from .ir import errors

__version__ = "0.1.0"
__all__ = ["callback", "cond", "config", "errors", "fori_loop", "jit", "scan", "tree", "while_loop"]
