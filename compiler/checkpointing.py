"""A traced function as a function of the graph that a `call` names; `checkpoint` and `stop_gradient`.

Derivatives find on the call what the user said about the function: `recompute`, or a rule (`custom_rules.py`).  Called
outside of traced code, such functions simply run.  Start with `FunctionCall`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..ir.graph import Block, Function, Value
from ..ir.walk import captured, clone_block, map_type
from . import pytree, tracer
from .arrays import is_traced
from .derivatives import set_order
from .subtrace import Subtrace, leaf_value, like, subtrace


def stop_gradient(x: Any) -> Any:
    """`x` as a constant to derivatives: leaf by leaf in a tree.

        treadle.grad(lambda x: x * treadle.stop_gradient(x))(3.0)      # 3.0
    """
    if not tracer.is_tracing():
        return x
    leaves, tree = pytree.flatten(x, is_leaf=is_traced)
    return tree.unflatten([like(v, tracer.emit("stop_gradient", [leaf_value(v)])) if is_traced(v) else v for v in leaves])


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, of which reverse mode keeps only the arguments: what it needs of the inside is computed again.

        layer = treadle.checkpoint(layer)
    """

    @functools.wraps(f)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not tracer.is_tracing():
            return f(*args, **kwargs)
        call = FunctionCall(f, args, kwargs)
        return call.emit({"recompute": True})

    return checkpointed


class FunctionCall:
    """A function traced for given arguments, as a function of the graph: its parameters are the leaves, then captures."""

    def __init__(self, f: Callable[..., Any], args: tuple, kwargs: dict) -> None:
        leaves, tree = pytree.flatten((args, kwargs), is_leaf=is_traced)
        self.places = [k for k, x in enumerate(leaves) if is_traced(x)]
        self.leaves = [leaves[k] for k in self.places]

        def rebuild(stand_ins: Sequence[Any]) -> tuple[tuple, dict]:
            given = list(leaves)
            for k, x in zip(self.places, stand_ins, strict=True):
                given[k] = x
            return tree.unflatten(given)

        self.sub: Subtrace = subtrace(f, self.leaves, rebuild)
        outside = captured(self.sub.block)
        mapping: dict[Value, Value] = {}
        block = Block()
        self.operands = [*map(leaf_value, self.leaves), *outside]
        # The operand that is the order of effects before the call.
        self.order = self.operands.index(tracer.current().order.value)
        for v in (*self.sub.block.args, *outside):
            mapping[v] = block.add_arg(map_type(v.type, mapping), v.name)
        inner = clone_block(_without_arguments(self.sub.block), mapping)
        for op in inner.ops:
            op.block = block
        block.ops, block.yields = inner.ops, inner.yields
        self.function = Function(getattr(f, "__name__", "function"), block)

    def emit(self, attrs: dict) -> Any:
        results = tracer.emit_all("call", self.operands, callee=self.function, **attrs)
        set_order(results[-1])
        return self.sub.rebuilt(results)


def _without_arguments(block: Block) -> Block:
    """A block of the same ops whose arguments count as captured."""
    bare = Block()
    bare.ops, bare.yields = block.ops, block.yields
    return bare
