"""Calls without Python code in front give what calls through Python give, and know when they may not be made."""

import gc
import sys
import threading
import types
import weakref

import numpy as np
import pytest
import treadle as td
from treadle.runtime import calls


def compare(got, wanted):
    assert type(got) is type(wanted)
    assert getattr(got, "dtype", None) == getattr(wanted, "dtype", None)
    np.testing.assert_array_equal(got, wanted)


@pytest.fixture
def through_python(monkeypatch):
    """The names of the functions whose calls have run Python code."""
    seen = []
    original = td.jit(lambda x: x).__class__._run
    monkeypatch.setattr(td.jit(lambda x: x).__class__, "_run", lambda self, *rest: seen.append(self) or original(self, *rest))
    return seen


@pytest.mark.parametrize("arguments", [
    (np.arange(8.0),), (np.arange(12.0).reshape(3, 4).T,), (np.arange(5), 3), (np.float32(2), np.arange(3, dtype="f4")), (2.5, 3),
    (True, np.zeros((0, 3))), (np.arange(4) * 1j, 1j), (np.arange(6)[::-2],)], ids=str)
def test_the_second_call_runs_no_python_code(arguments, through_python):
    f = td.jit(lambda *args: sum(args[1:], args[0] * 2))
    first = f(*arguments)
    assert through_python
    through_python.clear()
    again = f(*arguments)
    assert not through_python
    compare(again, first)
    compare(again, sum(arguments[1:], arguments[0] * 2))


@pytest.mark.parametrize("other", [
    np.arange(9.0), np.arange(8), np.arange(16.0)[::2], np.arange(8.0).reshape(8, 1), np.arange(8.0, dtype="f4"), 3.0, 3,
    np.float64(3), 2**70], ids=str)
def test_other_arguments_get_their_own_version(other):
    f = td.jit(lambda x: x * 2)
    for x in (np.arange(8.0), other, np.arange(8.0), other):
        compare(f(x), x * 2)


def test_read_only_and_unaligned_arrays():
    f = td.jit(lambda x: x + 1)
    x = np.arange(8.0)
    compare(f(x), x + 1)
    fixed = x.copy()
    fixed.flags.writeable = False
    compare(f(fixed), x + 1)
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view("f8")
    try:
        got = f(unaligned)
    except td.errors.UnsupportedError:
        return
    compare(got, x + 1)


def test_one_array_given_twice():
    f = td.jit(lambda x, y: (x is y) + x * 0 + y * 0)
    x, y = np.ones(3), np.ones(3)
    for _ in range(3):
        assert f(x, y)[0] == 0
        assert f(x, x)[0] == 1


def test_guards_are_asked():
    class Holder:
        scale = 2.0
        doubled = True
    holder = Holder()
    scope = {"factor": 2}

    def f(x):
        return x * holder_scale() * (2 if scope["factor"] > 3 else 1)

    def holder_scale():
        return holder.scale if holder.doubled else 1.0

    compiled, x = td.jit(f), np.arange(3.0)
    for scale, doubled, factor in ((2.0, True, 2), (3.0, True, 2), (3.0, False, 2), (3.0, False, 5), (2.0, True, 2)):
        holder.scale, holder.doubled, scope["factor"] = scale, doubled, factor
        for _ in range(2):
            compare(compiled(x), f(x))


def test_keywords_and_many_arguments():
    f = td.jit(lambda *args, **kwargs: sum(args) + kwargs.get("y", 0))
    x = np.arange(3.0)
    for n in (1, 2, 17, 30, 2):
        for options in ({}, {"y": 2.0}, {"y": x}):
            compare(f(*[x + k for k in range(n)], **options), sum(x + k for k in range(n)) + options.get("y", 0))


def test_errors_are_raised_and_nothing_leaks():
    f = td.jit(lambda x, i: x[i])
    x = np.arange(5.0)
    assert f(x, np.array([1, 2]))[0] == 1
    bad = np.array([1, 7])
    before = sys.getrefcount(x), sys.getrefcount(bad)
    for _ in range(50):
        with pytest.raises(IndexError, match="index 7 is out of bounds"):
            f(x, bad)
    assert (sys.getrefcount(x), sys.getrefcount(bad)) == before
    assert f(x, np.array([4, 0]))[0] == 4


def test_results_and_functions_are_freed():
    f = td.jit(lambda x: x + 1)
    x = np.arange(4.0)
    f(x)
    result = f(x)
    assert sys.getrefcount(result) == 2
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None
    compare(result, x + 1)


def test_settings_count_from_the_next_call_on():
    f = td.jit(lambda x: (type(x) is np.ndarray, x + 1)[1])
    x = np.arange(4.0)
    f(x)
    ran = []
    g = td.jit(lambda x: ran.append(1) or x)
    g(x)
    with td.config.override(disable=True):
        for _ in range(3):
            n = len(ran)
            g(x)
            assert len(ran) == n + 1
    with td.config.override(cpu="x86-64-v2"):
        compare(f(x), x + 1)
        assert f.versions == 2
    compare(f(x), x + 1)
    assert f.versions == 2


