"""What a trace reads outside its arguments is an input or a guard, and what it sets outside is done after the call."""

import dataclasses
import functools
import time
import types
from collections import namedtuple

import numpy as np
import pytest
from treadle.compiler.signature import signature
from treadle.compiler.trace import trace
from treadle.ir.errors import UnsupportedError

from tests.compiler.programs import call_traced, check, run_traced

WEIGHTS = np.arange(3.0)
SCALE = 2
TABLE = {"w": np.ones(3), "rate": 0.5, "steps": [1, 2]}
COUNT = 0
module = types.ModuleType("settings")
module.gain = 3.0


def x3():
    return np.arange(3.0)


def retraced(f, args, change):
    """Trace, change something, and tell whether the old trace still answers; compare with plain Python each time."""
    traced = trace(f, args(), {})
    call = args()
    got = call_traced(traced, call)
    np.testing.assert_array_equal(got, f(*args()))
    change()
    _, call = signature(args(), {})
    matches = traced.matches(call)
    if matches:
        np.testing.assert_array_equal(call_traced(traced, args()), f(*args()))
    np.testing.assert_array_equal(run_traced(f, args()), f(*args()))
    return matches


def test_global_array_is_read_anew(monkeypatch):
    def f(x):
        return x * WEIGHTS

    assert retraced(f, lambda: (x3(),), lambda: monkeypatch.setitem(globals(), "WEIGHTS", np.full(3, 7.0)))
    assert not retraced(f, lambda: (x3(),), lambda: monkeypatch.setitem(globals(), "WEIGHTS", np.full(3, 7)))
    WEIGHTS[0] = 100
    assert retraced(f, lambda: (x3(),), lambda: WEIGHTS.__setitem__(1, 50))


def test_global_number_is_a_guard(monkeypatch):
    assert not retraced(lambda x: x * SCALE, lambda: (x3(),), lambda: monkeypatch.setitem(globals(), "SCALE", 5))
    assert not retraced(lambda x: x * SCALE, lambda: (x3(),), lambda: monkeypatch.setitem(globals(), "SCALE", 5.0))


def test_global_container(monkeypatch):
    def f(x):
        return x * TABLE["w"] * TABLE["rate"] + TABLE["steps"][1]

    assert retraced(f, lambda: (x3(),), lambda: monkeypatch.setitem(TABLE, "w", np.full(3, 2.0)))
    assert not retraced(f, lambda: (x3(),), lambda: monkeypatch.setitem(TABLE, "rate", 0.25))
    assert not retraced(f, lambda: (x3(),), lambda: monkeypatch.setitem(TABLE, "steps", [1, 3]))


def test_module_attribute(monkeypatch):
    assert not retraced(lambda x: x * module.gain, lambda: (x3(),), lambda: monkeypatch.setattr(module, "gain", 4.0))


def helper(x):
    return x + 1


def test_function_is_guarded_by_identity_and_code(monkeypatch):
    def f(x):
        return helper(x)

    assert not retraced(f, lambda: (x3(),), lambda: monkeypatch.setitem(globals(), "helper", lambda x: x * 3))
    monkeypatch.undo()
    code = helper.__code__
    assert not retraced(f, lambda: (x3(),), lambda: setattr(helper, "__code__", (lambda x: x - 1).__code__))
    helper.__code__ = code


def test_closure(monkeypatch):
    def make():
        bias, scale = np.ones(3), 2.0

        def f(x):
            return x * scale + bias

        def change(b=None, s=None):
            nonlocal bias, scale
            bias, scale = (bias if b is None else b), (scale if s is None else s)
        return f, change

    f, change = make()
    assert retraced(f, lambda: (x3(),), lambda: change(b=np.full(3, 9.0)))
    assert not retraced(f, lambda: (x3(),), lambda: change(s=3.0))


class Model:
    shared = 10

    def __init__(self):
        self.w, self.count, self.log = np.arange(3.0), 2, []

    def step(self, x):
        self.w = self.w + x
        self.count += 1
        self.log.append(self.count)
        return self.w * self.count

    @property
    def doubled(self):
        return self.w * 2

    @staticmethod
    def plain(x):
        return x + 1

    @classmethod
    def of_class(cls, x):
        return x * cls.shared

    def __call__(self, x):
        return x + self.w


