"""Each loop pass on text: what it does to a program, that the program computes the same, and that it refuses what is illegal."""

import numpy as np
import pytest
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops import Alloc, For, If, Store, walk
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
from treadle.passes.loops.overwritten import overwritten
from treadle.passes.loops.parallel import parallel
from treadle.passes.loops.sink import sink
from treadle.passes.loops.skew import skew
from treadle.passes.loops.unroll import unroll

ALL = (sink, if_convert, overwritten, unroll, fuse, forward, contract, parallel, interchange, skew, carry)

PROGRAMS = {
    "seidel": """
loops f(a: f64[50, 60])
  for seq i in 1..49:
    for seq j in 1..59:
      a[i, j] = ((a[i - 1, j] + a[i + 1, j]) + (a[i, j - 1] + a[i, j + 1])) * 0.25
""",
    "filter": """
loops f(y: f64[50], x: f64[50] readonly)
  for seq i in 1..50:
    y[i] = (y[i - 1] * 0.9) + (x[i] * 0.1)
""",
    "columns": """
loops f(p: f64[20, 30], u: f64[20, 30] readonly)
  for seq j in 1..30:
    for par i in 0..20:
      p[i, j] = u[i, j] / ((p[i, j - 1] * 0.3) + 2.0)
""",
    "backward columns": """
loops f(p: f64[20, 30], u: f64[20, 30] readonly)
  for seq j in 28..-1 step -1:
    for par i in 0..20:
      p[i, j] = u[i, j] - (p[i, j + 1] * 0.3)
""",
    "columns in two steps": """
loops f(p: f64[20, 9, 30], u: f64[20, 9, 30] readonly)
  for seq k in 1..30:
    for par i in 0..20:
      alloc t: f64[9]
      for par j in 0..9:
        t[j] = u[i, j, k] / ((p[i, j, k - 1] * 0.3) + 2.0)
      for par l in 0..9:
        p[i, l, k] = t[8 - l] - p[i, 8 - l, k - 1]
""",
    "columns that meet": """
loops f(p: f64[20, 9, 30], u: f64[20, 9, 30] readonly)
  for seq k in 1..30:
    for par i in 1..19:
      alloc t: f64[9]
      for par j in 0..9:
        t[j] = u[i, j, k] / ((p[i - 1, j, k - 1] * 0.3) + 2.0)
      for par l in 0..9:
        p[i, l, k] = t[8 - l]
""",
    "diagonal": """
loops f(p: f64[20, 30])
  for seq j in 1..30:
    for par i in 0..19:
      p[i, j] = p[i + 1, j - 1] * 0.3
""",
    "least": """
loops f(d: i64[50, 60], a: i64[50] readonly, b: i64[60] readonly)
  for seq i in 1..50:
    for seq j in 1..60:
      if a[i] == b[j]:
        d[i, j] = d[i - 1, j - 1]
      else:
        d[i, j] = min(min(d[i - 1, j], d[i, j - 1]), d[i - 1, j - 1]) + 1
""",
    "copy": """
loops f(a: f64[50], b: f64[50] readonly)
  for seq i in 0..50:
    a[i] = b[i] * 2.0
""",
    "shift": """
loops f(a: f64[50])
  for seq i in 0..49:
    a[i] = a[i + 1] * 2.0
""",
    "total": """
loops f(s: f64[1], b: f64[50] readonly)
  for seq i in 0..50:
    s[0] = s[0] + b[i]
""",
    "total and look": """
loops f(s: f64[60], b: f64[50] readonly)
  for seq i in 0..50:
    s[3] = s[i] + b[i]
""",
    "no trip": """
loops f(a: f64[4], b: f64[4] readonly)
  for seq i in 0..0:
    a[i] = a[i - 1] + b[0]
""",
    "siblings": """
loops f(x: f64[20, 30] readonly, out: f64[20, 30])
  alloc m: f64[20]
  for par i in 0..20:
    for red k in 0..30 carry c: f64 = 0.0 by add:
      next c = c + x[i, k] -> r
    m[i] = r
  alloc e: f64[20, 30]
  for par i2 in 0..20:
    for par j2 in 0..30:
      e[i2, j2] = exp((x[i2, j2] - m[i2]))
  for par i3 in 0..20:
    for par j3 in 0..30:
      out[i3, j3] = e[i3, j3] * 2.0
""",
    "neighbours": """
loops f(x: f64[50] readonly, out: f64[50])
  alloc t: f64[50]
  for par i in 0..50:
    t[i] = x[i] * 3.0
  for par j in 0..49:
    out[j] = t[j + 1]
""",
    "read ahead": """
loops f(a: f64[50], b: f64[50])
  for seq i in 0..50:
    a[i] = a[i] + 1.0
  for seq j in 0..50:
    b[j] = a[49 - j]
""",
    "write behind": """
loops f(a: f64[50], b: f64[51])
  for seq i in 0..50:
    a[i] = b[i] + 1.0
  for seq j in 0..50:
    b[j + 1] = a[j]
""",
    "escape": """
loops f(a: i64[20], x: f64[20] readonly)
  for seq i in 0..20:
    while carry n: i64 = 0, z: f64 = 0.0:
      small = (n < 30) & (z < 4.0)
    test small:
      next n = n + 1 -> m
      next z = (z * z) + x[i] -> r
    a[i] = m
""",
    "filled filter": """
loops f(y: f64[50] fresh, x: f64[50] readonly)
  for par k in 0..50:
    y[k] = 0.0
  y[0] = x[0]
  for seq i in 1..50:
    y[i] = (y[i - 1] * 0.9) + (x[i] * 0.1)
""",
    "filled backward": """
loops f(y: f64[50] fresh, x: f64[50] readonly)
  for par k in 0..50:
    y[k] = 0.0
  y[49] = x[49]
  for seq i in 48..-1 step -1:
    y[i] = (y[i + 1] * 0.9) + (x[i] * 0.1)
""",
    "filled rows": """
loops f(y: f64[50, 8] fresh, x: f64[50] readonly)
  for par k in 0..50:
    for par l in 0..8:
      y[k, l] = 0.0
  for seq i in 0..50:
    t = x[i]
    for par j in 0..8:
      y[i, j] = t * 2.0
""",
    "filled border": """
loops f(d: f64[12, 9] fresh, x: f64[12] readonly)
  for par k in 0..12:
    for par l in 0..9:
      d[k, l] = 0.0
  for seq i0 in 0..12:
    d[i0, 0] = x[i0]
  for seq j0 in 1..9:
    d[0, j0] = 2.0
  for seq i in 1..12:
    for seq j in 1..9:
      d[i, j] = (d[i - 1, j - 1] + d[i - 1, j]) + d[i, j - 1]
""",
    "filled corner": """
loops f(d: f64[12, 9] fresh, x: f64[12] readonly)
  for par k in 0..12:
    for par l in 0..9:
      d[k, l] = 0.0
  for seq i0 in 0..12:
    d[i0, 8] = x[i0]
  for seq j0 in 0..9:
    d[11, j0] = 2.0
  for seq i in 10..-1 step -1:
    for seq j in 7..-1 step -1:
      d[i, j] = (d[i + 1, j + 1] + d[i + 1, 8 - j]) + d[i, j + 1]
""",
    "filled twice": """
loops f(d: f64[12, 9] fresh, y: f64[12])
  for par k in 0..12:
    for par l in 0..9:
      d[k, l] = 0.0
  for seq i in 1..12:
    for seq j in 1..9:
      d[i, j] = 3.0
      y[i] = y[i] + 1.0
  for par k2 in 0..12:
    for par l2 in 0..9:
      d[k2, l2] = 1.0
""",
    "filled columns": """
loops f(d: f64[12, 9] fresh, y: f64[12])
  for par k in 0..12:
    for par l in 0..9:
      d[k, l] = 0.0
  for seq i in 0..12:
    for seq j in 0..8:
      d[i, j] = 3.0
  for seq i2 in 0..12:
    d[i2, 8] = 1.0
""",
    "filled square": """
loops f(y: f64[9, 9] fresh, x: f64[9] readonly)
  for par k in 0..9:
    for par l in 0..9:
      y[k, l] = 0.0
  for seq i in 0..9:
    for seq j in 0..9:
      y[i, j] = x[j]
""",
    "filled in pieces": """
loops f(y: f64[50] fresh, x: f64[50] readonly, k: i64[2])
  for par l in 0..50:
    y[l] = 0.0
  c = k[0] & 31
  for seq i in 0..c:
    y[i] = x[i]
  k[0] = 7
  for seq j in c..50:
    y[j] = x[j] * 2.0
""",
    "components": """
loops f(a: f64[50], x: f64[50, 3] readonly)
  for par i in 0..50:
    for red k in 0..3 carry c: f64 = 0.0 by add, d: f64 = 1.0 by mul:
      t = x[i, k] - x[0, k]
      next c = c + (t * t) -> r
      next d = d * t -> p
    a[i] = r + p
""",
}


