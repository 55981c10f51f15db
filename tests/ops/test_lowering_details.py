"""Lowering where a path is taken only by some sizes, layouts or values: BLAS calls, packing, special values, errors."""

from __future__ import annotations

import numpy as np
import pytest
from treadle.ir.builder import Builder, Slot
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.graph import Block, Function, Output, Parameter
from treadle.ir.loops import Alloc, Call, walk
from treadle.ir.ops import contraction
from treadle.ir.types import ArrayType
from treadle.ir.viewmap import Axis
from treadle.passes.lower import lower
from treadle.passes.plan import plan

from tests.ops.lower_checks import c_ordered, compiled, f_ordered, spread


@pytest.fixture(autouse=True)
def by_library(monkeypatch):
    """Products that would be loops for being small are calls here."""
    monkeypatch.setattr(contraction, "suits_loops", lambda op, free: False)


PRODUCTS = {
    "matrices": ((20, 30), (30, 10), ((1,), (0,)), ((), ())),
    "matrix by vector": ((150, 300), (300,), ((1,), (0,)), ((), ())),
    "vector by matrix": ((300,), (300, 150), ((0,), (0,)), ((), ())),
    "transposed": ((30, 20), (10, 30), ((0,), (1,)), ((), ())),
    "batch": ((3, 20, 30), (3, 30, 10), ((2,), (1,)), ((0,), (0,))),
    "batch of vectors": ((3, 150, 300), (3, 300), ((2,), (1,)), ((0,), (0,))),
    "many free axes": ((4, 5, 30), (30, 6, 2), ((2,), (0,)), ((), ())),
    "contracted in the middle": ((4, 30, 5), (6, 30, 2), ((1,), (1,)), ((), ())),
    "two contracted": ((4, 5, 30), (30, 5, 6), ((2, 1), (0, 1)), ((), ())),
    "one row": ((1, 300), (300, 150), ((1,), (0,)), ((), ())),
    "outer by one": ((60, 1), (1, 50), ((1,), (0,)), ((), ())),
}


@pytest.mark.parametrize("layouts", [(c_ordered, c_ordered), (f_ordered, c_ordered), (c_ordered, f_ordered),
                                     (f_ordered, f_ordered), (spread, spread)], ids=lambda p: "-".join(f.__name__ for f in p))
