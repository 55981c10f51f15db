"""Names that are a tuple on some paths and None, a number or another tuple on others: `best = None` before a loop, and kin."""

import numpy as np
import pytest
from treadle import jit

from tests.comparator import difference, fresh, observe

X = np.array([1.0, -1.0, 2.0, -3.0, 5.0])
ZEROS = np.zeros(4)


def agrees(f, *arguments):
    make = fresh(arguments)
    want, compiled = observe(f, make), jit(f)
    for _ in range(2):
        assert difference(observe(compiled, make), want) is None


def arr(x):
    best = None
    for i in range(len(x) - 1):
        if x[i] > 0:
            best = (x[i:i + 2] * 2, i)
    if best is not None:
        best[0][0] = 7.0
        return best[0].sum() + best[1]
    return 0.0


def views(x):
    best = None
    for i in range(len(x) - 1):
        if x[i] > 0:
            best = (x[i:i + 2], i)
    if best is not None:
        v, i = best
        v[0] = 7.0
        return v.sum() + i


def three(x):
    r = None
    for i in range(len(x)):
        if x[i] > 3:
            r = (i, x[i], 'big')
        elif x[i] > 0:
            r = (i, x[i])
        elif x[i] < -2:
            r = i
    return r


def wh(x):
    r = None
    i = 0
    while i < len(x) and r is None:
        if x[i] < 0:
            r = (i, x[i])
        i += 1
    return (r, i)


def branch_only(x):
    if x[0] > 0:
        r = (1, x[0])
    else:
        r = None
    s = 0 if r is None else r[1] * 2
    return s


def unbound(x):
    for i in range(len(x)):
        if x[i] > 3:
            r = (i, x[i])
        elif x[i] > 1:
            r = None
    return r


def none_index(x):
    r = None
    for i in range(len(x)):
        if x[i] > 3:
            r = (i, x[i])
    return r[1]


def helper(x):

    def find(t):
        for i in range(len(x)):
            if x[i] > t:
                return (i, x[i])
        return None
    f = find(1.5)
    if f is None:
        return 'none'
    i, v = f
    return i * v


def nested(x):
    best = None
    for i in range(len(x)):
        for j in range(i):
            d = abs(x[i] - x[j])
            if best is None or d < best[0]:
                best = (d, (i, j))
    return best


def prev(x):
    prev = None
    t = 0.0
    for v in x:
        if prev is not None:
            a, b = prev
            t += a * v - b
        prev = (v, t)
    return (t, prev)


def toggling(x):
    st = None
    n = 0
    for v in x:
        if st is None and v > 0:
            st = (v, 0)
        elif st is not None and v < 0:
            n += 1
            st = None
        elif st is not None:
            st = (st[0] + v, st[1] + 1)
    return (n, st)


def truth(x):
    st = ()
    for v in x:
        if v > 2:
            st = (v,)
        elif v > 0:
            st = ()
    return (len(st), st[0] if st else -1)


def swap(x):
    a = None
    b = None
    for v in x:
        if v > 0:
            a, b = ((v, 1.0), a)
    return (a, b)


def types(x):
    r = (0, 0)
    for v in x:
        if v > 2:
            r = (v, 1.5)
    return r


def unpackfail(x):
    r = None
    for v in x:
        if v > 2:
            r = (v, 1.5)
    p, q = r
    return p + q


def inwith(x):
    state = ('idle', 0)
    for v in x:
        if v > 0:
            state = ('run', state[1] + 1)
        elif v < -2:
            state = ('stop', state[1], v)
    return (state[0], len(state))


@pytest.mark.parametrize(("f", "arguments"), [
    *((arr, arguments) for arguments in [(X,),(ZEROS,)]),
    *((views, arguments) for arguments in [(X,),(ZEROS,)]),
    *((three, arguments) for arguments in [(X,),(ZEROS,)]),
    *((wh, arguments) for arguments in [(X,),(ZEROS,)]),
    *((branch_only, arguments) for arguments in [(X,),(ZEROS,)]),
    *((unbound, arguments) for arguments in [(X,),(ZEROS,)]),
    *((none_index, arguments) for arguments in [(X,),(ZEROS,)]),
    *((helper, arguments) for arguments in [(X,),(ZEROS,)]),
    *((nested, arguments) for arguments in [(X,),(ZEROS,)]),
    *((prev, arguments) for arguments in [(X,),(ZEROS,)]),
    *((toggling, arguments) for arguments in [(X,),(ZEROS,)]),
    *((truth, arguments) for arguments in [(X,),(ZEROS,)]),
    *((swap, arguments) for arguments in [(X,),(ZEROS,)]),
    *((types, arguments) for arguments in [(X,),(ZEROS,)]),
    *((unpackfail, arguments) for arguments in [(X,),(ZEROS,)]),
    *((inwith, arguments) for arguments in [(X,),(ZEROS,)]),
])
def test_agrees(f, arguments):
    agrees(f, *arguments)
