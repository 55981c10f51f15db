"""jit's forms, its versions, what it may stand in for; threads, recursion, overlap, settings."""

import copy
import functools
import os
import pickle
import signal
import threading
import types

import numpy as np
import pytest
import treadle as td
from treadle.compiler import pipeline


def double(x):
    return x + x


def shift(x, n=2):
    return x * n + 1


@td.jit
def module_level(x):
    """Doubles."""
    return x * 2.0


def versions(f):
    return f.versions


X = np.arange(5.0)


# Forms

def test_as_function_and_decorator():
    @td.jit
    def f(x):
        return x + 1

    @td.jit(boundscheck=False)
    def g(x):
        return x + 1

    @td.jit()
    def h(x):
        return x + 1

    for k in (f, g, h, td.jit(lambda x: x + 1), td.jit(td.jit(lambda x: x + 1))):
        assert np.array_equal(k(X), X + 1)


def test_looks_like_the_function():
    assert module_level.__name__ == "module_level" and module_level.__doc__ == "Doubles." and module_level.__wrapped__
    assert "module_level" in repr(module_level)


def test_methods_static_methods_class_methods():
    class Model:
        scale = 3.0

        def __init__(self, w):
            self.w = w

        @td.jit
        def predict(self, x):
            return x * self.w

        @td.jit
        @staticmethod
        def add(x, y):
            return x + y

        @staticmethod
        @td.jit
        def sub(x, y):
            return x - y

        @td.jit
        @classmethod
        def scaled(cls, x):
            return x * cls.scale

        @functools.cached_property
        def fast(self):
            return td.jit(self.slow)

        def slow(self, x):
            return x * self.w + 1

    a, b = Model(np.full(5, 2.0)), Model(np.full(5, 7.0))
    assert np.array_equal(a.predict(X), X * 2) and np.array_equal(b.predict(X), X * 7)
    assert np.array_equal(Model.predict(a, X), X * 2)
    assert np.array_equal(a.add(X, 1), X + 1) and np.array_equal(Model.sub(X, X), X - X)
    assert np.array_equal(Model.scaled(X), X * 3) and np.array_equal(a.scaled(X), X * 3)
    assert np.array_equal(b.fast(X), X * 7 + 1)
    a.w = np.full(5, 10.0)
    assert np.array_equal(a.predict(X), X * 10)


def test_partial_builtin_and_ufunc():
    assert np.array_equal(td.jit(functools.partial(shift, n=3))(X), X * 3 + 1)
    assert np.allclose(td.jit(np.sin)(X), np.sin(X), rtol=1e-15)


def test_pickles_by_reference():
    again = pickle.loads(pickle.dumps(td.jit(shift)))
    assert np.array_equal(again(X), shift(X))


@td.jit
def decorated(x):
    return x * 2


class Holder:
    @td.jit
    def method(self, x):
        return x - 1


def test_decorated_functions_pickle_by_their_names():
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert pickle.loads(pickle.dumps(Holder.method)) is Holder.method
    assert copy.deepcopy(decorated) is decorated


def test_what_is_suspended_is_refused():
    def generator(x):
        yield x

    async def coroutine(x):
        return x

    for f in (generator, coroutine):
        with pytest.raises(td.errors.UnsupportedError, match="return a list"):
            td.jit(f)(X)
    assert np.array_equal(td.jit(lambda x: [y * 2 for y in td.jit(generator)(x)][0])(X), X * 2)


@pytest.mark.parametrize("bad", [3, "text", None])
def test_only_functions_are_compiled(bad):
    if bad is None:
        assert callable(td.jit(bad))  # the decorator form
        return
    with pytest.raises(TypeError, match="takes a function"):
        td.jit(bad)


def test_unknown_targets():
    with pytest.raises(ValueError, match="target must be"):
        td.jit(double, target="tpu")
    assert np.array_equal(td.jit(double, target="cpu")(X), X + X)


# Arguments

def test_keywords_and_defaults():
    f = td.jit(shift)
    for args, kwargs in [((X,), {}), ((X, 5), {}), ((X,), {"n": 7}), ((), {"x": X, "n": 2}), ((X, 2.5), {})]:
        got, want = f(*args, **kwargs), shift(*args, **kwargs)
        assert np.array_equal(got, want) and got.dtype == want.dtype


