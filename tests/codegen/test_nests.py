"""Loops, branches, reductions and memory accesses, against NumPy or plain Python."""

from __future__ import annotations

import functools
import re
import signal

import numpy as np
import pytest
from treadle.codegen.llvm import emit
from treadle.codegen.llvm.flatten import flattened
from treadle.ir.expr import bitcast, cast, const, expression_scope, load, op, select, var
from treadle.ir.loops import (
    Alloc,
    Buffer,
    Call,
    Carried,
    For,
    If,
    Let,
    LoopFunction,
    Raise,
    Store,
    While,
    Yielded,
)
from treadle.ir.scalar import NUMPY_DTYPE

from tests.codegen.native import HOST, TARGETS, Raised, compiled

LEVELS = [t for t in (HOST, TARGETS["x86-64-v3"], TARGETS["x86-64-v2"]) if t.vector_bits <= HOST.vector_bits]
levels = pytest.mark.parametrize("target", LEVELS, ids=lambda t: t.name)
SIZES = [0, 1, 2, 7, 16, 17, 63, 64, 65, 130, 1000]
rng = np.random.default_rng(3)
n, i, j, k = (None,) * 4


@pytest.fixture(autouse=True)
def _scope():
    global n, i, j, k
    with expression_scope():
        n, i, j, k = (var(x) for x in "nijk")
        yield


def arg(name, dtype, dims, strides=None, readonly=False):
    dims = tuple(const(d) if isinstance(d, int) else d for d in dims)
    strides = strides and tuple(const(s) if isinstance(s, int) else s for s in strides)
    return Buffer(name, dtype, dims, strides, "arg", readonly)


def loop(name, hi, *body, lo=0, **options):
    bounds = [const(x) if isinstance(x, int) else x for x in (lo, hi)]
    return For(name, *bounds, list(body), **options)


def function(buffers, *body, scalars=(("n", "i64"),), **more):
    return LoopFunction("kernel", list(buffers), list(scalars), list(body), **more)


# Memory

@levels
@pytest.mark.parametrize("dtype", ["i1", "i8", "i16", "f16", "f32", "i64", "f64"])
@pytest.mark.parametrize("stride", [1, -1, 2, -2, 3, 0])
def test_strided_loads_and_stores(target, dtype, stride):
    """y[i] = x[stride * i], and for nonzero strides z[stride * i] = x[i]."""
    t = NUMPY_DTYPE[dtype]
    x = arg("x", dtype, (n,), (stride,), True)
    y = arg("y", dtype, (n,))
    body = [loop("i", n, Store(y, (i,), load(x, (i,))), kind="par", vector=True)]
    v, z = arg("v", dtype, (n,), None, True), arg("z", dtype, (n,), (stride,))
    if stride:
        body.append(loop("j", n, Store(z, (j,), load(v, (j,))), kind="par", vector=True))
    call = compiled(function([x, y, v, z], *body), target)
    for m in SIZES:
        span = max(abs(stride) * (m - 1) + 1, 1)
        memory, written = (rng.integers(0, 2 if dtype == "i1" else 100, span).astype(t) for _ in range(2))
        first = span - 1 if stride < 0 else 0
        source, before = memory[first::stride][:m] if stride else np.repeat(memory[:1], m), written.copy()
        plain, out = rng.integers(0, 2, m).astype(t), np.zeros(m + 1, t)
        call([memory[first:], out, plain, written[first:]], [m])
        assert np.array_equal(out[:m], source) and not out[m], (m, stride)
        if stride and m:
            before[first::stride][:m] = plain
            assert np.array_equal(written, before), (m, stride)


@levels
def test_gather_and_scatter(target):
    """y[p[i]] = x[q[i], i]"""
    p, q = arg("p", "i64", (n,), None, True), arg("q", "i32", (n,), None, True)
    x, y = arg("x", "f32", (n, n), None, True), arg("y", "f32", (n,))
    body = loop("i", n, Store(y, (load(p, (i,)),), load(x, (cast(load(q, (i,)), "i64"), i)) * 2.0), kind="par", vector=True)
    call = compiled(function([p, q, x, y], body), target)
    for m in (0, 1, 16, 37, 70):
        pp, qq, xx = rng.permutation(m), rng.integers(0, max(m, 1), m).astype(np.int32), rng.random((m, m), np.float32)
        out, want = np.zeros(m, np.float32), np.zeros(m, np.float32)
        want[pp] = xx[qq, np.arange(m)] * 2
        call([pp, qq, xx, out], [m])
        assert np.array_equal(out, want)


