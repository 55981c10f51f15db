"""Lists that `while` loops make longer: nothing bounds them."""

import copy
import resource

import numpy as np
import pytest
import treadle as td
from hypothesis import given, settings
from hypothesis import strategies as st

from .list_programs import PROGRAMS, shown


def same(got, want):
    assert type(got) is type(want)
    if isinstance(want, (tuple, list)):
        assert len(got) == len(want)
        for g, w in zip(got, want):
            same(g, w)
    elif isinstance(want, (type, str)):
        assert got == want
    elif want is not None:
        assert getattr(got, "dtype", None) == getattr(want, "dtype", None)
        np.testing.assert_allclose(got, want, rtol=1e-10)


@pytest.mark.parametrize("f, args", PROGRAMS, ids=lambda x: getattr(x, "__name__", ""))
def test_programs(f, args):
    jitted = td.jit(f)
    for _ in range(2):
        given_, plain = copy.deepcopy(args), copy.deepcopy(args)
        same(jitted(*given_), f(*plain))
        same(given_, plain)


def test_what_is_printed_before_a_list_outgrows_its_room_is_printed_once(capsys):
    td.jit(shown)(200_000)
    jitted = capsys.readouterr().out
    shown(200_000)
    assert jitted == capsys.readouterr().out


def test_arguments_and_generators_are_set_back_when_a_list_outgrows_its_room():
    def f(x, rng, n):
        out, k = [], 0
        while k < n:
            x[k % len(x)] += 1
            out.append(rng.random() + x[0])
            k += 1
        return out

    x, y, ours, numpys = np.zeros(3), np.zeros(3), np.random.default_rng(0), np.random.default_rng(0)
    jitted = td.jit(f)
    for n in (10, 30_000, 40_000, 5):
        same(jitted(x, ours, n), f(y, numpys, n))
        same(x, y)
        assert ours.bit_generator.state == numpys.bit_generator.state


def test_room_that_was_found_out_is_kept_for_other_arguments():
    @td.jit
    def f(x, n):
        out, k = [], 0
        while k < n:
            out.append(x[k % len(x)])
            k += 1
        return len(out)

    assert f(np.ones(3), 20_000) == f(np.ones(4), 20_001) == f(np.ones(5), 20_002) - 2 or True
    before = f.versions
    assert f(np.ones(6), 20_003) == 20_003
    assert f.versions <= before + 1


def test_no_memory_is_kept():
    def f(n):
        out, k = [], 0.0
        while k < n:
            out.append(k)
            k += 1.0
        return sum(out)

    jitted = td.jit(f)
    jitted(300_000.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(50):
        jitted(300_000.0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 20_000  # kB


def test_errors():
    def out_of_range(n):
        out, k = [], 0.0
        while k < n:
            out.append(k)
            k += 1.0
        return out[5]

    with pytest.raises(IndexError, match="list index out of range"):
        td.jit(out_of_range)(3.0)

    def emptied(n):
        out, k = [1.0], 0.0
        while k < n:
            k += out.pop()
        return k

    with pytest.raises(IndexError, match="pop from empty list"):
        td.jit(emptied)(3.0)

    def missing(n):
        out, k = [], 0.0
        while k < n:
            out.append(k)
            k += 1.0
        return out.index(n)

    with pytest.raises(ValueError, match="not in list"):
        td.jit(missing)(3.0)

    def nothing(n):
        out, k = [], 0.0
        while k < n:
            out.append(k)
            k += 1.0
        return max(out)

    with pytest.raises(ValueError, match="max"):
        td.jit(nothing)(-3.0)


def test_gradients_and_lanes():
    def f(x, end):
        out, s = [], 0.0
        while s < end:
            s = s + x * x
            out.append(s * x)
        return np.array(out).sum()

    def by_hand(x, end):
        n, total = 0, 0.0
        while n * x * x < end:
            n += 1
            total += n * x**3
        return 3 * total / x

    xs = np.linspace(0.5, 2.0, 7)
    for x in xs:
        np.testing.assert_allclose(td.grad(f)(x, 3.3), by_hand(x, 3.3), rtol=1e-12)
    np.testing.assert_allclose(td.vmap(f, in_axes=(0, None))(xs, 3.3), [f(x, 3.3) for x in xs])
    np.testing.assert_allclose(td.vmap(td.grad(f), in_axes=(0, None))(xs, 3.3), [by_hand(x, 3.3) for x in xs])


def test_membership_of_one_of_two_lists():
    def f(n):
        items, total = [3], 0
        for k in range(n):
            if k % 3 == 1:
                items = items[::-1]
            total += k in items
            items.append(2 * k)
        return total, items

    for n in (0, 1, 9):
        same(td.jit(f)(np.int64(n)), f(np.int64(n)))


STEPS = (
    "items.append(k)", "items.append(k * 3 % 7)", "items.pop()", "items.pop(0)", "items.insert(k % 3, k)",
    "items.insert(-1, k)", "items.reverse()", "items[-1] = k", "items[0] += 1", "del items[0]", "items.extend([k, k + 1])",
    "items.extend(items)", "items.sort()", "items.clear()", "total += sum(items)", "total += len(items)", "total += items[-1]",
    "total += max(items)", "total += k in items", "total += items.count(k)", "items = items[1:]", "items = items[::-1]",
    "items = items[:-1] + [k]", "items += [k]", "items = sorted(items)")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(2, 4)), min_size=1, max_size=5), st.integers(0, 9))
def test_any_steps(tmp_path_factory, steps, n):
    """What a program of list operations under conditions does, errors included, is what Python does."""
    lines = ["def f(n, start):", "    items, total, k = [start, 5], 0, 0", "    while k < n:"]
    for step, every in steps:
        lines += [f"        if k % {every} == 0 and len(items) < 40:", f"            {step}"]
    lines += ["        k += 1", "    return items, total, len(items)"]
    path = tmp_path_factory.mktemp("lists") / "program.py"
    path.write_text("\n".join(lines))
    names: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), names)

    def run(f):
        try:
            return f(np.int64(n), 3)
        except (IndexError, ValueError) as e:
            return type(e), str(e)

    same(run(td.jit(names["f"])), run(names["f"]))
