"""Arrays seen as a wider dtype are loaded by whole words, after writes to their memory, too."""

import numpy as np
import pytest
import treadle as td
from treadle.codegen.llvm.words import word_of
from treadle.ir.expr import bitcast, cast, const, expression_scope, load, var
from treadle.ir.loops import Buffer

rng = np.random.default_rng(0)
PROGRAMS = {
    "plain": lambda x, wide: x.view(wide) + 0,
    "rows": lambda x, wide: x.reshape(4, -1)[::2].view(wide) + 0,
    "reversed rows": lambda x, wide: x.reshape(4, -1)[::-1].view(wide)[:, ::-1] + 0,
    "every second word": lambda x, wide: x.view(wide)[1::2] + 0,
    "picked": lambda x, wide: x.view(wide)[np.array([3, 0, 3, 1])] + 0,
    "one": lambda x, wide: x.view(wide)[2],
    "sum": lambda x, wide: np.sum(x.view(wide) >> 3 if np.dtype(wide).kind == "u" else x.view(wide)),
}


def written(x, wide):
    x[3:] = x[2:-1].copy()
    y = x.view(wide)
    first = y + 0
    x[::3] = 1
    return first, y + 0


def one_after_the_other(x, wide):
    y = x.view(wide)
    for i in range(1, len(y)):
        x[len(x) // len(y) * i] = x[i - 1]
        y[i] = y[i] ^ y[i - 1] if y.dtype.kind == "u" else -y[i]
    return y + 0


@pytest.mark.parametrize("narrow, wide", [("u1", "u8"), ("u1", "u2"), ("i1", "u4"), ("?", "u8"), ("u2", "u4"), ("i4", "u8"),
                                          ("u4", "f8"), ("u1", "f4"), ("f4", "u8"), ("c8", "u8"), ("c8", "c16")])
@pytest.mark.parametrize("f", [*PROGRAMS.values(), written, one_after_the_other], ids=[*PROGRAMS, "written", "one after the other"])
def test_wider_views(f, narrow, wide):
    for n in (64, 192, 1088):
        x = rng.integers(0, 2 if narrow == "?" else 100, n).astype(narrow)
        got, want = (g(x.copy(), wide) for g in (td.jit(lambda x, _: f(x, wide)), f))
        for a, b in zip(got, want) if isinstance(want, tuple) else ((got, want),):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b) if f is not PROGRAMS["sum"] else np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.fixture
def expressions():
    with expression_scope():
        yield


@pytest.mark.usefixtures("expressions")
def test_what_is_a_word():
    x, y = (Buffer(name, "u8", (const(64),), place="arg") for name in "xy")
    i = var("i")

    def together(loads, bits=8):
        total = cast(loads[0], "u32")
        for k, e in enumerate(loads[1:], 1):
            total = total | cast(e, "u32") << const(bits * k, "u32")
        return total

    word = word_of(together([load(x, (i * 4 + k,)) for k in range(4)]))
    assert word is not None and word.buffer is x and word.index == (i * 4,) and word.count == 4
    signed = Buffer("z", "i8", (const(64),), place="arg")
    assert word_of(together([bitcast(load(signed, (i + k,)), "u8") for k in range(4)])) is not None
    for loads in ([load(x, (i * 4 + k,)) for k in range(3)], [load(x, (i * 4 - k,)) for k in range(4)],
                  [load(x, (i * 4 + 2 * k,)) for k in range(4)], [load((x, y)[k % 2], (i + k,)) for k in range(4)],
                  [load(signed, (i + k,)) for k in range(4)]):
        assert word_of(together(loads)) is None
    assert word_of(together([load(x, (i + k,)) for k in range(4)], 4)) is None
    spread = Buffer("s", "u8", (const(64),), place="arg", strides=(const(2),))
    assert word_of(together([load(spread, (i + k,)) for k in range(4)])) is None
