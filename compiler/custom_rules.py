"""`custom_jvp` and `custom_vjp`: functions whose derivative the user gives.

The call of such a function carries its rule (`checkpointing.FunctionCall`).  Forward mode traces a jvp rule in place of the
function; of a vjp rule it traces the forward half and leaves an op `custom_linear`, which transposition replaces by what it
traces of the backward half.  Start with `_ForwardRule` and `_BackwardRule`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import MethodType
from typing import Any

from ..ir.builder import Builder
from ..ir.errors import UnsupportedError
from ..ir.graph import Op, Value
from ..ir.opdef import Linear
from ..ir.types import is_differentiable
from . import hooks, pytree, tracer
from .arrays import is_traced
from .checkpointing import FunctionCall
from .derivatives import NAMES
from .linear_maps import matching_value
from .records import is_number
from .subtrace import Subtrace, leaf_value, like


class custom_jvp:
    """A function with a forward derivative of its own.

        @treadle.custom_jvp
        def f(x): ...

        @f.defjvp
        def f_jvp(primals, tangents):
            (x,), (dx,) = primals, tangents
            return f(x), slope(x) * dx

    nondiff_argnums: positional arguments that are passed to the rule as they are, before the others.
    """

    def __init__(self, f: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        functools.update_wrapper(self, f, NAMES, ())
        self.function, self.nondiff = f, tuple(nondiff_argnums)
        self.rule: Callable[..., Any] | None = None

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule: rule(primals, tangents) returns (result, its tangent)."""
        self.rule = rule
        return rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not tracer.is_tracing():
            return self.function(*args, **kwargs)
        if self.rule is None:
            raise AttributeError(f"custom_jvp function {self.__name__} has no rule yet: use defjvp")  # type: ignore[attr-defined]
        return _call_with_rule(self.function, args, kwargs, self.nondiff, functools.partial(_ForwardRule, self.rule))


