"""The functions themselves: arguments, structures, compositions, effects, and what they refuse."""

from dataclasses import dataclass

import numpy as np
import pytest
import treadle as td

X = np.array([0.5, 1.0, 2.0, 3.0])


def total(x):
    return np.sum(np.sin(x) * x**2)


def slope(x):
    return np.cos(x) * x**2 + 2 * x * np.sin(x)


def test_value_and_grad():
    value, gradient = td.value_and_grad(total)(X)
    assert isinstance(value, np.float64)
    np.testing.assert_allclose(value, total(X), rtol=1e-14)
    np.testing.assert_allclose(gradient, slope(X), rtol=1e-14)


@pytest.mark.parametrize("compose", [
    lambda f: td.grad(td.jit(f)), lambda f: td.jit(td.grad(f)), lambda f: td.jit(td.jit(td.grad(td.jit(td.jit(f)))))])
def test_grad_and_jit_in_any_order(compose):
    np.testing.assert_allclose(compose(total)(X), slope(X), rtol=1e-14)


def test_trees_of_arguments():
    params = {"w": np.eye(3), "layers": [np.ones(3), (2.0, None)]}

    def loss(p, x):
        return np.sum((p["w"] @ x - p["layers"][0]) ** 2) * p["layers"][1][0]

    x = np.arange(3.0)
    got = td.grad(loss)(params, x)
    assert td.tree.structure(got) == td.tree.structure(params)
    r = x - 1.0
    np.testing.assert_allclose(got["w"], 4 * np.outer(r, x))
    np.testing.assert_allclose(got["layers"][0], -4 * r)
    assert isinstance(got["layers"][1][0], float) and got["layers"][1][0] == np.sum(r**2)


@dataclass
class Layer:
    w: np.ndarray
    b: float
    name: str = "layer"

    def apply(self, x):
        return np.tanh(self.w @ x + self.b)


def test_dataclasses():
    layers = [Layer(np.eye(4), 0.5), Layer(np.ones((4, 4)) / 4, -1.0, "last")]

    def loss(layers, x):
        for layer in layers:
            x = layer.apply(x)
        return np.sum(x)

    got = td.grad(loss)(layers, X)
    assert [type(g) for g in got] == [Layer, Layer] and got[1].name == "last" and type(got[0].b) is float
    plain = td.grad(lambda w, b: np.sum(np.tanh(layers[1].w @ np.tanh(w @ X + b) - 1.0)), argnums=(0, 1))(np.eye(4), 0.5)
    np.testing.assert_allclose(got[0].w, plain[0], rtol=1e-12)
    np.testing.assert_allclose(got[0].b, plain[1], rtol=1e-12)
    value, pullback = td.vjp(lambda layer: Layer(layer.w * 2, layer.b), layers[0])
    assert isinstance(value, Layer)
    (back,) = pullback(Layer(np.ones((4, 4)), 3.0))
    np.testing.assert_array_equal(back.w, np.full((4, 4), 2.0))
    assert back.b == 3.0


def test_argnums_and_keywords():
    def f(x, y, *, power):
        return np.sum(x * y**power)

    gx, gy = td.grad(f, argnums=(0, 1))(X, X, power=3)
    np.testing.assert_allclose(gx, X**3)
    np.testing.assert_allclose(gy, 3 * X**3)
    np.testing.assert_allclose(td.grad(f, argnums=-1)(X, X, power=2), 2 * X**2)
    with pytest.raises(TypeError, match="no positional argument number 2"):
        td.grad(f, argnums=2)(X, X, power=2)


def test_has_aux():
    def f(x):
        return np.sum(x * x), {"twice": 2 * x, "name": "f"}

    gradient, more = td.grad(f, has_aux=True)(X)
    np.testing.assert_array_equal(gradient, 2 * X)
    np.testing.assert_array_equal(more["twice"], 2 * X)
    assert more["name"] == "f"
    (value, more), gradient = td.value_and_grad(f, has_aux=True)(X)
    assert value == np.sum(X * X) and more["name"] == "f"
    with pytest.raises(TypeError, match="return a pair"):
        td.grad(total, has_aux=True)(X)


