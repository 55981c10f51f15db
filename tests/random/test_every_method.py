"""Every method of NumPy's generators, old and new: numbers and states as NumPy's, in every size and over every bit generator."""

import numpy as np
import pytest
import treadle as td
from treadle.compiler import generators

WEIGHTS = [0.1, 0.2, 0.3, 0.4]
COVARIANCE = np.array([[2.0, 0.3], [0.3, 1.0]])

# method -> its parameters; what has no `size` is in WITHOUT_SIZE.
DISTRIBUTIONS = {
    "beta": (1.5, 2), "binomial": (9, 0.4), "chisquare": (2.5,), "choice": (5,), "dirichlet": ([1.0, 2, 3],), "exponential": (1.5,),
    "f": (2, 3.5), "gamma": (2.5, 3), "geometric": (0.2,), "gumbel": (0.5, 2), "hypergeometric": (15, 5, 7), "laplace": (0, 1.5),
    "logistic": (1, 2), "lognormal": (0.5, 0.3), "logseries": (0.6,), "multinomial": (8, WEIGHTS),
    "multivariate_normal": ([0.0, 1.0], COVARIANCE), "negative_binomial": (3, 0.4), "noncentral_chisquare": (3, 1.5),
    "noncentral_f": (2, 3, 1), "normal": (1, 2.5), "pareto": (2.5,), "poisson": (3.5,), "power": (2.5,), "random": (),
    "rayleigh": (1.5,), "standard_cauchy": (), "standard_exponential": (), "standard_gamma": (2.5,), "standard_normal": (),
    "standard_t": (3.5,), "triangular": (0, 0.3, 1), "uniform": (-1, 2.5), "vonmises": (0.5, 2), "wald": (1.5, 2),
    "weibull": (2.5,), "zipf": (2.5,)}
NEW = {**DISTRIBUTIONS, "integers": (3, 90), "multivariate_hypergeometric": ([5, 6, 7], 4)}
OLD = {**DISTRIBUTIONS, "randint": (3, 90), "random_sample": (), "tomaxint": ()}
# What is no draw, or handles the generator itself.
OTHERS = {"bit_generator", "spawn", "shuffle", "permutation", "permuted", "bytes", "integers", "random_integers", "rand", "randn",
          "seed", "get_state", "set_state"}
BIT_GENERATORS = (np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM)


def state(generator):
    old = isinstance(generator, np.random.RandomState)
    return repr(generator.get_state(legacy=False) if old else generator.bit_generator.state)


def same(got, want):
    assert type(got) is type(want)
    if isinstance(want, (tuple, list)):
        for g, w in zip(got, want, strict=True):
            same(g, w)
    else:
        assert getattr(got, "dtype", None) == getattr(want, "dtype", None)
        np.testing.assert_array_equal(got, want)


def compare(f, make, *args):
    ours, theirs, compiled = make(), make(), td.jit(f)
    for _ in range(2):
        same(compiled(ours, *args), f(theirs, *args))
        assert state(ours) == state(theirs)


def test_the_tables_are_complete():
    for kind, table in ((np.random.Generator, NEW), (np.random.RandomState, OLD)):
        assert {n for n in dir(kind) if not n.startswith("_")} - OTHERS <= set(table)


@pytest.mark.parametrize("name", sorted(NEW))
def test_generator(name):
    def f(rng, parameters, found):
        draw, n = getattr(rng, name), len(found[found > 0])
        return (draw(*parameters), draw(*parameters, size=3), draw(*parameters, size=(2, 1)), draw(*parameters, size=n),
                draw(*parameters, size=(n, 2)), draw(*parameters, size=0), rng.random())

    compare(f, lambda: np.random.default_rng(5), NEW[name], np.array([1.0, -1.0, 2.0]))


@pytest.mark.parametrize("name", sorted(OLD))
def test_random_state(name):
    def f(rng, parameters, found):
        draw, n = getattr(rng, name), len(found[found > 0])
        return (draw(*parameters), draw(*parameters, size=3), draw(*parameters, size=(2, 1)), draw(*parameters, size=n),
                rng.random_sample())

    compare(f, lambda: np.random.RandomState(5), OLD[name], np.array([1.0, -1.0, 2.0]))


@pytest.mark.parametrize("kind", BIT_GENERATORS)
def test_bit_generators(kind):
    def f(rng, n):
        total = rng.random(3).sum() + rng.integers(0, 9, 4, np.int8).sum() + rng.standard_normal(dtype=np.float32)
        for i in range(n):
            total += rng.normal() if i % 2 else rng.integers(i + 1)
            if total > 3:
                total -= rng.choice(3) + rng.poisson(2.0)
        return total, rng.permutation(5), rng.choice(6, 3, replace=False)

    compare(f, lambda: np.random.Generator(kind(8)), 6)
    compare(lambda r: (r.rand(3), r.randint(0, 9, 5), r.normal(), r.permutation(5)), lambda: np.random.RandomState(kind(8)))


def test_spawned():
    a, b = (np.random.default_rng(3).spawn(2) for _ in range(2))
    f = lambda rngs: [r.normal(size=2) for r in rngs]
    same(td.jit(f)(a), f(b))
    assert [state(r) for r in a] == [state(r) for r in b]


def test_lanes_draw_one_after_the_other():
    a, b = (np.random.default_rng(3) for _ in range(2))
    scale = np.arange(1.0, 5.0)
    got = td.jit(lambda rng, s: td.vmap(lambda x: rng.normal(0, x) + rng.gamma(x))(s))(a, scale)
    same(got, np.array([b.normal(0, x) + b.gamma(x) for x in scale]))
    assert state(a) == state(b)


