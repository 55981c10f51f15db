"""Activity: which values of a block depend on given ones in a way that carries a tangent.

Values flow from operands to results, through loops from carried value to carried value, out of the arms of an `if`; a
region reads what it captures.  Integers, truth values and the results of ops that are constant almost everywhere carry no
tangent.  One walk collects the edges, so the work is linear in the program.  Start with `active_values`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..ir.graph import Block, Op, Value, walk_ops
from ..ir.opdef import OPS
from ..ir.ops.families import zero_tangent
from ..ir.ops.shaping import no_tangent
from ..ir.types import is_differentiable
from ..ir.walk import captured

_CONSTANT = (zero_tangent, no_tangent)


def active_values(block: Block, seeds: Iterable[Value]) -> set[Value]:
    """The seeds, and every differentiable value in `block` and its regions that one of them reaches."""
    edges: dict[Value, list[Value]] = {}
    for op in walk_ops(block):
        _add_edges(op, edges)
    active = set(seeds)
    pending = list(active)
    while pending:
        for v in edges.get(pending.pop(), ()):
            if v not in active and is_differentiable(v.type):
                active.add(v)
                pending.append(v)
    return active


def _add_edges(op: Op, edges: dict[Value, list[Value]]) -> None:
    def edge(source: Value, *targets: Value) -> None:
        edges.setdefault(source, []).extend(targets)

    if op.name in ("for", "while"):
        first = len(op.operands) - len(op.results)
        for k, r in enumerate(op.results):
            inside = [region.args[len(region.args) - len(op.results) + k] for region in op.regions]
            edge(op.operands[first + k], r, *inside)
            edge(op.regions[-1].yields[k], r, *inside)
    elif op.name == "if":
        for region in op.regions:
            for y, r in zip(region.yields, op.results, strict=True):
                edge(y, r)
    elif OPS[op.name].jvp not in _CONSTANT:
        for x in (*op.operands, *captured(*op.regions)):
            edge(x, *op.results)
