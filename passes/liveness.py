"""Where values are read, and which reads may come after a given point: what in-place decisions rest on.

A point is (block, position).  `after(x, p, u)` asks whether point p may run after point u while x is still the same value;
everything that decides about memory (`in_place`, `homes`) asks only that.  Start with `Liveness`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..ir.graph import Block, Op, Value, defining_block, is_inside

Point = tuple[Block, int]


@dataclass(frozen=True, slots=True)
class Use:
    """One use: by operand number `operand` of `op`, or, if `op` is None, by a yield of `block`."""

    op: Op | None
    operand: int
    block: Block
    position: int

    @property
    def point(self) -> Point:
        return self.block, self.position


class Liveness:
    """Uses and positions of everything in `top`; valid while the graph is not changed, or where `renew` was told of it."""

    def __init__(self, top: Block) -> None:
        self.top = top
        self.position: dict[Op, int] = {}
        # Of each value, the uses by block; and by block, the values used there.
        self._uses: dict[Value, dict[Block, list[Use]]] = {}
        self._used: dict[Block, list[Value]] = {}
        self._enter(top)

    def _enter(self, block: Block) -> None:
        self._enter_ops(block)
        for op in block.ops:
            for region in op.regions:
                self._enter(region)

    def _enter_ops(self, block: Block) -> None:
        used = self._used[block] = []
        for position, op in enumerate(block.ops):
            self.position[op] = position
            for k, v in enumerate(op.operands):
                self._enter_use(v, Use(op, k, block, position), used)
        for k, v in enumerate(block.yields):
            self._enter_use(v, Use(None, k, block, len(block.ops)), used)

    def _enter_use(self, v: Value, use: Use, used: list[Value]) -> None:
        self._uses.setdefault(v, {}).setdefault(use.block, []).append(use)
        used.append(v)

    def renew(self, block: Block, deep: bool = False) -> None:
        """The ops of a block have changed, or also those of the blocks in it."""
        for v in self._used.pop(block, ()):
            self._uses[v].pop(block, None)
        self._enter_ops(block)
        if deep:
            for op in block.ops:
                for region in op.regions:
                    self.renew(region, deep)

    def of(self, v: Value) -> list[Use]:
        return [use for uses in self._uses.get(v, {}).values() for use in uses]

    def point(self, op: Op) -> Point:
        assert op.block is not None
        return op.block, self.position[op]

    def definition(self, v: Value) -> Point:
        """Block arguments are defined before the first op."""
        return self.point(v.op) if v.op is not None else (defining_block(v), -1)

    def _outwards(self, point: Point) -> Iterator[Point]:
        yield point
        block = point[0]
        while block.owner is not None:
            point = self.point(block.owner)
            yield point
            block = point[0]

    def after(self, x: Value, p: Point, u: Point) -> bool:
        """May `p` run after `u` while `x` is the same value?"""
        return self.around(x, p, u) or self.later(p, u)

    def around(self, x: Value, p: Point, u: Point) -> bool:
        """By the back edge of a loop around both points that `x` was defined outside of?"""
        home = defining_block(x)
        for block, _ in self._outwards(u):
            is_body = block.owner is not None and block.owner.name in ("for", "while")
            if is_body and is_inside(p[0], block) and not is_inside(home, block):
                return True
        return False

    def later(self, p: Point, u: Point) -> bool:
        """Further down, in the innermost block around both?  The two arms of one `if` come at one position there."""
        around_p = dict(self._outwards(p))
        for block, position in self._outwards(u):
            if block in around_p:
                return around_p[block] > position
        return False
