"""One sweep a few rows behind another: the same bits, in blocks of any size; and sweeps that a test of legality keeps apart."""

import numpy as np
import pytest
from treadle.compiler.pipeline import LOOP_PASSES
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops_parse import parse_loops
from treadle.ir.loops_text import show_loops
from treadle.ir.verify_loops import verify_loops
from treadle.passes.loops import interleave as module
from treadle.passes.loops.interleave import interleave

SWEEPS = """
loops f(a: f64[27, 5], b: f64[27, 5], v: f64[27])
  for par i in 0..23:
    for par j in 0..5:
      b[i + 2, j] = (a[i + 1, j] + a[i + 2, j]) + a[i + 3, j]
  for par k in 0..23:
    for par l in 0..5:
      a[k + 2, l] = (b[k + 1, l] + b[k + 2, l]) - b[k + 3, l]
"""


@pytest.fixture(autouse=True, params=[1, 3, 4, 9])
def _small(request, monkeypatch):
    """Small arrays, and blocks so small that their borders meet."""
    monkeypatch.setattr(module, "LEAST_BYTES", 0)
    monkeypatch.setattr(module, "cost", lambda body, ranges: 1)
    monkeypatch.setattr(module, "BLOCK_WORK", 2 * request.param)
    monkeypatch.setattr(module, "ROWS_PER_BORDER", 0)
    with expression_scope():
        yield


def outcome(function, order="forward"):
    rng = np.random.default_rng(3)
    given = [rng.normal(size=tuple(d.payload for d in b.dims)) for b in function.buffers]
    evaluate_loops(function, given, {name: 23 for name, _ in function.scalars}, order)
    return given


def interleaved(text, passes=(interleave,)):
    before, after = parse_loops(text.strip() + "\n"), parse_loops(text.strip() + "\n")
    for p in passes:
        after = verify_loops(p(after))
    want = outcome(before)
    for order in ("forward", "reverse", "random"):
        for x, y in zip(want, outcome(after, order), strict=True):
            np.testing.assert_array_equal(x, y, f"{order}\n{show_loops(after)}")
    return show_loops(after)


def changed(*pairs):
    text = SWEEPS
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


NEAR = {
    "neighbours": SWEEPS,
    "two rows behind": changed(("b[k + 1, l]", "b[k, l]")),
    "two rows ahead": changed(("b[k + 3, l]", "b[k + 4, l]")),
    "what the first still reads": changed(("(b[k + 1, l] + b[k + 2, l]) - b[k + 3, l]", "v[k] * 0.5")),
    "what the first still reads, two rows ahead": changed(
        ("(b[k + 1, l] + b[k + 2, l]) - b[k + 3, l]", "v[k] * 0.5"), ("a[i + 3, j]", "a[i + 4, j]")),
    "what the first still reads, two rows behind": changed(
        ("(b[k + 1, l] + b[k + 2, l]) - b[k + 3, l]", "v[k] * 0.5"), ("a[i + 1, j]", "a[i, j]")),
    "both store to one array": changed(("a[k + 2, l] =", "b[k + 1, l] =")).replace(
        "(b[k + 1, l] + b[k + 2, l]) - b[k + 3, l]", "v[k] * 0.5"),
    "a value between": changed(("  for par k", "  t = v[3] * 2.0\n  for par k"), ("- b[k + 3, l]", "- t")).replace(
        "b[k + 2, l]", "b[k + 3, l]"),
    "a branch and a reduction in the rows": changed(("      a[k + 2, l] =", """      for red q in 0..5 carry s: f64 = 0.0 by add:
        pass
        next s = s + b[k + 3, q] -> r
      if v[k] < r:
        a[k + 2, l] ="""), ("- b[k + 3, l]", "- r")),
}


@pytest.mark.parametrize("title", NEAR)
def test_a_sweep_follows(title):
    shown = interleaved(NEAR[title])
    assert "near" in shown and "_front" in shown and "_back" in shown


@pytest.mark.parametrize("title", NEAR)
def test_with_the_other_passes(title):
    interleaved(NEAR[title], [p.run for p in LOOP_PASSES])


APART = {
    "one row for all": changed(("b[k + 3, l]", "b[5, l]")),
    "rows in the other order": changed(("b[k + 3, l]", "b[25 - k, l]")),
    "every second row": changed(("b[k + 3, l]", "b[min(2 * k, 26), l]")),
    "rows and columns exchanged": changed(("b[k + 3, l]", "b[l, 2]")),
    "one row fewer in front": changed(("for par k in 0..23", "for par k in 1..23")),
    "every other row": changed(("for par k in 0..23", "for par k in 0..23 step 2")),
    "a temporary of each row": changed(
        ("    for par l", "    alloc m: f64[5]\n    m[0] = v[k]\n    for par l"), ("- b[k + 3, l]", "- m[0]")),
    "other rows": changed(("for par k in 0..23", "for par k in 0..22")),
    "a row at no known distance": changed(("b[k + 3, l]", "b[min(k + 7, 26), l]")),
    "a row too far": changed(("0..23", "0..20"), ("b[k + 3, l]", "b[k + 7, l]")),
    "the first in order": changed(("for par i", "for seq i"), ("a[i + 1, j]", "b[i + 1, j]")),
    "the second in order": changed(("for par k", "for seq k"), ("(b[k + 1, l]", "(a[k + 1, l]")),
    "a value between that the first makes": changed(("  for par k", "  t = b[3, 3]\n  for par k"), ("- b[k + 3, l]", "- t")),
    "a library routine": changed(("    for par l", "    call sort_f64((k + 2) * 5, 5, 0) reads () writes (a)\n    for par l")),
    "an unknown number of rows": changed(("v: f64[27])", "v: f64[27]; n: i64)"), ("0..23", "0..n")),
    "only vectors": changed(("a: f64[27, 5], b: f64[27, 5]", "a: f64[27], b: f64[27]"), ("    for par j in 0..5:\n  ", ""),
                            ("    for par l in 0..5:\n  ", ""), (", j]", "]"), (", l]", "]")),
}


@pytest.mark.parametrize("title", APART)
def test_sweeps_that_stay_apart(title):
    assert "near" not in interleaved(APART[title])


def test_small_arrays_stay_apart(monkeypatch):
    monkeypatch.setattr(module, "LEAST_BYTES", 1 << 20)
    assert "near" not in interleaved(SWEEPS)
