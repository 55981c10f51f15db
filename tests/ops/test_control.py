"""Control flow: result types, evaluation; `check`."""

from __future__ import annotations

import numpy as np
import pytest
from treadle.ir.builder import Builder, Slot
from treadle.ir.evaluate import evaluate
from treadle.ir.graph import Block, Function
from treadle.ir.opdef import OPS
from treadle.ir.types import DTYPES, PY_BOOL, PY_INT, ArrayType
from treadle.ir.verify import verify

from tests.ops.rule_checks import run

F64 = DTYPES["f64"]


def test_check_returns_its_value_or_raises():
    attrs = {"exception": "ValueError", "message": "{0} of {1}"}
    args = [np.arange(3.0), np.bool_(True), np.int64(4), np.int64(5)]
    np.testing.assert_array_equal(run(args, lambda b, v: b.emit("check", v, attrs))[0], np.arange(3.0))
    with pytest.raises(ValueError, match="4 of 5"):
        run([args[0], np.bool_(False), *args[2:]], lambda b, v: b.emit("check", v, attrs))


def test_a_batched_check_names_the_first_lane_that_fails():
    attrs = {"exception": "ValueError", "message": "{0} of {1}"}
    args = [np.arange(3.0), np.array([True, False, False]), np.array([7, 8, 9]), np.int64(5)]

    def build(b, v):
        return OPS["check"].batch(b, v, (False, True, True, False), 3, attrs)

    with pytest.raises(ValueError, match="8 of 5"):
        run(args, build)
    assert run([args[0], np.ones(3, bool), *args[2:]], build)[0].shape == (3, 3)


def test_a_for_carries_and_an_if_chooses():
    b = Builder(Block([ArrayType(F64, (3,)), PY_INT]))
    x, n = b.block.args
    body = Block([PY_INT, x.type])
    with b.inside(body):
        even = b.equal(b.cast(body.args[0], dtype="i64"), b.constant(np.int64(2)))
        then, otherwise = Block(), Block()
        with b.inside(then):
            then.yields = [b.add(body.args[1], 100.0)]
        with b.inside(otherwise):
            otherwise.yields = [b.add(body.args[1], 1.0)]
        body.yields = b.emit("if", [even], {}, [then, otherwise])
    zero, one = b.constant(0), b.constant(1)
    b.block.yields = b.emit("for", [zero, n, one, x], {}, [body])
    (got,) = evaluate(verify(Function("f", b.block)), [np.zeros(3), 4])
    np.testing.assert_array_equal(got, [103.0] * 3)


def test_an_extent_that_a_region_computes_is_a_result():
    b = Builder(Block([PY_BOOL, PY_INT, PY_INT]))
    condition, m, n = b.block.args
    sides = []
    for extent in (m, n):
        side = Block()
        with b.inside(side):
            inner = b.emit("check", [extent, condition], {"exception": "ValueError", "message": "no"})[0]
            side.yields = [inner, b.iota(inner, dims=(Slot(0),), axis=0, dtype="i64")]
        sides.append(side)
    size, values = b.emit("if", [condition], {}, sides)
    assert values.dims == (size,)
    b.block.yields = [size, values]
    got = evaluate(verify(Function("f", b.block)), [True, 3, 5])
    assert got[0] == 3 and len(got[1]) == 3


def test_branches_must_agree():
    b = Builder(Block([PY_BOOL]))
    sides = [Block(), Block()]
    for side, dims in zip(sides, ((2,), (3,)), strict=True):
        with b.inside(side):
            side.yields = [b.zeros(ArrayType(F64, dims))]
    with pytest.raises(TypeError, match="different types"):
        b.emit("if", [b.block.args[0]], {}, sides)
