"""`vmap` against a loop over the lanes: values, dtypes, shapes, arrays written, effects."""

import numpy as np
import pytest
import treadle as td


def loop(f, in_axes, *args):
    """What vmap means."""
    axes = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
    size = next(a.shape[k] for a, k in zip(args, axes) if k is not None)
    lanes = [f(*(a if k is None else np.moveaxis(a, k, 0)[i] for a, k in zip(args, axes))) for i in range(size)]
    if isinstance(lanes[0], tuple):
        return tuple(np.stack([np.asarray(lane[j]) for lane in lanes]) for j in range(len(lanes[0])))
    return np.stack([np.asarray(x) for x in lanes])


def agrees(f, *args, in_axes=0):
    ours, theirs = ([a.copy() if isinstance(a, np.ndarray) else a for a in args] for _ in range(2))
    want = loop(f, in_axes, *theirs)
    got = td.vmap(f, in_axes)(*ours)
    pairs = zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]
    for g, w in [*pairs, *zip(ours, theirs, strict=True)]:
        g, w = np.asarray(g), np.asarray(w)
        assert g.dtype == w.dtype and g.shape == w.shape
        if w.dtype.kind in "fc":
            np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-13)
        else:
            np.testing.assert_array_equal(g, w)


R = np.random.default_rng(5)
A, B, V = R.normal(size=(5, 4, 3)), R.normal(size=(3, 6)), R.normal(size=(5, 4))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def newton(x):
    """The number of trips differs by lane."""
    y, n = 1.0, 0
    while abs(y * y - x) > 1e-12:
        y = 0.5 * (y + x / y)
        n += 1
    return y, n


def branch(x):
    if x.sum() > 0:
        return x * 2
    return -x


def cumulative(x, decay):
    out = np.zeros_like(x)
    state = 0.0
    for i in range(len(x)):
        state = state * decay + x[i]
        out[i] = state
    return out


def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def first_above(x, limit):
    for i in range(len(x)):
        if x[i] > limit:
            return i
    return -1


def rnn(xs, w):
    h = np.zeros(w.shape[0])
    for t in range(xs.shape[0]):
        h = np.tanh(w @ h + xs[t])
    return h


def gather(x, i):
    return x[i], x[i:i + 2].sum(), x[:i].sum()


def cholesky(a):
    n = a.shape[0]
    for j in range(n):
        a[j, j] = np.sqrt(a[j, j] - a[j, :j] @ a[j, :j])
        for i in range(j + 1, n):
            a[i, j] = (a[i, j] - a[i, :j] @ a[j, :j]) / a[j, j]
    return a.trace()


SPD = A[:, :3] @ A[:, :3].transpose(0, 2, 1) + 3 * np.eye(3)

