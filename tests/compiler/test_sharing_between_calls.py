"""Which arguments are one object is part of a call's signature; which places are is guarded."""

import numpy as np
import pytest
import treadle as td


class Holder:
    def __init__(self, value):
        self.value = value


def bump_attribute(a, b):
    a.value = a.value + 1
    return b.value * 2


def bump_item(a, b):
    a["x"] = a["x"] + 1
    return b["x"] * 2


def append(a, b):
    a.append(3.0)
    return len(b)


def bump_through(a, b):
    a.value["x"] = a.value["x"] + 1
    return b.value["x"] * 2


MAKERS = {
    bump_attribute: lambda: Holder(1.0), bump_item: lambda: {"x": 1.0}, append: lambda: [1.0],
    bump_through: lambda: Holder({"x": 1.0})}


@pytest.mark.parametrize("f", MAKERS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("first_shared", [False, True])
def test_one_object_or_two(f, first_shared):
    make, jitted = MAKERS[f], td.jit(f)
    for shared in (first_shared, not first_shared, first_shared, not first_shared):
        results = []
        for run in (f, jitted):
            a = make()
            results.append(run(a, a if shared else make()))
        assert results[0] == results[1]


def test_objects_that_share_a_dict():
    jitted = td.jit(bump_through)
    for shared in (False, True, False):
        results = []
        for run in (bump_through, jitted):
            a = Holder({"x": 1.0})
            results.append(run(a, Holder(a.value if shared else {"x": 1.0})))
        assert results[0] == results[1]


def test_a_loop_that_is_entered_for_sure_binds_its_names():
    def first_small(a, limits):
        out = np.zeros(len(limits))
        for i in range(len(limits)):
            k = 0
            while True:
                x = a[k] * 2
                k += 1
                if x < limits[i]:
                    break
            out[i] = x + k
        return out

    a, limits = np.array([30.0, 1, 2, 50, 3]), np.array([3.0, 100.0, 5.0])
    np.testing.assert_array_equal(td.jit(first_small)(a, limits), first_small(a, limits))