def test_wrong_arguments_are_pythons_error():
    with pytest.raises(TypeError, match="argument"):
        td.jit(shift)(X, 1, 2, 3)
    with pytest.raises(TypeError, match="unexpected keyword"):
        td.jit(shift)(X, m=3)


def test_static_arguments():
    @td.jit(static_argnames=("mode", "k"))
    def f(x, mode, k=2):
        return x * k if mode == "times" else x + k

    assert np.array_equal(f(X, "times"), X * 2)
    assert np.array_equal(f(X, "plus", 5), X + 5)
    assert np.array_equal(f(X, mode="plus", k=6), X + 6)
    before = versions(f)
    assert np.array_equal(f(X, "plus", k=7), X + 7) and versions(f) == before + 1
    assert np.array_equal(f(X, "plus", k=7), X + 7) and versions(f) == before + 1
    with pytest.raises(TypeError, match="k must be hashable"):
        f(X, "plus", k=[1])
    with pytest.raises(ValueError, match="'z' is not a parameter"):
        td.jit(double, static_argnames="z")


def test_trees():
    @td.jit
    def f(p, scale):
        return {"w": p["w"] * scale, "l": [p["b"][0], (p["b"][1] + 1,)]}

    got = f({"w": X, "b": [X + 1, X + 2]}, 3.0)
    assert list(got) == ["w", "l"] and isinstance(got["l"][1], tuple)
    assert np.array_equal(got["w"], X * 3) and np.array_equal(got["l"][1][0], X + 3)


# Versions

def test_one_version_per_signature():
    f = td.jit(double)
    for x in (X, X.astype("f4"), X[::2], np.zeros((2, 3)), np.zeros((2, 3), order="F"), 3, 2.5, True, 1j, np.float32(2)):
        for _ in range(3):
            got, want = f(x), double(x)
            assert np.array_equal(got, want) and type(got) is type(want)
            assert getattr(got, "dtype", None) == getattr(want, "dtype", None)
    assert versions(f) == 10


def test_the_fast_path_tells_signatures_apart():
    f = td.jit(lambda x, y: x - y)
    readonly = X.copy()
    readonly.flags.writeable = False
    cases = [(X, X + 1), (X, X), (X.astype("f4"), X + 1), (X[:3], X[:3] + 1), (readonly, X), (X, 2), (X, True), (X, 2.0),
             (2, X), (X[::-1], X + 3), (X.reshape(5, 1), X), (X, 1 << 70), (X, np.float64(2))]
    for _ in range(2):
        for a, b in cases:
            got, want = f(a, b), a - b
            assert np.array_equal(got, want) and got.dtype == want.dtype and got.shape == want.shape


def test_the_number_of_versions_is_bounded(monkeypatch):
    monkeypatch.setattr("treadle.compiler.api.MOST_VERSIONS", 4)
    f = td.jit(double)
    for n in range(1, 9):
        assert np.array_equal(f(np.ones(n)), np.full(n, 2.0))
    assert versions(f) <= 4 and np.array_equal(f(np.ones(1)), [2.0])


def test_guards_select_versions():
    def f(x, n):
        return x + 1 if n > 3 else x - 1

    g = td.jit(f)
    for n in (1, 2, 5, 6, 1, 3, 4):
        assert np.array_equal(g(X, n), f(X, n))
    assert versions(g) == 2


def test_nothing_is_traced_twice(monkeypatch):
    traces = []
    original = pipeline.build
    monkeypatch.setattr("treadle.compiler.api.build", lambda *a: traces.append(1) or original(*a))
    f = td.jit(double)
    for _ in range(5):
        f(X)
        f([X, X][0])
    assert len(traces) == 1


# Where it stands

def test_jit_inside_jit():
    inner = td.jit(lambda x: x * 3)
    outer = td.jit(lambda x: inner(x) + inner(x + 1))
    assert np.array_equal(outer(X), X * 3 + (X + 1) * 3)


def test_recursion():
    @td.jit
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    assert np.array_equal(power(X, 6), X * X * X * X * X * X)


