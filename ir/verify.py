"""Checks the graph dialect's invariants: after every pass in tests, and whenever a text is read.

A value is defined once and before its uses, extents in types included; every op knows its block; each op's type rule, run
again, gives the types that its results have; regions take and yield what their op says; ordered effects hang on one
thread of tokens; what a fused region computes is pure and read through its operands only.  Start with `verify`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .builder import Slot
from .errors import VerificationError
from .graph import Block, Function, Op, Value, fill_result_dims
from .opdef import OPS, effect_of
from .text import excerpt, show_type
from .types import ArrayType, TokenType, Type, WeakType
from .walk import block_uses, callees, captured, uses


def verify(function: Function) -> Function:
    """`function` itself; raises VerificationError, with the ops around the fault, if it or a function it calls is wrong."""
    for f in callees(function):
        _Verifier(f).run()
    return function


def _keeps_order(values: Sequence[Value]) -> bool:
    """Is there a token among them, or is the first an int64 that numbers the effects?"""
    return any(isinstance(v.type, TokenType) for v in values) or values[0].type == ArrayType(np.dtype(np.int64))


class _Verifier:
    def __init__(self, function: Function) -> None:
        self.function = function
        self.op: Op | None = None
        self.visible: set[Value] = set()
        self.defined: set[Value] = set()

    def fail(self, message: str) -> VerificationError:
        at = f" (op {self.op.name}{f' at {self.op.loc}' if self.op.loc else ''})" if self.op is not None else ""
        return VerificationError(f"in {self.function.name}{at}: {message}\n{excerpt(self.function, self.op)}")

    def require(self, holds: bool, message: str) -> None:
        if not holds:
            raise self.fail(message)

    def run(self) -> None:
        f = self.function
        self.require(f.block.owner is None, "a function's block has no owner")
        self.block(f.block)
        self.op = None
        self.signature()

    def signature(self) -> None:
        """Parameters and outputs fit the block's arguments and yields."""
        f = self.function
        args, yields = f.block.args, f.block.yields
        if f.parameters:
            self.require(len(f.parameters) == len(args), f"{len(f.parameters)} parameters for {len(args)} arguments")
            for p, a in zip(f.parameters, args, strict=True):
                self.require(p.strides is None or len(p.strides) == len(a.dims), f"the strides of {p.name} have another rank")
        if f.outputs:
            self.require(len(f.outputs) == len(yields), f"{len(f.outputs)} outputs for {len(yields)} values returned")
        written: set[int] = set()
        for out, v in zip(f.outputs, yields, strict=False):
            if out.layout is not None:
                self.require(sorted(out.layout) == list(range(len(v.dims))), f"{out.layout} is no order of {len(v.dims)} axes")
            if out.into is not None:
                self.require(0 <= out.into < len(args), f"there is no argument {out.into} to write into")
                self.require(out.into not in written, f"two outputs are written into argument {out.into}")
                written.add(out.into)
                self.same_types([args[out.into]], [v], "an output and the argument it is written into")
                self.require(not f.parameters or f.parameters[out.into].writeable, "an output goes into a read-only argument")

    # Blocks: scope and order.

    def define(self, v: Value) -> None:
        self.require(v not in self.defined, f"{v!r} is defined twice")
        for d in v.type.dims:
            if isinstance(d, Value):
                self.require(d in self.visible, f"an extent in the type of {v!r} is not defined before it")
                self.require(_is_integer(d.type), f"an extent in the type of {v!r} is of type {d.type}")
            else:
                self.require(isinstance(d, int) and d >= 0, f"{d!r} is no extent")
        self.defined.add(v)
        self.visible.add(v)

    def block(self, block: Block) -> None:
        outer = set(self.visible)
        for a in block.args:
            self.require(a.block is block and a.op is None, f"argument {a!r} belongs to another block")
            self.define(a)
        for op in block.ops:
            self.op = op
            self.require(op.block is block, "the op stands in another block than it says")
            self.one_op(op)
        self.op = block.owner
        for v in block_uses(block):
            self.require(v in self.visible, f"{v!r} is yielded but not defined here")
        self.tokens(block)
        self.visible = outer

    def one_op(self, op: Op) -> None:
        self.require(op.name in OPS, "there is no such op")
        for v in uses(op):
            self.require(v in self.visible, f"{v!r} is used but not defined before")
        for k, region in enumerate(op.regions):
            self.require(region.owner is op, f"region {k} belongs to another op")
            self.block(region)
            self.op = op
        for r in op.results:
            self.require(r.op is op, f"result {r!r} belongs to another op")
            self.define(r)
        self.attributes(op)
        self.types(op)
        check = getattr(self, f"check_{op.name}", None)
        if check is not None:
            check(op)
        self.effects(op)

    # Ops: attributes, types, effects.

    def attributes(self, op: Op) -> None:
        unknown = op.attrs.keys() - set(OPS[op.name].attrs)
        self.require(not unknown, f"the op has no attribute {', '.join(sorted(unknown))}")
        for slot in _slots(list(op.attrs.values())):
            self.require(0 <= slot.operand < len(op.operands), f"{slot!r} stands for an operand that is not there")

    def types(self, op: Op) -> None:
        infer = OPS[op.name].infer
        try:
            inferred = infer(op.operands, op.attrs, op.regions) if op.regions else infer(op.operands, op.attrs)
        except (TypeError, ValueError, IndexError, KeyError, AssertionError) as e:
            raise self.fail(f"the type rule rejects it: {type(e).__name__}: {e}") from e
        inferred = [fill_result_dims(t, op.results) for t in inferred]
        got = [r.type for r in op.results]
        if inferred != got and not op.regions:
            raise self.fail(f"the type rule gives {_types(inferred)}, the results have {_types(got)}")
        self.require(len(inferred) == len(got), f"the type rule gives {len(inferred)} results, there are {len(got)}")

    def effects(self, op: Op) -> None:
        effect = OPS[op.name].effect
        if effect == "ordered":
            self.require(_keeps_order(op.operands), "an ordered effect takes a token, or the order of effects first")
            self.require(_keeps_order(op.results), "an ordered effect gives a token, or the order of effects first")
        if effect == "check":
            self.require(bool(op.results), "a check returns what it has checked")

    def tokens(self, block: Block) -> None:
        """Within a block each token is consumed once; loops carry theirs."""
        spent: set[Value] = set()
        for op in block.ops:
            inner = [v for v in captured(*op.regions) if isinstance(v.type, TokenType)] if op.regions else []
            self.op = op
            self.require(not inner or op.name == "if", "a loop captures a token instead of carrying it")
            for v in dict.fromkeys([v for v in op.operands if isinstance(v.type, TokenType)] + inner):
                self.require(v not in spent, f"the token {v!r} is consumed twice")
                spent.add(v)

    # Region ops.

    def same_types(self, a: Sequence[Value], b: Sequence[Value], what: str) -> None:
        """Do two lists of values, meeting where control does, have the same types?"""
        self.require(len(a) == len(b), f"{what}: {len(a)} and {len(b)} values")
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            if not _meet(x.type, y.type, a, b):
                raise self.fail(f"{what}: number {k} is {show_type(x.type)} here and {show_type(y.type)} there")

    def regions(self, op: Op, count: int) -> None:
        self.require(len(op.regions) == count, f"{count} regions wanted, there are {len(op.regions)}")

    def check_if(self, op: Op) -> None:
        self.regions(op, 2)
        self.require(len(op.operands) == 1 and _is_bool(op.operands[0].type), "the operand is one truth value")
        for region in op.regions:
            self.require(not region.args, "a branch takes no arguments")
            self.same_types(region.yields, op.results, "what a branch yields and the results")

    def check_for(self, op: Op) -> None:
        self.regions(op, 1)
        (body,) = op.regions
        self.require(len(op.operands) >= 3 and all(_is_integer(v.type) for v in op.operands[:3]),
                     "start, stop and step are integers")
        self.require(bool(body.args) and body.args[0].type == op.operands[0].type, "the index has the type of the start")
        carried = body.args[1:]
        self.same_types(op.operands[3:], carried, "initial values and carried values")
        self.same_types(body.yields, carried, "yielded and carried values")
        self.same_types(op.results, carried, "results and carried values")
        until = op.attrs.get("until")
        self.require(until is None or (0 <= until < len(carried) and _is_bool(carried[until].type)),
                     "until is the position of a carried truth value")

    def check_while(self, op: Op) -> None:
        self.regions(op, 2)
        test, body = op.regions
        self.same_types(op.operands, test.args, "initial values and the test's arguments")
        self.same_types(op.operands, body.args, "initial values and carried values")
        self.same_types(body.yields, body.args, "yielded and carried values")
        self.same_types(op.results, body.args, "results and carried values")
        self.require(len(test.yields) == 1 and _is_bool(test.yields[0].type), "the test yields one truth value")

    def check_call(self, op: Op) -> None:
        callee = op.attrs["callee"]
        self.same_types([*op.operands, *op.results], [*callee.block.args, *callee.block.yields],
                        "operands and results, and what the callee takes and returns")

    def check_fused(self, op: Op) -> None:
        self.regions(op, 1)
        (body,) = op.regions
        self.same_types([*op.operands, *op.results], [*body.args, *body.yields],
                        "operands and results, and what the region takes and yields")
        self.require(not captured(body), "a fused region reads a value that is not an operand")
        for inner in body.ops:
            self.require(effect_of(inner) == "pure", f"a fused region has an effect: {inner.name}")


