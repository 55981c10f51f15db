"""Random numbers in compiled code: NumPy's own stream bit for bit, and the generator's state afterwards."""

import threading
from dataclasses import dataclass

import numpy as np
import pytest
import treadle as td

R = np.random.default_rng(0)
WEIGHTS = R.random(7)
WEIGHTS /= WEIGHTS.sum()
MATRIX = R.random((4, 3))
COVARIANCE = np.cov(R.random((3, 9)))

# method -> arguments of rank 0
SCALARS = {
    "beta": (1.5, 2), "binomial": (9, 0.4), "chisquare": (2.5,), "exponential": (1.5,), "f": (2, 3.5), "gamma": (2.5, 3),
    "geometric": (0.2,), "gumbel": (0.5, 2), "hypergeometric": (15, 5, 7), "laplace": (0, 1.5), "logistic": (1, 2),
    "lognormal": (0.5, 0.3), "logseries": (0.6,), "negative_binomial": (3, 0.4), "noncentral_chisquare": (3, 1.5),
    "noncentral_f": (2, 3, 1), "normal": (1, 2.5), "pareto": (2.5,), "poisson": (3.5,), "power": (2.5,), "random": (),
    "rayleigh": (1.5,), "standard_cauchy": (), "standard_exponential": (), "standard_gamma": (2.5,), "standard_normal": (),
    "standard_t": (3.5,), "triangular": (0, 0.3, 1), "uniform": (-1, 2.5), "vonmises": (0.5, 2), "wald": (1.5, 2),
    "weibull": (2.5,), "zipf": (2.5,), "integers": (7,)}


def agrees(f, *args, legacy=False):
    """`f(rng, *args)` compiled and plain: results, their types, and the states left behind."""
    make = np.random.RandomState if legacy else np.random.default_rng
    ours, theirs = make(17), make(17)
    jitted = td.jit(f)
    for _ in range(2):
        want, got = f(theirs, *args), jitted(ours, *args)
        same(got, want)
        assert repr(state(ours)) == repr(state(theirs))


def state(generator):
    return generator.get_state() if isinstance(generator, np.random.RandomState) else generator.bit_generator.state


def same(got, want):
    assert type(got) is type(want)
    if isinstance(want, (tuple, list)):
        for g, w in zip(got, want, strict=True):
            same(g, w)
    else:
        assert getattr(got, "dtype", None) == getattr(want, "dtype", None)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("method", SCALARS)
def test_one_number_many_numbers_and_arrays_of_parameters(method):
    a = SCALARS[method]

    def f(rng, a, arrays):
        draw = getattr(rng, method)
        first = draw(*a), draw(*a, size=5), draw(*a, size=(2, 3)), draw(*a, size=()), draw(*a, size=0)
        return (first, draw(*arrays), draw(*arrays, size=(3, 4))) if arrays else first

    arrays = () if method == "integers" else tuple(np.array([x, x, x, x]) for x in a)
    if method == "hypergeometric":
        arrays = tuple(np.array([x] * 4) for x in a)
    agrees(f, a, arrays)


@pytest.mark.parametrize("method", [m for m in SCALARS if SCALARS[m]])
def test_in_a_loop(method):
    def f(rng, a):
        total = 0.0
        for i in range(20):
            total += getattr(rng, method)(*a) * (i + 1)
        return total

    agrees(f, SCALARS[method])


@pytest.mark.parametrize("call", [
    lambda r: r.random(3, dtype=np.float32),
    lambda r: r.standard_normal(5, np.float32),
    lambda r: r.standard_exponential(size=4, dtype=np.float32),
    lambda r: r.standard_exponential(4, method="inv"),
    lambda r: r.standard_gamma(2.0, 3, np.float32),
    lambda r: r.random(),
    lambda r: (r.choice(10), r.choice(10, 3), r.choice(10, (2, 2)), r.choice(10, 3, False), r.choice(7, 4, p=WEIGHTS)),
    lambda r: (r.choice(MATRIX), r.choice(MATRIX, 2), r.choice(MATRIX, 2, axis=1), r.choice(WEIGHTS), r.choice(WEIGHTS, 9)),
    lambda r: (r.permutation(6), r.permutation(MATRIX), r.permutation(MATRIX, axis=1), r.permuted(MATRIX, axis=0)),
    lambda r: (r.multinomial(10, WEIGHTS), r.multinomial(10, WEIGHTS, size=3)),
    lambda r: (r.dirichlet(WEIGHTS + 1), r.multivariate_normal(np.zeros(3), COVARIANCE, 4)),
    lambda r: r.multivariate_hypergeometric(np.array([5, 6, 7]), 4, size=2),
    lambda r: [r.integers(5, 9, 4, d) for d in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)],
    lambda r: [r.integers(5, 9, dtype=d) for d in (np.int8, np.uint16, np.int32, np.uint64, int, bool) if d is not bool],
    lambda r: (r.integers(2, size=9, dtype=bool), r.integers(-5, 5, endpoint=True), r.integers(np.array([3, 9]), 20)),
    lambda r: (r.integers(0, 2**40, 3), r.integers(-2**62, 2**62, 3), r.integers(0, 1, 3), r.integers(2**63, dtype=np.uint64)),
])
def test_other_forms(call):
    agrees(call)


