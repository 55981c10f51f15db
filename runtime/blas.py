"""BLAS for compiled code: LLVM text around the Fortran functions whose pointers SciPy gives away.

A product is cut into pieces of columns or rows, by its sizes alone, which `treadle_parallel` spreads; each piece is one
BLAS call on one thread.  `treadle_blas_enter` and `treadle_blas_leave` stand around it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import ModuleType

from scipy.linalg import cython_blas

# Type letter -> bytes of an element, bytes of a component, LLVM type of a component, words of the number 1.
KINDS = {"s": (4, 4, "float", "1.0"), "d": (8, 8, "double", "1.0"), "c": (8, 4, "float", "1.0"), "z": (16, 8, "double", "1.0")}
# Multiply-adds of one piece, and its least width: below, dividing costs more than it gains.
PIECE_WORK = 500_000
PIECE_WIDTH = 96
PIECE_BYTES = 1 << 18

DECLARATIONS = """
declare void @treadle_parallel(ptr, ptr, i64, i64, i64)
declare void @treadle_blas_enter()
declare void @treadle_blas_leave()
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
"""

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


def _integers(names: str) -> str:
    """Local variables `NAME_at` holding the i64 values NAME as 32-bit integers."""
    lines = []
    for n in names.split():
        lines += [f"%{n}_at = alloca i32", f"%{n}_32 = trunc i64 %{n} to i32", f"store i32 %{n}_32, ptr %{n}_at"]
    return "\n  ".join(lines)


def _too_large(names: str) -> str:
    """%too_large: does one of these not fit 32 bits?"""
    lines, last = [], "0"
    for k, n in enumerate(names.split()):
        lines.append(f"%any{k} = or i64 {last}, %{n}")
        last = f"%any{k}"
    return "\n  ".join([*lines, f"%too_large = icmp ugt i64 {last}, 2147483647"])


def element(name: str, base: str, offset: str, size: int) -> str:
    return f"%{name}_bytes = mul i64 {offset}, {size}\n  %{name} = getelementptr i8, ptr {base}, i64 %{name}_bytes"


def _one(t: str) -> str:
    """@one and @zero: the numbers as BLAS wants them."""
    _, _, component, one = KINDS[t]
    fields = 2 if t in "cz" else 1
    rest = f", {component} 0.0" * (fields - 1)
    return (f"@one = internal constant {{ {', '.join([component] * fields)} }} {{ {component} {one}{rest} }}\n"
            f"@zero = internal constant {{ {', '.join([component] * fields)} }} zeroinitializer\n"
            '@letters = internal constant [2 x i8] c"NT"\n')


def _load_context(names: str) -> str:
    lines = []
    for k, n in enumerate(names.split()):
        kind = "ptr" if n in ("a", "b", "c", "x", "y") else "i64"
        lines += [f"%{n}_in = getelementptr i64, ptr %context, i64 {k}", f"%{n} = load {kind}, ptr %{n}_in"]
    return "\n  ".join(lines)


def _store_context(names: str) -> str:
    words = names.split()
    lines = [f"%context = alloca [{len(words)} x i64]"]
    for k, n in enumerate(words):
        kind = "ptr" if n in ("a", "b", "c", "x", "y") else "i64"
        lines += [f"%{n}_out = getelementptr i64, ptr %context, i64 {k}", f"store {kind} %{n}, ptr %{n}_out"]
    return "\n  ".join(lines)


def _gemm(name: str) -> str:
    t = name[0]
    size, component, *_ = KINDS[t]
    fields = "a b c ta tb m n k lda ldb ldc by_rows"
    return _one(t) + f"""
declare void @treadle_blas_{name}(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)

; Columns [lo, hi) of c, or rows.
define internal void @piece(ptr %context, i64 %lo, i64 %hi, i64 %worker) {{
  {_load_context(fields.replace(" m n ", " m_all n_all "))}
  %rows = icmp ne i64 %by_rows, 0
  %width = sub i64 %hi, %lo
  %m = select i1 %rows, i64 %width, i64 %m_all
  %n = select i1 %rows, i64 %n_all, i64 %width
  %a_step = select i1 %a_transposed, i64 %lda, i64 1
  %a_far = mul i64 %lo, %a_step
  %a_skip = select i1 %rows, i64 %a_far, i64 0
  %b_step = select i1 %b_transposed, i64 1, i64 %ldb
  %b_far = mul i64 %lo, %b_step
  %b_skip = select i1 %rows, i64 0, i64 %b_far
  %c_step = select i1 %rows, i64 1, i64 %ldc
  %c_skip = mul i64 %lo, %c_step
  {element("a_piece", "%a", "%a_skip", size)}
  {element("b_piece", "%b", "%b_skip", size)}
  {element("c_piece", "%c", "%c_skip", size)}
  %ta_letter = getelementptr i8, ptr @letters, i64 %ta
  %tb_letter = getelementptr i8, ptr @letters, i64 %tb
  {_integers("m n k lda ldb ldc")}
  call void @treadle_blas_{name}(ptr %ta_letter, ptr %tb_letter, ptr %m_at, ptr %n_at, ptr %k_at, ptr @one, ptr %a_piece,
                                 ptr %lda_at, ptr %b_piece, ptr %ldb_at, ptr @zero, ptr %c_piece, ptr %ldc_at)
  ret void
}}

