"""Forward mode: a block is rebuilt with a tangent beside every value that depends on the moving arguments.

Before: a block, perhaps with captured values, whose calls are inlined but for those with rules of their own.  After, in the
builder's block: the same ops, and the tangents by each op's `jvp` rule.  A tangent that is zero is absent; it becomes an
array of zeros only where a loop or a branch must carry one because another path does.  Every new op has the line of the op
it comes from.  An op without a rule is an UnsupportedError that names op and line.  Start with `jvp`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..ir.builder import Builder
from ..ir.errors import UnsupportedError
from ..ir.graph import Block, Function, Op, Value
from ..ir.opdef import Missing, definition
from ..ir.types import Type, is_differentiable
from ..ir.walk import clone_block, clone_op, map_type
from .activity import active_values
from .dce import dce
from .effects import without_effects


def jvp(builder: Builder, block: Block, primals: Sequence[Value],
        tangents: Sequence[Value | None]) -> tuple[list[Value], list[Value | None]]:
    """What `block` yields for these arguments, and the tangents of that; both are built at the end of `builder`'s block."""
    forward = Forward(builder.block, active_values(block, [a for a, t in zip(block.args, tangents, strict=True)
                                                           if t is not None]))
    forward.primal.update(zip(block.args, primals, strict=True))
    forward.tangent.update({a: t for a, t in zip(block.args, tangents, strict=True) if t is not None})
    forward.run(block)
    return ([forward.primal.get(y, y) for y in block.yields], [forward.tangent.get(y) for y in block.yields])


class Forward(Builder):
    """Copies ops with their tangents; `ir/ops/control.py` says what rules of ops with regions ask of it."""

    def __init__(self, block: Block, active: set[Value]) -> None:
        super().__init__(block)
        self.active = active
        self.primal: dict[Value, Value] = {}
        self.tangent: dict[Value, Value] = {}

    def run(self, block: Block) -> None:
        for op in block.ops:
            self.loc = op.loc
            if not any(r in self.active for r in op.results):
                self.block.append(clone_op(op, self.primal))
            elif op.regions:
                self._region_op(op)
            else:
                self._op(op)

    def _op(self, op: Op) -> None:
        operands = [self.primal.get(v, v) for v in op.operands]
        moving = [self.tangent.get(v) for v in op.operands]
        if op.name == "call":
            results, tangents = self._call(op, operands, moving)
        else:
            results = self.emit(op.name, operands, op.attrs)
            tangents = self._rule(op)(self, operands, moving, results, op.attrs) if any(
                t is not None for t in moving) else [None] * len(results)
        self._enter(op, results, tangents)

    def _call(self, op: Op, operands: list[Value], moving: list[Value | None]) -> tuple[list[Value], list[Value | None]]:
        """The callee's own rule; or its derivative in place; or, to be computed again, a call of its derivative."""
        callee = op.attrs["callee"]
        if op.attrs.get("derivative") is not None:
            return op.attrs["derivative"].jvp(self, op, operands, moving)
        if not op.attrs.get("recompute"):
            return jvp(self, callee.block, operands, moving)
        results = self.emit("call", operands, op.attrs)
        block = Block([v.type for v in operands])
        tangents = [None if t is None else block.add_arg(t.type) for t in moving]
        again = clone_block(callee.block, {})
        without_effects(again, "a checkpointed function")
        _, out = jvp(Builder(block, op.loc), again, block.args[:len(operands)], tangents)
        block.yields = [t for t in out if t is not None]
        derivative = dce(Function(f"{callee.name}_tangents", block))
        got = iter(self.emit("call", [*operands, *(t for t in moving if t is not None)],
                             {"callee": derivative, "recompute": True}))
        return results, [None if t is None else next(got) for t in out]

    def _region_op(self, op: Op) -> None:
        operands = [self.primal.get(v, v) for v in op.operands]
        moving = [self.tangent.get(v) for v in op.operands]
        self._enter(op, *self._rule(op)(self, operands, moving, op.attrs, op.regions))

    def _enter(self, op: Op, results: Sequence[Value], tangents: Sequence[Value | None]) -> None:
        for r, value, t in zip(op.results, results, tangents, strict=True):
            self.primal[r] = value
            if t is not None and is_differentiable(r.type):
                self.tangent[r] = t

    def _rule(self, op: Op) -> Callable[..., Any]:
        """The op's rule; what it refuses, it refuses at the op's line."""
        rule = definition(op).jvp
        if isinstance(rule, Missing):
            raise UnsupportedError(f"the derivative of {op.name}", rule.reason, loc=op.loc)

        def located(*args: Any) -> Any:
            try:
                return rule(*args)
            except UnsupportedError as e:
                if e.loc is None:
                    raise UnsupportedError(e.what, e.why, e.instead, op.loc) from None
                raise

        return located

    # What rules of ops with regions use

    def active_yields(self, block: Block, active_args: Sequence[bool]) -> list[bool]:
        return [y in self.active for y in block.yields]

    def jvp_region(self, block: Block, active_args: Sequence[bool], wanted: Sequence[bool]) -> Block:
        new = Block()
        for a in block.args:
            self.primal[a] = new.add_arg(map_type(a.type, self.primal), a.name)
        for a, moves in zip(block.args, active_args, strict=True):
            if moves:
                self.tangent[a] = new.add_arg(self.primal[a].type)
        loc = self.loc
        with self.inside(new):
            self.run(block)
            new.yields = [self.primal.get(y, y) for y in block.yields]
            for y, w in zip(block.yields, wanted, strict=True):
                if w:
                    t = self.tangent.get(y)
                    new.yields.append(self.zeros(self.primal.get(y, y).type) if t is None else t)
        self.loc = loc
        return new

    def with_arguments(self, block: Block, types: Sequence[Type]) -> Block:
        new = clone_block(block, self.primal)
        for t in types:
            new.add_arg(t)
        return new
