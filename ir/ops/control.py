"""Control flow (`if`, `for`, `while`, `call`, `fused`) and `check`, which raises.

`graph.py` says what regions take and yield.  Result types are those of what is yielded or carried; an extent that is itself
yielded or carried becomes an earlier result of the op.  The evaluator, the verifier and lowering know these ops by name.

Rules of ops with regions.  They take a region along: infer(operands, attrs, regions); and, since a transformed region
computes the primal results anew, jvp(ctx, primals, tangents, attrs, regions) -> (results, tangents), in place of the
original op.  What they ask of the transformation, which alone knows the tangents of values that a region captures:

  ctx.active_yields(block, active_args) -> list[bool]     which yields have a tangent, given which arguments have one
  ctx.jvp_region(block, active_args, wanted) -> Block     takes the arguments, then a tangent per active one; yields the
                                                          yields, then a tangent (zeros if need be) per wanted one
  ctx.with_arguments(block, types) -> Block               a copy that takes, and ignores, more arguments behind its own

`check(value, condition, *details){exception, message}` returns `value` if the rank-0 condition holds; else it raises the
exception (a builtin's name or one of ours) with
`message`, in which {0}, {1}, {2} are the integer details.  What must not run before the
check consumes the value that it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..builder import Builder
from ..errors import exception_named
from ..expr import Expr, cast
from ..graph import Block, Op, ResultDim, Value, defining_block, is_inside
from ..opdef import Checked, LowerContext, Missing, OpDef, Scalar, Structural, register
from ..types import ArrayType, Dim, Type, WeakType
from .shaping import Terms, as_array, batched, check_slots

Transformed = tuple[list[Value], Terms]


class RegionTransform(Protocol):
    """What forward differentiation offers to rules of ops with regions, beside a builder's methods."""

    def active_yields(self, block: Block, active_args: Sequence[bool]) -> list[bool]: ...

    def jvp_region(self, block: Block, active_args: Sequence[bool], wanted: Sequence[bool]) -> Block: ...

    def with_arguments(self, block: Block, types: Sequence[Type]) -> Block: ...

    def emit(self, name: str, operands: Sequence[Value], attrs: dict | None = None,
             regions: Sequence[Block] = ()) -> list[Value]: ...

    def zeros(self, type: Type) -> Value: ...


# --- result types ------------------------------------------------------------------------------------------------------


def exported_types(values: Sequence[Value], region: Block, known: dict[Value, Value]) -> list[Type]:
    """The types of `values` as seen from outside the region; `known` says what its arguments are there."""

    def outside(d: Dim) -> Any:
        if not isinstance(d, Value):
            return d
        if d in known:
            return known[d]
        if d in values:
            return ResultDim(list(values).index(d))
        if is_inside(defining_block(d), region):
            raise TypeError("an extent known only inside a region must itself be a result")
        return d

    return [v.type.with_dims(tuple(outside(d) for d in v.type.dims)) if isinstance(v.type, ArrayType) else v.type
            for v in values]


def _is_truth(t: Type) -> bool:
    return t == WeakType("bool") or (isinstance(t, ArrayType) and not t.dims and t.dtype.kind == "b")


def _joint_types(first: Sequence[Value], second: Sequence[Value], regions: Sequence[Block], what: str) -> list[Type]:
    """The types of results that come from either of two lists of values. An extent is one that both have, or the result
    that stands for the extents of both."""

    def joint(a: Dim, b: Dim) -> Any:
        if isinstance(a, int) and isinstance(b, int) and a == b:
            return a
        if a is b and isinstance(a, Value) and not any(is_inside(defining_block(a), r) for r in regions):
            return a
        for k, pair in enumerate(zip(first, second, strict=True)):
            if pair[0] is a and pair[1] is b:
                return ResultDim(k)
        raise TypeError(what)

    if len(first) != len(second):
        raise TypeError(what)
    types: list[Type] = []
    for x, y in zip(first, second, strict=True):
        if isinstance(x.type, ArrayType) and isinstance(y.type, ArrayType) and x.dtype == y.dtype and len(x.dims) == len(y.dims):
            types.append(x.type.with_dims(tuple(map(joint, x.dims, y.dims))))
        elif x.type == y.type:
            types.append(x.type)
        else:
            raise TypeError(what)
    return types


