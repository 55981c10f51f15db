"""Linear systems of all sizes: in scalars, through LAPACK, by blocks on several threads; NumPy's results and failures."""

import numpy as np
import pytest
import treadle as td
from treadle.runtime import factorizations

rng = np.random.default_rng(0)
EXTENTS = (0, 1, 2, 3, 4, 5, 9, 17, 63, 130, factorizations.LARGE + 130)
FUNCTIONS = {
    "solve": lambda a: np.linalg.solve(a, a[:, :7] + 1), "solve1": lambda a: np.linalg.solve(a, a.sum(1)),
    "inv": lambda a: np.linalg.inv(a), "slogdet": lambda a: np.linalg.slogdet(a)[1], "sign": lambda a: np.linalg.slogdet(a)[0],
    "det": lambda a: np.linalg.det(a / 16), "cholesky": lambda a: np.linalg.cholesky(a),
    "upper": lambda a: np.linalg.cholesky(a, upper=True)}


def positive(n, dtype, shape=()):
    a = rng.normal(size=(*shape, n, n)).astype(dtype)
    if dtype == "D":
        a = a + 1j * rng.normal(size=a.shape)
    return a @ np.conj(np.swapaxes(a, -1, -2)) / max(n, 1) + np.eye(n)


@pytest.mark.parametrize("dtype", ["d", "D"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_at_all_sizes_and_orders(name, dtype):
    f = FUNCTIONS[name]
    compiled = td.jit(f)
    for n in EXTENTS:
        a = positive(n, dtype)
        layouts = a, np.asfortranarray(a), a[::-1, ::-1].copy()[::-1, ::-1], np.repeat(a, 2, 1)[:, ::2]
        for x in layouts[:1 if n > 100 else 4]:
            want, got = f(x), compiled(x)
            assert got.shape == want.shape and got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["solve", "inv", "slogdet", "cholesky"])
@pytest.mark.parametrize("dtype", ["d", "D"])
def test_threads_do_not_change_a_bit(name, dtype):
    compiled, found = td.jit(FUNCTIONS[name]), set()
    a = positive(factorizations.LARGE + 333, dtype)
    before = td.config.num_threads
    try:
        for threads in (1, 2, 3):
            td.config.num_threads = threads
            found.add(np.asarray(compiled(a)).tobytes())
    finally:
        td.config.num_threads = before
    assert len(found) == 1


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 40, factorizations.LARGE + 5])
def test_failures(n):
    for dtype in ("d", "D"):
        zero = np.zeros((n, n), dtype)
        for f, x, message in ((FUNCTIONS["inv"], zero, "Singular matrix"), (FUNCTIONS["cholesky"], -positive(n, dtype), "definite"),
                              (FUNCTIONS["upper"], zero, "definite")):
            with pytest.raises(np.linalg.LinAlgError, match=message):
                td.jit(f)(x)
        assert td.jit(FUNCTIONS["slogdet"])(zero) == -np.inf and td.jit(FUNCTIONS["sign"])(zero) == 0


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_same_small_matrices_are_singular(n):
    a = rng.integers(-4, 5, (600, n, n - 1)) @ rng.integers(-4, 5, (600, n - 1, n)) * 1.0
    np.testing.assert_array_equal(td.jit(lambda a: np.linalg.slogdet(a)[0])(a), np.linalg.slogdet(a)[0])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ["inv", "cholesky", "sign"])
@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_what_is_not_finite_fails_where_numpys_fails(name, special):
    f, compiled = FUNCTIONS[name], td.jit(FUNCTIONS[name])

    def outcome(function, a):
        try:
            return np.isnan(function(a)).tolist()
        except np.linalg.LinAlgError as e:
            return str(e)

    for a in np.array([0, 1, 2, special])[rng.integers(0, 4, (150, 2, 2))]:
        assert outcome(compiled, a) == outcome(f, a), a


def test_no_memory_for_a_copy():
    huge = np.broadcast_to(1.0, (3_000_000, 3_000_000))
    with pytest.raises(MemoryError, match="copies of matrices"):
        td.jit(FUNCTIONS["slogdet"])(huge)


def test_extents_that_only_the_run_decides():
    def leading_minors(a):
        total = 0.0
        for k in range(1, a.shape[0] + 1):
            b = a[:k, :k]
            total += np.linalg.det(b) + np.linalg.inv(b).sum() + np.linalg.solve(b, b[:, 0]).sum() + np.linalg.cholesky(b).sum()
        return total

    a = positive(8, "d")
    np.testing.assert_allclose(td.jit(leading_minors)(a), leading_minors(a), rtol=1e-12)
