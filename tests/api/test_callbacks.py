"""Python functions called while compiled code runs: print, f-strings, td.callback; order, values, errors, results."""

import gc
import sys
import traceback

import numpy as np
import pytest
import treadle as td

LOG: list = []
TEMPLATE = "{} {a:.1f}"


def note(*args):
    LOG.append(args)


def flipped(x):
    return x[::-1] + 1


def fail(x):
    raise KeyError(f"saw {x[0]}")


def both(f, capsys, *args):
    """What f and its compiled form print and return, for two calls each."""
    out = []
    for g in (f, td.jit(f)):
        results = [g(*[a.copy() if isinstance(a, np.ndarray) else a for a in args]) for _ in range(2)]
        out.append((capsys.readouterr().out, results))
    (want, wanted), (got, found) = out
    assert got == want
    assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_prints_in_order_through_loops_and_branches(capsys):
    def f(x, n):
        print("start", x, {"n": n, "t": (x[0], 2)})
        for i in range(n):
            x = x * 2
            print(f"i={i:3d} sum={x.sum():.2f} {x!r} {i}", x.max(), sep=" | ", end="#\n")
            if x.sum() > 20:
                print("big", i)
        k = 0
        while x[0] > 1:
            x = x / 2
            k += 1
            print("halved", k, x > 1)
        print()
        return x

    both(f, capsys, np.ones(3), 4)


def test_prints_what_an_array_was_at_the_time(capsys):
    def f(x):
        for i in range(3):
            x[i] = -x[i]
            print(x)
        return x

    both(f, capsys, np.arange(3.0))


def test_prints_of_scalars_have_their_types(capsys):
    def f(x, n, flag, z):
        print(x[0], n * 2, flag, z * 1j, x.sum(dtype=np.float32), x.astype(complex)[0], x[0] > 1, n > 1)
        return x

    both(f, capsys, np.arange(3), 3, True, 2.0)


def test_text_known_while_compiling_is_text():
    def f(x, name):
        return {f"{name}_{2 + 1:02d}": x + 1}

    assert list(td.jit(f)(np.ones(2), "w")) == ["w_03"]


def test_text_of_run_time_values_is_no_key():
    def f(x):
        return {f"{x.sum()}": x}

    with pytest.raises(td.errors.UnsupportedError, match="text made of run-time values"):
        td.jit(f)(np.ones(2))


def test_callbacks_see_values_and_give_results():
    @td.jit
    def f(x, n):
        for i in range(n):
            x = td.callback(flipped, np.zeros(3), x)
            td.callback(note, None, i, x, "text", x[0])
        return x * 2

    LOG.clear()
    got = f(np.arange(3.0), 2)
    want = flipped(flipped(np.arange(3.0)))
    assert np.array_equal(got, want * 2)
    assert [entry[0] for entry in LOG] == [0, 1] and type(LOG[0][0]) is int and type(LOG[0][3]) is np.float64
    assert LOG[1][2] == "text" and np.array_equal(LOG[1][1], want) and LOG[1][1].flags.writeable
    assert td.callback(flipped, np.zeros(2), np.arange(2.0)).tolist() == [2, 1]


def test_errors_of_callbacks_pass_through():
    @td.jit
    def f(x):
        x = x + 1
        td.callback(fail, None, x)
        return x

    for _ in range(2):
        with pytest.raises(KeyError, match=r"saw 1.0") as found:
            f(np.zeros(2))
        assert traceback.extract_tb(found.value.__traceback__)[-1].name == "fail"


@pytest.mark.parametrize("result, message", [(np.zeros(2), "shape"), ((np.zeros(3), np.zeros(3)), "promised")])
def test_results_are_as_promised(result, message):
    with pytest.raises((ValueError, TypeError), match=message):
        td.jit(lambda x: td.callback(flipped, result, x))(np.zeros(3))


def test_builtin_functions_and_methods_are_callbacks():
    LOG.clear()
    x = np.arange(3.0)
    td.jit(lambda x: td.callback(LOG.append, None, x))(x)
    assert td.jit(lambda x: td.callback(sum, np.float64, x))(x) == 3 and np.array_equal(LOG[0], x)


def test_callbacks_are_defined_outside():
    def f(x):
        td.callback(lambda a: note(a), None, x)
        return x

    with pytest.raises(td.errors.UnsupportedError, match="defined inside"):
        td.jit(f)(np.zeros(2))


