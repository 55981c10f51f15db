"""Rules that users give: custom_jvp, custom_vjp, checkpoint, stop_gradient."""

import numpy as np
import pytest
import treadle as td

X = np.array([0.5, 1.0, 2.0, 3.0])


def weights(n=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n))


@td.custom_jvp
def tenfold(x, y):
    return np.sin(x) * y


@tenfold.defjvp
def tenfold_rule(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    return tenfold(x, y), 10.0 * np.cos(x) * dx * y + np.sin(x) * dy


@td.custom_vjp
def tripled(x, y):
    return np.exp(x) * y


def tripled_forward(x, y):
    return tripled(x, y), (x, y)


def tripled_backward(residuals, cotangent):
    x, y = residuals
    return 3.0 * cotangent * np.exp(x) * y, None


tripled.defvjp(tripled_forward, tripled_backward)


def test_stop_gradient():
    np.testing.assert_array_equal(td.grad(lambda x: np.sum(x * td.stop_gradient(x)))(X), X)
    assert td.grad(lambda x: x * td.stop_gradient({"a": x})["a"])(3.0) == 3.0
    np.testing.assert_array_equal(td.jit(lambda x: td.stop_gradient(x) + 1)(X), X + 1)
    assert td.stop_gradient("text") == "text"


def test_custom_jvp_is_used_in_both_modes():
    expected = 10 * np.cos(X) * X + np.sin(X)
    np.testing.assert_allclose(td.grad(lambda x: np.sum(tenfold(x, x)))(X), expected, rtol=1e-12)
    np.testing.assert_allclose(td.jvp(lambda x: tenfold(x, x), (X,), (np.ones(4),))[1], expected, rtol=1e-12)
    np.testing.assert_allclose(td.jit(lambda x: tenfold(x, 2.0))(X), 2 * np.sin(X), rtol=1e-14)
    np.testing.assert_allclose(tenfold(X, 2.0), 2 * np.sin(X))


def test_custom_jvp_in_loops_and_with_python_numbers():
    @td.custom_jvp
    def power(n, x):
        return x**n

    power.nondiff = (0,)
    power.defjvp(lambda n, primals, tangents: (power(n, primals[0]), n * primals[0] ** (n - 1) * tangents[0]))
    assert td.grad(lambda x: power(3, x))(2.0) == 12.0

    def f(x):
        s = 1.0
        for k in range(4):
            s = s * tenfold(x[k], s)
        return s

    def plain(x, factor):
        _values, _slopes, s, ds = [], np.zeros(4), 1.0, np.zeros(4)
        for k in range(4):
            t = np.sin(x[k]) * s
            dt = np.sin(x[k]) * ds
            dt[k] += factor * np.cos(x[k]) * s
            s, ds = s * t, ds * t + s * dt
        return ds

    np.testing.assert_allclose(td.grad(f)(X), plain(X, 10.0), rtol=1e-12)


def test_custom_vjp_is_used_in_reverse_and_refused_forward():
    np.testing.assert_allclose(td.grad(lambda x: np.sum(tripled(x, x) * 2))(X), 6 * np.exp(X) * X, rtol=1e-14)
    np.testing.assert_allclose(td.jit(lambda x: tripled(x, x))(X), np.exp(X) * X, rtol=1e-14)
    np.testing.assert_allclose(np.diag(td.hessian(lambda x: np.sum(tripled(x, 1.0)))(X)), 3 * np.exp(X), rtol=1e-14)
    with pytest.raises(td.errors.UnsupportedError, match="backward only"):
        td.jvp(lambda x: tripled(x, x), (X,), (X,))


def test_custom_rules_may_not_close_over_what_moves():
    def f(x):
        @td.custom_jvp
        def inner(y):
            return x * y

        inner.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
        return np.sum(inner(x))

    with pytest.raises(td.errors.UnsupportedError, match="pass it as an argument"):
        td.grad(f)(X)


def test_rules_that_are_missing_or_wrong_say_so():
    with pytest.raises(AttributeError, match="defjvp"):
        td.jit(td.custom_jvp(np.sin))(X)
    wrong = td.custom_vjp(lambda x: x * 2)
    wrong.defvjp(lambda x: (x * 2, None), lambda residuals, ct: (ct, ct))
    with pytest.raises(TypeError, match="a tuple of 1 cotangents"):
        td.grad(lambda x: np.sum(wrong(x)))(X)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_checkpoint_gives_the_same_derivatives(depth):
    def layer(w, h):
        for k in range(2):
            h = np.tanh(w @ h) + k
        return h

    def net(layer):
        def f(w):
            h = X
            for _ in range(3):
                h = layer(w, h)
            return np.sum(layer(w, h) * h)
        return f

    f, g = net(layer), net(td.checkpoint(layer))
    for _ in range(depth - 1):
        f, g = (lambda w, inner=h: np.sum(td.grad(inner)(w) ** 2) for h in (f, g))
    np.testing.assert_allclose(td.grad(g)(weights() * 0.3), td.grad(f)(weights() * 0.3), rtol=1e-10)


def test_checkpoint_recomputes():
    """The reverse pass of a checkpointed function computes its inside again, so it has more exponentials."""
    def inside(x):
        return np.exp(np.sin(x))

    def outer(f):
        return lambda x: np.sum(f(x) ** 2)

    texts = [td.grad(outer(f)).lower(X).ir("optimized") for f in (inside, td.checkpoint(inside))]
    assert texts[0].count("sin") < texts[1].count("sin")


def test_checkpoint_prints_once(capsys):
    @td.checkpoint
    def f(x):
        print("inside")
        return np.sin(x) * x

    td.grad(lambda x: np.sum(f(x)))(X)
    assert capsys.readouterr().out == "inside\n"


def test_random_numbers_are_not_drawn_twice():
    def noisy(x, rng):
        h = x
        for _ in range(3):
            h = h * rng.normal(size=4)
        return np.sum(h)

    rng = np.random.default_rng(0)
    expected = np.prod([np.random.default_rng(0).normal(size=12).reshape(3, 4)], axis=1)[0]
    np.testing.assert_allclose(td.grad(noisy)(X, rng), expected, rtol=1e-14)
    same = np.random.default_rng(0)
    same.normal(size=12)
    assert rng.normal() == same.normal()
    inner = td.checkpoint(lambda x, rng: x * rng.normal(size=4) * x)
    with pytest.raises(td.errors.UnsupportedError, match="random"):
        td.grad(lambda x: np.sum(inner(x, rng)))(X)
