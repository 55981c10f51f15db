"""Families of elementwise ops: the factories that fill most of an op's rules, so that a sine is one row.

An op of these families takes operands of identical extents with exactly the dtypes of one of its ufunc's loops, and the
result dtype is that loop's; the ufunc itself is asked (`loop_result`).  Derivatives are given as one `partial` per operand,

    partial(ctx, t, *operands, result) -> the tangent that the operand's tangent t contributes

and must be safe under masks: where the derivative is zero by convention, no NaN may arise from a factor that is not used.
Tangents of complex operands follow the real-linear view: the pairing of a cotangent with a tangent is the real part of the
sum of products, without conjugation, and transposes are the adjoints under it.  Start with `elementwise`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, reduce
from typing import Any

import numpy as np

from ..builder import Builder
from ..graph import Value
from ..opdef import Linear, Lowering, Missing, OpDef, Sample, register
from ..types import DTYPE_NAMES, DTYPES, ArrayType, Type, WeakType, same_dims

Partial = Callable[..., Value]
Partials = Sequence[Partial | None]

NOT_LINEAR = Missing("not linear in any operand")
NO_TANGENT = Missing("no operand or result carries a tangent")

# The shapes every elementwise op is tried on: plain, rank 0, one element, none.
SHAPES: tuple[tuple[int, ...], ...] = ((3, 4), (), (1,), (0, 2))


@cache
def loop_result(ufunc: np.ufunc, dtypes: tuple[np.dtype, ...], output: int = 0) -> np.dtype:
    """The result dtype of the ufunc's loop over exactly these operand dtypes; TypeError if there is none."""
    names = ", ".join(DTYPE_NAMES[d] for d in dtypes)
    try:
        found = ufunc.resolve_dtypes((*dtypes, *[None] * ufunc.nout))
    except TypeError:
        raise TypeError(f"{ufunc.__name__} is not defined on {names}") from None
    if tuple(found[:ufunc.nin]) != dtypes:
        raise TypeError(f"{ufunc.__name__} has no loop over {names}: operands must be cast first")
    return np.dtype(found[ufunc.nin + output].str)


def check_elementwise(name: str, operands: list[Value]) -> None:
    """All operands are arrays of the same extents."""
    for x in operands:
        if not isinstance(x.type, ArrayType):
            raise TypeError(f"{name} takes arrays, not {x.type}")
        if not same_dims(x.dims, operands[0].dims):
            raise ValueError(f"{name}: operands have different shapes: {', '.join(str(o.type) for o in operands)}")


def infer_from_loop(ufunc: np.ufunc, output: int = 0) -> Callable[[list[Value], dict], list[Type]]:
    def infer(operands: list[Value], attrs: dict) -> list[Type]:
        check_elementwise(ufunc.__name__, operands)
        return [ArrayType(loop_result(ufunc, tuple(x.dtype for x in operands), output), operands[0].dims)]

    return infer


def evaluate_by_name(name: str, output: int | None = None) -> Callable[..., list]:
    """Evaluation by the array namespace's function of that name."""

    def evaluate(xp: Any, operands: list, attrs: dict, types: list[Type]) -> list:
        with np.errstate(all="ignore"):
            result = getattr(xp, name)(*operands)
        result = result if output is None else result[output]
        return [xp.asarray(result, dtype=t.dtype) for t in types]

    return evaluate


def jvp_from(partials: Partials) -> Callable[..., list]:
    """The sum of what each operand with a tangent contributes; None stands for a zero partial."""

    def jvp(ctx: Builder, primals: list[Value], tangents: list[Value | None], results: list[Value], attrs: dict) -> list:
        terms = [p(ctx, t, *primals, results[0]) for p, t in zip(partials, tangents, strict=True)
                 if p is not None and t is not None]
        return [reduce(ctx.add, terms) if terms else None]

    return jvp


def zero_tangent(ctx: Builder, primals: list[Value], tangents: list, results: list[Value], attrs: dict) -> list:
    """The jvp of an op that is constant almost everywhere, or whose results carry no tangent."""
    return [None] * len(results)


