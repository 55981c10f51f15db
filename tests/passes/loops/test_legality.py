"""One program for each test of legality in the loop passes: where that test alone stands between it and a wrong result.

Each is run before the pass, and after it in every parallel order; without the test, the outcomes differ.
"""

import numpy as np
import pytest
from treadle.ir.errors import VerificationError
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import const, expression_scope, load, select, var
from treadle.ir.loops import Alloc, Buffer, Carried, For, If, Let, LoopFunction, Store, Yielded
from treadle.ir.loops_text import show_loops
from treadle.ir.verify_loops import verify_loops
from treadle.passes.loops.carry import carry
from treadle.passes.loops.contract import contract
from treadle.passes.loops.forward import forward
from treadle.passes.loops.fuse import fuse
from treadle.passes.loops.if_convert import if_convert
from treadle.passes.loops.interchange import interchange
from treadle.passes.loops.parallel import parallel
from treadle.passes.loops.sink import sink
from treadle.passes.loops.skew import skew
from treadle.passes.loops.split import split

SIZE = 24


@pytest.fixture(autouse=True)
def scope():
    """The names that the programs use, made anew in the scope in which equal expressions are one."""
    with expression_scope():
        size = var("n")
        names = {x: var(x) for x in "nijk"}
        names |= {x: Buffer(x, "f64", (size,), place="arg") for x in "uvw"}
        names |= {x: Buffer(x, "f64", (size, size), place="arg") for x in "AB"}
        names |= {"C": Buffer("C", "i64", (size,), place="arg")}
        names |= {"T": Buffer("T", "f64", (size, size), place="temp"), "one": const(1.0, "f64"), "half": const(0.5, "f64")}
        globals().update(names)
        yield


n = i = j = k = u = v = w = A = B = C = T = one = half = None


def loop(name, lo, hi, *body, kind="seq", **rest):
    lo, hi = (const(x) if isinstance(x, int) else x for x in (lo, hi))
    return For(name, lo, hi, list(body), kind, **rest)


def two(body):
    return [loop("i", 2, n - 2, loop("j", 2, n - 2, *body))]


