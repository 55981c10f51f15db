"""Cases of NumPy's own tests in which compiled functions once differed: values, dtypes, shapes and errors are NumPy's."""

import inspect
import math

import numpy as np
import pytest
import treadle as td
from treadle.compiler import dispatch

from tests.comparator import difference, observe

A = np.arange(6.0).reshape(2, 3)
B = np.arange(24.0).reshape(4, 3, 2)
I = np.arange(4)
U = np.arange(5, dtype=np.uint8)
NANS = np.array([[1.0, np.nan, 3], [4, 5, 7]])
ROWS = np.array([[1, 0], [0, 1], [1, 0], [0, 0], [0, 1]])
COUNTS = np.array([1, 0, 2, 3])
CASES = [
    (lambda x: np.insert(x, I[:3] > 0, 9), (A[0],)), (lambda x, m: np.insert(x, m, 9), (A[0], np.array([True, False, True]))),
    (lambda y, w: np.average(y, axis=(0, 1), weights=w), (B, B[:, :, 0] + 1)),
    (lambda v: np.histogramdd(v, density=True), (B[:, :, 0],)),
    (lambda x: (np.size(x, (0,)), np.size(x, (0, 1)), np.size(x, ())), (A,)),
    (lambda x: np.clip(x, 2), (I,)), (lambda x: np.clip(x, a_max=2), (I,)), (lambda x: x.clip(2), (I,)),
    (lambda x: x.clip(max=2), (I,)),
    (lambda x: np.clip(x, -1, 129), (U,)), (lambda x, low: np.clip(x, low, 129), (U, -1)), (lambda x: np.roll(x, 2**100), (I,)),
    (lambda a, k: np.tensordot(a, a, (k, 1)), (A, 1)), (lambda a: np.tensordot(a, a, ([1, 1], [0, 0])), (A,)),
    (lambda a: np.astype([1, 2], np.float64), (A,)), (lambda a: np.reshape(a, (True, -1)), (A,)),
    (lambda a: np.reshape(a, (1.0, -1)), (A,)), (lambda a: np.concatenate([a, a], casting="same_value"), (A,)),
    (lambda a: a.T.reshape(6, copy=False), (A,)), (lambda a: np.diff(a, n=-1), (A,)), (lambda a: np.diff(a, n=0), (A,)),
    (lambda x: np.digitize(x, np.array([1, 2, 3 + 1j])), (I,)), (lambda x: np.unique(x, axis=2), (I,)),
    (lambda x: np.unravel_index(x, ()), (I,)), (lambda x: np.unravel_index(x, (2**32 - 1, 2**31 + 1)), (I,)),
    (lambda x: np.ravel_multi_index((x, x), (2**62 + 1, 2)), (I,)), (lambda x: np.block([x, []]), (A,)),
    (lambda x: np.block([x, [x]]), (A,)), (lambda x: np.block((x, x)), (A,)), (lambda x: np.block([[x], []]), (A,)),
    (lambda x, i: np.sum(x, initial=i), (np.array([-0.0, -0.0]), np.float64(-0.0))), (lambda x: np.sum(x, initial=-0.0), (A[:0],)),
    (lambda x: np.sum(x, axis=0, initial=-0.0), (np.array([[-0.0, 0, 1], [-0.0, -0.0, -1]]),)),
    (lambda x: np.sum(x, initial=complex(-0.0, -0.0), where=x != x), (A * 1j,)),
    (lambda x: np.power(x, [2, 3], out=x, where=[[0, 1], [1, 0]]), (I.reshape(2, 2),)),
    (lambda x, o: np.add(x, x, out=o, where=[1, 0, 0, 1]), (I, np.full(4, 1.5))),
    (lambda x, m: np.add(x, 1, where=m), (I, np.ones(4, int))), (lambda x: np.add.reduce(x, where=[[0, 1, 1], [1, 0, 0]]), (A,)),
    (lambda x: np.vecdot(x, x, axes=[-1, -1, -1]), (B,)), (lambda x: np.vecdot(x, x, axis=0, axes=[0, 0]), (B,)),
    (lambda x: np.vecdot(x, x, axes=[0, 0], keepdims=True), (B,)), (lambda x: np.vecdot(x, x, axis=1, keepdims=True), (B,)),
    (lambda x, o: np.vecdot(x, x, out=o), (A[:1], np.zeros((4, 1)))), (lambda x: np.add.reduce(x, out=...), (A[0],)),
    (lambda x: np.add(x, x, out=(...,)), (A,)), (lambda x: np.add.at(x, [1, 2]), (A[0],)),
    (lambda x, o: np.frexp(x, out=o), (A, A)),
    (lambda x: np.isin(x, I, kind="table"), (A,)), (lambda x, y: np.isin(x, y, kind="table"), (I, np.array([-128, 127], np.int8))),
    (lambda x: np.nanvar(x, axis=1, correction=1), (NANS,)), (lambda x, w: np.nanstd(x, axis=1, where=w), (NANS, NANS > 2)),
    (lambda x: np.nanstd(x, axis=1, mean=np.nanmean(x, axis=1, keepdims=True)), (NANS,)),
    *[(lambda x, k=k: np.unique(x, axis=k, return_index=True, return_inverse=True,
     return_counts=True), (ROWS,)) for k in (0, 1, -1)],
    (lambda x: np.unique(x, axis=1), (B,)), (lambda x: np.unique(x, axis=0), (NANS[[0, 0, 1]],)),
    (lambda x: np.unique(x, axis=0), (A[:0],)),
    (lambda x: np.unique(x, axis=0), (A[:, :0],)), (lambda x: len(np.unique(x, axis=0)), (ROWS,)),
    (lambda x: np.unique(x, axis=0).sum(axis=0) * 2, (ROWS,)),
    (lambda x, c: np.repeat(x, c), (I, COUNTS)), (lambda x, c: x.repeat(c, axis=0), (ROWS[:4], COUNTS)),
    (lambda x, c: np.repeat(x, c, axis=1), (B[:, :, 0].T.copy(), COUNTS.astype("u1"))),
    (lambda x, c: np.repeat(x, c), (I, COUNTS - 1)),
    (lambda x, c: np.repeat(x, c), (I, COUNTS[:3])), (lambda x, c: np.repeat(x, c), (I, COUNTS * 1.0)),
    (lambda x, c: np.repeat(x, c).sum() + x[0], (I, COUNTS * 100)), (lambda x, c: np.repeat(x, c), (I[:0], COUNTS[:0])),
    (lambda n, k: (math.comb(n, k), math.comb(n + 2, k + 1), math.perm(n % 20, 5)), (64, 32)),
    (lambda n: [math.comb(n + i, i) for i in range(12)], (31,)),
    *((lambda x, rule=rule: (np.histogram(x, rule), np.histogram_bin_edges(x, rule)), (x,))
      for rule in ("auto", "fd", "doane", "scott", "rice", "sturges", "sqrt")
      for x in (np.sqrt(np.arange(40.0)), I * I, np.ones(5))),
    *((lambda x, rule=rule, span=span: np.histogram(x, rule, span), (x,))
      for rule, span, x in (("auto", (2, 5), np.sqrt(np.arange(40.0, dtype="f4"))), ("doane", (3, 40), I * I),
                            ("fd", (90.0, 99.0), np.ones(5)))),
    (lambda x: np.matmul(x, x.T, order="F"), (A,)),
    (lambda x: np.histogram(x, "nobody's"), (A,)), (lambda x: np.histogram(x, "auto", weights=x), (A,)),
    (lambda x: np.histogram(x, int(x.sum()), density=True), (A,)), (lambda x: np.linspace(x[0], x, int(x[0, 2]) - 2), (A,)),
    (lambda x: np.linspace(0, 9, int(x.sum()), False, retstep=True, dtype=int), (A[0],)),
    *((lambda x, w, q=q, axis=axis: np.nanquantile(x, q, axis=axis, weights=w, method="inverted_cdf"), (NANS, np.array(w)))
      for q in (0.4, [0, 0.5, 1]) for axis in (None, 0, 1) for w in ([[1.0, 2, 3], [0, 1, 2]], [[1, 2, 3], [3, 1, 0]])),
    *((lambda x, f=f, options=options: f(x, **options), (np.where(B[0] == 2, np.nan, B[0]),))
      for f in (np.nanvar, np.nanstd) for options in (
        {}, {"axis": 1}, {"axis": 1, "ddof": 2}, {"axis": 0, "where": np.array([True, False])}, {"axis": 1, "dtype": int})),
    (lambda x: np.nanmean(x, where=np.array([True, False, True])), (NANS,)), (lambda x: np.nanmean(x, 0, int), (NANS,)),
    (lambda x: np.nanpercentile(x, [[20, 30, 50], [60, 70, 80]], axis=1), (NANS,)),
    (lambda x, w: np.nanpercentile(x, 30, weights=w * 0, method="inverted_cdf"), (NANS, A)),
    (lambda x, w: np.quantile(x, [[0.1, 0.5]], axis=1, weights=w, method="inverted_cdf"), (B, B + 1)),
    (lambda x, w: np.percentile(x, 40, axis=1, weights=w, method="inverted_cdf"), (B, B[0, :, 0] + 1)),
    (lambda x: (x.tobytes(), x.T.tobytes(), x.T.tobytes("A"), x.T.tobytes("F")), (A,)),
    (lambda x, o: np.add(x, x, out=(o, o)), (A, A + 1)), (lambda x: np.add(x, x, out=()), (A,)),
    (lambda x: np.vecdot(x, x, keepdims="true"), (A,)), (lambda x: np.einsum(x, [52, 0], x, [52, 1]), (A,)),
    (lambda x: np.einsum("ij,ij", x, x, dtype="f4"), (A,)),
    (lambda x: np.einsum("ij,ij->i", x, x, dtype="f4", casting="same_kind"), (A,)),
    *((lambda x, o, rule=rule: np.einsum("ij,ij->i", x, x, dtype="f8", out=o, casting=rule), (A, np.zeros(2, kind)))
      for kind in ("i1", "f4", "f8") for rule in ("safe", "same_kind", "unsafe")),
    *((lambda x, p: (x**p, np.power(x, p)), (np.array([-0.0, 0, -np.inf, np.inf, 4, -4, np.nan], kind), p))
      for kind in ("f8", "f4") for p in (0.5, np.full(1, 0.5, "f4"), np.full(7, 0.5), 1.5)),
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_case(number):
    f, args = CASES[number]

    def make():
        return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)

    with np.errstate(all="ignore"):
        want = observe(f, make)
    assert difference(observe(td.jit(f), make), want) is None