@pytest.mark.parametrize("call", [
    lambda r, x: (r.permuted(x), r.permuted(x, axis=0), r.permuted(x, axis=1), r.permuted(x[0])),
    lambda r, x: r.permuted(x, axis=1, out=x),
    lambda r, x: (r.permuted(x, axis=0, out=np.empty_like(x)), r.shuffle(x), r.shuffle(x[0]), r.shuffle(x.T)),
    lambda r, x: (r.random(out=np.empty(4)), r.standard_normal(out=np.empty((2, 3))), r.standard_exponential(out=np.empty(3))),
    lambda r, x: r.standard_gamma(2.0, out=np.empty(4)),
    lambda r, x: (r.normal(x, 1.0), r.normal(x[0], x), r.uniform(x, x + 1),
                  r.binomial(5, x[:, :1], (4, 3)), r.poisson(x[0], (2, 3))),
    lambda r, x: (r.integers(0, [3, 5, 9]), r.integers([1, 2], [[3], [9]]), r.integers(0, 9, 5, np.uint8)),
    lambda r, x: (r.choice(x, 2, False), r.choice(x, 2, p=WEIGHTS), r.choice(x, (2, 2), axis=1),
                  r.choice(5, 3, False, shuffle=False)),
    lambda r, x: (r.choice(9, 4, False), r.choice(20000, 3, False), r.choice(9, 2, False, [0, 0, 0.5, 0, 0.5, 0, 0, 0, 0])),
    lambda r, x: (r.multinomial([3, 9], WEIGHTS), r.multinomial(5, [[0.5, 0.5], [0.1, 0.9]]),
                  r.dirichlet([1.0, 2.0], (2, 2))),
])
def test_other_arguments(call):
    def f(rng, x):
        x = x.copy()
        return call(rng, x), x

    compare(f, lambda: np.random.default_rng(7), np.random.default_rng(1).random((4, 3)))


# What compiled code draws without calling Python, of a Generator and of a RandomState.
NATIVE = (
    lambda r, x, w: (r.choice(4, p=w), r.choice(4, 5, p=w), r.choice(x, (2, 2), p=w), r.choice(10, 4, False),
                     r.choice(10, None, False), r.choice(x, (2, 1), False, axis=1), r.choice(20000, 5, False),
                     r.choice(20000, 900, False)),
    lambda r, x, w: (r.choice(50, 10, False, shuffle=False), r.choice(4, (1, 3), False, w), r.choice(4, 0, False), r.permuted(x),
                     r.permuted(x, axis=0), r.permuted(x.T, axis=0), r.permuted(x.T)),
    lambda r, x, w: (r.multinomial(8, w, (2, 2)), r.multinomial(0, w), r.dirichlet([1.0, 2, 3], 4),
                     r.dirichlet([0.01, 0.02, 0.0], 3), r.hypergeometric([15, 20], [5, 6], 7), r.triangular(0, 0.3, [1, 2]),
                     r.negative_binomial([3, 2.5], 0.4, (3, 2))))
NATIVE_OLD = (
    lambda r, x, w: (r.rand(), r.rand(2, 3), r.randn(3), r.random(), r.uniform(2, -1, 4), r.normal([1.0, 2], 1),
                     r.exponential(2.0, 3), r.standard_exponential(),
                     r.randint(5), r.randint(0, 200, 3, np.uint8), r.randint(-5, 2**40, (2, 2))),
    lambda r, x, w: (r.poisson(3.0, 2), r.laplace(0, 2, 3), r.gumbel(), r.logistic(1, 2), r.triangular(0, 0.3, 1),
                     r.choice(4, 5, p=w), r.choice(10, 4, False), r.choice(x[:, 0], 2, False, w), r.choice(x[0]),
                     r.choice(5, 3), r.permutation(6)))


@pytest.mark.parametrize(("made", "call"), [
    *((np.random.default_rng, f) for f in NATIVE), *((np.random.RandomState, f) for f in NATIVE_OLD)])
def test_drawn_natively(made, call, monkeypatch):
    def refused(*_):
        raise AssertionError("Python was called")

    monkeypatch.setattr(generators, "_by_python", refused)
    compare(call, lambda: made(5), np.arange(12.0).reshape(4, 3), np.array(WEIGHTS))


@pytest.mark.parametrize(("made", "call"), [
    (np.random.default_rng, lambda r, p, n: r.choice(2, p=p)), (np.random.default_rng, lambda r, p, n: r.choice(3, 2, False, p)),
    (np.random.RandomState, lambda r, p, n: r.choice(2, 2, True, p)), (np.random.default_rng, lambda r, p, n: r.multinomial(3, p)),
    (np.random.default_rng, lambda r, p, n: r.dirichlet(p)), (np.random.default_rng, lambda r, p, n: r.triangular(p[0], p[1], 0.2)),
    (np.random.default_rng, lambda r, p, n: r.hypergeometric(n, 2, 3)), (np.random.RandomState, lambda r, p, n: r.randint(n)),
    (np.random.default_rng, lambda r, p, n: r.negative_binomial(n, 0.5)),
    (np.random.RandomState, lambda r, p, n: r.uniform(p[0], p[1] / p[2]))])
def test_errors_of_values_that_only_the_run_knows(made, call):
    compiled = td.jit(call)
    for p, n in (([0.5, 0.6, 0.0], -1), ([-0.5, 1.5, 0.0], 10**9), ([np.nan, 0.5, 0.5], 1), ([0.5, 0.6], 2)):
        try:
            with np.errstate(all="ignore"):
                want = call(made(1), np.array(p), n)
        except (ValueError, OverflowError, IndexError) as error:
            with pytest.raises(type(error)) as info:
                compiled(made(1), np.array(p), n)
            assert str(error) in str(info.value)
        else:
            same(compiled(made(1), np.array(p), n), want)
