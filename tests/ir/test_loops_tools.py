"""The loop dialect's printer, verifier and evaluator on small nests of every kind of statement."""

import numpy as np
import pytest
from treadle.ir.errors import VerificationError
from treadle.ir.evaluate_loops import evaluate_loops, identity
from treadle.ir.expr import bitcast, cast, const, expression_scope, load, op, select, table, var
from treadle.ir.loc import Loc
from treadle.ir.loops import (
    Alloc,
    Buffer,
    Call,
    Carried,
    ErrorSite,
    For,
    If,
    Let,
    LoopFunction,
    Raise,
    Store,
    While,
    Yielded,
)
from treadle.ir.loops_parse import parse_loops
from treadle.ir.loops_text import show_loops
from treadle.ir.parse import ParseError
from treadle.ir.verify_loops import verify_loops


@pytest.fixture(autouse=True)
def scope():
    with expression_scope():
        yield


i, j, n = var("i"), var("j"), var("n")


def array(name, *dims, dtype="f64", place="arg", **facts):
    return Buffer(name, dtype, tuple(d if not isinstance(d, int) else const(d) for d in dims), place=place, **facts)


def loop(v, hi, body, kind="par", **marks):
    return For(v, const(0), hi if not isinstance(hi, int) else const(hi), body, kind, **marks)


def checked(f):
    """`f`, which verifies, and whose text comes back."""
    text = show_loops(f)
    again = verify_loops(parse_loops(text))
    assert show_loops(again) == text
    assert again.scalars == f.scalars and [(e.exception, e.message) for e in again.errors] == [
        (e.exception, e.message) for e in f.errors]
    return verify_loops(f)


def row_sums(lanes=1):
    x, out = array("x", n, 6, readonly=True), array("out", n)
    s = Carried("s", const(0.0, "f64"), var("s", "f64") + load(x, (i, j)), "total", "add")
    inner = loop("j", 6, [], "red", carried=[s], lanes=lanes)
    body = [loop("i", n, [inner, Store(out, (i,), var("total", "f64"))], loc=Loc("/a/prog.py", 7))]
    return LoopFunction("sums", [x, out], [("n", "i64")], body)


def test_text():
    assert show_loops(checked(row_sums(4))) == """\
loops sums(x: f64[n, 6] readonly, out: f64[n]; n: i64)
  for par i in 0..n:   # prog.py:7
    for red j in 0..6 lanes 4 carry s: f64 = 0.0 by add:
      pass
      next s = s + x[i, j] -> total
    out[i] = total
"""


@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
def test_reductions_combine_in_the_order_of_their_lanes(order):
    x = np.array([[1e16, 1, -1e16, 1, 1, 1], [-0.0] * 6], float)
    out = np.empty(2)
    evaluate_loops(row_sums(), [x, out], {"n": 2}, order)
    np.testing.assert_array_equal(out, [((((1e16 + 1) - 1e16) + 1) + 1) + 1, 0.0])
    evaluate_loops(row_sums(4), [x, out], {"n": 2}, order)
    # Partials: 1e16 + 1, 1 + 1, -1e16, 1; then 0 with 2 and 1 with 3; then these two.
    assert out[0] == ((1e16 + 1) - 1e16) + ((1 + 1) + 1)
    assert identity("max", "i8") == -128 and np.signbit(identity("add", "f32"))


def test_a_wrongly_parallel_loop_is_seen_in_reverse():
    x = array("x", 5)
    body = [For("i", const(1), const(5), [Store(x, (i,), load(x, (i - 1,)) * 2.0)], "par")]
    f = checked(LoopFunction("f", [x], [], body))
    a, b = np.ones(5), np.ones(5)
    evaluate_loops(f, [a])
    evaluate_loops(f, [b], order="reverse")
    assert a.tolist() == [1, 2, 4, 8, 16] and b.tolist() != a.tolist()


def test_branches_whiles_tables_temporaries_and_until():
    out, t = array("out", 4, dtype="i64"), array("t", 4, dtype="i64", place="temp")
    k, done = var("k"), var("done", "i1")
    body = [
        Alloc(t),
        loop("i", 4, [If(i < 2, [Let("a", i * 10)], [Let("b", i + 100)], [Yielded("c", var("a"), var("b"))]),
                      Store(t, (i,), var("c") + table((5, 6, 7, 8), i, "i64"))], "seq"),
        While([Carried("k", const(0), k + 3, "last")], [Let("more", k < 8)], var("more", "i1"), []),
        For("j", const(0), const(100), [], "seq", until="done",
            carried=[Carried("done", const(False, "i1"), (j >= 5), ""), Carried("m", const(1), var("m") * 2, "power")]),
        loop("q", 4, [Store(out, (var("q"),), load(t, (const(3) - var("q"),)) + select(var("last") > 8, var("power"), 0))]),
    ]
    f = checked(LoopFunction("f", [out], [], body))
    assert done.dtype == "i1" and "until done" in show_loops(f)
    got = np.zeros(4, np.int64)
    evaluate_loops(f, [got])
    # c = 0, 10, 102, 103; the loop over j stops before trip 6, after 6 doublings.
    assert got.tolist() == [111 + 64, 109 + 64, 16 + 64, 5 + 64]


