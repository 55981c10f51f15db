"""How many versions a function has when its Python scalars take many values."""

import numpy as np
import treadle


def test_after_some_versions_a_number_is_a_run_time_value():
    @treadle.jit
    def f(x, n, s):
        y = x * s if n > 3 else x + s
        y[:n] *= 2
        return y, x[n % 3], x[n:].sum()

    x = np.arange(40.0)
    for n in range(40):
        for got, expected in zip(f(x, n, 0.5), f.function(x, n, 0.5), strict=True):
            assert type(got) is type(expected)
            np.testing.assert_allclose(got, expected, rtol=1e-14)
    assert sum(map(len, f._versions.values())) < 12


def test_a_number_that_must_be_known_stays_a_guard():
    @treadle.jit
    def f(x, n):
        out = np.zeros(n)
        for i in range(n):
            out[i] = x[i]
        return out

    x = np.arange(20.0)
    for n in range(20):
        np.testing.assert_array_equal(f(x, n), x[:n])
