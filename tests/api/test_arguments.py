"""Which calls share a compiled version and which do not: odd numbers, odd memory, several threads, recursion."""

import threading

import numpy as np
import pytest
import treadle as td
from treadle.compiler.config import config

from tests.comparator import difference, fresh, observe

A = np.arange(6.0)
NAN = float("nan")


def unaligned(dtype):
    x = np.zeros(6 * np.dtype(dtype).itemsize + 1, np.uint8)[1:].view(dtype)
    x[:] = np.arange(6)
    return x


def add(x, y):
    return x + y


def shift(x, y):
    x[1:] = y[:-1]
    x += 1
    return x.sum()


def choose(x, k):
    return x * 2 if k != k else x * 3


def choose_element(x, pair):
    return x * pair[1] if pair[0] != pair[0] else x + pair[1]


def factorial(x, n):
    return x if n <= 0 else factorial(x, n - 1) * n


def endless(x):
    return endless(x)


READ_ONLY = np.arange(10.0)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize("function, calls", [
    (add, [(A, 3), (A, 2**70), (A, 2**63), (A, -2**63), (np.arange(3), 2**63), (np.arange(3, dtype="u8"), 2**63), (A, 4)]),
    (add, [(A, A), (A[::2], A[1::2]), (A, A.copy()), (A, A.astype("f4")), (A.reshape(2, 3), A.reshape(2, 3))]),
    (add, [(1, 2.5), (np.float32(1), 2), (np.float32(3), 1e300), (np.int8(100), 100), (np.int8(100), 200), (True, True)]),
    (shift, [(np.arange(10.0), np.arange(10.0)), (np.arange(10.0), READ_ONLY), (READ_ONLY, np.arange(10.0))]),
    (choose, [(A, NAN), (A, 1.0), (A, np.float64("nan")), (A, NAN)]),
    (choose_element, [(A, (NAN, 1.0)), (A, (1.0, 2.0)), (A, (NAN, 3.0))]),
    (factorial, [(A, 5), (A, 0), (A, 7)]), (endless, [(A,)]),
], ids=lambda p: getattr(p, "__name__", None))
def test_each_call_gets_its_own_answer(function, calls):
    compiled = td.jit(function)
    with np.errstate(all="ignore"):
        for args in [*calls, *calls]:
            make = fresh(args)
            assert difference(observe(compiled, make), observe(function, make)) is None, args


@pytest.mark.parametrize("first, second", [
    (slice(None), slice(None)), (slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None)),
    (slice(None, None, -1), slice(None)), (slice(None, None, 2), slice(1, None, 2))])
def test_overlapping_arguments_after_separate_ones(first, second):
    compiled = td.jit(shift)
    for together in (False, True, False):
        wanted, got = np.arange(10.0), np.arange(10.0)
        others = (wanted, got) if together else (np.arange(10.0), np.arange(10.0))
        assert shift(wanted[first], others[0][second]) == compiled(got[first], others[1][second])
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("x", [A.astype(">f8"), unaligned("f8"), A.astype(np.longdouble), np.array(["a"]), A.view("V8")])
def test_what_has_no_compiled_form_is_refused_by_a_version_at_hand_too(x):
    compiled = td.jit(add)
    compiled(np.zeros(x.shape), 1)
    with pytest.raises(td.errors.UnsupportedError):
        compiled(x, 1)


def test_threads_that_compile_and_call_at_once():
    compiled, wrong = td.jit(lambda x, k: (x * k).sum()), []
    start = threading.Barrier(4)

    def work(own):
        start.wait()
        for i in range(30):
            x, k = np.arange(10 + (i + own) % 7, dtype=[float, np.float32, int][(i + own) % 3]), [2, 2.5][i % 2]
            if not np.allclose(compiled(x, k), (x * k).sum()):
                wrong.append((own, i))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_settings_that_are_set_back_select_what_was_compiled_before():
    # Versions are found by this object.
    key, level = config.code_key, "x86-64-v3" if config.cpu != "x86-64-v3" else None
    with config.override(cpu=level):
        assert config.code_key is not key
    assert config.code_key is key
