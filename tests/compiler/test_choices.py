"""Names that are one of several objects by run-time conditions: every path gives what Python gives, writes reach the array
that NumPy would write to, and what is returned is the caller's array where NumPy returns it."""

import numpy as np
import pytest
from treadle import jit
from treadle.ir.errors import UnsupportedError

from tests.comparator import difference, fresh, observe

A = np.array([0.5, 2.0, -1.0, 3.0, 1.5, 0.0, 4.0, 1.0])


def agrees(f, *arguments):
    make = fresh(arguments)
    want, compiled = observe(f, make), jit(f)
    for _ in range(2):
        assert difference(observe(compiled, make), want) is None


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_buffers_that_change_places(n):
    def two(u, v, n):
        for _ in range(n):
            v[1:-1] = (u[:-2] + u[2:]) * 0.5
            u, v = v, u
        return u

    def three(a, b, c, n):
        for k in range(n):
            a[k] += b[0]
            a, b, c = b, c, a
        return a, b, c

    agrees(two, A, A[::-1].copy(), n)
    agrees(three, A, A * 2, A * 3, n)


def test_buffers_that_change_places_until_converged():
    def f(u, v, tolerance):
        error, k = 1.0, 0
        while error > tolerance and k < 50:
            v[1:-1] = (u[:-2] + u[2:]) * 0.5
            error = np.abs(v - u).max()
            u, v = v, u
            k += 1
        return u, v, k

    agrees(f, A, A.copy(), 1e-3)


@pytest.mark.parametrize("c", [np.float64(1), np.float64(-1)])
def test_one_of_two_arrays(c):
    def expression(a, b, c):
        y = a if c > 0 else b
        y[0] = 5
        return y

    def views(a, b, c):
        if c > 0:
            y = a
        else:
            y = b[1:]
        y[0] = 5
        y[1:] *= 2
        a[2] = 7
        return y.sum(), y

    def dtypes(a, c):
        y = a.astype(np.float32) if c > 0 else a * 2
        return y + 1, y.sum(), y

    def two_names(a, c):
        if c > 0:
            y = a * 2
            z = y
        else:
            y = a * 3
            z = y[1:]
        y[1] = 100
        return y, z

    agrees(expression, A, A * 2, c)
    agrees(views, A, A * 2, c)
    agrees(dtypes, A, c)
    agrees(two_names, A, c)


@pytest.mark.parametrize("a", [A, -A, -np.abs(A), A.astype(np.float32), A[:0]], ids=lambda a: f"{a[:2]}{a.dtype}")
def test_numbers_of_several_types(a):
    def largest(a):
        best = 0
        for x in a:
            best = max(best, x)
        return best

    def smallest_above_one(a):
        best = None
        for i in range(len(a)):
            if a[i] > 1 and (best is None or a[i] < best):
                best = a[i]
        return best

    def by_branch(a):
        s = 0
        for i in range(len(a)):
            if a[i] > 0:
                s = s + a[i]
            else:
                s = s - 1
        return s, s * 2, -s

    def position(a):
        for i in range(len(a)):
            if a[i] == 3:
                return i
        return -1

    for f in (largest, smallest_above_one, by_branch, position):
        agrees(f, a)


def test_no_array_before_the_first_trip():
    def f(a):
        previous = None
        for i in range(4):
            current = a * i
            if previous is not None:
                a[0] += np.abs(current - previous).max()
            previous = current
        return previous

    agrees(f, A)


@pytest.mark.parametrize("limit", [1.0, 5.0, -5.0])
def test_breaks_from_a_loop_that_is_unrolled(limit):
    def f(a, limit):
        out = 0
        for i in [1, 2, 3, 5, 7]:
            if a[i] > limit:
                break
            out += a[i]
        else:
            out = -1
        return out, i

    agrees(f, A, limit)


def test_a_return_of_another_kind_after_an_endless_loop():
    def f(a):
        i = 0
        while True:
            i += 1
            if a[i] == 0:
                return i
            if i > 5:
                return "never"

    agrees(f, A)
    agrees(f, A + 10)


def test_an_array_made_in_a_loop_and_its_view():
    def f(x, a):
        for i in range(3):
            v = np.where(i > 2, i, a)
            if i > 1:
                break
            for j in range(0, 7, 2):
                a = x[12, j % 2]
                w = np.reshape(v, -1, order="F")
                v[()] *= v[()]
        return w

    def two_dtypes(a, x):
        k = 3
        for i in range(4):
            v = a * 0.5 - k
            k = max(k, x[i])
        return v

    agrees(f, np.full((17, 2), 3, np.int16), True)
    for factor in (0.1, 4 + 0j, 0j):
        agrees(two_dtypes, A, np.ones(4) * factor)


