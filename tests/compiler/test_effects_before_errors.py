"""What a program prints and writes before it raises is seen, wherever the exception is found."""

import numpy as np
import pytest
from treadle import jit


def raises_at_once(a):
    print("start", a[0])
    a[0] = 7
    raise ValueError("no")


def index_out_of_range(a):
    a[1] = 5
    for i in range(3):
        print(i)
        a[i] = i
        a[i + 9] = 1


def shapes_that_do_not_fit(a):
    print("before")
    a[2] = 0
    return np.zeros(3) + a


def observed(f, capsys):
    a = np.arange(8.0)
    with pytest.raises(Exception) as error:
        f(a)
    return type(error.value), str(error.value), error.traceback[-1].lineno, capsys.readouterr().out, a.tolist()


@pytest.mark.parametrize("f", [raises_at_once, index_out_of_range, shapes_that_do_not_fit])
def test_effects_before_errors(f, capsys):
    want = observed(f, capsys)
    compiled = jit(f)
    for _ in range(2):
        assert observed(compiled, capsys) == want
