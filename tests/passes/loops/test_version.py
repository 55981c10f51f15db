"""Loops that test indices in their trips get a version without: the same outcome, the same error after the same stores."""

import numpy as np
import pytest
from treadle.compiler.pipeline import LOOP_PASSES
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops_parse import parse_loops
from treadle.ir.loops_text import show_loops
from treadle.ir.verify_loops import verify_loops
from treadle.passes.loops.version import version

SHIFTED = """
loops f(x: f64[20] readonly, y: f64[20]; k: i64, n: i64)
  for seq i in 0..n:
    if ((i ^ (i + k)) & (k ^ (i + k))) < 0:
      raise 0()
    at = i + k
    if (at < neg(20)) | (at >= 20):
      raise 1(at, 20)
    s = select(((i + k) < 0), ((i + k) + 20), (i + k))
    if (i < neg(20)) | (i >= 20):
      raise 1(i, 20)
    y[i] = x[s] * 2.0
  error 0: OverflowError('large')
  error 1: IndexError('index {0} is out of bounds for axis 0 with size {1}')
"""

SEIDEL = """
loops f(a: f64[40, 40]; k: i64, n: i64)
  for seq i in 1..n:
    for seq j in 1..i + k:
      if (i < neg(40)) | (i >= 40):
        raise 0(i, 40)
      if (j < neg(40)) | (j >= 40):
        raise 0(j, 40)
      a[i, j] = (a[i - 1, j] + a[i, j - 1]) * 0.5
  error 0: IndexError('index {0} is out of bounds for axis 0 with size {1}')
"""

HANDED_ON = """
loops f(x: f64[20] readonly, y: f64[20]; k: i64, n: i64)
  for seq t in 0..2 carry c: i64 = k & 7:
    for seq i in 0..n:
      if ((i + c) < neg(20)) | ((i + c) >= 20):
        raise 0(i + c, 20)
      s = max(i + c, 0)
      y[s] = x[s] * 2.0
    next c = c + 1 -> r
  error 0: IndexError('index {0} is out of bounds for axis 0 with size {1}')
"""


def changed(text, *pairs):
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


PROGRAMS = {
    "shifted": SHIFTED,
    "downwards": changed(SHIFTED, ("for seq i in 0..n:", "for seq i in n + -1..-1 step -1:")),
    "every third": changed(SHIFTED, ("for seq i in 0..n:", "for seq i in 0..n step 3:")),
    "backwards": changed(SHIFTED, ("((i ^ (i + k)) & (k ^ (i + k))) < 0", "((k ^ i) & (k ^ (k - i))) < 0"), ("i + k", "k - i")),
    "twice as fast": changed(SHIFTED, ("i + k", "(i * 2) + k"), ("(i ^", "((i * 2) ^")),
    "an arm without statements": changed(
        SHIFTED, ("    y[i] = x[s] * 2.0", "    if x[s] > 0.0:\n      pass\n    else:\n      y[i] = x[s] * 2.0")),
    "an index that the loop around hands on": HANDED_ON,
    "rows, and columns as long as the row": changed(SEIDEL, ("(a[i - 1, j] + a[i, j - 1])", "(a[i, j] + 1.0)")),
}


def outcome(function, k, n, order="forward"):
    rng = np.random.default_rng(3)
    given = [rng.normal(size=tuple(d.payload for d in b.dims)) for b in function.buffers]
    try:
        evaluate_loops(function, given, {"k": k, "n": n}, order)
        return given, None
    except (IndexError, OverflowError) as e:
        return given, repr(e)


@pytest.mark.parametrize("passes", [[version], [p.run for p in LOOP_PASSES]], ids=["alone", "with the others"])
@pytest.mark.parametrize("title", PROGRAMS)
def test_both_versions_do_the_same(title, passes):
    failed = set()
    with expression_scope():
        before, after = parse_loops(PROGRAMS[title].strip() + "\n"), parse_loops(PROGRAMS[title].strip() + "\n")
        for p in passes:
            after = verify_loops(p(after))
        assert "_free" in show_loops(after)
        for k in (-25, -20, -3, -1, 0, 1, 2, 3, 10, 2**41, 2**62, -2**63):
            for n in (-4, 0, 1, 5, 15, 19, 20):
                want, error = outcome(before, k, n)
                failed.add(error)
                for order in ("forward", "reverse", "random"):
                    got, found = outcome(after, k, n, order)
                    assert error == found, (k, n, order)
                    for x, y in zip(want, got, strict=True):
                        np.testing.assert_array_equal(x, y)
    assert len(failed) > 1


