"""Returns in loops and branches: each path gives what Python gives, whatever its type or structure."""

import numpy as np
import pytest

from tests.compiler.programs import check


def nothing_or_pair_or_dict(x):
    for i in range(len(x)):
        if x[i] > 2:
            return None
        if x[i] > 1:
            return i, x[i]
    return {"all": x * 2, "n": -1}


def three_kinds(x):
    if x[0] > 1:
        return 1
    elif x[0] > 0:
        return x[0]
    else:
        return x


def falls_off_the_end(x):
    if x.sum() > 0:
        return x[1:]


def words(x):
    for v in x:
        if v > 1:
            return "big"
    return "small"


def list_in_while(x):
    k = 0
    while k < len(x):
        if x[k] > 1:
            return [k, x[k]]
        k += 1


def nested(x):
    for i in range(len(x)):
        for j in range(i):
            if x[i] + x[j] > 2:
                return i, j
            if x[j] < -1:
                return "negative"
        if x[i] == 0.25:
            return x
    return None


@pytest.mark.parametrize("values", [
    [0, 0.5, 0.7], [0.5, 1.5, 3], [1.5, 0, 0], [0, 3, 1], [-1, 0, 0.5], [-2, 0.25, 0], [0.25, 0, 0]])
@pytest.mark.parametrize("program", [nothing_or_pair_or_dict, three_kinds, falls_off_the_end, words, list_in_while, nested],
                         ids=lambda f: f.__name__)
def test_returns(program, values):
    check(program, lambda: (np.array(values),))
