"""NumPy's own loops for linear algebra and Fourier transforms, as LLVM text around their addresses.

A generalized ufunc of `numpy.linalg` or `numpy.fft` is a C function over strided memory that needs neither the GIL nor
contiguous operands.  `treadle_gufunc_<name>_<type>` runs the loop whose first operand has that type letter (`fft_D`),
`treadle_flagged_<name>_<type>` (`solve_d`) also tells for which matrices it failed: NumPy's loops signal that by the
floating-point status "invalid".  A stack of matrices is cut into pieces, which `treadle_parallel` spreads; LAPACK runs on
one thread per piece.  How they are called: `ir.loops.Call`.
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass

import numpy as np
from numpy.fft import _pocketfft_umath  # type: ignore[attr-defined]  # not in the stubs
from numpy.linalg import _umath_linalg
from scipy.linalg import cython_blas, cython_lapack

from . import blas, linear_systems
from .blas import element

DECLARATIONS = """
declare void @treadle_blas_enter()
declare void @treadle_blas_leave()
declare i32 @feclearexcept(i32)
declare i32 @fetestexcept(i32)
"""
MEMORY_DECLARATION = "declare void @treadle_parallel(ptr, ptr, i64, i64, i64)\ndeclare void @llvm.memset.p0.i64(ptr, i8, i64, i1)\n"
# FE_INVALID, on x86-64 and aarch64 alike.
INVALID = 1


class UfuncObject(ctypes.Structure):
    """The beginning of NumPy's PyUFuncObject, which its C API publishes."""

    _fields_ = [("refcount", ctypes.c_ssize_t), ("type", ctypes.c_void_p), ("nin", ctypes.c_int), ("nout", ctypes.c_int),
                ("nargs", ctypes.c_int), ("identity", ctypes.c_int), ("functions", ctypes.POINTER(ctypes.c_void_p)),
                ("data", ctypes.POINTER(ctypes.c_void_p)), ("ntypes", ctypes.c_int)]


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop of a generalized ufunc: component sizes and core ranks per operand, the number of core dimensions."""

    function: int
    data: int
    sizes: tuple[int, ...]
    ranks: tuple[int, ...]
    dimensions: int
    uses_blas: bool


def library_of(name: str) -> object:
    """The module of NumPy's that has this generalized ufunc, or None."""
    return next((m for m in (_umath_linalg, _pocketfft_umath) if isinstance(getattr(m, name, None), np.ufunc)), None)