def test_calls_while_another_function_is_traced():
    inner = td.jit(lambda x: x * 3)
    x = np.arange(4.0)
    inner(x)
    inner(x)
    outer = td.jit(lambda x: inner(x) + 1)
    compare(outer(x), x * 3 + 1)
    with calls.hold():
        compare(inner(x), x * 3)


def test_methods_and_derivatives():
    class Model:
        w = 2.0

        @td.jit
        def apply(self, x):
            return x * self.w

    model, x = Model(), np.arange(4.0)
    for w in (2.0, 2.0, 5.0):
        model.w = w
        compare(model.apply(x), x * w)
    slope = td.grad(lambda x: (x * x).sum())
    for _ in range(3):
        compare(slope(x), 2 * x)


def test_versions_change_while_threads_call():
    f = td.jit(lambda x: x + 1)
    arrays = [np.arange(float(n)) for n in range(1, 7)]
    failures = []

    def work(k):
        for n in range(300):
            x = arrays[(n * (k + 1)) % len(arrays)]
            if not np.array_equal(f(x), x + 1):
                failures.append((k, n))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_settings_change_while_threads_call():
    f = td.jit(lambda x: x + 1)
    x = np.arange(5.0)
    f(x)
    failures, done = [], threading.Event()

    def work():
        while not done.is_set():
            if not np.array_equal(f(x), x + 1):
                failures.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for _ in range(300):
        calls.renew()
    done.set()
    for t in threads:
        t.join()
    assert not failures


def add_in_place(x, y):
    x += y
    return x


def increase(x):
    x += 1


@pytest.mark.parametrize("program, count", [
    (lambda x, y: (x + 1, y - 1), 2), (lambda x, y: (x.sum(), x * y, y.max()), 2), (lambda x, y: x.sum() + 2j * y[0], 2),
    (lambda x: x.argmax(), 1), (lambda x: (), 1), (add_in_place, 2), (increase, 1), (lambda x: ((x > 2).any(), x), 1),
    (lambda x: (x, x + 1), 1), (lambda x, y: [x + y], 2), (lambda x, y: (np.float32(x[0]), y.sum(dtype="i2")), 2)])
def test_results_of_many_kinds(program, count, through_python):
    f = td.jit(program)
    for _ in range(3):
        theirs, ours = ([np.arange(5.0), np.ones(5)][:count] for _ in range(2))
        wanted, got = program(*theirs), f(*ours)
        assert type(got) is type(wanted)
        for a, b in zip(*(x if isinstance(x, tuple | list) else [x] for x in (got, wanted)), strict=True):
            compare(a, b)
            assert any(a is x for x in ours) == any(b is x for x in theirs)
        for a, b in zip(ours, theirs, strict=True):
            compare(a, b)
    assert len(through_python) == 1


def test_references_of_scalars_and_tuples():
    f = td.jit(lambda x: (x.sum(), x + 1))
    x = np.arange(3.0)
    f(x)
    gc.collect()
    before = sys.getrefcount(x), sys.getrefcount(None), sys.getrefcount(np.dtype(float))
    for _ in range(1000):
        f(x)
    assert abs(sys.getrefcount(np.dtype(float)) - before[2]) < 20 and sys.getrefcount(x) == before[0]
    total, new = f(x)
    assert sys.getrefcount(new) == 2 and sys.getrefcount(total) == 2 and total == 3


def test_arguments_that_meet():
    f, plain = td.jit(add_in_place), add_in_place
    f(np.zeros(4), np.ones(4))
    for ahead in (0, 1, 3, 4):
        a, b = np.arange(9.0), np.arange(9.0)
        x = f(a[ahead:ahead + 4], a[1:5])
        plain(b[ahead:ahead + 4], b[1:5])
        np.testing.assert_array_equal(a, b)
        assert x.base is a


def test_errors_of_calls_that_write():
    def change(x, k):
        x[k] = 7.0

    f = td.jit(change)
    x = np.zeros(4)
    f(x, 2)
    with pytest.raises(IndexError, match="index 9 is out of bounds"):
        f(x, 9)
    assert f(x, 1) is None and list(x) == [0, 7, 7, 0]


def test_keywords(through_python):
    def program(x, y=1.0, *, z=None):
        return x * y if z is None else [x * y - z]

    f = td.jit(program)
    x, y, z = np.arange(4.0), np.ones(4) * 3, np.full(4, 0.5)
    ways = [lambda g: g(x, y=y), lambda g: g(x, y, z=z), lambda g: g(x=x, y=y, z=z), lambda g: g(z=z, y=y, x=x),
            lambda g: g(x, z=z), lambda g: g(x, **{"y": y}), lambda g: g(x, y), lambda g: g(y=x, x=y)]
    for way in ways * 2:
        compare(way(f), way(program))
    assert f.versions <= 7
    for way in ways[:3] + ways[4:7]:
        g = td.jit(types.FunctionType(program.__code__, {}, "program", program.__defaults__))
        g.function.__kwdefaults__ = program.__kwdefaults__
        way(g)
        through_python.clear()
        compare(way(g), way(program))
        assert not through_python
    with pytest.raises(TypeError, match="w"):
        f(x, w=y)