class custom_vjp:
    """A function with a reverse derivative of its own.

        @treadle.custom_vjp
        def f(x): ...

        def forward(x):
            y = f(x)
            return y, (x, y)                 # the result, and what the derivative needs

        def backward(residuals, cotangent):
            x, y = residuals
            return (slope(x, y) * cotangent,)     # a cotangent per argument, None for zero

        f.defvjp(forward, backward)

    nondiff_argnums: positional arguments that are passed to `backward` as they are, before the others.
    """

    def __init__(self, f: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        functools.update_wrapper(self, f, NAMES, ())
        self.function, self.nondiff = f, tuple(nondiff_argnums)
        self.rules: tuple[Callable[..., Any], Callable[..., Any]] | None = None

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Set the rule: forward(*args) returns (result, residuals); backward(residuals, cotangent) the cotangents."""
        self.rules = forward, backward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not tracer.is_tracing():
            return self.function(*args, **kwargs)
        if self.rules is None:
            raise AttributeError(f"custom_vjp function {self.__name__} has no rule yet: use defvjp")  # type: ignore[attr-defined]
        return _call_with_rule(self.function, args, kwargs, self.nondiff, functools.partial(_BackwardRule, *self.rules))


def _call_with_rule(f: Callable[..., Any], args: tuple, kwargs: dict, nondiff: tuple[int, ...],
                    rule: Callable[..., _Rule]) -> Any:
    if kwargs:
        raise TypeError("a function with a derivative of its own takes positional arguments only")
    call = FunctionCall(f, args, {})
    return call.emit({"derivative": rule(_Arguments(call, args, nondiff), call.sub)})


class _Place:
    """A leaf of the arguments, and the number of its operand if it has one."""

    __slots__ = ("leaf", "number")

    def __init__(self, leaf: Any) -> None:
        self.leaf = leaf
        self.number: int | None = None


class _Arguments:
    """Where the operands of a call stand among the function's arguments: `fixed` ones, which are not differentiated, and
    the `moving` others, as trees of places."""

    def __init__(self, call: FunctionCall, args: tuple, nondiff: tuple[int, ...]) -> None:
        self.leaves, self.order = call.leaves, call.order
        flat, tree = pytree.flatten(args, is_leaf=is_traced)
        places = [_Place(x) for x in flat]
        for number, k in enumerate(call.places):
            places[k].number = number
        marked = self._marked = tree.unflatten(places)
        self.fixed = tuple(marked[k] for k in nondiff)
        self.moving = tuple(a for k, a in enumerate(marked) if k not in nondiff)

    def primals(self, places: Any, operands: Sequence[Value]) -> Any:
        """The arguments at these places, made of a call's operands."""
        return pytree.map(lambda p: p.leaf if p.number is None else like(p.leaf, operands[p.number]), places)

    def all(self, operands: Sequence[Value]) -> tuple:
        """All arguments, in the function's order."""
        return self.primals(self._marked, operands)

    def tangents(self, builder: Builder, operands: Sequence[Value], moving: Sequence[Value | None]) -> tuple:
        """A tangent per leaf of the moving arguments: zeros where it is absent."""
        def made(p: _Place) -> Any:
            if p.number is None:
                return like(p.leaf, builder.zeros(leaf_value(p.leaf).type)) if is_number(p.leaf) else p.leaf
            t = moving[p.number]
            return like(p.leaf, builder.zeros(operands[p.number].type) if t is None else t)

        return pytree.map(made, self.moving)


class _Rule:
    """arguments: of the call.  result: the traced function's, as the pattern of what the rule returns."""

    def __init__(self, arguments: _Arguments, result: Subtrace) -> None:
        self.arguments, self.result = arguments, result

    def __repr__(self) -> str:
        return type(self).__name__.strip("_")

    def values(self, given: Any, what: str) -> list[Value]:
        """One value per result of the call, but for the order of effects, of what a rule returned."""
        try:
            found = self.result.structure.flatten_up_to(given)
        except ValueError as e:
            raise TypeError(f"the {what} must have the structure of the function's result: {e}") from None
        return [matching_value(leaf_value(self.result.result[k]), found[k], what) for k in self.result.places]

    @contextmanager
    def tracing(self, builder: Builder, op: Op, operands: Sequence[Value], moving: Sequence[Value | None]) -> Iterator[list]:
        """Trace a rule into `builder`'s block, in the place of the call; the list given gets the order of effects after it."""
        if any(t is not None for t in moving[len(self.arguments.leaves):]):
            raise UnsupportedError("the derivative of a function with a rule of its own",
                                   "it reads a value that is differentiated and is not an argument", "pass it as an argument",
                                   op.loc)
        order, after = tracer.current().order, list[Value]()
        before = order.value
        order.value = operands[self.arguments.order]
        try:
            with emitting(builder):
                yield after
            after.append(order.value)
        finally:
            order.value = before


@contextmanager
def emitting(builder: Builder) -> Iterator[None]:
    """Trace into `builder`'s block."""
    own = tracer.current().builder
    saved, own.block = own.block, builder.block
    try:
        yield
    finally:
        own.block = saved


class _ForwardRule(_Rule):
    def __init__(self, rule: Callable[..., Any], arguments: _Arguments, result: Subtrace) -> None:
        super().__init__(arguments, result)
        self.rule = rule

    def jvp(self, ctx: Builder, op: Op, operands: Sequence[Value], moving: Sequence[Value | None]) -> tuple[list, list]:
        """The results and tangents of the call, by the user's rule."""
        given = self.arguments
        with self.tracing(ctx, op, operands, moving) as order:
            pair = hooks.call(self.rule, (*given.primals(given.fixed, operands), given.primals(given.moving, operands),
                                          given.tangents(ctx, operands, moving)), {})
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise TypeError("a jvp rule returns a pair: (result, tangent)")
            results, tangents = self.values(pair[0], "result"), self.values(pair[1], "tangent")
        return [*results, *order], [*(t if is_differentiable(t.type) else None for t in tangents), None]


class _BackwardRule(_Rule):
    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any], arguments: _Arguments,
                 result: Subtrace) -> None:
        super().__init__(arguments, result)
        self.forward, self.backward = forward, backward

    def jvp(self, ctx: Builder, op: Op, operands: Sequence[Value], moving: Sequence[Value | None]) -> tuple[list, list]:
        """The results by the forward half, and tangents that the backward half is the transpose of."""
        given = self.arguments
        with self.tracing(ctx, op, operands, moving) as order:
            fixed = given.primals(given.fixed, operands)
            pair = hooks.call(self.forward, given.all(operands), {})
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise TypeError("the forward half of a vjp rule returns a pair: (result, residuals)")
            results = self.values(pair[0], "result")
            residuals = pytree.flatten((fixed, pair[1]), is_leaf=is_traced)
        leaves, _ = residuals
        kept = [leaf_value(x) for x in leaves if is_traced(x)]
        numbers = [k for k, t in enumerate(moving) if t is not None]
        outs = [r for r in results if is_differentiable(r.type)]
        rule = _Transposed(self, residuals, numbers, [r.type for r in results])
        got = iter(ctx.emit("custom_linear", [*kept, *(moving[k] for k in numbers)],  # type: ignore[list-item]
                            {"derivative": rule, "types": tuple(r.type for r in outs)}))
        return [*results, *order], [*(next(got) if is_differentiable(r.type) else None for r in results), None]


