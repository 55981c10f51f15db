"""An op's lowering against its evaluation: planned, lowered, and run by the loop evaluator in several orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from treadle.ir.builder import Builder
from treadle.ir.evaluate import evaluate
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.graph import Block, Function, Output, Parameter, Value
from treadle.ir.opdef import OpDef, Sample
from treadle.ir.types import ArrayType
from treadle.ir.verify import verify
from treadle.passes.lower import lower
from treadle.passes.plan import plan

from tests.ops.rule_checks import operands_of


def c_ordered(x: np.ndarray) -> np.ndarray:
    return np.array(x, order="C")


def f_ordered(x: np.ndarray) -> np.ndarray:
    return np.array(x, order="F")


def spread(x: np.ndarray) -> np.ndarray:
    """Every second element, backwards, of a larger block."""
    block = np.zeros(tuple(2 * n + 1 for n in x.shape), x.dtype)
    view = block[(..., *(slice(2 * n, 0, -2) for n in x.shape))]
    view[...] = x
    return view


def compiled(args: Sequence[np.ndarray], build: Callable[[Builder, list[Value]], Sequence[Value]],
             order: str = "forward") -> tuple[list, list]:
    """What the graph evaluator and the lowered program give."""
    block = Block([ArrayType(a.dtype, a.shape) for a in args])
    block.yields = list(build(Builder(block), block.args))
    function = Function("f", block, [Parameter(f"x{k}", tuple(s // a.itemsize for s in a.strides), False)
                                     for k, a in enumerate(args)], [Output() for _ in block.yields])
    expected = evaluate(verify(function), list(args))
    program = lower(plan(function).function)
    got = [np.empty(v.dims, v.type.dtype) for v in block.yields]
    evaluate_loops(program, [*args, *got], order=order)
    return expected, got


def check_lowering(opdef: OpDef, sample: Sample, dtype: str, layout: Callable, exact: bool, order: str) -> None:
    args = [layout(a) for a in operands_of(np.random.default_rng(2), sample, dtype)]

    def build(b: Builder, values: list[Value]) -> list[Value]:
        results = b.emit(opdef.name, values, sample.attrs)
        # A result has a known extent; a run-time one is reduced away.
        return [b.emit("reduce_max", [r], {"axes": tuple(range(len(r.dims)))})[0]
                if any(isinstance(d, Value) for d in r.dims) else r for r in results]

    for want, got in zip(*compiled(args, build, order), strict=True):
        if exact or got.dtype.kind not in "fc":
            np.testing.assert_array_equal(got, want)
        else:
            eps = np.finfo(got.dtype).eps
            np.testing.assert_allclose(got, want, rtol=64 * eps, atol=512 * eps)
