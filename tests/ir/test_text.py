"""Printing and parsing are inverse, on generated programs and on every form of attribute."""

import numpy as np
import pytest
from treadle.ir.builder import Builder, Slot
from treadle.ir.evaluate import evaluate
from treadle.ir.graph import Block, Function, Op, Output, Parameter
from treadle.ir.loc import Loc
from treadle.ir.parse import ParseError, parse
from treadle.ir.text import show, show_attr
from treadle.ir.types import DTYPES, PY_INT, TOKEN, ArrayType
from treadle.ir.verify import verify
from treadle.ir.viewmap import Axis
from treadle.ir.walk import clone_function

from tests.ir.generated import generate

PLEASANT = """\
func f(%x: f64[3, 4] {strides=(4, 1)}, %n: py.int {}) -> (f64[3, 4] {layout=(1, 0)}, f64[3, 4] {into=%x}) {
  %0: f64 = const 2.0
  %1: f64[3, 4] = broadcast %0 {dims=(3, 4)}
  %2: f64[3, 4] = multiply %x, %1   # prog.py:7
  %3: f64[3, 4] = negative %2   # prog.py:8
  return %2, %3
}
"""


def test_the_text_is_pleasant_and_comes_back():
    f = verify(parse(PLEASANT))
    assert show(f) == PLEASANT
    assert f.parameters == [Parameter("x", (4, 1)), Parameter("n")]
    assert f.outputs == [Output((1, 0)), Output(None, 0)]
    assert [op.loc and op.loc.line for op in f.block.ops] == [None, None, 7, 8]
    x = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(evaluate(f, [x, 3])[1], -2 * x)


@pytest.mark.parametrize("seed", range(60))
def test_generated_programs_come_back(seed):
    f, args = generate(seed, run_time=bool(seed % 2))
    verify(f)
    text = show(f)
    g = verify(parse(text))
    assert show(g) == text
    assert show(clone_function(f)) == text
    assert g.parameters == f.parameters and g.outputs == f.outputs
    for a, b in zip(evaluate(f, args), evaluate(g, args), strict=True):
        np.testing.assert_array_equal(a, b)


ATTRS = [None, True, False, 3, -4, 1.5, -0.0, 1e-300, 1e22, float("inf"), float("-inf"), complex(float("nan"), -0.0),
         complex(1, -2), "f64", "i8", "py.int", "two words", "it's \"q\"\n#", "None", "view", (), (1,), ((1, 2), (3,)),
         [1, "a"],
         Slot(2), (Axis(), Axis(5), Axis(0, ((1, 0),)), Axis(Slot(1), ((2, 1), (-1, 0)))), (Slot(1), 3), np.dtype("f4"),
         ArrayType(np.dtype("i8"), (2, 0)), ArrayType(np.dtype(bool)), PY_INT, TOKEN, np.float32(1.5),
         np.int8(-3), np.bool_(True)]


@pytest.mark.parametrize("value", ATTRS, ids=repr)
def test_attributes_come_back(value):
    f = Function("f", Block())
    f.block.append(Op("anything", [], {"a": value, "b": 1}, []))
    back = parse(show(f)).block.ops[0].attrs
    assert repr(back["a"]) == repr(value) and type(back["a"]) is type(value) and back["b"] == 1


def test_a_nan_constant_comes_back():
    assert np.isnan(parse("func f() -> (f64) {\n  %0: f64 = const nan\n  return %0\n}").block.ops[0].attrs["value"])
    assert show_attr(float("nan")) == "nan"


def test_every_dtype_has_a_name():
    b = Builder(Block())
    for dtype in DTYPES.values():
        b.block.yields.append(b.constant(1, ArrayType(dtype)))
    text = show(Function("f", b.block))
    assert [v.dtype for v in parse(text).block.yields] == list(DTYPES.values())


def test_names_are_kept_apart():
    f = Function("f", Block(), [Parameter("a b[0]", ())])
    x = f.block.add_arg(ArrayType(DTYPES["f64"]), "a b[0]")
    for name in ("x", "x", "x_1", "7"):
        f.block.append(Op("negative", [x], {}, [x.type])).results[0].name = name
    text = show(f)
    assert show(parse(text)) == text
    assert parse(text).parameters[0].name == "a b[0]"
    assert [line.split(":")[0].strip() for line in text.splitlines()[1:5]] == ["%x", "%x_1", "%x_1_1", "%0"]


CALLS = """\
func f(%x: f64[3]) -> (f64[3]) {
  %0: f64[3] = call %x {callee=@g}
  %1: f64[3] = call %0 {callee=@g}
  return %1
}

func g(%y: f64[3]) -> (f64[3]) {
  %0: f64[3] = negative %y
  return %0
}
"""


def test_called_functions_follow_and_are_shared():
    f = parse(CALLS)
    assert show(f) == CALLS
    first, second = f.block.ops
    assert first.attrs["callee"] is second.attrs["callee"]
    assert show(clone_function(f)) == CALLS


DEPENDENT = """\
func f(%n: py.int, %x: f64[%n]) -> (py.int, f64[%0]) {
  %0: py.int, %1: f64[%0] = for %n, %n, %n, %n, %x {until=None} body(%i: py.int, %m: py.int, %y: f64[%m]) {   # a.py:3
    %2: f64[%m] = negative %y
    yield %m, %2
  }
  return %0, %1
}
"""


def test_extents_may_be_values():
    f = parse(DEPENDENT)
    assert show(f) == DEPENDENT
    assert f.block.ops[0].loc == Loc("a.py", 3)
    assert f.block.ops[0].results[1].dims == (f.block.ops[0].results[0],)


@pytest.mark.parametrize("text, message", [
    ("func f() -> () {\n  %0: f99 = const 1.0\n  return\n}", "line 2: a type wanted, 'f99' found"),
    ("func f() -> () {\n  return %0\n}", "line 2: a value defined before wanted"),
    ("func f() -> () {\n  ?\n}", "line 2: cannot read"),
    ("func f() -> () {\n  call {callee=@g}\n  return\n}", "no function g"),
])
def test_wrong_text_is_named_with_its_line(text, message):
    with pytest.raises(ParseError, match=message.replace("?", r"\?")):
        parse(text)