def arrays(function):
    rng = np.random.default_rng(5)
    out = []
    for b in function.buffers:
        shape = tuple(d.payload for d in b.dims)
        out.append(rng.normal(size=shape) if b.dtype[0] == "f" else rng.integers(0, 4, shape))
    return out


def run(function, order="forward"):
    given = arrays(function)
    evaluate_loops(function, given, order=order)
    return given


def transform(text, passes):
    before, after = parse_loops(text.strip() + "\n"), parse_loops(text.strip() + "\n")
    for p in passes:
        after = p(after)
        verify_loops(after)
    if show_loops(after) == show_loops(before):
        return after
    want = run(before)
    for order in ("forward", "reverse", "random"):
        for x, y in zip(want, run(after, order)):
            assert np.array_equal(x, y), f"{order}:\n{show_loops(before)}\n{show_loops(after)}"
    return after


@pytest.fixture(autouse=True)
def scope():
    with expression_scope():
        yield


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("p", [(p,) for p in ALL] + [ALL], ids=[*(p.__name__ for p in ALL), "all"])
def test_a_pass_keeps_what_a_program_computes(name, p):
    transform(PROGRAMS[name], p)


def loops(function):
    return [s for s in walk(function.body) if isinstance(s, For)]


def test_rows_of_a_recurrence_along_both_axes_advance_together():
    outer = loops(transform(PROGRAMS["seidel"], (skew,)))[0]
    assert outer.step == 8 and len(outer.body) == 3


