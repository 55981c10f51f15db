"""Temporaries whose size is known only while the function runs."""

import numpy as np
import pytest
import treadle
from treadle.ir.expr import const, expression_scope, var
from treadle.ir.loops import Alloc, Buffer, Call, For, LoopFunction, Raise, Store, walk
from treadle.passes.heap import heap


def doubling(levels):
    out = np.zeros(levels)
    half = 1
    for k in range(levels):
        ramp = np.sort(np.exp(-np.arange(half) / half))
        out[k] = ramp.sum() + ramp[-1]
        half *= 2
    return out


def doubling_up_to(levels, last):
    half = 1
    total = 0.0
    for k in range(levels):
        total += np.sort(np.arange(half) * 0.5)[-1]
        if k == last:
            raise ValueError("enough")
        half *= 2
    return total


def test_compiled_code_makes_room_as_it_goes():
    assert np.allclose(treadle.jit(doubling)(14), doubling(14), rtol=1e-13)


def test_room_is_given_back_when_an_error_is_raised():
    compiled = treadle.jit(doubling_up_to)
    for _ in range(3):
        with pytest.raises(ValueError, match="enough"):
            compiled(12, 11)
    assert compiled(12, 99) == doubling_up_to(12, 99)


def test_only_unbounded_temporaries_leave_the_arena():
    with expression_scope():
        bounded, unbounded = Buffer("a", "f64", (const(8),)), Buffer("b", "f64", (var("n"),))
        loop = For("i", const(0), const(4), [Alloc(bounded), Alloc(unbounded), Store(unbounded, (const(0),), const(0.0, "f64"))],
                   "par", threads=True)
        f = heap(LoopFunction("f", [], [("n", "i64")], [loop, Raise(0)]))
    assert unbounded.base is not None and bounded.base is None
    assert not loop.threads, "the threads would share one block"
    calls = [s.routine for s in walk(f.body) if isinstance(s, Call)]
    assert calls == ["heap_reserve", "heap_release", "heap_release", "heap_release"]
