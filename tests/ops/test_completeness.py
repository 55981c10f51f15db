"""What is there and what is not: declared missing rules (a golden list), and every NumPy ufunc accounted for."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import treadle.ir.ops  # noqa: F401
from treadle.ir.graph import Value
from treadle.ir.opdef import OPS, Missing
from treadle.ir.ops.families import zero_tangent
from treadle.ir.types import DTYPES, ArrayType

GOLDEN = Path(__file__).with_name("missing_rules.txt")

# Ufuncs that the front end makes of others.
COMPOSED = {
    "float_power": "power of operands cast to f64 or c128",
    "divmod": "floor_divide and remainder",
    "modf": "modf_fraction and trunc",
    "frexp": "frexp_mantissa and frexp_exponent",
    "vecdot": "dot_general of the conjugate",
    "matvec": "dot_general",
    "vecmat": "dot_general of the conjugate",
}
ABSENT = {"isnat": "dates have no compiled form"}


def test_missing_rules_are_the_listed_ones(update_goldens):
    """One paragraph per reason; every entry is a decision."""
    by_reason = defaultdict(list)
    for name, op in sorted(OPS.items()):
        for rule in ("lower", "jvp", "transpose", "batch"):
            field = getattr(op, rule)
            if isinstance(field, Missing):
                by_reason[rule, field.reason].append(name)
    text = "\n".join(f"{rule}: {reason}\n    {' '.join(names)}\n" for (rule, reason), names in sorted(by_reason.items()))
    if update_goldens:
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), "the declared missing rules changed: look at each, then --update-goldens"


def test_every_ufunc_is_accounted_for():
    answered = {f for op in OPS.values() for f in op.numpy}
    ufuncs = {f.__name__: f for f in vars(np).values() if isinstance(f, np.ufunc)}
    unaccounted = {n for n, f in ufuncs.items() if f not in answered} - set(COMPOSED) - set(ABSENT)
    assert not unaccounted
    stale = {n for n in {*COMPOSED, *ABSENT} if n not in ufuncs or ufuncs[n] in answered}
    assert not stale


def test_every_dtype_with_a_loop_is_there():
    """An elementwise op of a ufunc covers each dtype that NumPy has a loop for."""
    for op in OPS.values():
        for f in op.numpy:
            if isinstance(f, np.ufunc) and "elementwise" in op.traits and f.nin == len(op.samples[0].shapes):
                for name, dtype in DTYPES.items():
                    try:
                        loop = f.resolve_dtypes((dtype,) * f.nin + (None,) * f.nout)
                    except TypeError:
                        continue
                    if all(d == dtype for d in loop[:f.nin]):
                        assert name in op.dtypes, f"{op.name} lacks {name}"


def test_no_callable_is_answered_twice():
    owners = defaultdict(set)
    for op in OPS.values():
        for f in op.numpy:
            owners[f].add(op.name)
    twice = {f.__name__: names for f, names in owners.items() if len(names) > 1}
    assert not twice


def test_zero_tangents_are_declared():
    """The functions of floats that say their tangent is zero are constant between jumps."""
    silent = {n for n, op in OPS.items() if op.jvp is zero_tangent and "elementwise" in op.traits and _float_result(op)}
    assert silent == {"ceil", "floor", "floor_divide", "rint", "trunc"}


def _float_result(op):
    if "f64" not in op.dtypes:
        return False
    operands = [Value(ArrayType(DTYPES["f64"])) for _ in op.samples[0].shapes]
    return op.infer(operands, {})[0].dtype.kind in "fc"
