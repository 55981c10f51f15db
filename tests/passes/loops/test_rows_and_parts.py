"""Reductions over rows of large arrays, row by row; complex numbers part by part: the same bits, and what stays as it is."""

import numpy as np
import pytest
import treadle as td
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops_parse import parse_loops
from treadle.ir.loops_text import show_loops
from treadle.ir.verify_loops import verify_loops
from treadle.passes.loops import row_blocks
from treadle.passes.loops import sweep as module
from treadle.passes.loops.parts import parts
from treadle.passes.loops.sweep import sweep

DTYPES = {"f64": float, "i64": int}


def changed(text, run):
    """The program behind a pass, once it has been seen to compute the same."""
    with expression_scope():
        before, after = parse_loops(text), run(parse_loops(text))
        verify_loops(after)
        rng = np.random.default_rng(1)
        given = [rng.standard_normal([int(d.payload) for d in b.dims]).astype(DTYPES[b.dtype]) for b in before.buffers]
        results = []
        for f in (before, after):
            memory = [x.copy() for x in given]
            evaluate_loops(f, memory, [])
            results.append(memory)
        for x, y in zip(*results, strict=True):
            np.testing.assert_array_equal(x, y)
        return show_loops(after)


@pytest.fixture
def _small(monkeypatch):
    """Arrays of few elements are large, strips and blocks short."""
    for name, value in (("MIN_BYTES", 1), ("MIN_ROW_BYTES", 1), ("STRIP", 70)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(row_blocks, "BLOCK", 3)


ROWS = """
loops f(m: f64[11, 150] readonly, v: f64[150] readonly, w: f64[11] readonly, out: f64[150])
  for par i in 0..150:
    for red k in 0..11 carry s: f64 = 0.0 by max:
      pass
      next s = max(s, m[k, i] * w[k]) -> r
    out[i] = r + v[i]
"""

SUM = """
loops f(m: f64[11, 150] readonly, out: f64[150])
  for par i in 0..150:
    for red k in 0..11 step 4 carry s: f64 = 0.0 by add:
      for red l in k..min(k + 4, 11) carry t: f64 = 0.0 by add:
        pass
        next t = t + m[l, i] -> q
      next s = s + q -> r
    out[i] = r
"""

VARIANCE = """
loops f(m: f64[9, 80] readonly, out: f64[80])
  for par i in 0..80:
    a = m[0, i]
    for red k in 0..9 carry s: f64 = 0.0 by add:
      pass
      next s = s + m[k, i] -> r
    b = r / 9.0
    for red l in 0..9 carry t: f64 = 0.0 by add:
      d = m[l, i] - b
      next t = t + (d * d) -> q
    out[i] = (q + a) / b
"""

FOLD = """
loops f(m: f64[7, 80] readonly, out: f64[80], place: i64[80])
  for par i in 0..80:
    for seq k in 0..7 carry s: f64 = -9.0, at: i64 = 0:
      next s = select(m[k, i] > s, m[k, i], s) -> r
      next at = select(m[k, i] > s, k, at) -> p
    out[i] = r
    place[i] = p
"""

BATCH = """
loops f(m: f64[3, 7, 80] readonly, out: f64[3, 80])
  for par b in 0..3:
    for par i in 0..80:
      for red k in 0..7 carry s: f64 = 0.0 by add:
        pass
        next s = s + m[b, k, i] -> r
      out[b, i] = r
"""

LEVELS = """
loops f(m: f64[50, 20] readonly, out: f64[20])
  for par i in 0..20:
    for red j in 0..50 step 16 carry s: f64 = 1.0 by add:
      for red k in j..min(j + 16, 50) step 4 carry t: f64 = 0.0 by add:
        for red l in k..min(k + 4, min(j + 16, 50)) carry u: f64 = 0.0 by add:
          pass
          next u = u + m[l, i] -> p
        next t = t + p -> q
      next s = s + q -> r
    out[i] = r
"""

STORES = """
loops f(m: f64[7, 80] readonly, out: f64[7, 80])
  for par i in 0..80:
    for seq k in 0..7 carry s: f64 = 0.0:
      out[k, i] = s + m[k, i]
      next s = s + m[k, i] -> r
"""


@pytest.mark.parametrize("text", [ROWS, SUM, VARIANCE, FOLD, BATCH, LEVELS, STORES])
def test_rows_outside(_small, text):
    shown = changed(text, sweep)
    lines = [line.strip() for line in shown.splitlines()]
    rows = [k for k, line in enumerate(lines) if line.startswith("for seq")]
    assert rows and all(lines[k + 1].startswith(("for par", "for seq")) for k in rows)


def test_blocks_of_rows_run_at_the_same_time(_small):
    for text in (ROWS, SUM, LEVELS):
        assert any("for par" in line for line in changed(text, sweep).splitlines()[:9])
        assert "for red" in changed(text, sweep)


ELSE = {
    "few columns": ROWS.replace("150", "5"),
    "a row that all columns read": ROWS.replace("m[k, i] * w[k]", "w[k] + v[i]"),
    "columns far apart": ROWS.replace("m: f64[11, 150]", "m: f64[150, 11]").replace("m[k, i]", "m[i, k]"),
    "an end for each column": ROWS.replace("    for red", "    alloc t: f64[2]\n    for red"),
    "rows that an outer loop reads again": BATCH.replace("m[b, k, i]", "m[0, k, i]"),
    "lanes": SUM.replace("(k + 4, 11) carry", "(k + 4, 11) lanes 4 carry"),
}


@pytest.mark.parametrize("title", ELSE)
def test_what_is_not_swept(monkeypatch, title):
    for name, value in (("MIN_BYTES", 1), ("MIN_ROW_BYTES", 64)):
        monkeypatch.setattr(module, name, value)
    assert "seq" not in changed(ELSE[title], sweep)


def test_small_arrays_are_not_swept():
    assert "seq" not in changed(SUM, sweep)


PAIRS = """
loops f(x: f64[40, 2] readonly, y: f64[40, 2], z: f64[43, 2] readonly, w: f64[3] readonly)
  for par i in 0..40:
    a = x[i, 0] * w[1]
    b = x[i, 1] * w[1]
    y[i, 0] = a + z[i + 3, 0]
    y[i, 1] = b + z[i + 3, 1]
"""

SUM_OF_PAIRS = """
loops f(x: f64[9, 40, 2] readonly, y: f64[40, 2])
  for par i in 0..40:
    for red k in 0..9 carry s: f64 = 0.0 by add, t: f64 = 0.0 by add:
      pass
      next s = s + x[k, i, 0] -> p
      next t = t + x[k, i, 1] -> q
    y[i, 0] = p
    y[i, 1] = q
"""


IN_PLACE = PAIRS.replace("x[i, 0] * w[1]", "y[i, 0]").replace("x[i, 1] * w[1]", "y[i, 1]")


@pytest.mark.parametrize("text", [PAIRS, SUM_OF_PAIRS, IN_PLACE])
def test_part_by_part(text):
    assert "for par i in 0..80" in changed(text, parts)


MIXED = {
    "a product": PAIRS.replace("a = x[i, 0] * w[1]", "a = x[i, 0] * x[i, 1]"),
    "different parts": PAIRS.replace("b + z", "b - z"),
    "exchanged": PAIRS.replace("a + z[i + 3, 0]", "a + z[i + 3, 1]").replace("b + z[i + 3, 1]", "b + z[i + 3, 0]"),
    "the loop's number": PAIRS.replace("* w[1]", "* cast.f64(i)"),
    "an element for both": PAIRS.replace("w[1]", "w[i % 3]").replace("i % 3", "min(i, 2)"),
    "a pair that stays": PAIRS.replace("z[i + 3, 0]", "z[3, 0]").replace("z[i + 3, 1]", "z[3, 1]"),
    "one part alone": PAIRS.replace("    y[i, 1] = b + z[i + 3, 1]\n", ""),
    "different constants": PAIRS.replace("b = x[i, 1] * w[1]", "b = x[i, 1] * w[2]"),
    "what the other part has stored": PAIRS.replace("b = x[i, 1] * w[1]", "b = y[i, 0]"),
    "backwards": PAIRS.replace("x[i, 0]", "x[39 - i, 0]").replace("x[i, 1]", "x[39 - i, 1]"),
    "different sums": SUM_OF_PAIRS.replace("next t = t + x[k, i, 1]", "next t = t + (x[k, i, 1] * 2.0)"),
    "sums that meet": SUM_OF_PAIRS.replace("y[i, 1] = q", "y[i, 1] = p"),
}


@pytest.mark.parametrize("title", MIXED)
def test_parts_that_stay_together(title):
    assert "0..80" not in changed(MIXED[title], parts)


@pytest.mark.parametrize("dtype", ["?", "i1", "u4", "f2", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("shape", [(700, 1100), (5000, 130), (70000, 9), (130, 9000), (2, 600, 500)])
def test_reductions_of_large_arrays(shape, dtype):
    rng = np.random.default_rng(2)
    x = (rng.integers(0, 3, shape) + (1j * rng.integers(0, 3, shape) if dtype[0] == "c" else 0)).astype(dtype)
    if dtype == "f2":  # so few that no order of adding them rounds
        x[rng.random(shape) > 0.01] = 0
    axis = len(shape) - 2
    functions = [np.sum, np.max, np.any, np.argmin, np.cumsum, np.mean, lambda x, axis: np.min(x[:, ::-1], axis) + x.sum(axis)]
    for f in functions:
        want = f(x, axis=axis)
        got = td.jit(lambda x, f=f: f(x, axis=axis))(x)
        assert got.dtype == want.dtype
        if f is np.mean:
            np.testing.assert_allclose(got, want, rtol=1e-6 if dtype in ("f4", "c8") else 2e-3 if dtype == "f2" else 1e-13)
        else:
            np.testing.assert_array_equal(got, want)


def test_nan_in_large_arrays():
    x = np.random.default_rng(0).standard_normal((900, 700))
    x[::7, ::3], x[:, 5], x[3, 6] = np.nan, np.inf, -np.inf
    for f in (np.max, np.min, np.sum, np.argmax):
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(td.jit(lambda x, f=f: f(x, axis=0))(x) > 0, f(x, axis=0) > 0)
    np.testing.assert_allclose(td.jit(np.nanstd, static_argnames="axis")(x[:, 6:8], axis=0), np.nanstd(x[:, 6:8], axis=0))