def test_threads_compile_and_call_at_once():
    f = td.jit(lambda x, y: np.exp(x) * y)
    inputs = [np.linspace(0, 1, n) for n in (7, 8, 9)] * 4
    results, errors = {}, []

    def work(k, x):
        try:
            for _ in range(30):
                results[k] = f(x, x)
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=item) for item in enumerate(inputs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors and versions(f) == 3
    assert all(np.allclose(results[k], np.exp(x) * x) for k, x in enumerate(inputs))


def test_overlapping_arguments():
    def f(a, b):
        a[1:] = b[:-1] * 2
        b += 1
        return a + b

    compiled = td.jit(f)
    for make in (lambda m: (m[:5], m[5:10]), lambda m: (m[:6], m[2:8]), lambda m: (m[:10:2], m[1:10:2]),
                 lambda m: (m[:5], m[:5])):
        one, two = np.arange(12.0), np.arange(12.0)
        for _ in range(2):
            got, want = compiled(*make(one)), f(*make(two))
            assert np.array_equal(got, want) and np.array_equal(one, two)


# Settings

def test_disable():
    calls = []

    @td.jit
    def f(x):
        calls.append(type(x))
        return x + 1

    with td.config.override(disable=True):
        assert np.array_equal(f(X), X + 1) and calls == [np.ndarray]


def test_levels_of_the_cpu_give_equal_results():
    f = td.jit(lambda x: (x * 3 + 1) / (x - 0.5) * np.sqrt(np.abs(x)))
    x = np.linspace(-3, 3, 1001)
    results = [f(x)]
    for level in ("x86-64-v2", "x86-64-v3", "x86-64-v4"):
        try:
            with td.config.override(cpu=level):
                results.append(f(x))
        except ValueError as e:
            assert "cannot run" in str(e)
    assert len(results) > 1 and all(r.tobytes() == results[0].tobytes() for r in results)
    assert versions(f) == len(results)


def test_dump(tmp_path):
    with td.config.override(dump=str(tmp_path)):
        td.jit(double)(X)
    (folder,) = tmp_path.iterdir()
    names = sorted(p.name for p in folder.iterdir())
    assert folder.name.endswith("double")
    assert [n.split("-")[1].split(".")[0] for n in names] == ["traced", "optimized", "planned", "loops", "llvm", "asm"]
    assert "add" in (folder / "0-traced.txt").read_text() and "define i64" in (folder / "4-llvm.ll").read_text()


@pytest.mark.parametrize("name, value, error", [("num_threads", 0, ValueError), ("num_threads", "2", TypeError),
                                                ("cpu", "z80", ValueError), ("nothing", 1, AttributeError),
                                                ("disable", 1, TypeError)])
def test_settings_are_checked(name, value, error):
    with pytest.raises(error, match=name):
        setattr(td.config, name, value)


def test_num_threads():
    x = np.linspace(0, 1, 1 << 18)
    f = td.jit(lambda x: np.exp(x) + 1)
    results = []
    for n in (1, 2, 3):
        with td.config.override(num_threads=n):
            assert pipeline.device().pool.count == n
            results.append(f(x))
    assert pipeline.device().pool.count == pipeline.device().default_threads
    assert all(r.tobytes() == results[0].tobytes() for r in results)


# Inspection

def test_lowered():
    low = td.jit(shift).lower(X, 3)
    assert low.stages() == ["traced", "optimized", "planned", "loops", "llvm", "asm"]
    assert "multiply" in low.ir("traced") and "test_jit.py" in low.ir("traced") and "for" in low.ir("loops")
    assert "copies: none" in low.report() and "<pre>" in low.html()
    with pytest.raises(ValueError, match="no stage 'cuda'"):
        low.ir("cuda")
    compiled = low.compile()
    assert np.array_equal(compiled(X + 1, 4), shift(X + 1, 4))
    with pytest.raises(TypeError, match="lowered for arguments"):
        compiled(X.astype("f4"), 4)


def test_module_has_its_public_names():
    assert all(hasattr(td, n) for n in td.__all__) and isinstance(td.tree, types.ModuleType)


def test_unchecked_indices():
    def f(x, i):
        return x[i] * 2

    g = td.jit(f, boundscheck=False)
    i = np.array([0, -1, 3, -5])
    assert np.array_equal(g(X, i), f(X, i)) and g(X, -2) == f(X, -2)
    assert "check_index" in td.jit(f).lower(X, i).ir() and "check_index" not in g.lower(X, i).ir()
    assert "IndexError" not in g.lower(X, i).ir("loops")


def test_sorting_along_two_axes():
    x = np.array([[3, 9, 1], [7, 2, 8]])
    f = lambda x: np.sort(np.sort(x, axis=0), axis=1)
    assert np.array_equal(td.jit(f)(x), f(x))


@pytest.mark.parametrize("x", [np.array(1 + 2j), np.complex64(2 - 1j), 3 + 4j, np.float32(np.inf), 5, 2.5],
                         ids=lambda x: type(x).__name__)
def test_parts_of_scalars(x):
    for f in (lambda a: a.real, lambda a: a.imag, lambda a: (a * 2).imag, lambda a: a.real + np.ones(2, "f4")):
        expected, got = f(x), td.jit(f)(x)
        assert type(got) is type(expected) and np.result_type(got) == np.result_type(expected)
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("shape, places, axis", [((0, 3), [5], 1), ((0, 3), [5], 0), ((0, 3), [], 0), ((3, 0), [7], 0),
                                                 ((2, 0), [0], None), ((3, 0), 0, 1)])
def test_take_from_empty_arrays(shape, places, axis):
    x, i = np.zeros(shape), np.array(places, int)
    try:
        expected = np.take(x, i, axis)
    except IndexError as e:
        with pytest.raises(IndexError) as got:
            td.jit(lambda x, i: np.take(x, i, axis))(x, i)
        assert str(got.value) == str(e)
    else:
        assert td.jit(lambda x, i: np.take(x, i, axis))(x, i).shape == expected.shape


def test_other_threads_run_and_signals_arrive_during_a_long_loop():
    def f(x, n):
        s = 0.0
        for _ in range(n):
            for k in range(x.shape[0]):
                s = s * 0.5 + x[k]
        return s

    g = td.jit(f)
    assert g(np.ones(1000), 3) == f(np.ones(1000), 3)
    # The thread only gets to interrupt the loop if it runs beside it. (Test runners' workers ignore SIGINT.)
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    thread = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    try:
        with pytest.raises(KeyboardInterrupt):
            thread.start()
            g(np.ones(1000), 10**9)
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)


