"""Errors of the mathematical functions, in units in the last place of the true value.

Each function of the table is compiled through C (`c_text`) and compared with the C library's function one precision up:
double for f32, the 64-bit mantissa of long double for f64.  Signed zeros, infinities and NaNs must agree exactly.
"""

import ctypes
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from treadle.codegen.math import MATH
from treadle.ir.scalar import SCALAR_OPS

from tests.codegen.math.c_text import array_function, compile_c

# Largest error allowed, in ulps; 2 where nothing is said.
BOUND = {"tanh": 3.0, "pow": 3.0}
REFERENCE_TYPE = {"f32": "double", "f64": "long double"}
# name -> C function; {l} is the suffix of the reference type.
REFERENCE = {name: f"{name}{{l}}" for name, row in SCALAR_OPS.items() if row.math}

COMPARE = """
struct worst {{ double ulp; T x, y, got; double want; long wrong; T wrong_x, wrong_y, wrong_got; double wrong_want; }};
void compare(const T *xs, const T *ys, const T *got, long n, struct worst *w) {{
  for (long i = 0; i < n; i++) {{
    R want = {reference};
    T g = got[i];
    T nearest = (T)want;
    int bad = 0;
    R error = 0;
    if (want != want || g != g) bad = (want != want) != (g != g);
    else if (want == 0 && g == 0) bad = !signbit(want) != !signbit(g);
    else if (__builtin_isinf(want)) bad = !(__builtin_isinf(g) && (g > 0) == (want > 0));
    else {{
      R value = __builtin_isinf(g) ? copysign{l}(ldexp{l}(1, {emax} + 1), g) : (R)g;
      int e = nearest == 0 ? {emin} : ilogb{l}(want);
      if (e < {emin}) e = {emin};
      if (e > {emax}) e = {emax};
      if (fabs{l}(want) > ldexp{l}(1, {emax} + 1)) want = copysign{l}(ldexp{l}(1, {emax} + 1), want);
      error = fabs{l}(value - want) * ldexp{l}(1, {mantissa} - e);
      if (error > w->ulp) {{ w->ulp = error; w->x = xs[i]; w->y = ys[i]; w->got = g; w->want = want; }}
    }}
    if (bad) {{
      if (!w->wrong) {{ w->wrong_x = xs[i]; w->wrong_y = ys[i]; w->wrong_got = g; w->wrong_want = want; }}
      w->wrong++;
    }}
  }}
}}
"""


def _worst_type(dtype: str) -> type[ctypes.Structure]:
    t = ctypes.c_float if dtype == "f32" else ctypes.c_double
    d, n = ctypes.c_double, ctypes.c_long
    fields = [("ulp", d), ("x", t), ("y", t), ("got", t), ("want", d), ("wrong", n), ("wrong_x", t), ("wrong_y", t),
              ("wrong_got", t), ("wrong_want", d)]
    return type("Worst", (ctypes.Structure,), {"_fields_": fields})


@dataclass
class Report:
    """The largest error seen and where; how often a special value was wrong, and the first such case."""

    ulp: float
    where: tuple[float, ...]
    got: float
    want: float
    wrong: int
    first_wrong: str


class Measured:
    """One compiled function of the table."""

    def __init__(self, name: str, dtype: str, folder: Path | None = None) -> None:
        entry = MATH[name, dtype]
        self.name, self.dtype, self.arity = name, dtype, SCALAR_OPS[name].arity
        self.numpy = np.dtype({"f32": "f4", "f64": "f8"}[dtype])
        mantissa, bias = (23, 127) if dtype == "f32" else (52, 1023)
        suffix = "" if dtype == "f32" else "l"
        reference = f"{REFERENCE[name].format(l=suffix)}({', '.join(f'(R){v}s[i]' for v in 'xy'[:self.arity])})"
        text = f"typedef {'float' if dtype == 'f32' else 'double'} T; typedef {REFERENCE_TYPE[dtype]} R;\n"
        text += array_function("fast", entry.fast, dtype, self.arity)
        if entry.needs_slow:
            text += array_function("needs_slow", entry.needs_slow, dtype, self.arity)
            text += array_function("slow", entry.slow, dtype, self.arity)
        text += COMPARE.format(reference=reference, l=suffix, emax=bias, emin=1 - bias, mantissa=mantissa)
        self.text = text
        self.has_slow = entry.needs_slow is not None
        with tempfile.TemporaryDirectory() as temporary:
            self.library = compile_c(text, folder or Path(temporary), f"{name}_{dtype}")
        self.worst = _worst_type(dtype)()

    def _run(self, name: str, xs: list[np.ndarray], out: np.ndarray) -> np.ndarray:
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*xs, out)]
        getattr(self.library, name)(*pointers, ctypes.c_long(len(out)))
        return out

    def __call__(self, *xs: np.ndarray) -> np.ndarray:
        args = [np.ascontiguousarray(x, self.numpy) for x in xs]
        out = self._run("fast", args, np.empty_like(args[0]))
        if self.has_slow:
            need = self._run("needs_slow", args, np.empty(len(out), np.uint8)).astype(bool)
            if need.any():
                chosen = [np.ascontiguousarray(a[need]) for a in args]
                out[need] = self._run("slow", chosen, np.empty_like(chosen[0]))
        return out

    def check(self, *xs: np.ndarray) -> None:
        """Add these operands to the measurement."""
        args = [np.ascontiguousarray(x, self.numpy) for x in xs]
        got = self(*args)
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in (args[0], args[-1], got)]
        self.library.compare(*pointers, ctypes.c_long(len(got)), ctypes.byref(self.worst))

    def report(self) -> Report:
        w = self.worst
        first = "" if not w.wrong else f"{self.name}({w.wrong_x!r}, {w.wrong_y!r}) = {w.wrong_got!r}, not {w.wrong_want!r}"
        return Report(w.ulp, (w.x, w.y)[:self.arity], w.got, w.want, w.wrong, first)
