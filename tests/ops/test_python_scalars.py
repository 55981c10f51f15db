"""Python scalars: the formulas and their refusals, evaluated on edge values, against Python itself."""

import itertools
import math
from contextlib import contextmanager

import numpy as np
import pytest
import treadle.ir.ops  # noqa: F401
from treadle.ir.builder import Builder
from treadle.ir.evaluate import evaluate
from treadle.ir.evaluate_expr import evaluate_expr
from treadle.ir.expr import expression_scope, var
from treadle.ir.graph import Block, Function, Op, Value
from treadle.ir.opdef import OPS, Checked, Complex
from treadle.ir.scalar import scalar_type
from treadle.ir.types import DTYPES, ArrayType, WeakType
from treadle.ir.verify import verify

MAX = (1 << 63) - 1
INTS = [0, 1, -1, 2, -2, 3, 7, -7, 10, 62, 63, 64, 65, 1000, -1000, 2**31, -(2**31), 3037000499, 3037000500, -3037000500,
        2**53, 2**53 + 1, 2**53 - 1, -(2**53) - 1, 2**62, -(2**62), MAX, -MAX, -MAX - 1, MAX - 700, 123456789123456789]
FLOATS = [0.0, -0.0, 0.5, 1.0, -1.0, 2.0, -2.0, 2.5, -3.7, 1e-300, 1e300, -1e300, 5e-324, 1e308, 2.0**63, -(2.0**63),
          2.0**53, 1e19, math.inf, -math.inf, math.nan]
COMPLEXES = [complex(a, b) for a in (0.0, 1.0, -2.5, 1e200) for b in (0.0, -1.0, 3.0)]
VALUES = {"bool": [False, True], "int": INTS, "float": FLOATS, "complex": COMPLEXES}


class Recorder:
    """A lowering context over given scalars that records what would be raised."""

    def __init__(self, scalars):
        self.scalars, self.condition, self.raised = scalars, None, []

    def read(self, operand, index):
        return self.scalars[operand]

    @contextmanager
    def branch(self, condition):
        self.condition = condition
        yield

    def raise_error(self, exception, message, details=()):
        self.raised.append((self.condition, exception, message, details))


def scalar_of(name, type_, variables, values):
    x = np.array(values, type_.dtype)
    if type_.dtype.kind == "c":
        variables[name + ".re"], variables[name + ".im"] = x.real.copy(), x.imag.copy()
        return Complex(var(name + ".re", "f64"), var(name + ".im", "f64"))
    variables[name] = x
    return var(name, scalar_type(type_.dtype))


def type_of(name):
    return WeakType(name[3:]) if name.startswith("py.") else ArrayType(DTYPES[name])


def compiled(op, columns):
    """What the lowering says for each row: a value, or (exception, message)."""
    variables, n = {}, len(columns[0])
    with expression_scope():
        scalars = [scalar_of(f"x{k}", v.type, variables, c) for k, (v, c) in enumerate(zip(op.operands, columns, strict=True))]
        lower, raised = OPS[op.name].lower, []
        if isinstance(lower, Checked):
            recorder = Recorder(scalars)
            lower.fn(recorder, op)
            raised = recorder.raised
            result = lower.element(recorder, op, ())
        else:
            result = lower.fn(*scalars)
        parts = [np.broadcast_to(evaluate_expr(e, variables), n) for e in (result if isinstance(result, Complex) else [result])]
        outcomes = [complex(*row) if len(row) == 2 else row[0].item() for row in zip(*parts, strict=True)]
        for condition, exception, message, details in reversed(raised):
            where = np.broadcast_to(evaluate_expr(condition, variables), n)
            values = [np.broadcast_to(evaluate_expr(d, variables), n) for d in details]
            for i in np.flatnonzero(where):
                outcomes[i] = (exception, message.format(*[int(v[i]) for v in values]))
    return outcomes


def expected(op, row):
    try:
        (value,) = OPS[op.name].evaluate(np, list(row), op.attrs, [r.type for r in op.results])
    except (ArithmeticError, ValueError) as e:
        return (type(e).__name__, str(e))
    return value if type(value) in (bool, int, float, complex) else value[()].item()


def agree(got, want, name):
    if isinstance(want, tuple) or isinstance(got, tuple):
        return got == want
    if isinstance(want, complex):
        close = abs(got - want) <= 8e-16 * abs(want) * (100 if name == "py_power" else 1) or got == want
        return close or (math.isnan(abs(want)) and math.isnan(abs(got)))
    if isinstance(want, float):
        same = got == want and math.copysign(1, got) == math.copysign(1, want)
        near = name in ("py_power", "py_absolute") and math.isclose(got, want, rel_tol=4e-16)
        return same or near or (math.isnan(want) and math.isnan(got))
    return type(got) is type(want) and got == want


def cases():
    for name, op in OPS.items():
        if name.startswith("py_") and name != "py_cast":
            for sample in op.samples:
                yield pytest.param(name, sample.dtypes, id="-".join([name, *sample.dtypes]))