@pytest.mark.parametrize("xp", [(np.nan, 1.0), (0.0, np.nan), (0.0, 1.0)])
@pytest.mark.parametrize("fp", [(0.0, 10.0), (0, -np.inf), (np.nan, 3), (np.inf, np.inf)])
@pytest.mark.parametrize("parts", [(1, None), (1, 0), (0, 1), (1, -2)])
def test_interpolation_between_what_is_not_finite(xp, fp, parts):
    values = np.array(fp)
    if parts[1] is not None:
        with np.errstate(invalid="ignore"):
            real, imaginary = (np.array(fp) * p if p else np.zeros(2) for p in parts)
        values = np.empty(2, complex)
        values.real, values.imag = real, imaginary
    x = np.array([0.5, 0, 1, -1, 2, np.nan])
    points = np.array(xp)
    np.testing.assert_array_equal(td.jit(lambda x, xp, fp: np.interp(x, xp, fp))(x, points, values), np.interp(x, points, values))


def test_fits_of_several_lines_with_their_covariance():
    x, y = np.arange(7.0), np.sin(np.arange(14.0).reshape(7, 2))
    for got, want in zip(td.jit(lambda x, y: np.polyfit(x, y, 2, cov=True))(x, y), np.polyfit(x, y, 2, cov=True), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9)


