"""Each test of legality is needed: with it switched off, a program gives a wrong result."""

import numpy as np
import pytest
from treadle.ir.errors import VerificationError
from treadle.ir.graph import Output
from treadle.ir.types import ArrayType
from treadle.passes import arena, in_place, overlap
from treadle.passes.liveness import Liveness

from tests.passes.loop_programs import element, for_, if_, part, put, put_element, stencil
from tests.passes.planned import agree, make, run_in_arena

F = np.dtype("f8")
N = 8
VECTOR, MATRIX = ArrayType(F, (N,)), ArrayType(F, (N, N))
INTO0, INTO1 = Output(into=0), Output(into=1)
ROWS = (0, (1, 0)), (0, (1, 1))


def draw(*dims, seed=0):
    return np.random.default_rng(seed).normal(size=dims)


def back_edge(b, x, s):
    z = b.exp(x)

    def body(i, total):
        w = put_element(b, z, total, i)
        return [b.add(total, b.emit("reduce_sum", [w], {"axes": (0,)})[0])]

    return for_(b, 0, 4, [s], body)


def read_later(b, x):
    y = b.exp(x)
    z = put_element(b, y, b.constant(np.float64(7)), 0)
    return [b.add(y, z)]


def captured(b, x):
    return for_(b, 0, 4, [x], lambda i, y: [put_element(b, y, b.add(element(b, x, 0), element(b, y, i)), 0)])


def transposed(b, x):
    other = part(b, x, [(0, (1, 1)), (0, (1, 0))], (N, N))
    return [put(b, x, b.add(x, other), [*ROWS])]


def exchanged(b, x, y):
    return for_(b, 0, 3, [x, y], lambda t, x, y: [y, x])


def far_rows(b, x):
    above, below = part(b, x, [(0, (1, 0)), (0, (1, 1))], (N - 4, N)), part(b, x, [(4, (1, 0)), (0, (1, 1))], (N - 4, N))
    return [put(b, x, b.add(above, below), [(2, (1, 0)), (0, (1, 1))])]


def row_factor(b, x):
    """Row k is read by every row, and written with them."""
    row = b.broadcast_to(part(b, x, [(3,), (0, (1, 0))], (N,)), (N, N))
    return [put(b, x, b.add(x, row), [*ROWS])]


def two_temporaries(b, x):
    a = b.broadcast_to(b.exp(x), (N, N))
    c = b.broadcast_to(b.sin(x), (N, N))
    return [b.subtract(a, c)]


def added_backwards(b, x):
    y = put(b, x, x, [(N - 1, (-1, 0))])
    y.op.name = "update_add"
    return [y]


def behind_a_branch(b, x):
    z = b.exp(x)
    chosen = b.emit("cast", [b.greater(element(b, x, 0), 0.0)], {"dtype": "py.bool"})[0]
    (y,) = if_(b, chosen, lambda: [put_element(b, z, b.constant(np.float64(7)), 0)],
               lambda: [put_element(b, z, b.constant(np.float64(8)), 1)])
    return [b.add(y, z)]


def neighbours_in_a_row(b, x):
    return [put(b, x, b.add(part(b, x, [(0, (1, 0))], (N - 2,)), part(b, x, [(2, (1, 0))], (N - 2,))), [(1, (1, 0))])]


def sums_of_what_is_written(b, a, x):
    return [put(b, x, b.emit("reduce_sum", [b.multiply(a, b.broadcast_to(x, (N, N)))], {"axes": (1,)})[0], [(0, (1, 0))])]


PROGRAMS = {
    "added backwards": (added_backwards, [VECTOR], [INTO0]),
    "behind a branch": (behind_a_branch, [VECTOR], None),
    "neighbours in a row": (neighbours_in_a_row, [VECTOR], [INTO0]),
    "sums of what is written": (sums_of_what_is_written, [MATRIX, VECTOR], [INTO1]),
    "back edge": (back_edge, [VECTOR, ArrayType(F)], None),
    "read later": (read_later, [VECTOR], None),
    "captured": (captured, [VECTOR], [INTO0]),
    "transposed": (transposed, [MATRIX], [INTO0]),
    "exchanged": (exchanged, [MATRIX, MATRIX], [INTO0, INTO1]),
    "far rows": (far_rows, [MATRIX], [INTO0]),
    "row factor": (row_factor, [MATRIX], [INTO0]),
    "stencil": (stencil(N), [MATRIX], [INTO0]),
}


def holds(name: str) -> bool:
    build, types, outputs = PROGRAMS[name]
    args = [draw(*t.dims, seed=k) for k, t in enumerate(types)]
    for order in ("forward", "reverse"):
        try:
            agree(make(types, build, outputs), args, exact=False, order=order)
        except (AssertionError, VerificationError):
            return False
    return True


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_agree(name):
    assert holds(name)


MUTATIONS = {
    "the back edge": ("back edge", Liveness, "around", lambda self, x, p, u: False),
    "the order in a block": ("read later", Liveness, "later", lambda self, p, u: False),
    "what a loop captures": ("captured", in_place, "_captured", lambda use, op: False),
    "conflicts": ("stencil", overlap, "_conflicts", lambda o: []),
    "unknown distances": ("transposed", overlap, "carried_level",
                          lambda d: 0 if any(isinstance(x, int) and x > 0 for x in d) else None),
    "the depth of a ring": ("far rows", overlap, "_ring_depth", lambda o, distances: 1),
    "a ring for unknown distances": ("transposed", overlap, "_ring_depth", lambda o, distances: 1),
    "arrays that change places": ("exchanged", Liveness, "later", lambda self, p, u: False),
    "what a snapshot copies": ("row factor", overlap, "_snapshot", lambda o, read: True),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_without_the_test_of_legality_a_program_fails(mutation, monkeypatch):
    name, where, what, instead = MUTATIONS[mutation]
    monkeypatch.setattr(where, what, instead)
    assert not holds(name)


def test_temporaries_that_live_together_lie_apart(monkeypatch):
    f, args = make([VECTOR], two_temporaries), [draw(N)]
    assert run_in_arena(f, args)
    monkeypatch.setattr(arena, "_meet", lambda a, b: False)
    assert not run_in_arena(f, args)


def test_an_argument_keeps_its_value_if_an_error_comes_before_it_is_written():
    def build(b, x):
        y = b.add(x, 1.0)
        total = b.emit("reduce_sum", [y], {"axes": (0,)})[0]
        checked = b.emit("check", [total, b.less(total, 0.0)],
                         {"exception": "ValueError", "message": "the sum is not negative"})[0]
        return [y, checked]

    f, x = make([VECTOR], build, [INTO0, Output()]), np.ones(N)
    with pytest.raises(ValueError, match="the sum is not negative"):
        run_in_arena(f, [x])
    assert (x == 1).all()
