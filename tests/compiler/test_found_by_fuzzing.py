"""Programs that once went wrong, found by the fuzzer: the smallest form of each, against NumPy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from treadle import jit

from tests.comparator import difference, fresh, observe


def agrees(function, *arguments):
    """The compiled function does what the plain one does: values, layout, identity, effects and errors."""
    make = fresh(arguments)
    want, compiled = observe(function, make), jit(function)
    for _ in range(2):
        assert difference(observe(compiled, make), want) is None


@pytest.mark.parametrize("bound", [-1, 0, 3, 255, 256, 10**12, -(10**12)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64, np.int64, np.bool])
def test_comparing_with_a_python_int_beyond_the_dtype(dtype, bound):
    x = np.array([0, 1, 3, 200, 255]).astype(dtype)
    agrees(lambda x, n: (x > n, x <= n, n < x, n != x, x == n, x[1] >= n), x, bound)


@pytest.mark.parametrize("number", [1.5, 3, True, np.float32(2)])
def test_adding_under_a_mask_to_an_array_of_truths(number):
    def f(x, n):
        x[x] += n
        return x

    agrees(f, np.array([True, False]), number)


def test_what_squeeze_does_not_change_is_the_array_itself():
    agrees(lambda x, y: (np.squeeze(x), np.squeeze(y), x.squeeze()), np.ones((2, 3)), np.array(4.0))


def test_an_array_is_no_element():
    def f(x, y):
        x[-1] = y

    agrees(f, np.ones(3), np.ones(1))
    agrees(f, np.ones((3, 1)), np.ones(1))
    agrees(f, np.ones(3), np.array(2.0))
    for kind in (bool, int, complex):
        agrees(f, np.zeros(3, kind), np.ones(1, kind))
        agrees(f, np.zeros(3, kind), [1, 2])


BROADCAST = np.broadcast_to(np.arange(8.0).reshape(2, 1, 4).transpose(2, 1, 0), (4, 3, 2))
LAYOUTS = [BROADCAST, np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0), np.asfortranarray(np.ones((3, 4))),
           np.broadcast_to(np.arange(4.0), (3, 4)), np.ones((3, 4))[::-1, ::-1].T]


@pytest.mark.parametrize("x", LAYOUTS, ids=lambda x: str(x.strides))
def test_the_memory_order_of_copies_and_reductions(x):
    agrees(lambda x: (np.nan_to_num(x), np.round(x, 1), np.round(x), x.sum(axis=-1), np.count_nonzero(x, axis=0),
                      np.array([x, x]), np.triu(x), x.astype(int), np.zeros_like(x)), x)


F = np.asfortranarray(np.arange(12).reshape(3, 4))
SQUARE = np.arange(289.0).reshape(17, 17)


@pytest.mark.parametrize("f", [
    lambda a, i: a[i], lambda a, i: a[i, i], lambda a, i: a[i, 3], lambda a, i: a[:, i], lambda a, i: a[:, None, i],
    lambda a, i: a[:1][:, i], lambda a, i: a[0][i], lambda a, i: a[0][i, ...], lambda a, i: a[0][None, i],
    lambda a, i: a[i, np.arange(4)], lambda a, i: a[i, i.copy("C")]])
@pytest.mark.parametrize("index", [F, F[::-1], F.copy("C"), np.broadcast_to(np.arange(4), (3, 4))], ids=lambda x: str(x.strides))
def test_the_memory_order_of_gathered_elements(f, index):
    agrees(f, SQUARE, index)
    agrees(f, SQUARE.T, index)
    agrees(lambda b: (b[[0, 1]], b[:, [0, 1]]), BROADCAST)


def test_repeated_integer_powers_compile_quickly():
    """Bounds of what is squared again and again are not sought along every path."""
    def f(a, n):
        b = np.power(a * 0.5 + n, 2.0) > 1
        c = np.power(a, n)
        return np.power(c, a) ** (b >= c), n**n

    agrees(f, np.array([[True, False]]), 2)


def test_a_vector_that_a_loop_inside_carries():
    """One vector covers the whole loop; the maximum along the inner axis starts from a scalar."""
    def f(x):
        y = np.cumprod(x)
        y -= y.ravel()
        z = y[:, None]
        y[...] -= np.argmax(z, axis=1)
        return y

    agrees(f, np.ones(4, np.float16))


def test_a_write_through_a_new_axis_of_a_0d_array():
    def f(x, y):
        x[None] //= 2
        y[None, None] = 7
        z = np.ones((4, 5)).mean(keepdims=True, where=x > 3)
        z[z != 1] = 0.5
        return np.cumprod(x), np.fmin(np.ones((0, 2)), x), z

    agrees(f, np.array(5, np.uint32), np.array(1.0))


def test_indices_read_from_the_array_that_is_written():
    """What is written must not be read as an index later in the same statement."""
    def f(x):
        x = x * 1
        x[x != 2] += 2
        x[x] = 7
        return x

    def g(x, y):
        y[x] = x
        x[x] = 100
        x[y % 5] += x[x % 5]
        np.add.at(x, x % 5, x)
        return x

    agrees(f, np.array([1, 2, 0, 0, 1]))
    agrees(g, np.array([3, 2, 4, 0, 1]), np.arange(5))


@pytest.mark.parametrize("number", [-1, 300, 2**63, 7])
def test_where_takes_a_python_int(number):
    x, c = np.array([1, 2], np.uint8), np.array([True, False])
    for f, args in ((lambda c, x: np.where(c, number, x), (c, x)),
                    (lambda c, x, n: (np.where(c, n, x), np.where(c, x, n)), (c, x, number))):
        try:
            f(*args)
        except OverflowError:
            with pytest.raises(OverflowError):
                jit(f)(*args)
        else:
            agrees(f, *args)


def test_comparing_two_python_ints():
    agrees(lambda m, n: (np.equal(m, n), np.less(m, 2), np.maximum(m, n)), -2, 3)


def test_tile_of_nothing_is_a_view():
    x = np.ones((2, 0), np.float32)
    x.flags.writeable = False
    agrees(lambda x, y: (np.tile(x, 2), np.tile(y, 1), np.tile(y, (1, 1, 1)), np.tile(y, (2, 1))), x, np.ones((2, 3)).T)


@pytest.mark.parametrize("kind", [int, bool, np.float32, complex])
def test_reductions_into_an_array_of_another_dtype(kind):
    x = np.linspace(0, 3, 6).reshape(2, 3)
    agrees(lambda x, y: (np.sum(x, axis=0, out=y), np.max(x, axis=0, out=y), np.cumsum(x[0], out=y)), x, np.zeros(3, kind))


def test_triangles_of_a_vector_and_the_order_of_choose():
    agrees(lambda x: (np.tril(x), np.triu(x, 1)), np.arange(3.0))
    agrees(lambda x: np.choose(x, [x, x + 1]), np.asfortranarray(np.array([[0, 1], [1, 0]])))


def test_floats_combined_into_an_array_of_integers_are_rounded_at_each_step():
    agrees(lambda x: np.add.at(x, [0, 0, -1], 1.5), np.array([-1, 2, 3]))
    agrees(lambda x, y: np.add.at(x, [0, 0, -1], y), np.arange(3, dtype=np.uint8), np.array([1, 2, 3]))


def test_products_with_a_python_number_and_padding_of_nothing():
    agrees(lambda x, n: (x.dot(n), np.dot(2.5, x), np.dot(n, x)), np.ones((2, 3), np.float16), 1.5)
    agrees(lambda x: np.pad(x, 1), np.array(2.0))


def test_axes_without_elements():
    agrees(lambda x: (np.median(np.ones((0, 3)), axis=-1), np.take(x, [0, -1], axis=1)), np.ones((0, 0)))
    agrees(lambda x: np.einsum("ii->i", x), np.ones((3, 1)))


def test_contiguous_arrays_have_an_axis():
    agrees(lambda x: (np.asfortranarray(x), np.ascontiguousarray(x)), np.array(2.0))


def test_sums_and_products_of_truths():
    agrees(lambda x: (np.sum(x, axis=0, dtype=bool), np.prod(x, dtype=bool), np.sum(x, dtype=bool, initial=True)),
           np.array([[0.0, 2.0], [0.0, -2.0]]))


def test_a_copy_onto_itself_looks_at_nothing_else():
    def f(x, mask):
        np.copyto(x, x, where=mask)
        return x

    frozen = np.arange(4)
    frozen.flags.writeable = False
    agrees(f, frozen, np.ones((9, 9), bool))
    agrees(lambda x, y: np.copyto(x, y), frozen, np.arange(4))


@pytest.mark.parametrize("mask", [np.ones((1, 4), bool), np.ones(3, bool), np.ones(4, int), np.array([True, False, True, True])])
def test_the_mask_of_a_copy_broadcasts_to_its_target(mask):
    def f(x, y, mask):
        np.copyto(x, y, where=mask)
        return x

    agrees(f, np.arange(4), np.arange(4)[None] + 5, mask)
    agrees(f, np.arange(4), 7, mask)
    agrees(f, np.arange(4), 7.5, mask)


def test_powers_of_truths_and_of_complex_numbers():
    agrees(lambda x: (x ** 2, x ** 3, x ** 2.0), np.array([True, False]))
    agrees(lambda x: (x ** -1, x ** -1.0, x ** 0.5, x ** 2), np.array([1 + 0j, 2 - 3j]))


def test_a_float_divided_by_one_is_rounded_down():
    agrees(lambda x: (x // True, x // 1, x // 1.0, x % 1), -0.25)


def test_clip_is_a_ufunc():
    def f(x, out):
        return np.clip(x, 0, 1, out=out)

    x = np.array([0.5, 2, -1])
    agrees(f, x, np.zeros(3, int))
    agrees(f, np.array([1, 2, 3]), np.zeros(3, bool))
    agrees(lambda x: (np.clip(x, False, True), np.clip(x, 0, 1)), np.array([True, False]))
    agrees(lambda x: (np.clip(x, 0, 3, dtype=np.float32), np.clip(x, [0], [[3], [4]]), np.clip(x, 0, 1.5)), np.array([1, 5]))


def test_python_numbers_among_choices_are_weak():
    agrees(lambda i, x: np.choose(i, [x, 2]), np.array([0, 1]), np.array([1, 2], np.float32))
    agrees(lambda i, x: np.choose(i, [x, 2.5]), np.array([0, 1]), np.array([1, 2], np.int8))


@pytest.mark.parametrize("mode", ["raise", "clip", "wrap"])
def test_taking_from_an_empty_axis(mode):
    def f(x, i, out):
        return np.take(x, i, mode=mode, out=out)

    agrees(f, np.zeros((0, 1)), np.zeros((2, 0), np.uint32), None)
    agrees(f, np.zeros((0, 1)), np.array([1, 2]), None)
    agrees(f, np.zeros((0, 1)), np.array([1, 2]), np.zeros(3))
    agrees(f, np.arange(3.0), np.array([True, False]), None)


@pytest.mark.parametrize("dtype", [float, int, bool, complex, np.float32])
def test_medians_of_nothing_and_of_nan(dtype):
    agrees(lambda x: (np.median(x), np.median(x, axis=0), np.median(x, axis=1)), np.zeros((0, 3), dtype))
    if np.dtype(dtype).kind in "fc":
        agrees(lambda x: (np.median(x), np.median(x, axis=0)), np.array([[1, np.nan, 3], [2, 5, np.nan]], dtype))


VIEWED = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize("x", [VIEWED, VIEWED.T, np.broadcast_to(VIEWED[0], (2, 3, 4)), VIEWED[:, ::-1]])
def test_einsum_of_one_operand_is_a_view(x):
    agrees(lambda x: (np.einsum("ijk->kji", x), np.einsum("...i->i...", x), np.einsum("cab", x)), x)
    agrees(lambda x: np.einsum("...i,...i->...", x, x), x)
    agrees(lambda x: np.einsum("ijk->kij", x, dtype=np.float32), x)


def test_einsum_of_axes_that_do_not_fit():
    agrees(lambda x: np.einsum("ii", x), np.ones((1, 2)))
    agrees(lambda x, y: np.einsum("ii,i->i", x, y), np.ones((1, 2)), np.ones(2))
    agrees(lambda x: np.einsum("i->ii", x), np.ones(2))
    agrees(lambda x, y: np.einsum("ij,kj->ik", x, y), np.ones((1, 5)).T, np.ones((4, 0)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.int64, np.float16, np.int8])
def test_the_memory_order_of_a_product_with_a_scalar(dtype):
    agrees(lambda x: (x.dot(2), x.dot(0.5), np.dot(2, x), np.inner(x, 3.0), x.dot(np.float32(2))),
           np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype)))


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float16])
@pytest.mark.parametrize("out", [np.int64, np.float32, np.float64])
def test_means_and_variances_into_an_array(dtype, out):
    def f(x, out):
        return np.mean(x, axis=0, out=out), out.copy(), np.var(x, axis=0, out=out), out.copy(), x.sum(axis=0, out=out)

    def g(x, out):
        return np.std(x, axis=0, out=out)

    x = np.array([[1, 2, 5], [3, 4, 9], [5, 6, 7], [7, 8, 3]]).astype(dtype)
    agrees(f, x, np.zeros(3, out))
    agrees(lambda x, out: np.std(x[:, :1] * 0 + 4, axis=0, out=out), x, np.zeros(1, out))


def test_the_memory_order_of_masked_means():
    x = np.arange(24.0).reshape(4, 3, 2).T
    agrees(lambda x: (np.nanmean(x, axis=-1), np.mean(x, axis=1, where=x > 3), np.nanvar(x, axis=0), np.isclose(x, 2)), x)
    agrees(lambda x: (np.isclose(x, x), np.round(x, 1)), np.broadcast_to(np.arange(4), (3, 1, 4)))


def test_indices_that_are_written_out_are_checked_before_what_follows():
    def f(x, y):
        x[..., [-20, 1]] |= y
        return np.stack([x, y])

    agrees(f, np.ones((3, 1), int), np.ones((2, 2), int))


def test_empty_values_lose_leading_extents_behind_an_index():
    def f(x, y):
        x[[-1, 0], :] = y

    agrees(f, np.zeros((3, 0)), np.zeros((5, 2, 0)))
    agrees(f, np.zeros((3, 2)), np.zeros((5, 2, 2)))


def test_a_place_is_read_before_what_is_added_to_it():
    def change(x):
        x[:2] = 100.0
        return 1.0

    def f(x, box):
        x[0] += change(x)
        x[[1, 2]] += change(x)
        box["y"] += change(x)
        x[:2] -= change(x)
        return x, box

    agrees(f, np.arange(3.0), {"y": 1.0})
    agrees(lambda x, y: _index_then_raise(x, y), np.zeros((3, 3)), np.ones(2))


def _index_then_raise(x, y):
    x[[0, 1], [0, 1, 2]] += y.no_such_attribute


def test_a_check_reads_memory_behind_views():
    def f(x, n):
        y = np.square(x)
        y **= np.choose(x * 1, [y, n])
        return y

    agrees(f, np.zeros(7, bool), 0)


def test_filling_through_flat_is_one_statement():
    def f(x, n):
        y = np.cumsum(x, axis=0)
        y.flat = n
        x.flat = np.arange(5)
        return y

    agrees(f, np.ones((33, 33), int), 2)


def test_sorting_in_place_needs_an_axis():
    agrees(lambda x: x.sort(axis=None), np.array([3, 1]))


@pytest.mark.parametrize("x", LAYOUTS, ids=lambda x: str(x.strides))
def test_the_memory_order_of_transforms(x):
    agrees(lambda x: (np.fft.fft(x * 0), np.fft.rfft(x * 0, axis=0)), x)
    make = fresh((x,))
    for function in (np.fft.fft, np.fft.rfft, np.fft.irfft):
        want, got = observe(lambda x: function(x), make), observe(jit(lambda x: function(x)), make)
        assert difference(got, want, values=False) is None


@pytest.mark.parametrize("first", [(2,), (3,), (4, 2), (4, 3)])
@pytest.mark.parametrize("second", [(2,), (3,), (4, 3)])
def test_products_of_vectors_of_two_or_three(first, second):
    agrees(lambda x, y: (np.cross(x, y), np.cross(x, y, axisc=0)), np.arange(np.prod(first) * 1.0).reshape(first),
           np.arange(np.prod(second)).reshape(second) + 2)
    agrees(lambda x, y: np.cross(x, y), np.ones(4), np.ones(3))


def test_joining_into_one_of_the_parts():
    def f(x, axis):
        np.concatenate([x[2:], x[:2]], axis=axis, out=x)
        return x

    agrees(f, np.arange(5.0), 0)
    agrees(f, np.arange(10.0).reshape(5, 2), 0)
    agrees(lambda x: np.concatenate([x[2:], x[:1]], out=x), np.arange(5.0))


def test_broadcasting_gives_axes_of_one_element_no_stride():
    agrees(lambda x: np.fft.ifft(np.broadcast_to(x.var(axis=-1, keepdims=True), (3, 1)), 5), np.arange(4.0))
    agrees(lambda x: np.empty_like(np.broadcast_to(x, (3, 2, 1))) * 0, np.ones((2, 1)))


@pytest.mark.parametrize("dtype", ["i1", "i4", "u1", "u4", "i8"])
@pytest.mark.parametrize("number", [7, -3, 2**40])
def test_a_numpy_integer_is_assigned_as_pythons_int_where_the_elements_are_signed(dtype, number):
    def f(a, b):
        a[0] = b[1]
        a[1:] *= 2
        return a

    agrees(f, np.arange(3).astype(dtype), np.array([1, number]))


@pytest.mark.parametrize("dtype", [bool, int, float, complex])
@pytest.mark.parametrize("made", [lambda: None, lambda: {"n": 0}, dict])
def test_an_object_is_assigned_as_an_array_that_holds_it(dtype, made):
    def f(a):
        a[1:] = made()
        return a

    agrees(f, np.zeros(3, dtype))


@pytest.mark.parametrize("dtype", ["i1", "i8", "u1"])
@pytest.mark.parametrize("number", [300.7, -1.5, np.nan, np.inf, 1e30, np.uint64(2**63), np.complex64(2 + 1j)])
def test_a_numpy_number_is_assigned_as_pythons_int_where_the_elements_are_signed(dtype, number):
    def f(a, b):
        a[1:] = b[0]
        return a

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # complex numbers lose a part, unsigned elements get what C makes of NaN
        agrees(f, np.arange(3).astype(dtype), np.array([number]))


def test_sums_over_extents_that_turn_out_to_be_nothing():
    def f(x):
        found = np.unique(x[:1])
        total = 0.0
        for _ in range(2):
            for _ in range(1):
                found = found[:len(found) - 1]
                total += found.sum()
        return total

    agrees(f, np.array([2.5]))


@pytest.mark.parametrize("most", [-1, 3])
def test_a_loop_without_trips_leaves_the_array_that_it_was_given(most):
    def f(a, b):
        for _ in range(len(b[b < most])):
            a = np.unique(a)
        for v in b[b < most]:
            b = b[b != v]
        return a, b

    agrees(f, np.array([3.0, 1.0, 1.0]), np.arange(5))


@pytest.mark.parametrize("number", [-128.9, -129.0, 127.9, 128.0, -0.5])
def test_an_integer_takes_what_is_before_the_point(number):
    def f(x, y):
        x[0] = y[0]
        return x

    agrees(f, np.zeros(2, np.int8), np.array([number]))


@pytest.mark.parametrize("place", [1, 7])
def test_what_may_raise_raises_before_what_certainly_does(place):
    def f(x, k):
        y = x[k]
        raise ValueError(f"after {y}")

    agrees(f, np.zeros(3), place)


@pytest.mark.parametrize("least", [0, 9])
def test_a_loop_whose_trips_raise_before_a_name_that_only_they_set(least):
    def f(x, counts):
        for _ in range(len(x[x > least])):
            y = np.repeat(x, counts)
        return y[1:]

    agrees(f, np.arange(6.0), np.ones(3, int))


def test_a_view_that_is_never_taken():
    def f(x):
        found, counts = np.unique(x, return_counts=True)
        y = np.arange(4.0)
        if np.any(counts > 1):
            y = np.repeat(y, counts[:len(y)])
        return found, y

    for x in (np.zeros(0, np.float32), np.array([1.0, 2, 3, 3, 4]), np.arange(3.0)):
        agrees(f, x)


def test_as_many_elements_as_a_mask_of_an_empty_array_has():
    def f(x, y):
        for _ in range(2):
            y = y[:len(x)]
            x = x[x != x.max()] if len(x) else x
        return np.extract(y > 0, y), np.take(y, np.flatnonzero(y > 0))

    for n in (0, 1, 4):
        agrees(f, np.arange(1.0, n + 1), np.arange(4.0))


def test_an_element_of_an_empty_array_is_not_taken():
    agrees(lambda x, places: np.take(x[:0], places[places > 2]), np.arange(3.0), np.arange(5))


@pytest.mark.parametrize("sign", [1, -1])
def test_names_of_the_function_around_that_may_not_be_bound(sign):
    def read(x):
        for k in range(2):
            if x[k] > 0:
                v = x + 1
        return v

    def closure(x):
        for k in range(2):
            if x[k] > 0:
                v = x + 1
        return (lambda q: v + q)(2)

    def comprehension(x):
        for k in range(2):
            if x[k] > 0:
                v = x + 1
        return [v[k] for k in range(2)]

    for f in (read, closure, comprehension):
        agrees(f, sign * np.ones(3))
