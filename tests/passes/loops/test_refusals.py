"""Programs that a loop pass changes, each beside others, one step away, that it must leave as they are, or change otherwise."""

import numpy as np
import pytest
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops_parse import parse_loops
from treadle.ir.loops_text import show_loops
from treadle.ir.verify_loops import verify_loops
from treadle.passes.loops.carry import carry
from treadle.passes.loops.contract import contract
from treadle.passes.loops.forward import forward
from treadle.passes.loops.fuse import fuse
from treadle.passes.loops.if_convert import if_convert
from treadle.passes.loops.interchange import interchange
from treadle.passes.loops.marking import marking
from treadle.passes.loops.parallel import parallel
from treadle.passes.loops.skew import skew
from treadle.passes.loops.split import split
from treadle.passes.loops.unroll import unroll

CHOICE = """
loops f(v: f64[20], u: f64[20] readonly)
  for seq i in 0..20:
    if u[i] < 0.5:
      x = u[i] * 2.0
      yield x or 1.0 -> y
    v[i] = y
"""

ESCAPE = """
loops f(a: i64[20], x: f64[20] readonly)
  for seq i in 0..20:
    alloc w: f64[4]
    w[0] = x[i]
    while carry n: i64 = 0, z: f64 = 0.0:
      pass
    test n < 30:
      next n = n + 1 -> m
      next z = (z * z) + w[0] -> r
    a[i] = m
"""

ROLLED = """
loops f(v: f64[20], u: f64[20] readonly)
  for seq i in 0..20:
    v[i] = u[select((i < 5), (i + 15), (i - 5))]
"""

COMPONENTS = """
loops f(a: f64[50], x: f64[50, 3] readonly; n: i64)
  for seq i in 0..50:
    for seq k in 0..3 carry c: f64 = 0.0, stop: i1 = false:
      next c = c + x[i, k] -> r
      next stop = c > 1.0 -> q
    a[i] = r
"""

COLUMNS = """
loops f(p: f64[20, 30] fresh, u: f64[20, 30] readonly)
  for seq j in 1..30:
    for par i in 0..20:
      p[i, j] = u[i, j] / ((p[i, j - 1] * 0.3) + 2.0)
  error 0: ValueError('{0}, {1}')
"""

SEIDEL = """
loops f(a: f64[50, 60], b: i64[50]; n: i64)
  for seq i in 1..49:
    for seq j in 1..59:
      a[i, j] = (a[i - 1, j] + a[i, j - 1]) * 0.25
  error 0: ValueError('{0}')
"""

ROWS = """
loops f(x: f64[20, 30] readonly, y: f64[20, 30])
  alloc t: f64[20, 30]
  for seq i in 0..20:
    for seq j in 0..30:
      t[i, j] = x[i, j] * 2.0
    for seq k in 0..30:
      y[i, k] = t[i, k] + t[i, 0]
"""

SUMS = """
loops f(x: f64[30] readonly, y: f64[30], q: f64[2])
  for red i in 0..30 carry c: f64 = 0.0 by add:
    next c = c + x[i] -> r
  for red j in 0..30 carry d: f64 = 0.0 by add:
    next d = d + (x[j] * 2.0) -> s
  q[0] = r
  q[1] = s
"""

PAIR = """
loops f(x: f64[30] readonly, y: f64[30], z: f64[30])
  for seq i in 0..30:
    y[i] = x[i] * 2.0
  for seq j in 0..30:
    z[j] = y[j] + 1.0
  error 0: ValueError('{0}')
"""

DOUBLED = """
loops f(x: f64[64, 64], y: f64[64])
  for par i in 0..64:
    y[i] = x[1, i] * 2.0
"""

