"""Library routines that compiled code calls by name: BLAS, NumPy's own sorts, linear algebra and FFT, and
SciPy's special functions.

Each is wrapped in a few lines of LLVM text, compiled when first asked for, as

    i64 treadle_<routine>(pointers read, pointers written, offsets, further scalars as i64)

with the scalars that the loop dialect's `Call` states; the result is 0, or 1 where the library failed or a size does not
fit its integers.  None needs the GIL.  BLAS runs on one thread per piece; large products are cut into pieces
(`products.py`), which `treadle_parallel` spreads.  The user's own setting of BLAS threads is restored afterwards.
"""

from __future__ import annotations

import threading
from types import ModuleType

import numpy as np
from numpy.linalg import _umath_linalg
from scipy.linalg import cython_blas

from . import blas, gufuncs, heap, linear_systems, products, random, sorting, special, ufunc_loops
from .engine import CodeError, Engine, Library


class Routines:
    """Addresses of the routines by name, without the `treadle_` in front."""

    def __init__(self, engine: Engine, parallel: dict[str, int]) -> None:
        self._engine, self._parallel = engine, parallel
        self._libraries: dict[str, Library] = {}
        # By the addresses of what tells and sets the threads of one BLAS: several modules may share it.
        self._blas: dict[tuple[int, ...], dict[str, int]] = {}
        self._lock = threading.Lock()

    def address(self, name: str) -> int:
        """The address of `treadle_<name>`; CodeError if there is no such routine."""
        with self._lock:
            if name not in self._libraries:
                text, symbols = self._describe(name)
                self._libraries[name] = self._engine.compile(text, symbols, level=1).keep()
            return self._libraries[name].address(f"treadle_{name}")

    def _describe(self, name: str) -> tuple[str, dict[str, int]]:
        family, _, dtype = name.partition("_")
        if family == "random":
            return random.routine(name)
        if family in sorting.FAMILIES and dtype in sorting.DTYPES:
            return sorting.FAMILIES[family](name, np.dtype(sorting.DTYPES[dtype]))
        if family == "special":
            return special.routine(name)
        if family == "ufunc":
            return ufunc_loops.routine(name)
        if name in ("heap_reserve", "heap_release"):
            return heap.TEXT, {}
        if family in ("gufunc", "flagged") and (loop := gufuncs.find_loop(dtype)) is not None:
            text, symbols = gufuncs.text(dtype, loop, family == "flagged")
            user = cython_blas if linear_systems.implements(dtype) else _umath_linalg
            return text, self._parallel | symbols | self._blas_threads(user)
        if name[1:] in products.TEXTS and name[0] in products.KINDS:
            source = blas.source()
            used = {name, f"{name[0]}gemm"} if name[1:] == "syrk" else {name}
            symbols = {f"treadle_blas_{n}": source.address(n) for n in used}
            symbols |= self._parallel | self._blas_threads(source.user)
            return products.DECLARATIONS + products.TEXTS[name[1:]](name, source.integer), symbols
        raise CodeError(f"there is no library routine {name}")

    def _blas_threads(self, user: ModuleType) -> dict[str, int]:
        """The two functions around each use of a module's BLAS; they do nothing where its threads cannot be set."""
        symbols = blas.thread_functions(user)
        key = tuple(symbols.values())
        if key not in self._blas:
            text = blas.THREADS_TEXT
            if not symbols:
                text = "define void @treadle_blas_enter() {\n ret void\n}\ndefine void @treadle_blas_leave() {\n ret void\n}"
            library = self._engine.compile(text, symbols, level=1).keep()
            self._blas[key] = {n: library.address(n) for n in ("treadle_blas_enter", "treadle_blas_leave")}
        return self._blas[key]