def test_skewing_keeps_a_short_nest_and_one_without_a_recurrence():
    assert len(loops(transform(PROGRAMS["seidel"].replace("1..49", "1..9"), (skew,)))) == 2
    plain = PROGRAMS["seidel"].replace("a[i - 1, j] + a[i + 1, j]", "b[i - 1, j] + b[i + 1, j]").replace(
        "a[i, j - 1] + a[i, j + 1]", "b[i, j - 1] + b[i, j + 1]").replace("a: f64[50, 60]", "a: f64[50, 60], b: f64[50, 60]")
    assert len(loops(transform(plain, (skew,)))) == 2


@pytest.mark.parametrize("name", ("columns", "backward columns"))
def test_a_parallel_loop_across_rows_goes_outside(name):
    outer, inner = loops(transform(PROGRAMS[name], (interchange,)))
    assert outer.kind == "par" and outer.jam > 1 and inner.kind == "seq"


IN_A_RING = """
loops f(a: f64[20, 40], b: f64[2, 40])
  for seq i in 0..20:
    for par j in 0..40:
      b[ROW, j] = a[i, j] * 2.0
"""


@pytest.mark.parametrize("row, vector", [("rem(i, 2)", True), ("rem((i + j), 2)", False)])
def test_a_row_found_by_division_is_a_row(row, vector):
    inner = loops(transform(IN_A_RING.replace("ROW", row), (marking,)))[1]
    assert inner.vector == vector