def test_dtypes_and_kinds_are_those_of_the_arguments():
    for dtype in (np.float32, np.float64, np.float16):
        assert td.grad(lambda x: np.sum(x * x))(X.astype(dtype)).dtype == dtype
    assert type(td.grad(lambda x: x * x)(3.0)) is float
    assert type(td.grad(lambda x: x * x)(np.float32(3.0))) is np.float32
    assert td.grad(lambda x: (x * x).sum())(np.array(3.0)).shape == ()


@pytest.mark.parametrize(("f", "arg", "message"), [
    (lambda x: x * 2, X, "returned an array of shape"),
    (lambda x: (x.sum(),), X, "returned a tuple"),
    (lambda x: "text", X, "returned a str"),
    (lambda x: np.argmax(x), X, "returned int64"),
    (lambda x: x.sum() * 1j, X, "take its real part"),
    (lambda x: x.sum(), np.arange(3), "an argument is int64"),
    (lambda x: x, 3, "an argument is int"),
    (lambda x: x, "text", "not in a str"),
])
def test_what_has_no_gradient_is_a_type_error(f, arg, message):
    with pytest.raises(TypeError, match=message):
        td.grad(f)(arg)


def test_an_op_without_a_derivative_is_named_with_its_line():
    def f(x):
        y = x * 2
        return np.sum(np.spacing(y))

    with pytest.raises(td.errors.UnsupportedError, match="spacing") as e:
        td.grad(f)(X)
    assert e.value.loc.line == f.__code__.co_firstlineno + 2


def test_complex_arguments_follow_the_convention():
    assert td.grad(lambda z: np.abs(z) ** 2)(1 + 1j) == 2 - 2j
    z = np.array([1 + 2j, -0.5j])
    np.testing.assert_allclose(td.grad(lambda z: np.sum((z * z).real))(z), 2 * z, rtol=1e-14)


def test_arguments_are_never_written():
    def f(x):
        x *= 2.0
        x[0] = 0.0
        return np.sum(x * x)

    given = X.copy()
    np.testing.assert_allclose(td.grad(f)(given), 8 * X * (np.arange(4) > 0))
    td.jvp(f, (given,), (given,))
    td.vjp(f, given)[1](1.0)
    td.jit(lambda x: td.grad(f)(x))(given)
    np.testing.assert_array_equal(given, X)


def test_effects_run_once_and_in_order(capsys):
    def f(x):
        print("begin", x[0])
        s = 0.0
        while s < 3.0:
            s = s + x[0] * x[1]
            print("s", s)
        return s

    td.grad(f)(X)
    once = capsys.readouterr().out
    f(X)
    assert once == capsys.readouterr().out


def test_errors_at_run_time_keep_their_lines():
    def f(x, k):
        y = x * 2
        return y[k] * x[0]

    assert td.grad(f)(X, 1)[1] == 1.0
    with pytest.raises(IndexError, match="out of bounds"):
        td.jit(lambda x, k: td.grad(lambda x: x[k[0]] * x[0])(x))(X, np.array([7]))


def test_setting_something_outside_is_refused():
    log = []

    def f(x):
        log.append(np.sum(x))
        return np.sum(x)

    with pytest.raises(td.errors.UnsupportedError, match="has_aux"):
        td.grad(f)(X)
    assert log == []


def test_jvp_vjp_linearize():
    value, change = td.jvp(np.sin, (X,), (np.ones(4),))
    np.testing.assert_allclose(change, np.cos(X), rtol=1e-14)
    value, pullback = td.vjp(lambda x, y: {"p": x * y, "n": 3}, X, X + 1)
    ct = {"p": np.arange(4.0), "n": 0}
    gx, gy = pullback(ct)
    np.testing.assert_allclose(gx, np.arange(4) * (X + 1))
    np.testing.assert_allclose(gy, np.arange(4) * X)
    value, pushforward = td.linearize(total, X)
    np.testing.assert_allclose(pushforward(np.ones(4)), np.sum(slope(X)), rtol=1e-14)
    value, pullback, more = td.vjp(lambda x: (x * x, "more"), X, has_aux=True)
    assert more == "more"
    np.testing.assert_allclose(pullback(np.ones(4))[0], 2 * X)


