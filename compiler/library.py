"""Which Python code is the user's, to be rewritten and traced into, and which belongs to a library and runs as it is."""

from __future__ import annotations

import functools
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

import numpy as np

_PACKAGE = Path(__file__).parent.parent
_OWN = tuple(str(_PACKAGE / name) + "/" for name in ("compiler", "ir", "runtime", "passes", "codegen"))
_STANDARD = tuple(str(p) + "/" for p in (
    sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), Path(np.__file__).parent))
_SITE = tuple(p + "/" for p in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
# Written as a user would write it, to be traced like the user's code.
_STRUCTURED = tuple(str(_PACKAGE / "compiler" / name) for name in (
    "structured.py", "lane_loops.py", "list_algorithms.py", "sorted_algorithms.py", "dict_algorithms.py", "random_algorithms.py"))
# Of what is installed beside the user's code, these do not work on traced arrays.
_COMPILED_PACKAGES = ("numpy", "scipy", "pandas", "sklearn", "matplotlib", "cupy", "numba", "jax", "torch", "pytest", "_pytest")


@functools.lru_cache(maxsize=4096)
def is_library_file(filename: str) -> bool:
    """Is this a file of the standard library, of NumPy and its like, or of this package?"""
    if filename in _STRUCTURED:
        return False
    # This package first: once installed, it lies beside the user's other packages.  Those may lie in the standard library's
    # folder, which therefore comes last.
    if filename.startswith((*_OWN, "<frozen", "<__array_function__")):
        return True
    for site in _SITE:
        if filename.startswith(site):
            return filename[len(site):].split("/")[0] in _COMPILED_PACKAGES
    return filename.startswith(_STANDARD)


def is_library_code(code: types.CodeType) -> bool:
    return is_library_file(code.co_filename)


def is_library_module(module: types.ModuleType | None) -> bool:
    """Is this module's content fixed, as far as tracing is concerned?"""
    if module is None:
        return False
    filename = getattr(module, "__file__", None)
    if filename is None:
        return module.__name__.split(".")[0] in sys.stdlib_module_names
    return is_library_file(filename)


def is_numpys(f: Any) -> bool:
    owner, kind = getattr(f, "__self__", None), type(f).__module__
    if isinstance(f, np.ufunc) or isinstance(owner, np.ufunc):
        return True
    # An object that wraps one of NumPy's functions carries its name and module.
    return (kind == "builtins" or kind.startswith("numpy")) and (getattr(f, "__module__", None) or "").startswith("numpy")
