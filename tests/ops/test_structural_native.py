"""Every op that is not elementwise as machine code: all samples of one dtype in one compiled function."""

from __future__ import annotations

import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.compiler.executable import Executable
from treadle.compiler.pipeline import Options, build
from treadle.ir.builder import Builder
from treadle.ir.evaluate import evaluate
from treadle.ir.graph import Block, Function, Output, Parameter, Value
from treadle.ir.opdef import OPS
from treadle.ir.types import ArrayType

from tests.ops.lower_checks import c_ordered, spread
from tests.ops.rule_checks import operands_of
from tests.ops.test_structural_lowering import REORDERED
from tests.ops.test_structural_rules import STRUCTURAL, dtypes_of


def all_samples(opdef, dtype, layout):
    """One function that applies the op to every sample, and its arguments."""
    b, args, yields = Builder(Block()), [], []
    for sample in opdef.samples:
        if dtype not in dtypes_of(opdef, sample):
            continue
        operands = []
        for x in operands_of(np.random.default_rng(len(args)), sample, dtype):
            args.append(layout(x))
            operands.append(b.block.add_arg(ArrayType(x.dtype, x.shape)))
        for r in b.emit(opdef.name, operands, sample.attrs):
            # A result has a known extent; a run-time one is reduced away.
            dynamic = any(isinstance(d, Value) for d in r.dims)
            yields.append(b.emit("reduce_max", [r], {"axes": tuple(range(len(r.dims)))})[0] if dynamic else r)
    b.block.yields = yields
    parameters = [Parameter(f"x{k}", tuple(s // a.itemsize for s in a.strides), False) for k, a in enumerate(args)]
    return Function("f", b.block, parameters, [Output() for _ in yields]), args


USUAL = ("bool", "u8", "i64", "f16", "f64", "c64")


@pytest.mark.parametrize("name, dtype", [pytest.param(n, d, marks=() if d in USUAL else pytest.mark.heavy)
                                         for n in STRUCTURAL for d in OPS[n].dtypes or ("f64",)])
def test_native(name, dtype):
    for layout in (c_ordered, spread) if dtype in ("bool", "f64", "c64") else (c_ordered,):
        function, args = all_samples(OPS[name], dtype, layout)
        expected = evaluate(function, args)
        got = Executable(function, build(function, Options())).run(args)
        for want, have in zip(expected, got, strict=True):
            if name in REORDERED and have.dtype.kind in "fc":
                eps = np.finfo(have.dtype).eps
                np.testing.assert_allclose(have, want, rtol=64 * eps, atol=512 * eps)
            else:
                np.testing.assert_array_equal(have, want)
