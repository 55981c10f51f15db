# ruff: noqa: E702, E501  (the programs under test are kept on a line each)
"""Views, writes through views, memory order, and what is returned: values, strides, flags, sharing, identity."""

import numpy as np
import pytest

from tests.compiler.programs import check, run_traced


def counting(*shape, dtype=float, order="C"):
    return np.arange(1, 1 + np.prod(shape, dtype=int)).astype(dtype).reshape(shape, order=order)


ARRAYS = {
    "c": lambda: counting(4, 6),
    "f": lambda: counting(4, 6, order="F"),
    "transposed": lambda: counting(6, 4).T,
    "strided": lambda: counting(8, 12)[::2, ::2],
    "negative": lambda: counting(4, 6)[::-1, ::-1],
    "offset": lambda: counting(6, 8)[1:5, 2:],
}


@pytest.mark.parametrize("layout", ARRAYS)
@pytest.mark.parametrize("program", [
    lambda x: x, lambda x: x.T, lambda x: x[1:], lambda x: x[:, ::-1], lambda x: x[::2, 1], lambda x: x[1], lambda x: x[1, 2],
    lambda x: x[1, ...], lambda x: x[1, 2, ...], lambda x: x[None, :, None], lambda x: x[..., None], lambda x: x[-1:, -3:-1],
    lambda x: x[3:1], lambda x: x[5:], lambda x: x.T[1:].T, lambda x: x[1:][1:][::-1], lambda x: (x[1:], x[:-1]),
    lambda x: x + 1, lambda x: x.T + 1, lambda x: x[::2] * x[1::2], lambda x: x * x.T.T, lambda x: -x[:, ::-1],
    lambda x: x + x.copy(order="F"), lambda x: np.exp(x.T), lambda x: x.reshape(24), lambda x: x.reshape(2, 2, 6),
    lambda x: x.reshape(6, 4), lambda x: x.ravel(), lambda x: x.T.ravel(), lambda x: x[:, :2].reshape(8), lambda x: x[:2].ravel(),
    lambda x: x.reshape(4, 2, 3)[:, 1], lambda x: x.reshape(2, 2, 6)[1], lambda x: x.T.reshape(2, 12),
    lambda x: np.diagonal(x), lambda x: x.flatten(), lambda x: x.copy(), lambda x: x.swapaxes(0, 1), lambda x: np.squeeze(x[:1]),
    lambda x: x.reshape(4, 6, order="F"), lambda x: x.reshape(2, 12, order="F"), lambda x: x.ravel(order="F"),
    lambda x: np.broadcast_to(x, (2, 4, 6)), lambda x: x.astype(np.float32), lambda x: x.astype(float, copy=False),
    lambda x: x[[0, 2]], lambda x: x[:, [0, 2]], lambda x: x[[0, 1], [2, 3]], lambda x: x[[0, 2], 1:3], lambda x: x[1, [0, 2]],
    lambda x: x[[[0, 1], [2, 3]]], lambda x: x[:, None, [1, 0]], lambda x: x[[0, 1], None, [1, 2]], lambda x: x[np.array(1), [2, 3]],
])
def test_reads(layout, program):
    check(program, lambda: (ARRAYS[layout](),))