def _infer_if(operands: list[Value], attrs: dict, regions: Sequence[Block]) -> list[Type]:
    then, otherwise = regions
    if len(operands) != 1 or not _is_truth(operands[0].type):
        raise TypeError("if takes one truth value")
    return _joint_types(then.yields, otherwise.yields, regions, "the branches of an if yield different types")


def _infer_loop(carried: Sequence[Value], body: Block) -> list[Type]:
    return _joint_types(carried, body.yields, [body], "a loop yields other types than it carries")


def _infer_for(operands: list[Value], attrs: dict, regions: Sequence[Block]) -> list[Type]:
    (body,) = regions
    check_slots(operands[:3], 0)
    until = attrs.get("until")
    types = _infer_loop(body.args[1:], body)
    if until is not None and not _is_truth(types[until]):
        raise TypeError("until names a carried truth value")
    return types


def _infer_while(operands: list[Value], attrs: dict, regions: Sequence[Block]) -> list[Type]:
    test, body = regions
    if len(test.yields) != 1 or not _is_truth(test.yields[0].type):
        raise TypeError("the test of a while yields one truth value")
    return _infer_loop(body.args, body)


def _infer_call(operands: list[Value], attrs: dict) -> list[Type]:
    block = attrs["callee"].block
    return exported_types(block.yields, block, dict(zip(block.args, operands, strict=True)))


def _infer_fused(operands: list[Value], attrs: dict, regions: Sequence[Block]) -> list[Type]:
    (body,) = regions
    return exported_types(body.yields, body, dict(zip(body.args, operands, strict=True)))


# --- forward differentiation -------------------------------------------------------------------------------------------


def _spread(values: Sequence[Value], active: Sequence[bool]) -> Terms:
    """One entry per flag: the next of `values` where it is set."""
    rest = iter(values)
    return [next(rest) if a else None for a in active]


def _jvp_if(ctx: RegionTransform, primals: Sequence[Value], tangents: Terms, attrs: dict,
            regions: Sequence[Block]) -> Transformed:
    sides = [ctx.active_yields(r, []) for r in regions]
    wanted = [a or b for a, b in zip(*sides, strict=True)]
    got = ctx.emit("if", primals, attrs, [ctx.jvp_region(r, [], wanted) for r in regions])
    n = len(wanted)
    return got[:n], _spread(got[n:], wanted)


def _active_carries(ctx: RegionTransform, body: Block, tangents: Terms, index: int) -> list[bool]:
    """Which carried values have a tangent on some trip; the first `index` arguments of the body are not carried."""
    active = [t is not None for t in tangents]
    while True:
        more = [a or b for a, b in zip(active, ctx.active_yields(body, [False] * index + active), strict=True)]
        if more == active:
            return active
        active = more


def _initial(ctx: RegionTransform, primals: Sequence[Value], tangents: Terms, active: Sequence[bool]) -> list[Value]:
    return [ctx.zeros(p.type) if t is None else t for p, t, a in zip(primals, tangents, active, strict=True) if a]


def _jvp_for(ctx: RegionTransform, primals: Sequence[Value], tangents: Terms, attrs: dict,
             regions: Sequence[Block]) -> Transformed:
    (body,), carried = regions, primals[3:]
    active = _active_carries(ctx, body, tangents[3:], 1)
    moving = _initial(ctx, carried, tangents[3:], active)
    got = ctx.emit("for", [*primals, *moving], attrs, [ctx.jvp_region(body, [False, *active], active)])
    n = len(carried)
    return got[:n], _spread(got[n:], active)


def _jvp_while(ctx: RegionTransform, primals: Sequence[Value], tangents: Terms, attrs: dict,
               regions: Sequence[Block]) -> Transformed:
    test, body = regions
    active = _active_carries(ctx, body, tangents, 0)
    moving = _initial(ctx, primals, tangents, active)
    regions = [ctx.with_arguments(test, [v.type for v in moving]), ctx.jvp_region(body, active, active)]
    got = ctx.emit("while", [*primals, *moving], attrs, regions)
    n = len(primals)
    return got[:n], _spread(got[n:], active)


_BY_EVALUATOR = "control flow is run by the evaluator itself"
_TRANSPOSE = Missing("what a linear region needs of the primal computation is known to the reverse pass alone")
_BATCH = Missing("a predicate or trip count that differs by lane turns into masks on the writes and checks inside the "
                 "regions, which the vectorization pass places")
