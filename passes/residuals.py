"""What a loop's linear part needs of its primal part, or a branch's: recomputed where that is cheap, else kept.

A residual is a value that the linear body reads and the primal body defines.  Constants, views and integers that follow from
the trip and from outside are made again; so is elementwise work on what is kept anyway.  The rest is saved: trip number k of
the primal loop writes it into row k of a tape, and trip k of the linear loop reads it there; the arm of an `if` yields it.
An extent that differs from trip to trip is padded to a bound; a loop inside whose own tapes have no bound is run again from
what it started with, and so is, in an arm, all whose extents only the arm knows.  Start with `Residuals`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..ir.builder import Builder, Slot
from ..ir.errors import UnsupportedError
from ..ir.graph import Block, Op, Value, defining_block, walk_ops
from ..ir.opdef import OPS, effect_of
from ..ir.ops.shaping import emit_shaped, emit_view
from ..ir.types import DTYPE_NAMES, ArrayType, Dim, Type, WeakType, element_count, is_differentiable
from ..ir.viewmap import Axis, ViewMap
from ..ir.walk import captured, clone_op, map_type, uses
from .fixed_extents import viewed_extents

_VIEWS = frozenset({"slice", "transpose", "reshape", "broadcast"})
_MADE = frozenset({"const", "array_const", "iota", "empty"})
# Elementwise ops that cost no more than reading their result from memory.
_CHEAP = frozenset({"add", "subtract", "multiply", "negative", "positive", "square", "absolute", "where", "cast", "equal",
                    "not_equal", "less", "less_equal", "greater", "greater_equal", "maximum", "minimum", "sign", "logical_and",
                    "logical_or", "logical_not", "real", "imag", "conjugate", "complex", "bitwise_and", "bitwise_or"})
# Extents known only at run time, in estimates of size; and how far a residual is traced back to what is kept.
_TYPICAL_EXTENT = 100
_DEPTH = 12


class Residuals:
    """What is kept of each trip of one loop, or of one arm: `saved`, in order. body: its primal part; index: that part's loop
    index; None in an arm."""

    def __init__(self, body: Block, index: Value | None, wanted: Iterable[Value]) -> None:
        self.body, self.index = body, index
        self.saved: dict[Value, None] = {}
        self._made_again: set[Value] = set()
        self._free: dict[Value, bool] = {}
        inner = [v for v in wanted if self.is_inner(v) and not self.is_free(v)]
        for v in sorted(inner, key=lambda v: self._leaves(v) != {v: None}):
            self._keep(v)

    def is_inner(self, v: Value) -> bool:
        """Is it defined directly in the body?"""
        return defining_block(v) is self.body

    def is_free(self, v: Value) -> bool:
        """Does it follow cheaply from the loop's index and from outside?"""
        if not self.is_inner(v) or v is self.index:
            return True
        if v.op is None:
            return False
        if v not in self._free:
            self._free[v] = _is_light(v.op) and all(map(self.is_free, uses(v.op)))
        return self._free[v]

    def _leaves(self, v: Value, depth: int = _DEPTH) -> dict[Value, None]:
        """What would have to be kept to make `v` again by cheap work; `v` itself where there is none."""
        if self.is_free(v):
            return {}
        if depth and v.op is not None and v not in self.saved and (v.op.name in _CHEAP or v.op.name in _VIEWS):
            found: dict[Value, None] = {}
            for x in uses(v.op):
                found.update(self._leaves(x, depth - 1))
            return found
        return {v: None}

    def _keep(self, v: Value) -> None:
        """Decide how `v` is had again."""
        if not self.is_inner(v) or v in self.saved or v in self._made_again or self.is_free(v):
            return
        leaves = self._leaves(v)
        if not self._has_bounds(v):
            again = True
            if v.op is None:
                raise UnsupportedError("the derivative of this loop", "an array that it carries changes its shape",
                                       loc=self.body.owner.loc if self.body.owner is not None else None)
        else:
            again = leaves != {v: None} and sum(_size(x.type) for x in leaves if x not in self.saved) <= _size(v.type)
        if not again:
            self.saved[v] = None
            for d in v.dims:
                if isinstance(d, Value):
                    self._keep(d)
            return
        assert v.op is not None
        if effect_of(v.op) == "ordered":
            raise UnsupportedError("the derivative of effects in a loop in a loop or branch",
                                   "the inner loop would have to run twice", loc=v.op.loc)
        self._made_again.add(v)
        for x in (*uses(v.op), *captured(*v.op.regions)):
            self._keep(x)

    def keeps_tapes(self) -> bool:
        """Is a tape of a loop inside among what is kept?"""
        return any(v.op is not None and v.op.name in ("for", "while") for v in self.saved)

    # Bounds of extents that differ from trip to trip

    def _has_bounds(self, v: Value) -> bool:
        return all(self.bound(d) is not None for d in v.dims)

    def bound(self, d: Dim) -> Dim | None:
        """An extent known outside of the loop that `d` never exceeds."""
        if isinstance(d, int) or not self.is_inner(d):
            return d
        if self.index is None:
            return None
        for op in walk_ops(self.body):
            for n in viewed_extents(op, d):
                found = self.bound(n) if n is not d else None
                if found is not None:
                    return found
        return None

    def bounded(self, v: Value) -> Type:
        """The type of `v` with those bounds."""
        if not v.dims:
            return v.type
        return ArrayType(v.dtype, tuple(self.bound(d) for d in v.dims))  # type: ignore[misc]

    # Tapes

    def tape(self, outer: Builder, v: Value, count: Dim) -> Value:
        """New memory for `count` values like `v`."""
        return emit_shaped(outer, "empty", [], (count, *self.bounded(v).dims), dtype=DTYPE_NAMES[v.dtype])

    def record(self, inner: Builder, tape: Value, v: Value, number: Value) -> Value:
        """The tape with `v` in row `number`."""
        if isinstance(v.type, WeakType):
            v = inner.emit("cast", [v], {"dtype": DTYPE_NAMES[v.dtype]})[0]
        return emit_view(inner, "update_slice", [tape, v], _row(v.type, 2), v.dims, [tape, v, number])

    def reload(self, head: Builder, tapes: dict[Value, Value], number: Value, index: Value,
               wanted: Sequence[Value]) -> dict[Value, Value]:
        """The wanted residuals, and what leads to them, in the linear body of a loop."""
        assert self.index is not None
        return _Reload(self, head, tapes, number, {self.index: index}).run(wanted)

    def remake(self, head: Builder, kept: dict[Value, Value], wanted: Sequence[Value]) -> dict[Value, Value]:
        """The wanted residuals, and what leads to them, in the linear arm; `kept` is what the primal arm handed out."""
        return _Reload(self, head, {}, None, kept).run(wanted)


