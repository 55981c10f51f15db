"""Conditions on extents as programs: true where the guards hold, and no longer than they must be."""

import operator

import numpy as np
import pytest
from treadle.compiler.extent_programs import of_guards, of_known, position_of_argument
from treadle.compiler.known import Known, KnownInput, KnownResult, ValueGuard
from treadle.compiler.sources import Argument, Call, Extent
from treadle.compiler.strides import Comparison

EXTENT = [KnownInput(5, Extent(Argument(0), axis, axis)) for axis in (0, 1)]
COMPARE = (operator.ge, operator.gt, operator.le, operator.lt, operator.eq, operator.ne)
BINARY = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "max": max, "min": min, "and": operator.and_,
          "floordiv": operator.floordiv, **{f.__name__: f for f in COMPARE}}


def value(size, x):
    if isinstance(size, int):
        return size
    if size[0] == "extent":
        return x.shape[size[2]]
    return int(BINARY[size[0]](*[value(s, x) for s in size[1:]]))


def known(rng, depth):
    pick = rng.integers(0, 6 if depth else 2)
    if pick == 0:
        return Known(int(rng.integers(-6, 7)))
    if pick == 1:
        return EXTENT[rng.integers(0, 2)]
    fn = (operator.add, operator.sub, operator.mul, max)[pick - 2]
    return KnownResult(0, fn, (known(rng, depth - 1), known(rng, depth - 1)))


@pytest.mark.parametrize("seed", range(3))
def test_conditions(seed):
    rng = np.random.default_rng(seed)
    for _ in range(150):
        guards = []
        for _ in range(rng.integers(1, 5)):
            compare = COMPARE[rng.integers(0, 6)]
            if rng.integers(0, 2):
                fn = Comparison(compare, (((), int(rng.integers(-20, 20))), ((0,), int(rng.integers(-3, 4)))))
                truth = KnownResult(True, fn, (EXTENT[0],))
            else:
                truth = KnownResult(True, compare, (known(rng, 2), known(rng, 1)))
            guards.append(ValueGuard(truth, bool(rng.integers(0, 2))))
        program = of_guards(guards, position_of_argument)
        for n in range(2, 12):
            x = np.zeros((n, 2 + n * 7 % 5))
            call = Call((x,), {}, [])
            assert bool(value(program, x)) == all(bool(g.known.evaluate(call)) == g.expected for g in guards)


def test_conditions_that_follow_from_others_are_left_out():
    n = EXTENT[0]
    guards = [ValueGuard(KnownResult(True, Comparison(f, (((), -24), ((0,), 8))), (n,)), e)
              for f, e in ((operator.eq, False), (operator.ge, True), (operator.lt, False))]
    guards.append(ValueGuard(KnownResult(True, operator.ge, (KnownResult(3, operator.add, (n, Known(-2))), Known(2))), True))
    assert of_guards(guards, position_of_argument) == ("and", 1, ("ge", ("extent", 0, 0), 4))


def test_what_is_no_extent_has_no_program():
    assert of_known(KnownInput(3, Argument(0)), position_of_argument) is None
    assert of_known(KnownResult(1.5, operator.truediv, (EXTENT[0], Known(2))), position_of_argument) is None
    assert of_known(KnownResult(3, operator.floordiv, (EXTENT[0], EXTENT[1])), position_of_argument) is None
