"""What an op is: one `OpDef` holds its name and every rule, in one place; the registry finds it by name.

Rules receive the transformation as their first argument: `ctx` is a `Builder` for jvp, transpose and batch (its methods
are the ops: `ctx.multiply(x, ctx.cos(y))`), a `LowerContext` for lowering.  So an op never imports a pass.

A rule that cannot exist is declared `Missing("reason")`; a field left at None is filled by the family that makes the op,
and registration fails if one is still absent.  `tests/ops/test_completeness.py` lists the declared ones.

Signatures:
  infer(operands: list[Value], attrs) -> list[Type]            raises TypeError/ValueError on bad operands; an op with
                                                               regions gets them as a third argument
  evaluate(xp, operands: list, attrs, types) -> list           over an array namespace; never writes to an operand
  jvp(ctx, primals, tangents, results, attrs) -> list          a tangent per result; None is a zero tangent, in and out
  transpose(ctx, cotangents, operands, attrs) -> list          operands: Value where known, `Linear(type)` where the
                                                               cotangent is wanted; returns one entry per operand, None
                                                               for known operands and for zero cotangents
  batch(ctx, operands, batched, size, attrs) -> list           batched operands have a new leading axis of extent `size`;
                                                               every result gets one
  lower                                                        one of the lowering kinds below
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from .expr import Expr
from .graph import Op, Value
from .loops import Buffer, Stmt
from .types import Type


@dataclass(frozen=True, slots=True)
class Missing:
    """A rule that this op does not have, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Linear:
    """Stands for an operand in which the op is being transposed: only its type is known."""

    type: Type


class Complex(NamedTuple):
    """A complex scalar while lowering: two real expressions of one type."""

    re: Expr
    im: Expr


Scalar = Expr | Complex


class Strided(NamedTuple):
    """Elements within a buffer, in its (component) scalars: where the first is, and the stride of each axis."""

    buffer: Buffer
    offset: Expr
    strides: tuple[Expr, ...]


class LowerContext(Protocol):
    """What a lowering rule may use. Operands and results are numbered; a complex array's buffer has a last axis of 2."""

    def read(self, operand: int, index: Sequence[Expr]) -> Scalar:
        """The element of an operand at an index that is in range (recomputed where the operand is fused)."""
        ...

    def buffer(self, operand: int, contiguous: bool = False) -> Buffer:
        """The operand in memory; with `contiguous`, in C order."""
        ...

    def strided(self, operand: int) -> Strided:
        """The operand in memory, where it lies if it is a view of memory."""
        ...

    def out(self, result: int = 0) -> Buffer:
        """The memory of a result (of `Statements` and `Update` lowerings)."""
        ...

    def dims(self, value: Value) -> tuple[Expr, ...]: ...

    def fresh(self, prefix: str) -> str: ...

    def emit(self, statement: Stmt) -> None: ...

    def let(self, value: Scalar, prefix: str = "t") -> Scalar:
        """Name a value, so that it is computed once, here."""
        ...

    def loop(self, lo: Expr | int, hi: Expr | int, kind: str = "par", step: int = 1) -> AbstractContextManager[Expr]:
        """`with ctx.loop(0, n) as i:` the statements emitted inside are the body."""
        ...

    def carry(self, lo: Expr | int, hi: Expr | int, init: Sequence[Expr],
              body: Callable[[Expr, tuple[Expr, ...]], Sequence[Expr]], until: int | None = None) -> tuple[Expr, ...]:
        """A sequential loop that carries scalars: body(i, state) emits statements and returns the next state.

        until: which of them, a truth value, ends the loop when it holds.  Returns the last state.
        """
        ...

    def branch(self, condition: Expr) -> AbstractContextManager[None]:
        """`with ctx.branch(c):` the statements emitted inside run where `c` holds."""
        ...

    def reduce(self, extents: Sequence[Expr], init: Scalar, combine: str | Callable[[Scalar, Scalar], Scalar],
               term: Callable[[tuple[Expr, ...]], Scalar]) -> Scalar:
        """Combine term(index) over a box; `combine` is the name of an associative scalar op, or ordered if a function."""
        ...

    def load(self, buffer: Buffer, index: Sequence[Expr]) -> Scalar: ...

    def store(self, buffer: Buffer, index: Sequence[Expr], value: Scalar) -> None: ...

    def temp(self, dtype: np.dtype, dims: Sequence[Expr | int]) -> Buffer: ...

    def raise_error(self, exception: str, message: str, details: Sequence[Expr] = ()) -> None:
        """Leave the native call with this exception (inside a `branch`)."""
        ...


@dataclass(frozen=True, slots=True)
class Pointwise:
    """Elementwise: fn(*scalars, **attrs) -> scalar. Always fusible."""

    fn: Callable[..., Scalar]


@dataclass(frozen=True, slots=True)
class Element:
    """fn(ctx, op, index) -> the result's element there, from `ctx.read`: views, concatenation, gathers. Fusible.

    `expands`: may read an operand's element more than once (broadcast), so that an expensive producer is materialised.
    """

    fn: Callable[[LowerContext, Op, tuple[Expr, ...]], Scalar]
    expands: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """A check: fn(ctx, op) emits the test where the op stands; then the result is read as `element` says."""

    fn: Callable[[LowerContext, Op], None]
    element: Callable[[LowerContext, Op, tuple[Expr, ...]], Scalar]