def test_counts_of_any_sum_in_turn():
    f = td.jit(lambda x, c: np.repeat(x, c))
    for k in (1, 5, 100, 2, 0, 1000, 3):
        np.testing.assert_array_equal(f(A[0], np.full(3, k)), np.repeat(A[0], k))


def test_equality_of_arrays_of_many_extents():
    f = td.jit(lambda x, y: np.array_equal(x, y))
    for n, m in ((2, 2), (2, 3), (3, 3), (4, 4), (5, 4), (5, 5), (6, 6), (0, 0), (1, 3)):
        assert f(np.arange(n), np.arange(m)) is (n == m)


def test_strides_that_are_no_multiples_of_the_element_are_refused():
    x = np.zeros(3, np.dtype([("_", "S8"), ("t", "c16")]))["t"]
    with pytest.raises(td.errors.UnsupportedError, match="strides are no multiples"):
        td.jit(lambda x: x + 1)(x)


def test_whether_arguments_share_memory():
    f = td.jit(lambda x, y: (np.shares_memory(x, y), np.may_share_memory(x, y)))
    assert f(A, A[:1]) == f(A, A) == (True, True)
    assert f(A, A.copy()) == (False, False)
    assert f(A[:, ::2], A[:, 1:2]) == (False, True)
    with pytest.raises(td.errors.UnsupportedError, match="parts of two inputs that overlap"):
        td.jit(lambda x, y: np.shares_memory(x[0], y))(A, A[:1])
    assert td.jit(lambda x: np.shares_memory(x, x + 1))(A) is False


def test_whether_views_share_memory():
    def answers(x):
        pairs = ((x[:, ::2], x[:, 1::2]), (x[0], x[1]), (x.T[1], x[:, 1]), (x.ravel()[1:3], x[0]),
                 (x[::-1][0], x[1]), (x[:0], x[:0]))
        return [(np.shares_memory(u, v), np.may_share_memory(u, v)) for u, v in pairs], np.shares_memory(x.real, x.imag)

    for x in (A, A + 1j):
        assert td.jit(answers)(x) == answers(x)


# NumPy's own names differ from what its functions accept, or a parameter concerns what is not compiled.
OTHER_NAMES = {"like", "subok", "ndmax", "max_work", "prototype", "start_or_stop"}


def test_implementations_take_the_parameters_of_numpys_functions():
    lacking = {}
    for f, implementation in dispatch.FUNCTIONS.items():
        if isinstance(f, (tuple, str, np.ufunc, type)) or not (getattr(f, "__module__", None) or "").startswith("numpy"):
            continue
        try:
            wanted = inspect.signature(f).parameters.values()
        except ValueError:
            continue
        given = inspect.signature(implementation).parameters
        if any(p.kind is p.VAR_KEYWORD for p in given.values()):
            continue
        names = {p.name for p in wanted if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if names - set(given) - OTHER_NAMES:
            lacking[f.__name__] = names - set(given) - OTHER_NAMES
    assert not lacking
