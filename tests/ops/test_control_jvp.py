"""Forward derivatives of control flow, through the smallest transformation that offers what the rules ask for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from treadle.ir.builder import Builder
from treadle.ir.evaluate import evaluate
from treadle.ir.graph import Block, Function, Value
from treadle.ir.opdef import definition
from treadle.ir.types import DTYPES, PY_INT, ArrayType, Type, is_differentiable
from treadle.ir.verify import verify
from treadle.ir.walk import clone_into

X = ArrayType(DTYPES["f64"], (3,))


class Forward(Builder):
    """Copies ops, with their tangents; values without a tangent are absent from `tangent`."""

    def __init__(self, block: Block) -> None:
        super().__init__(block)
        self.primal: dict[Value, Value] = {}
        self.tangent: dict[Value, Value] = {}

    def run(self, block: Block) -> None:
        for op in block.ops:
            operands = [self.primal[v] for v in op.operands]
            moving = [self.tangent.get(v) for v in op.operands]
            rule = definition(op).jvp
            if op.regions:
                results, tangents = rule(self, operands, moving, op.attrs, op.regions)
            else:
                results = self.emit(op.name, operands, op.attrs)
                tangents = rule(self, operands, moving, results, op.attrs) if any(moving) else [None] * len(results)
            self.primal.update(zip(op.results, results, strict=True))
            self.tangent.update({v: t for v, t in zip(op.results, tangents, strict=True) if t is not None})

    def jvp_region(self, block: Block, active_args: Sequence[bool], wanted: Sequence[bool]) -> Block:
        moving = [a for a, active in zip(block.args, active_args, strict=True) if active]
        new = Block([a.type for a in [*block.args, *moving]])
        with self.inside(new):
            self.primal.update(zip(block.args, new.args))
            self.tangent.update(zip(moving, new.args[len(block.args):], strict=True))
            self.run(block)
            new.yields = [self.primal[y] for y in block.yields] + [
                self.tangent[y] if y in self.tangent else self.zeros(y.type)
                for y, w in zip(block.yields, wanted, strict=True) if w]
        return new

    def active_yields(self, block: Block, active_args: Sequence[bool]) -> list[bool]:
        active = {a for a, f in zip(block.args, active_args, strict=True) if f} | set(self.tangent)

        def go(inner: Block) -> None:
            for op in inner.ops:
                for region in op.regions:
                    go(region)
                reached = [*op.operands, *(y for r in op.regions for y in r.yields)]
                if any(v in active for v in reached):
                    active.update(r for r in op.results if is_differentiable(r.type))

        go(block)
        return [y in active for y in block.yields]

    def with_arguments(self, block: Block, types: Sequence[Type]) -> Block:
        new = Block([*(a.type for a in block.args), *types])
        outside = {v: self.primal[v] for op in block.ops for v in op.operands if v in self.primal}
        new.yields = clone_into(new, block, {**outside, **dict(zip(block.args, new.args))})
        return new


def derivative(function: Function, args: list, tangents: list) -> np.ndarray:
    block = function.block
    ctx = Forward(Block([*(a.type for a in block.args), *(a.type for a in block.args if is_differentiable(a.type))]))
    ctx.primal.update(zip(block.args, ctx.block.args))
    moving = [a for a in block.args if is_differentiable(a.type)]
    ctx.tangent.update(zip(moving, ctx.block.args[len(block.args):], strict=True))
    ctx.run(block)
    ctx.block.yields = [ctx.tangent[block.yields[0]]]
    return evaluate(verify(Function("df", ctx.block)), [*args, *tangents])[0]


def recurrence(b: Builder, x: Value, w: Value, n: Value) -> Value:
    """n times: y = y * sin(w) if sum(y) > 1 else y + w, where only the branch takes w in; z, inactive at first, follows y."""
    zero, one = b.constant(0), b.constant(1)
    body = Block([PY_INT, X, X])
    with b.inside(body):
        _, y, z = body.args
        large = b.greater(b.reduce_sum(y, axes=(0,)), b.constant(1.0, X))
        then, otherwise = Block(), Block()
        with b.inside(then):
            then.yields = [b.multiply(y, b.sin(w))]
        with b.inside(otherwise):
            otherwise.yields = [b.add(y, w)]
        (new,) = b.emit("if", [large], {}, [then, otherwise])
        body.yields = [new, b.add(z, new)]
    return b.emit("for", [zero, n, one, x, b.zeros(X)], {}, [body])[1]


def growth(b: Builder, x: Value, w: Value, n: Value) -> Value:
    """while sum(y) < 50: y = y * exp(w) + w"""
    test, body = Block([X, ArrayType(DTYPES["i64"])]), Block([X, ArrayType(DTYPES["i64"])])
    with b.inside(test):
        test.yields = [b.less(b.reduce_sum(test.args[0], axes=(0,)), b.constant(50.0, X))]
    with b.inside(body):
        y, k = body.args
        body.yields = [b.add(b.multiply(y, b.exp(w)), w), b.add(k, 1)]
    return b.emit("while", [x, b.cast(n, dtype="i64")], {}, [test, body])[0]


@pytest.mark.parametrize("program", [recurrence, growth])
def test_forward_derivatives(program):
    b = Builder(Block([X, X, PY_INT]))
    b.block.yields = [program(b, *b.block.args)]
    function = verify(Function("f", b.block))
    rng = np.random.default_rng(0)
    x, w = rng.uniform(0.2, 0.9, 3), rng.uniform(0.2, 0.9, 3)
    dx, dw, h = rng.normal(size=3), rng.normal(size=3), 1e-6
    high, low = (evaluate(function, [x + s * dx, w + s * dw, 5])[0] for s in (h, -h))
    np.testing.assert_allclose(derivative(function, [x, w, 5], [dx, dw]), (high - low) / (2 * h), rtol=1e-6)
