"""Reverse loops work in place: no copy of an array per trip, no dead residuals."""

import numpy as np
import pytest
import treadle as td


def gauss_seidel(a):
    u = a.copy()
    for _ in range(5):
        for i in range(1, 19):
            for j in range(1, 19):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] * u[i, j])
    return np.sum(u * u)


def warping(a):
    d = np.zeros((21, 21))
    for i in range(1, 21):
        for j in range(1, 21):
            d[i, j] = a[i - 1, j - 1] + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
    return d[20, 20]


def gather(a):
    total = 0.0
    for k in range(20):
        total += a[k, k] * a[k, 3]
    return total


@pytest.mark.parametrize(("f", "bytes_kept"), [
    (gauss_seidel, 2 * 6 * 18 * 18 * 8), (warping, 4 * 400 + 3 * 441 * 8), (gather, 3300)])
def test_gradients_of_element_loops_copy_nothing_inside(f, bytes_kept):
    report = td.grad(f).lower(np.random.default_rng(0).uniform(size=(20, 20))).report()
    copies = [line for line in report.splitlines() if "copy of" in line and "argument" not in line]
    assert copies == []
    assert int(report.split("temporaries: ")[1].split(" bytes")[0]) <= bytes_kept + 4096


def test_what_an_arm_hands_on_is_read_before_its_memory_is_written():
    def f(a, b):
        a = a.copy()
        for i in range(2):
            a *= b
            if a[1] <= 20:
                break
            a[0] -= a[i % 2]
        return np.sum(a)

    a, b = np.array([-1.5, 1.25]), np.array([0.75, -1.5])
    np.testing.assert_array_equal(td.grad(f, argnums=1)(a, b), a)


def test_what_an_arm_hands_on_and_an_update_changes_is_read_before_its_memory_is_written():
    def f(a, b):
        a = a.copy()
        for i in range(4):
            a **= np.fmin(i, b)
            if 0 < a[i % 2] <= 2:
                break
            a[0] -= a[i % 2]
        return np.sum(a)

    a, b = np.array([-1.25, 1.5]), np.array([0.75, -1.5])
    np.testing.assert_allclose(td.grad(f, argnums=1)(a, b), [0.0, 1.5**-1.5 * np.log(1.5)], rtol=1e-13)
