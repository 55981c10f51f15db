"""The page of conformance, `docs/conformance.md`: NumPy's own tests with its functions compiled, and why some do not pass.

`numpy_suite` runs them and hands over a `Run` per module of tests; a failure that no row of `REASONS` explains is a difference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
MODULES = (
    "test_ufunc", "test_umath", "test_umath_complex", "test_numeric", "test_indexing", "test_shape_base", "test_function_base",
    "test_index_tricks", "test_nanfunctions", "test_linalg", "test_arraysetops", "test_twodim_base", "test_type_check",
    "test_ufunclike", "test_stride_tricks", "test_polynomial", "test_histograms", "test_arraypad", "test_einsum",
    "test_item_selection", "test_half", "test_nep50_promotions", "test_helper", "test_pocketfft",
)
# Why a test may not pass: patterns of its name and of its failure, and the reason.
REASONS: tuple[tuple[str, str, str], ...] = (
    (r"test_half_fpe|test_floating_exceptions", r"(id not raise|did not raise) (fpe|floating)",
     "expects `np.errstate` to raise: compiled code heeds none"),
    (r"test_ufunc_input_floatingpoint_error", r"^Failed: DID NOT RAISE FloatingPointError",
     "expects `np.errstate` to raise: compiled code heeds none"),
    (r"test_nep50_weak|test_ufunc_methods_floaterrors|TestHistogram::test_bool_conversion",
     r"^Failed: DID NOT WARN.*RuntimeWarning", "expects a warning of floating-point arithmetic: compiled code gives none"),
    (r"TestUfunc::test_where_warns", r"^Failed: DID NOT WARN.*UserWarning", "expects a warning of `where` without `out`"),
    (r"TestUfunc::test_sum$|TestIsclose::test_tol_warnings|TestMedian::test_empty",
     r"ACTUAL: 1\s+DESIRED: 2|^assert 0 == 1|^IndexError: list index out of range",
     "counts warnings of floating-point arithmetic: compiled code gives none"),
    (r"TestSpecialMethods::test_(wrap|ufunc_override_with_super)$|TestAttributes::test_doc$|TestUfunc::test_pickle_withstring$",
     r"^AssertionError$", "asks for the ufunc or function object itself, which the runner has replaced"),
    (r"TestUfunc::test_pickle$|test_ufunc_docstring|TestAdd_newdoc_ufunc::test_ufunc_arg|TestHistogram2d::test_dispatch",
     r"^AttributeError: Can't pickle|Left contains|must be numpy.ufunc, not Ufunc|'ShouldDispatch' has no len",
     "asks for the ufunc or function object itself, which the runner has replaced"),
    (r"TestUfuncGenericLoops::test_unary_PyUFunc_O_O_method_full", r"^FloatingPointError", "computes with Python objects"),
    (r"test_dtype_reference_leaks|TestMultiIndexingAutomated", r"Items are not equal",
     "counts references to arrays or dtypes that a compiled version keeps"),
    (r"test_ufunc_noncontiguous", r"Arrays are not (almost )?equal",
     "complex numbers whose last digits differ between contiguous and strided operands"),
    (r"TestUfunc::test_broadcast$", r"^ValueError: output array is read-only",
     "`np.broadcast_arrays` gives views that are read-only, where NumPy warns"),
    (r"^[^:]*::test_writeable$", r"^Failed: DID NOT WARN.*FutureWarning",
     "`np.broadcast_arrays` gives views that are read-only, where NumPy warns"),
    (r"TestEinsum::test_einsum_views$", r"^AssertionError$", "asks which array is the base of a diagonal's view"),
    (r"test_huge_list_error", r"MemoryError", "a list of 2**31 arrays, of which there is a second one, does not fit in memory"),
    ("", r"does not match|Regex pattern did not match", "another wording of the same error"),
)


class Run(NamedTuple):
    module: str
    passed: int  # with NumPy itself
    compiled: int  # calls
    refused: dict[str, int]  # calls by function
    failed: dict[str, str]  # tests that pass with NumPy itself, and their failure


def explanation(test: str, message: str) -> str | None:
    return next((why for name, text, why in REASONS if re.search(name, test) and re.search(text, message)), None)


HEAD = """# NumPy's own tests, compiled

Each test of these modules of NumPy's was run as it is, then with NumPy's functions and ufuncs called through `td.jit` wherever they
get numbers.  `as it is` counts the tests that pass with NumPy itself, `compiled` those of them that also pass so.  A call that is
refused by name runs as NumPy does; the last column counts them.  Compiled code gives no warnings of floating-point arithmetic: the
runner asks NumPy itself for them, on copies, so that tests which expect them compare values too.  Written by
`python -m tests.support.numpy_suite --page`, module by module: rows may be of different commits, and tests that failed and were
mended since were run again alone.

| tests | as it is | compiled | explained | calls compiled | calls refused |
|---|---|---|---|---|---|
"""


def _row(run: Run) -> str:
    explained = sum(explanation(n, m) is not None for n, m in run.failed.items())
    refused = ", ".join(f"{name} {n}" for name, n in Counter(run.refused).most_common(6))
    return (f"| {run.module.removeprefix('numpy.')} | {run.passed} | {run.passed - len(run.failed)} | {explained} | {run.compiled} "
            f"| {sum(run.refused.values())}{f' ({refused})' if refused else ''} |")


def _family(test: str) -> str:
    """A test's name without its parameters."""
    return test.partition("::")[2].partition("[")[0] or test


def page(runs: Sequence[Run]) -> str:
    """The whole page."""
    by_reason: dict[str, Counter[str]] = {}
    differing: list[str] = []
    for run in runs:
        for name, message in run.failed.items():
            why = explanation(name, message)
            if why is not None:
                by_reason.setdefault(why, Counter())[_family(name)] += 1
            else:
                first = next((e.strip() for e in message.splitlines() if e.strip(" AssertionError:")), message)
                differing.append(f"- {run.module.removeprefix('numpy.')}, `{_family(name)}`: {first[:160]}")
    total = [sum(r.passed for r in runs), sum(r.passed - len(r.failed) for r in runs)]
    explained = sum(c.total() for c in by_reason.values())
    lines = [HEAD + "\n".join(map(_row, runs)), f"| all | {total[0]} | {total[1]} | {explained} | {sum(r.compiled for r in runs)} "
             f"| {sum(sum(r.refused.values()) for r in runs)} |", "", "## Why a test does not pass", ""]
    for why, names in sorted(by_reason.items(), key=lambda item: -item[1].total()):
        shown = ", ".join(f"`{n}`" for n, _ in names.most_common(8))
        lines.append(f"- {names.total()}: {why} ({shown}{', ...' if len(names) > 8 else ''})")
    if differing:
        lines += ["", "## Differences", "", *sorted(set(differing))]
    return "\n".join(lines) + "\n"


def run_of(module: str, plain: dict[str, Any], jitted: dict[str, Any]) -> Run:
    """What two runs of a module's tests say."""
    passed = [n for n, (outcome, _) in plain["outcomes"].items() if outcome == "passed"]
    missing = ["missing", "the run ended before it"]
    after = {n: jitted["outcomes"].get(n, missing) for n in passed}
    failed = {n: m for n, (outcome, m) in after.items() if outcome != "passed"}
    return Run(module, len(passed), jitted["compiled"], jitted["refused"], failed)
