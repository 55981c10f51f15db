"""Planning and lowering: the loop programs compute what the graphs mean, in place wherever that is possible."""

import numpy as np
import pytest
from treadle.ir.graph import Output
from treadle.ir.loops import Alloc, For
from treadle.ir.types import ArrayType

from tests.passes.loop_programs import (
    cholesky,
    element,
    for_,
    if_,
    jacobi,
    lu,
    part,
    put,
    put_element,
    recurrence,
    stencil,
    while_,
)
from tests.passes.planned import agree, compiled, make, run, temporaries

F = np.dtype("f8")
N = 12


def array(*dims, dtype=F):
    return ArrayType(np.dtype(dtype), dims)


def draw(*dims, seed=0):
    return np.random.default_rng(seed).normal(size=dims)


INTO0, INTO1 = Output(into=0), Output(into=1)
MATRIX, VECTOR = array(N, N), array(N)
PLUS_ONE = N * np.eye(N)

IN_PLACE = {
    "jacobi": (jacobi(N), [MATRIX, MATRIX], [INTO0, INTO1], 0),
    "stencil": (stencil(N), [MATRIX], [INTO0], 1),
    "cholesky": (cholesky(N), [MATRIX], [INTO0], 0),
    "lu": (lu(N), [MATRIX], [INTO0], 0),
    "recurrence": (recurrence(N), [VECTOR, VECTOR], [INTO1], 0),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_loops_update_their_arrays_in_place(name):
    build, types, outputs, most = IN_PLACE[name]
    args = [draw(*t.dims, seed=k) for k, t in enumerate(types)]
    if name in ("cholesky", "lu"):
        args = [args[0] @ args[0].T + PLUS_ONE]
    planned, loops = agree(make(types, build, outputs), args, exact=False)
    assert not planned.copies
    # Rows and scalars do not count.
    assert temporaries(loops, rank=2) <= most


def test_elementwise_work_is_one_nest_and_named_once():
    f = make([MATRIX, VECTOR], lambda b, x, y: [b.add(b.add(b.multiply(b.exp(x), 2.0), b.broadcast_to(y, (N, N))), b.exp(x))])
    _, loops = agree(f, [draw(N, N), draw(N)])
    assert temporaries(loops) == 0 and sum(isinstance(s, For) for s in loops.body) == 1


def test_what_a_broadcast_would_repeat_is_computed_once():
    f = make([VECTOR], lambda b, x: [b.broadcast_to(b.exp(x), (N, N))])
    _, loops = agree(f, [draw(N)])
    assert temporaries(loops) == 1


def test_an_argument_that_is_overwritten_as_a_whole_needs_no_temporary():
    f = make([VECTOR], lambda b, x: [b.add(b.multiply(x, 2.0), 1.0)], [INTO0])
    planned, loops = agree(f, [draw(N)])
    assert temporaries(loops) == 0 and not planned.copies


def test_an_argument_whose_old_value_is_a_result():
    f = make([VECTOR], lambda b, x: [b.add(x, 1.0), x, b.exp(x)], [INTO0, Output(), Output()])
    _, loops = agree(f, [draw(N)])
    assert temporaries(loops) == 0


def test_a_read_only_argument_is_copied_and_that_is_told():
    planned, _ = agree(make([VECTOR], lambda b, x: [put_element(b, x, b.constant(np.float64(1)), 3)]), [draw(N)])
    (copied,) = planned.copies
    assert "keeps its value" in copied.reason


def test_two_versions_of_one_array():
    def build(b, x):
        y = b.add(x, 1.0)
        z = put_element(b, y, b.constant(np.float64(7)), 0)
        return [y, z]

    planned, _ = agree(make([VECTOR], build), [draw(N)])
    assert len(planned.copies) == 1


def test_an_old_value_that_is_read_after_an_update_is_kept_aside():
    # The new value stays where the old one was, and the update reads its neighbours from the copy as well.
    def build(b, x):
        def body(t, x, total):
            new = put(b, x, b.add(part(b, x, [(0, (1, 0))], (N - 2,)), part(b, x, [(2, (1, 0))], (N - 2,))), [(1, (1, 0))])
            return [new, b.add(total, b.emit("reduce_sum", [b.absolute(b.subtract(new, x))], {"axes": (0,)})[0])]

        return for_(b, 0, 3, [x, b.constant(np.float64(0))], body)

    planned, loops = agree(make([VECTOR], build, [INTO0, Output()]), [draw(N)], exact=False)
    assert len(planned.copies) == 1 and temporaries(loops) == 1


def test_rows_are_exchanged_through_one_row():
    def build(b, a):
        def row(i):
            return [(i,), (0, (1, 0))]

        first = part(b, a, row(0), (N,))
        a1 = put(b, a, part(b, a, row(1), (N,)), row(0))
        return [put(b, a1, first, row(1))]

    planned, _ = agree(make([MATRIX], build, [INTO0]), [draw(N, N)])
    assert not planned.copies


def test_an_array_that_a_loop_captures_while_overwriting_it_is_copied():
    def build(b, x):
        return for_(b, 0, 4, [x], lambda i, y: [put_element(b, y, b.add(element(b, x, i), element(b, y, i)), 0)])

    planned, _ = agree(make([VECTOR], build, [INTO0]), [draw(N)])
    assert len(planned.copies) == 1


def test_an_array_from_before_a_loop_is_the_same_in_every_trip():
    # The back edge: the update in one trip must not be seen by the next.
    def build(b, x, s):
        z = b.exp(x)

        def body(i, total):
            w = put_element(b, z, total, i)
            return [b.add(total, b.emit("reduce_sum", [w], {"axes": (0,)})[0])]

        return for_(b, 0, 4, [s], body)

    planned, _ = agree(make([VECTOR, ArrayType(F)], build), [draw(N), np.array(1.0)], exact=False)
    assert len(planned.copies) == 1


@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
def test_carried_arrays_that_change_places(order):
    f = make([MATRIX, MATRIX], lambda b, x, y: for_(b, 0, 3, [x, y], lambda t, x, y: [b.add(y, 1.0), x]), [INTO0, INTO1])
    agree(f, [draw(N, N), draw(N, N, seed=1)], order=order)


def test_a_carried_array_that_is_computed_anew_in_each_trip():
    f = make([MATRIX, MATRIX], lambda b, x, y: for_(b, 0, 3, [x], lambda t, x: [b.add(b.multiply(x, 0.5), y)]), [INTO0])
    planned, loops = agree(f, [draw(N, N), draw(N, N, seed=1)])
    assert not planned.copies and temporaries(loops) == 0


def positive(b, x):
    return b.greater(element(b, x, 0), 0.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_branches(sign):
    x, y = sign * np.abs(draw(N)), draw(N, seed=1)
    either = make([VECTOR, VECTOR], lambda b, x, y: if_(b, positive(b, x), lambda: [x], lambda: [y]))
    agree(either, [x, y])
    made = make([VECTOR, VECTOR], lambda b, x, y: if_(b, positive(b, x), lambda: [b.add(x, y)], lambda: [b.exp(y)]))
    agree(made, [x, y])
    updated = make([VECTOR], lambda b, x: if_(b, positive(b, x), lambda: [put_element(b, x, element(b, x, 1), 2)], lambda: [x]),
                   [INTO0])
    planned, loops = agree(updated, [x])
    assert not planned.copies and temporaries(loops) == 0
    old = make([VECTOR], lambda b, x: [b.add(x, *if_(b, positive(b, x), lambda: [put_element(b, x, element(b, x, 1), 2)],
                                                     lambda: [x]))])
    agree(old, [x])


def test_a_branch_inside_a_loop_updates_in_place():
    def build(b, x):
        def body(i, x):
            v = element(b, x, i)
            return if_(b, b.greater(v, 0.0), lambda: [put_element(b, x, b.multiply(v, 2.0), i)],
                       lambda: [put_element(b, x, b.negative(v), i)])

        return for_(b, 0, N, [x], body)

    planned, loops = agree(make([VECTOR], build, [INTO0]), [draw(N)])
    assert not planned.copies and temporaries(loops) == 0


def test_while_carries_scalars_and_arrays():
    def build(b, x):
        def test(n, x):
            return b.less(b.cast(n, dtype="i64"), b.constant(np.int64(5)))

        return while_(b, [b.constant(0), x], test, lambda n, x: [b.py_add(n, b.constant(1)), b.multiply(x, 0.5)])

    planned, loops = agree(make([VECTOR], build, [Output(), Output(into=0)]), [draw(N)])
    assert not planned.copies and temporaries(loops) == 0


def test_the_destination_decides_the_order_of_loops():
    f = make([MATRIX], lambda b, x: [b.exp(x)], [Output(layout=(1, 0))], strides={0: (1, N)})
    _, loops = agree(f, [draw(N, N)])
    (outer,) = loops.body
    assert outer.body[0].vector, "the inner loop runs along the contiguous axis"


@pytest.mark.parametrize("dtype", ["c8", "c16"])
def test_complex_arrays_are_pairs(dtype):
    x = (draw(N) + 1j * draw(N, seed=1)).astype(dtype)
    t = array(N, dtype=dtype)
    agree(make([t], lambda b, x: [b.multiply(x, x), b.real(x)]), [x], exact=False)
    agree(make([t], lambda b, x: [b.multiply(x, b.conjugate(x))], [INTO0]), [x], exact=False)
    agree(make([t], lambda b, x: [b.emit("reduce_sum", [x], {"axes": (0,)})[0]]), [x], exact=False)


SHAPES = [((3000,), (0,)), ((10, 700), (1,)), ((700, 10), (0,)), ((40, 50), (0, 1)), ((5, 6, 7), (0, 2)), ((200, 3), (0, 1)),
          ((70000,), (0,)), ((300, 300), (0, 1)), ((3, 40000), (1,)),
          ((3, 200), (0,)), ((3000, 2), (0,)), ((0, 4), (0,)), ((4, 0), (1,))]


@pytest.mark.parametrize(("dims", "axes"), SHAPES)
def test_reductions_never_materialise_what_they_reduce(dims, axes):
    f = make([array(*dims)], lambda b, x: [b.sqrt(b.emit("reduce_sum", [b.multiply(x, x)], {"axes": axes})[0])])
    _, loops = agree(f, [draw(*dims)], exact=False)
    sizes = [np.prod([d.payload for d in s.buffer.dims]) for s in loops.body if isinstance(s, Alloc)]
    assert all(size <= 96 for size in sizes), "parts of the sum at most"


def test_sums_are_as_precise_as_pairwise_summation():
    x = (np.random.default_rng(0).random(1 << 16) + 1e3).astype("f4")
    f = make([array(1 << 16, dtype="f4")], lambda b, x: [b.emit("reduce_sum", [x], {"axes": (0,)})[0]])
    _, loops = compiled(f)
    (total,) = run(f, loops, [x])
    exact = x.astype("f8").sum()
    assert abs(float(total) - exact) <= 16 * np.finfo("f4").eps / 2 * np.abs(x).astype("f8").sum()


def _stored_and_read(between):
    """b[1:-1] = x * x + x * x * x, perhaps b written again, and then the stored value used once more."""

    def build(b, x, y):
        square = b.multiply(x, x)
        new = b.add(square, b.multiply(square, x))
        y = put(b, y, new, [(1, (1, 0))])
        if between:
            y = put_element(b, y, b.constant(np.float64(7)), 3)
        return [y, b.sqrt(b.absolute(b.subtract(new, part(b, y, [(0, (1, 0))], (N - 2,)))))]

    return make([array(N - 2), VECTOR], build, [INTO1, Output()])


def test_a_stored_value_is_read_where_it_was_stored():
    planned, loops = agree(_stored_and_read(False), [draw(N - 2), draw(N)])
    assert not planned.copies and temporaries(loops) == 0


def test_a_stored_value_that_is_overwritten_in_its_place_is_kept():
    planned, loops = agree(_stored_and_read(True), [draw(N - 2), draw(N)])
    assert temporaries(loops) == 1


def test_a_value_that_is_stored_twice_and_read():
    def build(b, x, y, z):
        new = b.add(b.multiply(x, x), b.exp(x))
        return [put(b, y, new, [(1, (1, 0))]), put(b, z, new, [(0, (1, 0))])]

    planned, loops = agree(make([array(N - 2), VECTOR, VECTOR], build, [INTO1, Output(into=2)]), [draw(N - 2), draw(N), draw(N)],
                           exact=False)
    assert not planned.copies and temporaries(loops) == 0


def test_work_after_an_inner_loop_and_a_branch_stays_in_the_memory_that_the_outer_loop_carries():
    def body(b, x, w):
        (y,) = for_(b, 0, 3, [x], lambda j, y: [b.multiply(y, w)])
        (z,) = if_(b, b.constant(True), lambda: [put_element(b, y, b.constant(np.float64(2)), 0)], lambda: [y])
        new = b.add(b.multiply(z, z), w)
        return new, put(b, w, b.add(new, w), [(0, (1, 0))])

    build = make([VECTOR, VECTOR], lambda b, x, w: for_(b, 0, 4, [x, w], lambda i, x, w: body(b, x, w)), [INTO0, INTO1])
    planned, loops = agree(build, [0.1 * draw(N), 0.1 * draw(N, seed=1)])
    assert not planned.copies and temporaries(loops) <= 1


def test_an_arm_may_hand_on_an_older_state_than_the_one_read_after_the_branch():
    def build(b, x, y):
        older = b.add(x, y)
        newer = put(b, older, b.multiply(older, older), [(0, (1, 0))])
        (z,) = if_(b, b.emit("cast", [b.greater(element(b, newer, 1), 9.0)], {"dtype": "py.bool"})[0],
                   lambda: [newer], lambda: [older])
        return [b.add(z, newer)]

    for scale in (0.1, 100):
        agree(make([VECTOR, VECTOR], build), [scale * draw(N), scale * draw(N, seed=1)])


def test_a_value_made_before_a_loop_may_belong_where_the_loop_ends():
    def build(b, x, y):
        made = b.add(y, y)
        first, second = for_(b, 0, 3, [y, made], lambda i, p, q: [q, p])
        return b.add(second, second), made

    agree(make([VECTOR, VECTOR], build, [INTO0, INTO1]), [draw(N), draw(N, seed=1)])


def test_what_an_arm_hands_on_is_kept_for_a_read_after_its_memory_is_written():
    def body(b, p, q):
        made = b.add(q, q)
        positive = b.emit("cast", [b.greater(element(b, made, 1), 0.0)], {"dtype": "py.bool"})[0]
        (z,) = if_(b, positive, lambda: [p], lambda: [made])
        twice = b.add(z, z)
        return b.add(twice, twice), z

    def run_on(b, x):
        (start,) = for_(b, 0, 3, [b.add(x, x)], lambda i, y: [b.add(put_element(b, y, b.constant(np.float64(2)), 0), y)])
        return for_(b, 0, 3, [start, start], lambda i, p, q: body(b, p, q))[1:]

    build = make([VECTOR], run_on)
    for sign in (1, -1):
        agree(build, [sign * np.abs(draw(N))])
