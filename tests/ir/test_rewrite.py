"""The rewrite engine: patterns, tables, the driver, its record, its speed."""

import sys

import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.builder import Builder
from treadle.ir.errors import VerificationError
from treadle.ir.graph import Block, Function
from treadle.ir.parse import parse
from treadle.ir.rewrite import Rule, RuleTable, any_value, constant, made, rewrite, uniform, with_trait
from treadle.ir.text import show
from treadle.ir.types import DTYPES, ArrayType
from treadle.ir.verify import verify
from treadle.passes.dce import dce
from treadle.passes.simplify import simplify

X, Y = any_value("x"), any_value("y")


def program(*lines, ret="%b", args="%x: f64[3], %y: f64[3]", type="f64[3]"):
    return parse(f"func f({args}) -> ({type}) {{\n" + "".join(f"  {line}\n" for line in lines) + f"  return {ret}\n}}\n")


def after(function, *rules):
    record = []
    verify(dce(rewrite(function, RuleTable("test", rules), record)))
    return [op.name for op in function.block.ops], record


def test_patterns_capture_values_ops_and_constants():
    f = program("%a: f64[3] = multiply %x, %y   # u.py:4", "%b: f64[3] = exp %a   # u.py:5")
    rule = Rule("exp(x * y) -> sin(y)", made("exp", made("multiply", X, Y, capture="inner")),
                lambda b, m: b.sin(m.y) if m.inner.name == "multiply" and m.x is f.block.args[0] else None)
    names, record = after(f, rule)
    assert names == ["sin"] and [str(r) for r in record] == ["exp(x * y) -> sin(y)   at exp, u.py:5"]
    assert f.block.ops[0].loc.line == 5
    f = program("%k: f64 = const 3.0", "%o: f64[3] = broadcast %k {dims=(3,)}", "%b: f64[3] = add %o, %x")
    assert uniform(f.block.ops[1].result).attrs["value"] == 3.0
    names, _ = after(f, Rule("x + 3 -> -x", made("add", X, constant("c", lambda c, v: c == 3)), lambda b, m: b.negative(m.x)))
    assert names == ["negative"]


def test_the_same_name_is_the_same_value_and_order_is_free_only_where_it_is():
    def fires(line, pattern):
        f = program("%a: f64[3] = negative %y", line)
        return bool(after(f, Rule("test", pattern, lambda b, m: m.x))[1])

    assert fires("%b: f64[3] = add %x, %a", made("add", made("negative", Y), X))
    assert not fires("%b: f64[3] = subtract %x, %a", made("subtract", made("negative", Y), X))
    assert fires("%b: f64[3] = add %x, %x", made("add", X, X))
    assert not fires("%b: f64[3] = add %x, %y", made("add", X, X))


def test_tables_add_and_the_first_rule_wins():
    one = RuleTable("one", [Rule("a", made("exp", X), lambda b, m: b.sin(m.x))])
    two = RuleTable("two", [Rule("b", made("exp", X), lambda b, m: b.cos(m.x))])
    for table, name in ((one + two, "sin"), (two + one, "cos")):
        f = rewrite(program("%b: f64[3] = exp %x"), table)
        assert [op.name for op in f.block.ops] == [name]
    assert (one + two).name == "one + two"
    assert "negative" in with_trait("involution")


def test_what_a_rule_makes_is_rewritten_and_equal_ops_are_shared():
    f = program("%a: f64[3] = exp %x", "%c: f64[3] = exp %x", "%b: f64[3] = add %a, %c")
    rules = [Rule("exp -> sin", made("exp", X), lambda b, m: b.sin(m.x)),
             Rule("sin -> cos", made("sin", X), lambda b, m: b.cos(m.x))]
    names, record = after(f, *rules)
    assert names == ["cos", "add"] and [r.rule for r in record].count("exp -> sin") == 2


def test_regions_and_called_functions_are_rewritten():
    f = parse("""\
func f(%c: bool, %x: f64[3]) -> (f64[3]) {
  %r: f64[3] = if %c then() {
    %a: f64[3] = exp %x
    yield %a
  } otherwise() {
    %d: f64[3] = call %x {callee=@g}
    yield %d
  }
  return %r
}

func g(%x: f64[3]) -> (f64[3]) {
  %a: f64[3] = exp %x
  return %a
}
""")
    rewrite(f, RuleTable("test", [Rule("exp -> sin", made("exp", X), lambda b, m: b.sin(m.x))]))
    assert show(verify(f)).count("sin") == 2 and "exp" not in show(f)


def test_wrong_rules_are_named():
    with pytest.raises(VerificationError, match="the rule 'bad' makes f32"):
        after(program("%b: f64[3] = exp %x"), Rule("bad", made("exp", X), lambda b, m: b.cast(m.x, dtype="f32")))
    back_and_forth = [Rule("a", made("exp", X), lambda b, m: b.sin(m.x)), Rule("b", made("sin", X), lambda b, m: b.exp(m.x))]
    with pytest.raises((VerificationError, RecursionError), match="do not come to rest|recursion"):
        after(program("%b: f64[3] = exp %x"), *back_and_forth)


def big_graph(count):
    b = Builder(Block([ArrayType(np.dtype("f8"), (8, 8))]))
    values = list(b.block.args)
    rng = np.random.default_rng(0)
    one, half = b.full(1.0, values[0].type), b.full(0.5, values[0].type)
    while len(b.block.ops) < count:
        x, y = (values[-1 - int(k)] for k in rng.integers(0, min(10, len(values)), 2))
        made_now = [lambda: b.add(x, y), lambda: b.multiply(x, one), lambda: b.exp(x), lambda: b.multiply(x, half),
                    lambda: b.negative(b.negative(x)), lambda: b.transpose(x, axes=(1, 0)), lambda: b.subtract(x, y)]
        values.append(made_now[rng.integers(len(made_now))]())
    b.block.yields = [values[-1]]
    return Function("f", b.block)


def calls_made(function, *args):
    """How many Python functions a call of `function` enters: its work, whatever else the machine does."""
    entered = [0]

    def count(frame, event, arg):
        entered[0] += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function(*args)
    finally:
        sys.setprofile(before)
    return entered[0]


def test_the_work_grows_with_the_graph_alone():
    simplify(big_graph(100))
    few, many = (calls_made(simplify, big_graph(n)) for n in (250, 1000))
    assert many < 5 * few
    assert few < 250 * 150
    f = big_graph(500)
    simplify(f)
    verify(f)
    assert DTYPES["f64"] == f.block.yields[0].dtype