PROGRAMS = {
    "skew: a row ahead": (skew, lambda: two([Store(A, (i, j), load(A, (i, j - 1)) * half + load(A, (i - 1, j + 2)))])),
    "skew: two rows ahead": (skew, lambda: two([Store(A, (i, j), load(A, (i, j - 1)) * half + load(A, (i - 2, j + 2)))])),
    "skew: a later row is read before it is written": (
        skew, lambda: two([Store(A, (i, j), load(A, (i, j - 1)) * half + load(A, (i + 1, j - 1)))])),
    "skew: at no known distance": (skew, lambda: two([Store(A, (i, j), load(A, (i, j - 1)) * half + load(A, (j, i)))])),
    "skew: a column of all rows": (
        skew, lambda: two([Store(A, (i, j), load(A, (i, j - 1)) * half + load(A, (i - 1, const(9))))])),
    "interchange: from the row below": (
        lambda f: interchange(parallel(f)),
        lambda: [loop("j", 2, n - 2, loop("i", 2, n - 2, Store(A, (i, j), load(A, (i + 1, j - 1)) + load(B, (i, j)))))]),
    "interchange: the inner loop's end moves": (
        lambda f: interchange(parallel(f)),
        lambda: [loop("j", 2, n - 2, loop("i", 2, j, Store(A, (i, j), load(A, (i, j - 1)) + load(B, (i, j)))))]),
    "interchange: something beside": (
        lambda f: interchange(parallel(f)),
        lambda: [loop("j", 2, n - 2, loop("i", 2, n, Store(A, (i, j), load(A, (i, j - 1)) + load(B, (i, j)))),
                      Store(v, (j,), one))]),
    "interchange: what is carried": (
        lambda f: interchange(parallel(f)),
        lambda: [loop("j", 2, n - 2, loop("i", 2, n, Store(A, (i, j), load(A, (i, j - 1)) + var("c", "f64"))),
                      carried=[Carried("c", one, var("c", "f64") * half)])]),
    "interchange: at no known distance": (
        lambda f: interchange(parallel(f)),
        lambda: [loop("j", 2, 9, loop("i", 2, n - 2, Store(A, (i, j), load(A, (i - 1, j * 2)) + load(B, (i, j)))))]),
    "interchange: trips that are independent only inside": (
        lambda f: interchange(parallel(f)),
        lambda: [loop("j", 2, n - 2, loop("i", 2, n - 2, Store(A, (i, j), load(A, (i - 1, j - 1)) + load(B, (i, j)))))]),
    "interchange: rows that meet, around loops": (
        lambda f: interchange(parallel(f)),
        lambda: [loop("k", 2, n - 2, loop("i", 2, n - 2, loop("j", 2, 3, Store(A, (i, k), load(A, (i - 1, k - 1)) * half))))]),
    "parallel: the trip before": (parallel, lambda: [loop("i", 2, n, Store(v, (i,), load(v, (i - 1,)) * half))]),
    "parallel: the trip behind": (parallel, lambda: [loop("i", 2, n - 2, Store(v, (i,), load(v, (i + 2,)) * half))]),
    "parallel: one cell": (parallel, lambda: [loop("i", 2, n, Store(v, (const(1),), load(u, (i,))))]),
    "parallel: carried": (parallel, lambda: [
        loop("i", 2, n, Store(v, (i,), var("c", "f64")), carried=[Carried("c", one, var("c", "f64") * half)])]),
    # Around these a loop whose first trip proves that n is 7 at least, so that a load may stand before the inner loop.
    "carry: two stores": (carry, lambda: [loop("k", 6, n, loop(
        "i", 2, n, Store(v, (i,), load(v, (i - 1,)) * half), Store(v, (i,), load(u, (i,)))))]),
    "carry: may meet, need not": (carry, lambda: [loop("k", 2, n - 2, loop(
        "i", 2, n, Store(A, (i, k), load(A, (i - 1, n - k - 2)) * half + load(A, (i - 1, k + 1)))))]),
    "carry: read behind the store": (carry, lambda: [loop("k", 6, n, loop(
        "i", 2, n, Store(v, (k,), load(v, (k,)) * half + load(u, (i,))), Store(w, (i,), load(v, (k,)))))]),
    "carry: read behind the store only": (carry, lambda: [loop("k", 6, n, loop(
        "i", 2, n, Store(v, (k,), load(u, (i,))), Store(w, (i,), load(v, (k,)))))]),
    "carry: stored only sometimes": (carry, lambda: [loop("k", 6, n, loop(
        "i", 2, n, If(load(u, (i,)) < half, [Store(v, (i,), load(v, (i - 1,)) * half)])))]),
    "carry: stored elsewhere too": (carry, lambda: [loop("k", 6, n, loop(
        "i", 2, n - 1, Store(v, (i,), load(v, (i - 1,)) * half), Store(v, (i + 1,), load(u, (i,)))))]),
    "carry: the first trip is out of range": (carry, lambda: [loop("k", 6, n, loop(
        "i", 0, 5, If(i >= 1, [Let("x", load(v, (i - 1,)))], [Let("z", one)], [Yielded("y", var("x", "f64"), var("z", "f64"))]),
        Store(v, (i,), var("y", "f64") * half)))]),
    "fuse: parallel trips that would meet": (fuse, lambda: [
        loop("i", 2, n, Store(v, (i,), load(u, (i,))), kind="par"),
        loop("j", 2, n, Store(w, (j,), load(v, (j - 1,))), kind="par")]),
    "fuse: a later trip is needed": (fuse, lambda: [
        loop("i", 2, n - 1, Store(v, (i,), load(u, (i,)))), loop("j", 2, n - 1, Store(w, (j,), load(v, (j + 1,))))]),
    "fuse: a value between": (fuse, lambda: [
        loop("i", 2, n, Store(v, (i,), load(u, (i,))), kind="par"), Let("t", load(v, (const(5),))),
        loop("j", 2, n, Store(w, (j,), load(v, (j,)) * var("t", "f64")), kind="par")]),
    "fuse: a result is used": (fuse, lambda: [
        loop("i", 2, n, kind="red", carried=[Carried("s", one, var("s", "f64") + load(u, (i,)), "total", "add")]),
        loop("j", 2, n, kind="red", carried=[
            Carried("r", one, var("r", "f64") + load(u, (j,)) * var("total", "f64"), "other", "add")]),
        Store(v, (const(0),), var("other", "f64"))]),
    "contract: another trip's cells": (contract, lambda: [
        Alloc(T), loop("i", 2, n, loop("j", 2, n, Store(T, (i, j), load(A, (i, j)))),
                             If(i >= 3, [loop("k", 2, n, Store(B, (i, k), load(T, (i - 1, k))))]))]),
    "contract: used behind the loop": (contract, lambda: [
        Alloc(T), loop("i", 2, n, loop("j", 2, n, Store(T, (i, j), load(A, (i, j))))),
        Store(v, (const(0),), load(T, (const(5), const(5))))]),
    "split: cut where it is still in range": (split, lambda: [
        loop("i", 2, n - 2, Store(v, (i,), load(u, (select(i < n + 3, i, i + 1),))), kind="par"),
        loop("j", 2, n - 2, Store(w, (j,), load(u, (select(j < n - n - 3, j, j + 1),))), kind="par")]),
    "split: cut where memory says, which the loop changes": (split, lambda: [
        Store(C, (const(0),), const(5)),
        loop("i", 2, n - 2, Store(v, (i,), load(u, (select(i < load(C, (const(0),)), i - 1, i + 1),))),
             Store(C, (const(0),), const(20)))]),
    "split: the bound changes with the trip": (split, lambda: [
        loop("i", 2, n - 2, Let("x", i * 3 - 20), Store(v, (i,), load(u, (select(i < var("x"), i - 1, i + 1),))))]),
    "split: where the index is the larger one": (split, lambda: [
        loop("i", 2, n - 2, Store(v, (i,), load(u, (select(const(9) < i, i - 1, i + 1),))))]),
    "split: two steps at a time": (split, lambda: [
        loop("i", 2, n - 2, Store(v, (i,), load(u, (select(i < 6, i - 1, i + 1),))), step=3)]),
    "split: what is carried": (split, lambda: [
        loop("i", 2, n - 2, Store(v, (i,), load(u, (select(i < 6, i - 1, i + 1),)) * var("c", "f64")),
             carried=[Carried("c", one, var("c", "f64") * half)])]),
    "forward: stored again": (forward, lambda: [
        loop("i", 2, n, Store(v, (i,), load(u, (i,))), Store(v, (i,), one), Store(w, (i,), load(v, (i,))))]),
    "forward: stored again in a branch": (forward, lambda: [
        loop("i", 2, n, Store(v, (i,), load(u, (i,))), If(i < 9, [Store(v, (i,), one)]), Store(w, (i,), load(v, (i,))))]),
    "forward: perhaps the same cell": (forward, lambda: [
        loop("i", 2, n, Store(v, (i,), load(u, (i,))), Store(v, (n - i,), one), Store(w, (i,), load(v, (i,))))]),
    "if_convert: a guarded load": (if_convert, lambda: [
        loop("i", 0, n, If(i >= 1, [], [], [Yielded("y", load(u, (i - 1,)), one)]), Store(v, (i,), var("y", "f64")))]),
    "if_convert: a guarded load in a value": (if_convert, lambda: [
        loop("i", 0, n, If(i >= 1, [Let("t", load(u, (i - 1,)))], [Let("s", load(u, (i,)))],
                           [Yielded("y", var("t", "f64"), var("s", "f64"))]), Store(v, (i,), var("y", "f64")))]),
    "sink: different cells": (sink, lambda: [
        loop("i", 2, n - 1, If(load(u, (i,)) < half, [Store(v, (i,), one)], [Store(v, (i + 1,), half)]))]),
    "sink: what the arms read back": (sink, lambda: [
        loop("i", 2, n - 1, If(load(u, (i,)) < half, [Store(v, (i,), one), Store(w, (i,), load(v, (i,)))],
                               [Store(v, (i,), half), Store(w, (i,), load(v, (i,)) * half)]))]),
    "sink: a cell that memory says, which the arms write": (sink, lambda: [
        loop("i", 2, n - 1, If(load(u, (i,)) < half, [Store(C, (i,), const(3)), Store(v, (load(C, (i,)),), one)],
                               [Store(C, (i,), const(4)), Store(v, (load(C, (i,)),), half)]))]),
    "sink: the cell depends on what the arm writes": (sink, lambda: [
        loop("i", 2, n - 1, If(load(u, (i,)) < half, [Store(v, (i,), one), Store(v, (i + 1,), load(v, (i,)))],
                               [Store(v, (i + 1,), load(v, (i,)) * half)]))]),
}


