"""A loop function as C, with the calling convention of the LLVM code generator: for reading, and as a second opinion.

    emit(function)        # `int64_t NAME(void **slots, int64_t *error)`

Loops run in order whatever their marks, except that a reduction keeps the partial results that its `lanes` prescribe.
Each statement computes its expressions node by node into constants of its own block, so shared ones are computed once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

from ...ir.expr import Expr
from ...ir.loops import Alloc, Buffer, Call, Carried, For, If, Let, LoopFunction, Raise, Stmt, Store, While
from ...ir.scalar import identity_of
from .operations import PRELUDE, TYPES, literal, operation

DETAILS = 3


def emit(function: LoopFunction) -> str:
    """The whole source text."""
    return Printer().function(function)


class Printer:
    """Prints one function."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: list[str] = []
        self.externals: dict[str, str] = {}
        self.indent = 1
        self.count = 0
        self.names: dict[str, str] = {}

    def function(self, f: LoopFunction) -> str:
        for k, b in enumerate(f.buffers):
            self.line(f"{TYPES[b.dtype]} *{self.name(b.name)} = slots[{k}];")
        for k, (name, dtype) in enumerate(f.scalars):
            self.line(f"const {TYPES[dtype]} {self.name(name)} = *({TYPES[dtype]} *)&slots[{len(f.buffers) + k}];")
        self.line(f"char *arena = slots[{len(f.buffers) + len(f.scalars)}];")
        self.statements(f.body)
        self.line("(void)arena;")
        self.line("return 0;")
        head = f"int64_t {f.name}(void **slots, int64_t *error) {{"
        return "\n".join([PRELUDE, *self.externals.values(), *self.constants, head, *self.lines, "}", ""])

    # Text

    def line(self, text: str) -> None:
        self.lines.append("  " * self.indent + text)

    @contextmanager
    def block(self, head: str) -> Any:
        self.line(head + " {")
        self.indent += 1
        yield
        self.indent -= 1
        self.line("}")

    def name(self, name: str) -> str:
        """A C identifier, different for different names."""
        if name not in self.names:
            self.names[name] = f"{re.sub(r'[^0-9A-Za-z_]', '_', name)}_{len(self.names)}"
        return self.names[name]

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count}"

    # Expressions

    def value(self, e: Expr) -> str:
        """Compute `e` here; its C name or literal."""
        return self.values([e])[0]

    def values(self, roots: Sequence[Expr]) -> list[str]:
        known: dict[Expr, str] = {}
        waiting = list(reversed(roots))
        while waiting:
            e = waiting[-1]
            missing = [a for a in e.args if a not in known]
            if missing and e not in known:
                waiting.extend(missing)
                continue
            waiting.pop()
            if e not in known:
                known[e] = self.node(e, [known[a] for a in e.args])
        return [known[e] for e in roots]

    def node(self, e: Expr, operands: list[str]) -> str:
        if e.kind == "const":
            return literal(e.payload, e.dtype)  # type: ignore[arg-type]
        if e.kind == "var":
            return self.name(str(e.payload))
        if e.kind == "load":
            text = self.element(e.payload, operands)  # type: ignore[arg-type]
        elif e.kind == "table":
            text = f"{self.constant(e.payload, e.dtype)}[{operands[0]}]"  # type: ignore[arg-type]
        else:
            text = operation(str(e.payload), e.args[-1].dtype, e.dtype, operands)
        result = self.fresh()
        self.line(f"const {TYPES[e.dtype]} {result} = {text};")
        return result

    def constant(self, values: Sequence[Any], dtype: str) -> str:
        symbol = f"table{len(self.constants)}"
        items = ", ".join(literal(v, dtype) for v in values) or "0"
        self.constants.append(f"static const {TYPES[dtype]} {symbol}[] = {{{items}}};")
        return symbol

    def element(self, b: Buffer, index: Sequence[str]) -> str:
        if b.place == "const" and b.name not in self.names:
            self.names[b.name] = self.constant(b.data or (), b.dtype)
        terms = [f"{i} * {s}" for i, s in zip(index, self.values(b.strides), strict=True)]
        return f"{self.name(b.name)}[{' + '.join(terms) or '0'}]"

    # Statements

    def statements(self, body: Sequence[Stmt]) -> None:
        for s in body:
            PRINTERS[type(s)](self, s)

    def declare(self, name: str, dtype: str, value: str = "") -> None:
        self.line(f"{TYPES[dtype]} {self.name(name)}{f' = {value}' if value else ''};")

    def let(self, s: Let) -> None:
        self.declare(s.name, s.value.dtype, self.value(s.value))

    def store(self, s: Store) -> None:
        value, *index = self.values([s.value, *s.index])
        self.line(f"{self.element(s.buffer, index)} = {value};")

    def allocate(self, s: Alloc) -> None:
        b, t = s.buffer, TYPES[s.buffer.dtype]
        if b.offset is not None:
            self.line(f"{t} *{self.name(b.name)} = ({t} *)(arena + {b.offset});")
            return
        count = 1
        for d in b.dims:
            count *= d.payload  # type: ignore[operator]
        self.line(f"{t} {self.name(b.name)}[{max(count, 1)}];")

    def leave(self, s: Raise) -> None:
        details = self.values(s.details) + ["0"] * (DETAILS - len(s.details))
        for k, x in enumerate([str(s.code), *details]):
            self.line(f"error[{k}] = {x};")
        self.line(f"return {s.code + 1};")

    def call(self, s: Call) -> None:
        symbol, buffers = f"treadle_{s.routine}", (*s.reads, *s.writes)
        types = ", ".join(["void *"] * len(buffers) + ["int64_t"] * len(s.scalars))
        self.externals[symbol] = f"extern int64_t {symbol}({types});"
        operands = [f"(void *){self.name(b.name)}" for b in buffers] + self.values(s.scalars)
        self.line(f"{f'int64_t {self.name(s.status)} = ' if s.status else ''}{symbol}({', '.join(operands)});")

    def branch(self, s: If) -> None:
        condition = self.value(s.cond)
        for y in s.yields:
            self.declare(y.result, y.then.dtype)
        for head, body, results in ((f"if ({condition})", s.then, [y.then for y in s.yields]),
                                    ("else", s.other, [y.other for y in s.yields])):
            with self.block(head):
                self.statements(body)
                for y, x in zip(s.yields, self.values(results), strict=True):
                    self.line(f"{self.name(y.result)} = {x};")

    def start(self, carried: Sequence[Carried]) -> None:
        """Declare the results: inside the loop they hold the carried values."""
        for c, x in zip(carried, self.values([c.init for c in carried]), strict=True):
            self.declare(c.result, c.dtype, x)

    def enter_trip(self, carried: Sequence[Carried]) -> None:
        for c in carried:
            self.line(f"const {TYPES[c.dtype]} {self.name(c.name)} = {self.name(c.result)};")

    def end_trip(self, carried: Sequence[Carried]) -> None:
        for c, x in zip(carried, self.values([c.next for c in carried]), strict=True):  # type: ignore[misc]
            self.line(f"{self.name(c.result)} = {x};")

    def loop(self, s: For) -> None:
        lo, hi = self.values([s.lo, s.hi])
        if s.kind == "red" and s.lanes > 1:
            self.reduction(s, lo, hi)
            return
        self.start(s.carried)
        stop = next((f" && !{self.name(c.result)}" for c in s.carried if c.name == s.until), "")
        with self.block(self.head(s, lo, hi, stop)):
            self.enter_trip(s.carried)
            self.statements(s.body)
            self.end_trip(s.carried)

    def head(self, s: For, lo: str, hi: str, more: str = "") -> str:
        i = self.name(s.var)
        return f"for (int64_t {i} = {lo}; {i} {'<' if s.step > 0 else '>'} {hi}{more}; {i} += {s.step})"

    def reduction(self, s: For, lo: str, hi: str) -> None:
        """Partial results in arrays; then combined by halves."""
        arrays = [self.fresh() for _ in s.carried]
        position, half = self.fresh(), self.fresh()
        for c, a, start in zip(s.carried, arrays, self.values([c.init for c in s.carried]), strict=True):
            self.declare(c.result, c.dtype, start)
            self.line(f"{TYPES[c.dtype]} {a}[{s.lanes}];")
            self.line(f"for (int l = 0; l < {s.lanes}; l++) {a}[l] = {literal(identity_of(str(c.combine), c.dtype), c.dtype)};")
        self.line(f"int64_t {position} = 0;")
        with self.block(self.head(s, lo, hi)):
            for c, a in zip(s.carried, arrays, strict=True):
                self.line(f"const {TYPES[c.dtype]} {self.name(c.name)} = {a}[{position}];")
            self.statements(s.body)
            for a, x in zip(arrays, self.values([c.next for c in s.carried]), strict=True):  # type: ignore[misc]
                self.line(f"{a}[{position}] = {x};")
            self.line(f"{position} = ({position} + 1) & {s.lanes - 1};")
        with self.block(f"for (int {half} = {s.lanes // 2}; {half}; {half} /= 2)"):
            for c, a in zip(s.carried, arrays, strict=True):
                both = operation(str(c.combine), c.dtype, c.dtype, [f"{a}[l]", f"{a}[l + {half}]"])
                self.line(f"for (int l = 0; l < {half}; l++) {a}[l] = {both};")
        for c, a in zip(s.carried, arrays, strict=True):
            result = self.name(c.result)
            self.line(f"{result} = {operation(str(c.combine), c.dtype, c.dtype, [result, f'{a}[0]'])};")

    def while_loop(self, s: While) -> None:
        self.start(s.carried)
        with self.block("for (;;)"):
            self.enter_trip(s.carried)
            self.statements(s.test)
            self.line(f"if (!{self.value(s.cond)}) break;")
            self.statements(s.body)
            self.end_trip(s.carried)


PRINTERS: dict[type, Callable[..., None]] = {
    Let: Printer.let, Store: Printer.store, Alloc: Printer.allocate, Raise: Printer.leave, For: Printer.loop,
    If: Printer.branch, While: Printer.while_loop, Call: Printer.call,
}