def test_errors_are_the_programs_own():
    f = LoopFunction("f", [], [("n", "i64")], [If(n >= 3, [Raise(0, (n, const(3)))])],
                     [ErrorSite("IndexError", "index {0} is out of bounds for size {1}", None)])
    checked(f)
    evaluate_loops(f, [], {"n": 2})
    with pytest.raises(IndexError, match="index 5 is out of bounds for size 3"):
        evaluate_loops(f, [], {"n": 5})


def test_every_access_is_checked():
    x = array("x", 3)
    f = checked(LoopFunction("f", [x], [], [loop("i", 4, [Store(x, (i - 1,), const(0.0, "f64"))])]))
    with pytest.raises(VerificationError, match=r"x\[-1\] is outside of \[3\]"):
        evaluate_loops(f, [np.zeros(3)])
    with pytest.raises(VerificationError, match=r"given is float64\[4\]"):
        evaluate_loops(f, [np.zeros(4)])
    with pytest.raises(VerificationError, match="strides"):
        evaluate_loops(f, [np.zeros(6)[::2]])


def test_complex_arrays_are_seen_as_components():
    z = Buffer("z", "f64", (const(2), const(3), const(2)), (const(2), const(4), const(1)), "arg")
    conjugated = [loop("i", 2, [loop("j", 3, [Store(z, (i, j, const(1)), op("neg", load(z, (i, j, const(1)))))])])]
    f = checked(LoopFunction("f", [z], [], conjugated))
    a = np.asfortranarray(np.arange(6).reshape(2, 3) * (1 + 2j))
    want = a.conj()
    evaluate_loops(f, [a])
    np.testing.assert_array_equal(a, want)


def test_library_routines():
    a, b, c = (Buffer(x, "f64", (const(r), const(s)), (const(1), const(r)), "arg")
               for x, r, s in (("a", 2, 3), ("b", 3, 4), ("c", 2, 4)))
    # The first row of a left out: offset 1, leading dimension 2.
    numbers = [const(k) for k in (1, 0, 0, 0, 0, 1, 4, 3, 2, 3, 2)]
    f = checked(LoopFunction("f", [a, b, c], [], [Call("dgemm", (a, b), (c,), tuple(numbers), "status")]))
    assert "call dgemm(1, 0, 0, 0, 0, 1, 4, 3, 2, 3, 2) reads (a, b) writes (c) -> status" in show_loops(f)
    rng = np.random.default_rng(0)
    x, y, z = (np.asfortranarray(rng.normal(size=s)) for s in ((2, 3), (3, 4), (2, 4)))
    want = np.vstack([x[1:] @ y, z[1:]])
    evaluate_loops(f, [x, y, z])
    np.testing.assert_allclose(z, want)
    p, q = array("p", 3, dtype="i8"), array("q", 3, dtype="i64")
    g = checked(LoopFunction("g", [p, q], [], [Call("argsort_i8", (p,), (q,), tuple(map(const, (0, 0, 3, 2)))),
                                                    Call("sort_i8", (), (p,), tuple(map(const, (0, 3, 0))))]))
    x, y = np.array([3, -1, 2], np.int8), np.zeros(3, np.int64)
    evaluate_loops(g, [x, y])
    assert x.tolist() == [-1, 2, 3] and y.tolist() == [1, 2, 0]


