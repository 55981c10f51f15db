"""NumPy's own random distributions for compiled code: the C functions that `numpy.random`'s shared object exports.

The stream is NumPy's bit for bit by construction.  Which arguments a C function takes follows from its name: doubles, but for
those in `_SIGNATURES`.
"""

from __future__ import annotations

import ctypes
import functools

import numpy as np

from .blas import element
from .engine import CodeError

# Parameters in the order of the routine, with their LLVM types; all others take doubles.
_DOUBLES = {"standard_gamma": 1, "beta": 2, "chisquare": 1, "f": 2, "gumbel": 2, "laplace": 2, "logistic": 2, "lognormal": 2,
            "pareto": 1, "power": 1, "rayleigh": 1, "standard_t": 1, "vonmises": 2, "wald": 2, "weibull": 1,
            "noncentral_chisquare": 2, "noncentral_f": 3, "poisson": 1, "geometric": 1, "logseries": 1, "zipf": 1}
_TYPES = {"f64": "double", "f32": "float", **{f"{k}{n}": f"i{n}" for k in "iu" for n in (8, 16, 32, 64)}}
_BYTES = {name: int(name[1:]) // 8 for name in _TYPES}
# More than NumPy's `binomial_t`, in which a binomial keeps what it has worked out for its last parameters.
_BINOMIAL_BYTES = 1024


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(np.random._generator.__file__)  # type: ignore[attr-defined]


def _address(symbol: str) -> int:
    try:
        return ctypes.cast(getattr(_library(), symbol), ctypes.c_void_p).value or 0
    except AttributeError:
        raise CodeError(f"this NumPy does not export {symbol}") from None


def routine(name: str) -> tuple[str, dict[str, int]]:
    """The text of `treadle_random__<function>__<dtype>`, and the function it calls."""
    _, function, dtype = name.split("__")
    if function == "bounded":
        return _bounded(name, dtype)
    if function == "interval":
        return _each(name, "random_interval", ["i64"], dtype)
    if function == "binomial":
        return _each(name, "random_binomial", ["i64", "double"], dtype, order=[1, 0], state=_BINOMIAL_BYTES)
    symbol = f"random_{function}" + ("_f" if dtype == "f32" else "")
    return _each(name, symbol, ["double"] * _DOUBLES.get(function, 0), dtype)


def _head(name: str, parameters: int) -> str:
    pointers = [*(f"ptr %q{k}" for k in range(parameters)), "ptr %order0", "ptr %out0"]
    starts = [*(f"i64 %q{k}o" for k in range(parameters)), "i64 %ordero", "i64 %outo"]
    own = ["i64 %n", *(f"i64 %step{k}" for k in range(parameters)), "i64 %before", "i64 %address"]
    return f"define i64 @treadle_{name}({', '.join([*pointers, *starts, *own])}) {{"


_ORDER = f"""{element("order", "%order0", "%ordero", 8)}
  %after = add i64 %before, 1
  store i64 %after, ptr %order
  %state = inttoptr i64 %address to ptr"""


def _each(name: str, symbol: str, types: list[str], dtype: str, order: list[int] | None = None,
          state: int = 0) -> tuple[str, dict[str, int]]:
    """One call per element; `state`: bytes of a structure of zeros that every call gets behind its parameters."""
    result, callee = _TYPES[dtype], f"treadle_numpy_{symbol}"
    reads = "\n".join(f"""  %at{k} = mul i64 %i, %step{k}
  %p{k} = getelementptr {t}, ptr %q{k}_, i64 %at{k}
  %v{k} = load {t}, ptr %p{k}""" for k, t in enumerate(types))
    given = [f"{types[k]} %v{k}" for k in (order or range(len(types)))] + (["ptr %kept"] if state else [])
    kept = f"""  %kept = alloca [{state} x i8], align 16
  call void @llvm.memset.p0.i64(ptr %kept, i8 0, i64 {state}, i1 false)""" if state else ""
    declared = [types[k] for k in (order or range(len(types)))] + (["ptr"] if state else [])
    bases = "\n  ".join(element(f"q{k}_", f"%q{k}", f"%q{k}o", 8) for k in range(len(types)))
    return f"""
declare {result} @{callee}({", ".join(["ptr", *declared])})
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
{_head(name, len(types))}
entry:
  {_ORDER}
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
  %x = call {result} @{callee}({", ".join(["ptr %state", *given])})
  %to = getelementptr {result}, ptr %out, i64 %i
  store {result} %x, ptr %to
  %next = add i64 %i, 1
  br label %head
done:
  ret i64 0
}}
""", {callee: _address(symbol)}


def _bounded(name: str, dtype: str) -> tuple[str, dict[str, int]]:
    """off + a number in [0, span], for all elements at once: NumPy's generators of narrow integers keep unused bits."""
    width = f"i{8 * _BYTES[dtype]}"
    symbol = f"random_bounded_uint{8 * _BYTES[dtype]}_fill"
    callee = f"treadle_numpy_{symbol}"
    narrow = "" if width == "i64" else f"  %low = trunc i64 %low_ to {width}\n  %span = trunc i64 %span_ to {width}\n"
    low, span = ("%low_", "%span_") if width == "i64" else ("%low", "%span")
    return f"""
declare void @{callee}(ptr, {width} zeroext, {width} zeroext, i64, i1 zeroext, ptr)
{_head(name, 2)}
entry:
  {_ORDER}
  {element("q0_", "%q0", "%q0o", 8)}
  {element("q1_", "%q1", "%q1o", 8)}
  {element("out", "%out0", "%outo", _BYTES[dtype])}
  %low_ = load i64, ptr %q0_
  %span_ = load i64, ptr %q1_
{narrow}
  call void @{callee}(ptr %state, {width} zeroext {low}, {width} zeroext {span}, i64 %n, i1 zeroext false, ptr %out)
  ret i64 0
}}
""", {callee: _address(symbol)}
