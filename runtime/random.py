"""NumPy's own random distributions for compiled code: the C functions that `numpy.random`'s shared object exports.

The stream is NumPy's bit for bit by construction.  Which arguments a C function takes follows from its name: doubles, but for
those in `_SIGNATURES`.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence

import numpy as np

from .blas import element
from .engine import CodeError

# Parameters in the order of the routine, with their LLVM types; all others take doubles.
_DOUBLES = {"standard_gamma": 1, "beta": 2, "chisquare": 1, "f": 2, "gumbel": 2, "laplace": 2, "logistic": 2, "lognormal": 2,
            "pareto": 1, "power": 1, "rayleigh": 1, "standard_t": 1, "vonmises": 2, "wald": 2, "weibull": 1,
            "noncentral_chisquare": 2, "noncentral_f": 3, "poisson": 1, "geometric": 1, "logseries": 1, "zipf": 1,
            "negative_binomial": 2, "triangular": 3}
# Functions of integers: their C functions, how many parameters they have, and what is given before and after these.
_INTEGERS: dict[str, tuple[str, int, dict]] = {
    "interval": ("random_interval", 1, {}), "hypergeometric": ("random_hypergeometric", 3, {}),
    "below": ("random_bounded_uint64", 1, {"before": ["i64 0"], "after": ["i64 0", "i1 zeroext false"]})}
_TYPES = {"f64": "double", "f32": "float", **{f"{k}{n}": f"i{n}" for k in "iu" for n in (8, 16, 32, 64)}}
_BYTES = {name: int(name[1:]) // 8 for name in _TYPES}
# More than NumPy's `binomial_t`, in which a binomial keeps what it has worked out for its last parameters.
_BINOMIAL_BYTES = 256


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(np.random._generator.__file__)  # type: ignore[attr-defined]


def _address(symbol: str) -> int:
    try:
        return ctypes.cast(getattr(_library(), symbol), ctypes.c_void_p).value or 0
    except AttributeError:
        raise CodeError(f"this NumPy does not export {symbol}") from None


def _logarithm() -> int:
    """The C library's, which is what NumPy's code calls."""
    return ctypes.cast(ctypes.CDLL(np.random.mtrand.__file__).log, ctypes.c_void_p).value or 0


def routine(name: str) -> tuple[str, dict[str, int]]:
    """The text of `treadle_random__<function>__<dtype>`, and the functions it calls."""
    _, function, dtype = name.split("__")
    plain = function.removeprefix("legacy_")
    if plain in ("gauss", "standard_exponential") and plain != function:
        return _each(name, plain, [], dtype)
    if plain == "bounded":
        return _bounded(name, dtype)
    if plain in _INTEGERS:
        symbol, count, more = _INTEGERS[plain]
        return _each(name, symbol, ["i64"] * count, dtype, **more)
    if plain == "binomial":
        return _each(name, "random_binomial", ["i64", "double"], dtype, order=[1, 0], state=_BINOMIAL_BYTES)
    symbol = f"random_{plain}" + ("_f" if dtype == "f32" else "")
    return _each(name, symbol, ["double"] * _DOUBLES.get(plain, 0), dtype)


def _head(name: str, parameters: int) -> str:
    pointers = [*(f"ptr %q{k}" for k in range(parameters)), "ptr %order0", "ptr %out0"]
    starts = [*(f"i64 %q{k}o" for k in range(parameters)), "i64 %ordero", "i64 %outo"]
    own = ["i64 %n", *(f"i64 %step{k}" for k in range(parameters)), "i64 %before", "i64 %address"]
    return f"define i64 @treadle_{name}({', '.join([*pointers, *starts, *own])}) {{"


_ORDER = f"""{element("order", "%order0", "%ordero", 8)}
  %after = add i64 %before, 1
  store i64 %after, ptr %order
  %given = inttoptr i64 %address to ptr"""


def _state(name: str) -> str:
    """The bit generator's structure: given, or at the beginning of what is given for a RandomState."""
    old = name.startswith("random__legacy_")
    return _ORDER + ("\n  %state = load ptr, ptr %given" if old else "\n  %state = getelementptr i8, ptr %given, i64 0")


