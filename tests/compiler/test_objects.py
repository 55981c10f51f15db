"""The caller's objects and containers: what is taken from them, copied, and put back, as plain Python does it."""

from __future__ import annotations

import copy
import dataclasses
import operator
from collections import deque

import numpy as np
import pytest
from treadle import jit
from treadle.ir.errors import UnsupportedError

from tests.comparator import difference, fresh, observe


class Box:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


@dataclasses.dataclass
class Pair:
    a: object
    b: object = 3


def agrees(function, *arguments):
    make = fresh(arguments)
    compiled = jit(function)
    want = observe(function, make)
    for _ in range(2):
        assert difference(observe(compiled, make), want) is None


X = np.arange(4.0)


def test_what_is_taken_out_of_a_container_is_what_was_there():
    def from_deque(q):
        first = q.popleft()
        q.append(first + 1)
        q.rotate(1)
        return first, q

    def from_dict(d):
        a = d.pop("a")
        d["b"], d["c"] = a, d["b"]
        return a, d

    def from_list(x):
        a = x.pop(0)
        x[0], x[1] = x[1], x[0]
        return a, x

    agrees(from_deque, deque([X, X * 2, 3]))
    agrees(from_dict, {"a": X, "b": X * 2})
    agrees(from_list, [X, X * 2, X * 3])


def test_arrays_move_between_containers():
    def f(p, q):
        p[0], q[0] = q[0], p[0]
        p.append(q)
        return p, q

    agrees(f, [X, 1], [X * 2, 2])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_of_objects(copied):
    def of_object(box):
        box.a = box.a + 1
        other = copied(box)
        other.a[0] = 55
        other.n = 7
        return other.a is box.a, box, other

    agrees(of_object, Box(a=X, n=1))
    agrees(lambda x: copied(x), [X, [X * 2, 1], {"k": X}])
    agrees(lambda x: (copied(x), x), np.asfortranarray(X.reshape(2, 2)))


def test_dataclasses():
    def f(p):
        p.a = p.a + 1
        other = dataclasses.replace(p, b=4)
        other.a[0] = 55
        return other, p, dataclasses.asdict(p), dataclasses.astuple(other)

    agrees(f, Pair(X))


def test_attributes_by_name():
    def f(box):
        setattr(box, "a", box.a * 2)
        box.new = getattr(box, "absent", 5)
        return vars(box)["a"], box.__dict__["n"], hasattr(box, "absent"), hasattr(box, "new"), sorted(vars(box)), box

    agrees(f, Box(a=X, n=1))


def test_vars_sees_attributes_that_come_later():
    compiled = jit(lambda box: sorted(vars(box)))
    box = Box(a=1)
    assert compiled(box) == ["a"]
    box.b = 2
    assert compiled(box) == ["a", "b"]


def test_what_cannot_be_followed_is_refused():
    def deletes(box):
        del box.a

    def writes(box):
        vars(box)["a"] = 1

    box = Box(a=X)
    for f in (deletes, writes, operator.methodcaller("__copy__")):
        with pytest.raises((UnsupportedError, AttributeError)):
            jit(f)(box)
    assert box.a is X


def test_views_of_the_same_memory_and_conjugates_of_python_numbers():
    agrees(lambda x: (x.view(), x.view(np.ndarray)[1:], x.view(x.dtype)), X)
    agrees(lambda z, n: (z.conjugate(), n.conjugate()), 1.5 - 2j, 3)


def test_text_of_numbers_that_are_known():
    agrees(lambda n: (f"{n!r}", repr(n), f"{n!r}", f"{n!s:>4}"), 7)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 1.5, -1.5])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_floats_assigned_to_integers(value, dtype):
    x = np.zeros(3, dtype)
    agrees(lambda x, v: x.fill(v), x, value)
    agrees(lambda x, v: x.__setitem__(0, v), x, value)
    agrees(lambda x, v: x.__setitem__([0, 1], v), x, value)
    agrees(lambda x, v: np.putmask(x, x == 0, v), x, value)
    agrees(lambda x, v: setattr(x, "flat", v), x, value)
    if dtype is np.int64:
        agrees(lambda x: (np.full_like(x, value), np.copyto(x, value, casting="unsafe"), x), x)


