"""One op's rules against each other, sample by sample: the small evaluator of rules that needs no pass.

Every check builds a graph function by calling a rule, verifies it, runs it with the evaluator, and compares: a jvp with
central differences, a transpose with the jvp through an inner product, batching with a loop over lanes.  The inner product
of a cotangent and a tangent is the real part of the sum of products, without conjugation.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import treadle.ir.ops  # noqa: F401
from treadle.ir.builder import Builder
from treadle.ir.errors import UnsupportedError
from treadle.ir.evaluate import evaluate
from treadle.ir.graph import Block, Function, Value
from treadle.ir.opdef import Linear, Missing, OpDef, Sample
from treadle.ir.types import DTYPES, ArrayType
from treadle.ir.verify import verify

STEP = 1e-6
LANES = 2


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, domain: tuple[float, float]) -> np.ndarray:
    """An operand: real parts from the domain, integers from its whole numbers."""
    kind = DTYPES[dtype].kind
    if kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if kind in "iu":
        low = max(np.ceil(domain[0]), 0 if kind == "u" else -128)
        return np.asarray(rng.integers(int(low), int(np.floor(domain[1])) + 1, shape)).astype(DTYPES[dtype])
    x = rng.uniform(*domain, shape)
    return np.asarray(x + 1j * rng.uniform(*domain, shape) if kind == "c" else x).astype(DTYPES[dtype])


def operands_of(rng: np.random.Generator, sample: Sample, dtype: str) -> list[np.ndarray]:
    names = sample.dtypes or (None,) * len(sample.shapes)
    drawn = [draw(rng, shape, name or dtype, sample.domain) for shape, name in zip(sample.shapes, names, strict=True)]
    return drawn if sample.prepare is None else sample.prepare(drawn)


def run(args: Sequence[np.ndarray], build: Callable[[Builder, list[Value]], Sequence[Value]]) -> list:
    """Build a function of these arguments, verify it, evaluate it."""
    block = Block([ArrayType(np.asarray(a).dtype, np.shape(a)) for a in args])
    block.yields = list(build(Builder(block), block.args))
    return evaluate(verify(Function("f", block)), list(args))


def value(opdef: OpDef, args: Sequence[np.ndarray], attrs: dict) -> list:
    return run(args, lambda b, v: b.emit(opdef.name, v, attrs))


def moving(args: Sequence[np.ndarray]) -> list[int]:
    return [k for k, a in enumerate(args) if a.dtype.kind in "fc"]


def tangents_for(rng: np.random.Generator, args: Sequence[np.ndarray], which: Sequence[int]) -> dict[int, np.ndarray]:
    return {k: draw(rng, args[k].shape, "c128" if args[k].dtype.kind == "c" else "f64", (-1.0, 1.0)) for k in which}


def jvp(opdef: OpDef, args: Sequence[np.ndarray], tangents: dict[int, np.ndarray], attrs: dict) -> list:
    """Tangents of the results by the rule; None where it says zero."""
    zero: list[bool] = []

    def build(b: Builder, values: list[Value]) -> list[Value]:
        primals, rest = values[:len(args)], iter(values[len(args):])
        moved = [next(rest) if k in tangents else None for k in range(len(args))]
        results = b.emit(opdef.name, primals, attrs)
        out = opdef.jvp(b, primals, moved, results, attrs)
        assert len(out) == len(results)
        for t, r in zip(out, results, strict=True):
            assert t is None or t.type == r.type, f"a tangent of {t.type} for a result of {r.type}"
        zero.extend(t is None for t in out)
        return [r if t is None else t for t, r in zip(out, results, strict=True)]

    got = run([*args, *tangents.values()], build)
    return [None if z else g for z, g in zip(zero, got, strict=True)]


def check_jvp(opdef: OpDef, sample: Sample, dtype: str, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    args = operands_of(rng, sample, dtype)
    tangents = tangents_for(rng, args, moving(args))
    if not tangents or isinstance(opdef.jvp, Missing):
        return
    got = jvp(opdef, args, tangents, sample.attrs)

    def moved(h: float) -> list:
        return value(opdef, [a + h * tangents[k] if k in tangents else a for k, a in enumerate(args)], sample.attrs)

    for t, high, low in zip(got, moved(STEP), moved(-STEP), strict=True):
        if high.dtype.kind not in "fc":
            assert t is None
            continue
        with np.errstate(invalid="ignore"):
            expected = np.where(high == low, 0, (high - low) / (2 * STEP))
        np.testing.assert_allclose(np.zeros_like(expected) if t is None else t, expected, rtol=1e-6, atol=1e-6)


def inner(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sum(np.asarray(a) * np.asarray(b)).real)


def check_transpose(opdef: OpDef, sample: Sample, dtype: str, seed: int = 0) -> None:
    """Linear in every set of operands that the rule accepts: <ct, J t> == <J' ct, t>."""
    rng = np.random.default_rng(seed)
    args = operands_of(rng, sample, dtype)
    active = moving(args)
    if isinstance(opdef.transpose, Missing) or not active:
        return
    checked = 0
    for count in range(1, len(active) + 1):
        for which in itertools.combinations(active, count):
            checked += _check_transpose_in(opdef, sample, args, which, rng)
    assert checked, "the transpose rule refuses every set of operands"


