"""Random small graphs of updates, views, loops and branches: planned and lowered, they compute what the evaluator says.

A graph is grown instruction by instruction from what Hypothesis draws, so that a failure shrinks to the few that matter.  All
values are integers: each result must be equal to the last bit, whatever the order.  The programs favour what makes planning
hard: several names for one memory, old values that are read after a write, carried arrays that trade places, arms that hand on
what others change, and results that belong into arguments.
"""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from treadle.ir.evaluate import evaluate
from treadle.ir.expr import expression_scope
from treadle.ir.graph import Function, Output, Value
from treadle.ir.text import show
from treadle.ir.types import ArrayType
from treadle.ir.verify import verify
from treadle.ir.verify_loops import verify_loops
from treadle.ir.walk import clone_function
from treadle.passes.dce import dce
from treadle.passes.lower import lower
from treadle.passes.plan import plan

from tests.passes.loop_programs import for_, if_, part, put, while_
from tests.passes.planned import make, run, run_in_arena

I64 = np.dtype("i8")
N = 4
SCALAR, VECTOR, MATRIX = ArrayType(I64), ArrayType(I64, (N,)), ArrayType(I64, (N, N))
# Views of a vector: where it starts, its step, its extent.
RANGES = [(0, 1, N), (N - 1, -1, N), (0, 1, N - 1), (1, 1, N - 1), (N - 2, -1, N - 1), (0, 2, 2), (1, 2, 2), (1, 0, N)]


class Grown:
    """A graph under construction: `values` are those in scope, by type; `indices` the loop indices."""

    def __init__(self, draw, b) -> None:
        self.draw, self.b, self.values, self.indices = draw, b, [], []

    def pick(self, t) -> Value:
        """One of the newest values of this type."""
        found = [v for v in reversed(self.values) if v.type == t][:5]
        return self.draw(st.sampled_from(found)) if found else self.b.full(2, t)

    def array(self) -> Value:
        return self.draw(st.sampled_from([v for v in reversed(self.values) if v.dims in ((N,), (N, N))][:5]))

    def start(self):
        """A row or column: a number, or the index of a loop around."""
        return self.draw(st.sampled_from([0, 1, N - 1, *self.indices]))

    def grow(self, count: int, depth: int) -> None:
        kinds = [self.elementwise, self.elementwise, self.view, self.write, self.write, self.write, self.total]
        if depth:
            kinds += [self.loop, self.loop, self.until, self.branch, self.branch]
        for _ in range(count):
            self.values += self.draw(st.sampled_from(kinds))(depth)

    def elementwise(self, depth) -> list[Value]:
        x = self.array()
        name = self.draw(st.sampled_from(["add", "subtract", "multiply", "negative", "maximum"]))
        return self.b.emit(name, [x] if name == "negative" else [x, self.pick(x.type)])

    def total(self, depth) -> list[Value]:
        x = self.array()
        return self.b.emit("reduce_sum", [x], {"axes": (0,)})

    def place(self, x: Value):
        """A part of x: the axes of the view, and its extents."""
        if len(x.dims) == 1:
            lo, step, n = self.draw(st.sampled_from(RANGES))
            if self.draw(st.booleans()):
                return [(self.start(),)], ()
            return [(lo, (step, 0))] if step else [(lo,)], (n,) if step else ()
        kind = self.draw(st.sampled_from(["row", "column", "diagonal", "transposed", "upside down", "element", "whole"]))
        if kind == "row":
            return [(self.start(),), (0, (1, 0))], (N,)
        if kind == "column":
            return [(0, (1, 0)), (self.start(),)], (N,)
        if kind == "diagonal":
            return [(0, (1, 0)), (0, (1, 0))], (N,)
        if kind == "transposed":
            return [(0, (1, 1)), (0, (1, 0))], (N, N)
        if kind == "upside down":
            return [(N - 1, (-1, 0)), (0, (1, 1))], (N, N)
        if kind == "element":
            return [(self.start(),), (self.start(),)], ()
        return [(0, (1, 0)), (0, (1, 1))], (N, N)

    def view(self, depth) -> list[Value]:
        x = self.array()
        return [part(self.b, x, *self.place(x))]

    def write(self, depth) -> list[Value]:
        x = self.array()
        axes, dims = self.place(x)
        t = ArrayType(I64, dims)
        new = self.pick(t)
        if self.draw(st.booleans()):
            new = self.b.add(new, part(self.b, x, axes, dims))
        y = put(self.b, x, new, axes)
        if y.op.name == "update_slice" and self.draw(st.booleans()):
            y.op.name = "update_add"
        return [y]

    def carried(self) -> list[Value]:
        return [self.array() for _ in range(self.draw(st.integers(1, 3)))]

    def inside(self, arguments, types, depth) -> list[Value]:
        """What a region yields, of these types; its own values go out of scope."""
        before, self.values = self.values, [*self.values, *arguments]
        self.grow(self.draw(st.sampled_from([0, 1, 1, 2, 4])), depth - 1)
        out = [self.pick(t) for t in types]
        self.values = before
        return out

    def loop(self, depth) -> list[Value]:
        init = self.carried()

        def body(index, *args):
            self.indices.append(index)
            out = self.inside(args, [v.type for v in init], depth)
            self.indices.pop()
            return out

        lo, hi, step = self.draw(st.sampled_from([(0, 3, 1), (0, N, 1), (N - 1, 0, -1), (0, 0, 1), (1, 2, 1)]))
        return for_(self.b, lo, hi, init, body, step)

    def until(self, depth) -> list[Value]:
        init = self.carried()
        most = self.draw(st.integers(0, 3))
        counter = self.b.constant(np.int64(0))

        def body(count, *args):
            return [self.b.add(count, 1), *self.inside(args, [v.type for v in init], depth)]

        got = while_(self.b, [counter, *init], lambda count, *args: self.b.less(count, self.b.constant(np.int64(most))), body)
        return list(got[1:])

    def branch(self, depth) -> list[Value]:
        types = [v.type for v in self.carried()]
        x = self.array()
        probe = part(self.b, x, [(1,)] * len(x.dims), ())
        condition = self.b.emit("cast", [self.b.greater(probe, 0)], {"dtype": "py.bool"})[0]
        return list(if_(self.b, condition, lambda: self.inside([], types, depth), lambda: self.inside([], types, depth)))


