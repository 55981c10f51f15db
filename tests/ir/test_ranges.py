"""Bounds contain every value that an expression takes: exhaustively, on small ranges. And they are as tight as passes need."""

import random

import pytest
from treadle.ir.evaluate_expr import evaluate_expr
from treadle.ir.expr import cast, const, expression_scope, load, op, select, var
from treadle.ir.linear import linear
from treadle.ir.loops import Buffer, For, Let
from treadle.ir.ranges import Ranges


@pytest.fixture(autouse=True)
def scope():
    with expression_scope():
        yield


i, j, k, n, t = (var(x) for x in "ijknt")


def nest(*loops):
    """Ranges inside of loops given as (name, lo, hi, step)."""
    ranges = Ranges().with_variable("n", [0])
    for name, lo, hi, step in loops:
        lo, hi = (x if not isinstance(x, int) else const(x) for x in (lo, hi))
        ranges = ranges.with_loop(For(name, lo, hi, [], step=step))
    return ranges


def random_expr(r, depth):
    if depth == 0 or r.random() < 0.2:
        return r.choice([i, j, const(r.randint(-4, 4))])
    a, b = random_expr(r, depth - 1), random_expr(r, depth - 1)
    kind = r.choice(["add", "sub", "mul", "min", "max", "quot", "rem", "select", "abs", "cast", "neg", "and"])
    if kind == "abs" or kind == "neg":
        return op(kind, a)
    if kind == "select":
        return select(a < b, a, b + 1)
    if kind == "cast":
        return cast(cast(op("and", a, const(63)), "i8"), "i64")
    if kind in ("quot", "rem"):
        return op(kind, a, const(r.choice([1, 2, 3, 7])))
    return op(kind, a, b)


def trips(lo, hi, step):
    return range(lo, hi, step)


def test_every_value_is_within_the_bounds():
    r = random.Random(1)
    known = 0
    for _ in range(600):
        a, b = r.randint(-3, 2), r.randint(1, 5)
        step, inner_step = r.choice([1, 2, -1]), r.choice([1, 3])
        outer = (a, b, step) if step > 0 else (b, a, step)
        ranges = nest(("i", outer[0], outer[1], step), ("j", i - 1, i + r.randint(1, 4), inner_step))
        shift = ranges.bounds["j"][1][0].constant + 1
        e = random_expr(r, 3)
        values = [int(evaluate_expr(e, {"i": x, "j": y})) for x in trips(*outer) for y in range(x - 1, x + shift, inner_step)]
        lo, hi = ranges.interval(e)
        if values:
            assert lo is None or lo <= min(values), (e, ranges.bounds, lo, min(values))
            assert hi is None or hi >= max(values), (e, ranges.bounds, hi, max(values))
            known += lo is not None and hi is not None
    assert known > 450


def test_every_condition_is_used_rightly():
    r = random.Random(2)
    for _ in range(500):
        ranges = nest(("i", -3, 4, 1), ("j", -3, 4, 1))
        a, b = random_expr(r, 1), random_expr(r, 1)
        condition = op(r.choice(["lt", "le", "gt", "ge", "eq", "ne"]), a, b)
        if r.random() < 0.3:
            condition = condition & (i < j) if r.random() < 0.5 else ~(condition | (j < i))
        holds = r.random() < 0.5
        form = random_expr(r, 1) - random_expr(r, 1)
        here = ranges.with_condition(condition, holds)
        if here.is_nonnegative(here.linear(form)):
            for x in range(-3, 4):
                for y in range(-3, 4):
                    at = {"i": x, "j": y}
                    if bool(evaluate_expr(condition, at)) == holds:
                        assert evaluate_expr(form, at) >= 0, (condition, holds, form, at)


def test_triangular_loops_are_proved_in_range():
    ranges = nest(("i", 0, n, 1), ("j", i + 1, n, 1), ("k", 0, i, 1))
    assert ranges.in_range(j - 1, n) and ranges.in_range(k, n) and ranges.in_range(j - i - 1, n)
    assert not ranges.in_range(j + 1, n)
    assert ranges.interval(j - i) == (1, None)
    assert ranges.least(linear(j - k)) == 2


def test_a_loop_that_is_entered_is_not_empty():
    ranges = nest(("i", 1, n - 1, 1))
    assert ranges.in_range(const(2), n) and not Ranges().with_variable("n", [0]).in_range(const(0), n)


