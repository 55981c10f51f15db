"""What goes wrong raises NumPy's exception, from a traceback that ends at the user's line, and leaves no trace in memory."""

import gc
import sys
import traceback

import numpy as np
import pytest
import treadle as td
from treadle.compiler.config import FLAGS, Config

X = np.arange(5.0)


def element(x, i):
    return x[i] + 1


def add(x, y):
    return x + y


def store(x):
    x[0] = 1.0


def truncate(x):
    x += 1.5


def divide(n):
    return 7 // n


def attribute(x):
    return x.nonsense


def reshape(x, n):
    return x.reshape(n, 2)


def frozen(x):
    x = x.copy()
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("f, args", [
    (element, (X, 5)), (element, (X, -6)), (element, (X, np.array([1, 9]))), (element, (X, (0, 0))), (add, (X, X[1:])),
    (store, (frozen(X),)), (truncate, (np.arange(3),)), (divide, (0,)), (attribute, (X,)), (reshape, (X, 3)),
])
def test_exceptions_are_numpys_and_end_at_the_users_line(f, args):
    with pytest.raises(Exception) as wanted:
        f(*[a.copy() if isinstance(a, np.ndarray) and a.flags.writeable else a for a in args])
    compiled = td.jit(f)
    for _ in range(2):
        with pytest.raises(wanted.type) as found:
            compiled(*args)
        assert str(found.value) == str(wanted.value)
        last = traceback.extract_tb(found.value.__traceback__)[-1]
        assert (last.filename, last.name, last.lineno) == (__file__, f.__name__, f.__code__.co_firstlineno + 1)


@pytest.mark.parametrize("x, words", [(np.array(["a"]), "strings"), (np.array([1, None]), "Python objects"),
                                      (np.zeros(2, [("a", "f4")]), "structured"), (np.arange(3, dtype=">i4"), "byte-swapped"),
                                      (np.ma.zeros(3), "subclasses"), (np.zeros(2, "M8[s]"), "datetime")])
def test_unsupported_arguments_name_the_call(x, words):
    with pytest.raises(td.errors.UnsupportedError, match=words) as found:
        td.jit(add)(x, 1)
    last = traceback.extract_tb(found.value.__traceback__)[-1]
    assert last.filename == __file__ and "test_errors.py" in str(found.value)


def test_errors_while_tracing_touch_nothing():
    @td.jit
    def f(x, y):
        x[:] = 0
        return x + y

    x = X.copy()
    with pytest.raises(ValueError, match="broadcast"):
        f(x, np.ones(4))
    assert np.array_equal(x, X)


def test_full_tracebacks_on_request():
    with td.config.override(full_tracebacks=True), pytest.raises(ValueError, match="broadcast") as found:
        td.jit(add)(X, X[1:])
    assert traceback.extract_tb(found.value.__traceback__)[-1].filename != __file__


def test_raising_leaves_no_garbage():
    f = td.jit(element)

    def fail():
        try:
            f(X, 5)
        except IndexError:
            return
        raise AssertionError("no error")

    fail()
    gc.collect()
    gc.disable()
    try:
        references, blocks = sys.getrefcount(X), sys.getallocatedblocks()
        for _ in range(3000):
            fail()
        assert sys.getrefcount(X) == references and sys.getallocatedblocks() - blocks < 300
    finally:
        gc.enable()


def test_calls_keep_no_references():
    f = td.jit(lambda x, y: {"a": x + y, "b": (x, y[1:])})
    x, y = X.copy(), X.copy()
    f(x, y)
    counts = sys.getrefcount(x), sys.getrefcount(y)
    for _ in range(10):
        out = f(x, y)
    del out
    assert (sys.getrefcount(x), sys.getrefcount(y)) == counts


@pytest.mark.parametrize("name, text, error", [("TREADLE_NUM_THREADS", "many", "TREADLE_NUM_THREADS='many'"),
                                               ("TREADLE_CPU", "z80", "one of x86-64-v2"), ("TREADLE_DISABLE", "maybe", "0 or 1")])
def test_bad_environment_variables_are_named(name, text, error):
    with pytest.raises(ValueError, match=error):
        Config(FLAGS, {name: text})


def test_environment_variables():
    found = Config(FLAGS, {"TREADLE_NUM_THREADS": "3", "TREADLE_DISABLE": "1", "TREADLE_DUMP": "d", "TREADLE_VERIFY": ""})
    assert (found.num_threads, found.disable, found.dump, found.verify) == (3, True, "d", False)
    assert "TREADLE_CPU" in found.describe()