def write_row(x): x[1] = 7
def write_block(x): x[1:3, ::2] = counting(2, 3)
def write_all(x): x[...] = x[::-1]
def write_scalar(x): x[1, 2] = x[2, 1] + 1
def write_view(x): y = x.T; y[2] = 0; y[1:, 1] = 5
def write_view_of_view(x): y = x[1:][:, 1:]; y[::2][0] *= 3
def write_reshaped(x): y = x.reshape(2, 12); y[1] = -1
def write_raveled(x): y = x.ravel(); y[::5] = -1
def write_diagonal(x): x[np.arange(4), np.arange(4)] = 0
def write_fancy(x): x[[0, 2]] = x[[2, 0]]
def write_fancy_repeat(x): x[[1, 1, 1], [0, 0, 2]] = np.array([5, 6, 7])
def write_mask(x): x[x > 10] = 0
def write_mask_rows(x): x[x[:, 0] > 5] = np.arange(6)
def write_mask_columns(x): x[:, x[0] > 3] = -1
def write_mask_through_view(x): y = x[::2]; y[y > 10] = -2
def add_in_place(x): x += 1
def add_rows(x): x[1:] += x[:-1]
def multiply_view(x): x[:, ::2] *= x[:, 1::2]
def add_self_reversed(x): x += x[::-1]
def shift(x): x[1:] = x[:-1]; x[:-1] = x[1:]
def swap_rows(x): x[0], x[1] = x[1].copy(), x[0].copy()
def swap_rows_aliased(x): x[0], x[1] = x[1], x[0]
def swap_elements(x): x[0, 0], x[1, 1] = x[1, 1], x[0, 0]
def broadcast_write(x): x[:] = x[0]
def leading_ones(x): x[1] = np.ones((1, 1, 6))
def out_argument(x): np.multiply(x, 2, out=x); np.add(x[1:], x[:-1], out=x[:-1])
def where_argument(x): np.sqrt(x, out=x, where=x > 10)
def integer_powers(x): x **= 2; x[1:] **= 0.5
def at_add(x): np.add.at(x, [0, 0, 2], 1.5)
def at_maximum(x): np.maximum.at(x, ([0, 0], [1, 1]), [3, 30])
def real_part(x): z = x + 1j; z.real[1:] = 5; z.imag *= 2; x[...] = z.imag; return z, z.real, z.imag
def fill(x): x.fill(3); x[1].fill(4)
def sort_in_place(x): x[:, ::-1].sort(axis=0)
def copyto(x): np.copyto(x[1:], x[0])
def flat_write(x): x.flat[3] = 9
def set_shape(x): y = x[:]; y.shape = (2, 2, 6) if y.flags.c_contiguous else (4, 6); y[0] = 1; return y


WRITES = [f for name, f in list(globals().items()) if callable(f) and name.split("_")[0] in (
    "write", "add", "multiply", "shift", "swap", "broadcast", "leading", "out", "where", "integer", "at", "real", "fill", "sort",
    "copyto", "flat", "set")]


@pytest.mark.parametrize("layout", ARRAYS)
@pytest.mark.parametrize("program", WRITES, ids=lambda f: f.__name__)
def test_writes(layout, program):
    check(program, lambda: (ARRAYS[layout](),))
    check(lambda x: (program(x), x, x[1:], x.T), lambda: (ARRAYS[layout](),))
    check(lambda x: (program(y := x * 1), y, y[1:], x), lambda: (ARRAYS[layout](),))


def overlapping(kind):
    a = counting(12)
    return {"shifted": lambda: (a[1:9], a[:8]), "reversed": lambda: (a[:8], a[7::-1]), "same": lambda: (a, a),
            "halves": lambda: (a[::2], a[1::2]), "inside": lambda: (a[:8], a[2:6]), "reinterpreted": lambda: (
                a.reshape(3, 4), a.reshape(4, 3).T), "apart": lambda: (a[:4], a[8:])}[kind]()


def add_first(x, y): x += y[:1]; return y * 1, y
def copy_over(x, y): x[:2] = y[:2] * 2; return x, y.copy()
def write_both(x, y): x[0] = 7; y[-1] = x[0] + 1; y[0] = 3; return x + 1, y + 1
def write_second(x, y): y[1] = 5; return x.copy(), x[1:], y


@pytest.mark.parametrize("kind", ["shifted", "reversed", "same", "halves", "inside", "reinterpreted", "apart"])
@pytest.mark.parametrize("program", [add_first, copy_over, write_both, write_second])
def test_overlapping_arguments(kind, program):
    check(program, lambda: overlapping(kind))


def test_three_arrays_over_one_buffer():
    def program(x, y, z):
        x[1] = z[0]
        z += 1
        y[...] = x[:3]
        return x.sum(), z

    def make():
        a = counting(8)
        return a[:5], a[2:5], a[4:]

    check(program, make)


