"""Evaluation, jvp, transpose and batching of every op that is not elementwise, on all of its samples."""

from __future__ import annotations

import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.opdef import OPS, Structural

from tests.ops.rule_checks import check_batch, check_jvp, check_transpose, operands_of, value

# Python scalars are in test_python_scalars.py.
STRUCTURAL = sorted(n for n, d in OPS.items() if "elementwise" not in d.traits and not isinstance(d.lower, Structural)
                    and not n.startswith("py_"))


def dtypes_of(opdef, sample) -> tuple[str, ...]:
    return opdef.dtypes if opdef.dtypes and (sample.dtypes is None or None in sample.dtypes) else opdef.dtypes[:1] or ("f64",)


@pytest.mark.parametrize("name", STRUCTURAL)
def test_types_hold_and_operands_stay(name):
    opdef = OPS[name]
    for sample in opdef.samples:
        for dtype in dtypes_of(opdef, sample):
            args = operands_of(np.random.default_rng(1), sample, dtype)
            before = [a.copy() for a in args]
            value(opdef, args, sample.attrs)
            for a, b in zip(args, before, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", STRUCTURAL)
@pytest.mark.parametrize("check", [check_jvp, check_transpose], ids=lambda f: f.__name__)
def test_derivatives(name, check):
    opdef = OPS[name]
    for sample in opdef.samples:
        for dtype in dtypes_of(opdef, sample):
            if dtype in ("f64", "c128"):
                check(opdef, sample, dtype)


@pytest.mark.parametrize("name", STRUCTURAL)
def test_batching(name):
    opdef = OPS[name]
    for sample in opdef.samples:
        for dtype in dtypes_of(opdef, sample):
            if dtype in ("bool", "i64", "f64", "c128"):
                check_batch(opdef, sample, dtype)
