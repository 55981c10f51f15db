"""Where BLAS comes from, and its threads: LLVM text that stands around each use.

`treadle_blas_enter` takes the threads away from the library, `treadle_blas_leave` gives them back: pieces of one product run
side by side, each on one thread (`products.py`).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from types import ModuleType

from numpy.linalg import _umath_linalg
from scipy.linalg import cython_blas

# The functions that are called, without their type letter.
FUNCTIONS = ("gemm", "syrk", "gemv")
# How many callers are inside BLAS; the first takes its threads away, the last gives them back unless the user changed them.
THREADS_TEXT = """
@lock = internal global i32 0, align 64
@users = internal global i32 0
@saved = internal global i32 1
declare i32 @treadle_blas_get_threads()
declare void @treadle_blas_set_threads(i32)
declare i32 @sched_yield()

define internal void @acquire() {
entry:
  br label %try
try:
  %swap = cmpxchg ptr @lock, i32 0, i32 1 acquire monotonic
  %mine = extractvalue { i32, i1 } %swap, 1
  br i1 %mine, label %done, label %wait
wait:
  %r = call i32 @sched_yield()
  br label %try
done:
  ret void
}
define void @treadle_blas_enter() {
  call void @acquire()
  %n = load i32, ptr @users
  %n1 = add i32 %n, 1
  store i32 %n1, ptr @users
  %first = icmp eq i32 %n, 0
  br i1 %first, label %save, label %done
save:
  %threads = call i32 @treadle_blas_get_threads()
  store i32 %threads, ptr @saved
  %many = icmp ne i32 %threads, 1
  br i1 %many, label %set, label %done
set:
  call void @treadle_blas_set_threads(i32 1)
  br label %done
done:
  store atomic i32 0, ptr @lock release, align 4
  ret void
}
define void @treadle_blas_leave() {
  call void @acquire()
  %n = load i32, ptr @users
  %n1 = sub i32 %n, 1
  store i32 %n1, ptr @users
  %saved = load i32, ptr @saved
  %last = icmp eq i32 %n1, 0
  %many = icmp ne i32 %saved, 1
  %restore = and i1 %last, %many
  br i1 %restore, label %look, label %done
look:
  %threads = call i32 @treadle_blas_get_threads()
  %untouched = icmp eq i32 %threads, 1
  br i1 %untouched, label %set, label %done
set:
  call void @treadle_blas_set_threads(i32 %saved)
  br label %done
done:
  store atomic i32 0, ptr @lock release, align 4
  ret void
}
"""


def thread_functions(user: ModuleType = cython_blas) -> dict[str, int]:
    """Where the BLAS that a module calls tells and sets its number of threads; empty if it is not OpenBLAS."""
    # Looking a name up through the module searches the libraries that it is linked with.
    module = ctypes.CDLL(user.__file__)
    for prefix in ("scipy_openblas", "openblas"):
        for suffix in ("", "64_"):
            names = [f"{prefix}_{verb}_num_threads{suffix}" for verb in ("get", "set")]
            if all(hasattr(module, n) for n in names):
                get, put = (ctypes.cast(getattr(module, n), ctypes.c_void_p).value or 0 for n in names)
                return {"treadle_blas_get_threads": get, "treadle_blas_set_threads": put}
    return {}


def function_address(name: str, module: ModuleType = cython_blas) -> int:
    """Where SciPy's `cython_blas` or `cython_lapack` has this function."""
    capsule = module.__pyx_capi__[name]
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return ctypes.pythonapi.PyCapsule_GetPointer(capsule, get_name(capsule))


@dataclass(frozen=True, slots=True)
class Source:
    """Where BLAS comes from: the module whose threads it uses, and what its Fortran functions are called there.

    pattern: the symbol of a function, whose integers have 64 bits; None: SciPy's pointers, with integers of 32 bits.
    """

    user: ModuleType
    pattern: str | None

    def address(self, name: str) -> int:
        if self.pattern is None:
            return function_address(name)
        return ctypes.cast(getattr(ctypes.CDLL(self.user.__file__), self.pattern.format(name)), ctypes.c_void_p).value or 0

    @property
    def integer(self) -> str:
        return "i64" if self.pattern else "i32"

    def describe(self) -> str:
        owner = "SciPy's" if self.pattern is None else "NumPy's own"
        return f"{owner}, " + ("OpenBLAS" if thread_functions(self.user) else "unknown kind: its threads are not controlled")


def source() -> Source:
    """The OpenBLAS that NumPy itself calls, if its names tell that its integers have 64 bits, else SciPy's BLAS."""
    module = ctypes.CDLL(_umath_linalg.__file__)
    for pattern in ("scipy_{}_64_", "{}_64_", "{}64_"):
        if all(hasattr(module, pattern.format(c + kind)) for c in "sdcz" for kind in FUNCTIONS) and thread_functions(_umath_linalg):
            return Source(_umath_linalg, pattern)
    return Source(cython_blas, None)


def element(name: str, base: str, offset: str, size: int) -> str:
    return f"%{name}_bytes = mul i64 {offset}, {size}\n  %{name} = getelementptr i8, ptr {base}, i64 %{name}_bytes"
