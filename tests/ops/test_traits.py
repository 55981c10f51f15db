"""The algebraic traits that rewrite rules rely on, checked to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.graph import Value
from treadle.ir.opdef import OPS
from treadle.ir.types import ArrayType

from tests.ops.test_pointwise import bits, operands_of


@pytest.mark.parametrize("trait", ["commutative", "idempotent", "involution"])
def test_traits_hold_to_the_bit(trait):
    """On edge values of every dtype (all NaNs alike)."""
    for op in OPS.values():
        if trait not in op.traits or "elementwise" not in op.traits:
            continue
        arity = len(op.samples[0].shapes)
        for dtype in op.dtypes:
            if op.name == "multiply" and dtype in ("c64", "c128"):
                continue  # NumPy may fuse one of the products with the sum, ours does not
            (x, *rest) = operands_of((dtype,) * arity)
            types = op.infer([Value(ArrayType(x.dtype, x.shape))] * arity, {})
            if trait == "idempotent" and arity == 2:
                assert_same(op.evaluate(np, [x, x], {}, types)[0], x, op.name)
            elif arity == 2:
                assert_same(*[op.evaluate(np, pair, {}, types)[0] for pair in ([x, *rest], [*rest, x])], op.name)
            else:
                once = op.evaluate(np, [x], {}, types)[0]
                again = op.infer([Value(ArrayType(once.dtype, once.shape))], {})
                twice = op.evaluate(np, [once], {}, again)[0]
                assert_same(twice, once if trait == "idempotent" else x, op.name)


@pytest.mark.parametrize("name", sorted(n for n, op in OPS.items() if op.identity is not None or op.absorbing is not None))
def test_identities_hold_to_the_bit(name):
    """x op e is x, for real numbers; x op z is z."""
    op = OPS[name]
    for dtype in op.dtypes:
        (x,) = operands_of((dtype,))
        if x.dtype.kind == "c":
            continue
        for constant, wanted in ((op.identity, x), (op.absorbing, op.absorbing)):
            if constant is None:
                continue
            y = np.full_like(x, constant)
            types = op.infer([Value(ArrayType(x.dtype, x.shape))] * 2, {})
            got = op.evaluate(np, [x, y], {}, types)[0]
            assert_same(got, np.broadcast_to(np.asarray(wanted, got.dtype), got.shape), name)


def assert_same(got, want, name):
    parts = [(got.real, want.real), (got.imag, want.imag)] if got.dtype.kind == "c" else [(got, want)]
    for g, w in parts:
        np.testing.assert_array_equal(bits(np.array(g)), bits(np.array(w)), err_msg=f"{name} on {want.dtype}")