def test_empty_literals():
    f = lambda x: np.concatenate([np.array([]), x, np.array([], dtype=np.float64)])[np.array([0, 2])]
    assert np.array_equal(td.jit(f)(X), f(X))


class Box:
    def __init__(self, w):
        self.w = w


class Crate(Box):
    pass


def test_fast_paths_through_trees_keywords_and_objects():
    def f(p, x, box=None, mode="plus", flags=(True, None), g=double):
        y = p["w"] * x + (p["l"][0] if mode == "plus" else -p["l"][0])
        y = y + box.w if box is not None else y
        return g(y) if flags[0] else y

    a, b = X + 1, X + 2
    p = {"w": a, "l": [b, 3]}
    calls = [((p, X), {}), ((p, X), {"box": Box(a * 2)}), ((p, X), {"box": Crate(a * 3)}), ((p, X), {"mode": "minus"}),
             ((p, X), {"flags": (False, None)}), ((p, X), {"flags": [True, None]}), ((p, X), {"flags": (True, 1)}),
             (({"w": X, "l": [b, 3]}, X), {}), (({"l": [b, 3], "w": a}, X), {}), (({"w": a, "l": (b, 3)}, X), {}),
             (({"w": a, "l": [b, 3.5]}, X), {}), (({"w": a[::-1], "l": [b, 3]}, X), {}), ((p, X), {"g": np.negative}),
             ((p, X), {"g": lambda y: y * 5}), ((p, 2), {}), ((p, np.float32(2)), {}), ((p,), {"x": X, "mode": "plus"})]
    g = td.jit(f)
    for _ in range(3):
        for args, kwargs in calls:
            got, want = g(*args, **kwargs), f(*args, **kwargs)
            assert got.tobytes() == want.tobytes() and got.dtype == want.dtype
