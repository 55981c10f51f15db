"""Every scalar operation, on every type it is defined on, one by one and in vectors with a tail, as NumPy computes it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from treadle.codegen.llvm.table import ROWS
from treadle.ir import expr
from treadle.ir.expr import Expr, const, expression_scope, load, op, select, var
from treadle.ir.loops import Buffer, For, LoopFunction, Store
from treadle.ir.scalar import BITS, FLOATS, INTEGERS, NUMPY_DTYPE, SCALAR_OPS, SCALAR_TYPES

from tests.codegen.native import HOST, TARGETS, compiled

COUNT = 331
rng = np.random.default_rng(7)


def values(dtype: str, small: bool = False) -> np.ndarray:
    """Edge cases and random values; small: with no more than 6 significant bits, so that sums and products are exact."""
    if dtype == "i1":
        return rng.random(COUNT) < 0.5
    t = NUMPY_DTYPE[dtype]
    if dtype in INTEGERS:
        info = np.iinfo(t)
        edges = np.array([0, 1, info.max, info.min, info.max - 1, info.min + 1, 2, 100], t)
        return np.concatenate([edges, rng.integers(info.min, info.max, COUNT - 8, t, endpoint=True)])
    info = np.finfo(t)
    edges = [0.0, -0.0, np.nan, np.inf, -np.inf, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 127.5, 255.0, 256.0, -129.0, 3e4, 65504,
             2.0 ** 31, -2.0 ** 31, 2.0 ** 31 - 1, 2.0 ** 32, 2.0 ** 63, -2.0 ** 63, 2.0 ** 64, 1e30, -1e30,
             float(info.max), float(info.tiny), float(info.smallest_subnormal)]
    with np.errstate(over="ignore"):
        edges = np.array(edges).astype(t)
        out = np.concatenate([edges, (rng.standard_normal(COUNT - len(edges)) * 10.0 ** rng.uniform(-3, 3, COUNT - len(edges)))
                              .astype(t)])
    return out


def shuffled(x: np.ndarray) -> np.ndarray:
    return rng.permutation(x)


def operands_of(name: str, dtype: str) -> list[np.ndarray]:
    """Operands the operation is defined on."""
    row = SCALAR_OPS[name]
    if name == "select":
        return [values("i1"), values(dtype), shuffled(values(dtype))]
    out = [shuffled(values(dtype)) for _ in range(row.arity)]
    if name in ("quot", "rem"):
        out[1][out[1] == 0] = 3
        if dtype[0] == "i":
            out[1][(out[0] == np.iinfo(out[0].dtype).min) & (out[1] == -1)] = 2
    if name in ("shl", "shr"):
        out[1] = (rng.integers(0, BITS[dtype], COUNT)).astype(out[1].dtype)
    if name == "ipow":
        out[1] &= np.iinfo(out[1].dtype).max
    if name == "scalef":
        out[1] = rng.integers(-2200, 2200, COUNT).astype(out[1].dtype)
    return out


def cases(dtype: str) -> list[tuple[str, str | None]]:
    """(operation, result type of a conversion), the mathematical functions left out."""
    out: list[tuple[str, str | None]] = []
    for name, row in SCALAR_OPS.items():
        if row.math or dtype not in row.types:
            continue
        if name == "cast":
            out += [(name, to) for to in SCALAR_TYPES if to != dtype]
        elif name == "bitcast":
            out += [(name, to) for to in INTEGERS + FLOATS if to != dtype and BITS[to] == BITS[dtype]]
        else:
            out.append((name, None))
    return out


def apply(name: str, to: str | None, args: list[Expr]) -> Expr:
    if to is not None:
        return expr.cast(args[0], to) if name == "cast" else expr.bitcast(args[0], to)
    return select(*args) if name == "select" else op(name, *args)


def expected(name: str, to: str | None, args: list[np.ndarray], once: bool) -> np.ndarray:
    """once: the target rounds a product and a sum once."""
    row = SCALAR_OPS[name]
    if to == "u32" and args[0].dtype.kind == "f":
        # Out of range, NumPy's answer depends on where in the array the element lies: the rule of contiguous ones.
        with np.errstate(all="ignore"):
            return row.meaning(np.resize(args[0], 32 * len(args[0])), to)[:len(args[0])]
    if name == "fma" or (name == "muladd" and once):
        return np.array([fused(*map(float, xs)) for xs in zip(*args)], args[0].dtype)
    with np.errstate(all="ignore"):
        return row.meaning(*args) if to is None else row.meaning(args[0], to)


def fused(x: float, y: float, z: float) -> float:
    """x * y + z, rounded once to f64; f32 operands make sums that round again to f32 exactly, but for rare ties."""
    if not all(map(np.isfinite, (x, y, z))) or 0.0 in (x, y, z):
        with np.errstate(all="ignore"):
            return float(np.float64(x) * np.float64(y) + np.float64(z))
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    try:
        return float(exact) if exact else 0.0
    except OverflowError:
        return np.inf if exact > 0 else -np.inf


def assert_same_bits(got: np.ndarray, want: np.ndarray, label: object) -> None:
    assert got.dtype == want.dtype, label
    same = got.view(f"u{got.itemsize}") == want.view(f"u{want.itemsize}")
    if got.dtype.kind == "f":
        same |= np.isnan(got) & np.isnan(want)
    assert same.all(), (label, np.flatnonzero(~same)[:5], got[~same][:5], want[~same][:5])


def check(dtype: str, chosen: list[tuple[str, str | None]], target, vector: bool, count: int) -> None:
    """One function with a loop for each operation."""
    arrays, buffers, body, wanted = [], [], [], []
    with expression_scope():
        n, i = var("n"), var("i")
        for k, (name, to) in enumerate(chosen):
            inputs = [x[:count] for x in operands_of(name, dtype)]
            want = expected(name, to, inputs, target.fma)
            ins = [Buffer(f"x{k}_{j}", "i1" if x.dtype == bool else dtype, (n,), place="arg", readonly=True)
                   for j, x in enumerate(inputs)]
            out = Buffer(f"y{k}", to or ("i1" if want.dtype == bool else dtype), (n,), place="arg")
            i = var(f"i{k}")
            value = apply(name, to, [load(b, (i,)) for b in ins])
            body.append(For(f"i{k}", const(0), n, [Store(out, (i,), value)], kind="par", vector=vector))
            buffers += [*ins, out]
            arrays += [*inputs, np.zeros(count, want.dtype)]
            wanted.append((arrays[-1], want, (name, dtype, to, target.name, vector)))
        call = compiled(LoopFunction("operations", buffers, [("n", "i64")], body), target)
    call(arrays, [count])
    for got, want, label in wanted:
        assert_same_bits(got, want, label)


@pytest.mark.parametrize("dtype", SCALAR_TYPES)
@pytest.mark.parametrize("vector", [True, False])
def test_operations(dtype, vector):
    check(dtype, cases(dtype), HOST, vector, COUNT)


@pytest.mark.parametrize("dtype", SCALAR_TYPES)
@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v2"])
def test_operations_on_narrower_vectors(dtype, level):
    if HOST.vector_bits <= TARGETS[level].vector_bits:
        pytest.skip("the machine has no wider vectors than those of the other test")
    check(dtype, cases(dtype), TARGETS[level], True, COUNT)


def test_every_operation_has_a_row():
    assert {n for n, row in SCALAR_OPS.items() if not row.math} == {*ROWS, "ipow"}  # ipow is a formula, as functions are


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 64])
def test_tails(count):
    check("f32", [("add", None), ("cast", "f64"), ("cast", "i8"), ("lt", None)], HOST, True, count)
