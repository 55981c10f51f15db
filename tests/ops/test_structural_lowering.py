"""Every op that is not elementwise, lowered, on all of its samples, in three memory layouts and iteration orders."""

from __future__ import annotations

import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.opdef import OPS

from tests.ops.lower_checks import c_ordered, check_lowering, f_ordered, spread
from tests.ops.test_structural_rules import STRUCTURAL, dtypes_of

# Sums and products of floats are combined in another order than the evaluation's; complex products round differently.
REORDERED = ("reduce_sum", "reduce_prod", "dot_general", "linear_recurrence", "solve", "inv", "det", "slogdet",
             "cholesky")


@pytest.mark.parametrize("layout, order", [(c_ordered, "forward"), (f_ordered, "random"), (spread, "reverse")],
                         ids=["c", "f", "spread"])
@pytest.mark.parametrize("name", STRUCTURAL)
def test_lowering(name, layout, order):
    opdef = OPS[name]
    for sample in opdef.samples:
        for dtype in dtypes_of(opdef, sample):
            if layout is c_ordered or dtype in ("bool", "f64", "c128"):
                check_lowering(opdef, sample, dtype, layout, name not in REORDERED, order)