def test_a_pullback_keeps_the_values_of_its_point():
    given = X.copy()
    _, pullback = td.vjp(lambda x: x * x, given)
    given[...] = 0.0
    np.testing.assert_array_equal(pullback(np.ones(4))[0], 2 * X)


def test_vjp_inside_jit():
    @td.jit
    def f(x, ct):
        value, pullback = td.vjp(lambda x: np.cumsum(x) * x, x)
        return value, pullback(ct)[0] + pullback(2 * ct)[0]

    value, g = f(X, np.ones(4))
    expected = td.vjp(lambda x: np.cumsum(x) * x, X)[1](3 * np.ones(4))[0]
    np.testing.assert_allclose(g, expected, rtol=1e-14)


def test_tangents_must_match():
    with pytest.raises(TypeError, match="shape"):
        td.jvp(np.sin, (X,), (np.ones(3),))
    with pytest.raises(TypeError, match="float32"):
        td.jvp(np.sin, (X,), (np.ones(4, np.float32),))
    with pytest.raises(TypeError, match="structure"):
        td.jvp(lambda t: t[0], ((X,),), ([np.ones(4)],))
    with pytest.raises(TypeError, match="one argument"):
        td.vjp(np.sin, X)[1](X, X)


def test_jacobians_and_hessians():
    def f(x, y):
        return {"outer": np.outer(x, np.sin(y)), "sum": np.sum(x * y)}

    for jac in (td.jacfwd, td.jacrev, td.jacobian):
        jx, jy = (jac(f, argnums=k)(X, X) for k in (0, 1))
        np.testing.assert_allclose(jx["outer"], np.einsum("ik,j->ijk", np.eye(4), np.sin(X)), rtol=1e-14)
        np.testing.assert_allclose(jy["outer"], np.einsum("i,jk,j->ijk", X, np.eye(4), np.cos(X)), rtol=1e-14)
        np.testing.assert_allclose(jx["sum"], X)
    h = td.hessian(lambda x: np.sum(x**3) + x[0] * x[1])(X)
    expected = np.diag(6 * X)
    expected[0, 1] = expected[1, 0] = 1.0
    np.testing.assert_allclose(h, expected, rtol=1e-14)
    with pytest.raises(TypeError, match="Jacobian"):
        td.jacfwd(lambda x: np.argsort(x))(X)


def test_higher_derivatives():
    f = td.grad(td.grad(td.grad(lambda x: np.sin(x) * x**3)))
    x = 0.7
    expected = -np.cos(x) * x**3 - 9 * np.sin(x) * x**2 + 18 * np.cos(x) * x + 6 * np.sin(x)
    np.testing.assert_allclose(f(x), expected, rtol=1e-13)
    third = td.jacfwd(td.jacrev(td.grad(lambda x: np.sum(x**4))))(X)
    np.testing.assert_allclose(np.einsum("iii->i", third), 24 * X, rtol=1e-13)


def test_perturbations_are_not_confused():
    """The inner derivative does not see the outer variable as its own."""
    assert td.grad(lambda x: x * td.grad(lambda y: x + y)(1.0))(2.0) == 1.0
    assert td.grad(lambda x: td.jvp(lambda y: x * y * y, (3.0,), (1.0,))[1])(2.0) == 6.0


def test_a_derivative_made_anew_is_not_compiled_anew():
    assert td.grad(total)._jitted is td.grad(total)._jitted
    assert td.grad(total)._jitted is not td.grad(total, has_aux=True)._jitted


def test_zero_cotangents_win():
    """Where a side is not taken, its slope does not matter, be it infinite or NaN."""
    def f(x):
        return np.sum(np.where(x > 1, np.sqrt(x - 1), 0))

    np.testing.assert_allclose(td.grad(f)(X), [0, 0, 0.5, 0.5 / np.sqrt(2)])

    def rows(a):
        n = np.sqrt(np.sum(a * a, axis=1, keepdims=True))
        return np.sum(np.where(n > 0, a / n, 0.0) * a)

    a = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(td.grad(rows)(a), [[0, 0], [0.6, 0.8]])

    def element(x):
        s = 0.0
        for k in range(4):
            s += np.log(x[k] - 1) if x[k] > 1 else x[k]
        return s

    np.testing.assert_allclose(td.grad(element)(X), [1, 1, 1, 0.5])