def test_in_place():
    def f(rng, x):
        rng.shuffle(x)
        rng.shuffle(x, axis=1)
        out = np.empty((2, 2))
        rng.random(out=out)
        rng.standard_normal(out=x[0])
        half = np.empty(4, np.float32)
        rng.random(out=half, dtype=np.float32)
        return out, half, x.copy()

    ours, theirs = MATRIX.copy(), MATRIX.copy()
    a, b = np.random.default_rng(3), np.random.default_rng(3)
    same(td.jit(f)(a, ours), f(b, theirs))
    np.testing.assert_array_equal(ours, theirs)
    assert state(a) == state(b)


def test_generators_that_the_function_makes():
    def f(seed):
        rng = np.random.default_rng(seed)
        again = np.random.default_rng(rng)
        return rng.random(3), again.normal(), rng.integers(100)

    jitted = td.jit(f)
    for seed in (1, 2, 1):
        same(jitted(seed), f(seed))

    def g(n):
        total = np.zeros(3)
        for k in range(n):
            rng = np.random.default_rng(k)
            total += rng.normal(size=3)
        return total

    same(td.jit(g)(5), g(5))
    rng = td.jit(lambda: np.random.default_rng(5))()
    assert rng.random() == np.random.default_rng(5).random()
    assert td.jit(lambda: np.random.default_rng().random())() != td.jit(lambda: np.random.default_rng().random())()


def test_the_functions_of_numpy_random_itself():
    def f(n):
        np.random.seed(n)
        draws = np.random.rand(2, 3), np.random.randn(), np.random.randint(0, 9, 4), np.random.randint(5)
        x = np.arange(6)
        np.random.shuffle(x)
        return *draws, np.random.choice(5, 2), np.random.permutation(4), np.random.uniform(-1, 1, 3), x

    jitted = td.jit(f)
    for seed in (3, 4):
        same(jitted(seed), f(seed))
    agrees(lambda r: (r.rand(3), r.normal(2, 3), r.randint(4), r.random_sample(2)), legacy=True)


@dataclass
class Sampler:
    rng: np.random.Generator
    scale: float

    def step(self, x):
        return x + self.scale * self.rng.normal(size=x.shape)


GLOBAL = np.random.default_rng(9)


def test_generators_wherever_they_are():
    a, b = (Sampler(np.random.default_rng(2), 0.5) for _ in range(2))
    x = np.zeros(4)
    same(td.jit(lambda s, x: s.step(s.step(x)))(a, x), b.step(b.step(x)))
    assert state(a.rng) == state(b.rng)
    ours, theirs = {"rng": np.random.default_rng(1)}, {"rng": np.random.default_rng(1)}
    jitted = td.jit(lambda d: d["rng"].random(2))
    for _ in range(3):
        same(jitted(ours), theirs["rng"].random(2))

    def reads_a_global():
        return GLOBAL.normal()

    GLOBAL.bit_generator.state = np.random.default_rng(9).bit_generator.state
    reference = np.random.default_rng(9)
    compiled = td.jit(reads_a_global)
    for _ in range(3):
        assert compiled() == reference.normal()


def test_one_compilation_for_all_generators():
    jitted = td.jit(lambda rng: rng.random())
    for seed in range(5):
        assert jitted(np.random.default_rng(seed)) == np.random.default_rng(seed).random()
    assert sum(map(len, jitted._versions.values())) == 1
    other = np.random.Generator(np.random.MT19937(3))
    assert jitted(other) == np.random.Generator(np.random.MT19937(3)).random()


def test_the_same_generator_twice():
    g, h = np.random.default_rng(1), np.random.default_rng(1)
    f = lambda a, b: (a.random(), b.random(), a.random())
    jitted = td.jit(f)
    same(jitted(g, g), f(h, h))
    same(jitted(np.random.default_rng(1), np.random.default_rng(2)), f(np.random.default_rng(1), np.random.default_rng(2)))