def test_every_mark_and_number_comes_back():
    data = Buffer("data", "f32", (const(3),), place="const", readonly=True, data=(1.5, float("nan"), float("-inf")))
    out = Buffer("out", "f32", (n,), (const(2),), "arg")
    t = array("t", n, 4, dtype="u8", place="temp")
    t.offset, t.worker_stride = 64, 128
    marked = loop("i", op("min", n, const(3)), [Alloc(t), Store(t, (i, const(0)), const(200, "u8")), Store(
        out, (i,), load(data, (i,)) + cast(load(t, (i, const(0))), "f32") - bitcast(const(7, "u32"), "f32"))],
        threads=True, vector=True, jam=4, step=-2)
    tail = [Let("x", const(-0.0, "f64")), Let("next", const(1e300, "f64")), Let("y", ~(var("x", "f64") < 1.0)),
            If(var("y", "i1"), [], [Raise(0)], loc=Loc("p.py", 3))]
    f = LoopFunction("f", [out], [("n", "i64"), ("s", "f16")], [marked, *tail], [ErrorSite("ValueError", "it's {0}\n", None)],
                     arena_bytes=256, worker_bytes=64)
    again = parse_loops(show_loops(checked(f)))
    assert again.arena_bytes == 256 and again.worker_bytes == 64
    assert again.body[0].threads and again.body[0].vector and again.body[0].jam == 4 and again.body[0].step == -2
    assert again.body[0].body[0].buffer.offset == 64 and again.body[0].body[0].buffer.worker_stride == 128
    assert np.isnan(next(iter(again.body[0].body[2].value.buffers - {again.body[0].body[0].buffer})).data[1])


def test_large_expressions_come_back_with_their_parts():
    x, e = array("x", 3), load(array("y", 3), (i,))
    for _ in range(12):
        e = op("exp", e) * e + e
    y = next(iter(e.buffers))
    body = [loop("i", 3, [Store(x, (i,), e), Let("z", e < 1.0), Store(x, (i,), select(var("z", "i1"), e, e * 2.0))])]
    f = LoopFunction("f", [x, y], [], body)
    assert " where t1 = " in show_loops(f)
    checked(f)


@pytest.mark.parametrize("text, message", [
    ("loops f(x: f64[3])\n  y[0] = 1.0\n", "line 2: a buffer wanted, 'y' found"),
    ("loops f()\n  a = b + 1\n", "line 2: a name bound before wanted, 'b' found"),
    ("loops f()\n  for seq i in 0..3 twice:\n    pass\n", "line 2: a mark"),
    ("loops f()\n  for seq i in 0..3 carry s: i64 = 0:\n    pass\n  a = 1\n", "line 4: next s wanted"),
    ("loops f()\n  a = ?\n", "line 2: cannot read"),
])
def test_wrong_loop_text_is_named_with_its_line(text, message):
    with pytest.raises(ParseError, match=message.replace("?", r"\?")):
        parse_loops(text)


def wrong(body, buffers=(), scalars=()):
    return LoopFunction("f", list(buffers), list(scalars), body)


x = array("x", 3)
ro = array("ro", 3, readonly=True)
WRONG = {
    "used but not bound": lambda: wrong([Let("a", var("b") + 1)]),
    "is bound twice": lambda: wrong([Let("a", const(1)), loop("i", 3, [Let("a", const(2))])]),
    "bound here": lambda: wrong([loop("i", 3, [Let("a", i)]), Let("b", var("a") + 1)]),
    "is i64, not f64": lambda: wrong([Let("a", var("n", "f64") * 2.0)], scalars=[("n", "i64")]),
    "does not exist here": lambda: wrong([loop("i", 3, [Store(x, (i,), const(1.0, "f64"))])]),
    "is read-only": lambda: wrong([Store(ro, (const(0),), const(1.0, "f64"))], [ro]),
    "is stored into": lambda: wrong([Store(x, (const(0),), const(1))], [x]),
    "has 1 axes, 2": lambda: wrong([Store(x, (const(0), const(0)), const(1.0, "f64"))], [x]),
    "a par loop carries": lambda: wrong([loop("i", 3, [], carried=[Carried("c", const(0), const(1))])]),
    "has no next": lambda: wrong([loop("i", 3, [], "seq", carried=[Carried("c", const(0))])]),
    "is combined by add, but": lambda: wrong([
        loop("i", 3, [], "red", carried=[Carried("c", const(0), var("c") * 2, "", "add")])]),
    "every scalar": lambda: wrong([loop("i", 3, [], "red", carried=[Carried("c", const(0), var("c") + 2)])]),
    "until names": lambda: wrong([loop("i", 3, [], "seq", until="i")]),
    "no error 1": lambda: wrong([Raise(1)]),
    "different types": lambda: wrong([If(const(True, "i1"), [], [], [Yielded("y", const(1), const(1.0, "f64"))])]),
    "no power of two": lambda: wrong([loop("i", 3, [], "seq", lanes=3)]),
    "not a temporary": lambda: wrong([Alloc(x)]),
    "where i64 is wanted": lambda: wrong([loop("i", const(3, "i32"), [])]),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_functions_are_refused(message):
    with pytest.raises(VerificationError, match=message):
        verify_loops(WRONG[message]())
