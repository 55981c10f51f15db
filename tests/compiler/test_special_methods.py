"""Methods that Python calls by itself on objects of the caller's classes: what they read is read anew in each call."""

from dataclasses import dataclass

import numpy as np
import pytest
from treadle import jit
from treadle.ir.errors import UnsupportedError


class Box:
    def __init__(self, values, limit):
        self.values, self.limit = values, limit

    def __len__(self):
        return len(self.values)

    def __iter__(self):
        return iter(self.values)

    def __contains__(self, x):
        return x > self.limit

    def __bool__(self):
        return self.limit > 1

    def __float__(self):
        return float(self.limit)

    def __int__(self):
        return int(self.limit)

    def __abs__(self):
        return abs(self.limit)

    def __round__(self, digits=None):
        return self.limit * 2

    def __eq__(self, other):
        return self.limit == (other.limit if isinstance(other, Box) else other)

    def __lt__(self, other):
        return self.limit < (other.limit if isinstance(other, Box) else other)

    __hash__ = None


class Steps:
    def __init__(self, scale):
        self.scale = scale

    def __getitem__(self, k):
        if k >= 3:
            raise IndexError(k)
        return k * self.scale


class Sized:
    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)


class Countdown:
    def __init__(self, start):
        self.start = start

    def __iter__(self):
        for k in range(3):
            yield self.start - k


@dataclass
class Pair:
    a: float
    b: float


def truth(x, box):
    y = x * 2 if box else x * 3
    return y + (1 if not box else 0)


def conversions(x, box):
    return x + float(box) + int(box) + abs(box) + round(box) + len(box) + bool(box)


def comparisons(x, box):
    return x + 1 * (box == 2.5) + 2 * (box != 2.5) + 4 * (box < 2.0) + 8 * (3.0 > box) + 16 * (0 < box.limit < 2)


def membership(x, box):
    return x + (2.0 in box) + 2 * (2.0 not in box)


def iteration(x, box):
    for v in box:
        x = x + v
    return x + sum(box) + max(box) + sum([v * 2 for v in box]) + list(box)[0]


@pytest.mark.parametrize("f", [truth, conversions, comparisons, membership, iteration])
def test_methods_read_attributes_in_each_call(f):
    box, compiled, x = Box([1.0, 2.0, 4.0], 2.5), jit(f), np.arange(3.0)
    for limit, first in ((2.5, 1.0), (0.5, 5.0), (1.75, -3.0), (7.5, 2.0)):
        box.limit, box.values[0] = limit, first
        np.testing.assert_array_equal(compiled(x, box), f(x, box))


def old_iteration(x, steps):
    for v in steps:
        x = x + v
    return x


def generator(x, steps):
    for v in Countdown(steps.scale):
        x = x + v
    return x


@pytest.mark.parametrize("f", [old_iteration, generator])
def test_iteration_by_items_and_by_a_generator(f):
    steps, compiled, x = Steps(2.0), jit(f), np.arange(3.0)
    for scale in (2.0, 3.0, -1.0):
        steps.scale = scale
        np.testing.assert_array_equal(compiled(x, steps), f(x, steps))


def test_the_truth_of_what_has_a_length():
    def f(x, sized):
        return x + 1 if sized else x - 1

    sized, compiled, x = Sized([1]), jit(f), np.arange(3.0)
    for values in ([1], [], [2, 3]):
        sized.values = values
        np.testing.assert_array_equal(compiled(x, sized), f(x, sized))


def test_a_comparison_without_source_is_refused():
    with pytest.raises(UnsupportedError, match="Pair.__eq__"):
        jit(lambda x, p, q: x + 1 if p == q else x - 1)(np.arange(3.0), Pair(1.0, 2.0), Pair(1.0, 2.0))


def test_one_of_two_objects_is_read_written_and_called():
    class Cell:
        def __init__(self, v):
            self.v = v

        def scaled(self, x):
            return self.v * x

    def f(x, a, b):
        c = a if x[0] > 0 else b
        g = np.sin if x[1] > 0 else np.cos
        return c.scaled(g(x)) + c.v

    compiled, a, b = jit(f), Cell(2.0), Cell(3.0)
    for x in (np.array([1.0, -1.0]), np.array([-1.0, 1.0])):
        for v in (5.0, 7.0):
            a.v = v
            np.testing.assert_allclose(compiled(x, a, b), f(x, a, b), rtol=1e-14)


def test_texts_of_branches_stay_apart():
    def f(x):
        s = "a" if x[0] > 0 else "bb"
        for k in range(2):
            if x[k] > 1:
                s = None
        return s

    compiled = jit(f)
    for x in ([1.0, 0.0], [-1.0, 0.0], [-1.0, 2.0]):
        assert compiled(np.array(x)) == f(np.array(x))