def _check_transpose_in(opdef: OpDef, sample: Sample, args: Sequence[np.ndarray], which: Sequence[int],
                        rng: np.random.Generator) -> bool:
    tangents = tangents_for(rng, args, which)
    forward = jvp(opdef, args, tangents, sample.attrs)
    shapes = value(opdef, args, sample.attrs)
    cts = [draw(rng, r.shape, "c128" if r.dtype.kind == "c" else "f64", (-1.0, 1.0)) for r in shapes]
    known = [a for k, a in enumerate(args) if k not in which]

    def build(b: Builder, values: list[Value]) -> list[Value]:
        rest = iter(values[:len(known)])
        operands = [Linear(ArrayType(a.dtype, a.shape)) if k in which else next(rest) for k, a in enumerate(args)]
        out = opdef.transpose(b, values[len(known):], operands, sample.attrs)
        assert len(out) == len(args) and all(out[k] is None for k in range(len(args)) if k not in which)
        for k in which:
            assert out[k] is None or out[k].type == operands[k].type, f"{out[k].type} for {operands[k].type}"
        return [b.zeros(operands[k].type) if out[k] is None else out[k] for k in which]

    try:
        back = run([*known, *cts], build)
    except TypeError as e:
        assert "linear in" in str(e), e
        return False
    left = sum(inner(c, t) for c, t in zip(cts, forward, strict=True) if t is not None)
    right = sum(inner(g, tangents[k]) for g, k in zip(back, which, strict=True))
    np.testing.assert_allclose(right, left, rtol=1e-9, atol=1e-9)
    return True


def check_batch(opdef: OpDef, sample: Sample, dtype: str, seed: int = 0) -> None:
    """Every choice of batched operands (of many, the single ones and all) gives what a loop over lanes gives."""
    if isinstance(opdef.batch, Missing):
        return
    rng = np.random.default_rng(seed)
    lanes = [operands_of(rng, sample, dtype) for _ in range(LANES)]
    n = len(lanes[0])
    choices = [c for c in itertools.product((False, True), repeat=n) if any(c)] if n <= 3 else \
        [tuple(j == k for j in range(n)) for k in range(n)] + [(True,) * n]
    for flags in choices:
        args = [np.stack([lane[k] for lane in lanes]) if f else lanes[0][k] for k, f in enumerate(flags)]

        def build(b: Builder, values: list[Value]) -> list[Value]:
            return opdef.batch(b, values, flags, LANES, sample.attrs)

        try:
            got = run(args, build)
        except UnsupportedError as e:
            assert "lane" in str(e)
            continue
        each = [value(opdef, [lane[k] if f else lanes[0][k] for k, f in enumerate(flags)], sample.attrs) for lane in lanes]
        for g, *per_lane in zip(got, *each, strict=True):
            np.testing.assert_allclose(g, np.stack(per_lane), rtol=1e-12, atol=1e-12)
            assert g.dtype == per_lane[0].dtype
