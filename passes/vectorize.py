"""Vectorization: a function of one lane becomes a function of all lanes at once.

Before: a graph function without `fused` regions.  After: arguments that vary have a new leading axis, the lanes, and so has
every result that depends on them; the rest is computed once.  An op becomes what its batching rule makes of it.  What has
no rule, decides by lane what to run, or has an extent that differs by lane runs in a loop over the lanes, in the same
program; so does a call with a derivative of its own, which a gradient of the whole must still find, and the whole function
if it has ordered effects, whose order is that of a loop over lanes.

Start with `vectorize`; `lanes.py` decides what varies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..ir.builder import Builder, Slot
from ..ir.errors import UnsupportedError
from ..ir.graph import Block, Function, Op, Output, Parameter, Value
from ..ir.opdef import OPS, effect_of
from ..ir.types import DTYPE_NAMES, PY_INT, ArrayType, Dim, Type, WeakType
from ..ir.viewmap import Axis, ViewMap
from ..ir.walk import captured, clone_op, map_type
from .inline import inline
from .lanes import Lanes


@dataclass(eq=False, slots=True)
class Vectorized:
    """The function over all lanes, and which of its results vary."""

    function: Function
    varying: list[bool]


def vectorize(function: Function, arguments: Sequence[bool], size: int) -> Vectorized:
    """`function` for `size` lanes; `arguments` says which of its arguments vary.  The function itself is used up."""
    target = Block()
    lanes = [ArrayType(a.dtype, (size, *a.dims)) if v else a.type for a, v in zip(function.block.args, arguments, strict=True)]
    # Extents in the types of arguments are arguments before them.
    mapping: dict[Value, Value] = {}
    for a, t in zip(function.block.args, lanes, strict=True):
        mapping[a] = target.add_arg(map_type(t, mapping), a.name)
    target.yields, varying = vectorize_block(Builder(target), function.block, target.args, arguments, size, {})
    parameters = [Parameter(p.name, None, p.writeable) for p in function.parameters]
    return Vectorized(Function(function.name, target, parameters, [Output() for _ in varying]), varying)


def vectorize_block(builder: Builder, block: Block, values: Sequence[Value], arguments: Sequence[bool], size: Dim,
                    shared: Mapping[Value, Value]) -> tuple[list[Value], list[bool]]:
    """Build what `block` computes for every lane; what it yields, and which of that varies.  The block is used up.

    values: of the block's arguments; those that vary have the lanes along their first axis.  shared: values from around the
    block that the lanes have in common and change one after the other, each with the value that the block leaves there: a
    lane begins with what the lane before left.  What is yielded of these is what the last lane left.
    """
    inline(Function("lane", block), keep_rules=True)
    lanes = Lanes(block, arguments)
    state = _Vectorizer(lanes, size, builder, dict(zip(block.args, values, strict=True)))
    if shared or any(effect_of(op) == "ordered" for op in block.ops):
        kept = [y for y in dict.fromkeys(block.yields) if y.op is not None and y.op.block is block]
        state.one_by_one(block.ops, [y for y in kept if y not in shared.values()], shared)
    else:
        state.ops(block.ops, block.yields)
    return [state.of(y) for y in block.yields], [y in lanes.varying for y in block.yields]


class _Vectorizer:
    """Rewrites ops into `builder.block`; `mapping` takes values of the source to those of the target."""

    def __init__(self, lanes: Lanes, size: Dim, builder: Builder, mapping: dict[Value, Value]) -> None:
        self.lanes, self.size, self.builder, self.mapping = lanes, size, builder, mapping

    def type_of(self, value: Value) -> Type:
        """The type of `value` in the target."""
        t = map_type(value.type, self.mapping)
        return ArrayType(t.dtype, (self.size, *t.dims)) if value in self.lanes.varying else t

    def of(self, value: Value) -> Value:
        return self.mapping.get(value, value)

    def varies(self, value: Value) -> bool:
        return value in self.lanes.varying

    def ops(self, ops: Sequence[Op], yields: Sequence[Value]) -> None:
        """Rewrite the ops of a block; `yields` is what is used of them at its end."""
        k = 0
        while k < len(ops):
            op = ops[k]
            self.builder.loc = op.loc
            if not self.lanes.touches(op):
                self.clone(op)
            elif self.lanes.one_by_one(op):
                end = self.segment_end(ops, k)
                self.segment(ops[k:end], [*yields, *(v for o in ops[end:] for v in _reads(o))])
                k = end
                continue
            elif op.regions:
                getattr(self, f"rewrite_{op.name}")(op)
            else:
                self.by_rule(op)
            k += 1

    def clone(self, op: Op) -> None:
        self.builder.block.append(clone_op(op, self.mapping))

    def by_rule(self, op: Op) -> None:
        rule = OPS[op.name].batch
        assert callable(rule)
        operands = [self.of(v) for v in op.operands]
        results = rule(self.builder, operands, [self.varies(v) for v in op.operands], self.size, op.attrs)
        self.mapping.update(zip(op.results, results, strict=True))

    def spread(self, value: Value, wanted: bool = True) -> Value:
        """The target's value, repeated over the lanes if that is wanted and it does not vary."""
        new = self.of(value)
        if not wanted or self.varies(value):
            return new
        if isinstance(new.type, WeakType):
            new = self.builder.cast(new, dtype=DTYPE_NAMES[new.dtype])
        return self.builder.broadcast_to(new, (self.size, *new.dims))

    # --- regions ------------------------------------------------------------------------------------------------------

    def region(self, block: Block, wanted: Sequence[bool]) -> Block:
        """The region for all lanes; its results vary where that is wanted."""
        new = Block()
        for a in block.args:
            self.mapping[a] = new.add_arg(self.type_of(a), a.name)
        with self.builder.inside(new):
            self.ops(block.ops, block.yields)
            new.yields = [self.spread(y, w) for y, w in zip(block.yields, wanted, strict=True)]
        return new

    def rewrite_if(self, op: Op) -> None:
        wanted = [self.varies(r) for r in op.results]
        regions = [self.region(r, wanted) for r in op.regions]
        self.emit(op, [self.of(op.operands[0])], regions)

    def rewrite_for(self, op: Op) -> None:
        (body,) = op.regions
        wanted = [self.varies(a) for a in body.args[1:]]
        inits = [self.spread(x, w) for x, w in zip(op.operands[3:], wanted, strict=True)]
        bounds = [self.of(v) for v in op.operands[:3]]
        self.emit(op, [*bounds, *inits], [self.region(body, wanted)])

    def rewrite_while(self, op: Op) -> None:
        test, body = op.regions
        wanted = [self.varies(a) for a in body.args]
        inits = [self.spread(x, w) for x, w in zip(op.operands, wanted, strict=True)]
        self.emit(op, inits, [self.region(test, [False]), self.region(body, wanted)])

    def emit(self, op: Op, operands: Sequence[Value], regions: Sequence[Block]) -> None:
        results = self.builder.emit(op.name, operands, dict(op.attrs), regions, loc=op.loc)
        self.mapping.update(zip(op.results, results, strict=True))

    # --- one lane after the other -------------------------------------------------------------------------------------

    def segment_end(self, ops: Sequence[Op], first: int) -> int:
        """Ragged values cannot leave the loop over the lanes: it goes on until the last op that uses one."""
        ragged: set[Value] = set()
        k = last = first
        while k <= last:
            new = {r for r in ops[k].results if self.lanes.is_ragged(r)} - ragged
            ragged |= new
            k += 1
            if new:
                last = max([last, *(j for j in range(k, len(ops)) if not new.isdisjoint(_reads(ops[j])))])
        return last + 1

    def segment(self, ops: Sequence[Op], used: Sequence[Value]) -> None:
        """Run `ops` for one lane after the other; what all lanes share is computed once, before."""
        for op in ops:
            if not self.lanes.touches(op):
                self.clone(op)
        own = [op for op in ops if self.lanes.touches(op)]
        made = {r for op in own for r in op.results}
        kept = [v for v in dict.fromkeys(used) if v in made]
        self.one_by_one(own, [v for v in kept if self.varies(v)], {}, [v for v in kept if not self.varies(v)])

    def one_by_one(self, ops: Sequence[Op], kept: Sequence[Value], shared: Mapping[Value, Value],
                   same: Sequence[Value] = ()) -> None:
        """A loop over the lanes: `kept` of what the ops make is stored for every lane, `same`, which all lanes make alike, once;
        `shared` is as in `vectorize_block`."""
        made = {r for op in ops for r in op.results}
        for r in (*kept, *same):
            if self.lanes.is_ragged(r) or not made.isdisjoint(r.dims):
                raise UnsupportedError("vmap over lanes whose results differ in shape",
                                       "an extent is known only at run time and differs from lane to lane", loc=_loc(r))
        self.lanes.varying.update(kept)
        b = self.builder
        inits = [*(b.zeros(self.type_of(r)) for r in (*kept, *same)), *(self.of(a) for a in shared)]
        last = len(kept) + len(same)
        body = Block([PY_INT, *(v.type for v in inits)])
        index, *carried = body.args
        with b.inside(body):
            local = {**self.mapping, **dict(zip(shared, carried[last:], strict=True))}
            local.update((v, self.lane(v, index)) for v in captured_by(ops, (*kept, *same)) if self.varies(v))
            for op in ops:
                body.append(clone_op(op, local))
            stored = [self.store(c, local[r], index) for c, r in zip(carried, kept, strict=False)]
            body.yields = [*stored, *(local[r] for r in same), *(local.get(v, v) for v in shared.values())]
        bounds = [b.constant(0), self.size if isinstance(self.size, Value) else b.constant(self.size), b.constant(1)]
        results = b.emit("for", [*bounds, *inits], {"until": None}, [body])
        self.mapping.update(zip((*kept, *same), results, strict=False))
        self.mapping.update(zip(shared.values(), results[last:], strict=True))

    def lane(self, value: Value, index: Value) -> Value:
        """One lane's `value`, of the type that it has in the source."""
        x = self.of(value)
        view, dims = _lane_map(len(x.dims) - 1, 1), x.dims[1:]
        one = self._view("slice", [x], view, dims, index)
        if isinstance(value.type, WeakType):
            return self.builder.cast(one, dtype=f"py.{value.type.kind}")
        return one

    def store(self, into: Value, new: Value, index: Value) -> Value:
        if isinstance(new.type, WeakType):
            new = self.builder.cast(new, dtype=DTYPE_NAMES[new.dtype])
        return self._view("update_slice", [into, new], _lane_map(len(into.dims) - 1, 2), into.dims[1:], index)

    def _view(self, name: str, arrays: Sequence[Value], view: ViewMap, dims: Sequence[Dim], index: Value) -> Value:
        extents = [d for d in dims if isinstance(d, Value)]
        first = len(arrays) + 1
        places = iter(range(first, first + len(extents)))
        template = tuple(Slot(next(places)) if isinstance(d, Value) else d for d in dims)
        return self.builder.emit(name, [*arrays, index, *extents], {"map": view, "dims": template})[0]


def captured_by(ops: Sequence[Op], kept: Sequence[Value]) -> list[Value]:
    """The values that `ops` read, or that are kept, without being made by the ops; each once."""
    made = {r for op in ops for r in op.results}
    return list(dict.fromkeys(v for v in (*(v for op in ops for v in _reads(op)), *kept) if v not in made))


def _reads(op: Op) -> list[Value]:
    """What an op and its regions read from around it."""
    extents = [d for r in op.results for d in r.dims if isinstance(d, Value) and d.op is not op]
    return [*op.operands, *extents, *captured(*op.regions)]


def _lane_map(rank: int, slot: int) -> ViewMap:
    return (Axis(Slot(slot)), *(Axis(0, ((1, k),)) for k in range(rank)))


def _loc(value: Value):
    return value.op.loc if value.op is not None else None