define i64 @treadle_{name}(ptr %a0, ptr %b0, ptr %c0, i64 %ao, i64 %bo, i64 %co, i64 %ta, i64 %tb, i64 %m, i64 %n, i64 %k,
                           i64 %lda0, i64 %ldb0, i64 %ldc0) {{
  {element("a", "%a0", "%ao", component)}
  {element("b", "%b0", "%bo", component)}
  {element("c", "%c0", "%co", component)}
  %a_is = icmp ne i64 %ta, 0
  %b_is = icmp ne i64 %tb, 0
  %a_high = select i1 %a_is, i64 %k, i64 %m
  %b_high = select i1 %b_is, i64 %n, i64 %k
  %lda1 = call i64 @llvm.smax.i64(i64 %lda0, i64 %a_high)
  %ldb1 = call i64 @llvm.smax.i64(i64 %ldb0, i64 %b_high)
  %ldc1 = call i64 @llvm.smax.i64(i64 %ldc0, i64 %m)
  %lda = call i64 @llvm.smax.i64(i64 %lda1, i64 1)
  %ldb = call i64 @llvm.smax.i64(i64 %ldb1, i64 1)
  %ldc = call i64 @llvm.smax.i64(i64 %ldc1, i64 1)
  {_too_large("m n k lda ldb ldc")}
  br i1 %too_large, label %refuse, label %divide
refuse:
  ret i64 1
divide:
  %tall = icmp sgt i64 %m, %n
  %by_rows = zext i1 %tall to i64
  %extent = select i1 %tall, i64 %m, i64 %n
  %other = select i1 %tall, i64 %n, i64 %m
  %slice0 = mul i64 %other, %k
  %slice = call i64 @llvm.smax.i64(i64 %slice0, i64 1)
  %fair = udiv i64 {PIECE_WORK}, %slice
  %wide = call i64 @llvm.smax.i64(i64 %fair, i64 {PIECE_WIDTH})
  %up = add i64 %wide, 31
  %chunk = and i64 %up, -32
  {_store_context(fields)}
  call void @treadle_blas_enter()
  call void @treadle_parallel(ptr @piece, ptr %context, i64 0, i64 %extent, i64 %chunk)
  call void @treadle_blas_leave()
  ret i64 0
}}
""".replace("  %rows = icmp", "  %a_transposed = icmp ne i64 %ta, 0\n  %b_transposed = icmp ne i64 %tb, 0\n  %rows = icmp", 1)


def _gemv(name: str) -> str:
    t = name[0]
    size, component, *_ = KINDS[t]
    fields = "a x y trans m n lda incx incy"
    return _one(t) + f"""
declare void @treadle_blas_{name}(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

; Elements [lo, hi) of y. They are set to 0 and added to: some versions let old NaNs through a factor of 0.
define internal void @piece(ptr %context, i64 %lo, i64 %hi, i64 %worker) {{
entry:
  {_load_context(fields.replace(" m n ", " m_all n_all "))}
  %turned = icmp ne i64 %trans, 0
  %width = sub i64 %hi, %lo
  %m = select i1 %turned, i64 %m_all, i64 %width
  %n = select i1 %turned, i64 %width, i64 %n_all
  %a_step = select i1 %turned, i64 %lda, i64 1
  %a_skip = mul i64 %lo, %a_step
  %y_skip = mul i64 %lo, %incy
  {element("a_piece", "%a", "%a_skip", size)}
  {element("y_piece", "%y", "%y_skip", size)}
  %letter = getelementptr i8, ptr @letters, i64 %trans
  {_integers("m n lda incx incy")}
  br label %zero
zero:
  %i = phi i64 [ 0, %entry ], [ %i1, %zero ]
  %z_skip = mul i64 %i, %incy
  {element("z", "%y_piece", "%z_skip", size)}
  call void @llvm.memset.p0.i64(ptr %z, i8 0, i64 {size}, i1 false)
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, %width
  br i1 %more, label %zero, label %multiply
multiply:
  call void @treadle_blas_{name}(ptr %letter, ptr %m_at, ptr %n_at, ptr @one, ptr %a_piece, ptr %lda_at, ptr %x, ptr %incx_at,
                                 ptr @one, ptr %y_piece, ptr %incy_at)
  ret void
}}

define i64 @treadle_{name}(ptr %a0, ptr %x0, ptr %y0, i64 %ao, i64 %xo, i64 %yo, i64 %trans, i64 %m, i64 %n, i64 %lda0,
                           i64 %incx, i64 %incy) {{
  {element("a", "%a0", "%ao", component)}
  {element("x", "%x0", "%xo", component)}
  {element("y", "%y0", "%yo", component)}
  %lda1 = call i64 @llvm.smax.i64(i64 %lda0, i64 %m)
  %lda = call i64 @llvm.smax.i64(i64 %lda1, i64 1)
  {_too_large("m n lda incx incy")}
  br i1 %too_large, label %refuse, label %divide
refuse:
  ret i64 1
divide:
  %turned = icmp ne i64 %trans, 0
  %extent = select i1 %turned, i64 %n, i64 %m
  %other = select i1 %turned, i64 %m, i64 %n
  %bytes0 = mul i64 %other, {size}
  %bytes = call i64 @llvm.smax.i64(i64 %bytes0, i64 1)
  %fair = udiv i64 {PIECE_BYTES}, %bytes
  %wide = call i64 @llvm.smax.i64(i64 %fair, i64 16)
  %up = add i64 %wide, 15
  %chunk = and i64 %up, -16
  {_store_context(fields)}
  call void @treadle_blas_enter()
  call void @treadle_parallel(ptr @piece, ptr %context, i64 0, i64 %extent, i64 %chunk)
  call void @treadle_blas_leave()
  ret i64 0
}}
"""


TEXTS: dict[str, Callable[[str], str]] = {"gemm": _gemm, "gemv": _gemv}
