"""Which values of a program differ from lane to lane, and which ops must run lane by lane.

A value is *varying* if it depends on a varying argument.  Loops are solved as a fixpoint per carried value, branches per
result; a trip count, an `until` or a predicate that varies makes all that the op yields vary.  A value is *ragged* if an
extent of it varies: the lanes' values cannot lie side by side in one array.

Start with `Lanes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..ir.builder import Slot
from ..ir.graph import Block, Op, Value, walk_ops
from ..ir.opdef import OPS, Missing
from ..ir.types import element_count
from ..ir.walk import captured, uses


class Lanes:
    """The varying values of `block`, given which of its arguments are."""

    def __init__(self, block: Block, arguments: Iterable[bool]) -> None:
        self.varying: set[Value] = {a for a, v in zip(block.args, arguments, strict=True) if v}
        self._block(block)

    def _block(self, block: Block) -> None:
        for op in block.ops:
            self._op(op)

    def _op(self, op: Op) -> None:
        if op.name == "if":
            self._if(op)
        elif op.name == "for":
            self._loop(op, op.regions[0].args[1:], op.operands[3:], op.operands[:3])
        elif op.name == "while":
            self._loop(op, op.regions[1].args, op.operands, ())
        elif any(v in self.varying for v in uses(op)):
            self.varying.update(op.results)

    def _if(self, op: Op) -> None:
        for region in op.regions:
            self._block(region)
        if op.operands[0] in self.varying:
            self.varying.update(op.results)
        for r, a, b in zip(op.results, op.regions[0].yields, op.regions[1].yields, strict=True):
            if a in self.varying or b in self.varying:
                self.varying.add(r)

    def _loop(self, op: Op, arguments: Sequence[Value], inits: Sequence[Value], bounds: Sequence[Value]) -> None:
        body = op.regions[-1]
        self.varying.update(a for a, x in zip(arguments, inits, strict=True) if x in self.varying)
        while True:
            before = len(self.varying)
            if self.predicate_varies(op, bounds):
                self.varying.update((*arguments, *body.args))
            if op.name == "while":
                self.varying.update(a for a, b in zip(op.regions[0].args, arguments, strict=True) if b in self.varying)
                self._block(op.regions[0])
            self._block(body)
            self.varying.update(a for a, y in zip(arguments, body.yields, strict=True) if y in self.varying)
            if len(self.varying) == before:
                break
        self.varying.update(r for r, a in zip(op.results, arguments, strict=True) if a in self.varying)

    def predicate_varies(self, op: Op, bounds: Sequence[Value] | None = None) -> bool:
        """Does a region op decide per lane what to run?"""
        if op.name == "if":
            return op.operands[0] in self.varying
        if op.name == "while":
            return op.regions[0].yields[0] in self.varying
        if op.name == "for":
            until = op.attrs.get("until")
            stops = [] if until is None else [op.regions[0].args[1 + until]]
            return any(v in self.varying for v in (*op.operands[:3], *stops))
        return False

    def touches(self, op: Op) -> bool:
        """Does anything that the op reads vary?"""
        return any(v in self.varying for v in (*uses(op), *captured(*op.regions)))

    def is_ragged(self, value: Value) -> bool:
        return any(d in self.varying for d in value.dims if isinstance(d, Value))

    def one_by_one(self, op: Op) -> bool:
        """Must this op run for one lane after the other?"""
        if not op.regions:
            return (isinstance(OPS[op.name].batch, Missing) or any(map(self.is_ragged, op.results))
                    or any(self.is_ragged(v) for v in op.operands) or self._bound_varies(op))
        if op.name in ("call", "fused") or self.predicate_varies(op) or any(map(self.is_ragged, op.results)):
            return True
        edges = [v for r in op.regions for v in (*r.args, *r.yields)]
        return any(map(self.is_ragged, edges)) or (op.name != "if" and self._better_apart(op))

    def _bound_varies(self, op: Op) -> bool:
        """Does each lane have its own extent within which its indices must lie?"""
        bound = op.attrs.get("extent")
        return isinstance(bound, Slot) and op.operands[bound.operand] in self.varying

    def _better_apart(self, op: Op) -> bool:
        """Is a loop that all lanes could share faster for one lane after the other?

        If it computes with single elements: those of one lane lie together in memory.  If a lane's arrays are long: one lane
        stays in the cache through all trips, all lanes together do not.  Not if it multiplies by a matrix that the lanes
        have in common: all lanes together are one larger product."""
        inner = [o for r in op.regions for o in walk_ops(r)]
        if any(o.name == "dot_general" and len({v in self.varying for v in o.operands}) == 2 for o in inner):
            return False
        results = [r for o in inner if o.name not in _IN_PLACE and not o.regions for r in o.results]
        longest = max((_LONG if count is None else count for count in (element_count(r.dims) for r in results)), default=0)
        return longest >= _LONG or not any(r.dims for r in results)


# Elements of one lane from which on it fills vectors by itself; so many are assumed where only the run knows.
_LONG = 256
_IN_PLACE = frozenset({"update_slice", "update_add", "scatter", "scatter_add"})