class _Reload:
    """Makes residuals again; `known` is what has been made."""

    def __init__(self, residuals: Residuals, head: Builder, tapes: dict[Value, Value], number: Value | None,
                 known: dict[Value, Value]) -> None:
        self.residuals, self.head, self.tapes, self.number = residuals, head, tapes, number
        self.known = dict(known)

    def run(self, wanted: Sequence[Value]) -> dict[Value, Value]:
        for v in wanted:
            self._pull(v)
        return self.known

    def _pull(self, v: Value) -> None:
        if v in self.known or not self.residuals.is_inner(v):
            return
        if v in self.tapes:
            for d in v.dims:
                if isinstance(d, Value):
                    self._pull(d)
            self.known[v] = self._load(v)
            return
        assert v.op is not None, "a carried value is kept"
        for x in (*uses(v.op), *captured(*v.op.regions)):
            self._pull(x)
        self.head.block.append(clone_op(v.op, self.known))

    def _load(self, v: Value) -> Value:
        assert self.number is not None
        tape, kind = self.tapes[v], map_type(v.type, self.known)
        row = emit_view(self.head, "slice", [tape], _row(kind, 1), kind.dims, [tape, self.number])
        return self.head.emit("cast", [row], {"dtype": str(v.type)})[0] if isinstance(v.type, WeakType) else row


def _row(t: Type, number: int) -> ViewMap:
    """The view of one row of a tape; operand `number` says which."""
    return (Axis(Slot(number)), *(Axis(0, ((1, k),)) for k in range(len(t.dims))))


def _is_light(op: Op) -> bool:
    """May this be done twice rather than kept?"""
    if op.regions or effect_of(op) == "ordered":
        return False
    if op.name in _MADE or op.name in _VIEWS or op.name in _CHEAP:
        return True
    small = all(not v.dims and not is_differentiable(v.type) for v in (*op.operands, *op.results))
    return small and op.name in OPS


def _size(t: Type) -> int:
    """Bytes, about."""
    if not isinstance(t, ArrayType):
        return 8
    known = element_count(tuple(d if isinstance(d, int) else _TYPICAL_EXTENT for d in t.dims))
    return (known or 0) * t.dtype.itemsize