ALONG_ROWS = """
loops weighted(x: f64[9, 16] readonly, w: f64[16] readonly, h: f64[9])
  for seq j in 0..16:
    for par i in 0..9:
      h[i] = h[i] + (x[X] * w[j])
"""


def test_what_stands_still_in_one_of_the_loops_does_not_decide_which_is_inside():
    assert [s.var for s in loops(transform(ALONG_ROWS.replace("X", "i, j"), (interchange,)))] == ["i", "j"]
    across = ALONG_ROWS.replace("X", "j, i").replace("[9, 16]", "[16, 9]")
    assert [s.var for s in loops(transform(across, (interchange,)))] == ["j", "i"]


@pytest.mark.parametrize("name, kinds", [
    ("columns in two steps", ["par", "seq", "par", "par"]), ("columns that meet", ["seq", "par", "par", "par"])])
def test_a_parallel_loop_around_loops_goes_outside_if_its_trips_stay_apart(name, kinds):
    assert [s.kind for s in loops(transform(PROGRAMS[name], (interchange,)))] == kinds


def test_a_diagonal_dependence_forbids_interchange():
    outer, inner = loops(transform(PROGRAMS["diagonal"], (interchange,)))
    assert (outer.kind, inner.kind) == ("seq", "par")


@pytest.mark.parametrize("name, kind", [("copy", "par"), ("shift", "seq"), ("filter", "seq"), ("total", "seq"),
                                        ("escape", "par")])
def test_only_independent_trips_are_parallel(name, kind):
    assert loops(transform(PROGRAMS[name], (parallel,)))[0].kind == kind


@pytest.mark.parametrize("name, count", [("filter", 1), ("total", 1), ("total and look", 0), ("no trip", 0), ("shift", 0)])
def test_only_what_must_meet_is_carried(name, count):
    assert len(loops(transform(PROGRAMS[name], (carry,)))[0].carried) == count


def test_a_cell_that_stays_is_stored_once():
    loop, store = transform(PROGRAMS["total"], (carry,)).body
    assert isinstance(store, Store) and not [s for s in loop.body if isinstance(s, Store)]


def test_branches_to_one_cell_become_straight_code():
    function = transform(PROGRAMS["least"], (sink, if_convert))
    assert not [s for s in walk(function.body) if isinstance(s, If)]


def test_a_load_that_may_be_out_of_range_keeps_its_branch():
    text = PROGRAMS["least"].replace("d[i - 1, j - 1]\n      else", "d[i - 5, j - 1]\n      else").replace("1..50", "1..50")
    function = parse_loops(text.strip() + "\n")
    if_convert(sink(function))
    assert [s for s in walk(function.body) if isinstance(s, If)]


def test_siblings_become_one_nest_and_their_temporaries_one_row():
    function = transform(PROGRAMS["siblings"], (fuse, forward, contract))
    assert len([s for s in function.body if isinstance(s, For)]) == 1
    assert not [s for s in function.body if isinstance(s, Alloc)]


@pytest.mark.parametrize("name", ("neighbours", "read ahead", "write behind"))
def test_loops_that_meet_in_other_trips_stay_apart(name):
    assert len(transform(PROGRAMS[name], (fuse,)).body) >= 2


def test_a_store_that_changes_its_own_index_is_not_forwarded():
    transform("""
loops f(a: i64[8], out: i64[2])
  a[0] = 0
  a[a[0] & 7] = 5
  out[0] = a[a[0] & 7]
  out[1] = a[a[0] & 7]
""", (forward,))