def test_what_nested_functions_read_and_set():
    def counts(a):
        v = 1

        def step(k):
            nonlocal v
            if a[k] > 0:
                v += a[k]
            else:
                v = v - 1
            return k

        for i in range(3):
            step(i)
        return v

    def reads(a):
        v = 0.0

        def twice():
            return v * 2

        for i in range(4):
            if a[i] > 0:
                v = a[i]
        return twice()

    for f in (counts, reads):
        agrees(f, A)
        agrees(f, -A)


def test_containers_of_some_paths():
    def returned_or_not(a):
        kept = [a[0], 2]
        kept[0] = kept[-1]
        if a[1] > 0:
            return 2.5
        return kept, kept[1]

    def made_on_one_side(a):
        if a[1] > 0:
            parts = []
            for i in range(3):
                parts.append(a[i])
            last = parts[-1]
        else:
            last = 0
        parts = [last]
        return parts

    def dict_of_one_side(a):
        if a[1] > 0:
            d = {"n": 1, "s": a[0]}
            for i in range(3):
                d["s"] += a[i]
        return d

    for f in (returned_or_not, made_on_one_side, dict_of_one_side):
        agrees(f, A)
        agrees(f, -A)


def test_the_largest_of_numbers_of_several_kinds():
    def f(n, a):
        b = max(n, 0.5)
        c = min(b, a[0], 3)
        s = 0
        for i in range(4):
            s = max(s, i * 0.7 - 1)
        return b, c, max(True, n, 2.0), s, b // 2

    for n in (0, 3):
        for a in (A, -A, A.astype(np.float32)):
            agrees(f, n, a)


def test_nothing_after_a_loop_that_always_raises_is_reached():
    def f(a):
        for i in range(2):
            for j in range(3):
                v = a[:i + 1] * 2
                a[0] = v.reshape(1, 1, -1)
        return v

    agrees(f, np.arange(6.0).reshape(3, 2))
    agrees(f, np.arange(2.0).reshape(1, 2))


def test_what_is_written_through_another_name_of_what_may_be_one_of_two():
    def f(x, y):
        for i in range(0, 7, 2):
            v = x.sum(axis=-1, keepdims=True)
            w = v if i % 2 == 0 else y
        v[0, 0] += 5
        return w[0, 0]

    from_loop = jit(f)
    x, y = np.arange(4.0).reshape(1, 4), np.ones((5, 5), np.uint32)
    with pytest.raises(UnsupportedError, match="another name shares its memory"):
        from_loop(x, y)


def test_the_callers_array_and_its_transpose_change_places():
    def f(a, b):
        v = b.T
        for i in range(3):
            a[0] = v[-1]
            v, a = a, v
        return v, i

    x = np.arange(16.0).reshape(4, 4)
    agrees(f, x, x.T)
    agrees(f, x, x.T.copy())


@pytest.mark.parametrize("first", [2.0, 5.0])
def test_an_array_written_after_a_break_that_depends_on_data(first):
    def f(a, b, x, k):
        for i in range(4):
            k = x[i]
            v = a @ b
            if b[i, 0] != first:
                break
        for row in v:
            v += np.clip(b[:, 0] > 1, -1, 2)
        return k, row, v

    agrees(f, np.ones((1, 4)), np.arange(2.0, 18.0).reshape(4, 4), np.arange(4, dtype=np.uint16), 0)


def double_buffer(a, n):
    b = a * 1.5
    for _ in range(n):
        b += a
        a, b = b, a
    return b


def three_in_turn(a, n):
    b, c = a * 1.5, a + 1
    for _ in range(n):
        c += a
        a, b, c = b, c, a
    return a, b


@pytest.mark.parametrize("f", [double_buffer, three_in_turn])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 20])
def test_an_argument_that_takes_turns_with_local_arrays_is_written(f, n):
    ours, theirs = np.ones(3), np.ones(3)
    got, want = jit(f)(ours, n), f(theirs, n)
    np.testing.assert_array_equal(ours, theirs)
    for g, w in zip(got if isinstance(got, tuple) else [got], want if isinstance(want, tuple) else [want], strict=True):
        np.testing.assert_array_equal(g, w)
        assert (g is ours) == (w is theirs)


def positive_part(v):
    if v > 0:
        return v
    return 0


def nothing_above_one(x):
    if x[0] > 1:
        return None
    return x * 2


def a_pair(x):
    if x[0] > 1:
        return 1, x
    return 2.5, x * 2


def sum_of_positive_parts(x):
    total = 0.0
    for i in range(len(x)):
        total += positive_part(x[i]) * x[i]
    return total


def sum_or_nothing(x):
    y = nothing_above_one(x)
    if y is None:
        return x.sum()
    return y.sum()


def product_of_a_pair(x):
    number, y = a_pair(x)
    return number * y.sum()


@pytest.mark.parametrize("f", [sum_of_positive_parts, sum_or_nothing, product_of_a_pair])
def test_what_a_function_returns_to_its_caller_may_be_one_of_several(f):
    compiled = jit(f)
    for x in (np.array([1.0, 3, -2]), np.array([2.0, -3, 4]), np.array([-1.0, 5, 0])):
        assert compiled(x) == f(x)