@st.composite
def functions(draw) -> Function:
    types = [MATRIX, VECTOR, VECTOR, MATRIX][:draw(st.integers(2, 4))]
    outputs: list[Output] = []

    def build(b, *args):
        grown = Grown(draw, b)
        grown.values += args
        grown.grow(draw(st.integers(1, 6)), 2)
        yields = []
        for k, a in enumerate(args):
            if draw(st.booleans()):
                yields.append(grown.pick(a.type))
                outputs.append(Output(into=k))
        for _ in range(draw(st.integers(0 if yields else 1, 2))):
            yields.append(grown.array())
            outputs.append(Output())
        return yields

    return dce(verify(make(types, build, outputs)))


def arguments(f: Function) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [rng.integers(-9, 9, v.dims) for v in f.block.args]


def check(f: Function) -> None:
    args = arguments(f)
    want = evaluate(f, args)
    with expression_scope():
        planned = verify(plan(f).function)
        for w, again in zip(want, evaluate(planned, args), strict=True):
            np.testing.assert_array_equal(again, w, "planning changed the meaning")
        for order in ("forward", "reverse"):
            loops = verify_loops(lower(clone_function(planned)))
            for w, got in zip(want, run(f, loops, args, order), strict=True):
                np.testing.assert_array_equal(got, w)
    assert run_in_arena(f, [a.copy() for a in args])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(functions())
def test_what_is_planned_in_place_computes_the_same(f):
    note(show(f))
    check(f)
