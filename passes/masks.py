"""Zeros that stay zeros: a cotangent that a `where` did not let through, whatever it is multiplied with later.

    y = np.where(x > 1, np.sqrt(x - 1), 0)

Backward, the cotangent of the root is zero where x <= 1, and the slope there is infinite or NaN; their product must be zero.
So a cotangent that comes out of a `where` carries the condition along, through elementwise ops and views, until it meets
others; a product with a residual is made zero where the condition does not hold.  It is the condition that decides, not the
value of the cotangent, so that higher derivatives are right too.  Start with `Masks.follow`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..ir.builder import Builder
from ..ir.graph import Block, Op, Value
from ..ir.opdef import OPS
from ..ir.types import ArrayType, WeakType

_SCALED = frozenset({"multiply", "divide"})
_VIEWS = frozenset({"reshape", "broadcast", "transpose", "slice"})


class Condition:
    """Where a cotangent may differ from zero: built when it is needed, once in each block."""

    def __init__(self, build: Callable[[Builder], Value]) -> None:
        self._build = build
        self._built: dict[Block, Value] = {}

    def __call__(self, b: Builder) -> Value:
        if b.block not in self._built:
            self._built[b.block] = self._build(b)
        return self._built[b.block]


class Masks:
    """Conditions that go along with cotangents: each is true wherever its cotangent may differ from zero."""

    def __init__(self) -> None:
        self._conditions: dict[Value, Condition] = {}

    def of(self, c: Value) -> Condition | None:
        """The condition that goes along with a cotangent."""
        return self._conditions.get(c)

    def follow(self, b: Builder, op: Op, operands: Sequence, number: int, before: Value, after: Value) -> Value:
        """The contribution `after` to operand `number` of `op`, made of the cotangent `before`, with its condition."""
        condition = self.of(before)
        if op.name == "where":
            wanted = number == 1
            self._conditions[after] = Condition(lambda b: _both(b, _chosen(b, operands[0], wanted), condition))
            return after
        if condition is None:
            return after
        if "elementwise" in OPS[op.name].traits:
            if op.name in _SCALED and isinstance(after.type, ArrayType):
                after = b.where(condition(b), after, b.zeros(after.type))
            self._conditions[after] = condition
        elif _leads_to(after, before):
            self._conditions[after] = Condition(lambda b: _like(b, after, before, condition(b)))
        return after

    def join(self, first: Value, second: Value, total: Value) -> None:
        """The sum of two cotangents may differ from zero where one of them may."""
        one, other = self.of(first), self.of(second)
        if one is not None and other is not None:
            self._conditions[total] = one if one is other else Condition(lambda b: _either(b, one(b), other(b)))


def _chosen(b: Builder, condition: Value, wanted: bool) -> Value:
    condition = b.cast(condition, dtype="bool") if isinstance(condition.type, WeakType) else condition
    return condition if wanted else b.logical_not(condition)


def _either(b: Builder, one: Value, other: Value) -> Value:
    return one if one is other else b.logical_or(one, other)


def _both(b: Builder, chosen: Value, condition: Condition | None) -> Value:
    return chosen if condition is None else b.logical_and(chosen, condition(b))


def _leads_to(v: Value, source: Value) -> bool:
    """Is `v` made of `source` by views and sums alone?"""
    while v is not source:
        if v.op is None or v.op.name not in (*_VIEWS, "reduce_sum"):
            return False
        v = v.op.operands[0]
    return True


def _like(b: Builder, v: Value, source: Value, condition: Value) -> Value:
    """The condition seen through the views and sums by which `v` is made of `source`."""
    if v is source:
        return condition
    assert v.op is not None
    inner = _like(b, v.op.operands[0], source, condition)
    name = "reduce_or" if v.op.name == "reduce_sum" else v.op.name
    return b.emit(name, [inner, *v.op.operands[1:]], v.op.attrs)[0]
