"""Measures every mathematical function and writes docs/accuracy.md: errors, number of operations, time beside NumPy's.

    python -m tests.codegen.math.accuracy [--stride 1] [--count 3000000]
"""

import argparse
import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from treadle.codegen.math import MATH
from treadle.ir.expr import Expr, const, expression_scope, load, op, var
from treadle.ir.loops import Buffer, For, LoopFunction, Store
from treadle.ir.scalar import NUMPY_DTYPE, SCALAR_OPS

from tests.codegen.math.measure import Measured, Report
from tests.codegen.math.operands import pairs, random_f64, special, strided_f32
from tests.codegen.native import HOST, compiled

PAGE = Path(__file__).resolve().parents[3] / "docs" / "accuracy.md"
ELEMENTS = 2 ** 16
DOMAIN = {"acosh": (1.0, 8.0), "asin": (-1.0, 1.0), "acos": (-1.0, 1.0), "atanh": (-1.0, 1.0)}
HEADER = """# Accuracy of the mathematical functions

Largest errors in units in the last place of the true result, over the whole range of the type, subnormals and results
near overflow included; signed zeros, infinities and NaNs are as in C and were right in every case.  {how}

Operations: scalar operations of the expression that is always computed (most become one vector instruction).
Slow case: needed where a vector holds an operand that the fast expression cannot take.  Times: nanoseconds per element,
one thread, {elements} elements within the cache, target {target}, minimum of many interleaved runs beside NumPy
{numpy}.

Written by `python -m tests.codegen.math.accuracy`.

| function | type | largest error | at | operations | slow case | ns | NumPy ns |
|---|---|---|---|---|---|---|---|
"""
FOOTER = """
float16 functions are computed in float32: within one unit in the last place for each of the 65536 operands
(`tests/compiler/test_ufunc_forms.py`).

Complex functions, as the distance over the modulus of the true result, in units of the type's rounding: at most 2.5
over wide, middle and critical ranges (`tests/ops/test_complex_accuracy.py`), exp2 for exponents up to 10^13; power of
complex64 at most 1, of complex128 as much as NumPy's, whose formula it is: about |y log x| (by mpmath, on 3000 operands each:
1.8 where that is near 1, 10 at 10, 120 at 100, 700 at 700; NumPy's 1.4, 10, 103, 696).

Functions of `scipy.special` that are expressions of our own, largest error in units in the last place on thousands of
operands, f64 and f32: erf 1.8 and 1.6, erfc 2.9 and 3.0, ndtr 4.4 and 3.0, expit 2.0 and 1.8, log_expit 1.6 and 1.5,
exprel 1.6 and 1.6.  The others are SciPy's own loops.
"""
ROW = re.compile(r"^\| (\w+) \| (f32|f64) \| ([\d.]+) \|", re.MULTILINE)


@dataclass
class Timing:
    ours: float
    numpy: float


def operation_count(name: str, dtype: str) -> int:
    """Distinct operations of the fast expression."""
    with expression_scope():
        waiting = [MATH[name, dtype].fast(*(var(v, dtype) for v in "xy"[:SCALAR_OPS[name].arity]))]
        seen: set[Expr] = set()
        while waiting:
            e = waiting.pop()
            if e not in seen and e.kind == "op":
                seen.add(e)
                waiting += e.args
        return len(seen)


def timing(name: str, dtype: str) -> Timing:
    """Nanoseconds per element, of code for this machine and of NumPy."""
    arity = SCALAR_OPS[name].arity
    with expression_scope():
        n, i = const(ELEMENTS), var("i")
        xs = [Buffer(f"x{k}", dtype, (n,), place="arg", readonly=True) for k in range(arity)]
        out = Buffer("out", dtype, (n,), place="arg")
        value = op(name, *(load(x, (i,)) for x in xs))
        loop = For("i", const(0), n, [Store(out, (i,), value)], kind="par", vector=True)
        f = compiled(LoopFunction("f", [*xs, out], [], [loop]))
    random = np.random.default_rng(0)
    low, high = DOMAIN.get(name, (0.1, 8.0))
    arrays = [random.uniform(low, high, ELEMENTS).astype(NUMPY_DTYPE[dtype]) for _ in range(arity)]
    result = np.empty_like(arrays[0])
    best = Timing(np.inf, np.inf)
    for _ in range(500):
        start = time.perf_counter()
        f([*arrays, result])
        middle = time.perf_counter()
        SCALAR_OPS[name].meaning(*arrays, out=result)
        best.ours, best.numpy = min(best.ours, middle - start), min(best.numpy, time.perf_counter() - middle)
    return Timing(best.ours / ELEMENTS * 1e9, best.numpy / ELEMENTS * 1e9)


def measured(name: str, dtype: str, stride: int, count: int) -> Report:
    m = Measured(name, dtype)
    if SCALAR_OPS[name].arity == 2:
        for x, y in pairs(m.numpy, count, seed=2):
            m.check(x, y)
    else:
        m.check(special(m.numpy))
        for x in strided_f32(stride) if dtype == "f32" else random_f64(count, seed=2):
            m.check(x)
    return m.report()


def row(name: str, dtype: str, report: Report) -> str:
    assert not report.wrong, report.first_wrong
    where = ", ".join(f"{x:.9g}" if dtype == "f32" else f"{x:.17g}" for x in report.where) if report.ulp else ""
    slow = "yes" if MATH[name, dtype].slow else ""
    spent = timing(name, dtype)
    return (f"| {name} | {dtype} | {report.ulp:.3f} | {where} | {operation_count(name, dtype)} | {slow} | "
            f"{spent.ours:.2f} | {spent.numpy:.2f} |\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stride", type=int, default=1, help="measure every so many-th f32 bit pattern")
    parser.add_argument("--count", type=int, default=3_000_000, help="operands of each random kind, for f64 and for pairs")
    options = parser.parse_args()
    every = "every operand" if options.stride == 1 else f"one operand in {options.stride}"
    how = (f"f32\nfunctions of one operand were measured on {every}; the others on {options.count} random operands of\n"
           "each of a dozen kinds (all exponents; several scales; near 1; near multiples of pi / 2; near overflow).")
    text = HEADER.format(how=how, elements=ELEMENTS, target=HOST.name, numpy=np.__version__)
    for name in sorted({name for name, _ in MATH}):
        for dtype in ("f32", "f64"):
            text += row(name, dtype, measured(name, dtype, options.stride, options.count))
            print(text.splitlines()[-1], flush=True)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text + FOOTER)


if __name__ == "__main__":
    main()
