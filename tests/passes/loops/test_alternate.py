"""Arrays that take turns: what becomes of the copies of a state, and the loops where a test of legality keeps them."""

import numpy as np
import pytest
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops_parse import parse_loops
from treadle.ir.loops_text import show_loops
from treadle.ir.verify_loops import verify_loops
from treadle.passes.loops.alternate import alternate

STEPS = """
loops f(u: f64[12], v: f64[12]; n: i64)
  for seq t in 0..n:
    alloc m: f64[12]
    for par i in 0..12:
      m[i] = u[i]
    for par j in 0..10:
      u[j + 1] = (m[j] + m[j + 2]) * 0.5
"""
UNTIL = """
loops f(u: f64[6, 7], g: f64[6, 7] readonly, out: f64[2]; n: i64)
  while carry c: f64 = 1.0, k: i64 = 0:
    look = u[2, 3] + c
    go = (k < n) & (look < 1000.0)
  test go:
    alloc m: f64[6, 7]
    for par i in 0..6:
      for par j in 0..7:
        m[i, j] = u[i, j]
    for par i1 in 1..5:
      for par j1 in 1..6:
        u[i1, j1] = (m[i1 - 1, j1] + m[i1, j1 + 1]) - g[i1, j1]
    for red i2 in 0..6 carry s: f64 = 0.0 by add:
      pass
      next s = s + (u[i2, 3] - m[i2, 2]) -> total
    next c = total + u[1, 1] -> last
    next k = k + 1 -> steps
  out[0] = last
  out[1] = cast.f64(steps)
"""


@pytest.fixture(autouse=True)
def _scope():
    with expression_scope():
        yield


def outcome(function, trips, order="forward"):
    rng = np.random.default_rng(3)
    given = [rng.normal(size=tuple(d.payload for d in b.dims)).astype(f"{b.dtype[0]}8") for b in function.buffers]
    evaluate_loops(function, given, {"n": trips}, order)
    return given


def alternated(text):
    """The function after the pass, which computes what it did before, for no trip and for odd and even numbers of them."""
    before, after = parse_loops(text.strip() + "\n"), verify_loops(alternate(parse_loops(text.strip() + "\n")))
    for trips in (0, 1, 2, 5):
        want = outcome(before, trips)
        for order in ("forward", "reverse", "random"):
            for x, y in zip(want, outcome(after, trips, order), strict=True):
                np.testing.assert_array_equal(x, y, f"{trips} trips, {order}\n{show_loops(after)}")
    return show_loops(after)


def changed(old, new, text=STEPS):
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize("text", [STEPS, UNTIL], ids=["for", "while"])
def test_the_copy_is_gone(text):
    shown = alternated(text)
    assert "f64[2, " in shown and "m[" not in shown
    assert shown.count("u[") <= 3  # into the first half, into the second, and back


BOTH = {
    "the border changes in the loop": changed("    for par j in", "    u[0] = v[t]\n    for par j in"),
    "the border changes behind": STEPS + "    u[11] = u[10]\n",
    "the box grows": changed("for par j in 0..10", "for par j in 0..min(t, 10)"),
    "the box shrinks": changed("for par j in 0..10", "for par j in 0..10 - min(t, 10)"),
    "the test looks at the state": changed(
        "test go", "test (k < n) & (u[1, 1] < 1000.0)", UNTIL).replace("    go = (k < n) & (look < 1000.0)\n", ""),
    "the copy changes too": STEPS + "    m[0] = 7.0\n    v[t] = m[0] + u[0]\n",
    "the state is read before its copy": changed("    alloc m", "    v[t] = u[t]\n    alloc m"),
    "both are read behind": STEPS + "    for par k in 0..12:\n      v[k] = u[k] - m[k]\n",
    "all is overwritten": changed("for par j in 0..10:\n      u[j + 1] = (m[j] + m[j + 2])",
                                  "for par j in 0..12:\n      u[j] = (m[j] + m[11 - j])"),
}


@pytest.mark.parametrize("title", BOTH)
def test_what_the_loop_does_not_overwrite_goes_along(title):
    alternated(BOTH[title])


def test_the_copy_goes_where_the_border_changes_behind():
    assert "f64[2, 12]" in alternated(BOTH["the border changes behind"])
    assert "f64[2, 12]" in alternated(BOTH["the copy changes too"])


MEASURED = changed("v: f64[12];", "v: f64[12], q: i64[2];").replace("    for par j", "    q[0] = t\n    for par j")

