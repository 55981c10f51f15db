"""Nests taken into the reductions behind them, and those that a test of legality keeps apart: bit for bit."""

import numpy as np
import pytest
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops_parse import parse_loops
from treadle.ir.loops_text import show_loops
from treadle.ir.verify_loops import verify_loops
from treadle.passes.loops.absorb import absorb

SWEEP = """
loops f(u: f64[20, 5], g: f64[20, 5], out: f64[3]; n: i64)
  for par i in 0..18:
    for par j in 0..5:
      u[i + 1, j] = g[i, j] + g[i + 2, j]
  for red b in 0..20 step 8 carry c: f64 = 1.0 by add, d: f64 = 0.5 by max:
    for red k in b..min((b + 8), 20) carry e: f64 = 0.0 by add, h: f64 = -9.0 by max:
      for red l in 0..5 lanes 4 carry s: f64 = 0.0 by add:
        pass
        next s = s + (u[k, l] * g[k, 0]) -> row
      next e = e + row -> block
      next h = max(h, row) -> most
    next c = c + block -> total
    next d = max(d, most) -> greatest
  out[0] = total
  out[1] = greatest
"""


@pytest.fixture(autouse=True)
def _scope():
    with expression_scope():
        yield


def outcome(function, order="forward"):
    rng = np.random.default_rng(3)
    given = [rng.normal(size=tuple(d.payload for d in b.dims)) for b in function.buffers]
    evaluate_loops(function, given, {"n": 16}, order)
    return given


def absorbed(text):
    """The function after the pass, which computes the bits it did before, whatever the order of the blocks."""
    before, after = parse_loops(text.strip() + "\n"), verify_loops(absorb(parse_loops(text.strip() + "\n")))
    want = outcome(before)
    for order in ("forward", "reverse", "random"):
        for x, y in zip(want, outcome(after, order), strict=True):
            np.testing.assert_array_equal(x, y, f"{order}\n{show_loops(after)}")
    return show_loops(after)


def changed(*pairs, text=SWEEP):
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_rows_are_made_where_they_are_reduced():
    shown = absorbed(SWEEP)
    assert shown.count("for par") == 2 and "if (k >= 1) & (k < 19)" in shown and "part" in shown


TAKEN = {
    "whole blocks": changed(("u: f64[20", "u: f64[24"), ("g: f64[20", "g: f64[26"), ("0..18", "0..22"), ("0..20", "0..24"),
                            ("min((b + 8), 20)", "b + 8")),
    "all rows": changed(("for par i in 0..18", "for par i in 0..20"), ("u[i + 1, j]", "u[i, j]"), ("g[i + 2, j]", "g[i, 0]")),
    "a run-time number of rows": changed(("for par i in 0..18", "for par i in 0..min(n, 18)")),
    "a value between": changed(("  for red b", "  t = g[3, 3] * 2.0\n  for red b"), ("out[1] = greatest", "out[1] = greatest + t")),
    "a temporary between": changed(("  for red b", "  alloc m: f64[5]\n  for red b")),
    "a temporary of each row": changed(
        ("    for par j in", "    alloc m: f64[5]\n    for par q in 0..5:\n      m[q] = g[i, q] * 2.0\n    for par j in"),
        ("= g[i, j]", "= m[4 - j]")),
}


@pytest.mark.parametrize("title", TAKEN)
def test_a_nest_that_is_taken_in(title):
    assert "part" in absorbed(TAKEN[title])


APART = {
    "a row ahead is read": changed(("u[k, l] *", "u[min(k + 1, 19), l] *")),
    "a row ahead is read as rows are added up": changed(("next e = e + row", "next e = e + (row * u[min(k + 1, 19), 0])")),
    "a row made later is read as rows are added up": changed(("next e = e + row", "next e = e + (row * u[19 - k, 0])")),
    "a total that nothing is added to": changed(("next d = max(d, most)", "next d = d")),
    "blocks of eight, up to what only the run knows": changed(
        ("0..18", "0..n"), ("u[i + 1, j]", "u[i, j]"), ("g[i + 2, j]", "g[i, 0]"), ("0..20 step 8", "0..n step 8"),
        ("min((b + 8), 20)", "b + 8")),
    "a row behind too": changed(("u[k, l] * g[k, 0]", "u[k, l] * u[max(k - 1, 0), l]")),
    "one row for all": changed(("u[k, l] * g[k, 0]", "u[k, l] * u[3, l]")),
    "the reduction writes what the nest reads": changed(("        pass\n        next s", "        g[k, l] = 2.0\n        next s")),
    "rows that no block has": changed(("0..20 step 8", "0..16 step 8"), ("min((b + 8), 20)", "min((b + 8), 16)")),
    "a start that reads what the nest makes": changed(("carry c: f64 = 1.0", "carry c: f64 = u[3, 3]")),
    "a block that starts from the total": changed(("carry e: f64 = 0.0", "carry e: f64 = c")),
    "a total that weighs blocks": changed(("next c = c + block", "next c = c + (block * 2.0)")),
    "a value that reads what the nest makes": changed(("  for red b", "  t = u[3, 3] * 2.0\n  for red b"),
                                                      ("out[1] = greatest", "out[1] = greatest + t")),
    "blocks that overlap": changed(("0..20 step 8", "0..20 step 4")),
    "blocks with gaps": changed(("min((b + 8), 20)", "min((b + 4), 20)")),
    "blocks without their first row": changed(("for red k in b..", "for red k in b + 1..")),
    "blocks beyond the end": changed(("u: f64[20", "u: f64[24"), ("g: f64[20", "g: f64[26"), ("min((b + 8), 20)", "b + 8")),
    "blocks from the second on": changed(("0..20 step 8", "8..20 step 8")),
    "another result": changed(("next c = c + block", "next c = c + t"), ("  for red b", "  t = g[3, 3]\n  for red b")),
    "the nest is in order": changed(("for par i", "for seq i"), ("g[i, j] + g[i + 2, j]", "u[i, j] * 0.5 + g[i + 2, j]")),
    "every other row is made": changed(("0..18:", "0..18 step 2:")),
    "every other row is reduced": changed(("min((b + 8), 20) carry", "min((b + 8), 20) step 2 carry")),
    "partial results within a block": changed(("min((b + 8), 20) carry", "min((b + 8), 20) lanes 2 carry")),
    "a row before the first that is reduced": changed(("0..20 step 8", "0..18 step 8"), ("min((b + 8), 20)", "min((b + 8), 18)"),
                                                      ("u[k, l] *", "u[k + 2, l] *")),
    "what is done for each block": changed(("    next c = c + block", "    out[2] = g[b, 0]\n    next c = c + block")),
    "an error in the nest": changed(("    for par j", "    if g[i, 0] > 99.0:\n      raise 0(i)\n    for par j"))
    + "  error 0: ValueError('large')\n",
    "nothing shared": changed(("u[k, l] * g[k, 0]", "out[2] * 0.5")),
}


@pytest.mark.parametrize("title", APART)
def test_a_nest_that_stays_apart(title):
    assert "part" not in absorbed(APART[title])