def test_a_loop_over_components_becomes_straight_code():
    (loop,) = loops(transform(PROGRAMS["components"], (unroll,)))
    assert loop.var == "i" and isinstance(loop.body[-1], Store)


def test_loops_that_are_long_or_store_or_stand_alone_stay():
    assert len(loops(transform(PROGRAMS["components"].replace("0..3", "0..2").replace("3]", "9]"), (unroll,)))) == 1
    assert len(loops(transform(PROGRAMS["components"].replace("0..3", "0..9").replace("3]", "9]"), (unroll,)))) == 2
    assert len(loops(transform(PROGRAMS["components"].replace("    a[i]", "    a[i]").replace(
        "      t = ", "      a[i] = c\n      t = "), (unroll,)))) == 2


def test_a_loop_around_one_that_may_not_end_stays_in_order():
    function = parse_loops(PROGRAMS["escape"].replace("(n < 30) & (z < 4.0)", "z < 4.0").strip() + "\n")
    assert loops(parallel(function))[0].kind == "seq"
    function = parse_loops(PROGRAMS["escape"].replace("n < 30", "n < (n + 3)").strip() + "\n")
    assert loops(parallel(function))[0].kind == "seq"
    for test, kind in (("select(n < 30, z < 4.0, false)", "par"), ("select(n < 30, z < 4.0, true)", "seq"),
                       ("select(z < 4.0, n < 30, z < 9.0)", "seq")):
        function = parse_loops(PROGRAMS["escape"].replace("(n < 30) & (z < 4.0)", test).strip() + "\n")
        assert loops(parallel(function))[0].kind == kind, test


@pytest.mark.parametrize("name", ["filled filter", "filled backward", "filled rows", "filled border", "filled corner",
                                  "filled columns", "filled in pieces", "filled square", "filled twice"])
def test_a_fill_of_which_nothing_is_seen_goes(name):
    assert "= 0.0" not in show_loops(transform(PROGRAMS[name], (overwritten,)))


