"""Offsets keep their value when divisions are joined, and as many divisions go as can."""

import itertools
import random

import pytest
from treadle.ir.expr import Expr, const, op, var
from treadle.ir.quotients import joined


def value(e: Expr, given: dict[str, int]) -> int:
    if e.kind == "var":
        return given[e.payload]
    if e.is_const:
        return e.payload
    a, b = (value(x, given) for x in e.args)
    return {"add": a + b, "mul": a * b, "quot": int(a / b), "rem": a - int(a / b) * b}[e.payload]


def digits(p: Expr, extents: list[int]) -> list[Expr]:
    out = []
    for n in reversed(extents[1:]):
        out.append(op("rem", p, const(n)))
        p = op("quot", p, const(n))
    return [p, *reversed(out)]


@pytest.mark.parametrize("extents", [[4, 5], [2, 3, 4], [3, 6, 5, 2], [7]], ids=str)
def test_a_reshaped_array_in_order_needs_no_division(extents):
    p = var("p") + 3
    strides = [const(2) for _ in extents]
    for k in reversed(range(len(extents) - 1)):
        strides[k] = const(strides[k + 1].payload * extents[k + 1])
    ((index, stride),) = joined(digits(p, extents), strides)
    assert index is p and stride.payload == 2


def test_other_strides_keep_their_divisions():
    p, q = var("p"), var("q")
    for index, strides in (((op("quot", p, const(5)), op("rem", p, const(5))), (6, 1)),
                           ((op("quot", p, const(5)), op("rem", p, const(5))), (1, 4)),
                           ((op("quot", p, const(4)), op("rem", p, const(5))), (5, 1)),
                           ((op("quot", q, const(5)), op("rem", p, const(5))), (5, 1)),
                           ((op("rem", p, const(5)), op("rem", p, const(5))), (5, 1))):
        assert [i for i, _ in joined(index, tuple(map(const, strides)))] == list(index)


def test_offsets_are_the_same():
    rng = random.Random(4)
    for _ in range(200):
        extents = [rng.randint(1, 4) for _ in range(rng.randint(1, 4))]
        index = digits(var("p"), extents)
        rng.shuffle(index)
        strides = [const(rng.choice([1, 2, 3, 4, 6, 8, 12])) for _ in index]
        pairs = joined(index, strides)
        for p in itertools.chain(range(12), (-7, -1)):
            want = sum(value(i, {"p": p}) * s.payload for i, s in zip(index, strides, strict=True))
            assert sum(value(i, {"p": p}) * s.payload for i, s in pairs) == want
