# ruff: noqa: E702, E701, E731, E501, F841, F821  (the programs under test are kept short)
"""Loops and branches: one program per construct, traced, evaluated, and compared with plain NumPy; then other arguments."""

import copy
import math  # noqa: F401

import numpy as np
import pytest
from treadle.compiler.signature import signature
from treadle.compiler.trace import trace
from treadle.ir.errors import UnsupportedError

from tests.compiler.programs import call_traced, check, same

R = np.random.default_rng(0)
DEMOS = []


def demo(*args, expect="ok"):
    def enter(f):
        DEMOS.append(pytest.param(f, args, expect, id=f.__name__))
        return f

    return enter


def M(*s): return R.uniform(0.5, 1.5, s)


OFFSET = 0.25
TABLE = np.array([1.0, 2.0, 4.0, 8.0])


@demo(M(6), M(6), 5)
def pingpong_args(a, b, n):                       # which buffer holds what depends on the parity of n
    for _ in range(n):
        b[1:-1] = 0.5 * (a[:-2] + a[2:])
        a, b = b, a
    return a

@demo(M(6), 5)
def pingpong_fresh(a, n):
    u, v = a.copy(), np.zeros_like(a)
    for _ in range(n):
        v[1:-1] = 0.5 * (u[:-2] + u[2:])
        u, v = v, u
    return u

@demo(M(5), 3)
def rebind_then_inplace(x, n):                    # the first trip reads the argument, later trips own x
    x = x * 2
    for _ in range(n):
        x += 1
        x = x * 0.5
    return x

@demo(M(5), 3)
def rebind_arg_inplace(x, n):                     # the first trip writes the caller's array, later trips do not
    for _ in range(n):
        x += 1
        x = x * 0.5
    return x

@demo(M(4, 5))
def view_escapes_loop(A):
    for i in range(A.shape[0]):
        row = A[i]
        row *= 2
    row += 100
    return row.sum()

@demo(M(4, 5))
def append_in_loop(A):
    out = []
    for i in range(A.shape[0]): out.append(A[i].sum() * i)
    return np.array(out)

@demo(M(5), 4)
def list_state(x, n):
    h = [x, x * 0]
    for i in range(n):
        h[1] = h[0] * 0.5 + h[1]
        h[0] = h[1] + i
    return h[0], h[1]

@demo(M(5), 4)
def dict_state(x, n):
    p = {"w": x * 1.0, "m": 0.0}
    for i in range(n):
        p["m"] = 0.9 * p["m"] + p["w"].sum()
        p["w"] = p["w"] - 0.1 * p["m"]
    return p["w"], p["m"]

@demo(M(4, 5))
def rank_grows(A):                                # 0 + array: scalar on the first trip, an array later
    acc = 0
    for i in range(A.shape[0]): acc = acc + A[i]
    return acc

@demo(M(4, 5), 4)
def rank_grows_runtime(A, n):                     # needs the first trip peeled: n becomes a guard
    acc = 0
    for i in range(n): acc = acc + A[i]
    return acc

@demo(M(9), 1.2)
def early_return(x, t):
    for i in range(len(x)):
        if x[i] > t: return i
    return -1

@demo(M(9), 1.2)
def early_return_nested(x, t):
    for i in range(len(x)):
        for j in range(i):
            if x[i] + x[j] > 2 * t:
                return i, j, x[i]
    return -1, -1, x[0]

@demo(2.0, 1e-12)
def while_true(a, tol):
    x = a
    k = 0
    while True:
        y = 0.5 * (x + a / x)
        k += 1
        if abs(y - x) < tol: break
        x = y
    return y, k

@demo(27)
def collatz(n):
    k = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        k += 1
    return k

@demo(M(6), M(6))
def zips(a, b):
    s = 0.0
    for k, (x, y) in enumerate(zip(a, b)): s += k * x * y
    for i in reversed(range(len(a))): s = s * 0.5 + a[i]
    for x in reversed(a): s = s * 0.5 + x
    return s

@demo(M(6).astype(np.float32), np.arange(6, dtype=np.int32))
def promotions(a, k):
    s = 0.0; m = 0; p = 1
    for i in range(6):
        s += a[i]; m += k[i]; p = p * 0.5
    return s, m, p

@demo(M(8))
def for_else(x):
    for i in range(len(x)):
        if x[i] > 5: break
    else:
        i = -7
    return i

@demo(M(8))
def loop_variable_after(x):
    for i in range(3, len(x)): x[i] += 1
    return i * 2

@demo(M(8), 3)
def one_sided(x, n):
    if x.sum() > 0: y = x * 2
    else: y = x[::-1] * 3
    if x[0] > 100: z = 1
    else: z = 2.5
    return y, z

class Model:
    def __init__(self, w): self.w = w; self.count = 0
    def step(self, g): self.w = self.w - 0.1 * g; self.count += 1

