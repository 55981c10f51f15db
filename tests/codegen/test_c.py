"""The loop dialect as C, compiled by the system's compiler, computes what the evaluator computes."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from treadle.codegen.c import emit
from treadle.codegen.c.operations import ROWS
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import const, expression_scope, load, op, var
from treadle.ir.loops import Buffer, For, If, LoopFunction, Raise
from treadle.ir.scalar import SCALAR_OPS

from tests.codegen.generated import generate
from tests.codegen.native import Raised
from tests.codegen.test_generated_loops import copies

COMPILER = shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def compiled(function: LoopFunction, folder):
    """As `native.compiled`, by way of C."""
    source, library = folder / f"{function.name}.c", folder / f"{function.name}.so"
    source.write_text(emit(function))
    subprocess.run([COMPILER, "-std=gnu11", "-O1", "-fwrapv", "-ffp-contract=off", "-fno-strict-aliasing", "-w", "-shared", "-fPIC",
                    "-o", library, source, "-lm"], check=True)
    native = ctypes.CDLL(str(library))[function.name]
    native.restype, native.argtypes = ctypes.c_int64, [ctypes.c_void_p, ctypes.c_void_p]
    arena = np.zeros(function.arena_bytes + 64, np.uint8)

    def call(arrays, scalars):
        slots = np.array([*(a.ctypes.data for a in arrays), *scalars, arena.ctypes.data], np.uint64)
        error = np.zeros(4, np.int64)
        if native(slots.ctypes.data, error.ctypes.data):
            raise Raised(*error.tolist())

    return call


@needs_compiler
@pytest.mark.parametrize("start", [0, 6, 12])
def test_generated(start, tmp_path):
    for seed in range(start, start + 6):
        with expression_scope():
            made = generate(seed)
            made.function.name = f"generated{seed}"
            wanted, got = copies(made.arrays), copies(made.arrays)
            evaluate_loops(made.function, wanted, made.scalars)
            compiled(made.function, tmp_path)(got, [made.scalars["n"], made.scalars["m"]])
            for b, want, have in zip(made.function.buffers, wanted, got, strict=True):
                same = (want == have) | ((want != want) & (have != have))
                assert same.all(), (seed, b, have[~same][:4], want[~same][:4])


@needs_compiler
def test_raise(tmp_path):
    with expression_scope():
        x = Buffer("x", "i64", (var("n"),), place="arg", readonly=True)
        e = load(x, (var("i"),))
        body = For("i", const(0), var("n"), [If(op("lt", e, const(0)), [Raise(3, (var("i"), e))])])
        call = compiled(LoopFunction("raising", [x], [("n", "i64")], [body]), tmp_path)
    call([np.arange(4)], [4])
    with pytest.raises(Raised) as error:
        call([np.array([4, 3, -2, -1])], [4])
    assert error.value.args == (3, 2, -2, 0)


def test_every_operation_has_a_row():
    assert SCALAR_OPS.keys() == ROWS.keys()