# RandomState's own: normal numbers by Marsaglia's polar method, two at a time, of which the second is kept (at 16, with a mark
# at 8); exponential ones by the logarithm.  The C library's functions make them NumPy's to the last bit.
_NEXT = """
define internal double @uniform(ptr %state) {
  %own = load ptr, ptr %state
  %at = getelementptr i8, ptr %state, i64 24
  %next = load ptr, ptr %at
  %x = call double %next(ptr %own)
  ret double %x
}
declare double @treadle_numpy_log(double)
"""
_OWN = {"gauss": _NEXT + """
declare double @llvm.sqrt.f64(double)
define internal double @gauss(ptr %given) {
entry:
  %mark = getelementptr i8, ptr %given, i64 8
  %kept = getelementptr i8, ptr %given, i64 16
  %has = load i32, ptr %mark
  %is = icmp ne i32 %has, 0
  br i1 %is, label %take, label %start
take:
  %old = load double, ptr %kept
  store i32 0, ptr %mark
  store double 0.0, ptr %kept
  ret double %old
start:
  %state = load ptr, ptr %given
  br label %again
again:
  %u1 = call double @uniform(ptr %state)
  %d1 = fmul double 2.0, %u1
  %x1 = fsub double %d1, 1.0
  %u2 = call double @uniform(ptr %state)
  %d2 = fmul double 2.0, %u2
  %x2 = fsub double %d2, 1.0
  %s1 = fmul double %x1, %x1
  %s2 = fmul double %x2, %x2
  %r = fadd double %s1, %s2
  %out = fcmp oge double %r, 1.0
  %zero = fcmp oeq double %r, 0.0
  %bad = or i1 %out, %zero
  br i1 %bad, label %again, label %done
done:
  %l = call double @treadle_numpy_log(double %r)
  %m = fmul double -2.0, %l
  %q = fdiv double %m, %r
  %f = call double @llvm.sqrt.f64(double %q)
  %first = fmul double %f, %x1
  store double %first, ptr %kept
  store i32 1, ptr %mark
  %second = fmul double %f, %x2
  ret double %second
}
""", "standard_exponential": _NEXT + """
define internal double @standard_exponential(ptr %given) {
  %state = load ptr, ptr %given
  %u = call double @uniform(ptr %state)
  %rest = fsub double 1.0, %u
  %l = call double @treadle_numpy_log(double %rest)
  %x = fneg double %l
  ret double %x
}
"""}


def _each(name: str, symbol: str, types: list[str], dtype: str, order: list[int] | None = None, state: int = 0,
          before: Sequence[str] = (), after: Sequence[str] = ()) -> tuple[str, dict[str, int]]:
    """One call per element; `state`: bytes of a structure of zeros that every call gets behind its parameters."""
    own = _OWN.get(symbol)
    result, callee = _TYPES[dtype], symbol if own else f"treadle_numpy_{symbol}"
    reads = "\n".join(f"""  %at{k} = mul i64 %i, %step{k}
  %p{k} = getelementptr {t}, ptr %q{k}_, i64 %at{k}
  %v{k} = load {t}, ptr %p{k}""" for k, t in enumerate(types))
    given = [f"{types[k]} %v{k}" for k in (order or range(len(types)))] + (["ptr %kept"] if state else [])
    given = ["ptr %given" if own else "ptr %state", *before, *given, *after]
    kept = f"""  %kept = alloca [{state} x i8], align 16
  call void @llvm.memset.p0.i64(ptr %kept, i8 0, i64 {state}, i1 false)""" if state else ""
    declared = [" ".join(g.split()[:-1]) for g in given]
    bases = "\n  ".join(element(f"q{k}_", f"%q{k}", f"%q{k}o", 8) for k in range(len(types)))
    return f"""
{own or f"declare {result} @{callee}({', '.join(declared)})"}
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
{_head(name, len(types))}
entry:
  {_state(name)}
  {bases}
  {element("out", "%out0", "%outo", _BYTES[dtype])}
{kept}
  br label %head
head:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %more = icmp slt i64 %i, %n
  br i1 %more, label %body, label %done
body:
{reads}
  %x = call {result} @{callee}({", ".join(given)})
  %to = getelementptr {result}, ptr %out, i64 %i
  store {result} %x, ptr %to
  %next = add i64 %i, 1
  br label %head
done:
  ret i64 0
}}
""", {callee: _address(symbol)} if not own else {"treadle_numpy_log": _logarithm()}


def _bounded(name: str, dtype: str) -> tuple[str, dict[str, int]]:
    """off + a number in [0, span], for all elements at once: NumPy's generators of narrow integers keep unused bits."""
    width = f"i{8 * _BYTES[dtype]}"
    symbol, masked = f"random_bounded_uint{8 * _BYTES[dtype]}_fill", "true" if "legacy" in name else "false"
    callee = f"treadle_numpy_{symbol}"
    narrow = "" if width == "i64" else f"  %low = trunc i64 %low_ to {width}\n  %span = trunc i64 %span_ to {width}\n"
    low, span = ("%low_", "%span_") if width == "i64" else ("%low", "%span")
    return f"""
declare void @{callee}(ptr, {width} zeroext, {width} zeroext, i64, i1 zeroext, ptr)
{_head(name, 2)}
entry:
  {_state(name)}
  {element("q0_", "%q0", "%q0o", 8)}
  {element("q1_", "%q1", "%q1o", 8)}
  {element("out", "%out0", "%outo", _BYTES[dtype])}
  %low_ = load i64, ptr %q0_
  %span_ = load i64, ptr %q1_
{narrow}
  call void @{callee}(ptr %state, {width} zeroext {low}, {width} zeroext {span}, i64 %n, i1 zeroext {masked}, ptr %out)
  ret i64 0
}}
""", {callee: _address(symbol)}