@demo(M(4), 3)
def attributes(w, n):
    m = Model(w)
    for i in range(n): m.step(m.w * 2)
    return m.w, m.count

@demo(M(2), 4)
def growing(x, n):
    for i in range(n): x = np.concatenate([x, x[-1:] * 2])
    return x, len(x)

@demo(M(20))
def shrinking(z):
    k = 0
    while len(z) > 1:
        z = z[z > z.mean()]
        k += len(z)
    return k, z.sum()

@demo(M(6), M(6))
def old_and_new(x, b):
    d = 1.0; n = 0
    x = x * 1.0
    while d > 1e-6:
        old = x
        x = 0.3 * x + b
        d = np.abs(x - old).max(); n += 1
    return x, n

@demo(M(6), 3)
def old_is_alias(x, n):                           # old and x are one array, always
    x = x.copy(); s = 0.0
    for _ in range(n):
        old = x
        x += 1
        s += old.sum()
    return s, x

@demo(M(5, 5) + 4 * np.eye(5), M(5))
def lu_pivot(A, b):
    n = len(b)
    for k in range(n - 1):
        p = np.argmax(abs(A[k:, k])) + k
        if p != k:
            A[[k, p]] = A[[p, k]]
            b[k], b[p] = b[p], b[k]
        for i in range(k + 1, n):
            f = A[i, k] / A[k, k]
            A[i, k:] -= f * A[k, k:]
            b[i] -= f * b[k]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1): x[i] = (b[i] - A[i, i + 1:] @ x[i + 1:]) / A[i, i]
    return x

@demo(M(9))
def bubble(a):
    n = len(a)
    for i in range(n):
        swapped = False
        for j in range(n - 1 - i):
            if a[j] > a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
                swapped = True
        if not swapped: break
    return i

@demo(np.sort(M(30)), 0.9)
def bisect(a, x):
    lo, hi = 0, len(a)
    while lo < hi:
        mid = (lo + hi) // 2
        if a[mid] < x: lo = mid + 1
        else: hi = mid
    return lo

def helper(x, k=2, *, scale=1.0):
    if k == 0: return x
    return helper(x * scale, k - 1, scale=scale)

@demo(M(4))
def recursion(x): return helper(x, scale=3.0), helper(x, 1)

@demo(M(4), 3)
def closures(x, n):
    c = 2.0
    def f(v): return v * c + OFFSET
    g = lambda v: f(v) + 1
    for i in range(n): x = g(x); c = c + 1
    return x, [t * 2 for t in (1, 2)], sum(v * v for v in x)

@demo(M(4), 2)
def global_table(x, n):
    s = 0.0
    for i in range(4): s += TABLE[i] * x[i]
    return s + TABLE[n]

@demo(M(6))
def raises(x):
    for i in range(len(x)):
        if x[i] < 0: raise ValueError("negative")
    assert x.sum() > 0, "sum"
    return x

@demo(M(6))
def chained(x):
    n = 0
    for v in x:
        if 0.7 < v <= 1.2 and not v == 1.0 or v > 1.4: n += 1
        m = v if v > 1 else -v
        n += m
    return n

@demo(M(6, 6), 3)
def views_of_views(A, n):
    B = A[1:-1].T[::2]; C = A.reshape(4, 9); D = A.T.reshape(-1)
    for i in range(n):
        B[1] += i
        C[0] -= 1
        D += 100
    return B, D

@demo(np.asfortranarray(M(4, 6)), M(8, 6)[::2], M(6, 4).T)
def layouts(F, S, T):                             # reshape copies or aliases by the layout of the argument
    for x in (F, S, T):
        y = x.reshape(-1); y += 100
        z = x.T.reshape(-1); z += 1000
        w = x.reshape(2, 2, 6); w[0, 0] = 7
    return y, z

@demo(M(7), 3)
def mask_in_loop(a, n):
    for i in range(n):
        a[a > 1] *= 0.5
        a[[0, 2]] += a[a < 1].sum()
    return a.sum()

@demo(M(5, 4))
def out_and_at(A):
    h = np.zeros(4, dtype=int); np.add.at(h, np.array([0, 1, 1, 3]), 2)
    np.multiply(A, 2, out=A); A[1].sort(); np.fill_diagonal(A, 0); A.T.fill(3) if A.sum() > 1e9 else None
    return h, A.ravel()[:3]

@demo(M(5))
def with_and_try(x):
    with np.errstate(all="ignore"):
        for i in range(3): x = x / (x - x[0])
    return x

@demo(M(4, 4), 6)
def swap_scalars(A, n):
    a, b = 0, 1
    for _ in range(n): a, b = b, a + b
    return a

@demo(M(8))
def carried_view(x):                              # v is a view that moves with i
    v = x[0:2]
    for i in range(4):
        v[0] += 1
        v = x[i:i + 2]
    v[1] = 50
    return v.sum()

