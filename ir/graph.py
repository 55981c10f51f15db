"""The graph dialect's data: values, ops with regions, blocks, functions.

Array SSA: no op writes to an operand.  A `Block` is a list of ops with arguments and the values it yields; regions of an
op are blocks.  Values compare by identity and know the op or the block that defines them.  Ops refer to their
definition by name; `opdef.definition(op)` finds the rules.

Region ops:
  if     operands (cond,)                        regions then(), otherwise()
  for    operands (start, stop, step, *init)     region  body(index, *carried); attr until: None or the position of a
                                                 carried bool, tested before each trip
  while  operands (*init)                        regions test(*carried) -> bool, body(*carried)
  call   operands are the callee's arguments     attr callee: Function
  fused  operands are all that the region reads  region  body(*operands): pure ops that become one loop nest
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .loc import Loc
from .types import ArrayType, Dim, Type


class Value:
    """One SSA value. `name` is a hint for printing."""

    __slots__ = ("block", "name", "op", "type")

    def __init__(self, type: Type, op: Op | None = None, block: Block | None = None, name: str = "") -> None:
        self.type, self.op, self.block, self.name = type, op, block, name

    @property
    def dtype(self):
        return self.type.dtype

    @property
    def dims(self) -> tuple[Dim, ...]:
        return self.type.dims

    def __repr__(self) -> str:
        return f"<{self.name or 'value'}: {self.type}>"


@dataclass(frozen=True, slots=True)
class ResultDim:
    """In the types that a type rule returns: an extent that is result number `index` of the same op (an earlier one)."""

    index: int


def fill_result_dims(t: Type, results: list[Value]) -> Type:
    """`t` with its `ResultDim`s replaced by the results they stand for."""
    if not any(isinstance(d, ResultDim) for d in t.dims):
        return t
    assert isinstance(t, ArrayType)
    return t.with_dims(tuple(results[d.index] if isinstance(d, ResultDim) else d for d in t.dims))


class Op:
    """An operation: operands and attributes in, results out. `block` is where it stands (set on insertion)."""

    __slots__ = ("attrs", "block", "loc", "name", "operands", "regions", "results")

    def __init__(self, name: str, operands: list[Value], attrs: dict, result_types: list[Type],
                 regions: list[Block] | None = None, loc: Loc | None = None) -> None:
        self.name, self.operands, self.attrs, self.loc = name, list(operands), attrs, loc
        self.regions = list(regions or [])
        for r in self.regions:
            r.owner = self
        self.results: list[Value] = []
        for t in result_types:
            self.results.append(Value(fill_result_dims(t, self.results), op=self))
        self.block: Block | None = None

    @property
    def result(self) -> Value:
        assert len(self.results) == 1, self.name
        return self.results[0]

    def __repr__(self) -> str:
        return f"<op {self.name}>"


class Block:
    """Arguments, ops in order, and the values it yields. `owner` is the op whose region it is (None at the top)."""

    __slots__ = ("args", "ops", "owner", "yields")

    def __init__(self, arg_types: list[Type] | None = None, owner: Op | None = None) -> None:
        self.args: list[Value] = []
        self.ops: list[Op] = []
        self.yields: list[Value] = []
        self.owner = owner
        for t in arg_types or []:
            self.add_arg(t)

    def add_arg(self, type: Type, name: str = "") -> Value:
        v = Value(type, block=self, name=name)
        self.args.append(v)
        return v

    def append(self, op: Op) -> Op:
        op.block = self
        self.ops.append(op)
        return op


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is known of one argument: its name and, for an array, the layout it arrives in.

    strides: in elements, per axis (may be negative or 0); None for a scalar.  writeable: NumPy's flag.
    layout: the array is packed, its axes in this order (slowest first), and its strides follow from run-time extents; what
    `strides` holds is then not looked at.
    extent_of: this is the extent of array number k along an axis (k, axis), at least 2.
    """

    name: str
    strides: tuple[int, ...] | None = None
    writeable: bool = True
    layout: tuple[int, ...] | None = None
    extent_of: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """Where one yielded value goes: a new array whose axes lie in memory in the order `layout` (slowest first; None: C
    order), or, with `into`, the memory of argument number `into`, which the function thereby overwrites."""

    layout: tuple[int, ...] | None = None
    into: int | None = None


@dataclass(eq=False, slots=True)
class Function:
    """A traced function: `block` with one argument per parameter and one yield per output."""

    name: str
    block: Block
    parameters: list[Parameter] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)


def walk_ops(block: Block) -> Iterator[Op]:
    """Every op, regions included, in program order: an op comes before the ops of its regions."""
    for op in block.ops:
        yield op
        for r in op.regions:
            yield from walk_ops(r)


def defining_block(v: Value) -> Block:
    """The block in which `v` is visible from its definition on."""
    block = v.op.block if v.op is not None else v.block
    assert block is not None
    return block


def is_inside(block: Block | None, outer: Block) -> bool:
    """Is `block` equal to `outer` or nested in one of its ops?"""
    while block is not None:
        if block is outer:
            return True
        block = block.owner.block if block.owner is not None else None
    return False
