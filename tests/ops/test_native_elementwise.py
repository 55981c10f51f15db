"""Every elementwise op as machine code, on edge values, against NumPy: one compiled function per op, over all its dtypes."""

from __future__ import annotations

import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.compiler.executable import Executable
from treadle.compiler.pipeline import Options, build
from treadle.ir.builder import Builder
from treadle.ir.evaluate import evaluate
from treadle.ir.graph import Block, Function, Output, Parameter
from treadle.ir.opdef import OPS
from treadle.ir.types import DTYPES, ArrayType
from treadle.ir.verify import verify

from tests.ops.test_pointwise import bits, mismatch, operands_of, with_its_digits

ELEMENTWISE = sorted(n for n, d in OPS.items() if "elementwise" in d.traits)
# Made of mathematical functions: units in the last place that they may be off.
INEXACT = {n: 4 for n in (
    "exp exp2 expm1 log log2 log10 log1p logaddexp logaddexp2 sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh "
    "arcsinh arccosh arctanh cbrt hypot power").split()}
# SciPy's own functions are a few units off, its f32 expit is 0 where it should be subnormal.
INEXACT |= {n: 8 for n in "erf erfc ndtr logit log_expit xlogy xlog1py entr exprel".split()} | {"expit": 32}


def signatures(opdef):
    open_places = {s.dtypes for s in opdef.samples if s.dtypes} or {(None,) * len(opdef.samples[0].shapes)}
    for dtype in opdef.dtypes:
        for places in sorted(open_places, key=str):
            yield tuple(d or dtype for d in places)


def close(got, want, ulps):
    """Within some units in the last place; complex numbers by the size of the whole."""
    if want.dtype.kind == "c":
        size = np.maximum(np.abs(want.real), np.abs(want.imag))
        return close_parts(got.real, want.real, size, 4 * ulps) & close_parts(got.imag, want.imag, size, 4 * ulps)
    return close_parts(got, want, np.abs(want), ulps)


def close_parts(got, want, size, ulps):
    same = bits(np.ascontiguousarray(got)) == bits(np.ascontiguousarray(want))
    return same | (np.abs(got - want) <= ulps * np.spacing(size))


def compile_all(name, cases):
    """One function with a result per (operands, attrs)."""
    arrays = [x for operands, _ in cases for x in operands]
    block = Block([ArrayType(x.dtype, x.shape) for x in arrays])
    b, at = Builder(block), 0
    for operands, attrs in cases:
        block.yields += b.emit(name, block.args[at:at + len(operands)], attrs)
        at += len(operands)
    parameters = [Parameter(f"x{k}", (1,)) for k in range(len(arrays))]
    function = Function(name, block, parameters, [Output() for _ in block.yields])
    want = evaluate(verify(function), arrays)
    return Executable(function, build(function, Options())).run(arrays), want


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_machine_code_agrees_with_numpy(name):
    opdef = OPS[name]
    attrs = [{"dtype": d} for d in DTYPES] if name == "cast" else [{}]
    cases = [(operands_of(s), a) for s in signatures(opdef) for a in attrs]
    if name == "power":
        cases = [([x[y >= 0] for x in (x, y)] if y.dtype.kind == "i" else [x, y], a) for (x, y), a in cases]
    if name in ("yn", "kn"):
        # SciPy goes from order to order, as many steps as the order says.
        cases = [([np.clip(order, -50, 50), x], a) for (order, x), a in cases]
    problems = []
    for (operands, a), got, want in zip(cases, *compile_all(name, cases), strict=True):
        want = with_its_digits(name, operands, want)
        with np.errstate(all="ignore"):
            bad = mismatch(got, want, name, operands)
            if name in INEXACT and want.dtype.kind in "fc":
                bad &= ~close(got, want, INEXACT[name])
        where = np.flatnonzero(bad)
        if where.size:
            shown = [(*[x[i] for x in operands], got[i], want[i]) for i in where[:3]]
            problems.append(f"{[x.dtype.name for x in operands]} {a}: {where.size} of {want.size} differ: {shown}")
    assert not problems, "\n".join(problems)
