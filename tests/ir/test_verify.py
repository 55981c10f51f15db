"""The verifier accepts generated programs (elsewhere) and names the fault in each wrong one."""

import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.errors import VerificationError
from treadle.ir.graph import Block, Function, Op, Output, Value
from treadle.ir.parse import parse
from treadle.ir.types import DTYPES, ArrayType
from treadle.ir.verify import verify

LOOP = """\
func f(%x: f64[3], %n: py.int, %y: f64[%n]) -> (f64[3]) {{
  %z: py.int = const 0
  %c: bool = const True
  %a: f64[3] = for %z, %n, %z, %x {{until=None}} body({args}) {{
    yield {yields}
  }}
  return %a
}}
"""

WRONG = {
    "the type rule gives f64\\[3\\], the results have f64\\[4\\]":
        "func f(%x: f64[3]) -> () {\n  %0: f64[4] = negative %x\n  return\n}",
    "the type rule rejects it: ValueError": "func f(%x: f64[3], %y: f64[4]) -> () {\n  %0: f64[4] = add %x, %y\n  return\n}",
    "the type rule rejects it: TypeError": "func f(%x: bool[3]) -> () {\n  %0: bool[3] = negative %x\n  return\n}",
    "there is no such op": "func f(%x: f64[3]) -> () {\n  %0: f64[3] = nonsense %x\n  return\n}",
    "no attribute axes": "func f(%x: f64[3]) -> () {\n  %0: f64[3] = negative %x {axes=1}\n  return\n}",
    "stands for an operand that is not there":
        "func f(%x: f64[3]) -> () {\n  %0: f64[3] = broadcast %x {dims=($1,)}\n  return\n}",
    "a loop yields other types than it carries": LOOP.format(args="%i: py.int, %q: f64[3]", yields=""),
    "carried values: number 0 is f64\\[3\\] here and f64\\[2\\] there": LOOP.format(args="%i: py.int, %q: f64[2]", yields="%q"),
    "the index has the type of the start": LOOP.format(args="%i: i64, %q: f64[3]", yields="%q"),
    "a loop yields other": LOOP.format(args="%i: py.int, %q: f64[3]", yields="%y"),
    "is of type f64": "func f(%n: f64, %x: f64[%n]) -> () {\n  return\n}",
    "an output goes into a read-only argument":
        "func f(%x: f64[3] {strides=(1,), readonly}) -> (f64[3] {into=%x}) {\n  return %x\n}",
    "two outputs are written into argument 0":
        "func f(%x: f64[3] {strides=(1,)}) -> (f64[3] {into=%x}, f64[3] {into=%x}) {\n  return %x, %x\n}",
    "an output and the argument it is written into":
        "func f(%x: f64[3] {strides=(1,)}, %y: f32[3] {}) -> (f64[3] {into=%y}) {\n  return %x\n}",
    "no order of 1 axes": "func f(%x: f64[3] {strides=(1,)}) -> (f64[3] {layout=(1,)}) {\n  return %x\n}",
    "the strides of x have another rank": "func f(%x: f64[3] {strides=(1, 1)}) -> () {\n  return\n}",
    "a branch takes no arguments": """\
func f(%c: bool) -> () {
  if %c then(%x: f64) {
    yield
  } otherwise() {
    yield
  }
  return
}""",
    "a fused region reads a value that is not an operand": """\
func f(%x: f64[3]) -> () {
  %0: f64[3] = fused %x body(%y: f64[3]) {
    %1: f64[3] = add %y, %x
    yield %1
  }
  return
}""",
    "a fused region has an effect: check_index": """\
func f(%x: i64[3]) -> () {
  %0: i64[3] = fused %x body(%y: i64[3]) {
    %1: i64[3] = check_index %y {axis=0, extent=5}
    yield %1
  }
  return
}""",
    "what the callee takes and returns: number 0": """\
func f(%x: f64[3]) -> () {
  %0: f64[4] = call %x {callee=@g}
  return
}

func g(%y: f64[4]) -> (f64[4]) {
  return %y
}""",
    "the token": """\
func f(%t: token, %x: f64[3]) -> () {
  %0: f64[3] = while %x test(%a: f64[3]) {
    %c: bool = const True
    %1: token = while %t test(%d: token) {
      yield %c
    } body(%e: token) {
      yield %e
    }
    yield %c
  } body(%b: f64[3]) {
    yield %b
  }
  return
}""",
}
WRONG["a loop captures a token"] = WRONG.pop("the token")


@pytest.mark.parametrize("message", WRONG)
def test_wrong_programs_are_refused(message):
    with pytest.raises(VerificationError, match=message):
        verify(parse(WRONG[message]))


def test_the_message_shows_the_place():
    lines = "".join(f"  %{k}: f64[3] = negative %x\n" for k in range(20))
    text = f"func name(%x: f64[3]) -> () {{\n{lines}  %a: f64[4] = exp %x   # user.py:77\n  return\n}}"
    with pytest.raises(VerificationError) as e:
        verify(parse(text))
    message = str(e.value)
    assert message.startswith("in name (op exp at user.py:77): the type rule gives f64[3]")
    assert "> " + "  %a: f64[4] = exp %x   # user.py:77" in message and "%19" in message and "%3:" not in message


def function(*ops, args=()):
    f = Function("f", Block())
    for a in args:
        f.block.args.append(a)
        a.block = f.block
    for op in ops:
        f.block.append(op)
    return f


F3 = ArrayType(DTYPES["f64"], (3,))


def test_structure_is_checked():
    x = Value(F3)
    late = Op("negative", [x], {}, [F3])
    early = Op("negative", [late.result], {}, [F3])
    with pytest.raises(VerificationError, match="used but not defined before"):
        verify(function(early, late, args=[x]))
    with pytest.raises(VerificationError, match="defined twice"):
        verify(function(late, late, args=[x]))
    elsewhere = function(late, args=[x])
    Block().append(late)
    with pytest.raises(VerificationError, match="another block"):
        verify(elsewhere)
    stray = Op("negative", [x], {}, [F3])
    stray.results[0].op = late
    with pytest.raises(VerificationError, match="belongs to another op"):
        verify(function(stray, args=[x]))


def test_a_value_of_a_region_is_not_visible_outside():
    c, x = Value(ArrayType(DTYPES["bool"])), Value(F3)
    inner = Op("negative", [x], {}, [F3])
    then, other = Block(), Block()
    then.append(inner)
    branch = Op("if", [c], {}, [], [then, other])
    f = function(branch, args=[c, x])
    f.block.yields = [inner.result]
    f.outputs = [Output()]
    with pytest.raises(VerificationError, match="yielded but not defined here"):
        verify(f)
