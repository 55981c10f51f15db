"""Programs over extents: every operation beside Python's own, results that an entry allocates, calls told apart by them."""

import ctypes
import operator

import numpy as np
import pytest
import treadle as td
from treadle.runtime.device import cpu_device
from treadle.runtime.entry import NewArray, Slot
from treadle.runtime.sizes import DEEPEST, fits

device = cpu_device()
RETURN = """
define i64 @ready(ptr %slots, ptr %error) {
  ret i64 0
}"""
MEANING = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "max": max, "min": min, "and": operator.and_,
           "ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt, "eq": operator.eq, "ne": operator.ne}


def shapes(sizes, *args):
    library = device.compile(RETURN)
    entry = device.entry(library.address("ready"), [Slot("output", k) for k in range(len(sizes))],
                         [NewArray(np.dtype(np.int8), s) for s in sizes])
    return [x.shape for x in entry(*args)]


def test_operations():
    x, a, b = np.zeros((3, 7)), ("extent", 0, 0), ("extent", 0, 1)
    cases = [(name, p, q) for name in MEANING for p, q in ((a, b), (b, a), (a, a), (a, ("neg", b)))]
    value = {a: 3, b: 7, ("neg", b): -7}
    sizes = [(("add", (name, p, q), 100),) for name, p, q in cases]
    assert shapes(sizes, x) == [(MEANING[name](value[p], value[q]) + 100,) for name, p, q in cases]
    numbers = [("sub", n, b) for n in range(12)]
    assert shapes([(("add", ("floordiv", n, 3), 9),) for n in numbers], x) == [((n - 7) // 3 + 9,) for n in range(12)]


def test_deep_expressions_do_not_fit():
    deep = 1
    for _ in range(DEEPEST + 1):
        deep = ("add", 1, deep)
    assert not fits(deep) and not fits(1 << 64) and fits(("add", ("extent", 0, 0), 1))


def test_layouts_and_failures():
    library = device.compile(RETURN)
    n, m = ("extent", 0, 0), ("extent", 0, 1)
    entry = device.entry(library.address("ready"), [Slot("output", 0), Slot("output", 1), Slot("room", 0)],
                         [NewArray(np.dtype("f8"), (n, m), (8, ("mul", n, 8))), NewArray(np.dtype("f4"), ())], 10, 3, False,
                         ("mul", n, ("workers",)))
    a, b = entry(np.zeros((3, 5)))
    assert (a.shape, a.strides, b.shape) == ((3, 5), (8, 24), ())
    with pytest.raises(ValueError, match="negative dimensions"):
        shapes([(("sub", 0, ("extent", 0, 0)),)], np.zeros(3))


def test_the_block_for_temporaries():
    library = device.compile("""
define i64 @between(ptr %slots, ptr %error) {
  %out_at = load ptr, ptr %slots
  %room_at = getelementptr i64, ptr %slots, i64 1
  %room = load i64, ptr %room_at
  %arena_at = getelementptr i64, ptr %slots, i64 2
  %arena = load i64, ptr %arena_at
  %d = sub i64 %room, %arena
  store i64 %d, ptr %out_at
  ret i64 0
}""")
    entry = device.entry(library.address("between"), [Slot("output", 0), Slot("room", 0)], [NewArray(np.dtype("i8"), ())], 100, 0,
                         False, ("extent", 0, 0))
    assert entry(np.zeros(9))[0] == 128


@pytest.mark.parametrize("program, make", [
    (lambda x: x[1:-1] + x[2:], lambda n: [np.arange(n + 4.0)]),
    (lambda x, y: np.exp(x) @ y, lambda n: [np.ones((n + 2, 3)), np.ones((3, n + 2))]),
    (lambda x, y: np.concatenate([x, y])[::2], lambda n: [np.arange(n + 2), np.arange(2 * n + 5)]),
    (lambda x: (x - x.mean(axis=0)).T, lambda n: [np.asfortranarray(np.arange(6.0 * n + 6).reshape(n + 1, 6))]),
    (lambda x: x * 2 if len(x) > 20 else x, lambda n: [np.arange(n + 15.0)]),
    (lambda x: (x + 1, x.sum()), lambda n: [np.arange(n + 2, dtype="f4")]),
])
def test_calls_of_many_shapes(program, make):
    f = td.jit(program)
    for n in range(3, 12):
        args = make(n)
        got, want = f(*args), program(*args)
        for a, b in zip(*([x] if not isinstance(x, tuple) else x for x in (got, want)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
            assert a.dtype == b.dtype and np.shape(a) == np.shape(b)
            assert not isinstance(b, np.ndarray) or (a.strides == b.strides and a.flags.writeable == b.flags.writeable)
    assert f.versions <= 5


def test_they_need_no_python():
    f = td.jit(lambda x, y: x[1:] + y[:-1])
    for n in range(5, 9):
        f(np.ones(n), np.ones(n))
    told = [calls_python(f, np.ones(n), np.ones(m)) for n, m in ((20, 20), (1000, 1000))]
    assert told == [False, False]


def calls_python(f, *args):
    """Does a call run code of the class?"""
    record = (ctypes.c_int64 * 2).from_address(f._record)
    ours, met = record[1], []

    def instead(self, *a):
        met.append(a)
        return type(f).__call__(self, *a)

    record[1] = id(instead)
    try:
        f(*args)
    finally:
        record[1] = ours
    return bool(met)