def test_minima_clamps_and_names():
    ranges = nest(("i", 0, op("min", n, const(8)), 1)).with_let(Let("t", op("max", i - 2, const(0))))
    assert ranges.interval(i) == (0, 7) and ranges.in_range(i, n)
    assert ranges.interval(t) == (0, 5)
    assert ranges.in_range(t, n)


def test_downward_loops():
    ranges = nest(("i", n - 1, -1, -1))
    assert ranges.in_range(i, n) and not ranges.in_range(i - 1, n)


def test_conditions_add_what_bounds_lack():
    ranges = Ranges().with_variable("n", [0]).with_names(["t"])
    assert not ranges.in_range(t, n)
    assert ranges.with_condition((t >= 0) & (t < n)).in_range(t, n)
    assert ranges.with_condition((t < 0) | (t >= n), holds=False).in_range(t, n)
    named = ranges.with_let(Let("ok", (t >= 0) & (t < n)))
    assert named.with_condition(var("ok", "i1")).in_range(t, n)


def test_what_was_loaded_may_change():
    x = Buffer("x", "i64", (const(5),), place="arg")
    fixed = Buffer("fixed", "i64", (const(5),), place="arg", readonly=True)
    first = load(x, (const(0),))
    ranges = Ranges().with_variable("n", [0]).with_condition((first >= 0) & (first < n))
    assert not ranges.in_range(first, n)
    ranges = Ranges().with_let(Let("t", first)).with_let(Let("u", load(x, (const(0),))))
    assert ranges.interval(t - var("u")) == (None, None)
    again = load(fixed, (const(0),))
    ranges = Ranges().with_let(Let("t", again)).with_let(Let("u", again + 1))
    assert ranges.interval(var("u") - t) == (1, 1)
    bytes_ = Buffer("bytes", "u8", (const(5),), place="arg")
    assert Ranges().with_let(Let("t", cast(load(bytes_, (i,)), "i64"))).interval(t) == (0, 255)


def test_a_range_that_starts_at_a_minimum():
    ranges = nest(("i", op("min", n, const(3)), 9, 1))
    assert ranges.interval(i) == (0, 8) and not ranges.is_nonnegative(linear(i - 3))
    ranges = nest(("i", op("max", n, const(3)), 9, 1))
    assert ranges.interval(i) == (3, 8) and ranges.is_nonnegative(linear(i - n))


def test_conditions_that_fail_are_strict():
    ranges = Ranges().with_names(["t"]).with_condition(t <= 3, holds=False)
    assert ranges.is_nonnegative(linear(t - 4)) and not ranges.is_nonnegative(linear(t - 5))


def test_quotients_by_variables():
    ranges = nest(("i", -7, 10, 1), ("j", 2, 5, 1))
    values = [int(x / y) for x in range(-7, 10) for y in range(2, 5)]
    assert ranges.interval(op("quot", i, j)) == (min(values), max(values)) == (-3, 4)
    assert ranges.interval(op("rem", i, j)) == (-3, 3)


def test_no_bound_beyond_the_type():
    ranges = Ranges().with_variable("i", [2**62], [2**63 - 1])
    assert ranges.interval(i + 5) == (2**62 + 5, None)


def test_a_value_between_two_of_64_bits_fits():
    known = Ranges().with_names(["n", "i"])
    form = known.linear(i + 1)
    assert not known.fits(form) and known.fits(known.linear(i))
    assert known.with_condition(i < n).fits(form) and known.with_condition(i < const(7)).fits(form)
    assert not known.with_condition(i < n).fits(form + 1) and not known.with_condition(i > n).fits(form)
    assert not known.with_condition(i < n).fits(known.linear(i - 1)) and known.with_condition(i > n).fits(known.linear(i - 1))
    assert not known.with_condition(i < n).fits(form + known.linear(n))


def test_what_an_and_yields_says_both():
    a, r = var("a", "i1"), var("r", "i1")
    known = Ranges().with_names(["n", "i", "a"])
    form = known.linear(i + 1)
    both = known.with_yielded("r", a, i < n, a)
    assert both.with_condition(r).fits(form) and not both.with_condition(r, False).fits(form)
    either = known.with_yielded("r", a, a, i >= n)
    assert either.with_condition(r, False).fits(form) and not either.with_condition(r).fits(form)
    assert not known.with_yielded("r", a, i < n, i > n).with_condition(r).fits(form)
