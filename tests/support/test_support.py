"""The support table says what is so, and leaves out no public function of NumPy."""

import re

import numpy as np
import pytest

from tests.support.calls import CALLS, OUTSIDE
from tests.support.table import DTYPES, cell, rows_of_page

ROWS = rows_of_page()




def test_the_page_has_the_calls():
    assert sorted(ROWS) == sorted(CALLS)


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_row_is_what_is_measured(number):
    """One dtype per call, each in turn; `make test-all` measures all of them."""
    call, k = CALLS[number], number % len(DTYPES)
    found = cell(call, DTYPES[k])
    assert found != "X"
    assert _alike(found, ROWS[call][k])


@pytest.mark.heavy
@pytest.mark.parametrize("call", CALLS)
def test_a_whole_row_is_what_is_measured(call):
    found = [cell(call, d) for d in DTYPES]
    assert "X" not in found
    assert all(map(_alike, found, ROWS[call]))


def _alike(a: str, b: str) -> bool:
    """Whether the last bit agrees is the machine's affair."""
    return a == b or {a, b} == {"=", "~"}


def test_every_public_function_is_in_the_table_or_named_as_outside():
    text = "\n".join(CALLS)
    public = {n for n in dir(np) if not n.startswith("_") and callable(getattr(np, n)) and not isinstance(getattr(np, n), type)
              and not isinstance(getattr(np, n), np.ufunc)}
    named = set(re.findall(r"\.(\w+)\(", text))
    assert not sorted(public - named - set(OUTSIDE))