REFUSED = {
    "memory says where the box begins": changed("in 0..10", "in q[0] & 3..10", MEASURED),
    "memory says where the box ends": changed("in 0..10", "in 0..q[0] & 7", MEASURED),
    "rows of different lengths": changed("1..6:", "1..(i1 & 3) + 2:", UNTIL),
    "a state of each trip": changed(
        "    alloc m", "    alloc s: f64[12]\n    for par k in 0..12:\n      s[k] = v[k]\n    alloc m").replace(
        "m[i] = u[i]", "m[i] = s[i]").replace("u[j + 1]", "s[j + 1]") + "    v[t] = s[3]\n",
    "part of the copy": changed("for par i in 0..12", "for par i in 0..11"),
    "the copy is turned around": changed("m[i] = u[i]", "m[i] = u[11 - i]"),
    "the copy is of something else": changed("m[i] = u[i]", "m[i] = u[i] * 1.5"),
    "the state is larger": changed("u: f64[12]", "u: f64[14]"),
    "the copy counts": changed(
        "    for par i in 0..12:\n      m[i] = u[i]\n",
        "    for seq i in 0..12 carry c: i64 = 1:\n      m[i] = u[i]\n      next c = c + i -> r\n") + "    v[r & 7] = 1.0\n",
    "a moving place": changed("u[j + 1]", "u[j + min(t, 2)]"),
    "a box that may end before it begins": changed("for par j in 0..10", "for par j in 5..t - 3"),
    "the state is read while it is made": changed("u[j + 1] = (m[j]", "u[j + 1] = (u[j + 1]"),
    "the state is read in between": changed("    for par j in", "    v[t] = u[t]\n    for par j in"),
    "it is stored only sometimes": changed(
        "    for par j in 0..10:\n      u[j + 1]", "    if v[t] > 0.0:\n      for par j in 0..10:\n        u[j + 1]"),
    "every other cell": changed("for par j in 0..10:\n      u[j + 1]", "for par j in 0..10 step 2:\n      u[j + 1]"),
    "cells far apart": changed("for par j in 0..10:\n      u[j + 1] = (m[j] + m[j + 2])",
                               "for par j in 0..5:\n      u[2 * j] = (m[j] + m[j + 2])"),
    "a loop that may not run": changed("    for par j in 0..10:\n      u[j + 1]",
                                       "    for seq k in 0..t & 1:\n      for par j in 0..10:\n        u[j + 1]"),
    "too few trips": changed("0..n", "0..3"),
    "the copy outlives the trip": changed(
        "  for seq t in 0..n:\n    alloc m: f64[12]\n", "  alloc m: f64[12]\n  for seq t in 0..n:\n")
        + "  for seq q in 0..min(n, 1):\n    v[0] = m[5]\n",
    "an error would show the state": changed(
        "    alloc m", "    if v[t] > 99.0:\n      raise 0(t)\n    alloc m") + "  error 0: ValueError('large')\n",
}


@pytest.mark.parametrize("title", REFUSED)
def test_a_copy_that_is_needed_stays(title):
    assert "f64[2, " not in alternated(REFUSED[title])


def test_a_sum_of_the_index_is_no_copy():
    text = """
loops f(u: f64[6, 6], v: f64[6]; n: i64)
  for seq t in 0..n:
    alloc m: i64[6, 6]
    for par i in 0..6:
      for par j in 0..6:
        m[i, j] = i + j
    for par k in 0..6:
      for par l in 0..6:
        u[k, l] = cast.f64(m[l, k]) * 2.0
"""
    assert "[2, " not in alternated(text)


def test_a_triangle_is_no_box():
    assert "f64[2, " not in alternated(changed("for par j1 in 1..6", "for par j1 in 1..i1 + 1", UNTIL))


def test_a_copy_of_rows_and_columns_exchanged_stays():
    text = changed("m[i, j] = u[i, j]", "m[i, j] = u[j, i]", UNTIL.replace("[6, 7]", "[7, 7]").replace("0..6", "0..7"))
    assert "f64[2, " not in alternated(text)


def test_a_library_routine_sees_whole_arrays():
    text = STEPS + "    call sort_f64(0, 12, 0) reads () writes (u)\n"
    assert "f64[2, " not in alternated(text)


def test_a_private_state_takes_turns_though_the_loop_may_raise():
    text = REFUSED["an error would show the state"].replace("u: f64[12]", "u: f64[12] fresh")
    assert "f64[2, 12]" in alternated(text)


def test_a_state_inside_a_loop_around():
    text = """
loops f(u: f64[12], v: f64[12]; n: i64)
  for seq r in 0..3:
    u[0] = v[r]
    for seq t in 0..n:
      alloc m: f64[12]
      for par i in 0..12:
        m[i] = u[i]
      for par j in 0..10:
        u[j + 1] = (m[j] + m[j + 2]) * 0.5
    v[r + 3] = u[4]
"""
    assert "f64[2, 12]" in alternated(text)


def test_two_states_that_need_each_other():
    text = """
loops f(u: f64[12], v: f64[12]; n: i64)
  for seq t in 0..n:
    alloc m: f64[12]
    for par i in 0..12:
      m[i] = u[i]
    alloc p: f64[12]
    for par k in 0..12:
      p[k] = v[k]
    for par j in 0..10:
      u[j + 1] = (m[j] + p[j + 2]) * 0.5
    for par l in 0..11:
      v[l] = (m[l] + p[l + 1]) * 0.5
"""
    assert alternated(text).count("f64[2, 12]") == 2
