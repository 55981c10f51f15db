"""The text of an LLVM module: types, literals, blocks, functions, declarations, constants.

A `Block` has one entry and one exit, but may hold labels inside (a cold path around a rare case), so its exit label is
known only once it is complete: phis and branches name the `Block`, and the text is made last.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...ir.scalar import INTEGERS

REGISTER_TYPE = {"i1": "i1", **{t: f"i{t[1:]}" for t in INTEGERS}, "f16": "half", "f32": "float", "f64": "double"}
MEMORY_TYPE = {**REGISTER_TYPE, "i1": "i8"}


def spelled(scalar: str, lanes: int) -> str:
    """The LLVM type of `lanes` elements (0: one scalar) of LLVM type `scalar`."""
    return f"<{lanes} x {scalar}>" if lanes else scalar


def type_of(dtype: str, lanes: int = 0) -> str:
    """The register type of a value of scalar type `dtype`."""
    return spelled(REGISTER_TYPE[dtype], lanes)


def overload(dtype: str, lanes: int = 0) -> str:
    """The suffix by which an overloaded intrinsic names this type."""
    element = dtype if dtype[0] == "f" else REGISTER_TYPE[dtype]
    return f"v{lanes}{element}" if lanes else element


def literal(value: bool | int | float, dtype: str) -> str:
    """A constant operand."""
    if dtype == "i1":
        return "true" if value else "false"
    if dtype in INTEGERS:
        return str(int(value))
    if dtype == "f16":
        return f"0xH{struct.unpack('<H', struct.pack('<e', value))[0]:04X}"
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def splat_literal(value: bool | int | float, dtype: str, lanes: int) -> str:
    """A constant operand with the same value in every lane."""
    text = literal(value, dtype)
    return f"splat ({type_of(dtype)} {text})" if lanes else text


def vector_literal(values: Sequence[int], scalar: str = "i32") -> str:
    """A constant vector operand of integers."""
    return "<" + ", ".join(f"{scalar} {v}" for v in values) + ">"


@dataclass(eq=False, slots=True)
class Phi:
    """`register` is, on entry from each block, that block's operand."""

    register: str
    type: str
    incoming: list[tuple[str, Block]]

    def text(self) -> str:
        pairs = ", ".join(f"[ {operand}, %{block.exit} ]" for operand, block in self.incoming)
        return f"{self.register} = phi {self.type} {pairs}"


@dataclass(eq=False, slots=True)
class Branch:
    """Leave a block: to `target`, or by `condition` to `target` or `other`.  rare: which way is seldom taken."""

    target: Block
    condition: str = ""
    other: Block | None = None
    rare: int | None = None

    def text(self) -> str:
        if not self.condition or self.other is None:
            return f"br label %{self.target.label}"
        weights = "" if self.rare is None else f", !prof !{self.rare}"
        return f"br i1 {self.condition}, label %{self.target.label}, label %{self.other.label}{weights}"


@dataclass(eq=False, slots=True)
class Block:
    """Instructions with one entry (`label`) and one exit (`exit`)."""

    label: str
    instructions: list[str | Phi | Branch] = field(default_factory=list)
    phis: list[Phi] = field(default_factory=list)
    end: Branch | str = "unreachable"
    exit: str = ""

    def __post_init__(self) -> None:
        self.exit = self.label

    def lines(self) -> list[str]:
        inside = [i if isinstance(i, str) else i.text() for i in self.instructions]
        last = self.end if isinstance(self.end, str) else self.end.text()
        return [f"{self.label}:", *("  " + p.text() for p in self.phis), *("  " + i for i in inside), "  " + last]


class FunctionText:
    """One function while it is being written: fresh registers and blocks."""

    def __init__(self, header: str) -> None:
        self.header = header
        self.blocks: list[Block] = []
        self.count = 0

    def register(self) -> str:
        self.count += 1
        return f"%v{self.count}"

    def fresh(self, prefix: str) -> Block:
        """A block that is not yet placed."""
        self.count += 1
        return Block(f"{prefix}{self.count}")

    def place(self, block: Block) -> Block:
        self.blocks.append(block)
        return block

    def block(self, prefix: str) -> Block:
        return self.place(self.fresh(prefix))

    def text(self) -> str:
        lines = [line for b in self.blocks for line in b.lines()]
        return "\n".join([f"{self.header} #0 {{", *lines, "}"])


# Branch weights: which arm of a branch is seldom taken.
RARELY_TRUE, RARELY_FALSE = 0, 1


class Module:
    """The module: functions, and what they need declared."""

    def __init__(self, name: str, vector_bits: int) -> None:
        self.name = name
        self.vector_bits = vector_bits
        self.functions: list[FunctionText] = []
        self.intrinsics: dict[str, str] = {}
        self.externals: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self.internal: set[str] = set()

    def function(self, header: str) -> FunctionText:
        f = FunctionText(header)
        self.functions.append(f)
        return f

    def intrinsic(self, name: str, result: str, operands: Sequence[str]) -> str:
        """Declare an LLVM intrinsic; its name."""
        self.intrinsics[name] = f"declare {result} @{name}({', '.join(operands)})"
        return name

    def external(self, symbol: str, result: str, operands: Sequence[str]) -> str:
        """Declare a C function that the linker must supply; its name."""
        self.externals[symbol] = f"declare {result} @{symbol}({', '.join(operands)})"
        return symbol

    def constant(self, values: Sequence[bool | int | float], dtype: str) -> str:
        """An array of constants in memory form; its symbol."""
        element = MEMORY_TYPE[dtype]
        items = [str(int(v)) if dtype == "i1" else literal(v, dtype) for v in values] or ["zeroinitializer"]
        body = "[" + ", ".join(f"{element} {i}" for i in items) + "]"
        if body not in self.constants:
            symbol = f"@{self.name}.table{len(self.constants)}"
            self.constants[body] = f"{symbol} = internal constant [{len(items)} x {element}] {body}, align 64"
        return self.constants[body].split(" ", 1)[0]

    def text(self) -> str:
        width = self.vector_bits
        attributes = f'nounwind "prefer-vector-width"="{width}" "min-legal-vector-width"="{width}"'
        return "\n".join([
            *self.constants.values(),
            *(f.text() for f in self.functions),
            *self.intrinsics.values(),
            *self.externals.values(),
            f"attributes #0 = {{ {attributes} }}",
            '!0 = !{!"branch_weights", i32 1, i32 100000}',
            '!1 = !{!"branch_weights", i32 100000, i32 1}',
            "",
        ])