def find_loop(routine: str) -> Loop | None:
    """The loop of a routine such as `solve_d`; None if there is none."""
    name, _, letter = routine.rpartition("_")
    module = library_of(name)
    if module is None:
        return None
    ufunc = getattr(module, name)
    which = [k for k, t in enumerate(ufunc.types) if t[0] == letter]
    if not which or ufunc.signature is None:
        return None
    record = UfuncObject.from_address(id(ufunc))
    letters = ufunc.types[which[0]].replace("->", "")
    cores = [c.split(",") if c else [] for c in re.findall(r"\(([^()]*)\)", ufunc.signature.replace(" ", ""))]
    sizes = tuple(np.dtype(c).itemsize // (2 if c in "FDG" else 1) for c in letters)
    return Loop(record.functions[which[0]] or 0, record.data[which[0]] or 0 if record.data else 0, sizes, tuple(map(len, cores)),
                len({d for core in cores for d in core}), module is _umath_linalg)


def text(routine: str, loop: Loop, flagged: bool) -> tuple[str, dict[str, int]]:
    """The LLVM text of a routine, and the addresses it names."""
    name = f"treadle_{'flagged' if flagged else 'gufunc'}_{routine}"
    entry = _entry(name, loop, flagged)
    if linear_systems.implements(routine):
        symbols = {f: blas.function_address(f, cython_blas if f in cython_blas.__pyx_capi__ else cython_lapack)
                   for f in linear_systems.functions(routine)}
        return DECLARATIONS + linear_systems.text(routine, words(loop), loop.ranks) + entry, symbols
    symbol = f"treadle_numpy_{routine}"
    head = DECLARATIONS + MEMORY_DECLARATION + f"@{symbol} = external global i8\n"
    return head + _piece(loop, symbol, flagged) + entry, {symbol: loop.function}


def words(loop: Loop) -> dict[str, int]:
    """Where each part of the context begins: pointers, flags, core dimensions, strides over matrices, then inside them; the
    word `error` is not 0 where memory ran out."""
    n = len(loop.sizes)
    end = n + 1 + loop.dimensions + n + sum(loop.ranks)
    return {"pointers": 0, "flags": n, "dimensions": n + 1, "strides": n + 1 + loop.dimensions, "error": end, "end": end + 1}


def _run(loop: Loop, symbol: str, tag: str, first: str, count: str) -> str:
    """Run the loop on `count` matrices from number `first` on."""
    at, lines = words(loop), []
    for k in range(len(loop.sizes)):
        lines += [f"%{tag}p{k} = load ptr, ptr %pointer{k}", f"%{tag}s{k} = load i64, ptr %stride{k}",
                  f"%{tag}d{k} = mul i64 %{tag}s{k}, {first}",
                  f"%{tag}q{k} = getelementptr i8, ptr %{tag}p{k}, i64 %{tag}d{k}",
                  f"%{tag}a{k} = getelementptr ptr, ptr %args, i64 {k}", f"store ptr %{tag}q{k}, ptr %{tag}a{k}"]
    for k in range(loop.dimensions):
        lines += [f"%{tag}n{k}_in = getelementptr i64, ptr %context, i64 {at['dimensions'] + k}",
                  f"%{tag}n{k} = load i64, ptr %{tag}n{k}_in", f"%{tag}m{k} = getelementptr i64, ptr %dims, i64 {k + 1}",
                  f"store i64 %{tag}n{k}, ptr %{tag}m{k}"]
    lines += [f"store i64 {count}, ptr %dims",
              f"call void @{symbol}(ptr %args, ptr %dims, ptr %stride0, ptr inttoptr (i64 {loop.data} to ptr))"]
    return "\n  ".join(lines)


def _piece(loop: Loop, symbol: str, flagged: bool) -> str:
    at = words(loop)
    places = [f"%pointer{k} = getelementptr ptr, ptr %context, i64 {k}\n  "
              f"%stride{k} = getelementptr i64, ptr %context, i64 {at['strides'] + k}" for k in range(len(loop.sizes))]
    head = f"""
define internal void @piece(ptr %context, i64 %lo, i64 %hi, i64 %worker) {{
entry:
  %args = alloca [{len(loop.sizes)} x ptr]
  %dims = alloca [{loop.dimensions + 1} x i64]
  %count = sub i64 %hi, %lo
  {chr(10).join(places)}
"""
    if not flagged:
        return head + f"  {_run(loop, symbol, 'all_', '%lo', '%count')}\n  ret void\n}}\n"
    return head + f"""
  %flags_in = getelementptr ptr, ptr %context, i64 {at["flags"]}
  %flags = load ptr, ptr %flags_in
  %flags_here = getelementptr i8, ptr %flags, i64 %lo
  call void @llvm.memset.p0.i64(ptr %flags_here, i8 0, i64 %count, i1 false)
  %c0 = call i32 @feclearexcept(i32 {INVALID})
  {_run(loop, symbol, "all_", "%lo", "%count")}
  %any = call i32 @fetestexcept(i32 {INVALID})
  %failed = icmp ne i32 %any, 0
  br i1 %failed, label %test, label %done
test:  ; which ones: each again, alone
  %i = phi i64 [ %lo, %entry ], [ %i1, %one ]
  %more = icmp slt i64 %i, %hi
  br i1 %more, label %one, label %done
one:
  %c1 = call i32 @feclearexcept(i32 {INVALID})
  {_run(loop, symbol, "one_", "%i", "1")}
  %bad = call i32 @fetestexcept(i32 {INVALID})
  %is_bad = icmp ne i32 %bad, 0
  %byte = zext i1 %is_bad to i8
  %flag = getelementptr i8, ptr %flags, i64 %i
  store i8 %byte, ptr %flag
  %i1 = add i64 %i, 1
  br label %test
done:
  ret void
}}
"""


def _entry(name: str, loop: Loop, flagged: bool) -> str:
    at, n = words(loop), len(loop.sizes)
    pointers = [*range(n), *(["f"] if flagged else [])]
    inner = [(k, j) for k, rank in enumerate(loop.ranks) for j in range(rank)]
    parameters = [*(f"ptr %b{k}" for k in pointers), *(f"i64 %o{k}" for k in pointers), "i64 %count", "i64 %chunk",
                  *(f"i64 %n{k}" for k in range(loop.dimensions)), *(f"i64 %s{k}" for k in range(n)),
                  *(f"i64 %s{k}_{j}" for k, j in inner)]
    lines = [f"%context = alloca [{at['end']} x i64]"]

    def put(word: int, kind: str, value: str) -> None:
        lines.extend([f"%w{word} = getelementptr i64, ptr %context, i64 {word}", f"store {kind} {value}, ptr %w{word}"])

    for k in range(n):
        lines.append(element(f"p{k}", f"%b{k}", f"%o{k}", loop.sizes[k]))
        put(at["pointers"] + k, "ptr", f"%p{k}")
    if flagged:
        lines.append(element("pf", "%bf", "%of", 1))
        put(at["flags"], "ptr", "%pf")
    for k in range(loop.dimensions):
        put(at["dimensions"] + k, "i64", f"%n{k}")
    for place, (k, tail) in enumerate([*((k, "") for k in range(n)), *((k, f"_{j}") for k, j in inner)]):
        lines.append(f"%t{k}{tail} = mul i64 %s{k}{tail}, {loop.sizes[k]}")
        put(at["strides"] + place, "i64", f"%t{k}{tail}")
    run = "call void @treadle_parallel(ptr @piece, ptr %context, i64 0, i64 %count, i64 %chunk)"
    if loop.uses_blas:
        run = f"call void @treadle_blas_enter()\n  {run}\n  call void @treadle_blas_leave()"
    put(at["error"], "i64", "0")
    body = "\n  ".join(lines)
    end = f"%error = load i64, ptr %w{at['error']}\n  ret i64 %error"
    return f"define i64 @{name}({', '.join(parameters)}) {{\n  {body}\n  {run}\n  {end}\n}}\n"
