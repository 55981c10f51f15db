"""The state of one function while it is emitted: nested scopes, replicated loops, and the values known so far.

A pure value belongs in the outermost scope where its operands exist, but does not leave an arm of a branch unless it
leaves a loop too.  Several copies of a loop's body may be emitted side by side: then a value has one operand for each
copy along the loops it varies with (`Value.by`), and each operand may be a vector of `lanes` elements.  Start with
`Scopes.put`, `Scopes.spread` and `Scopes.remember`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import NamedTuple

from ...ir.loops import Buffer
from ...ir.target import Target
from .module import Block, FunctionText, Module, literal, splat_literal, type_of, vector_literal


@dataclass(eq=False, slots=True)
class Replicated:
    """A loop of which `copies` trips stand side by side, each a vector of `lanes` further trips (0: no vector).

    step: of one trip.  mask: None, or the vectors of i1 that tell which trips there really are.  multiplies: quotients are
    better computed by multiplications (`shape.waits_for_divider`).  fetches: what is loaded is asked for well before
    (`shape.hides_no_loads`).  shuffled: the lanes are in the order that suits pairs (`pairs.order_of_lanes`).
    """

    var: str
    copies: int
    lanes: int
    step: int = 1
    mask: Value | None = None
    multiplies: bool = False
    fetches: bool = False
    shuffled: bool = False


class Value(NamedTuple):
    """An emitted value: one operand per combination of copies of the loops `by` (the last fastest), made in scope `depth`."""

    operands: tuple[str, ...]
    depth: int = 0
    lanes: int = 0
    by: tuple[Replicated, ...] = ()


@dataclass(eq=False, slots=True)
class Scope:
    """A stretch of code: `block` grows as statements are emitted.

    stored: buffers that one pass of the loop, whose body this is, may store to.  kind: "loop" (a loop's body), "entry"
    (what stands before a loop that surely runs), "guarded" (the same, of a loop that may not run), "arm" (of a branch).
    sealed: something here may leave the function, so no later load may move to before this scope.
    """

    block: Block
    kind: str
    stored: frozenset[Buffer] = frozenset()
    sealed: bool = False
    known: list[object] | None = None


class Scopes:
    """Placing instructions and remembering what they computed."""

    def __init__(self, module: Module, target: Target, function: FunctionText) -> None:
        self.module, self.target, self.function = module, target, function
        self.scopes: list[Scope] = [Scope(function.block("entry"), "arm")]
        self.environment: dict[str, Value] = {}
        self.trips: dict[str, tuple[Value, Replicated]] = {}
        self.replicated: list[Replicated] = []
        self._known: dict[object, tuple[int, tuple[int, ...], Value]] = {}
        self.version: dict[Buffer, int] = {}
        self._clock = 0

    # Scopes

    @property
    def depth(self) -> int:
        return len(self.scopes) - 1

    @property
    def block(self) -> Block:
        return self.scopes[-1].block

    def enter(self, block: Block, kind: str, stored: frozenset[Buffer] = frozenset()) -> None:
        self.scopes.append(Scope(block, kind, stored))

    def leave(self) -> Block:
        """Leave the innermost scope, forgetting what was computed there; its last block."""
        scope = self.scopes.pop()
        for key in scope.known or ():
            entry = self._known.get(key)
            if entry is not None and entry[0] == len(self.scopes):
                del self._known[key]
        return scope.block

    def seal(self) -> None:
        """Note that the function may be left here."""
        self.scopes[-1].sealed = True

    def placement(self, depth: int) -> int:
        """The scope for a pure value whose operands exist at `depth`: outside every loop it can leave."""
        best = self.depth
        for k in range(self.depth - 1, depth - 1, -1):
            if self.scopes[k + 1].kind == "arm":
                continue
            best = k
        return best

    def load_placement(self, depth: int, buffer: Buffer | None) -> int:
        """The scope for a load (or, with no buffer, for what may trap): it may not run where it would not have run."""
        k = self.depth
        while k > depth:
            scope = self.scopes[k]
            if scope.kind in ("arm", "guarded") or scope.sealed or (buffer is not None and buffer in scope.stored):
                break
            k -= 1
        return k

    # Instructions

    def put(self, depth: int, text: str) -> str:
        """Emit an instruction with a result in the scope at `depth`; the result's register."""
        register = self.function.register()
        self.scopes[depth].block.instructions.append(f"{register} = {text}")
        return register

    def do(self, text: str) -> None:
        """Emit an instruction without a result, here."""
        self.block.instructions.append(text)

    def once(self, depth: int, text: str) -> str:
        """Emit a pure instruction at `depth`, unless an equal one is known."""
        got = self.recall(text)
        if got is not None:
            return got.operands[0]
        register = self.put(depth, text)
        self.remember(text, Value((register,), depth))
        return register

    def splat(self, operand: str, dtype: str, lanes: int, depth: int) -> str:
        """A vector with `operand`, a register, in every lane."""
        vector, scalar = type_of(dtype, lanes), type_of(dtype)
        one = self.once(depth, f"insertelement {vector} poison, {scalar} {operand}, i32 0")
        return self.once(depth, f"shufflevector {vector} {one}, {vector} poison, <{lanes} x i32> zeroinitializer")

    # What is known

    def _versions(self, buffers: Iterable[Buffer]) -> tuple[int, ...]:
        return tuple(sorted([self.version.get(b, 0) for b in buffers]))

    def recall(self, key: object, buffers: frozenset[Buffer] = frozenset()) -> Value | None:
        """The value remembered under `key`, if no buffer it was loaded from has been stored to since."""
        entry = self._known.get(key)
        if entry is None or (buffers and entry[1] != self._versions(buffers)):
            return None
        return entry[2]

    def remember(self, key: object, value: Value, buffers: frozenset[Buffer] = frozenset(), depth: int | None = None) -> Value:
        at = value.depth if depth is None else depth
        self._known[key] = (at, self._versions(buffers), value)
        scope = self.scopes[at]
        if scope.known is None:
            scope.known = []
        scope.known.append(key)
        return value

    def touch(self, buffers: Iterable[Buffer]) -> None:
        """These buffers are stored to here: loads remembered so far are out of date."""
        for b in buffers:
            self._clock += 1
            self.version[b] = self._clock

    # Replicated values

    def varying(self, values: Iterable[Value]) -> tuple[Replicated, ...]:
        """The replicated loops that any of these varies along, outermost first."""
        loops = {r for v in values for r in v.by}
        return tuple(r for r in self.replicated if r in loops) if loops else ()

    def spread(self, value: Value, by: Sequence[Replicated]) -> tuple[str, ...]:
        """The operands of `value`, one per combination of copies of `by`, which contains `value.by`."""
        if value.by == tuple(by):
            return value.operands
        if not value.by:
            return value.operands * prod(r.copies for r in by)
        out = []
        for combination in product(*(range(r.copies) for r in by)):
            index = 0
            for r, copy in zip(by, combination, strict=True):
                if r in value.by:
                    index = index * r.copies + copy
            out.append(value.operands[index])
        return tuple(out)

    def widened(self, value: Value, dtype: str, lanes: int) -> Value:
        """`value` as vectors of `lanes`, if it is not yet."""
        if value.lanes == lanes:
            return value
        assert not value.lanes, (value, lanes)
        operands = tuple(self.widen_operand(x, dtype, lanes, value.depth) for x in value.operands)
        return value._replace(operands=operands, lanes=lanes)

    def widen_operand(self, operand: str, dtype: str, lanes: int, depth: int) -> str:
        if operand[0] == "%":
            return self.splat(operand, dtype, lanes, depth)
        return f"splat ({type_of(dtype)} {operand})"

    def constant(self, value: bool | int | float, dtype: str, lanes: int = 0) -> Value:
        text = splat_literal(value, dtype, lanes) if lanes else literal(value, dtype)
        return Value((text,), 0, lanes)

    @property
    def vector_loop(self) -> Replicated | None:
        """The loop that runs in vectors here, if one does."""
        return next((r for r in self.replicated if r.lanes), None)

    def replicate(self, loop: Replicated, base: str) -> None:
        """Begin the body of a replicated loop; `base` is the first of the trips that stand side by side."""
        self.replicated.append(loop)
        self.trips[loop.var] = (Value((base,), self.depth), loop)

    def unreplicate(self) -> None:
        del self.trips[self.replicated.pop().var]

    def variable(self, name: str) -> Value:
        """The value of a variable; that of a replicated loop is made when it is first wanted as data."""
        if name not in self.trips:
            return self.environment[name]
        got = self.recall(name)
        return got if got is not None else self.remember(name, self._trip(*self.trips[name]))

    def _trip(self, base: Value, loop: Replicated) -> Value:
        depth, t = base.depth, type_of("i64", loop.lanes)
        start = self.splat(base.operands[0], "i64", loop.lanes, depth) if loop.lanes else base.operands[0]
        out = []
        for copy in range(loop.copies):
            first = copy * (loop.lanes or 1) * loop.step
            trips = vector_literal([first + k * loop.step for k in range(loop.lanes)], "i64") if loop.lanes else str(first)
            out.append(self.put(depth, f"add {t} {start}, {trips}"))
        return Value(tuple(out), depth, loop.lanes, (loop,))