@dataclass(frozen=True, slots=True)
class Reduction:
    """Over attr `axes` of operand 0: combine (a scalar op's name) from identity(scalar type), the order being free.

    A complex operand is combined part by part.  accumulate(scalar type): the scalar type to combine in; the result is
    cast back.
    """

    combine: str
    identity: Callable[[str], int | float]
    accumulate: Callable[[str], str] = lambda scalar: scalar


@dataclass(frozen=True, slots=True)
class Fold:
    """An ordered reduction with state over attr `axes` of operand 0, elements in C order.

    init(scalar type) -> state;  step(state, element, position) -> state;  finish(state) -> scalar.

    parts: None, or (begin, merge), where stretches may be gone through at the same time: begin(element, position) -> the state
    of one element;  merge(state, state) -> that of a stretch and of the one behind it.
    """

    init: Callable[[str], tuple[Expr, ...]]
    step: Callable[[tuple[Expr, ...], Scalar, Expr], tuple[Expr, ...]]
    finish: Callable[[tuple[Expr, ...]], Scalar]
    parts: tuple[Callable[[Scalar, Expr], tuple[Expr, ...]],
                 Callable[[tuple[Expr, ...], tuple[Expr, ...]], tuple[Expr, ...]]] | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """The result is operand 0 with some elements overwritten; fn(ctx, op) stores them into ctx.out(), which already
    holds operand 0 (the same memory whenever operand 0 is dead afterwards).

    pointwise: `index(ctx, op, i) -> where` for ops that store read(1, i) at index(i) for each i of operand 1's extents.
    """

    fn: Callable[[LowerContext, Op], None] | None = None
    index: Callable[[LowerContext, Op, tuple[Expr, ...]], tuple[Expr, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Statements:
    """fn(ctx, op) fills ctx.out(k) for every result: library calls, sorts, scans. Never fused into a consumer.

    reads_once: it reads its array operands by `ctx.read` alone, no element more than once, so that producers may fuse.
    views: it takes its array operands by `ctx.strided`, so that slices of memory are not copied.
    """

    fn: Callable[[LowerContext, Op], None]
    reads_once: bool = False
    views: bool = False


@dataclass(frozen=True, slots=True)
class Structural:
    """Control flow: the lowering pass itself knows this op."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The lowering depends on operand types or attributes; read it with `lowering(op)`."""

    pick: Callable[[Op], Pointwise | Element | Checked | Reduction | Fold | Update | Statements | Structural]


Lowering = Pointwise | Element | Checked | Reduction | Fold | Update | Statements | Structural | Choice

Infer = Callable[..., list[Type]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Operands that enrol the op in the generic checks: one shape per operand, a dtype per operand (None: each of the
    op's dtypes in turn; "py.int" is a Python scalar), attributes, and the interval that real operands are drawn from.
    `prepare` makes of the operands drawn what the op is defined on, e.g. positive definite matrices."""

    shapes: tuple[tuple[int, ...], ...]
    attrs: dict = field(default_factory=dict)
    dtypes: tuple[str | None, ...] | None = None
    domain: tuple[float, float] = (-3.0, 3.0)
    prepare: Callable[[list[np.ndarray]], list[np.ndarray]] | None = None


@dataclass(frozen=True, slots=True)
class OpDef:
    """One op. See the module's text for the rules' signatures.

    numpy: the NumPy callables that this op answers for.  dtypes: operand dtypes by name (`types.DTYPES`).
    effect: "pure", "check" (may be hoisted or merged, never dropped) or "ordered".
    traits: facts that generic rewrite rules read: "commutative", "associative", "idempotent", "involution",
    "linear" (in every operand), "elementwise", "view", "fresh" (each op stands for something
    new: it is neither merged nor moved).  identity / absorbing: a value with x op e == x / x op z == z.
    """

    name: str
    infer: Infer
    evaluate: Callable[..., list]
    lower: Lowering | Missing
    jvp: Callable[..., list] | Missing
    transpose: Callable[..., list] | Missing
    batch: Callable[..., list] | Missing
    attrs: tuple[str, ...] = ()
    effect: str = "pure"
    numpy: tuple[Callable, ...] = ()
    dtypes: tuple[str, ...] = ()
    traits: frozenset[str] = frozenset()
    identity: int | float | bool | None = None
    absorbing: int | float | bool | None = None
    samples: tuple[Sample, ...] = ()
    doc: str = ""


OPS: dict[str, OpDef] = {}


def register(opdef: OpDef) -> OpDef:
    """Add an op to the registry; a second op of the same name, or an absent rule, is an error."""
    assert opdef.name not in OPS, f"op {opdef.name} is defined twice"
    for rule in ("infer", "evaluate", "lower", "jvp", "transpose", "batch"):
        assert getattr(opdef, rule) is not None, f"op {opdef.name} has no rule {rule} and no reason why"
    assert opdef.effect in ("pure", "check", "ordered"), opdef.effect
    OPS[opdef.name] = opdef
    return opdef


def definition(op: Op) -> OpDef:
    return OPS[op.name]


def lowering(op: Op) -> Lowering | Missing:
    """How this very op is lowered; never a `Choice`."""
    rule = OPS[op.name].lower
    return rule.pick(op) if isinstance(rule, Choice) else rule


def effect_of(op: Op) -> str:
    """The strongest effect of the op and of all that its regions or callee do."""
    order = ("pure", "check", "ordered")
    worst = OPS[op.name].effect
    inner: Iterator[Op] = (o for r in op.regions for o in r.ops)
    callee = op.attrs.get("callee")
    if callee is not None:
        inner = iter(callee.block.ops)
    for o in inner:
        e = effect_of(o)
        if order.index(e) > order.index(worst):
            worst = e
    return worst