class Child(Model):
    def step(self, x):
        return super().step(x) + 1


def test_attributes_are_inputs_and_effects():
    check(lambda m, x: (m.step(x), m.doubled, m), lambda: (Model(), x3()))
    check(lambda m, x: (m.step(x), m.step(x), m.count), lambda: (Child(), x3()))
    check(lambda m, x: m.plain(x) + m.of_class(x) + m(x), lambda: (Model(), x3()))
    model = Model()
    assert retraced(model.__call__, lambda: (x3(),), lambda: setattr(model, "w", np.full(3, 4.0)))
    assert not retraced(lambda x: x * model.count, lambda: (x3(),), lambda: setattr(model, "count", 8))
    traced_model, plain_model = Model(), Model()
    run_traced(traced_model.step, (x3(),))
    plain_model.step(x3())
    np.testing.assert_array_equal(traced_model.w, plain_model.w)
    assert traced_model.count == plain_model.count == 3 and traced_model.log == [3]


def test_in_place_write_to_an_attribute():
    def f(m, x):
        m.w[1:] += x[1:]
        m.w *= 2

    model, plain = Model(), Model()
    same = model.w
    run_traced(f, (model, x3()))
    f(plain, x3())
    assert model.w is same
    np.testing.assert_array_equal(model.w, plain.w)


def test_containers_of_the_caller():
    def rebind(d, items, x):
        d["a"] = x * 2
        d["b"] += 1
        del d["c"]
        items.append(x)
        items[0] = x + 1
        return d, items, d["b"]

    check(rebind, lambda: ({"b": x3(), "c": 1}, [x3()], x3()))

    def nested(d, x):
        d["inner"]["list"].append(x[0])
        d["inner"]["n"] += 1
        d["pair"] = (d["pair"][1], x)
        return d["inner"]

    check(nested, lambda: ({"inner": {"list": [1], "n": 3}, "pair": (x3(), x3())}, x3()))
    check(lambda items, x: [items.pop(), items.insert(0, x), items.reverse(), items][::3], lambda: ([1, x3(), 2], x3()))


def test_globals_and_nonlocals_are_set(monkeypatch):
    monkeypatch.setitem(globals(), "COUNT", 0)

    def count(x):
        global COUNT
        COUNT += 1
        return x * COUNT

    assert run_traced(count, (x3(),))[1] == 1 and COUNT == 1
    assert run_traced(count, (x3(),))[1] == 2 and COUNT == 2

    def make():
        total, calls = np.zeros(3), 0

        def f(x):
            nonlocal total, calls
            total = total + x
            calls += 1
            return total

        return f, lambda: (total, calls)

    f, read = make()
    run_traced(f, (x3(),))
    run_traced(f, (x3(),))
    np.testing.assert_array_equal(read()[0], 2 * x3())
    assert read()[1] == 2


def test_nothing_is_touched_when_tracing_fails():
    def f(m, d, x):
        m.count = 5
        d["new"] = x
        x[0] = 7
        return x[10]

    model, d, x = Model(), {}, x3()
    with pytest.raises(IndexError, match="index 10 is out of bounds for axis 0 with size 3"):
        run_traced(f, (model, d, x))
    assert model.count == 2 and d == {} and x[0] == 0


Pair = namedtuple("Pair", "first second")


@dataclasses.dataclass
class State:
    position: np.ndarray
    time: float = 0.0

    def moved(self, v, dt):
        return State(self.position + v * dt, self.time + dt)


def test_trees():
    check(lambda p: Pair(p.second, p.first * 2), lambda: (Pair(x3(), x3()),))
    check(lambda t: {"out": [t["a"][0] + t["b"], None], "kept": t["a"]}, lambda: ({"a": [x3()], "b": 2.0},))
    check(lambda s, v: s.moved(v, 0.5), lambda: (State(x3()), x3()))
    check(lambda s: s, lambda: (State(x3()),))


def test_defaults_and_partials():
    def f(x, w=WEIGHTS, k=2, *, bias=np.ones(3)):
        return x * w * k + bias

    check(f, lambda: (x3(),))
    np.testing.assert_array_equal(run_traced(f, (x3(),), {"k": 3}), f(x3(), k=3))
    check(functools.partial(f, k=5), lambda: (x3(),))
    check(lambda x: functools.partial(f, bias=x)(x), lambda: (x3(),))