def test_read_only():
    def frozen():
        a = counting(4)
        a.flags.writeable = False
        return (a,)

    def write(x): x[0] = 1
    def add(x): x += 1
    def out(x): np.add(x, 1, out=x)
    def through_view(x): x[1:][0] = 2
    for program in (write, add, out, through_view, lambda x: x + 1, lambda x: x, lambda x: x[1:], lambda x: x.T):
        check(program, frozen)
    check(lambda x: np.broadcast_to(x, (2, 4)).__setitem__(0, 1), lambda: (counting(4),))


def test_zero_size_and_rank_zero():
    empty = lambda: (np.zeros((0, 3)),)
    for program in (lambda x: x, lambda x: x + 1, lambda x: x[:, 1], lambda x: x.T, lambda x: x.reshape(3, 0), lambda x: x[:, [0, 1]]):
        check(program, empty)
    check(lambda x: x[0], empty)
    zero = lambda: (np.array(2.5),)

    def write(x): x[...] = 4; x[()] += 1; x += 1; return x
    for program in (lambda x: x, lambda x: x + 1, lambda x: x[()], lambda x: x[...], lambda x: x.reshape(1), lambda x: -x, write,
                    lambda x: x.T, lambda x: x[None], lambda x: np.sin(x), lambda x: x * np.ones(3), lambda x: x == 2.5):
        check(program, zero)


def test_returned_objects():
    def several(x):
        y = x * 2
        return {"y": y, "again": y, "part": y[1:], "list": [y, x], "x": x, "none": None, "text": "a", "pair": (1, y[0])}

    check(several, lambda: (counting(4),))
    check(lambda x: (x[1:], x[1:]), lambda: (counting(4),))
    shared = run_traced(lambda x: (lambda y: (y, [y]))(x + 1), (counting(3),))
    assert shared[0] is shared[1][0]


def test_shape_of_an_argument_is_set_in_place():
    def program(x):
        x.shape = (3, 4)
        x[1] = 0
        return x.shape

    check(program, lambda: (counting(12),))
    check(lambda x: setattr(x, "shape", (5, 5)), lambda: (counting(12),))


@pytest.mark.parametrize("program", [
    lambda x, y: x + y, lambda x, y: x.__iadd__(y), lambda x, y: x.__setitem__(slice(0, 2), y), lambda x, y: x[7], lambda x, y: x[1, 2],
    lambda x, y: x["a"], lambda x, y: x[1.5], lambda x, y: x[[0, 9]], lambda x, y: x[np.array([0.5])], lambda x, y: x[y > 0],
    lambda x, y: x.reshape(7), lambda x, y: np.add(x, y, out=np.zeros(2)), lambda x, y: x[..., ...], lambda x, y: x.nothing,
    lambda x, y: len(x[0]), lambda x, y: np.add(x, x, out=y), lambda x, y: x.__setitem__([0, 1, 2], y), lambda x, y: bool(x),
])
def test_errors_are_numpys(program):
    check(program, lambda: (counting(3), counting(4)))


def test_casting_errors():
    whole = lambda: (counting(3, dtype=int), counting(3))
    for program in (lambda i, x: i.__iadd__(x), lambda i, x: i.__itruediv__(2), lambda i, x: np.add(i, x, out=i),
                    lambda i, x: np.add(i, x, out=i, casting="unsafe"), lambda i, x: i.__setitem__(0, 1.5), lambda i, x: i & x,
                    lambda i, x: np.sqrt(i, dtype=int), lambda i, x: np.add(i, x, dtype=np.float32), lambda i, x: ~x,
                    lambda i, x: i.__ilshift__(1), lambda i, x: i.astype(np.uint8) + 300, lambda i, x: i.astype(np.uint8) < 300,
                    lambda i, x: i.astype(np.uint8).__setitem__(0, 300), lambda i, x: i.__setitem__(0, 1 + 2j)):
        check(program, whole)
