"""Loops inside vector loops that each lane leaves at a trip of its own, against plain Python: bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from treadle.ir.expr import const, expression_scope, load, op, var
from treadle.ir.loops import Buffer, Carried, For, Let, LoopFunction, Store, While

from tests.codegen.native import HOST, TARGETS, compiled

LEVELS = [t for t in (HOST, TARGETS["x86-64-v3"], TARGETS["x86-64-v2"]) if t.vector_bits <= HOST.vector_bits]
levels = pytest.mark.parametrize("target", LEVELS, ids=lambda t: t.name)
SIZES = [0, 1, 2, 7, 8, 33, 130]
rng = np.random.default_rng(4)


@pytest.fixture(autouse=True)
def _scope():
    with expression_scope():
        yield


def arg(name, dtype, *dims, readonly=False):
    return Buffer(name, dtype, dims, None, "arg", readonly)


def over_n(buffers, *body, keep=None):
    """The body for each i in vectors, as a callable on (arrays, n)."""
    loop = For("i", const(0), var("n"), list(body), "par", vector=True)
    return lambda target: compiled(LoopFunction("kernel", buffers, [("n", "i64")], [loop]), target, keep)


@levels
def test_each_lane_leaves_a_while_when_it_is_done(target):
    n, i, c, x = var("n"), var("i"), var("c"), var("x", "f64")
    start, counts, last = arg("start", "f64", n, readonly=True), arg("counts", "i64", n), arg("last", "f64", n)
    run = While([Carried("c", const(0), c + 1, "cr"), Carried("x", load(start, (i,)), x * 0.5 + 0.1, "xr")],
                [Let("go", op("and", x > 1.0, c < 50))], var("go", "i1"), [])
    text = []
    call = over_n([start, counts, last], run, Store(counts, (i,), var("cr")), Store(last, (i,), var("xr", "f64")),
                  keep=text)(target)
    for size in SIZES:
        x0 = np.abs(rng.normal(size=size)) * 10.0 ** rng.integers(-3, 9, size)
        got = call([x0, np.zeros(size, np.int64), np.zeros(size)], [size])
        for v, trips, end in zip(*got, strict=True):
            want = 0
            while v > 1.0 and want < 50:
                v, want = v * 0.5 + 0.1, want + 1
            assert (trips, end) == (want, v)
    assert "x double>" in text[0], "it did not run in vectors"


@levels
def test_a_lane_that_is_done_does_not_begin_again(target):
    """The test reads memory, where a lane that is done would find another value than the one that stopped it."""
    n, i, c = var("n"), var("i"), var("c")
    table, trips = arg("table", "i64", n, readonly=True), arg("trips", "i64", n)
    run = While([Carried("c", i, op("min", c + 1, n - 1), "cr"), Carried("k", const(0), var("k") + 1, "kr")],
                [Let("go", op("and", op("eq", load(table, (c,)), const(0)), var("k") < 40))], var("go", "i1"), [])
    call = over_n([table, trips], run, Store(trips, (i,), var("kr")))(target)
    for size in SIZES:
        marks = (rng.random(size) < 0.2).astype(np.int64)
        _, got = call([marks, np.zeros(size, np.int64)], [size])
        for first, have in enumerate(got):
            at, k = first, 0
            while marks[at] == 0 and k < 40:
                at, k = min(at + 1, size - 1), k + 1
            assert have == k


@levels
@pytest.mark.parametrize("until", [False, True])
def test_rows_of_any_length_side_by_side(target, until):
    """Sums of ragged rows: loads beyond a row's end would leave the memory."""
    n, i, k, s = var("n"), var("i"), var("k"), var("s", "f64")
    starts, data = arg("starts", "i64", n + 1, readonly=True), arg("data", "f64", var("m"), readonly=True)
    out = arg("out", "f64", n)
    carried = [Carried("s", const(0.0, "f64"), s + load(data, (k,)), "total")]
    if until:
        carried.append(Carried("stop", load(starts, (i,)) < 3, s + load(data, (k,)) > 2.0, "stopped"))
    rows = For("k", load(starts, (i,)), load(starts, (i + 1,)), [], "seq", carried=carried, until="stop" if until else None)
    function = LoopFunction("kernel", [starts, data, out], [("n", "i64"), ("m", "i64")], [
        For("i", const(0), n, [rows, Store(out, (i,), var("total", "f64"))], "par", vector=True)])
    call = compiled(function, target)
    for size in SIZES:
        begins = np.concatenate([[0], np.cumsum(rng.integers(0, 9, size))]).astype(np.int64)
        values = rng.normal(size=begins[-1])
        _, _, got = call([begins, values, np.zeros(size)], [size, len(values)])
        for row, have in enumerate(got):
            total, stop = 0.0, until and begins[row] < 3
            for x in values[begins[row]:begins[row + 1]]:
                if stop:
                    break
                total += x
                stop = until and total > 2.0
            assert have == total


@levels
def test_a_division_by_what_a_finished_lane_holds(target):
    """Euclid's algorithm: a lane that is done holds 0, which it must not divide by."""
    n, i, a, b = var("n"), var("i"), var("a"), var("b")
    x, y, out = (arg(name, "i64", n, readonly=name != "out") for name in ("x", "y", "out"))
    run = While([Carried("a", load(x, (i,)), b, "ar"), Carried("b", load(y, (i,)), op("rem", a, b), "br")],
                [], b > 0, [])
    call = over_n([x, y, out], run, Store(out, (i,), var("ar")))(target)
    for size in SIZES:
        p, q = (rng.integers(1, 1000, size) for _ in range(2))
        np.testing.assert_array_equal(call([p, q, np.zeros(size, np.int64)], [size])[2], np.gcd(p, q))


@levels
def test_stores_of_lanes_that_still_run(target):
    n, i, c = var("n"), var("i"), var("c")
    length, out = arg("length", "i64", n, readonly=True), arg("out", "i64", n, const(5))
    run = While([Carried("c", const(0), c + 1, "cr")], [], c < load(length, (i,)), [Store(out, (i, c), c * 10)])
    call = over_n([length, out], run)(target)
    for size in SIZES:
        lengths = rng.integers(0, 6, size)
        _, got = call([lengths, np.full((size, 5), -1)], [size])
        np.testing.assert_array_equal(got, np.where(np.arange(5) < lengths[:, None], np.arange(5) * 10, -1).reshape(size, 5))


@levels
def test_a_division_in_the_test_waits_for_the_mask(target):
    """The divisor is made safe inside the loop, so the division stands there too."""
    n, i, c = var("n"), var("i"), var("c")
    x, out = arg("x", "i64", n, readonly=True), arg("out", "i64", n)
    run = While([Carried("c", const(0), c + 1, "cr")],
                [Let("go", op("gt", op("quot", const(100), load(x, (i,))), c * 7))], var("go", "i1"), [])
    call = over_n([x, out], run, Store(out, (i,), var("cr")))(target)
    for size in SIZES:
        divisors = rng.integers(1, 60, size)
        _, got = call([divisors, np.zeros(size, np.int64)], [size])
        np.testing.assert_array_equal(got, -(-(100 // divisors) // 7))