# By pass: the program, and what must not be changed in it.
STAYS = {
    "if_convert": (if_convert, CHOICE, {
        "a store in an arm": ("      x = ", "      v[i] = 3.0\n      x = "),
    }),
    "interchange": (interchange, COLUMNS, {
        "an error behind each column": (
            "+ 2.0)\n", "+ 2.0)\n    if u[0, j] > 1.0:\n      raise 0(0, j)\n"),
        "what rows hand on": (
            "for par i in 0..20:", "for seq i in 0..20 carry c: f64 = 1.0:", "2.0)\n", "c)\n      next c = c * 0.5 -> r\n"),
        "rows that meet at no known distance": ("p[i, j - 1]", "p[19 - i, j - 1]"),
        "the first error of all": ("      p[i, j] =", "      if u[i, j] < 0.0:\n        raise 0(i, j)\n      p[i, j] ="),
    }),
    "skew": (skew, SEIDEL, {
        "every other row": ("1..49:", "1..49 step 2:"),
        "every other column": ("1..59:", "2..59 step 2:", "a[i, j - 1]", "a[i, j - 2]"),
        "rows downwards": ("1..49:", "48..0 step -1:"),
        "what rows hand on": ("1..49:", "1..49 carry c: f64 = 1.0:", "0.25\n", "c\n    next c = c * 0.5 -> r\n"),
        "what columns hand on": ("1..59:", "1..59 carry c: f64 = 1.0:", "0.25\n", "c\n      next c = c * 0.5 -> r\n"),
        "rows of different lengths": ("1..59:", "1..min(i, n):"),
        "rows as long as memory says": ("1..59:", "1..min(b[0], n):"),
        "an error behind each row": ("0.25\n", "0.25\n    if b[i] > 1:\n      raise 0(i)\n"),
        "the first error of all": ("      a[i, j] =", "      if a[i - 1, j] > 1.0:\n        raise 0(i)\n      a[i, j] ="),
    }),
    "contract": (contract, ROWS, {
        "a library routine": ("    for seq j", "    call sort_f64((i * 30), 30, 0) reads () writes (t)\n    for seq j"),
        "the bounds of the loop that uses it": ("for seq i in 0..20:", "for seq i in 0..select((t[0, 0] < 1.0), 20, 19):"),
        "what the loop begins with": ("0..20:", "0..20 carry c: f64 = t[0, 0]:", "t[i, 0]\n", "c\n    next c = c * 0.5 -> r\n"),
        "another trip's row": ("t[i, 0]", "t[3, 0]"),
    }),
    "fuse": (fuse, SUMS, {
        "other bounds": ("for red j in 0..30", "for red j in 0..29"),
        "another beginning": ("for red j in 0..30", "for red j in 1..30"),
        "other steps": ("for red j in 0..30", "for red j in 0..30 step 2"),
        "another order": ("for red j in 0..30 carry d: f64 = 0.0 by add", "for seq j in 0..30 carry d: f64 = 0.0"),
        "sums in other parts": ("for red j in 0..30", "for red j in 0..30 lanes 4"),
        "no memory in common": ("x[j]", "y[j]"),
        "what the second stores, which the first adds at the end": (
            "c + x[i]", "c + y[i]", "d: f64 = 0.0 by add:\n", "d: f64 = 0.0 by add:\n    y[j] = 1.0\n"),
    }),
    "fuse what stores": (fuse, PAIR, {
        "an error in the second": ("    z[j] =", "    if y[j] > 0.5:\n      raise 0(j)\n    z[j] ="),
        "what the first hands on": (
            "0..30:\n    y[i] = x[i] * 2.0", "0..30 carry c: f64 = 1.0:\n    y[i] = c\n    next c = c * x[i] -> r"),
        "the second ends early": (
            "seq j in 0..30:", "seq j in 0..30 until e carry e: i1 = false:", "+ 1.0\n", "+ 1.0\n    next e = y[j] > 0.5 -> r\n"),
    }),
    "marking": (marking, DOUBLED, {
        "stores far from each other": ("y[i] = x[1, i]", "x[i, 0] = y[i]"),
        "stores in a loop inside": ("    y[i] = x[1, i] * 2.0", "    for seq k in 0..4:\n      x[k, i] = y[i]"),
        "stores in a loop with a test inside": (
            "    y[i] = x[1, i] * 2.0", "    while carry t: i64 = 0:\n      pass\n    test t < 4:\n      x[t, i] = y[i]\n"
                                        "      next t = t + 1 -> m"),
        "vectors inside": (
            "    y[i] = x[1, i] * 2.0", "    for red k in 0..64 vector carry c: f64 = 0.0 by add:\n"
                                        "      next c = c + x[k, 0] -> r\n    y[i] = r"),
    }),
    "parallel": (parallel, ESCAPE, {
        "a library routine, which only writes what is the trip's own": (
            "    w[0] = x[i]\n", "    w[0] = x[i]\n    call sort_f64(0, 4, 0) reads () writes (w)\n"),
        "a count of floats, which stand still when they are large": (
            "test n < 30:\n      next n = n + 1 -> m\n      next z = (z * z) + w[0] -> r",
            "test z < 1e300:\n      next n = n + 1 -> m\n      next z = z + 1.0 -> r"),
        "another number and one": ("next n = n + 1", "next n = i + 1"),
        "a count by what only the run knows": ("next n = n + 1", "next n = n + i"),
        "a count downwards": ("next n = n + 1", "next n = n - 1"),
        "a count that doubles": ("next n = n + 1", "next n = n * 2"),
    }),
    "split": (split, ROLLED, {
        "a loop that ends by itself inside": (
            "    v[i] =", "    while carry t: i64 = 0:\n      pass\n    test t < i:\n      next t = t + 1 -> m\n    v[m] ="),
    }),
    "unroll": (unroll, COMPONENTS, {
        "a loop that ends early": ("0..3", "0..3 until stop"),
        "as many trips as only the run knows": ("0..3", "0..n"),
        "sums in several parts": (
            "for seq k in 0..3 carry c: f64 = 0.0, stop: i1 = false:", "for red k in 0..3 lanes 2 carry c: f64 = 0.0 by add:",
            "\n      next stop = c > 1.0 -> q", ""),
    }),
}
CASES = [(name, what) for name, (_, _, changes) in STAYS.items() for what in changes]


def before_and_after(run, text):
    with expression_scope():
        before, after = (verify_loops(parse_loops(text.strip() + "\n")) for _ in range(2))
        return show_loops(before), show_loops(verify_loops(run(after)))