def run(function, order="forward"):
    rng = np.random.default_rng(5)
    arrays = [rng.normal(0, 1, (SIZE,) * len(b.dims)).astype("i8" if b.dtype == "i64" else "f8") for b in function.buffers]
    evaluate_loops(function, arrays, {"n": SIZE}, order)
    return arrays


@pytest.mark.parametrize("title", PROGRAMS)
def test_a_test_of_legality(title):
    passed, make = PROGRAMS[title]
    function = verify_loops(LoopFunction("f", [u, v, w, A, B, C], [("n", "i64")], make()))
    text, want = show_loops(function), run(function)
    changed = verify_loops(passed(function))
    for order in ("forward", "reverse", "random"):
        for b, x, y in zip(function.buffers, want, run(changed, order), strict=True):
            np.testing.assert_array_equal(y, x, f"{b}, {order}\n{text}\n{show_loops(changed)}")


def test_choice_is_not_branching():
    """A select computes both sides; so the programs above would fail if a load were moved into one."""
    x = load(u, (i - 1,))
    f = LoopFunction("f", [u, v], [("n", "i64")], [loop("i", 0, n, Store(v, (i,), select(i >= 1, x, one)))])
    with pytest.raises(VerificationError, match=r"u\[-1\] is outside"):
        run(f)