ONE_VERSION = {
    "in order anyway": changed(SHIFTED, ("y[i] = x[s] * 2.0", "y[i] = y[max(i - 1, 0)] * 2.0 + x[s]")),
    "an index from memory that the loop changes": changed(
        SHIFTED, ("y: f64[20];", "y: f64[20], w: i64[20];"),
        ("    if ((i", "    c = w[2]\n    if ((i"), ("i + k", "i + c"), ("(k ^", "(c ^"),
        ("y[i] =", "w[i] = i\n    y[i] =")),
    "another reason to raise": changed(
        SHIFTED, ("    y[i] = x", "    if x[s] > 1.0:\n      raise 0()\n    y[i] = x")),
    "a bound that is loaded out of range for all that is known": changed(
        SHIFTED, ("x: f64[20] readonly", "x: f64[20] readonly, p: i64[20] readonly"),
        ("    if ((i", "    c = p[max(k, 0)]\n    if ((i"), ("i + k", "i + c"), ("(k ^", "(c ^")),
    "to the lesser end": changed(SHIFTED, ("0..n", "0..min(n, k)")),
    "a loop that may not end": changed(
        SHIFTED, ("    y[i] = x", "    while carry t: i64 = 0:\n      pass\n    test x[t] > 0.0:\n"
                                  "      next t = t + 1 -> m\n    y[i] = x")),
    "an error or a store": changed(SHIFTED, ("      raise 1(i, 20)\n    y[i] =", "      raise 1(i, 20)\n    else:\n      y[i] =")),
    "an error or a value": changed(
        SHIFTED, ("      raise 1(i, 20)\n", "      raise 1(i, 20)\n      yield 1.0 or 2.0 -> w\n"), ("* 2.0", "* w")),
    "a temporary": changed(SHIFTED, ("    y[i] = x[s] * 2.0", "    alloc w: f64[2]\n    w[0] = x[s]\n    y[i] = w[0]")),
    "no test": changed(SEIDEL, ("      if (i < neg(40)) | (i >= 40):\n        raise 0(i, 40)\n", ""),
                       ("      if (j < neg(40)) | (j >= 40):\n        raise 0(j, 40)\n", ""), ("1..n", "1..9"), ("i + k", "9")),
}


@pytest.mark.parametrize("title", ONE_VERSION)
def test_a_loop_that_stays(title):
    with expression_scope():
        assert "_free" not in show_loops(verify_loops(version(parse_loops(ONE_VERSION[title].strip() + "\n"))))


def test_what_the_loop_carries_is_handed_on():
    text = changed(SHIFTED, ("for seq i in 0..n:", "for seq i in 0..n carry c: f64 = 1.0:"), (
        "    y[i] = x[s] * 2.0", "    for seq j in 0..20:\n      y[j] = x[j] + x[s]\n    next c = c * x[s] -> r"))
    text = text.replace("  error 0", "  y[3] = r\n  error 0")
    with expression_scope():
        before, after = parse_loops(text.strip() + "\n"), verify_loops(version(parse_loops(text.strip() + "\n")))
        assert "_free" in show_loops(after)
        for k, n in ((0, 0), (3, 9), (15, 9)):
            (want, error), (got, found) = outcome(before, k, n), outcome(after, k, n)
            assert error == found
            np.testing.assert_array_equal(want[1], got[1])


def test_a_wavefront_is_worth_it():
    text = changed(SEIDEL, ("1..i + k", "1..k"))
    with expression_scope():
        shown = show_loops(verify_loops(version(parse_loops(text.strip() + "\n"))))
        assert "_free" in shown and shown.count("raise") == 2
