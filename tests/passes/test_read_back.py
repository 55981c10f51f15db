"""A value that is stored is read where it was stored, but only if nothing old is kept alive by that, and it still stands there."""

import numpy as np
import pytest
from treadle.ir.graph import Output
from treadle.ir.types import ArrayType

from tests.passes.loop_programs import element, for_, part, put
from tests.passes.planned import agree, make, temporaries

N = 8
VECTOR, MATRIX = ArrayType(np.dtype("f8"), (N,)), ArrayType(np.dtype("f8"), (N, N))
ROW, FLAT = [(1,), (0, (1, 0))], [(0, (1, 0), (1, 1))]


def total(b, x):
    return b.emit("reduce_sum", [x], {"axes": tuple(range(len(x.dims)))})[0]


def read_behind(b, a, x):
    v = b.exp(x)
    return [put(b, a, v, ROW), total(b, v)]


def read_by_two(b, a, x):
    v = b.exp(x)
    a = put(b, a, v, ROW)
    return [a, b.add(total(b, v), total(b, b.multiply(v, v)))]


def read_in_a_loop(b, a, x):
    v = b.exp(x)
    a = put(b, a, v, ROW)
    return [a, *for_(b, 0, 4, [element(b, x, 0)], lambda i, s: [b.add(s, element(b, v, i))])]


def written_before_the_read(b, a, x):
    v = b.exp(x)
    a = put(b, a, v, ROW)
    a = put(b, a, x, ROW)
    return [a, total(b, v)]


def written_in_a_loop_before_the_read(b, a, x):
    v = b.exp(x)
    a = put(b, a, v, ROW)
    (a,) = for_(b, 0, 4, [a], lambda i, a: [put(b, a, b.multiply(x, 2.0), [(i,), (0, (1, 0))])])
    return [a, total(b, v)]


def written_before_a_read_in_a_loop(b, a, x):
    v = b.exp(x)
    a = put(b, a, v, ROW)
    a = put(b, a, x, ROW)
    return [a, *for_(b, 0, 4, [element(b, x, 0)], lambda i, s: [b.add(s, element(b, v, i))])]


def read_before(b, a, x):
    v = b.exp(x)
    s = total(b, v)
    return [put(b, a, v, ROW), b.add(s, total(b, b.sin(v)))]


def places_stored_twice(b, a, x):
    v = b.add(part(b, a, [(0, (1, 0)), (0, (1, 1))], (3, 4)), 1.0)
    return [a, put(b, x, v, FLAT), total(b, v)]


# With how many temporaries; none is copied.
PROGRAMS = {
    "read behind": (read_behind, 0), "read by two": (read_by_two, 0), "read in a loop": (read_in_a_loop, 0),
    "written before the read": (written_before_the_read, 1),
    "written in a loop before the read": (written_in_a_loop_before_the_read, 1),
    "written before a read in a loop": (written_before_a_read_in_a_loop, 1),
    "read before": (read_before, 1), "places stored twice": (places_stored_twice, 1),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_read_back(name):
    build, memory = PROGRAMS[name]
    outputs = [Output(into=0), Output(into=1), Output()] if build is places_stored_twice else [Output(into=0), Output()]
    rng = np.random.default_rng(0)
    planned, loops = agree(make([MATRIX, VECTOR], build, outputs), [rng.normal(size=(N, N)), rng.normal(size=N)], exact=False)
    assert not planned.copies and temporaries(loops, rank=1) == memory