def test_callbacks_may_call_compiled_functions():
    inner = td.jit(lambda x: x * 3)
    results = []

    def use(x):
        results.append(inner(x))

    f = td.jit(lambda x: (td.callback(use, None, x), x + 1)[1])
    assert np.array_equal(f(np.ones(3)), np.full(3, 2.0)) and np.array_equal(results[0], np.full(3, 3.0))


def test_callbacks_keep_nothing():
    f = td.jit(lambda x: (td.callback(note, None, x), x)[1])
    x = np.zeros(4)
    f(x)
    LOG.clear()
    gc.collect()
    count, blocks = sys.getrefcount(x), sys.getallocatedblocks()
    for _ in range(1000):
        f(x)
        LOG.clear()
    gc.collect()
    assert sys.getrefcount(x) <= count and sys.getallocatedblocks() - blocks < 500


def outcome(f, capsys, *args):
    """What one call prints, raises or returns, and what it leaves of its arguments."""
    given = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        result = repr(f(*given))
    except Exception as e:
        # pytest adds lines to the texts of assertions.
        result = type(e), str(e).split("\n")[0] if isinstance(e, AssertionError) else e.args
    return repr((capsys.readouterr().out, result, given))


def raises_array(x):
    x[0] = 5
    print("before")
    if x.sum() > 0:
        raise ValueError(f"bad {x.sum():.2f} {x}")
    return x


def raises_in_loop(x):
    for k in range(3):
        print(f"{x[k]:>{8}.3f}|{x[k]!r:>20}|{k=}")
        if x[k] > k:
            raise KeyError(k, x[k], "many")
    return x


def asserts(x):
    assert x.sum() > 0, f"not positive: {x}"
    assert x[0] < 2, "large: %s" % x[0]  # noqa: UP031
    return x


def asserts_with_a_message_that_needs_the_failure(x):
    assert x[0] == 1, f"{x[int(x[0])]}"
    return x


def makes_text(x):
    kept = f"{x}"
    x[0] = 9
    print(kept, str(x[0]), repr(x), format(x[1], ".3f"), TEMPLATE.format(x[0], a=x[1]))
    print("%d and %.2f" % (x[0], x[1]))  # noqa: UP031
    print(", ".join([str(v) for v in x]) + " end", "<" + kept + ">", [x.reshape(3, 1)], np.sum(x).reshape(()))
    return x


@pytest.mark.parametrize("f", [raises_array, raises_in_loop, asserts, asserts_with_a_message_that_needs_the_failure, makes_text])
@pytest.mark.parametrize("x", [[1.0, 2, 2], [-1.0, -2, -3], [2.0, 1, 0], [0.0, 1, 3]])
def test_text_of_run_time_values_in_prints_and_errors(f, x, capsys):
    compiled = td.jit(f)
    for _ in range(2):
        assert outcome(compiled, capsys, np.array(x)) == outcome(f, capsys, np.array(x))


def test_text_of_run_time_values_is_a_result():
    def f(x):
        text = f"{x} {x[0]:.2f}"
        x[0] = 9
        return x, [text, "%s" % x[0]]  # noqa: UP031

    x, texts = td.jit(f)(np.ones(2))
    assert x.tolist() == [9, 1] and texts == ["[1. 1.] 1.00", "9.0"] and type(texts[0]) is str


def test_errors_with_run_time_values_end_at_the_raise_and_have_their_cause():
    def f(x, reason):
        if x[0] > 0:
            raise ValueError(f"bad {x[0]}") from reason
        return x

    reason = KeyError("reason")
    with pytest.raises(ValueError, match="bad 1.0") as found:
        td.jit(lambda x: f(x, reason))(np.ones(2))
    last = traceback.extract_tb(found.value.__traceback__)[-1]
    assert (last.filename, last.name) == (__file__, "f") and "raise ValueError" in last.line
    assert found.value.__cause__ is reason


def test_errors_on_every_path_with_run_time_values():
    def f(x):
        raise ValueError(f"always {x}")

    with pytest.raises(ValueError, match=r"always \[1. 1.\]"):
        td.jit(f)(np.ones(2))


def test_errors_with_run_time_values_keep_nothing():
    @td.jit
    def f(x):
        if x[0] > 0:
            raise ValueError(f"bad {x}")
        return x

    def call(count):
        for _ in range(count):
            try:
                f(x)
            except ValueError:
                continue
            pytest.fail("no error")

    x = np.ones(4)
    call(600)
    gc.collect()
    blocks = sys.getallocatedblocks()
    call(500)
    gc.collect()
    assert sys.getallocatedblocks() - blocks < 300