@demo(M(5))
def two_names(a):
    b = a
    a += 1
    a = a + 1
    b *= 2
    return a, b

@demo(M(5), 2)
def walrus_and_del(x, n):
    t = x * 2
    del t
    while (n := n - 1) >= 0: x = x + n
    return x

@demo(M(5), True)
def flags(x, verbose):
    if verbose: x = x * 2
    return x if not verbose else (x, "done")

@demo(M(3, 3), 3)
def power(A, n):
    R_ = np.eye(len(A))
    while n:
        if n & 1: R_ = R_ @ A
        A = A @ A
        n >>= 1
    return R_

def own_loop(x, n):
    for _ in range(n):
        x += 1
        x = x * 2
    return x

@demo(M(3), 3)
def callee_aliases_caller(a, n):                  # the callee's first `x += 1` is seen through b
    b = a * 1
    return b, own_loop(b, n)

@demo(M(3), M(3))
def one_of_two_arrays(a, b):
    y = a if a.sum() > b.sum() else b
    y[0] = 5
    return y

@demo(M(6), 2)
def held_by_a_list(x, n):
    y = x * 1; keep = [y]
    for i in range(n):
        y += 1
        y = y * 0.5
    return keep[0], y

@demo(M(3), 3)
def nonlocal_counter(a, n):
    c = 0
    def inc():
        nonlocal c
        c += 1
    for i in range(n): inc()
    return c

COUNT = 0
@demo(M(5))
def global_counter(x):
    global COUNT
    COUNT = 0
    for i in range(3): COUNT += 1
    return x * COUNT

def produce(a):
    for i in range(len(a)): yield a[i] * 2

@demo(M(4))
def generator(a):
    s = 0
    for x in produce(a): s += x
    return s

@demo(M(4))
def previous_is_none(a):
    prev = None; s = 0.0
    for x in a:
        if prev is not None: s += (x - prev) ** 2
        prev = x
    return s

@demo(M(6), 10)
def memo_recursion(x, n):
    memo = {}
    def f(k):
        if k < 2: return k
        if k not in memo: memo[k] = f(k - 1) + f(k - 2)
        return memo[k]
    return x * f(n)

@demo(M(5, 5))
def nested_jumps(A):
    s = 0.0
    for i in range(5):
        for j in range(5):
            if A[i, j] > 1.3: break
            if j == 3: continue
            s += A[i, j]
        else:
            s += 100
        if s > 300: return s, i
    return s, -1

@demo(M(4), 3)
def rank_grows_in_while(a, n):                    # wants a peeled first trip, as `for` has
    i = 0; acc = 0
    while i < n:
        acc = acc + a
        i += 1
    return acc

@demo(M(3), 0)
def unbound_after_no_trips(a, n):
    for i in range(n): z = a[i] * 2
    return z

@demo(M(4), 0.0)
def handler(a, d):
    try: v = 1 / d
    except ZeroDivisionError: v = 0.0
    return v

@demo(np.arange(1, 20.0))
def run_time_slice_steps(x):
    s, k = 0.0, 1
    while k < x.shape[0]:
        s += x[::k].sum() + x[k:9:k].sum()
        x[k::k] *= 1.5
        k = k * 2 + 1
    return s


@demo(M(4))
def one_of_two_is_returned(a):
    b = np.zeros_like(a)
    if a.sum() > 3:
        return a
    return b

@demo(M(4), M(4))
def raised_where_the_program_gets_there(a, b):
    if a.sum() < 0:
        a[7] = 1
        c = a + b[:2]
    for i in range(len(a)):
        if a[i] > 100:
            missing += 1
    return a

@demo(M(4, 3), 2)
def name_bound_on_one_path(A, n):
    for i, row in enumerate(A):
        if row[0] > 0:
            last = i
            view = A[i, 1:]
    view *= 2
    return last, view

@demo(M(3, 3))
def dtype_differs_by_branch(A):
    n = 3
    for row in A:
        n += 1
    if A.sum() > 0:
        n = A[0, 0]
    return n


@pytest.mark.parametrize("f, args, expect", DEMOS)
def test_program(f, args, expect):
    if expect == "unsupported":
        with pytest.raises(UnsupportedError) as error:
            trace(f, copy.deepcopy(args), {})
        assert error.value.loc.file == __file__
        return
    if isinstance(check(f, lambda: copy.deepcopy(args)), Exception):
        return
    traced = trace(f, copy.deepcopy(args), {})
    other = [x + 1 if type(x) is int else x * 0.9 if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in args]
    plain, mine = copy.deepcopy(other), copy.deepcopy(other)
    _, call = signature(tuple(mine), {})
    if traced.matches(call):
        try:
            expected = f(*plain)
        except (IndexError, UnboundLocalError):
            return
        same(call_traced(traced, tuple(mine)), expected, "result")
        same(mine, plain, "arguments")
