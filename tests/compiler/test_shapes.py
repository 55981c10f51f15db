"""One version for many shapes: what it computes, how results lie in memory, and how many versions there are."""

import numpy as np
import pytest
import treadle
from hypothesis import given, settings
from hypothesis import strategies as st
from treadle.compiler import api

RNG = np.random.default_rng(5)


def vectors(count=1):
    return lambda n: tuple(RNG.normal(size=n) for _ in range(count))


def matrix(n):
    return (RNG.normal(size=(n, n + 3)),)


def fortran(n):
    return (np.asfortranarray(RNG.normal(size=(n, n + 3))),)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def dot_by_hand(x, y):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * y[i]
    return total


def in_place(x):
    x[1:] += x[:-1]
    x[0] = len(x)
    return x[::2]


def smooth(x):
    out = np.zeros(len(x) + 2)
    out[1:-1] = x
    return (out[:-2] + out[1:-1] + out[2:]) / 3


CASES = {
    "elementwise": (lambda x: np.tanh(x) * 2 + 1, vectors()),
    "two of one length": (lambda x, y: (x + y, x.size, x.shape), vectors(2)),
    "slices": (lambda x: (x[1:-1] - x[:-2], x[::3], x[::-1], x[-1]), vectors()),
    "reductions": (lambda x: (x.sum(), x.mean(), x.std(), x.max(), x.argmax()), vectors()),
    "transposed": (lambda x: (x.T + 1, x.T.copy(), x.ravel(order="F"), x[:, ::-1] * 2), matrix),
    "fortran": (lambda x: (x + 1, x * np.ones_like(x), x.sum(axis=0), x.reshape(-1)), fortran),
    "softmax": (softmax, matrix),
    "statistics": (lambda x: (x.mean(axis=0), x.var(axis=1), x - x.mean(0)), matrix),
    "product": (lambda x: (x @ x.T, x[0] @ x[1], np.einsum("ij,ij->i", x, x)), matrix),
    "loop": (dot_by_hand, vectors(2)),
    "in place": (in_place, vectors()),
    "made": (lambda x: (np.arange(len(x)), np.linspace(0, 1, len(x)), np.pad(x, 2), np.eye(len(x)), np.full(len(x) // 2 + 1, 3)),
             vectors()),
    "joined": (lambda x: (np.concatenate([x, x[::-1]]), np.stack([x, x]), np.cumsum(x), np.sort(x)), vectors()),
    "broadcast": (lambda x: (x[:, None] * x[None, :], (x[:, None] + x).T * 2), vectors()),
    "padded": (smooth, vectors()),
    "masked": (lambda x: (x[x > 0], np.where(x > 0, x, 0), np.nonzero(x > 0.5)), vectors()),
    "diagonals": (lambda x: (np.diag(x), np.diag(x[0], 1), np.diagonal(x, 1), np.trace(x)), matrix),
    "gradients": (lambda x: (np.gradient(x), np.gradient(x, 0.5, edge_order=2)), lambda n: (RNG.normal(size=n + 3),)),
    "contracted": (lambda x, y: np.tensordot(x, y, ([1, 2], [0, 1])),
                   lambda n: (RNG.normal(size=(3, n, n + 1)), RNG.normal(size=(n, n + 1, 4)))),
    "ranks": (lambda x: x.reshape(-1, 1, 2).swapaxes(0, 2) + 1, lambda n: (RNG.normal(size=2 * n),)),
}


def same(got, want):
    if isinstance(want, tuple):
        assert type(got) is tuple
        for g, w in zip(got, want, strict=True):
            same(g, w)
        return
    assert type(got) is type(want)
    if isinstance(want, np.ndarray):
        assert (got.dtype, got.shape, got.flags.writeable) == (want.dtype, want.shape, want.flags.writeable)
        assert not want.size or [s for s, d in zip(got.strides, got.shape) if d > 1] == [
            s for s, d in zip(want.strides, want.shape) if d > 1]
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


def agrees(f, jitted, args):
    mine, plain = ([a.copy("K") for a in args] for _ in range(2))
    want = f(*plain)
    same(jitted(*mine), want)
    same(tuple(mine), tuple(plain))


@pytest.mark.parametrize("name", CASES)
def test_one_version_serves_many_lengths(name):
    f, make = CASES[name]
    jitted = treadle.jit(f)
    for n in range(7, 40):
        agrees(f, jitted, make(n))
    assert jitted.versions == 3


@pytest.mark.parametrize("name", CASES)
def test_small_extents(name):
    f, make = CASES[name]
    jitted = treadle.jit(f)
    for n in (20, 9, 31, 4, 3, 2, 5, 64, 2, 3):
        agrees(f, jitted, make(n))


def test_equal_extents_are_one_symbol_until_they_differ():
    f = lambda x, y: np.outer(x, y) if len(x) != len(y) else x * y
    jitted = treadle.jit(f)
    for n, m in ((3, 3), (4, 4), (5, 5), (6, 6), (7, 9), (9, 7), (8, 8), (4, 11)):
        agrees(f, jitted, (np.arange(float(n)), np.arange(float(m))))
    assert jitted.versions <= 5


def test_a_condition_on_a_length_is_a_guard():
    f = lambda x: x + 1 if len(x) > 20 else x[: len(x) // 2] * 2
    jitted = treadle.jit(f)
    for n in range(4, 60):
        agrees(f, jitted, (np.arange(float(n)),))
    assert jitted.versions == 4


def test_extents_of_zero_and_one_are_compiled_apart():
    f = lambda x, y: x + y
    jitted = treadle.jit(f)
    for n in (5, 6, 7, 8, 1, 0, 9):
        agrees(f, jitted, (np.arange(float(n)), np.arange(float(n))))
    agrees(f, jitted, (np.arange(1.0), np.arange(6.0)))
    with pytest.raises(ValueError, match=r"shapes \(5,\) \(6,\)"):
        jitted(np.arange(5.0), np.arange(6.0))


def test_arrays_that_overlap():
    def f(x, y):
        x += y
        return x

    jitted = treadle.jit(f)
    for n in range(5, 12):
        agrees(f, jitted, vectors(2)(n))
    a, b = np.arange(20.0), np.arange(20.0)
    same(jitted(a[1:], a[:-1]), f(b[1:], b[:-1]))
    same(a, b)


def test_gradients_and_lanes_of_many_lengths():
    loss = treadle.value_and_grad(lambda w, x: np.sum(np.tanh(x @ w) ** 2))
    rows = treadle.vmap(lambda x: np.cumsum(x) / x.sum())
    for n in range(3, 30):
        x, w = RNG.normal(size=(n, 4)), RNG.normal(size=4)
        value, slope = loss(w, x)
        t = np.tanh(x @ w)
        same(value, np.sum(t**2))
        same(slope, (2 * t * (1 - t**2)) @ x)
        y = RNG.uniform(size=(n, n + 1))
        same(rows(y), np.cumsum(y, axis=1) / y.sum(axis=1, keepdims=True))
    assert loss._jitted.versions == rows._jitted.versions == 3


def test_maps_applied_by_themselves_at_many_lengths():
    def f(x):
        return np.sin(x) * x

    def slope(x):
        return np.cos(x) * x + np.sin(x)

    for n in range(3, 9):
        x, ones = np.arange(1.0, n + 1), np.ones(n)
        np.testing.assert_allclose(treadle.vjp(f, x)[1](ones)[0], slope(x))
        np.testing.assert_allclose(treadle.jvp(f, (x,), (ones,))[1], slope(x))
        np.testing.assert_allclose(treadle.linearize(f, x)[1](ones), slope(x))
        np.testing.assert_allclose(treadle.jit(lambda x: treadle.vjp(f, x)[1](np.ones(len(x)))[0])(x), slope(x))
        np.testing.assert_allclose(treadle.hessian(lambda x: f(x).sum())(x), np.diag(2 * np.cos(x) - x * np.sin(x)))
        np.testing.assert_allclose(treadle.jacrev(f)(x), np.diag(slope(x)))
        treadle.check_grads(f, (x,), order=2)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("f, shapes", [
    (lambda x: x.sum(), [(5,), (31,), (33,), (129,), (3000,), (5000,), (70001,), (300001,)]),
    (lambda x: x.sum(axis=1), [(50, 5), (50, 33), (50, 129), (50, 513), (20, 3000)]),
    (lambda x: x.sum(axis=0), [(5, 50), (33, 50), (129, 50), (5000, 50), (9001, 50)]),
    (lambda x: x.mean(), [(7, 50), (129, 50), (5000, 50), (4, 40000), (300, 300)]),
], ids=["all of a vector", "rows", "columns", "all of a matrix"])
def test_reductions_give_the_bits_of_versions_for_one_shape(f, shapes, dtype):
    for shape in shapes:
        x = RNG.normal(size=shape).astype(dtype)
        with treadle.config.override(shapes="never"):
            apart = treadle.jit(f)(x)
        with treadle.config.override(shapes="always"):
            jitted = treadle.jit(f)
            assert np.array_equal(jitted(x), apart), shape
            assert jitted.versions == 1


def test_temporaries_of_many_sizes():
    """Sorting along an axis needs rows of memory for each thread."""
    f = lambda x: (np.argsort(x * 2, axis=0), np.sort(x + 1, axis=1), np.cumsum(x[::-1] * 3, axis=0), np.cumsum(x, axis=1))
    jitted = treadle.jit(f)
    for n in (7, 8, 9, 33, 100, 21, 5):
        agrees(f, jitted, matrix(n))
    assert jitted.versions == 3


def test_settings():
    f = treadle.jit(lambda x: x * 2)
    with treadle.config.override(shapes="always"):
        for n in range(2, 9):
            f(np.ones(n))
        assert f.versions == 1
    with treadle.config.override(shapes="never"):
        for n in range(2, 9):
            f(np.ones(n))
        assert f.versions == 8


def test_failures_of_the_compiler_are_not_hidden(monkeypatch):
    def broken(*_, **options):
        if options.get("shapes") is not None:
            raise AssertionError("broken")
        return whole(*_, **options)

    whole = api.trace
    monkeypatch.setattr(api, "trace", broken)
    with treadle.config.override(shapes="always"), pytest.raises(AssertionError, match="broken"):
        treadle.jit(lambda x: x * 2)(np.ones(3))
    f = treadle.jit(lambda x: x * 2)
    for n in range(3, 9):
        assert f(np.ones(n)).sum() == 2 * n


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=8), st.sampled_from(("C", "F", "T", "S")))
def test_any_order_of_shapes(shapes, layout):
    f = lambda x: ((x + 1).T, x.sum(axis=0), x[1:, :2], x.reshape(-1)[::2])
    jitted = treadle.jit(f)
    for n, m in shapes:
        x = np.arange(float(n * m)).reshape(n, m)
        x = {"C": x, "F": np.asfortranarray(x), "T": x.T, "S": np.repeat(x, 2, axis=1)[:, ::2]}[layout]
        same(jitted(x), f(x))


def test_numbers_that_differ_as_shapes_do():
    def parts(edges, n):
        parent = np.arange(n)
        for a, b in edges:
            while parent[a] != a:
                a = parent[a]
            while parent[b] != b:
                b = parent[b]
            parent[max(a, b)] = min(a, b)
        return parent, np.flatnonzero(parent == np.arange(n)).size / n

    compiled = treadle.jit(parts)
    for n in range(10, 40, 3):
        edges = np.random.default_rng(n).integers(0, n, (n // 2 + 1, 2))
        got, want = compiled(edges, n), parts(edges, n)
        np.testing.assert_array_equal(got[0], want[0])
        assert got[1] == want[1]
    assert compiled.versions == 3


def test_sizes_that_numpy_scalars_and_other_arrays_give():
    def f(x, n):
        wide = np.zeros(n[0] + len(x))
        wide[n[0]:] = x
        x.T.flat = x[:2]
        return np.pad(x, 1, mode="edge"), wide, np.resize(x, (len(x), 3)), np.resize(x[x > n[1]], 5)

    jitted = treadle.jit(f)
    with treadle.config.override(shapes="always"):
        for n in (5, 7, 4):
            agrees(f, jitted, (RNG.normal(size=n), np.array([n - 2, n % 2 * 9])))


def test_nothing_written_to_flat():
    def f(x, y):
        x.flat = []
        x.flat = y[y > 1]
        return x

    jitted = treadle.jit(f)
    for y in (np.zeros(3), np.arange(3.0), np.arange(12.0)):
        agrees(f, jitted, (np.ones((2, 3)), y))