def _meet(s: Type, t: Type, a: Sequence[Value], b: Sequence[Value]) -> bool:
    """Equal types, where an extent that is a[k] answers to one that is b[k]."""
    if not isinstance(s, ArrayType) or not isinstance(t, ArrayType):
        return s == t
    if s.dtype != t.dtype or len(s.dims) != len(t.dims):
        return False
    return all(_equal(x, y, a, b) for x, y in zip(s.dims, t.dims, strict=True))


def _equal(x: object, y: object, a: Sequence[Value], b: Sequence[Value]) -> bool:
    if x is y or any(x is p and y is q for p, q in zip(a, b, strict=True)):
        return True
    # An int on one side, and on the other a value whose partner is a constant.
    left = next((_known(q) for p, q in zip(a, b, strict=True) if p is x), None) if _known(x) is None else _known(x)
    right = next((_known(p) for p, q in zip(a, b, strict=True) if q is y), None) if _known(y) is None else _known(y)
    return left is not None and left == right


def _known(d: object) -> int | None:
    """The extent, if it is an int or a constant."""
    if isinstance(d, int):
        return d
    if isinstance(d, Value) and d.op is not None and d.op.name == "const":
        return d.op.attrs["value"]
    return None


def _slots(x: object) -> list[Slot]:
    if isinstance(x, Slot):
        return [x]
    if isinstance(x, tuple | list):
        return [s for y in x for s in _slots(y)]
    start = getattr(x, "start", None)
    return [start] if isinstance(start, Slot) else []


def _types(types: Sequence[Type]) -> str:
    return ", ".join(map(show_type, types)) or "nothing"


def _is_bool(t: Type) -> bool:
    return t == WeakType("bool") or (isinstance(t, ArrayType) and not t.dims and t.dtype.kind == "b")


def _is_integer(t: Type) -> bool:
    return t == WeakType("int") or (isinstance(t, ArrayType) and not t.dims and t.dtype.kind in "iu")