@pytest.mark.parametrize("name, dtypes", list(cases()))
def test_agrees_with_python(name, dtypes):
    operands = [Value(type_of(d)) for d in dtypes]
    op = Op(name, operands, {}, OPS[name].infer(operands, {}))
    rows = list(itertools.product(*[VALUES[d[3:]] for d in dtypes]))
    if name == "py_left_shift":
        rows = [r for r in rows if r[1] <= 1000]  # Python would build the number
    if name == "py_power" and dtypes[0] == "py.int":
        rows = [r for r in rows if abs(r[1]) <= 1000 or abs(r[0]) <= 1]
    got = compiled(op, list(zip(*rows, strict=True)))
    want = [expected(op, r) for r in rows]
    wrong = [(r, g, w) for r, g, w in zip(rows, got, want, strict=True) if not agree(g, w, name)]
    assert not wrong, f"{len(wrong)} of {len(rows)}: {wrong[:6]}"


@pytest.mark.parametrize("to", ["py.int", "i8", "u8", "i32", "u32", "i64", "u64"])
@pytest.mark.parametrize("of", ["py.int", "py.float", "f32", "u64", "i64"])
def test_checked_conversions(of, to):
    values = {"py.int": INTS, "i64": INTS, "py.float": FLOATS, "u64": [0, 1, 127, 128, 2**63 - 1, 2**63, 2**64 - 1],
              "f32": [0.0, 1.5, -0.5, -1.0, 127.9, 128.0, 255.9, 3e9, 1e19, math.inf, math.nan]}[of]
    operand = Value(type_of(of))
    op = Op("py_cast", [operand], {"dtype": to}, OPS["py_cast"].infer([operand], {"dtype": to}))
    got = compiled(op, [values])
    for v, g in zip(values, got, strict=True):
        w = expected(op, [type_of(of).dtype.type(v) if of[:2] != "py" else v])
        # The message of a value beyond 64 bits cannot show it.
        same_error = isinstance(w, tuple) and isinstance(g, tuple) and g[0] == w[0] and not -MAX <= v <= MAX
        assert same_error or agree(g, w, "py_cast"), (v, g, w)


def test_messages_are_those_of_python_and_numpy():
    operand = Value(type_of("py.int"))
    divide = Op("py_divide", [operand, operand], {}, [WeakType("float")])
    assert compiled(divide, [[1], [0]]) == [("ZeroDivisionError", "division by zero")]
    with pytest.raises(OverflowError) as numpy_error:
        np.int8(300)
    narrow = Op("py_cast", [operand], {"dtype": "i8"}, [ArrayType(np.dtype("i1"))])
    assert compiled(narrow, [[300]]) == [("OverflowError", str(numpy_error.value))]


def test_kinds_do_not_mix():
    with pytest.raises(TypeError, match="py_add is not defined on int, float"):
        OPS["py_add"].infer([Value(WeakType("int")), Value(WeakType("float"))], {})


def run_weak(values, build):
    """Evaluate a function of Python scalars."""
    block = Block([WeakType(type(v).__name__) for v in values])
    block.yields = list(build(Builder(block), block.args))
    return evaluate(verify(Function("f", block)), list(values))


@pytest.mark.parametrize("name, point", [
    ("py_add", (1.5, 2.0)), ("py_subtract", (1.5, 2.0)), ("py_multiply", (1.5, 2.0)), ("py_divide", (1.5, 2.0)),
    ("py_remainder", (7.5, 2.0)), ("py_power", (1.5, 2.5)), ("py_negative", (1.5,)), ("py_absolute", (-1.5,)),
    ("py_multiply", (1 + 2j, 3 - 1j)), ("py_divide", (1 + 2j, 3 - 1j)), ("py_absolute", (3 + 4j,)),
    ("py_floor_divide", (7.5, 2.0)),
])
def test_derivatives_of_floats(name, point):
    h, n = 1e-6, len(point)
    moves = [type(v)(0.5 + k) for k, v in enumerate(point)]

    def tangent(b, values):
        results = b.emit(name, values[:n])
        (t,) = OPS[name].jvp(b, values[:n], values[n:], results, {})
        assert t is None or t.type == results[0].type
        return [b.constant(0.0) if t is None else t]

    (got,) = run_weak([*point, *moves], tangent)
    ends = [run_weak([v + s * h * m for v, m in zip(point, moves, strict=True)], lambda b, v: b.emit(name, v))[0] for s in (1, -1)]
    assert abs(got - (ends[0] - ends[1]) / (2 * h)) < 1e-8


def test_ints_have_no_tangent():
    def build(b, values):
        results = b.emit("py_divide", values)
        assert OPS["py_divide"].jvp(b, values, [None, None], results, {}) == [None]
        return results

    assert run_weak([3, 2], build) == [1.5]


@pytest.mark.parametrize("name", ["py_less", "py_equal", "py_not_equal", "py_greater_equal"])
@pytest.mark.parametrize("flags", [(True, False), (False, True), (True, True)])
def test_comparisons_over_lanes(name, flags):
    lanes = [(1.0, 2.0), (2.0, 2.0), (3.0, 2.0)]
    args = [np.array([lane[k] for lane in lanes]) if f else lanes[0][k] for k, f in enumerate(flags)]
    block = Block([ArrayType(np.dtype("f8"), (3,)) if f else WeakType("float") for f in flags])
    block.yields = list(OPS[name].batch(Builder(block), block.args, flags, 3, {}))
    (got,) = evaluate(verify(Function("f", block)), args)
    want = [OPS[name].evaluate(np, [lane[k] if f else lanes[0][k] for k, f in enumerate(flags)], {}, [WeakType("bool")])[0]
            for lane in lanes]
    np.testing.assert_array_equal(got, want)
