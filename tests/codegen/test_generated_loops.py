"""Generated loop functions compute, as machine code for each vector width, the bits that the loop evaluator computes."""

from __future__ import annotations

import llvmlite.binding as llvm
import numpy as np
import pytest
from treadle.codegen.llvm import emit
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.loops_text import show_loops
from treadle.ir.verify_loops import verify_loops

from tests.codegen.generated import generate
from tests.codegen.native import HOST, TARGETS, compiled

LEVELS = [t for t in (HOST, TARGETS["x86-64-v3"], TARGETS["x86-64-v2"]) if t.vector_bits <= HOST.vector_bits]


def copies(arrays):
    """The same memory layouts, with the values given."""
    out = []
    for a in arrays:
        order = np.argsort([-abs(s) for s in a.strides], kind="stable")
        gap = max(min((abs(s) for s, d in zip(a.strides, a.shape) if d > 0), default=a.itemsize) // a.itemsize, 1)
        memory = np.zeros((*[a.shape[k] for k in order], gap), a.dtype)[..., 0, None].squeeze(-1)
        b = np.asarray(memory).transpose(np.argsort(order))
        b = b[(*(slice(None, None, -1 if s < 0 else 1) for s in a.strides), ...)]
        assert b.strides == a.strides or a.size <= 1 or any(d == 1 for d in a.shape), (b.strides, a.strides, a.shape)
        b[...] = a
        out.append(b)
    return out


def check(seed: int, target) -> None:
    with expression_scope():
        made = generate(seed)
        verify_loops(made.function)
        wanted, got = copies(made.arrays), copies(made.arrays)
        evaluate_loops(made.function, wanted, made.scalars)
        call = compiled(made.function, target)
        call(got, [made.scalars["n"], made.scalars["m"]])
        for b, want, have in zip(made.function.buffers, wanted, got, strict=True):
            same = (want == have) | ((want != want) & (have != have))
            assert same.all(), f"seed {seed}, {b}: {have[~same][:4]} for {want[~same][:4]}\n{show_loops(made.function)}"


@pytest.mark.parametrize("target", LEVELS, ids=lambda t: t.name)
@pytest.mark.parametrize("start", [0, 10, 20, 30])
def test_generated(target, start):
    for seed in range(start, start + 10):
        check(seed, target)


def test_the_text_compiles_for_arm():
    """No ARM machine runs it here, but LLVM accepts it and makes code."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine()
    for seed in range(12):
        with expression_scope():
            text = emit(generate(seed).function, TARGETS["aarch64"]).text
        head = f'target triple = "aarch64-unknown-linux-gnu"\ntarget datalayout = "{machine.target_data}"\n'
        module = llvm.parse_assembly(head + text)
        module.verify()
        assert machine.emit_object(module)[:4] == b"\x7fELF"