def test_zero_cotangents_win_by_the_condition_not_by_their_value():
    """At a point where the loss is stationary the Hessian is not lost."""
    h = td.hessian(lambda x: np.sum((np.where(x > 0, x, 0.0) - 2.0) ** 2))(np.array([2.0, 1.0, -1.0]))
    np.testing.assert_array_equal(h, np.diag([2.0, 2.0, 0.0]))


def test_conventions_at_ties_and_kinks():
    assert td.grad(lambda x: np.abs(x))(0.0) == td.grad(lambda x: np.abs(x))(-0.0) == 1.0
    np.testing.assert_array_equal(td.grad(lambda x: np.max(x))(np.array([1.0, 1.0, 0.0])), [0.5, 0.5, 0.0])
    assert td.grad(lambda x: np.maximum(x, 1.0))(1.0) == 0.5
    assert td.grad(lambda x: x**0)(0.0) == 0.0
    assert td.grad(lambda x: np.sqrt(x))(0.0) == np.inf
    for length in (lambda x: np.linalg.norm(x), lambda x: np.std(x), lambda x: np.sum(np.linalg.norm(x[None], axis=1))):
        np.testing.assert_array_equal(td.grad(length)(np.zeros(3)), np.zeros(3))


def test_check_grads():
    td.check_grads(lambda x, y: np.sum(np.sin(x) * y**2), (X, 1.5), order=3, rtol=1e-4, atol=1e-4)
    td.check_grads(lambda x: {"a": x * x, "b": [np.cumsum(x)]}, (X.astype(np.float32),))
    wrong = td.custom_jvp(lambda x: x * x)
    wrong.defjvp(lambda primals, tangents: (primals[0] ** 2, 3 * primals[0] * tangents[0]))
    with pytest.raises(AssertionError, match="forward mode"):
        td.check_grads(lambda x: wrong(x), (X,))
    with pytest.raises(AssertionError, match="reverse mode"):
        td.check_grads(lambda x: wrong(x), (X,), modes=["rev"])


def test_one_array_as_two_arguments():
    assert td.grad(lambda x, y: np.sum(x * y))(X, X).tolist() == X.tolist()

    def f(x, y):
        x += 1.0
        return np.sum(x * y)

    np.testing.assert_allclose(td.grad(f)(X, X.copy()), X)
    with pytest.raises(td.errors.UnsupportedError, match="the same array"):
        td.grad(f)(X, X)
    with pytest.raises(td.errors.UnsupportedError, match="the same array"):
        td.grad(f, argnums=(0, 1))(X, X)


def test_without_compilation_derivatives_still_are():
    with td.config.override(disable=True):
        np.testing.assert_allclose(td.grad(total)(X), slope(X), rtol=1e-14)
        np.testing.assert_allclose(td.vjp(total, X)[1](1.0)[0], slope(X), rtol=1e-14)


def test_methods():
    class Model:
        scale = 2.0

        @td.custom_jvp
        def doubled(self, x):
            return x * 2

        def loss(self, x):
            return np.sum(self.scale * x * x)

    model = Model()
    np.testing.assert_array_equal(td.grad(model.loss)(X), 4 * X)
    model.scale = 3.0
    np.testing.assert_array_equal(td.grad(model.loss)(X), 6 * X)
    np.testing.assert_array_equal(model.doubled(X), 2 * X)


def test_a_list_that_a_loop_made_longer_is_no_result():
    def f(x):
        parts = []
        for k in range(4):
            for j in range(k):
                parts.append(x[j] * k)
        return parts

    for run in (lambda: td.vjp(f, X), lambda: td.jvp(f, (X,), (X,)), lambda: td.jit(td.checkpoint(f))(X)):
        with pytest.raises(td.errors.UnsupportedError, match="only at run time"):
            run()
    np.testing.assert_array_equal(td.grad(lambda x: sum(f(x)))(X)[:3], [6, 5, 3])


def test_tangents_of_views():
    with td.config.override(verify=True):
        value, tangent = td.jvp(lambda x: np.expand_dims(np.sin(x), 0), (X,), (X,))
    np.testing.assert_allclose(value, np.sin(X)[None])
    np.testing.assert_allclose(tangent, (X * np.cos(X))[None])
