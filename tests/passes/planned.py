"""Runs a graph function through planning, lowering and the arena, and compares with evaluating the graph."""

from __future__ import annotations

import numpy as np
import treadle.ir.evaluate_loops as evaluate_module
from treadle.ir.builder import Builder
from treadle.ir.evaluate import evaluate
from treadle.ir.evaluate_loops import evaluate_loops
from treadle.ir.expr import expression_scope
from treadle.ir.graph import Block, Function, Output, Parameter
from treadle.ir.loops import Alloc, LoopFunction, walk
from treadle.ir.types import ArrayType
from treadle.ir.verify import verify
from treadle.ir.verify_loops import verify_loops
from treadle.passes.arena import arena
from treadle.passes.lower import lower
from treadle.passes.plan import Plan, plan

RELATIVE = {"e": 4e-3, "f": 2e-6, "F": 4e-6, "d": 1e-13, "D": 1e-13}


def strides_of(dims) -> tuple[int, ...]:
    out, step = [], 1
    for d in reversed(dims):
        out.insert(0, step)
        step *= d
    return tuple(out)


def make(types, build, outputs=None, strides=None) -> Function:
    """A function of these argument types; build(builder, *arguments) returns what it yields."""
    b = Builder(Block(list(types)))
    b.block.yields = list(build(b, *b.block.args))
    parameters = [Parameter(f"x{k}", (strides or {}).get(k, strides_of(t.dims)) if isinstance(t, ArrayType) and t.dims else None)
                  for k, t in enumerate(types)]
    return Function("f", b.block, parameters, list(outputs or [Output() for _ in b.block.yields]))


def compiled(function: Function) -> tuple[Plan, LoopFunction]:
    """Planned and lowered, every step verified."""
    planned = plan(function)
    verify(planned.function)
    loops = verify_loops(lower(planned.function))
    arena(loops)
    return planned, loops


def same(got, want, exact: bool) -> bool:
    got, want = np.asarray(got), np.asarray(want)
    if got.dtype != want.dtype or got.shape != want.shape:
        return False
    nans = want.dtype.kind in "fc"
    if exact or not nans:
        return np.array_equal(got, want, equal_nan=nans)
    bound = RELATIVE[want.dtype.char]
    with np.errstate(all="ignore"):
        return np.allclose(got, want, rtol=bound, atol=bound * (np.nanmax(np.abs(want), initial=0) + 1), equal_nan=True)


def run(function: Function, loops: LoopFunction, args, order="reverse") -> list[np.ndarray]:
    """The results of the loop program, in the order of the outputs; arguments of `args` are not changed."""
    own = [np.lib.stride_tricks.as_strided(*_laid_out(a, p.strides)) if p.strides is not None else a
           for a, p in zip(map(np.asarray, args), function.parameters, strict=True)]
    arrays = [a for a, p in zip(own, function.parameters, strict=True) if p.strides is not None]
    scalars = {}
    for a, p in zip(own, function.parameters, strict=True):
        if p.strides is None:
            parts = [(f"{p.name}_re", a.real), (f"{p.name}_im", a.imag)] if a.dtype.kind == "c" else [(p.name, a)]
            scalars.update((n, v[()]) for n, v in parts)
    results = []
    for output, v in zip(function.outputs, function.block.yields, strict=True):
        if output.into is not None:
            results.append(own[output.into])
            continue
        layout = output.layout or tuple(range(len(v.dims)))
        new = np.empty([v.dims[a] for a in layout], v.type.dtype)
        new = new.transpose(np.argsort(layout)) if v.dims else new
        results.append(new)
        arrays.append(new)
    evaluate_loops(loops, arrays, scalars, order)
    return results


def _laid_out(a: np.ndarray, strides: tuple[int, ...]):
    """Memory in which `a` lies with these strides (in elements, not negative)."""
    size = 1 + sum(s * (n - 1) for s, n in zip(strides, a.shape, strict=True)) if a.size else 0
    flat = np.zeros(size, a.dtype)
    at = tuple(s * a.itemsize for s in strides)
    np.lib.stride_tricks.as_strided(flat, a.shape, at)[...] = a
    return flat, a.shape, at


def agree(function: Function, args, exact: bool = True, order: str = "reverse") -> tuple[Plan, LoopFunction]:
    """Assert that the loop program computes what the graph means; returns the plan and the program."""
    want = evaluate(function, [np.asarray(a) if not isinstance(a, bool | int | float | complex) else a for a in args])
    with expression_scope():
        planned, loops = compiled(function)
        again = evaluate(planned.function, list(args))
        got = run(function, loops, args, order)
    for w, g, h in zip(want, got, again, strict=True):
        assert same(h, w, True), f"planning changed the meaning: {h} instead of {w}"
        assert same(g, np.asarray(w, g.dtype), exact), f"{g} instead of {w}"
    return planned, loops


def temporaries(loops: LoopFunction, rank: int = 0) -> int:
    """How many temporaries of at least this rank there are."""
    return sum(isinstance(s, Alloc) and len(s.buffer.dims) >= rank for s in walk(loops.body))


class _InArena(evaluate_module._Machine):
    """Keeps temporaries where `arena` put them, in one block of bytes."""

    def __init__(self, order: str) -> None:
        super().__init__(order)
        self.arena = np.zeros(1 << 20, np.uint8)

    def allocate(self, b, env) -> None:
        super().allocate(b, env)
        filled = self.memory[b]
        assert b.offset is not None and b.offset % 64 == 0
        view = self.arena[b.offset:b.offset + filled.nbytes].view(filled.dtype).reshape(filled.shape)
        view[...] = filled
        self.memory[b] = view


def run_in_arena(function: Function, args) -> bool:
    """Run on `args` themselves, temporaries sharing one arena: is the result what the graph means?"""
    want = evaluate(function, [np.array(a) for a in args])
    with expression_scope():
        _, loops = compiled(function)
        new = [np.empty(v.dims, v.type.dtype) for v, o in zip(function.block.yields, function.outputs, strict=True)
               if o.into is None]
        saved, evaluate_module._Machine = evaluate_module._Machine, _InArena
        try:
            evaluate_loops(loops, [*args, *new])
        finally:
            evaluate_module._Machine = saved
    rest = iter(new)
    got = [args[o.into] if o.into is not None else next(rest) for o in function.outputs]
    return all(same(g, w, False) for g, w in zip(got, want, strict=True))
