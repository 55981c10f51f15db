"""Views that move over one of several arrays, and arrays of several sizes, from trip to trip and from path to path: writes reach
the array that NumPy would write to."""

import numpy as np
import pytest
from treadle import grad, jit

from tests.comparator import difference, fresh, observe


def agrees(f, *arguments):
    make = fresh(arguments)
    want, compiled = observe(f, make), jit(f)
    for _ in range(2):
        assert difference(observe(compiled, make), want) is None


def shrinks_from_either_end(a):
    for i in range(3):
        a = a[1:] if a[i] > 0 else a[:len(a) - 1]
        a = a[a != 3] if a[0] < 1 else a
        a += 1
    return a


def is_a_copy_or_what_it_was(a):
    b = a
    for i in range(3):
        a = a[1:] if a[i] > 0 else a[:len(a) - 1]
        b = a.copy() if a[i] > -2 else b
        b += 1
    return a, b


def drops_the_largest_and_the_ends(a):
    for _ in range(3):
        for _ in range(2):
            a = a[:len(a) - 1]
            a = a[a != a.max()] if len(a) else a
            a = a[1:]
            if len(a) < 3:
                break
        a[a > 2] = a[a > 2][::-1]
    return a


def takes_every_other(a):
    v = 0
    while len(a) > 1 and v < 7:
        v += 1
        a = a[::2]
        a += 1
    a[a < 2] += 1
    return v


def takes_windows_of_two(a, b):
    w = a
    for i in range(4):
        w = a[i:i + 3] if a[i] > b[i] else b[1:4]
        w[0] += 1
    return w


def has_paths_with_parts_of_either(a, b):
    x = a[2:6] if a.sum() > 0 else b[1:5]
    if x[0] > 0:
        x = x[1:3]
    else:
        x = x[2:4]
    x *= 2
    return x


def shuffles_every_other(a):
    rng = np.random.default_rng(4)
    w = rng.permutation(20)
    for _ in range(4):
        w = w[::2]
        w = w[:len(w) - 1]
        rng.shuffle(w)
    w[w > 2] -= 1
    return w


def shuffles_one_of_two(a):
    rng = np.random.default_rng(4)
    b = np.arange(5)
    rng.shuffle(a if a[0] > 0 else b)
    return b, rng.random()


@pytest.mark.parametrize("n", [7, 12])
@pytest.mark.parametrize("f", [shrinks_from_either_end, is_a_copy_or_what_it_was, drops_the_largest_and_the_ends, takes_every_other,
                               shuffles_every_other, shuffles_one_of_two])
def test_views_of_one_array(f, n):
    agrees(f, np.arange(n) - 3)
    agrees(f, (np.arange(n) * 7) % 5)


@pytest.mark.parametrize("f", [takes_windows_of_two, has_paths_with_parts_of_either])
def test_views_of_two_arrays(f):
    a, b = np.arange(8) - 2, (np.arange(8) * 5) % 7 - 2
    agrees(f, a, b)
    agrees(f, -a, b)


def grows_by_what_data_pick(x):
    out = np.zeros(1)
    for k in range(20):
        out = np.concatenate([out, x[x > 1.203 + k * 0.01]])
    return out


def grows_in_nested_loops(x):
    out = x[:1]
    for _ in x[:3]:
        for _ in range(len(out)):
            out = np.append(out, out.sum())
    return out


@pytest.mark.parametrize("f", [grows_by_what_data_pick, grows_in_nested_loops])
def test_loops_that_join_arrays_stay_loops(f):
    x = np.linspace(0.5, 1.5, 16)
    agrees(f, x)
    assert jit(f).lower(x).ir("traced").count(" = for ") >= 1


def test_the_derivative_of_a_loop_that_joins_arrays():
    x = np.linspace(0.5, 1.5, 16)
    steps = np.eye(16) * 1e-6
    found = grad(lambda x: (grows_by_what_data_pick(x) ** 2).sum())(x)
    want = [((grows_by_what_data_pick(x + h) ** 2).sum() - (grows_by_what_data_pick(x - h) ** 2).sum()) / 2e-6 for h in steps]
    np.testing.assert_allclose(found, want, rtol=1e-6, atol=1e-6)


def test_an_array_that_grows_in_its_memory_is_not_copied():
    def f(x):
        out = np.zeros(0)
        for k in range(len(x)):
            if x[k] > 0:
                out = np.append(out, x[k])
        return out

    x = np.sin(np.arange(40.0))
    agrees(f, x)
    planned = jit(f).lower(x).ir("planned")
    body = planned[planned.index(" = for "):planned.index("\n  }\n", planned.index(" = for "))]
    assert "copy" not in body and body.count("update_slice") == 1
