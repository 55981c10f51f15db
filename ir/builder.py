"""Builds ops: infers result types, inserts at the end of the current block, and shares equal pure ops in scope.

A builder's methods are the ops, so a rule reads like the mathematics: `ctx.multiply(g, ctx.cos(x))`.  Among the operands of an
elementwise op a Python number, or a rank-0 value, takes the type of the first array operand; dtypes are never promoted
here: NumPy's promotion is the front end's business.

    b = Builder(Block([ArrayType(np.dtype("f8"), (3,))]))
    (x,) = b.block.args
    b.block.yields = [b.add(b.sin(x), 1.0)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .graph import Block, Function, Op, Value
from .loc import Loc
from .opdef import OPS
from .types import ArrayType, Type, WeakType, same_dims

Operand = Value | bool | int | float | complex


class Builder:
    """Inserts ops at the end of `block`. `loc` is given to every op made, unless one is passed."""

    def __init__(self, block: Block, loc: Loc | None = None) -> None:
        self.block = block
        self.loc = loc
        self._known: dict[Block, dict[tuple, list[Value]]] = {}

    def emit(self, name: str, operands: Sequence[Value], attrs: dict | None = None,
             regions: Sequence[Block] = (), loc: Loc | None = None) -> list[Value]:
        """Insert an op, or return the results of an equal pure one that is in scope."""
        opdef = OPS[name]
        attrs = attrs or {}
        key = None
        if opdef.effect == "pure" and not regions and "fresh" not in opdef.traits:
            key = (name, tuple(map(id, operands)), attr_key(attrs))
            found = self._find(key, operands)
            if found is not None:
                return found
        types = opdef.infer(list(operands), attrs, list(regions)) if regions else opdef.infer(list(operands), attrs)
        op = Op(name, list(operands), attrs, types, list(regions), loc or self.loc)
        self.block.append(op)
        if key is not None:
            self._known.setdefault(self.block, {})[key] = op.results
        return op.results

    def _find(self, key: tuple, operands: Sequence[Value]) -> list[Value] | None:
        block: Block | None = self.block
        while block is not None:
            found = self._known.get(block, {}).get(key)
            # An id may have been reused by a new value: compare the operands themselves.
            made = found[0].op if found is not None else None
            if made is not None and all(a is b for a, b in zip(made.operands, operands, strict=True)):
                return found
            block = block.owner.block if block.owner is not None else None
        return None

    @contextmanager
    def inside(self, block: Block) -> Iterator[Block]:
        """Insert into `block` (a region being built) for a while."""
        saved, self.block = self.block, block
        try:
            yield block
        finally:
            self.block = saved

    def constant(self, value: bool | int | float | complex | np.generic, type: Type | None = None) -> Value:
        """A rank-0 constant: weak for a Python scalar without `type`, else of `type`'s dtype."""
        if type is None:
            type = ArrayType(value.dtype) if isinstance(value, np.generic) else WeakType(_weak_kind(value))
        elif isinstance(type, ArrayType):
            type = ArrayType(type.dtype)
        return self.emit("const", [], {"value": _canonical(value, type), "type": type})[0]

    def full(self, value: bool | int | float | complex | np.generic, type: Type) -> Value:
        """`value` everywhere in an array of `type`."""
        v = self.constant(value, type)
        return self.broadcast_to(v, type.dims) if isinstance(type, ArrayType) and type.dims else v

    def zeros(self, type: Type) -> Value:
        return self.full(0, type)

    def broadcast_to(self, x: Value, dims: Sequence) -> Value:
        """NumPy broadcasting of `x` to `dims`; the identity if it already has them."""
        if same_dims(x.dims, tuple(dims)):
            return x
        return self.emit("broadcast", [x, *[d for d in dims if isinstance(d, Value)]], {"dims": dim_template(dims)})[0]

    def like(self, x: Operand, other: Value) -> Value:
        """A number or rank-0 value brought to `other`'s shape (and, for a number, dtype); other values unchanged."""
        if not isinstance(x, Value):
            return self.full(x, other.type)
        if not x.dims and other.dims:
            return self.broadcast_to(x, other.dims)
        return x

    def __getattr__(self, name: str) -> Callable[..., Value]:
        if name not in OPS:
            raise AttributeError(name)
        opdef = OPS[name]

        def make(*operands: Operand, **attrs: Any) -> Any:
            values = operands
            if "elementwise" in opdef.traits:
                arrays = [x for x in operands if isinstance(x, Value)]
                model = next((x for x in arrays if x.dims), arrays[0])
                values = tuple(self.like(x, model) for x in operands)
            results = self.emit(name, list(values), attrs)  # type: ignore[arg-type]
            return results[0] if len(results) == 1 else results

        return make


class Slot:
    """Inside an attribute: the place of operand number `operand`, where a run-time value stands."""

    __slots__ = ("operand",)

    def __init__(self, operand: int) -> None:
        self.operand = operand

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slot) and other.operand == self.operand

    def __hash__(self) -> int:
        return hash((Slot, self.operand))

    def __repr__(self) -> str:
        return f"${self.operand}"


def dim_template(dims: Sequence, first: int = 1) -> tuple:
    """`dims` with each run-time extent replaced by the slot of the operand that brings it; those start at `first`."""
    out: list[int | Slot] = []
    k = first
    for d in dims:
        if isinstance(d, Value):
            out.append(Slot(k))
            k += 1
        else:
            out.append(int(d))
    return tuple(out)


def fill_dims(template: Sequence, operands: Sequence[Value]) -> tuple:
    """The inverse of `dim_template`."""
    return tuple(operands[d.operand] if isinstance(d, Slot) else d for d in template)


def attr_key(attrs: dict) -> tuple:
    """A dictionary key that two equal attributes share, and no two different ones."""
    # repr tells 0.0 from -0.0 and 1 from 1.0 and True, which == does not; functions are themselves.
    return tuple(sorted((k, v if isinstance(v, str) else id(v) if isinstance(v, Function) else repr(v))
                        for k, v in attrs.items()))


def _weak_kind(value: object) -> str:
    return type(value).__name__


def _canonical(value: Any, type: Type) -> Any:
    """Constants are kept as Python scalars where that is exact, else as NumPy scalars of their dtype."""
    with np.errstate(all="ignore"):
        return np.asarray(value).astype(type.dtype)[()].item()