def test_data_dependent_draws():
    def rejection(rng, n):
        out = np.empty(n)
        for i in range(n):
            while True:
                x, y = rng.uniform(-1, 1), rng.uniform(-1, 1)
                if x * x + y * y < 1:
                    break
            out[i] = x
        return out

    def walk(rng, steps):
        x = 0
        for _ in range(steps):
            x += 1 if rng.random() < 0.5 else -1
            if x > 5:
                x -= rng.integers(3)
        return x

    agrees(rejection, 50)
    agrees(walk, 200)


def test_errors_are_numpys():
    for method, bad in [("normal", (0, -1)), ("exponential", (-1.0,)), ("gamma", (-1, 1)), ("beta", (0, 1)), ("poisson", (-1,)),
                        ("poisson", (1e30,)), ("geometric", (1.5,)), ("logseries", (1.0,)),
                        ("zipf", (1.0,)), ("binomial", (5, 1.5)),
                        ("binomial", (-1, 0.5)), ("integers", (3, 1)), ("integers", (0,)), ("uniform", (1, 0)),
                        ("uniform", (0, np.inf)), ("vonmises", (0, -1)), ("wald", (0, 1)), ("standard_gamma", (-1.0,)),
                        ("hypergeometric", (-1, 2, 3)), ("triangular", (1, 0, 2)), ("choice", (0,))]:
        f = lambda rng, *a: getattr(rng, method)(*a)
        try:
            f(np.random.default_rng(0), *bad)
        except Exception as e:
            with pytest.raises(type(e)) as info:
                td.jit(f)(np.random.default_rng(0), *bad)
            assert str(e) in str(info.value), (method, bad)
        else:
            raise AssertionError(f"{method}{bad} is fine for numpy")


def test_lanes_draw_one_after_the_other():
    a, b = np.random.default_rng(4), np.random.default_rng(4)
    got = td.vmap(lambda x, rng: x * rng.normal(), in_axes=(0, None))(np.arange(1.0, 6.0), a)
    np.testing.assert_array_equal(got, [x * b.normal() for x in np.arange(1.0, 6.0)])
    assert state(a) == state(b)


def test_gradients_through_what_is_shifted_and_scaled():
    def loss(theta, rng):
        z = rng.normal(theta, 2.0, size=5) ** 2
        return z.sum() + rng.uniform(0.0, theta)

    a, b, c = (np.random.default_rng(4) for _ in range(3))
    h = 1e-6
    want = (loss(1.5 + h, a) - loss(1.5 - h, b)) / (2 * h)
    assert abs(td.grad(loss)(1.5, c) - want) < 1e-6
    with pytest.raises(td.errors.UnsupportedError, match="derivative|draw"):
        td.grad(lambda t, rng: rng.beta(t, 2.0))(1.5, c)


def test_threads_share_a_generator():
    rng = np.random.default_rng(0)
    jitted = td.jit(lambda r: (r.random(2000), r.choice(5)))
    jitted(rng)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append([jitted(rng)[0] for _ in range(20)])) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    drawn = np.concatenate([x for part in seen for x in part])
    assert len(np.unique(drawn)) == len(drawn)


def test_the_lock_is_free_after_an_error():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError):
        td.jit(lambda r, s: r.normal(0, s) + r.choice(3))(rng, -1.0)
    assert rng.bit_generator.lock.acquire(blocking=False)
    rng.bit_generator.lock.release()


def test_shuffles_of_what_a_mask_leaves():
    def f(rng, x, m):
        kept = x[x > 3]
        rng.shuffle(kept)
        rng.shuffle(m, axis=1)
        return rng.permutation(x[x > 1]), kept, rng.permutation(len(kept)), rng.permutation(m, axis=1), m, rng.choice(x[x > 2]), \
            rng.permutation(6), rng.choice(x, (2, 2)), rng.random()

    for x in (np.arange(10.0), np.arange(5.0)):
        a, b = np.random.default_rng(3), np.random.default_rng(3)
        m = np.arange(12).reshape(3, 4)
        same(td.jit(f)(a, x, m.copy()), f(b, x, m.copy()))
        assert state(a) == state(b)


def test_shuffles_of_a_random_state():
    def f(rng, x):
        rng.shuffle(x)
        return x, rng.permutation(x[x > 2]), rng.permutation(9), rng.permutation(np.arange(8).reshape(4, 2)), rng.rand()

    a, b = np.random.RandomState(3), np.random.RandomState(3)
    same(td.jit(f)(a, np.arange(7.0)), f(b, np.arange(7.0)))
    assert str(a.get_state()) == str(b.get_state())