@levels
def test_runtime_strides_and_broadcasting(target):
    """y[i, j] = x[i, j] + row[j] + column[i], x with strides known at run time"""
    s, t = var("s"), var("t")
    x = arg("x", "f64", (n, n), (s, t), True)
    row, column, y = arg("row", "f64", (n,), None, True), arg("column", "f64", (n,), None, True), arg("y", "f64", (n, n))
    value = load(x, (i, j)) + load(row, (j,)) + load(column, (i,))
    body = loop("i", n, loop("j", n, Store(y, (i, j), value), kind="par", vector=True), kind="par")
    call = compiled(function([x, row, column, y], body, scalars=[("n", "i64"), ("s", "i64"), ("t", "i64")]), target)
    for m in (1, 9, 37):
        base = rng.random((m, m, 3))
        for view in (base[:, :, 1], base[:, :, 0].T, base[::-1, ::-1, 2]):
            r, c, out = rng.random(m), rng.random(m), np.zeros((m, m))
            strides = [b // 8 for b in view.strides]
            call([view, r, c, out], [m, *strides])
            assert np.array_equal(out, view + r + c[:, None])


@pytest.mark.parametrize("what", [
    "flat", "by columns", "a row added", "a column added", "rows apart", "the row's number", "in steps"])
def test_short_rows(what):
    """y[i, j] = 2 * x[i, j] + ..., of rows of 10, is one loop over all elements if rows lie next to each other."""
    x, y = arg("x", "f64", (n, 10), None, True), arg("y", "f64", (n, 10), (12, 1) if what == "rows apart" else None)
    v, w = arg("v", "f64", (10,), None, True), arg("w", "f64", (n,), None, True)
    at = (j, i) if what == "by columns" else (i, j)
    plus = {"a row added": load(v, (j,)), "a column added": load(w, (i,)), "the row's number": cast(i, "f64")}
    double = Let("d", load(x, (i, j)) * 2.0)
    store = Store(Buffer("y", "f64", (const(10), n), (const(1), const(10)), "arg") if what == "by columns" else y, at,
                  var("d", "f64") + plus.get(what, const(1.0, "f64")))
    rows = loop("i", n, loop("j", 10, double, store, kind="par", vector=True, step=3 if what == "in steps" else 1), kind="par")
    call = compiled(function([x, store.buffer, v, w], rows))
    assert (flattened(rows) is not None) == (what in ("flat", "by columns"))
    for m in (0, 1, 5, 64):
        a, r, c = rng.random((m, 10)), rng.random(10), rng.random(m)
        memory = np.zeros((m + 1, 12 if what == "rows apart" else 10))
        call([a, memory, r, c], [m])
        added = {"a row added": r, "a column added": c[:, None], "the row's number": np.arange(m)[:, None]}
        want = np.where(np.arange(10) % 3 == 0, a * 2 + 1, 0) if what == "in steps" else a * 2 + added.get(what, 1.0)
        assert np.array_equal(memory[:m, :10], want) and not memory[m].any() and not memory[:, 10:].any()


def test_index_variable_as_data_steps_and_constant_tables():
    """y[i] = 3 * i + c[i % 4], for i backwards and by steps"""
    c = Buffer("c", "i64", (const(4),), place="const", data=(5, -7, 2, 11), readonly=True)
    y = arg("y", "i64", (n,))
    value = i * 3 + load(c, (op("and", i, const(3)),))
    call = compiled(function([y], loop("i", n, Store(y, (i,), value), kind="par", vector=True, step=3)))
    back = compiled(function([y], For("i", n + -1, const(-1), [Store(y, (i,), value)], "par", -2, vector=True)))
    one = compiled(function([y], For("i", n + -1, const(-1), [Store(y, (i,), value)], "par", -1, vector=True)))
    full = np.array([3 * q + c.data[q % 4] for q in range(200)])
    for m in (0, 1, 2, 5, 100, 199):
        for runner, where in ((call, slice(None, None, 3)), (back, slice(None, None, -2)), (one, slice(None))):
            got, want = np.zeros(m, np.int64), np.zeros(m, np.int64)
            want[where] = full[:m][where]
            runner([got], [m])
            assert np.array_equal(got, want), (m, where)


@levels
def test_mixed_sizes_in_one_loop(target):
    """Masks of bytes, f32 and f64 together, a load forwarded from a store."""
    a, b = arg("a", "f32", (n,), None, True), arg("b", "f64", (n,), None, True)
    m, y, z = arg("m", "i1", (n,)), arg("y", "f64", (n,)), arg("z", "i8", (n,))
    body = loop(
        "i", n, Let("t", cast(load(a, (i,)), "f64") + load(b, (i,))), Store(m, (i,), op("lt", var("t", "f64"), const(1.0, "f64"))),
        Store(y, (i,), select(load(m, (i,)), var("t", "f64"), load(b, (i,)))),
        Store(z, (i,), cast(load(y, (i,)) * 50.0, "i8")), kind="par", vector=True)
    call = compiled(function([a, b, m, y, z], body), target)
    for size in SIZES:
        aa, bb = rng.random(size, np.float32), rng.random(size)
        mm, yy, zz = np.zeros(size, bool), np.zeros(size), np.zeros(size, np.int8)
        call([aa, bb, mm, yy, zz], [size])
        t = aa + bb
        assert np.array_equal(mm, t < 1) and np.array_equal(yy, np.where(t < 1, t, bb))
        assert np.array_equal(zz, (yy * 50).astype(np.int8))


@levels
def test_a_simd_loop_loads_before_it_stores(target):
    """In place: x[i] = x[i] + x[i + 1], then y[i] = the new x[i]; in order this never reads what it has written."""
    x, y = arg("x", "f32", (n,)), arg("y", "f32", (n,))
    body = loop("i", n + -1, Store(x, (i,), load(x, (i,)) + load(x, (i + 1,))),
                Store(y, (i,), load(x, (i,)) * load(x, (i + 1,))), kind="simd", vector=True)
    call = compiled(function([x, y], body), target)
    for m in SIZES[1:]:
        xx, yy = rng.random(m, np.float32), np.zeros(m, np.float32)
        want, out = xx.copy(), np.zeros(m, np.float32)
        want[:-1] = xx[:-1] + xx[1:]
        out[:-1] = want[:-1] * xx[1:]
        call([xx, yy], [m])
        assert np.array_equal(xx, want) and np.array_equal(yy, out), m


# Reductions

def reduce_in_lanes(values, lanes, combine, start, init):
    """As `For.lanes` says."""
    if lanes == 1:
        return functools.reduce(combine, values, init)
    partial = [start] * lanes
    for q, x in enumerate(values):
        partial[q % lanes] = combine(partial[q % lanes], x)
    while len(partial) > 1:
        half = len(partial) // 2
        partial = [combine(x, y) for x, y in zip(partial[:half], partial[half:])]
    return combine(init, partial[0])


COMBINE = {"add": (np.add, -0.0), "mul": (np.multiply, 1.0), "min": (np.minimum, np.inf), "max": (np.maximum, -np.inf)}


@levels
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("lanes", [1, 2, 8, 64])
def test_float_reductions(target, dtype, lanes):
    """Sum of squares, product, minimum and maximum in one loop: the bits that the definition of lanes gives."""
    t = NUMPY_DTYPE[dtype].type
    x, out = arg("x", dtype, (n,), None, True), arg("out", dtype, (4,))
    carried = []
    for name in COMBINE:
        a = var(name, dtype)
        term = load(x, (i,)) * load(x, (i,)) if name == "add" else load(x, (i,))
        carried.append(Carried(name, const(0.25, dtype), op(name, a, term), name + ".r", name))
    stores = [Store(out, (const(q),), var(c.result, dtype)) for q, c in enumerate(carried)]
    call = compiled(function([x, out], loop("i", n, kind="red", carried=carried, lanes=lanes, vector=True), *stores), target)
    for m in SIZES:
        xx = (rng.standard_normal(m) * 0.5 + 1).astype(t)
        if m > 60:
            xx[57] = np.nan if m == 130 else 0.3
        got = np.zeros(4, t)
        call([xx, got], [m])
        for q, (name, (combine, start)) in enumerate(COMBINE.items()):
            terms = xx * xx if name == "add" else xx
            want = reduce_in_lanes(list(terms), lanes, combine, t(start), t(0.25))
            assert got[q] == want or (np.isnan(got[q]) and np.isnan(want)), (name, m, lanes, got[q], want)


@levels
def test_integer_and_truth_reductions(target):
    x, out = arg("x", "i32", (n,), None, True), arg("out", "i64", (6,))
    e = load(x, (i,))
    carried = [
        Carried("s", const(3), var("s") + cast(e, "i64"), "s.r", "add"),
        Carried("lo", const(9, "i32"), op("min", e, var("lo", "i32")), "lo.r", "min"),
        Carried("x1", const(5, "i32"), op("xor", var("x1", "i32"), e), "x1.r", "xor"),
        Carried("any", const(False, "i1"), op("or", var("any", "i1"), op("eq", e, const(7, "i32"))), "any.r", "or"),
        Carried("count", const(2, "i16"), var("count", "i16") + cast(op("gt", e, const(0, "i32")), "i16"), "count.r", "add"),
        Carried("all", const(True, "i1"), op("and", var("all", "i1"), op("ne", e, const(7, "i32"))), "all.r", "and"),
    ]
    stores = [Store(out, (const(q),), cast(var(c.result, c.dtype), "i64")) for q, c in enumerate(carried)]
    call = compiled(function([x, out], loop("i", n, kind="red", carried=carried, vector=True), *stores), target)
    for m in SIZES:
        xx, got = rng.integers(-50, 50, m).astype(np.int32), np.zeros(6, np.int64)
        call([xx, got], [m])
        want = [3 + int(xx.sum()), min([9, *xx.tolist()]), functools.reduce(lambda a, b: a ^ b, xx.tolist(), 5),
                int((xx == 7).any()), 2 + int((xx > 0).sum()), int((xx != 7).all())]
        assert got.tolist() == want, m


@levels
@pytest.mark.parametrize("dtype", ["f32", "i1", "u8"])
def test_counting(target, dtype):
    """How many elements are not zero, of a vector and of each row of a matrix, four rows at once."""
    x, y = arg("x", dtype, (n,), None, True), arg("y", dtype, (n, n), None, True)
    total, rows = arg("total", "i64", ()), arg("rows", "i32", (n,))
    truth = [e if dtype == "i1" else op("ne", e, const(0, dtype)) for e in (load(x, (i,)), load(y, (j, k)))]
    one = loop("i", n, kind="red", vector=True, carried=[Carried("s", const(0), var("s") + cast(truth[0], "i64"), "r", "add")])
    each = loop("k", n, kind="red", vector=True,
                carried=[Carried("t", const(0, "i32"), var("t", "i32") + cast(truth[1], "i32"), "u", "add")])
    call = compiled(function([x, y, total, rows], one, Store(total, (), var("r")),
                             loop("j", n, each, Store(rows, (j,), var("u", "i32")), kind="par", jam=4)), target)
    for m in (0, 1, 17, 70, 300):
        xx, yy = (rng.integers(0, 2, shape).astype(NUMPY_DTYPE[dtype]) for shape in (m, (m, m)))
        count, counts = np.zeros(1, np.int64), np.zeros(m, np.int32)
        call([xx, yy, count, counts], [m])
        assert count[0] == np.count_nonzero(xx) and np.array_equal(counts, np.count_nonzero(yy, axis=1)), m


@levels
@pytest.mark.parametrize("lanes", [1, 4])
def test_reduction_inside_a_vector_loop_with_rows_side_by_side(target, lanes):
    """c[i, j] = sum over k of a[i, k] * b[k, j]: vectors along j, four rows at once."""
    m = var("m")
    a, b, c = arg("a", "f32", (n, m), None, True), arg("b", "f32", (m, n), None, True), arg("c", "f32", (n, n))
    acc = Carried("s", const(0.5, "f32"), var("s", "f32") + load(a, (i, k)) * load(b, (k, j)), "r", "add")
    inner = loop("j", n, loop("k", m, kind="red", carried=[acc], lanes=lanes), Store(c, (i, j), var("r", "f32")),
                 kind="par", vector=True)
    call = compiled(function([a, b, c], loop("i", n, inner, kind="par", jam=4),
                             scalars=[("n", "i64"), ("m", "i64")]), target)
    for size, depth in ((1, 1), (3, 0), (5, 7), (18, 10), (33, 5)):
        aa, bb = rng.random((size, depth), np.float32), rng.random((depth, size), np.float32)
        got = np.zeros((size, size), np.float32)
        call([aa, bb, got], [size, depth])
        for p in range(size):
            for q in range(size):
                want = reduce_in_lanes(list(aa[p] * bb[:, q]), lanes, np.add, np.float32(-0.0), np.float32(0.5))
                assert got[p, q] == want, (size, depth, p, q)


@levels
def test_reduction_rows_side_by_side(target):
    """r[i] = sum of x[i, :], jammed by 4, the inner reduction in vectors."""
    x, r = arg("x", "f64", (n, n), None, True), arg("r", "f64", (n,))
    acc = Carried("s", const(0.0, "f64"), var("s", "f64") + load(x, (i, k)), "t", "add")
    call = compiled(function([x, r], loop("i", n, loop("k", n, kind="red", carried=[acc], lanes=16, vector=True),
                                          Store(r, (i,), var("t", "f64")), kind="par", jam=4)), target)
    for m in (0, 1, 5, 16, 37):
        xx, got = rng.random((m, m)), np.zeros(m)
        call([xx, got], [m])
        want = [reduce_in_lanes(list(row), 16, np.add, -0.0, 0.0) for row in xx]
        assert got.tolist() == want


@levels
def test_reduction_whose_body_branches(target):
    """Partial results in memory: an `If` on each element, and the sum also stores."""
    x, y, r = arg("x", "f32", (n,), None, True), arg("y", "f32", (n,)), arg("r", "f32", ())
    e = load(x, (i,))
    chosen = If(op("gt", e, const(0.5, "f32")), [Store(y, (i,), e)], [],
                [Yielded("t", e * 2.0, const(1.0, "f32"))])
    acc = Carried("s", const(0.0, "f32"), var("s", "f32") + var("t", "f32"), "total", "add")
    call = compiled(function([x, y, r], loop("i", n, chosen, kind="red", carried=[acc], lanes=8, vector=True),
                             Store(r, (), var("total", "f32"))), target)
    for m in SIZES:
        xx, yy, rr = rng.random(m, np.float32), np.zeros(m, np.float32), np.zeros(1, np.float32)
        call([xx, yy, rr], [m])
        terms = np.where(xx > 0.5, xx * 2, np.float32(1))
        assert np.array_equal(yy, np.where(xx > 0.5, xx, 0))
        assert rr[0] == reduce_in_lanes(list(terms), 8, np.add, np.float32(-0.0), np.float32(0))


# Control flow

def test_sequential_loop_with_carried_scalars_and_until():
    """The first index with x[i] >= limit, and the sum before it; n when there is none."""
    x, out = arg("x", "f64", (n,), None, True), arg("out", "f64", (2,))
    limit = var("limit", "f64")
    carried = [Carried("stop", const(False, "i1"), op("ge", load(x, (i,)), limit), "stopped"),
               Carried("at", n, select(op("ge", load(x, (i,)), limit), i, var("at")), "found"),
               Carried("s", const(0.0, "f64"), select(op("ge", load(x, (i,)), limit), var("s", "f64"),
                                                      var("s", "f64") + load(x, (i,))), "sum")]
    call = compiled(function([x, out], loop("i", n, carried=carried, until="stop"),
                             Store(out, (const(0),), cast(var("found"), "f64")), Store(out, (const(1),), var("sum", "f64")),
                             scalars=[("n", "i64"), ("limit", "f64")]))
    for m in (0, 1, 20):
        xx, got = rng.random(m), np.zeros(2)
        call([xx, got], [m, 0.9])
        at = next((q for q in range(m) if xx[q] >= 0.9), m)
        assert got[0] == at and got[1] == sum(xx[:at].tolist())


def test_while_and_nested_branches():
    """The lengths of Collatz runs, found with a While, a branch in it and a store in one arm."""
    y, big = arg("y", "i64", (n,)), arg("big", "i64", ())
    v, steps = var("v"), var("steps")
    even = op("eq", op("and", v, const(1)), const(0))
    body = [If(even, [], [If(op("gt", v, load(big, ())), [Store(big, (), v)], [])],
               [Yielded("next", v >> 1, v * 3 + 1)])]
    run = While([Carried("v", i + 1, var("next"), "last"), Carried("steps", const(0), steps + 1, "count")],
                [Let("more", op("ne", v, const(1)))], var("more", "i1"), body)
    call = compiled(function([y, big], loop("i", n, run, Store(y, (i,), var("count") + var("last")))))
    got, largest, want, top = np.zeros(30, np.int64), np.zeros(1, np.int64), [], 0
    call([got, largest], [30])
    for q in range(1, 31):
        count = 0
        while q != 1:
            if q % 2:
                top = max(top, q)
            q, count = q // 2 if q % 2 == 0 else 3 * q + 1, count + 1
        want.append(count + 1)
    assert got.tolist() == want and largest[0] == top


def test_raise_leaves_with_details_and_partial_effects():
    """No load after the check may move before it: the index is far out of bounds."""
    x, at, y = arg("x", "f64", (n,), None, True), arg("at", "i64", (n,), None, True), arg("y", "f64", (n,))
    index, fixed = load(at, (i,)), var("fixed")
    bad = [If(op("or", op("lt", e, const(0)), op("ge", e, n)), [Raise(code, (e, i))], []) for code, e in ((0, index), (1, fixed))]
    body = loop("i", n, Let("index", index), *bad, Store(y, (i,), load(x, (index,)) + load(x, (fixed,))))
    call = compiled(function([x, at, y], body, scalars=[("n", "i64"), ("fixed", "i64")]))
    xx, indices, out = rng.random(10), np.arange(10)[::-1].copy(), np.zeros(10)
    call([xx, indices, out], [10, 3])
    assert np.array_equal(out, xx[::-1] + xx[3])
    indices[6], out[:] = 1 << 50, 0
    with pytest.raises(Raised) as e:
        call([xx, indices, out], [10, 3])
    assert e.value.args == (0, 1 << 50, 6, 0) and np.array_equal(out[:6], (xx[::-1] + xx[3])[:6]) and not out[6:].any()
    with pytest.raises(Raised) as e:
        call([xx, indices, out], [10, -(1 << 50)])
    assert e.value.args[0] == 1


def test_uniform_branch_inside_a_vector_loop_and_carried_scalars():
    """y[i] = x[i] ** p by repeated multiplication, or -x[i] for odd p"""
    x, y, p = arg("x", "f32", (n,), None, True), arg("y", "f32", (n,)), var("p")
    acc = Carried("s", const(1.0, "f32"), var("s", "f32") * load(x, (i,)), "power")
    choice = If(op("eq", op("and", p, const(1)), const(1)), [], [loop("k", p, carried=[acc])],
                [Yielded("r", -load(x, (i,)), var("power", "f32"))])
    call = compiled(function([x, y], loop("i", n, choice, Store(y, (i,), var("r", "f32")), kind="par", vector=True),
                             scalars=[("n", "i64"), ("p", "i64")]))
    for power in (0, 1, 2, 4):
        xx, got = rng.random(77, np.float32), np.zeros(77, np.float32)
        call([xx, got], [77, power])
        want = -xx if power % 2 else functools.reduce(lambda a, b: a * b, [xx] * power, np.ones_like(xx))
        assert np.array_equal(got, want)


def test_a_branch_that_varies_within_a_vector_loop():
    x, y = arg("x", "f32", (n,), None, True), arg("y", "f32", (n,))
    branch = If(op("gt", load(x, (i,)), const(0.5, "f32")), [Store(y, (i,), load(x, (i,)))], [Store(y, (i,), const(7.0, "f32"))])
    call = compiled(function([x, y], loop("i", n, branch, kind="par", vector=True)))
    xx, got = rng.random(77, np.float32), np.zeros(77, np.float32)
    call([xx, got], [77])
    assert np.array_equal(got, np.where(xx > 0.5, xx, np.float32(7)))


# Temporaries, threads, calls

def test_temporaries_in_the_arena_and_on_the_stack():
    """Row by row through two temporaries: t[j] = 2 x[i, j]; u[j] = t[n - 1 - j]; y[i, j] = u[j] + t[j]"""
    x, y = arg("x", "f64", (n, n), None, True), arg("y", "f64", (n, n))
    t, u = Buffer("t", "f64", (n,)), Buffer("u", "f64", (const(64),))
    t.offset = 128
    body = loop("i", n, Alloc(t), Alloc(u), loop("j", n, Store(t, (j,), load(x, (i, j)) * 2.0), kind="par", vector=True),
                loop("k", n, Store(u, (k,), load(t, (n - 1 - k,))), kind="par", vector=True),
                loop("m", n, Store(y, (i, var("m")), load(u, (var("m"),)) + load(t, (var("m"),))), kind="par", vector=True))
    call = compiled(function([x, y], body, arena_bytes=128 + 64 * 8))
    xx, got = rng.random((37, 37)), np.zeros((37, 37))
    call([xx, got], [37])
    assert np.array_equal(got, 2 * xx[:, ::-1] + 2 * xx)


def test_parallel_loop_with_temporaries_of_each_thread():
    x, y = arg("x", "f64", (n, const(50)), None, True), arg("y", "f64", (n,))
    t = Buffer("t", "f64", (const(50),))
    t.offset, t.worker_stride = 64, 448
    scale = var("scale", "f64")
    acc = Carried("s", const(0.0, "f64"), var("s", "f64") + load(t, (k,)), "r", "add")
    body = loop("i", n, Alloc(t), loop("j", 50, Store(t, (j,), load(x, (i, j)) * scale + cast(i, "f64")), kind="par", vector=True),
                loop("k", 50, kind="red", carried=[acc], lanes=8, vector=True), Store(y, (i,), var("r", "f64")),
                kind="par", threads=True)
    whole = function([x, y], body, scalars=[("n", "i64"), ("scale", "f64")], arena_bytes=64, worker_bytes=448)
    call = compiled(whole)
    for m in (0, 1, 20000):
        xx, got = rng.random((m, 50)), np.zeros(m)
        call([xx, got], [m, 1.5])
        assert np.allclose(got, (xx * 1.5 + np.arange(m)[:, None]).sum(1), rtol=1e-13)


def test_parallel_loop_with_a_step():
    """A large body, so that a chunk has few trips: each place is still visited once."""
    y = arg("y", "f64", (n,))
    acc = Carried("s", const(0.0, "f64"), var("s", "f64") + var("w", "f64"), "r")
    body = loop("i", n, loop("k", 60000, Let("w", cast(k, "f64") * 2.0), carried=[acc]),
                Store(y, (i,), load(y, (i,)) + var("r", "f64") - 3599939999.0), kind="par", step=7, threads=True)
    got = np.zeros(500)
    compiled(function([y], body))([got], [500])
    assert np.array_equal(got, np.arange(500) % 7 == 0)


def test_parallel_vector_loop():
    x, y, flag = arg("x", "f32", (n,), None, True), arg("y", "f32", (n,)), var("flag", "i1")
    body = loop("i", n, Store(y, (i,), select(flag, load(x, (i,)) + 1.0, -load(x, (i,)))), kind="par", vector=True, threads=True)
    call = compiled(function([x, y], body, scalars=[("n", "i64"), ("flag", "i1")]))
    for m in (0, 5, 1_000_003):
        xx, got = rng.random(m, np.float32), np.zeros(m, np.float32)
        for flag in (0, 1):
            call([xx, got], [m, flag])
            assert np.array_equal(got, xx + 1 if flag else -xx)


def test_a_parallel_copy_comes_in_pieces_of_the_memory_that_it_moves():
    """A copy is little work but much memory: a megabyte is more than one piece."""
    def pieces(dtype):
        x, y = arg("x", dtype, (1 << 17,), None, True), arg("y", dtype, (1 << 17,))
        body = loop("i", 1 << 17, Store(y, (i,), load(x, (i,))), kind="par", vector=True, threads=True)
        chunk = re.search(r"call void @treadle_parallel\(.*, i64 (\d+)\)", emit(function([x, y], body), HOST).text)
        return (1 << 17) / int(chunk[1])

    assert 4 <= pieces("f64") < 8 and pieces("i8") < pieces("f32") < pieces("f64")


def test_the_first_error_in_program_order_is_reported_from_a_parallel_loop():
    x, y = arg("x", "i64", (n,), None, True), arg("y", "i64", (n,))
    body = loop("i", n, If(op("lt", load(x, (i,)), const(0)), [Raise(2, (i, load(x, (i,))))], []),
                Store(y, (i,), load(x, (i,))), kind="par", threads=True)
    call = compiled(function([x, y], body))
    m = 3_000_000
    xx, got = np.arange(m), np.zeros(m, np.int64)
    call([xx, got], [m])
    assert np.array_equal(xx, got)
    xx[[1_000_000, 2_000_000, m - 1]] = -5
    for _ in range(5):
        with pytest.raises(Raised) as e:
            call([xx, got], [m])
        assert e.value.args == (2, 1_000_000, -5, 0)


def test_library_call():
    """Sort through the runtime's routine, then use what it wrote."""
    x, y = arg("x", "f64", (n,)), arg("y", "f64", (n,))
    first, sort = load(x, (const(0),)), Call("sort_f64", (), (x,), (const(0), n, const(0)), "status")
    spread = loop("i", n, Store(y, (i,), load(x, (i,)) - first + cast(var("status"), "f64")), kind="par", vector=True)
    call = compiled(function([x, y], Let("before", first), sort, spread, Store(y, (const(0),), var("before", "f64"))))
    xx, got = rng.random(100), np.zeros(100)
    want, first = np.sort(xx), xx[0]
    call([xx, got], [100])
    assert np.array_equal(xx, want) and got[0] == first and np.array_equal(got[1:], (want - want[0])[1:])


def test_a_store_ends_what_is_known_of_a_buffer():
    """A carried dependence through memory: x[i + 1] += x[i], in a sequential loop."""
    x = arg("x", "f64", (n,))
    body = loop("i", n + -1, Store(x, (i + 1,), load(x, (i + 1,)) + load(x, (i,))))
    call = compiled(function([x], body))
    xx = rng.random(50)
    want = xx.copy()
    for q in range(49):
        want[q + 1] += want[q]
    call([xx], [50])
    assert np.array_equal(xx, want)


def test_a_store_that_changes_its_own_index():
    a, out = arg("a", "i64", (8,)), arg("out", "i64", (1,))
    place = load(a, (const(0),))
    f = function([a, out], Store(a, (place,), const(5)), Store(out, (const(0),), load(a, (place,))), scalars=())
    assert compiled(f)([np.array([0, 1, 2, 3, 4, 77, 6, 7]), np.zeros(1, np.int64)])[1][0] == 77


def test_bits_of_scalar_arguments():
    out = arg("out", "i64", (5,))
    scalars = [("a", "i8"), ("b", "u16"), ("c", "f32"), ("d", "i1"), ("e", "f64")]
    values = [cast(var("a", "i8"), "i64"), cast(var("b", "u16"), "i64"), cast(bitcast(var("c", "f32"), "i32"), "i64"),
              cast(var("d", "i1"), "i64"), bitcast(var("e", "f64"), "i64")]
    call = compiled(function([out], *[Store(out, (const(q),), v) for q, v in enumerate(values)], scalars=scalars))
    got = np.zeros(5, np.int64)
    call([got], [-3, 65000, 1.5, 1, -2.25])
    assert got.tolist() == [-3, 65000, int(np.float32(1.5).view(np.int32)), 1, int(np.float64(-2.25).view(np.int64))]


@levels
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_parts_of_complex_numbers(target, dtype):
    """z[i] = z[i] * w[i] + conj(z[i]), in place, and the imaginary parts alone; w also backwards."""
    complex_type = {"f32": np.complex64, "f64": np.complex128}[dtype]
    z, w = arg("z", dtype, (n, 2)), arg("w", dtype, (n, 2), None, True)
    zero, one = const(0), const(1)
    for back in (False, True):
        at = n - 1 - i if back else i
        a, b, c, d = load(z, (i, zero)), load(z, (i, one)), load(w, (at, zero)), load(w, (at, one))
        im = arg("im", dtype, (n,))
        body = loop("i", n, Let("re", a * c - b * d + a), Let("im", a * d + b * c - b), Store(im, (i,), b),
                    Store(z, (i, zero), var("re", dtype)), Store(z, (i, one), var("im", dtype)),
                    kind="par", vector=True)
        call = compiled(function([z, w, im], body), target)
        for m in SIZES:
            zz, ww = ((rng.random(m) + 1j * rng.random(m)).astype(complex_type) for _ in range(2))
            parts = np.zeros(m, NUMPY_DTYPE[dtype])
            before, v = zz.copy(), ww[::-1] if back else ww
            call([zz, ww, parts], [m])
            x, y = before.real, before.imag
            assert np.array_equal(parts, y)
            assert np.array_equal(zz.real, x * v.real - y * v.imag + x)
            assert np.array_equal(zz.imag, x * v.imag + y * v.real - y)


@pytest.mark.parametrize("kind", ["for", "nested", "while"])
def test_ctrl_c_ends_a_loop(kind):
    """A loop of hours: it ends only because of the signal."""
    s, out, hours = var("s"), arg("out", "i64", ()), const(1 << 50)
    step = (s ^ (s << 13)) + 1
    if kind == "while":
        run = While([Carried("s", const(1), step, "r")], [], op("ne", s, const(0)), [])
    else:
        run = loop("i", hours, carried=[Carried("s", const(1), step, "r")])
    if kind == "nested":
        run = loop("j", hours, loop("i", 100, carried=[Carried("s", var("t"), step, "r0")]),
                   carried=[Carried("t", const(1), var("r0"), "r")])
    call = compiled(function([out], run, Store(out, (), var("r")), scalars=[]))
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.25)
        with pytest.raises(KeyboardInterrupt):
            call([np.zeros(1, np.int64)])
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_load_stays_in_a_loop_that_stores_to_its_buffer():
    x, total = arg("x", "f64", (n,), None, True), arg("total", "f64", ())
    call = compiled(function([x, total], loop("i", n, Store(total, (), load(total, ()) + load(x, (i,))))))
    xx, got = rng.random(50), np.zeros(1)
    call([xx, got], [50])
    assert got[0] == functools.reduce(lambda a, b: a + b, xx.tolist(), 0.0)


def test_a_load_runs_only_where_it_would_have_run():
    """An index far outside: behind a branch, in a loop of no trips, in lanes that take the other arm."""
    x, y, far = arg("x", "f64", (n,), None, True), arg("y", "f64", (n,)), var("far")
    behind = loop("i", n, If(op("lt", far, n), [Store(y, (i,), load(x, (far,)))], [Store(y, (i,), const(2.0, "f64"))]))
    never = loop("j", far - far, Store(y, (j,), load(x, (far,))))
    lanes = loop("k", n, If(op("lt", far, k), [Store(y, (k,), load(x, (far,)) + load(x, (k - far,)))], []),
                 kind="par", vector=True)
    call = compiled(function([x, y], behind, never, lanes, scalars=[("n", "i64"), ("far", "i64")]))
    xx, got = rng.random(50), np.zeros(50)
    call([xx, got], [50, 1 << 50])
    assert (got == 2).all()
    call([xx, got], [50, 7])
    assert (got[:8] == xx[7]).all() and np.array_equal(got[8:], xx[7] + xx[1:43])
