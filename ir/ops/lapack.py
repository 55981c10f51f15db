"""What the linear-algebra ops share: ops that are a generalized ufunc of NumPy's over stacks of matrices, and its lowering.

Such an op computes in f64 or c128, as `numpy.linalg` does.  Matrices are the last axes, stacks the leading ones, equal in all
operands.  Where LAPACK can fail the op has one more, last result `failed`, a truth value per matrix, and fills that
matrix's results with NaN; it raises nothing, so it is pure: the front end puts a `check` behind it.  Start with `lapack_op`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import gufuncs
from ..builder import Builder
from ..errors import UnsupportedError
from ..expr import Expr, const, var
from ..expr import op as scalar_op
from ..graph import Op, Value
from ..loops import Buffer, Call
from ..opdef import LowerContext, Missing, OpDef, Sample, Statements, register
from ..types import ArrayType, Dim, Type
from . import small_matrices
from .shaping import Terms, array_type, batched, loop_nest, may_equal

BOOL = np.dtype(bool)
LAPACK_DTYPES = ("f64", "c128")
# What one piece of parallel work should come to, in the units of the ops' own estimates (about one multiplication).
PIECE_WORK = 200_000
# What a matrix costs besides.
MATRIX_WORK = 2000

Pick = Callable[[dict], str]


@dataclass(frozen=True, slots=True)
class Stack:
    """An operand of a loop in memory: where it begins, the strides from matrix to matrix and inside, in scalars."""

    buffer: Buffer
    offset: Expr
    outer: tuple[Expr, ...]
    inner: tuple[Expr, ...]


def whole(buffer: Buffer, outer: int, inner: int) -> Stack:
    """A buffer with `outer` stack axes, then `inner` core axes."""
    return Stack(buffer, const(0), buffer.strides[:outer], buffer.strides[outer:outer + inner])


def operand_stack(ctx: LowerContext, op: Op, k: int, core: int) -> Stack:
    """Operand number k, whose last `core` axes are a matrix's."""
    seen = ctx.strided(k)
    outer = len(op.operands[k].dims) - core
    return Stack(seen.buffer, seen.offset, tuple(seen.strides[:outer]), tuple(seen.strides[outer:]))


def run_loop(ctx: LowerContext, routine: str, reads: Sequence[Stack], writes: Sequence[Stack], extents: Sequence[Expr],
             core: Sequence[Expr], work: Expr, flags: Stack | None = None) -> None:
    """Run a loop of NumPy's over a stack of `extents`; `core` are its core dimensions, `work` the cost of one matrix.

    Stack axes that lie behind one another in every operand are one; the loop takes the last, and loops run over the others.
    """
    stacks = [*reads, *writes, *([flags] if flags is not None else [])]
    split = len(extents) - 1
    while split > 0 and all(s.outer[split - 1] is s.outer[split] * extents[split] for s in stacks):
        split -= 1
    count, steps = const(1), [const(0)] * len(stacks)
    if extents:
        for d in extents[split:]:
            count = count * d
        steps = [s.outer[-1] for s in stacks]
    chunk = scalar_op("max", scalar_op("quot", const(PIECE_WORK), scalar_op("max", work, 1)), 1)
    with loop_nest(ctx, extents[:max(split, 0)], "seq") as index:
        offsets = []
        for s in stacks:
            at = s.offset
            for i, stride in zip(index, s.outer, strict=False):
                at = at + i * stride
            offsets.append(at)
        n = len(reads) + len(writes)
        inner = [e for s in stacks[:n] for e in s.inner]
        status = ctx.fresh("status")
        ctx.emit(Call(("gufunc_" if flags is None else "flagged_") + routine, tuple(s.buffer for s in reads),
                      tuple(s.buffer for s in stacks[len(reads):]),
                      (*offsets, count, chunk, *core, *steps[:n], *inner), status))
        with ctx.branch(var(status).differs(0)):
            ctx.raise_error("MemoryError", "no memory for copies of matrices")


def matrix_work(rows: Expr, columns: Expr) -> Expr:
    """An estimate of what a decomposition costs."""
    return rows * columns * (rows + columns) + MATRIX_WORK


def routine(name: str, dtype: np.dtype) -> str:
    return f"{name}_{dtype.char}"


def bind_cores(name: str, operands: Sequence[Value]) -> tuple[tuple[Dim, ...], dict[str, Dim]]:
    """The stack's extents and the core dimensions that the operands give a generalized ufunc."""
    bound: dict[str, Dim] = {}
    stack: tuple[Dim, ...] | None = None
    for x, core in zip(operands, gufuncs.cores(name)[0], strict=True):
        t = array_type(x)
        if t.rank < len(core):
            raise ValueError(f"{name} takes matrices, not {t}")
        lead = t.dims[:t.rank - len(core)]
        if stack is not None and (len(lead) != len(stack) or not all(map(may_equal, lead, stack))):
            raise ValueError(f"stacks of {name} differ: {lead} and {stack}")
        stack = lead if stack is None else stack
        for d, n in zip(core, t.dims[t.rank - len(core):], strict=True):
            if not may_equal(bound.setdefault(d, n), n):
                raise ValueError(f"dimension {d} of {name} is both {bound[d]} and {n}")
    return stack or (), bound


