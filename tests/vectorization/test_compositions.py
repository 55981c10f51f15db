"""Transformations of transformations: lanes of random draws, of checkpoints and of custom rules; pairs of Jacobians."""

from __future__ import annotations

import numpy as np
import pytest
import treadle as td

LANES = 3


def by_lane(f, *arrays):
    return np.stack([np.asarray(f(*lane)) for lane in zip(*(a.copy() for a in arrays), strict=True)])


def walk(x):
    """A loop in place with a branch: nothing that is linear."""
    y = x.copy()
    for i in range(1, x.shape[0]):
        if y[i] > 0:
            y[i] += np.sin(y[i - 1]) * x[i]
        else:
            y[i] *= y[i - 1] ** 2
    return y


@td.custom_jvp
def doubled(x):
    return x * x


# A slope that is not the true one shows that the rule is what runs.
doubled.defjvp(lambda primals, tangents: (primals[0] * primals[0], 3.0 * primals[0] * tangents[0]))


@td.custom_vjp
def clipped(x):
    return np.sin(x)


clipped.defvjp(lambda x: (np.sin(x), x), lambda x, ct: (np.clip(ct * np.cos(x), -0.5, 0.5),))


@pytest.fixture
def points():
    return np.random.default_rng(3).normal(size=(LANES, 4))


def test_draws_of_lanes_come_lane_after_lane(points):
    def drawn(rng):
        def f(x):
            return x + rng.normal(size=4) * rng.uniform()
        return f

    ours, theirs = np.random.default_rng(5), np.random.default_rng(5)
    np.testing.assert_array_equal(td.vmap(drawn(ours))(points), by_lane(drawn(theirs), points))
    assert ours.random() == theirs.random()


@pytest.mark.parametrize("rule", [td.checkpoint(walk), doubled, clipped], ids=["checkpoint", "custom_jvp", "custom_vjp"])
def test_lanes_and_gradients_of_functions_with_rules_of_their_own(rule, points):
    def f(x):
        return (rule(x * 1.5) ** 2).sum()

    np.testing.assert_allclose(td.vmap(f)(points), by_lane(f, points), rtol=1e-13)
    slopes = by_lane(td.grad(f), points)
    np.testing.assert_allclose(td.vmap(td.grad(f))(points), slopes, rtol=1e-12)
    np.testing.assert_allclose(td.grad(lambda z: td.vmap(f)(z).sum())(points), slopes, rtol=1e-12)


def test_rules_inside_of_loops_branches_and_lanes_of_lanes(points):
    def f(x):
        y = x.copy()
        for i in range(3):
            y[i + 1] += doubled(y[i]) if y[i] > 0 else clipped(y[i])
        return y.sum()

    slopes = by_lane(td.grad(f), points)
    np.testing.assert_allclose(td.grad(lambda z: td.vmap(f)(z).sum())(points), slopes, rtol=1e-12)
    twice = td.grad(lambda z: td.vmap(td.vmap(f))(z[None]).sum())
    np.testing.assert_allclose(twice(points), slopes, rtol=1e-12)
    _, moved = td.jvp(lambda z: td.vmap(lambda x: doubled(x).sum())(z), (points,), (points,))
    np.testing.assert_allclose(moved, (3 * points**2).sum(1), rtol=1e-13)


def test_the_rules_are_what_runs(points):
    x = points[0]
    np.testing.assert_allclose(td.vmap(td.grad(lambda x: doubled(x).sum()))(points), 3 * points, rtol=1e-14)
    np.testing.assert_allclose(td.grad(lambda x: clipped(x).sum())(x), np.clip(np.cos(x), -0.5, 0.5), rtol=1e-14)


@pytest.mark.parametrize("outer", [td.jacfwd, td.jacrev, td.jacobian, td.hessian])
@pytest.mark.parametrize("inner", [td.jacfwd, td.jacrev, td.jacobian])
def test_pairs_of_jacobians(outer, inner):
    def f(x):
        return walk(x)[1:] * x[0]

    x, step = np.array([0.7, -0.4, 0.9]), 1e-5
    order = 2 if outer is td.hessian else 1

    def differences(g, order):
        def d(x):
            return np.stack([(g(x + e) - g(x - e)) / (2 * step) for e in step * np.eye(3)], axis=-1)
        return d if order == 1 else differences(d, order - 1)

    got = outer(inner(f))(x)
    want = differences(inner(f), 1)(x) if order == 1 else differences(td.jacfwd(td.jacfwd(f)), 1)(x)
    np.testing.assert_allclose(got, want, atol=1e-7)


def test_a_while_loop_in_place_stops_lane_by_lane(points):
    def f(x):
        y = np.abs(x) + 1.0
        trips = 0
        while y.sum() > 1.0:
            y[trips % 4] *= 0.5
            y[1:] -= 0.1 * y[:-1]
            trips += 1
        return y, trips

    points = points * np.array([[0.1], [9.0], [99.0]])
    assert len({f(x)[1] for x in points}) == LANES
    got = td.vmap(f)(points)
    np.testing.assert_allclose(got[0], by_lane(lambda x: f(x)[0], points), rtol=1e-13)
    np.testing.assert_array_equal(got[1], by_lane(lambda x: f(x)[1], points))


def test_shapes_that_differ_by_lane_within(points):
    def f(x):
        kept = x[x > 0]
        return np.cumsum(kept**2).sum() + kept.shape[0]

    np.testing.assert_allclose(td.vmap(f)(points), by_lane(f, points), rtol=1e-13)
    np.testing.assert_allclose(td.vmap(td.grad(f))(points), by_lane(td.grad(f), points), rtol=1e-13)


def test_a_bound_of_memory_leaves_the_slope_of_a_loop_in_a_branch_alone():
    def f(x):
        y = x.copy()
        if x[0] > 0:
            for _ in range(40):
                y = np.sin(y) + x
        return y.sum()

    for x in (np.full(50, 0.3), np.full(50, -0.3)):
        np.testing.assert_allclose(td.grad(f, memory="4KB")(x), td.grad(f)(x), rtol=1e-13)


@pytest.mark.parametrize("modes", [("fwd",), ("rev",), ("fwd", "rev")])
def test_modes_of_check_grads(modes):
    x = np.array([0.7, -0.4, 0.9])
    td.check_grads(walk, (x,), order=2, modes=modes)
    with pytest.raises(AssertionError):
        td.check_grads(doubled, (x,), order=1, modes=modes)


def test_lists_read_backwards_while_they_grow():
    def f(p):
        x, steps = np.array([1.0, 0.5]), []
        for _ in range(4):
            q = x * p
            for s, r in zip(reversed(steps), reversed(steps)):
                q = q - (s @ q) / (1.0 + r @ r) * s * 0.1
            steps.append(q)
            x = x - 0.3 * q
            if len(steps) > 2:
                steps.pop(0)
        return x.sum()

    p, step = np.array([0.8, 1.2]), 1e-6
    want = [(f(p + e) - f(p - e)) / (2 * step) for e in step * np.eye(2)]
    np.testing.assert_allclose(td.grad(f)(p), want, atol=1e-8)
