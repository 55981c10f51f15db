"""Dicts in lists that loops make longer: records of a training run, of events, of candidates."""

import numpy as np
import pytest
import treadle as td

from . import test_unbounded_lists

X = np.array([1.0, -2, 3, 4, -1])


def same(got, want):
    assert type(got) is type(want)
    if isinstance(want, dict):
        assert list(got) == list(want)
        got, want = list(got.values()), list(want.values())
    if isinstance(want, (list, tuple)):
        assert len(got) == len(want)
        for g, w in zip(got, want):
            same(g, w)
    else:
        test_unbounded_lists.same(got, want)


def records(x):
    log = []
    while True:
        x = x * 0.5
        record = {"loss": float(np.abs(x).max()), "n": len(log), "x": x.copy()}
        record["ratio"] = record["loss"] / (log[-1]["loss"] if log else 1.0)
        log.append(record)
        if record["loss"] < 0.1:
            break
    best = min(log, key=lambda r: r["loss"])
    return log, best["n"], sorted(log, key=lambda r: -r["n"]), [r["n"] for r in log if r["n"] % 2], log[-1], log[2:4]


def several_kinds(x):
    log = []
    for v in x:
        if v > 0:
            log.append({"v": v, "tag": "up", "by": {"p": (v, 1), "q": x + v}})
        else:
            log.append({"v": int(v), "tag": "down", "by": {"p": (v, 2), "q": x}})
    log.reverse()
    total = 0.0
    for r in log:
        total += r["v"] * r["by"]["p"][1] if r["tag"] == "up" else r["by"]["q"].sum()
    return log, total


def into_the_callers(x, history):
    for v in x:
        history["log"].append({"v": v})
        if v > 2:
            break
    return len(history["log"])


@pytest.mark.parametrize("f", [records, several_kinds])
def test_lists_of_dicts(f):
    same(td.jit(f)(X), f(X))


def test_lists_of_dicts_of_the_callers():
    ours, theirs = {"log": []}, {"log": []}
    assert td.jit(into_the_callers)(X, ours) == into_the_callers(X, theirs)
    same(ours["log"], theirs["log"])


def test_many_records_are_a_loop_and_a_generator_goes_on():
    def run(x, rng, n):
        log = []
        for step in range(n):
            x = x + 0.1 * rng.normal(size=x.shape)
            log.append({"step": step, "norm": np.abs(x).max()})
        return log

    ours, theirs = np.random.default_rng(3), np.random.default_rng(3)
    same(td.jit(run)(X, ours, 400), run(X, theirs, 400))
    assert ours.random() == theirs.random()


def changed_before(x):
    log, record = [], {"a": 0.0}
    for v in x:
        record["a"] = v
        if v > 0:
            log.append(record)
    return log


def changed_after(x):
    log = []
    for v in x:
        record = {"a": v}
        if v > 0:
            log.append(record)
        record.update(a=3.0)
    return log


def changed_in_the_list(x):
    log = []
    for v in x:
        if v > 0:
            log.append({"a": v})
    best = max(log, key=lambda r: r["a"])
    best |= {"b": 1}
    return log


def the_callers_own(x, record={"a": 1.0}):  # noqa: B006
    log = []
    for v in x:
        if v > 0:
            log.append(record)
    return log


@pytest.mark.parametrize("f", [changed_before, changed_after, changed_in_the_list])
def test_a_change_that_the_list_would_not_see_is_refused(f):
    with pytest.raises(td.errors.UnsupportedError, match="a change of a dict with the keys 'a'"):
        td.jit(f)(X)


def test_a_dict_of_the_callers_in_a_list_is_refused():
    with pytest.raises(td.errors.UnsupportedError, match="a dict in a list"):
        td.jit(the_callers_own)(X, {"a": 1.0})


def the_best(x):
    best, n = None, 0
    for k, v in enumerate(x):
        record = {"k": k, "v": v, "a": x * v}
        if best is None or record["v"] < best["v"]:
            best = record
        n += record["k"]
    return best, n


def one_of_two(x):
    a, b = {"v": x[0], "w": x.copy()}, {"v": x[1], "w": x * 2}
    best = a
    if b["v"] < a["v"]:
        best = b
    best["w"][1] = 100
    return best["v"], a, b


@pytest.mark.parametrize("f", [the_best, one_of_two])
def test_one_of_several_dicts(f):
    compiled = td.jit(f)
    for x in (X, -X):
        same(compiled(x), f(x))


def test_one_of_several_dicts_is_not_changed_nor_told_apart():
    def changed(x):
        a, b = {"v": x[0]}, {"v": x[1]}
        best = a if x[2] > 0 else b
        if b["v"] < a["v"]:
            best = b
        best["v"] = 7.0
        return a, b

    def told_apart(x):
        best = {"v": np.inf}
        for v in x:
            record, previous = {"v": v}, best
            if record["v"] < best["v"]:
                best = record
            if best is previous:
                x = x + 1
        return x

    for f in (changed, told_apart):
        with pytest.raises(td.errors.UnsupportedError, match="dict"):
            td.jit(f)(X)