def test_python_scalars_are_read_lazily():
    def f(x, n):
        return x * n

    traced = trace(f, (x3(), 3), {})
    np.testing.assert_array_equal(call_traced(traced, (x3(), 5)), x3() * 5)

    def g(x, n):
        return x[:n]

    traced = trace(g, (x3(), 2), {})
    assert traced.matches(signature((x3(), 2), {})[1]) and not traced.matches(signature((x3(), 1), {})[1])

    def h(x, n):
        return x if n > 3 else -x

    traced = trace(h, (x3(), 5), {})
    assert traced.matches(signature((x3(), 7), {})[1]) and not traced.matches(signature((x3(), 2), {})[1])
    for program in (lambda a, b, c: (a + b, a * c, a - 1, b / a, b // a, b % a, -c, a ** 2, c ** 2, abs(-a), a < b, a == b),
                    lambda a, b, c: (int(c), float(a), bool(b), round(c), divmod(b, a), max(a, b), min(a, c), a << 2, b & 6),
                    lambda a, b, c: [a, b, c, a and b, not a, a if c > 1 else b, 0 < a < b < 10, a in (3, 4)]):
        check(program, lambda: (3, 8, 2.5))
    check(lambda a, b: a / b, lambda: (1, 0))
    check(lambda a, b: a // b, lambda: (1.0, 0.0))
    check(lambda a, b: a % b, lambda: (1, 0))


def test_numpy_scalars():
    for program in (lambda a, b: (a + b, a * 2, a + 1.5, a // b, a ** 2, -a, abs(a)), lambda a, b: np.maximum(a, b),
                    lambda a, b: a.astype(np.float64), lambda a, b: a.item(), lambda a, b: (a.dtype, a.shape, a.real, a.T)):
        check(program, lambda: (np.float32(2.5), np.float32(0.5)))
        check(program, lambda: (np.int8(5), np.int8(3)))


class Masked(np.ndarray):
    pass


@pytest.mark.parametrize("value", [
    np.ma.array([1.0, 2.0], mask=[0, 1]), np.matrix([[1.0]]), np.array([1, "a"], dtype=object), np.array(["a"]),
    np.zeros(2, dtype=[("a", int)]), np.arange(3.0).astype(">f8"), np.frombuffer(b"\0" * 17, dtype=np.uint8)[1:].view(float),
    np.array(["2020"], dtype="M8[D]"), np.zeros(2, dtype=np.longdouble), np.zeros(2).view(Masked)], ids=lambda v: str(v.dtype))
def test_arrays_that_are_not_compiled_have_a_named_error(value):
    with pytest.raises(UnsupportedError) as error:
        run_traced(lambda x: x + 1, (value,))
    assert "x" in str(error.value)


def test_errors_name_the_line():
    def f(x):
        y = x + 1
        if y.sum() > 3:
            return time.time()
        return x

    with pytest.raises(UnsupportedError) as error:
        run_traced(f, (x3(),))
    assert error.value.loc.file == __file__ and error.value.loc.function == "f"
    with pytest.raises(UnsupportedError, match="differs from call to call"):
        run_traced(lambda x: x + time.time(), (x3(),))


def test_user_handlers_do_not_hide_what_cannot_be_compiled():
    def f(x):
        try:
            return np.lexsort((x, x))
        except Exception:
            return x

    with pytest.raises(UnsupportedError):
        run_traced(f, (x3(),))


def test_no_source():
    names = {"np": np}
    exec("def f(x, n):\n    y = np.sin(x) * 2\n    for i in range(3):\n        y = y + i\n    return y[:n]", names)
    check(names["f"], lambda: (x3(), 2))


def test_several_lambdas_on_a_line():
    f, g = (lambda x: x * WEIGHTS, lambda x: x * SCALE)
    check(f, lambda: (x3(),))
    check(g, lambda: (x3(),))


def test_comprehensions_and_nested_functions():
    def f(x, k):
        def inner(a, b=k):
            return a * b + WEIGHTS[0]
        parts = [inner(v) for v in x]
        table = {n: v for n, v in enumerate(parts)}
        total = sum(v for v in parts)
        return parts, table, total, (lambda q: q + k)(x), [a * b for a in x for b in (1, k)]

    check(f, lambda: (x3(), 3))