def transpose_from(*adjoints: Callable[..., Value] | None, jointly: bool = True) -> Callable[..., list]:
    """adjoint(ctx, cotangent, *operands) per operand, used where that operand is the linear one.

    None: the op is not linear in that operand. Without `jointly` it is linear in one operand while the others are known.
    """

    def transpose(ctx: Builder, cotangents: list[Value | None], operands: list[Value | Linear], attrs: dict) -> list:
        (ct,) = cotangents
        linear = [isinstance(x, Linear) for x in operands]
        if any(wanted and a is None for wanted, a in zip(linear, adjoints, strict=True)):
            raise TypeError(f"not linear in operand {linear.index(True)}")
        if not jointly and sum(linear) > 1:
            raise TypeError("linear in one operand at a time")
        return [a(ctx, ct, *operands) if ct is not None and a is not None and wanted else None
                for a, wanted in zip(adjoints, linear, strict=True)]

    return transpose


def batch_elementwise(name: str) -> Callable[..., list]:
    """Operands without the new axis are repeated along it."""

    def batch(ctx: Builder, operands: list[Value], batched: list[bool], size: Any, attrs: dict) -> list:
        return ctx.emit(name, [x if b else lanes(ctx, x, size) for x, b in zip(operands, batched, strict=True)], attrs)

    return batch


def lanes(ctx: Builder, x: Value, size: Any) -> Value:
    """`x` repeated along a new leading axis; a Python scalar becomes an array of its own dtype."""
    if isinstance(x.type, WeakType):
        x = ctx.cast(x, dtype=DTYPE_NAMES[x.dtype])
    return ctx.broadcast_to(x, (size, *x.dims))


def loop_dtypes(ufunc: np.ufunc) -> tuple[str, ...]:
    """The dtypes for which the ufunc has a loop with all operands of that dtype."""
    out = []
    for name, d in DTYPES.items():
        try:
            loop_result(ufunc, (d,) * ufunc.nin)
        except TypeError:
            continue
        out.append(name)
    return tuple(out)


def elementwise(name: str, arity: int, *, infer: Callable[..., list[Type]], evaluate: Callable[..., list],
                lower: Lowering | Missing, jvp: Callable[..., list] | Missing,
                transpose: Callable[..., list] | Missing = NOT_LINEAR, batch: Callable[..., list] | Missing | None = None,
                numpy: tuple[Callable, ...] = (), dtypes: tuple[str, ...] = (), traits: Sequence[str] = (),
                domain: tuple[float, float] = (-3.0, 3.0), samples: tuple[Sample, ...] | None = None,
                attrs: tuple[str, ...] = (), identity: Any = None, absorbing: Any = None, doc: str = "") -> OpDef:
    """Register an elementwise op; without `samples` it is tried on `SHAPES` with operands from `domain`."""
    if samples is None:
        samples = tuple(Sample((s,) * arity, domain=domain) for s in SHAPES)
    return register(OpDef(
        name, infer, evaluate, lower, jvp, transpose, batch or batch_elementwise(name), attrs=attrs, numpy=numpy,
        dtypes=dtypes, traits=frozenset({"elementwise", *traits}), identity=identity, absorbing=absorbing,
        samples=samples, doc=doc))


def ufunc_op(ufunc: np.ufunc, lower: Lowering, jvp: Partials | Callable[..., list] | Missing, *, name: str | None = None,
             also: tuple[Callable, ...] = (), **rest: Any) -> OpDef:
    """The op of a ufunc with one result, under the ufunc's name. `jvp`: a partial per operand, or a whole rule.

        ufunc_op(np.sin, by_kind(scalar("sin"), ...), [lambda ctx, t, x, y: ctx.multiply(t, ctx.cos(x))])
    """
    rule = jvp if isinstance(jvp, Missing) or callable(jvp) else jvp_from(jvp)
    name = name or ufunc.__name__
    return elementwise(
        name, ufunc.nin, infer=infer_from_loop(ufunc), evaluate=evaluate_by_name(ufunc.__name__), lower=lower, jvp=rule,
        numpy=(ufunc, *also), **{"dtypes": loop_dtypes(ufunc), **rest})

