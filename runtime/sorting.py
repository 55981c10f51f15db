"""NumPy's own sorting functions for compiled code: the result, and the speed, are NumPy's by construction.

Sorts are called by address and need no GIL.  Partitions are only to be had through NumPy's C API, on array objects: the routine
takes the GIL, so it must not run on the pool's threads.
"""

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


# In NumPy's C API table.
_PARTITION, _ARGPARTITION = 296, 297


def _arrays(dtype: np.dtype) -> tuple[str, dict[str, int]]:
    """LLVM text of `vector`: a NumPy array over memory; and what a routine on such arrays refers to."""
    names = ("PyGILState_Ensure", "PyGILState_Release", "Py_IncRef", "Py_DecRef", "PyErr_Clear")
    symbols = {n: ctypes.cast(getattr(ctypes.pythonapi, n), ctypes.c_void_p).value or 0 for n in names}
    symbols |= {"treadle_ndarray": id(np.ndarray), "treadle_new_array": numpy_function(94), "treadle_int64": id(np.dtype(np.int64)),
                "treadle_dtype": id(np.dtype(dtype.char)), "treadle_partition": numpy_function(_PARTITION),
                "treadle_argpartition": numpy_function(_ARGPARTITION)}
    return """
@treadle_ndarray = external global i8
@treadle_dtype = external global i8
@treadle_int64 = external global i8
declare ptr @treadle_new_array(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare i32 @treadle_partition(ptr, ptr, i32, i32)
declare ptr @treadle_argpartition(ptr, ptr, i32, i32)
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare void @PyErr_Clear()
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define internal ptr @vector(ptr %memory, i64 %n, ptr %dtype) {
  %extent = alloca i64
  store i64 %n, ptr %extent
  call void @Py_IncRef(ptr %dtype)
  %array = call ptr @treadle_new_array(ptr @treadle_ndarray, ptr %dtype, i32 1, ptr %extent, ptr null, ptr %memory, i32 1281,
                                       ptr null)
  ret ptr %array
}

define internal void @drop(ptr %object) {
  %none = icmp eq ptr %object, null
  br i1 %none, label %end, label %release
release:
  call void @Py_DecRef(ptr %object)
  br label %end
end:
  ret void
}
""", symbols


def partition(name: str, dtype: np.dtype) -> tuple[str, dict[str, int]]:
    """Partitions x in place at the places k; the status is 1 where memory ran out."""
    text, symbols = _arrays(dtype)
    component = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    return text + f"""
define i64 @treadle_{name}(ptr %k0, ptr %x0, i64 %ko, i64 %xo, i64 %n, i64 %count) {{
  {element("k", "%k0", "%ko", 8)}
  {element("x", "%x0", "%xo", component)}
  %gil = call i32 @PyGILState_Ensure()
  %line = call ptr @vector(ptr %x, i64 %n, ptr @treadle_dtype)
  %places = call ptr @vector(ptr %k, i64 %count, ptr @treadle_int64)
  %no_line = icmp eq ptr %line, null
  %no_places = icmp eq ptr %places, null
  %lacking = or i1 %no_line, %no_places
  br i1 %lacking, label %bad, label %run
run:
  %r = call i32 @treadle_partition(ptr %line, ptr %places, i32 0, i32 0)
  %failed = icmp slt i32 %r, 0
  br i1 %failed, label %bad, label %end
bad:
  call void @PyErr_Clear()
  br label %end
end:
  %status = phi i64 [ 0, %run ], [ 1, %bad ]
  call void @drop(ptr %line)
  call void @drop(ptr %places)
  call void @PyGILState_Release(i32 %gil)
  ret i64 %status
}}
""", symbols


def argpartition(name: str, dtype: np.dtype) -> tuple[str, dict[str, int]]:
    """Writes to p how x is partitioned at the places k."""
    text, symbols = _arrays(dtype)
    component = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    return text + f"""
define i64 @treadle_{name}(ptr %k0, ptr %x0, ptr %p0, i64 %ko, i64 %xo, i64 %po, i64 %n, i64 %count) {{
  {element("k", "%k0", "%ko", 8)}
  {element("x", "%x0", "%xo", component)}
  {element("p", "%p0", "%po", 8)}
  %gil = call i32 @PyGILState_Ensure()
  %line = call ptr @vector(ptr %x, i64 %n, ptr @treadle_dtype)
  %places = call ptr @vector(ptr %k, i64 %count, ptr @treadle_int64)
  %no_line = icmp eq ptr %line, null
  %no_places = icmp eq ptr %places, null
  %lacking = or i1 %no_line, %no_places
  br i1 %lacking, label %bad, label %run
run:
  %order = call ptr @treadle_argpartition(ptr %line, ptr %places, i32 0, i32 0)
  %failed = icmp eq ptr %order, null
  br i1 %failed, label %bad, label %copy
copy:
  %from_at = getelementptr i8, ptr %order, i64 16
  %from = load ptr, ptr %from_at
  %bytes = mul i64 %n, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %p, ptr %from, i64 %bytes, i1 false)
  call void @Py_DecRef(ptr %order)
  br label %end
bad:
  call void @PyErr_Clear()
  br label %end
end:
  %status = phi i64 [ 0, %copy ], [ 1, %bad ]
  call void @drop(ptr %line)
  call void @drop(ptr %places)
  call void @PyGILState_Release(i32 %gil)
  ret i64 %status
}}
""", symbols


FAMILIES = {"sort": sort, "argsort": argsort, "partition": partition, "argpartition": argpartition}
