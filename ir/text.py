"""Prints the graph dialect as text, which `parse.py` reads back exactly.

    func f(%x: f64[3, 4] {strides=(4, 1)}, %n: py.int) -> (f64[3, 4] {layout=(1, 0)}) {
      %0: f64 = const 2.0
      %1: f64[3, 4] = broadcast %0 {dims=(3, 4)}
      %2: f64[3, 4] = multiply %x, %1   # prog.py:7
      return %2
    }

Values are numbered in program order, or carry their own name where they have one.  Functions that are called follow the
one that calls them.  Text is a function of the program alone: equal programs print equally.  Start with `show`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass

import numpy as np

from .builder import Slot
from .graph import Block, Function, Op, Output, Parameter, Value
from .host import HostFunction
from .types import DTYPE_NAMES, ArrayType, TokenType, Type, WeakType
from .viewmap import Axis
from .walk import callees

REGION_NAMES = {"if": ("then", "otherwise"), "for": ("body",), "while": ("test", "body"), "fused": ("body",)}
# Strings that read as something else, and so are printed in quotes.
RESERVED = {"None", "True", "False", "nan", "inf", "dtype", "type", "view"}


def show(function: Function, locs: bool = True) -> str:
    """The text of `function` and of the functions it calls; `locs`: with the user's lines."""
    functions = callees(function)[::-1]
    names = _function_names(functions)
    return "\n\n".join(_Printer(names, locs).function(f) for f in functions) + "\n"


def show_op(op: Op) -> str:
    """One op on its own, for messages; operands that have no name get numbers."""
    printer = _Printer({}, True)
    printer.op(op, 0)
    return "\n".join(printer.lines)


def show_type(t: Type, name: dict[Value, str] | None = None) -> str:
    if isinstance(t, WeakType):
        return f"py.{t.kind}"
    if isinstance(t, TokenType):
        return "token"
    dims = [_dim(d, name or {}) for d in t.dims]
    return DTYPE_NAMES[t.dtype] + (f"[{', '.join(dims)}]" if dims else "")


def _dim(d: object, name: dict[Value, str]) -> str:
    if isinstance(d, Value):
        return name.get(d, f"%{d.name or '?'}")
    return str(d)


def show_attr(x: object, functions: dict[Function, str] | None = None) -> str:
    """An attribute's value."""
    if isinstance(x, str):
        return x if re.fullmatch(r"[A-Za-z_]\w*", x) and x not in RESERVED else repr(x)
    if isinstance(x, np.dtype):
        return f"dtype({DTYPE_NAMES[x]})"
    if isinstance(x, ArrayType | WeakType | TokenType):
        return f"type({show_type(x)})"
    if isinstance(x, Function):
        return f"@{(functions or {}).get(x, x.name)}"
    if isinstance(x, tuple):
        if x and all(isinstance(a, Axis) for a in x):
            return f"view({', '.join(map(repr, x))})"
        return "(" + ", ".join(show_attr(y, functions) for y in x) + (",)" if len(x) == 1 else ")")
    if isinstance(x, list):
        return "[" + ", ".join(show_attr(y, functions) for y in x) + "]"
    if isinstance(x, complex):
        return f"complex({x.real!r}, {x.imag!r})"
    if isinstance(x, np.generic):
        return f"{DTYPE_NAMES[x.dtype]}({show_attr(x.item())})"
    if isinstance(x, HostFunction):
        return repr(x)
    if is_dataclass(x) and not isinstance(x, type):
        parts = [f"{f.name}={show_attr(getattr(x, f.name), functions)}" for f in fields(x)]
        return f"{type(x).__name__}({', '.join(parts)})"
    assert x is None or isinstance(x, bool | int | float | Slot), f"attribute {x!r} has no text form"
    return repr(x)