def least(a: Dim, b: Dim) -> Dim:
    """The smaller of two extents."""
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    if a is b:
        return a
    raise UnsupportedError("a decomposition of a matrix whose extents are known only at run time")


def _infer(pick: Pick, flagged: bool) -> Callable[[list[Value], dict], list[Type]]:
    def infer(operands: list[Value], attrs: dict) -> list[Type]:
        name = pick(attrs)
        stack, bound = bind_cores(name, operands)
        inputs, outputs = gufuncs.loop_dtypes(name, operands[0].dtype)
        if any(x.dtype != d for x, d in zip(operands, inputs, strict=True)):
            raise TypeError(f"{name} takes {', '.join(map(str, inputs))}, not {', '.join(str(x.type) for x in operands)}")
        if any("p" in core for core in gufuncs.cores(name)[1]):
            bound["p"] = least(bound["m"], bound["n"])
        types: list[Type] = [ArrayType(d, (*stack, *(bound[c] for c in core)))
                             for d, core in zip(outputs, gufuncs.cores(name)[1], strict=True)]
        return [*types, *([ArrayType(BOOL, stack)] if flagged else [])]

    return infer


def _evaluate(pick: Pick, flagged: bool) -> Callable[..., list]:
    def evaluate(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
        results, failed = gufuncs.call(pick(attrs), [np.asarray(x) for x in operands])
        return [*results, *([failed] if flagged else [])]

    return evaluate


def _lower(pick: Pick, flagged: bool) -> Statements:
    def lower(ctx: LowerContext, op: Op) -> None:
        name = pick(op.attrs)
        if small_matrices.handles(name, op):
            small_matrices.lower(name, ctx, op)
            return
        inputs, outputs = gufuncs.cores(name)
        dims = ctx.dims(op.operands[0])
        outer = len(dims) - len(inputs[0])
        core: dict[str, Expr] = {}
        for x, letters in zip([*op.operands, *op.results], [*inputs, *outputs], strict=False):
            for d, n in zip(letters, ctx.dims(x)[outer:], strict=True):
                core.setdefault(d, n)
        reads = [operand_stack(ctx, op, k, len(c)) for k, c in enumerate(inputs)]
        writes = [whole(ctx.out(k), outer, len(c)) for k, c in enumerate(outputs)]
        flags = whole(ctx.out(len(outputs)), outer, 0) if flagged else None
        rows, columns = dims[outer], dims[-1]
        run_loop(ctx, routine(name, op.operands[0].dtype), reads, writes, dims[:outer],
                 [core[d] for d in gufuncs.dimensions(name)], matrix_work(rows, columns), flags)

    return Statements(lower, views=True)


def batch_stack(name: str) -> Callable[..., list[Value]]:
    """Batching of an op over stacks: the lanes are one more stack axis."""

    def batch(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
        values = [batched(ctx, x, f, size) for x, f in zip(operands, flags, strict=True)]
        return ctx.emit(name, values, attrs)

    return batch


NOT_LINEAR = Missing("not linear")


def lapack_op(name: str, pick: str | Pick, jvp: Callable[..., Terms], samples: Sequence[Sample], doc: str, *,
              flagged: bool = True, transpose: Callable[..., Terms] | Missing = NOT_LINEAR, attrs: tuple[str, ...] = (),
              numpy: tuple[Callable, ...] = ()) -> None:
    """Register an op that is one generalized ufunc; `pick` names it, from the attributes where they decide."""
    choose: Pick = (lambda attrs: pick) if isinstance(pick, str) else pick
    register(OpDef(name, _infer(choose, flagged), _evaluate(choose, flagged), _lower(choose, flagged), jvp, transpose,
                   batch_stack(name), attrs=attrs, numpy=numpy, dtypes=LAPACK_DTYPES, samples=tuple(samples), doc=doc))


# Operands that an op's samples need --------------------------------------------------------------------------------------


def regular(operands: list[np.ndarray]) -> list[np.ndarray]:
    """The first operand made well conditioned, by a dominant diagonal."""
    a = operands[0]
    return [a + np.asarray(8 * np.eye(a.shape[-2], a.shape[-1]), a.dtype), *operands[1:]]


def positive_definite(operands: list[np.ndarray]) -> list[np.ndarray]:
    a = operands[0]
    return [a @ np.conj(np.swapaxes(a, -1, -2)) + np.asarray(np.eye(a.shape[-1]), a.dtype), *operands[1:]]


def hermitian(operands: list[np.ndarray]) -> list[np.ndarray]:
    a = operands[0]
    return [a + np.conj(np.swapaxes(a, -1, -2)) + np.asarray(np.diag(np.arange(a.shape[-1]) * 9.0), a.dtype), *operands[1:]]


def matrices(*shapes: tuple[tuple[int, ...], ...], prepare: Callable[[list[np.ndarray]], list[np.ndarray]] | None = None,
             attrs: Mapping[str, Any] | None = None) -> list[Sample]:
    """One sample per tuple of operand shapes."""
    return [Sample(s, dict(attrs or {}), prepare=prepare) for s in shapes]
