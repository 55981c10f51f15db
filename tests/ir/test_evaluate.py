"""The reference evaluator: regions, weak values, types checked after every op, the user's exceptions."""

import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.errors import VerificationError
from treadle.ir.evaluate import evaluate, evaluate_in_place
from treadle.ir.parse import parse

POWER = """\
func f(%x: f64[2], %n: py.int, %limit: f64) -> (f64[2], py.int, bool) {
  %0: py.int = const 0
  %1: py.int = const 1
  %2: bool = const False
  %a: f64[2], %n2: py.int, %stop: bool = for %0, %n, %1, %x, %0, %2 {until=2} body(%i: py.int, %c: f64[2], %k: py.int, %s: bool) {
    %3: f64[2] = multiply %c, %x
    %4: f64 = reduce_max %3 {axes=(0,)}
    %5: bool = greater %4, %limit
    yield %3, %i, %5
  }
  return %a, %n2, %stop
}
"""


def test_a_loop_ends_at_its_bound_or_when_until_says():
    f = parse(POWER)
    a, count, stop = evaluate(f, [np.array([2.0, 1.0]), 3, np.float64(1e9)])
    assert a.tolist() == [16.0, 1.0] and count == 2 and type(count) is int and not stop
    a, count, stop = evaluate(f, [np.array([2.0, 1.0]), 30, np.float64(100.0)])
    assert a.tolist() == [128.0, 1.0] and count == 5 and stop
    assert evaluate(f, [np.array([2.0, 1.0]), 0, np.float64(1.0)])[0].tolist() == [2.0, 1.0]


WHILE = """\
func f(%x: f64) -> (f64) {
  %limit: f64 = const 100.0
  %a: f64 = while %x test(%c: f64) {
    %l: bool = less %c, %limit
    yield %l
  } body(%d: f64) {
    %e: f64 = add %d, %d
    yield %e
  }
  return %a
}
"""


def test_while_branches_and_calls():
    assert evaluate(parse(WHILE), [np.float64(3.0)])[0] == 192.0
    text = """\
func f(%c: bool, %x: f64[2]) -> (f64[2]) {
  %a: f64[2] = if %c then() {
    %b: f64[2] = call %x {callee=@g}
    yield %b
  } otherwise() {
    yield %x
  }
  return %a
}

func g(%y: f64[2]) -> (f64[2]) {
  %0: f64[2] = negative %y
  return %0
}
"""
    f = parse(text)
    x = np.array([1.0, 2.0])
    assert evaluate(f, [np.bool_(True), x])[0].tolist() == [-1, -2]
    assert evaluate(f, [np.bool_(False), x])[0].tolist() == [1, 2]


def test_extents_are_compared_with_values():
    f = parse("func f(%n: py.int, %x: f64[%n]) -> (f64[%n]) {\n  %0: f64[%n] = exp %x\n  return %0\n}")
    assert evaluate(f, [2, np.zeros(2)])[0].tolist() == [1, 1]
    with pytest.raises(VerificationError, match=r"a value of float64\[3\] where the type is f64\[2\]: argument x"):
        evaluate(f, [2, np.zeros(3)])
    with pytest.raises(VerificationError, match="a value of int64 where the type is py.int"):
        evaluate(f, [np.int64(2), np.zeros(2)])
    with pytest.raises(TypeError, match="takes 2 arguments, 1 were given"):
        evaluate(f, [2])
    wrong = parse("func f(%x: f64[2]) -> (f64[3]) {\n  %0: f64[3] = negative %x   # a.py:1\n  return %0\n}")
    with pytest.raises(VerificationError, match=r"float64\[2\] where the type is f64\[3\]: %0: f64\[3\] = negative"):
        evaluate(wrong, [np.zeros(2)])


def test_the_programs_own_exception_passes_through():
    f = parse("func f(%i: i64[2]) -> (i64[2]) {\n  %0: i64[2] = check_index %i {axis=1, extent=5}\n  return %0\n}")
    assert evaluate(f, [np.array([-1, 4])])[0].tolist() == [4, 4]
    with pytest.raises(IndexError, match="index 5 is out of bounds for axis 1 with size 5"):
        evaluate(f, [np.array([0, 5])])


def test_outputs_into_arguments_are_written_there_only_on_request():
    f = parse("func f(%x: f64[2] {strides=(1,)}) -> (f64[2] {into=%x}, f64[2] {}) {\n"
              "  %0: f64[2] = negative %x\n  return %0, %x\n}")
    x = np.array([1.0, 2.0])
    assert [v.tolist() for v in evaluate(f, [x])] == [[-1, -2], [1, 2]] and x.tolist() == [1, 2]
    assert len(evaluate_in_place(f, [x])) == 1 and x.tolist() == [-1, -2]