class _Transposed:
    """The backward half, for one `custom_linear`: residuals are (leaves, tree); numbers: of the operands that move."""

    def __init__(self, rule: _BackwardRule, residuals: tuple, numbers: list[int], types: list) -> None:
        self.rule, self.residuals, self.numbers, self.types = rule, residuals, numbers, types

    def __repr__(self) -> str:
        return "backward rule"

    def transpose(self, ctx: Builder, cotangents: Sequence[Value | None], operands: Sequence[Value | Linear],
                  attrs: dict) -> list[Value | None]:
        leaves, tree = self.residuals
        kept = iter(operands)
        with emitting(ctx):
            fixed, residuals = tree.unflatten([like(x, next(kept)) if is_traced(x) else x  # type: ignore[arg-type]
                                               for x in leaves])
            given = hooks.call(self.rule.backward, (*fixed, residuals, self._cotangent(ctx, cotangents)), {})
            wanted = self._wanted(given)
        known = len(operands) - len(self.numbers)
        return [*[None] * known, *wanted]

    def _cotangent(self, ctx: Builder, cotangents: Sequence[Value | None]) -> Any:
        """The cotangent in the structure of the function's result; zeros where it is absent."""
        result = self.rule.result
        leaves, some = list(result.result), iter(cotangents)
        for k, t in zip(result.places, self.types, strict=True):
            c = next(some) if is_differentiable(t) else None
            leaves[k] = like(leaves[k], ctx.zeros(t) if c is None else c)
        return result.structure.unflatten(leaves)

    def _wanted(self, given: Any) -> list[Value | None]:
        """Of what the backward half returned, the cotangents of the operands that move."""
        arguments = self.rule.arguments
        if not isinstance(given, (tuple, list)) or len(given) != len(arguments.moving):
            raise TypeError(f"the backward half of a vjp rule returns a tuple of {len(arguments.moving)} cotangents, one per "
                            "argument")
        found: dict[int, Value | None] = {}
        for places, g in zip(arguments.moving, given, strict=True):
            flat, tree = pytree.flatten(places)
            parts = [None] * len(flat) if g is None else tree.flatten_up_to(g)
            for p, c in zip(flat, parts, strict=True):
                if p.number is not None:
                    found[p.number] = None if c is None else matching_value(leaf_value(p.leaf), c, "cotangent")
        return [found.get(n) for n in self.numbers]
