"""NumPy's own sorting functions for compiled code: the result, and the speed, are NumPy's by construction."""

from __future__ import annotations

import ctypes
import functools

import numpy as np

from .blas import element
from .entry import numpy_function

DTYPES = {**{f"{k}{n}": f"{k}{n // 8}" for k in "iu" for n in (8, 16, 32, 64)}, "bool": "?", "f16": "f2", "f32": "f4",
                "f64": "f8", "c64": "c8", "c128": "c16"}


def _numpy_sorts(dtype: np.dtype, first: int) -> dict[str, int]:
    """NumPy's functions for quicksort, heapsort and stable sort of a builtin dtype, from its table of array functions."""
    get = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(numpy_function(365))
    table = ctypes.cast(get(dtype), ctypes.POINTER(ctypes.c_void_p))
    family = "sort" if first == 33 else "argsort"
    chosen = (0, 1 if heapsort_is_its_own() else 0, 2)
    return {f"treadle_numpy_{family}{k}_{dtype.str[1:]}": table[first + chosen[k]] or 0 for k in range(3)}


@functools.cache
def heapsort_is_its_own() -> bool:
    """Newer versions of NumPy run quicksort for kind="heapsort", which shows in the order of equal elements."""
    probe = (np.arange(1000) * 37 % 11).astype(np.int8)
    return not np.array_equal(np.argsort(probe, kind="heapsort"), np.argsort(probe, kind="quicksort"))


def _choose(symbols: dict[str, int]) -> str:
    quick, heap, stable = symbols
    return f"""%is_quick = icmp eq i64 %kind, 0
  %is_heap = icmp eq i64 %kind, 1
  %other = select i1 %is_heap, ptr @{heap}, ptr @{stable}
  %function = select i1 %is_quick, ptr @{quick}, ptr %other"""


def sort(name: str, dtype: np.dtype) -> tuple[str, dict[str, int]]:
    symbols = _numpy_sorts(dtype, 33)
    component = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    return "".join(f"@{s} = external global i8\n" for s in symbols) + f"""
define i64 @treadle_{name}(ptr %x0, i64 %xo, i64 %n, i64 %kind) {{
  {_choose(symbols)}
  {element("x", "%x0", "%xo", component)}
  %r = call i32 %function(ptr %x, i64 %n, ptr null)
  %bad = icmp ne i32 %r, 0
  %status = zext i1 %bad to i64
  ret i64 %status
}}
""", symbols


def argsort(name: str, dtype: np.dtype) -> tuple[str, dict[str, int]]:
    symbols = _numpy_sorts(dtype, 36)
    component = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    return "".join(f"@{s} = external global i8\n" for s in symbols) + f"""
define i64 @treadle_{name}(ptr %x0, ptr %p0, i64 %xo, i64 %po, i64 %n, i64 %kind) {{
entry:
  {_choose(symbols)}
  {element("x", "%x0", "%xo", component)}
  {element("p", "%p0", "%po", 8)}
  br label %number
number:
  %i = phi i64 [ 0, %entry ], [ %i1, %set ]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %set, label %sort
set:
  %p_at = getelementptr i64, ptr %p, i64 %i
  store i64 %i, ptr %p_at
  %i1 = add i64 %i, 1
  br label %number
sort:
  %r = call i32 %function(ptr %x, ptr %p, i64 %n, ptr null)
  %bad = icmp ne i32 %r, 0
  %status = zext i1 %bad to i64
  ret i64 %status
}}
""", symbols