BORDER_AND_REST = "  y[0] = x[0]\n  for seq i in 1..50:\n    y[i] = (y[i - 1] * 0.9) + (x[i] * 0.1)\n"
REST_AND_BORDER = "  for seq i in 1..50:\n    y[i] = (y[i - 1] * 0.9) + (x[i] * 0.1)\n  y[0] = x[0]\n"
SEEN = [
    ("filled filter", " fresh", ""),  # an error in between would show it
    ("filled filter", "  y[0] = x[0]\n", ""),
    ("filled filter", "1..50", "2..50"),
    ("filled filter", "1..50", "1..49"),
    ("filled filter", "y[i - 1]", "y[i]"),
    ("filled filter", "(y[i - 1] * 0.9)", "(y[49 - i] * 0.9)"),
    ("filled filter", "y[0] = x[0]", "y[0] = y[1]"),
    ("filled filter", "    y[i] =", "    if x[i] > 0.0:\n      y[i] ="),
    ("filled filter", "    y[i] =", "    for seq j in 0..0:\n      y[i] ="),
    ("filled filter", "for seq i in 1..50:", "for seq i in 1..50 step 2:"),
    ("filled backward", "y[i + 1]", "y[i]"),
    ("filled backward", "(y[i + 1] * 0.9)", "(y[48 - i] * 0.9)"),
    ("filled backward", "48..-1", "47..-1"),
    ("filled backward", "48..-1", "48..0"),
    ("filled backward", "48..-1 step -1", "0..49"),
    ("filled backward", "  y[49] = x[49]\n", ""),
    ("filled rows", "    for par j in 0..8", "    for par j in 0..7"),
    ("filled rows", "    for par j in 0..8", "    for par j in 0..min(i, 8)"),
    ("filled rows", "      y[i, j] = t", "      y[i, i & 7] = t"),
    ("filled in pieces", "in c..50", "in k[0] & 31..50"),
    ("filled in pieces", "  c = k[0] & 31\n  for seq i in 0..c:\n    y[i] = x[i]\n  k[0] = 7\n  for seq j in c..50",
     "  for seq i in 0..k[0] & 31:\n    y[i] = x[i]\n  k[0] = 7\n  for seq j in k[0] & 31..50"),
    ("filled in pieces", "    y[j] =", "    y[j - c] ="),
    ("filled in pieces", "    y[j] =", "    for seq m in 0..c:\n      y[j] ="),
    ("filled filter", BORDER_AND_REST, REST_AND_BORDER),
    ("filled filter", "    y[i] =", "    for seq j in 0..5 step -1:\n      y[i] ="),
    ("filled columns", "    for seq j", "    if i >= 5:\n      y[i] = d[i, i - 5]\n    for seq j"),
    ("filled twice", "y[i] + 1.0", "y[i] + d[i - 1, j - 1]"),
    ("filled in pieces", "    y[j] =", "    for seq m in 0..k[1]:\n      y[j] ="),
    ("filled filter", "  y[0] = x[0]\n", "  call sort_f64(0, 50, 0) reads () writes (y)\n  y[0] = x[0]\n"),
    ("filled square", "      y[i, j] =", "      y[i, i] ="),
    ("filled in pieces", "0..c:\n    y[i]", "0..c:\n    y[i * 2]"),
    ("filled border", "for seq i0 in 0..12", "for seq i0 in 1..12"),
    ("filled border", "for seq j0 in 1..9", "for seq j0 in 2..9"),
    ("filled border", "for seq j0 in 1..9", "for seq j0 in 1..8"),
    ("filled border", "for seq i in 1..12", "for seq i in 2..12"),
    ("filled border", "for seq j in 1..9", "for seq j in 1..8"),
    ("filled border", "for seq j in 1..9", "for seq j in 8..0 step -1"),
    ("filled border", "d[i, j - 1]", "d[i, j]"),
    ("filled border", "d[i, j - 1]", "d[i, 9 - j]"),
    ("filled border", "d[i, j - 1]", "d[min(i + 1, 11), j - 1]"),
    ("filled border", "d[0, j0] = 2.0", "d[0, j0] = d[1, 1]"),
    ("filled border", "d[i0, 0] = x[i0]", "d[i0, i0 & 1] = x[i0]"),
    ("filled border", "      d[i, j] =", "      if x[i] > 0.0:\n        d[i, j] ="),
    ("filled corner", "for seq j0 in 0..9", "for seq j0 in 0..7"),
    ("filled corner", "for seq i in 10..-1 step -1", "for seq i in 0..11"),
    ("filled corner", "for seq i in 10..-1 step -1", "for seq i in 9..-1 step -1"),
]


def test_a_fill_seen_by_parallel_trips_stays():
    """They may read what the trips around them have not stored yet."""
    function = parse_loops(PROGRAMS["filled border"].replace("for seq j in 1..9", "for par j in 1..9").strip() + "\n")
    assert "= 0.0" in show_loops(overwritten(function))


@pytest.mark.parametrize("name, old, new", SEEN, ids=range(len(SEEN)))
def test_a_fill_that_may_be_seen_stays(name, old, new):
    text = PROGRAMS[name]
    assert old in text
    function = transform(text.replace(old, new), (overwritten,))
    assert "= 0.0" in show_loops(function)


def test_a_loop_that_raises_is_parallel_only_where_nobody_sees_how_far_it_came():
    text = """
loops f(a: f64[50] fresh, b: f64[50] readonly)
  for seq i in 0..50:
    if b[i] > 1000.0:
      raise 0(i)
    a[i] = b[i] * 2.0
  error 0: ValueError('too large')
"""
    assert loops(transform(text, (parallel,)))[0].kind == "par"
    assert loops(transform(text.replace(" fresh", ""), (parallel,)))[0].kind == "seq"
