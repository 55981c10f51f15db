"""The benchmark of long loops within a limit of memory: its gradients are right, and a line comes out."""

import re

import numpy as np
import pytest
import treadle as td
from treadle.benchmarks import long_loop


@pytest.mark.parametrize("name", long_loop.LOOPS)
def test_gradients_within_a_limit_are_the_same(name):
    f, x = long_loop.LOOPS[name], np.linspace(0.1, 1.0, 40)
    value, gradient = td.value_and_grad(f, memory="10KB")(x, 300)
    np.testing.assert_allclose(value, f(x, 300), rtol=1e-12)
    np.testing.assert_allclose(gradient, td.grad(f)(x, 300), rtol=1e-11)


def test_a_line_of_the_table():
    line = long_loop.measure("relaxation", 60, "30MB", 1)
    assert re.search(r"relaxation +60 trips .* gradient [\d.]+ s .*x .*MB of 30MB", line)
