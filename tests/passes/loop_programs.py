"""Graphs with loops and branches for the tests of planning and lowering, built as the front end builds them."""

from __future__ import annotations

from treadle.ir.builder import Slot, dim_template
from treadle.ir.graph import Block, Op, Value
from treadle.ir.types import PY_INT
from treadle.ir.viewmap import Axis

DOT = {"contract": ((0,), (0,)), "batch": ((), ())}


def for_(b, lo, hi, init, body, step=1):
    lo, hi, step = (x if isinstance(x, Value) else b.constant(x) for x in (lo, hi, step))
    block = Block([PY_INT] + [v.type for v in init])
    op = Op("for", [lo, hi, step, *init], {"until": None}, [v.type for v in init], [block])
    op.block = b.block
    with b.inside(block):
        block.yields = list(body(*block.args))
    b.block.append(op)
    return op.results


def while_(b, init, test, body):
    regions = [Block([v.type for v in init]), Block([v.type for v in init])]
    op = Op("while", list(init), {}, [v.type for v in init], regions)
    op.block = b.block
    for region, build in zip(regions, (lambda *a: [test(*a)], body), strict=True):
        with b.inside(region):
            region.yields = list(build(*region.args))
    b.block.append(op)
    return op.results


def if_(b, condition, then, other):
    regions = [Block(), Block()]
    op = Op("if", [condition], {}, [], regions)
    op.block = b.block
    for region, build in zip(regions, (then, other), strict=True):
        with b.inside(region):
            region.yields = list(build())
    op.results = [Value(v.type, op=op) for v in regions[0].yields]
    b.block.append(op)
    return op.results


def _map(axes, first):
    starts, out = [], []
    for start, *terms in axes:
        if isinstance(start, Value):
            starts.append(start)
            start = Slot(first + len(starts) - 1)
        out.append(Axis(start, tuple(terms)))
    return starts, tuple(out)


def part(b, x, axes, dims):
    """A slice; axes: (start, (step, view axis), ...) per axis of x."""
    starts, view_map = _map(axes, 1)
    extents = [d for d in dims if isinstance(d, Value)]
    return b.emit("slice", [x, *starts, *extents], {"map": view_map, "dims": dim_template(dims, 1 + len(starts))})[0]


def put(b, x, new, axes):
    """An update through such a view."""
    starts, view_map = _map(axes, 2)
    extents = [d for d in new.dims if isinstance(d, Value)]
    return b.emit("update_slice", [x, new, *starts, *extents],
                  {"map": view_map, "dims": dim_template(new.dims, 2 + len(starts))})[0]


def element(b, x, *index):
    return part(b, x, [(i,) for i in index], ())


def put_element(b, x, value, *index):
    return put(b, x, value, [(i,) for i in index])


INNER = [(1, (1, 0)), (1, (1, 1))]


def neighbours(b, x, n):
    def shifted(i, j):
        return part(b, x, [(i, (1, 0)), (j, (1, 1))], (n - 2, n - 2))

    return b.multiply(b.add(b.add(shifted(0, 1), shifted(2, 1)), b.add(shifted(1, 0), shifted(1, 2))), 0.25)


def jacobi(n):
    def body(b, x, y):
        y = put(b, y, neighbours(b, x, n), INNER)
        return put(b, x, neighbours(b, y, n), INNER), y

    return lambda b, x, y: for_(b, 0, 3, [x, y], lambda t, x, y: body(b, x, y))


def stencil(n):
    return lambda b, x: for_(b, 0, 3, [x], lambda t, x: [put(b, x, neighbours(b, x, n), INNER)])


def cholesky(n):
    def build(b, a):
        def row(i, a):
            def inner(j, a):
                dot = b.emit("dot_general", [part(b, a, [(i,), (0, (1, 0))], (j,)), part(b, a, [(j,), (0, (1, 0))], (j,))], DOT)[0]
                return [put_element(b, a, b.divide(b.subtract(element(b, a, i, j), dot), element(b, a, j, j)), i, j)]

            (a,) = for_(b, 0, i, [a], inner)
            r = part(b, a, [(i,), (0, (1, 0))], (i,))
            dot = b.emit("dot_general", [r, r], DOT)[0]
            return [put_element(b, a, b.sqrt(b.subtract(element(b, a, i, i), dot)), i, i)]

        return for_(b, 0, n, [a], row)

    return build


def lu(n):
    def build(b, a):
        def step(k, a):
            after = b.py_add(k, b.constant(1))
            m = b.py_subtract(b.constant(n), after)
            column = part(b, a, [(after, (1, 0)), (k,)], (m,))
            a = put(b, a, b.divide(column, b.broadcast_to(element(b, a, k, k), (m,))), [(after, (1, 0)), (k,)])
            left = b.broadcast_to(part(b, a, [(after, (1, 0)), (k,)], (m, 1)), (m, m))
            above = b.broadcast_to(part(b, a, [(k,), (after, (1, 0))], (m,)), (m, m))
            corner = [(after, (1, 0)), (after, (1, 1))]
            return [put(b, a, b.subtract(part(b, a, corner, (m, m)), b.multiply(left, above)), corner)]

        return for_(b, 0, n, [a], step)

    return build


def recurrence(n):
    def build(b, x, y):
        def body(i, y):
            before = element(b, y, b.py_subtract(i, b.constant(1)))
            return [put_element(b, y, b.add(b.multiply(before, 0.9), element(b, x, i)), i)]

        return for_(b, 1, n, [y], body)

    return build