_INLINED = Missing("the transformation goes into the callee and calls what it makes of it")
_AFTER = Missing("regions are fused after all transformations")


def _never_evaluated(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    raise AssertionError(_BY_EVALUATOR)


def _control(name: str, infer: Any, jvp: Any, transpose: Missing, batch: Missing, attrs: tuple[str, ...], doc: str) -> None:
    register(OpDef(name, infer, _never_evaluated, Structural(), jvp, transpose, batch, attrs=attrs, doc=doc))


_control("if", _infer_if, _jvp_if, _TRANSPOSE, _BATCH, (), "One of two regions.")
_control("for", _infer_for, _jvp_for, _TRANSPOSE, _BATCH, ("until",),
         "The body for each index of range(start, stop, step), until a carried truth value holds.")
_control("while", _infer_while, _jvp_while, _TRANSPOSE, _BATCH, (), "The body as long as the test holds.")
_control("call", _infer_call, _INLINED, _INLINED, _INLINED, ("callee", "recompute", "derivative", "chain"),
         "Another traced function. recompute: reverse mode computes it again rather than keep what it needs of it. derivative: "
         "the rule that the user gave (compiler/custom_rules.py). chain: (op, ufunc, axis, n), the op of "
         "`ufunc_chains.py` that computes the same of the first n operands.")
_control("fused", _infer_fused, _AFTER, _AFTER, _AFTER, (), "Pure ops that become one loop nest.")

# --- check -------------------------------------------------------------------------------------------------------------


def _infer_check(operands: list[Value], attrs: dict) -> list[Type]:
    if len(operands) < 2 or not _is_truth(operands[1].type):
        raise TypeError("check takes a value and a truth value")
    if len(operands) > 5:
        raise TypeError("a check has at most three details")
    check_slots(operands, 2)
    kind = exception_named(attrs["exception"])
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise ValueError(f"{attrs['exception']} is no exception of Python's or ours")
    return [operands[0].type]


def _evaluate_check(xp: Any, operands: list, attrs: dict, types: Sequence[Type]) -> list:
    if not operands[1]:
        raise exception_named(attrs["exception"])(  # type: ignore[misc]
            attrs["message"].format(*(int(d) for d in operands[2:])))
    return [operands[0]]


def _emit_check(ctx: LowerContext, op: Op) -> None:
    condition = ctx.read(1, ())
    assert isinstance(condition, Expr)
    with ctx.branch(~condition):
        details = [cast(ctx.read(k, ()), "i64") for k in range(2, len(op.operands))]  # type: ignore[arg-type]
        ctx.raise_error(op.attrs["exception"], op.attrs["message"], details)


def _checked_element(ctx: LowerContext, op: Op, index: tuple[Expr, ...]) -> Scalar:
    return ctx.read(0, index)


def _jvp_check(ctx: Builder, primals: Sequence[Value], tangents: Terms, results: Sequence[Value], attrs: dict) -> Terms:
    """The check is made once, by the primal op."""
    return [tangents[0]]


def _transpose_check(ctx: Builder, cotangents: Terms, operands: Sequence, attrs: dict) -> Terms:
    return [cotangents[0], *[None] * (len(operands) - 1)]


def _batch_check(ctx: Builder, operands: Sequence[Value], flags: Sequence[bool], size: Dim, attrs: dict) -> list[Value]:
    """All lanes must pass; the first that does not is the one reported."""
    value, condition, *details = operands
    value = batched(ctx, value, flags[0], size)
    if flags[1]:
        lane = ctx.emit("argmin", [condition], {"axes": (0,)})[0]
        condition = ctx.emit("reduce_and", [condition], {"axes": (0,)})[0]
        details = [ctx.emit("gather", [d, lane], {"axes": (0,), "position": 0})[0] if f else as_array(ctx, d)
                   for d, f in zip(details, flags[2:], strict=True)]
    return ctx.emit("check", [value, condition, *details], attrs)


register(OpDef(
    "check", _infer_check, _evaluate_check, Checked(_emit_check, _checked_element), _jvp_check, _transpose_check,
    _batch_check, attrs=("exception", "message"), effect="check",
    doc="`value`, if the condition holds; else an exception."))