@pytest.mark.parametrize("dtype", ["f8", "c8"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_by_library(name, dtype, layouts):
    rng = np.random.default_rng(4)
    a_shape, b_shape, contract, batch = PRODUCTS[name]
    args = []
    for shape, layout in zip((a_shape, b_shape), layouts, strict=True):
        x = rng.integers(-5, 6, shape).astype(dtype)
        args.append(layout(x * (1 + 2j) if dtype == "c8" else x))
    (want,), (got,) = compiled(args, lambda b, v: b.emit("dot_general", v, {"contract": contract, "batch": batch}))
    np.testing.assert_array_equal(got, want)


def calls(args, build):
    block = Block([ArrayType(a.dtype, a.shape) for a in args])
    block.yields = list(build(Builder(block), block.args))
    function = Function("f", block, [Parameter(f"x{k}", tuple(s // a.itemsize for s in a.strides)) for k, a in enumerate(args)],
                        [Output() for _ in block.yields])
    return lower(plan(function).function)


@pytest.mark.parametrize("layout", [c_ordered, f_ordered])
def test_operands_that_blas_can_take_are_not_copied(layout):
    args = [layout(np.ones((64, 64))), layout(np.ones((64, 64)))]
    program = calls(args, lambda b, v: b.emit("dot_general", v, {"contract": ((1,), (0,)), "batch": ((), ())}))
    statements = list(walk(program.body))
    assert len(statements) == 1 and isinstance(statements[0], Call) and statements[0].routine == "dgemm"


def test_slices_are_passed_to_blas_where_they_lie():
    """Transposed, shifted, at a run-time row; with a step along both axes they are packed."""
    rng = np.random.default_rng(1)
    args = [rng.integers(-5, 6, (60, 70)).astype(float), np.array(7)]

    def build(b, v):
        left = b.slice(*v, map=(Axis(Slot(1), ((1, 1),)), Axis(3, ((1, 0),))), dims=(40, 30))
        right = b.slice(*v, map=(Axis(Slot(1), ((2, 0),)), Axis(0, ((1, 1),))), dims=(26, 30))
        return b.emit("dot_general", [left, right], {"contract": ((1,), (1,)), "batch": ((), ())})

    (want,), (got,) = compiled(args, build)
    np.testing.assert_array_equal(got, want)
    assert not any(isinstance(s, Alloc) for s in walk(calls(args, build).body))

    def packed(b, v):
        left = b.slice(v[0], map=(Axis(0, ((2, 0),)), Axis(68, ((-2, 1),))), dims=(30, 35))
        return b.emit("dot_general", [left, left], {"contract": ((1,), (1,)), "batch": ((), ())})

    (want,), (got,) = compiled(args, packed)
    np.testing.assert_array_equal(got, want)
    assert any(isinstance(s, Alloc) for s in walk(calls(args, packed).body))


def test_a_product_of_a_slice_of_what_is_computed():
    args = [np.random.default_rng(1).integers(-5, 6, (60, 70)).astype(complex) * 1j]
    args = [args[0][:40].copy(), args[0]]

    def grown(b, v):
        half = b.slice(b.add(v[1], v[1]), map=(Axis(1, ((1, 1),)), Axis(2, ((1, 0),))), dims=(50, 40))
        return b.emit("dot_general", [half, v[0]], {"contract": ((1,), (0,)), "batch": ((), ())})

    (want,), (got,) = compiled(args, grown)
    np.testing.assert_array_equal(got, want)


def test_every_product_above_is_a_call():
    for a, b, contract, batch in PRODUCTS.values():
        program = calls([np.ones(a), np.ones(b)], lambda g, v: g.emit("dot_general", v, {"contract": contract, "batch": batch}))
        assert any(isinstance(s, Call) for s in walk(program.body))


def test_a_small_product_reads_its_operands_where_they_are():
    def build(b, v):
        half = b.slice(v[0], map=(Axis(0, ((2, 0),)),), dims=(32,))
        return b.emit("dot_general", [half, half], {"contract": ((0,), (0,)), "batch": ((), ())})

    program = calls([np.ones(64)], build)
    assert not any(isinstance(s, Alloc) for s in walk(program.body))


def test_small_and_integer_products_are_loops():
    for dtype, n in (("f8", 8), ("i8", 64)):
        program = calls([np.ones((n, n), dtype)] * 2,
                        lambda b, v: b.emit("dot_general", v, {"contract": ((1,), (0,)), "batch": ((), ())}))
        assert not any(isinstance(s, Call) for s in walk(program.body))


SPECIAL = np.array([[-0.0, np.nan, 1.0, np.inf, -np.inf], [3.0, -0.0, np.nan, 3.0, 0.0], [np.inf, 2.0, 2.0, -np.inf, np.nan]])


def as_complex(re, im):
    out = np.empty(re.shape, complex)
    out.real, out.imag = re, im
    return out


@pytest.mark.parametrize("name", ["reduce_max", "reduce_min", "argmax", "argmin"])
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("kind", ["real", "complex", "half"])
def test_extremes_of_special_values(name, axes, kind):
    x = {"real": SPECIAL, "complex": as_complex(SPECIAL, SPECIAL[::-1]), "half": SPECIAL.astype("f2")}[kind]
    (want,), (got,) = compiled([x], lambda b, v: b.emit(name, v, {"axes": axes}))
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", ["real", "complex", "half"])
def test_scans_of_special_values_to_the_bit(name, axis, reverse, kind):
    x = {"real": SPECIAL, "complex": as_complex(SPECIAL, SPECIAL[::-1]), "half": SPECIAL.astype("f2")}[kind]
    attrs = {"axis": axis, "reverse": reverse, "exclusive": False}
    (want,), (got,) = compiled([x], lambda b, v: b.emit(name, v, attrs))
    np.testing.assert_array_equal(got, want)
    if kind != "complex":
        np.testing.assert_array_equal(np.signbit(got) & ~np.isnan(got), np.signbit(want) & ~np.isnan(want))


def test_a_sum_of_halves_is_formed_in_single():
    x = np.full(4096, 0.1, "f2")
    (want,), (got,) = compiled([x], lambda b, v: b.emit("reduce_sum", v, {"axes": (0,)}))
    assert got == want


@pytest.mark.parametrize("name", ["sort", "argsort"])
@pytest.mark.parametrize("kind", ["quicksort", "heapsort", "stable"])
@pytest.mark.parametrize("dtype", ["f8", "i1", "c16", "f2", "?"])
def test_sorts_of_ties_and_nan(name, kind, dtype):
    x = np.random.default_rng(0).integers(-3, 4, (40, 3)).astype(dtype)
    if x.dtype.kind in "fc":
        x[::7] = np.nan
    (want,), (got,) = compiled([x], lambda b, v: b.emit(name, v, {"axis": 0, "kind": kind}))
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("indices", [[[0, 1], [10, -7]], [[-4, 5], [0, 0]]])
def test_a_bad_index_is_named_in_native_code(indices):
    x = np.asarray(indices)
    with pytest.raises(IndexError) as expected:
        np.zeros(3)[x]
    program = calls([x], lambda b, v: [b.check_index(v[0], axis=0, extent=3)])
    with pytest.raises(IndexError) as got:
        evaluate_loops(program, [x, np.empty_like(x)])
    assert str(got.value) == str(expected.value)


def test_a_checked_index_is_consumed_by_the_gather():
    args = [np.arange(5.0), np.array([-1, 0, 4, -5])]

    def build(b, v):
        return [b.gather(v[0], b.check_index(v[1], axis=0, extent=5), axes=(0,), position=0)]

    (want,), (got,) = compiled(args, build)
    np.testing.assert_array_equal(got, args[0][args[1]])
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("good", [True, False])
def test_check_in_native_code(good):
    args = [np.arange(3.0), np.array(good), np.array(7)]
    program = calls(args, lambda b, v: b.emit("check", v, {"exception": "OverflowError", "message": "got {0}"}))
    out = np.empty(3)
    if good:
        evaluate_loops(program, [*args, out])
        np.testing.assert_array_equal(out, args[0])
    else:
        with pytest.raises(OverflowError, match="got 7"):
            evaluate_loops(program, [*args, out])


def test_run_time_starts_of_a_write_through_a_view():
    args = [np.zeros((4, 4)), np.arange(4.0), np.array(2)]
    attrs = {"map": (Axis(Slot(2)), Axis(0, ((1, 0),))), "dims": (4,)}
    (want,), (got,) = compiled(args, lambda b, v: b.emit("update_slice", v, attrs))
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(got[2], args[1])


@pytest.mark.parametrize("shape, axes", [((3, 9000), (1,)), ((9000,), (0,)), ((2, 3, 5000), (0, 2)), ((2, 3, 4096), (1, 2))])
@pytest.mark.parametrize("place", ["start", "end", "tie", "nan"])
def test_positions_in_long_lines(shape, axes, place):
    x = np.random.default_rng(0).normal(size=shape)
    x[..., {"start": 0, "end": -1, "tie": 100, "nan": 4200 % shape[-1]}[place]] = np.nan if place == "nan" else 9.0
    if place == "tie":
        x[..., 4500 % shape[-1]] = 9.0
    for layout in (c_ordered, f_ordered):
        (want,), (got,) = compiled([layout(x)], lambda b, v: b.emit("argmax", v, {"axes": axes}))
        np.testing.assert_array_equal(got, want)