def changed(text, *old_and_new):
    for old, new in zip(old_and_new[::2], old_and_new[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("name", STAYS)
def test_a_program_that_changes(name):
    run, text, _ = STAYS[name]
    before, after = before_and_after(run, text)
    assert before != after


def test_loops_over_different_parts_of_an_array_become_one():
    before, after = before_and_after(fuse, changed(PAIR, "y: f64[30]", "y: f64[60]", "z[j] = y[j]", "z[j] = y[j] + y[j + 30]"))
    assert before != after


@pytest.mark.parametrize("name, what", CASES)
def test_a_program_that_stays(name, what):
    run, text, changes = STAYS[name]
    before, after = before_and_after(run, changed(text, *changes[what]))
    assert before == after


TOTAL = """
loops f(s: f64[60], b: f64[50] readonly, q: f64[50], k: i64[4] readonly)
  for seq i in 0..50:
    s[3] = s[3] + b[i]
  error 0: ValueError('{0}')
"""


def carrying(init, *rest, until=""):
    """The loop with `c` handed on: its start, statements behind the store, and what comes next."""
    *added, following = rest
    head = f"0..50{until} carry c: {init}:\n    s[3] = s[3] + b[i]\n"
    return "0..50:\n    s[3] = s[3] + b[i]\n", head + "".join(f"    {x}\n" for x in (*added, f"next c = {following} -> r"))


STORED = """
loops f(s: f64[60], b: f64[50] readonly, q: f64[50], k: i64[4])
  alloc t: f64[50]
  for seq i in 0..50:
    t[i] = b[i] * 2.0
    q[i] = t[i]
  error 0: ValueError('{0}')
"""

# What carrying changes in the middle of a loop is seen by what else the loop does.
CARRIED = {
    "an error shows what was stored": ("    s[3]", "    if b[i] > 1.0:\n      raise 0(i)\n    s[3]"),
    "the cell has a name in the loop": ("    s[3] = s[3]", "    x = 3\n    s[x] = s[3]"),
    "a cell that moves": ("s[3] = s[3]", "s[i + 1] = s[i]"),
    "another read may be of the cell": ("b[i]\n", "b[i]\n    q[i] = s[49 - i]\n"),
    "another read may be of the cell, at the end of the trip": carrying("f64 = 0.0", "q[i] = c", "c + s[49 - i]"),
    "the same read at the end of the trip": carrying("f64 = 0.0", "q[i] = c", "c + s[3]"),
    "what the loop begins with": carrying("f64 = s[3]", "q[i] = c", "c + b[i]"),
    "an index from memory, which a loop without trips does not read": ("0..50", "0..0", "s[3] = s[3]", "s[k[9] & 7] = s[k[9] & 7]"),
    "a library routine": ("b[i]\n", "b[i]\n    call sort_f64(0, 4, 0) reads () writes (s)\n"),
    "a loop that ends early": carrying("i1 = false", "b[i] > 1.0", until=" until c"),
    "loops inside": ("b[i]\n", "b[i]\n    for seq j in 0..3:\n      q[j] = q[j] + s[3]\n"),
    "a store in a branch": ("    s[3] = s[3] + b[i]", "    if b[i] > 0.0:\n      s[3] = s[3] + b[i]"),
}


FORWARDED = {
    "a library routine reads it": ("    q[i]", "    call dgemv(0, 0, 0, 0, 1, 1, 1, 1, 1) reads (t, b) writes (s)\n    q[i]"),
    "a library routine writes it": ("    q[i]", "    call sort_f64(0, (i + 1), 0) reads () writes (t)\n    q[i]"),
    "an index that memory says, which changes": (
        "    t[i] = b[i] * 2.0\n    q[i] = t[i]", "    t[k[0] & 7] = b[i]\n    k[0] = i\n    q[i] = t[k[0] & 7]"),
    "read in the next trip": ("q[i] = t[i]", "q[i] = t[i] + t[max(i - 1, 0)]"),
}
CHANGES = {f"{run.__name__}: {what}": (run, text, change)
           for run, text, changes in ((carry, TOTAL, CARRIED), (forward, STORED, FORWARDED)) for what, change in changes.items()}


def outcome(function):
    rng = np.random.default_rng(4)
    arrays = [rng.normal(size=tuple(d.payload for d in b.dims)).astype(b.dtype[0] + "8") for b in function.buffers]
    try:
        evaluate_loops(function, arrays)
    except ValueError as e:
        return arrays, str(e)
    return arrays, None


@pytest.mark.parametrize("run, text, change", CHANGES.values(), ids=CHANGES)
def test_what_is_kept_in_registers_is_seen(run, text, change):
    with expression_scope():
        before, after = (verify_loops(parse_loops(changed(text, *change).strip() + "\n")) for _ in range(2))
        (want, error), (got, found) = outcome(before), outcome(verify_loops(run(after)))
        assert error == found
        for x, y in zip(want, got, strict=True):
            np.testing.assert_array_equal(x, y, show_loops(after))
