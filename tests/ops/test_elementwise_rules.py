"""Types, evaluation, jvp to second order, transpose and batching of every elementwise op, on all of its samples."""

from __future__ import annotations

import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.builder import Builder
from treadle.ir.evaluate import evaluate
from treadle.ir.graph import Block, Function, Value
from treadle.ir.opdef import OPS, Linear, Missing
from treadle.ir.types import DTYPES, ArrayType
from treadle.ir.verify import verify

from tests.ops.rule_checks import (
    check_batch,
    check_jvp,
    check_transpose,
    draw,
    inner,
    moving,
    operands_of,
    run,
    tangents_for,
    value,
)

ELEMENTWISE = sorted(n for n, d in OPS.items() if "elementwise" in d.traits)
UFUNCS = [(n, f) for n in ELEMENTWISE for f in OPS[n].numpy if isinstance(f, np.ufunc)]


def dtypes_of(opdef, sample, among=tuple(DTYPES)):
    """The op's dtypes if the sample leaves one open, else just one."""
    if sample.dtypes is not None and None not in sample.dtypes:
        return opdef.dtypes[:1]
    return [d for d in opdef.dtypes if d in among]


@pytest.mark.parametrize("name, ufunc", UFUNCS, ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_evaluation_is_numpys(name, ufunc):
    opdef, rng = OPS[name], np.random.default_rng(3)
    for sample in opdef.samples:
        for dtype in dtypes_of(opdef, sample):
            args = operands_of(rng, sample, dtype)
            with np.errstate(all="ignore"):
                want = np.asarray(ufunc(*args))
            (got,) = value(opdef, args, sample.attrs)
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("check", [check_jvp, check_transpose], ids=lambda f: f.__name__)
def test_derivatives(name, check):
    opdef = OPS[name]
    for sample in opdef.samples:
        if sample.attrs.get("dtype") in (None, "f64", "c128"):  # differences of a narrower result say little
            for dtype in dtypes_of(opdef, sample, ("f64", "c128")):
                check(opdef, sample, dtype)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_batching(name):
    opdef = OPS[name]
    for sample in opdef.samples:
        for dtype in dtypes_of(opdef, sample, ("bool", "i64", "f64", "c128")):
            check_batch(opdef, sample, dtype)


def jvp_of_block(b: Builder, ops, tangents: dict[Value, Value]) -> None:
    """Forward mode over a list of ops, rule by rule: fills `tangents`."""
    for op in ops:
        moved = [tangents.get(v) for v in op.operands]
        if any(t is not None for t in moved):
            opdef = OPS[op.name]
            assert not isinstance(opdef.jvp, Missing), op.name
            out = opdef.jvp(b, op.operands, moved, op.results, op.attrs)
            tangents.update({r: t for r, t in zip(op.results, out, strict=True) if t is not None})


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_second_order(name):
    """The rule's own ops have rules: the derivative's derivative against central differences of the derivative."""
    opdef = OPS[name]
    if isinstance(opdef.jvp, Missing) or "cast" == name:
        return
    sample = opdef.samples[0]
    for dtype in dtypes_of(opdef, sample, ("f64", "c128")):
        rng = np.random.default_rng(5)
        args = operands_of(rng, sample, dtype)
        which = moving(args)
        tangents = tangents_for(rng, args, which)

        def first(b, primals, moved):
            results = b.emit(name, primals, sample.attrs)
            (t,) = opdef.jvp(b, primals, [moved.get(k) for k in range(len(args))], results, sample.attrs)
            return t

        def slope(*points):
            block = Block([ArrayType(a.dtype, a.shape) for a in (*points, *tangents.values())])
            b = Builder(block)
            n = len(points)
            t = first(b, block.args[:n], dict(zip(tangents, block.args[n:], strict=True)))
            if t is None:
                return None
            block.yields = [t]
            return evaluate(verify(Function("slope", block)), [*points, *tangents.values()])[0]

        if slope(*args) is None:
            continue

        def second(b, values):
            n = len(args)
            moved = dict(zip(tangents, values[n:], strict=True))
            t = first(b, values[:n], moved)
            found = {values[k]: moved[k] for k in which}
            jvp_of_block(b, list(b.block.ops), found)
            return [found[t] if t in found else b.zeros(t.type)]

        (got,) = run([*args, *tangents.values()], second)
        h = 1e-6
        high, low = (slope(*[a + s * h * tangents[k] if k in tangents else a for k, a in enumerate(args)]) for s in (1, -1))
        expected = (high - low) / (2 * h)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def transposed(b: Builder, ops, tangents: set[Value], result: Value, cotangent: Value) -> dict[Value, Value]:
    """Reverse over the ops that tangents reach: a cotangent for each value, rule by rule."""
    linear = set(tangents)
    for op in ops:
        if any(v in linear for v in op.operands):
            linear.update(op.results)
    cts = {result: cotangent}
    for op in reversed(ops):
        mine = [cts.get(r) for r in op.results]
        if not any(r in linear for r in op.results) or all(c is None for c in mine):
            continue
        opdef = OPS[op.name]
        assert not isinstance(opdef.transpose, Missing), f"{op.name} acts on a tangent and cannot be transposed"
        operands = [Linear(v.type) if v in linear else v for v in op.operands]
        for v, c in zip(op.operands, opdef.transpose(b, mine, operands, op.attrs), strict=True):
            if c is not None:
                cts[v] = b.add(cts[v], c) if v in cts else c
    return cts


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_derivative_transposes(name):
    """<ct, J t> == <J' ct, t>, with J' made of the transposes of the ops that the jvp rule uses."""
    opdef = OPS[name]
    if isinstance(opdef.jvp, Missing):
        return
    sample = opdef.samples[0]
    for dtype in dtypes_of(opdef, sample, ("f64", "c128")):
        rng = np.random.default_rng(7)
        args = operands_of(rng, sample, dtype)
        which = moving(args)
        tangents = tangents_for(rng, args, which)
        result = value(opdef, args, sample.attrs)[0]
        if not which or result.dtype not in (np.float64, np.complex128):
            continue
        cotangent = draw(rng, result.shape, "c128" if result.dtype.kind == "c" else "f64", (-1.0, 1.0))

        def both(b, values):
            n = len(args)
            primals, moved, ct = values[:n], dict(zip(tangents, values[n:-1], strict=True)), values[-1]
            results = b.emit(name, primals, sample.attrs)
            (t,) = opdef.jvp(b, primals, [moved.get(k) for k in range(n)], results, sample.attrs)
            if t is None:
                return [b.zeros(results[0].type)] + [b.zeros(m.type) for m in moved.values()]
            cts = transposed(b, list(b.block.ops), set(moved.values()), t, ct)
            return [t] + [cts[m] if m in cts else b.zeros(m.type) for m in moved.values()]

        t, *back = run([*args, *tangents.values(), cotangent], both)
        assert np.isclose(inner(cotangent, t), sum(inner(c, x) for c, x in zip(back, tangents.values(), strict=True)))


# Conventions at the places where a derivative does not exist ----------------------------------------------------------

def tangent_at(name, point, tangents, **attrs):
    def build(b, values):
        n = len(point)
        results = b.emit(name, values[:n], attrs)
        (t,) = OPS[name].jvp(b, values[:n], values[n:], results, attrs)
        return [t]

    return run([np.asarray(x) for x in (*point, *tangents)], build)[0]


@pytest.mark.parametrize("name, point, tangents, expected", [
    ("absolute", [0.0], [3.0], 3.0),
    ("absolute", [0j], [3.0 + 1j], 0.0),
    ("sign", [0j], [3.0 + 1j], 0.0),
    ("maximum", [2.0, 2.0], [1.0, 3.0], 2.0),
    ("minimum", [2.0, 2.0], [1.0, 3.0], 2.0),
    ("maximum", [2.0, 1.0], [5.0, np.inf], 5.0),
    ("hypot", [0.0, 0.0], [1.0, 1.0], 0.0),
    ("power", [0.0, 0.0], [1.0, 0.0], 0.0),
    ("power", [0.0, 2.0], [1.0, 1.0], 0.0),
    ("power", [0.0, 1.0], [1.0, 0.0], 1.0),
    ("logaddexp", [-np.inf, -np.inf], [1.0, 2.0], 3.0),
    ("logaddexp", [-np.inf, 0.0], [1.0, 2.0], 2.0),
    ("arctan2", [0.0, 0.0], [1.0, 1.0], 0.0),
    ("sqrt", [0.0], [1.0], np.inf),
], ids=lambda x: str(x))
def test_conventions(name, point, tangents, expected):
    np.testing.assert_array_equal(tangent_at(name, point, tangents), expected)


def test_tangent_of_where_ignores_the_other_side():
    """Infinite and NaN tangents of the side not taken leave no trace."""
    c, x = np.array([True, False]), np.array([1.0, 2.0])
    tx, ty = np.array([3.0, np.nan]), np.array([np.inf, 4.0])

    def build(b, values):
        c, x, tx, ty = values
        results = b.emit("where", [c, x, x])
        return OPS["where"].jvp(b, [c, x, x], [None, tx, ty], results, {})

    np.testing.assert_array_equal(run([c, x, tx, ty], build)[0], [3.0, 4.0])


# Refusals --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, dtypes, message", [
    ("subtract", ("bool", "bool"), "subtract is not defined on bool, bool"),
    ("sin", ("i64",), "sin has no loop over i64: operands must be cast first"),
    ("add", ("i32", "i64"), "add has no loop over i32, i64"),
    ("bitwise_and", ("f64", "f64"), "bitwise_and is not defined on f64, f64"),
])
def test_wrong_dtypes(name, dtypes, message):
    with pytest.raises(TypeError, match=message):
        OPS[name].infer([Value(ArrayType(DTYPES[d], (2,))) for d in dtypes], {})


def test_wrong_shapes():
    with pytest.raises(ValueError, match="different shapes"):
        OPS["add"].infer([Value(ArrayType(DTYPES["f64"], (2,))), Value(ArrayType(DTYPES["f64"], (3,)))], {})


@pytest.mark.parametrize("name", ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"])
def test_signed_with_unsigned_compare_exactly(name):
    x = np.array([-1, 0, 5, 2**63 - 1, -(2**63)], np.int64)
    y = np.array([0, 2**64 - 1, 5, 2**63, 2**63 - 1], np.uint64)
    for a, b in ((x, y), (y, x)):
        (got,) = value(OPS[name], [a, b], {})
        np.testing.assert_array_equal(got, getattr(np, name)(a, b))


def test_check_exponent_refuses_negative_exponents():
    with pytest.raises(ValueError, match="Integers to negative integer powers are not allowed"):
        value(OPS["check_exponent"], [np.array([1, -1])], {})
