"""`np.where` with Python integers: before NumPy 2.5 they wrap around, since then they raise as in ufuncs."""

import re

import numpy as np
import pytest
import treadle as td


@pytest.mark.parametrize("number", [-1, 300, 2**63, 2**64 - 1])
@pytest.mark.parametrize("dtype", ["u1", "i8", "u8", "f4", "c16"])
def test_python_integers(number, dtype):
    def f(x):
        return np.where(x == 2, x, number)

    x = np.arange(4).astype(dtype)
    try:
        want = f(x)
    except OverflowError as e:
        with pytest.raises(OverflowError, match=re.escape(str(e))):
            td.jit(f)(x)
        return
    got = td.jit(f)(x)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("number", [-2**63 - 1, 2**64])
def test_what_no_integer_holds_raises(number):
    x = np.arange(4)
    for f in (lambda x: np.where(x == 2, x, number), td.jit(lambda x: np.where(x == 2, x, number))):
        with pytest.raises(OverflowError, match="Python int too large to convert to C long"):
            f(x)
