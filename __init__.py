"""Treadle compiles plain NumPy functions: `jit` traces, optimises and runs them as one native call."""

from .compiler import pytree as tree
from .compiler.api import jit
from .compiler.check_grads import check_grads
from .compiler.checking import check
from .compiler.checkpointing import checkpoint, stop_gradient
from .compiler.config import config
from .compiler.custom_rules import custom_jvp, custom_vjp
from .compiler.effects import callback
from .compiler.gradients import grad, value_and_grad
from .compiler.jacobians import hessian, jacfwd, jacobian, jacrev
from .compiler.linear_maps import jvp, linearize, vjp
from .compiler.namespace import numpy
from .compiler.structured import cond, fori_loop, scan, while_loop
from .compiler.vectorization import vmap
from .ir import errors

__version__ = "0.1.0"
__all__ = ["callback", "check", "check_grads", "checkpoint", "cond", "config", "custom_jvp", "custom_vjp", "errors", "fori_loop",
           "grad", "hessian", "jacfwd", "jacobian", "jacrev", "jit", "jvp", "linearize", "numpy", "scan", "stop_gradient",
           "tree", "value_and_grad", "vjp", "vmap", "while_loop"]