class _Printer:
    """Prints one function (or one op): gives names to values as it meets their definitions."""

    def __init__(self, functions: dict[Function, str], locs: bool) -> None:
        self.functions, self.locs = functions, locs
        self.names: dict[Value, str] = {}
        self.taken: set[str] = set()
        self.lines: list[str] = []
        self.op_lines: dict[Op, int] = {}
        self.count = 0

    def function(self, f: Function) -> str:
        args = []
        for k, a in enumerate(f.block.args):
            p = f.parameters[k] if k < len(f.parameters) else None
            self.define(a, p.name if p is not None else "")
            args.append(f"{self.names[a]}: {self.type(a)}" + _parameter(p, self.names[a]))
        self.lines.append("")
        self.body(f.block, 1)
        self.lines += ["  return" + self.list(f.block.yields), "}"]
        outputs = [self.type(v) + (self.output(f.outputs[k], f) if k < len(f.outputs) else "")
                   for k, v in enumerate(f.block.yields)]
        self.lines[0] = f"func {self.functions.get(f, f.name)}({', '.join(args)}) -> ({', '.join(outputs)}) {{"
        return "\n".join(self.lines)

    def output(self, out: Output, f: Function) -> str:
        parts = [] if out.layout is None else [f"layout={show_attr(out.layout)}"]
        if out.into is not None:
            parts.append(f"into={self.names[f.block.args[out.into]]}")
        return f" {{{', '.join(parts)}}}" if parts else " {}"

    def body(self, block: Block, depth: int) -> None:
        for op in block.ops:
            self.op(op, depth)

    def op(self, op: Op, depth: int) -> None:
        pad = "  " * depth
        self.op_lines[op] = len(self.lines)
        operands = [self.use(v) for v in op.operands]
        # The results' names come before those inside the regions, as the eye meets them.
        results = [f"{self.define(r)}: {self.type(r)}" for r in op.results]
        text = pad + (", ".join(results) + " = " if results else "") + op.name
        attrs = dict(op.attrs)
        if op.name == "const" and attrs.keys() == {"value", "type"} and attrs["type"] == op.results[0].type:
            text += " " + show_attr(attrs["value"])
            attrs = {}
        if operands:
            text += " " + ", ".join(operands)
        if attrs:
            text += " {" + ", ".join(f"{k}={show_attr(v, self.functions)}" for k, v in attrs.items()) + "}"
        loc = f"   # {op.loc}" if self.locs and op.loc is not None else ""
        if not op.regions:
            self.lines.append(text + loc)
            return
        labels = REGION_NAMES.get(op.name, ("region",) * len(op.regions))
        for k, region in enumerate(op.regions):
            args = ", ".join(f"{self.define(a)}: {self.type(a)}" for a in region.args)
            opening = f"{labels[min(k, len(labels) - 1)]}({args}) {{"
            self.lines.append(f"{text} {opening}{loc}" if k == 0 else f"{pad}}} {opening}")
            self.body(region, depth + 1)
            self.lines.append(f"{pad}  yield" + self.list(region.yields))
        self.lines.append(pad + "}")

    def define(self, v: Value, hint: str = "") -> str:
        name = re.sub(r"\W", "_", v.name or hint)
        if not name or name[0].isdigit():
            self.names[v] = f"%{self.count}"
            self.count += 1
            return self.names[v]
        unique, k = name, 1
        while unique in self.taken:
            unique, k = f"{name}_{k}", k + 1
        self.taken.add(unique)
        self.names[v] = f"%{unique}"
        return self.names[v]

    def use(self, v: Value) -> str:
        """The name of a value; one that is defined nowhere before (the fault of a wrong program) is marked."""
        return self.names.get(v) or f"%?{v.name}"

    def list(self, values: Sequence[Value]) -> str:
        return " " + ", ".join(map(self.use, values)) if values else ""

    def type(self, v: Value) -> str:
        return show_type(v.type, self.names)


def _parameter(p: Parameter | None, printed: str) -> str:
    if p is None:
        return ""
    parts = [] if p.strides is None else [f"strides={show_attr(p.strides)}"]
    if not p.writeable:
        parts.append("readonly")
    if "%" + p.name != printed:
        parts.insert(0, f"name={p.name!r}")
    return " {" + ", ".join(parts) + "}"


def _function_names(functions: Sequence[Function]) -> dict[Function, str]:
    names: dict[Function, str] = {}
    taken: set[str] = set()
    for f in functions:
        name = unique = re.sub(r"[^\w.<>]", "_", f.name)
        k = 1
        while unique in taken:
            unique, k = f"{name}_{k}", k + 1
        taken.add(unique)
        names[f] = unique
    return names


def excerpt(function: Function, fault: Op | None, around: int = 6) -> str:
    """The lines of `function` near the op `fault`, which is marked; all of it without `fault`."""
    printer = _Printer(_function_names(callees(function)), True)
    printer.function(function)
    if fault not in printer.op_lines:
        return "\n".join(printer.lines)
    at = printer.op_lines[fault]
    lo, hi = max(0, at - around), min(len(printer.lines), at + around + 1)
    return "\n".join(("> " if k == at else "  ") + printer.lines[k] for k in range(lo, hi))
