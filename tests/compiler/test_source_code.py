"""Which `lambda` of a file a function is."""

import numpy as np
import treadle as td

CONSTANTS = [(lambda x: x * 2, 0), (lambda x: "text", 1),
             (lambda x: 5, 2), (lambda x: 7, 3), (lambda x: x, 4)]


def test_lambdas_that_return_constants_are_not_others():
    x = np.ones(2)
    assert [td.jit(f)(x) for f, _ in CONSTANTS[1:4]] == ["text", 5, 7]
    np.testing.assert_array_equal(td.jit(CONSTANTS[0][0])(x), x * 2)
