"""Treadle compiles plain NumPy functions: `jit` traces, optimises and runs them as one native call."""

from .compiler import pytree as tree
from .compiler.api import jit
from .compiler.config import config
from .compiler.derivatives import grad, value_and_grad
from .compiler.effects import callback
from .compiler.structured import cond, fori_loop, scan, while_loop
from .ir import errors

__version__ = "0.1.0"
__all__ = ["callback", "cond", "config", "errors", "fori_loop", "grad", "jit", "scan", "tree",
           "value_and_grad", "while_loop"]