CASES = [
    (lambda x: np.sin(x) + 1, (V,), 0),
    (softmax, (V,), 0),
    (softmax, (V,), 1),
    (lambda a, b: a @ b, (A, B), (0, None)),
    (lambda a, b: a @ b, (A.transpose(1, 2, 0), B), (2, None)),
    (lambda x: x.T @ x, (A,), 0),
    (lambda x: np.sort(x)[::-1], (V,), 0),
    (lambda x: (x.argmax(), x.max(), x.mean(), x.std()), (V,), 0),
    (newton, (np.abs(V[:, 0]) + 0.1,), 0),
    (branch, (V,), 0),
    (cumulative, (V, np.linspace(0.1, 0.9, 5)), 0),
    (cumulative, (V, 0.5), (0, None)),
    (collatz, (np.arange(1, 30),), 0),
    (first_above, (V, 0.5), (0, None)),
    (first_above, (V, np.linspace(-1, 3, 5)), 0),
    (rnn, (R.normal(size=(5, 7, 4)), R.normal(size=(4, 4))), (0, None)),
    (rnn, (R.normal(size=(5, 7, 4)), R.normal(size=(5, 4, 4))), 0),
    (gather, (V, np.array([0, 1, 2, 3, 1])), 0),
    (cholesky, (SPD,), 0),
    (lambda x: 3, (V,), 0),
    (lambda x, y: (x, y), (V, V), 0),
    (lambda m, x: np.where(m, x, 0).sum(), (V > 0, V), 0),
    (lambda x: float(x[0]) + 1, (V,), 0),
    (lambda x: int(x[0] * 10) // 3, (V,), 0),
    (lambda x: x.astype(np.float32).cumsum(), (V,), 0),
    (lambda x: np.linalg.norm(x - V[0]), (V,), 0),
    (lambda x: np.outer(x, x)[np.triu_indices(4)], (V,), 0),
    (lambda c: (c * c.conj()).real.sum(), (V + 1j,), 0),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_a_loop_over_lanes(case):
    f, args, axes = CASES[case]
    agrees(f, *args, in_axes=axes)


def test_arrays_are_written_lane_by_lane():
    def f(x, total):
        x[1:] += x[:-1].copy()
        total += x
        return total.sum()

    agrees(f, V, np.zeros(4), in_axes=(0, None))
    x = V.copy()
    td.vmap(lambda row: row.sort())(x)
    np.testing.assert_array_equal(x, np.sort(V, axis=1))
    y = V.copy()
    td.vmap(lambda column: np.negative(column, out=column), in_axes=1)(y)
    np.testing.assert_array_equal(y, -V)


def test_prints_come_lane_after_lane(capsys):
    td.vmap(lambda x: (print("a", x), print("b", x)) and x)(np.arange(3))
    assert capsys.readouterr().out.split("\n")[:-1] == ["a 0", "b 0", "a 1", "b 1", "a 2", "b 2"]


def test_the_first_lane_that_fails_raises():
    with pytest.raises(IndexError, match="index 9 is out of bounds"):
        td.vmap(lambda x, i: x[i])(V, np.array([0, 1, 9, 11, 0]))
    with pytest.raises(ZeroDivisionError):
        td.vmap(lambda i: 1 // int(i))(np.array([1, 0]))


def test_out_axes_and_trees():
    got = td.vmap(lambda d: {"a": d["x"] * d["s"], "n": d["s"] + 1}, in_axes=({"x": 1, "s": None},),
                  out_axes={"a": 1, "n": None})({"x": V, "s": 2.0})
    np.testing.assert_array_equal(got["a"], V * 2)
    assert got["n"] == 3.0
    assert td.vmap(lambda x: x, out_axes=-1)(A).shape == (4, 3, 5)
    np.testing.assert_array_equal(td.vmap(lambda x, k: x * k)(V, k=np.arange(5)), V * np.arange(5)[:, None])


def test_nested_and_composed():
    outer = td.vmap(td.vmap(lambda x, y: x * y, (None, 0)), (0, None))
    np.testing.assert_array_equal(outer(V[0], V[1]), np.outer(V[0], V[1]))
    np.testing.assert_array_equal(td.jit(lambda a: td.vmap(np.cumsum)(a) + 1)(V), np.cumsum(V, 1) + 1)
    np.testing.assert_allclose(td.vmap(td.jit(np.sum))(V), [row.sum() for row in V], rtol=1e-14)


def test_per_example_gradients():
    def loss(w, x, y):
        return (np.tanh(x @ w) - y) ** 2

    w, y = R.normal(size=4), R.normal(size=5)
    got = td.vmap(td.grad(loss), in_axes=(None, 0, 0))(w, V, y)
    t = np.tanh(V @ w)
    np.testing.assert_allclose(got, (2 * (t - y) * (1 - t * t))[:, None] * V, rtol=1e-12)
    total = td.grad(lambda w: td.vmap(loss, (None, 0, 0))(w, V, y).sum())(w)
    np.testing.assert_allclose(total, got.sum(0), rtol=1e-12)


def test_gradients_of_loops_over_lanes():
    got = td.vmap(td.grad(lambda x: cumulative(x, 0.5)[-1] ** 2))(V)
    want = np.stack([td.grad(lambda x: cumulative(x, 0.5)[-1] ** 2)(row) for row in V])
    np.testing.assert_allclose(got, want, rtol=1e-12)
    np.testing.assert_allclose(td.grad(lambda v: td.vmap(lambda x: cumulative(x, 0.5)[-1] ** 2)(v).sum())(V), want, rtol=1e-12)
    x = np.abs(V[:, 0]) + 0.1
    np.testing.assert_allclose(td.vmap(td.grad(lambda x: newton(x)[0]))(x), 0.5 / np.sqrt(x), rtol=1e-6)


@pytest.mark.parametrize("error, call", [
    (ValueError, lambda: td.vmap(lambda x, y: x + y)(np.ones(3), np.ones(4))),
    (ValueError, lambda: td.vmap(lambda x: x, in_axes=None)(np.ones(3))),
    (ValueError, lambda: td.vmap(lambda x: x)(1.0)),
    (ValueError, lambda: td.vmap(lambda x: x, in_axes=(0, 0))(np.ones(3))),
    (ValueError, lambda: td.vmap(lambda x: x, in_axes=2)(np.ones((3, 3)))),
    (ValueError, lambda: td.vmap(lambda x: x, out_axes=None)(np.ones(3))),
    (ValueError, lambda: td.vmap(lambda x: x, out_axes=1)(np.ones(3))),
    (TypeError, lambda: td.vmap(lambda x: "text")(np.ones(3))),
    (TypeError, lambda: td.vmap(lambda x, s: x, in_axes=0)(np.ones(3), "text")),
])
def test_bad_calls(error, call):
    with pytest.raises(error, match="vmap"):
        call()


def test_no_lanes():
    assert td.vmap(lambda x: x.sum())(np.zeros((0, 3))).shape == (0,)


def test_lanes_whose_results_differ_in_shape_are_refused():
    with pytest.raises(td.errors.UnsupportedError, match="differ in shape"):
        td.vmap(lambda x, n: x[:n])(V, np.arange(5) % 3)


def test_what_all_lanes_write_is_returned_as_it_was_when_the_lane_returned():
    def f(x, total):
        total[0] += x[0]
        return total

    total = np.zeros(2)
    np.testing.assert_array_equal(td.vmap(f, (0, None))(V, total)[:, 0], np.cumsum(V[:, 0]))
    np.testing.assert_array_equal(total, [V[:, 0].sum(), 0])


def test_lanes_that_are_all_overwritten_alike():
    x = V.copy()
    np.testing.assert_array_equal(td.vmap(lambda row: row.fill(2) or row[0] + 1)(x), np.full(5, 3.0))
    np.testing.assert_array_equal(x, np.full((5, 4), 2.0))


def test_an_error_while_tracing_a_loop_is_the_programs_own():
    def f(x):
        for _ in range(3):
            x[0] = 1
            i = 2
        return i

    with pytest.raises(TypeError, match="does not support item assignment"):
        td.vmap(f)(np.ones(3))


def test_what_all_lanes_make_alike_in_a_loop_over_the_lanes():
    """The loop's index is the same for all lanes, though the loop runs for one after the other."""
    def f(x):
        for i in range(len(x)):
            x[i % 2, 0] -= x[i % 2, 1]
        for j in range(6, 0, -1):
            x -= i >= j
        return i, x * j

    agrees(f, np.arange(12).reshape(3, 2, 2))


def test_indices_within_an_extent_of_each_lane():
    def f(x):
        values, inverse, counts = np.unique(np.round(np.abs(x)), return_inverse=True, return_counts=True)
        return np.sum(values[inverse] * counts[inverse] * x)

    lanes = np.random.default_rng(0).normal(size=(3, 12))
    np.testing.assert_allclose(td.vmap(f)(lanes), [f(x) for x in lanes])


def test_lanes_that_always_raise_after_a_write():
    def f(x, shared):
        np.minimum(shared, x, out=shared)
        return shared << 1.5

    with pytest.raises(TypeError, match="left_shift"):
        td.vmap(f, in_axes=(0, None))(np.arange(3.0), np.arange(5.0))