def test_products_with_a_scalar_follow_the_converted_array():
    agrees(lambda x: x.dot(np.float32(0.75)), np.broadcast_to(np.arange(6).reshape(3, 2).T, (2, 2, 3)))


def test_accumulating_a_scalar_and_sinc_of_small_types():
    agrees(lambda x: np.maximum.accumulate(x, axis=None), np.array(2.0))
    agrees(lambda x, y: (np.sinc(x), np.sinc(y)), np.array([0, 1, 2], np.uint8), np.array([0, 0.5], np.float16))


def test_the_real_part_of_integers():
    def f(x, n):
        x.real = n
        return x

    agrees(f, np.array([1, 2], np.uint16), -2)


def test_slices_as_arguments():
    compiled = jit(lambda x, s: x[s])
    for s in (slice(0, 2), slice(None), slice(1, None, 2), slice(0, 2), slice(None, None, -1)):
        np.testing.assert_array_equal(compiled(X, s), X[s])


def test_complex_numbers_are_no_real_ones():
    agrees(lambda z: np.float64(z), 1j)
    agrees(lambda z: np.int8(z), 1j)


class Vector:
    def __init__(self, a):
        self.a = a

    def __add__(self, other):
        return Vector(self.a + (other.a if isinstance(other, Vector) else other))

    def __rmul__(self, number):
        return Vector(number * self.a)

    def __neg__(self):
        return Vector(-self.a)

    def __enter__(self):
        self.a = self.a + 100
        return self

    def __exit__(self, *error):
        self.a = self.a - 100


def test_operators_of_the_callers_classes_read_what_is_there_now():
    def f(v, w):
        v.a = v.a + 1
        return 2 * (v + w) + 1, -w

    compiled = jit(f)
    for k in range(3):
        v, w, plain = Vector(X + k), Vector(X * k), Vector(X + k)
        got, want = compiled(v, w), f(plain, Vector(X * k))
        assert all((g.a == e.a).all() for g, e in zip(got, want, strict=True)) and (v.a == plain.a).all()


def test_a_context_manager_of_the_callers():
    def f(v):
        with v as w:
            inside = w.a * 1
        return inside, v

    agrees(f, Vector(X))


@dataclasses.dataclass
class History:
    weights: object
    steps: int = 0
    losses: list = dataclasses.field(default_factory=list)
    best: dict = dataclasses.field(default_factory=dict)
    total: object = dataclasses.field(default_factory=lambda: np.zeros(3), kw_only=True)


class Log:
    def __init__(self, weights, losses=None):
        self.weights, self.losses = weights, [] if losses is None else losses


def _until_it_stays(state, x):
    for step in range(30):
        state.weights = state.weights - 0.5 * (state.weights - x)
        loss = float(state.weights[0] + step % 3)
        if len(state.losses) > 3 and loss < 0.1:
            break
        state.losses.append(loss)
    return state.weights, state.losses


@pytest.mark.parametrize("made", [
    lambda x: History(x * 3), lambda x: History(x * 3, 2, [1.0]), lambda x: History(weights=x * 3, losses=[]),
    lambda x: Log(x * 3), lambda x: Log(x * 3, [2.0])], ids=["factory", "given", "by name", "own class", "own class, given"])
def test_lists_of_objects_made_by_the_program_grow_until_a_condition_of_the_run(made):
    agrees(lambda x: _until_it_stays(made(x), x), X)


def test_what_factories_of_a_data_class_make_is_of_each_object():
    def two(x):
        a, b = History(x), History(x + 1)
        for step in range(6):
            if x[1] * step > 3:
                break
            a.losses.append(float(step))
            b.best[step] = x[0] + step
            b.total[step % 3] += step
            if step % 2:
                b.losses.append(step * 2.0)
        return a.losses, b.losses, len(a.best), b.total, a.total

    agrees(two, X)


def test_attributes_in_slots_are_refused():
    @dataclasses.dataclass(slots=True)
    class Slotted:
        a: object

    with pytest.raises(UnsupportedError, match="slots"):
        jit(lambda x: Slotted(x).a)(X)
