"""Reads the text that `loops_text.py` prints: `parse_loops(show_loops(f))` prints as the same text, and runs the same.

So a loop pass is tested on text.  Blocks are told by their indentation, two spaces a level.  Start with `parse_loops`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from .expr import Expr, bitcast, cast, const, load, op, select, table, var
from .loc import Loc
from .loops import (
    Alloc,
    Buffer,
    Call,
    Carried,
    ErrorSite,
    For,
    If,
    Let,
    LoopFunction,
    Raise,
    Stmt,
    Store,
    While,
    Yielded,
)
from .parse import ParseError

_TOKEN = re.compile(r"""
    (?P<space>[ ]+) | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<number>-?(?:\d+\.(?!\.)\d*(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\d+|inf\b))
  | (?P<arrow>->) | (?P<range>\.\.) | (?P<name>[A-Za-z_][\w']*(?:\.(?!\.)\w+)?)
  | (?P<infix><<|>>|<=|>=|==|!=|[-+*/<>&|^]) | (?P<punct>[()\[\]:;,=])
""", re.VERBOSE)

_OPS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq",
        "!=": "ne", "&": "and", "|": "or", "^": "xor", "<<": "shl", ">>": "shr"}


class _Line:
    """The tokens of one line, read from the left."""

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        text, _, loc = text.partition("   # ")
        file, _, line = loc.strip().rpartition(":")
        self.loc = Loc(file, int(line)) if loc else None
        self.depth = (len(text) - len(text.lstrip(" "))) // 2
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text):
            m = _TOKEN.match(text, at)
            if m is None:
                raise ParseError(f"line {number}: cannot read {text[at:at + 20]!r}")
            if m.lastgroup != "space":
                self.tokens.append((str(m.lastgroup), m.group()))
            at = m.end()
        self.at = 0

    @property
    def text(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else "end"

    def peek(self, ahead: int) -> str:
        return self.tokens[self.at + ahead][1] if self.at + ahead < len(self.tokens) else ""

    def fail(self, wanted: str) -> ParseError:
        return ParseError(f"line {self.number}: {wanted} wanted, {self.text!r} found")

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def accept(self, *texts: str) -> bool:
        """The next tokens, if they are these."""
        if all(self.peek(k) == t for k, t in enumerate(texts)):
            self.at += len(texts)
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.fail(repr(text))

    def integer(self) -> int:
        return int(self.next())


def parse_loops(text: str) -> LoopFunction:
    """The function that `text` shows."""
    return _Parser(text).function()


class _Parser:
    def __init__(self, text: str) -> None:
        self.lines = [_Line(k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip()]
        self.at = 0
        self.types: dict[str, str] = {}
        self.buffers: dict[str, Buffer] = {}
        # The named parts of the expression being read.
        self.parts: dict[str, Expr] = {}

    @property
    def line(self) -> _Line:
        return self.lines[self.at]

    def function(self) -> LoopFunction:
        line = self.line
        line.expect("loops")
        name = line.next()
        line.expect("(")
        start = line.at
        while line.text not in (";", ""):
            line.next()
        scalars = []
        while line.accept(";") or line.accept(","):
            scalar = line.next()
            line.expect(":")
            scalars.append((scalar, line.next()))
        self.types.update(scalars)
        end, line.at = line.at, start
        # The extents of the buffers may name the scalars behind them.
        buffers = self.separated(line, lambda: self.buffer(line, "arg"), (")", ";"))
        line.at = end if scalars else line.at
        line.accept(")")
        function = LoopFunction(name, buffers, scalars, [])
        if line.accept("arena"):
            function.arena_bytes = line.integer()
            if line.accept("+"):
                function.worker_bytes = line.integer()
        self.at += 1
        while self.at < len(self.lines) and self.line.accept("const"):
            self.buffer(self.line, "const")
            self.at += 1
        function.body = self.body(1)
        while self.at < len(self.lines):
            function.errors.append(self.error(self.line))
        return function

    def error(self, line: _Line) -> ErrorSite:
        line.expect("error")
        line.integer()
        line.expect(":")
        exception = line.next()
        line.expect("(")
        message = line.next()[1:-1].replace("\\'", "'").replace("\\n", "\n").replace("\\\\", "\\")
        self.at += 1
        return ErrorSite(exception, message, line.loc)

    def separated(self, line: _Line, item: Callable[[], Any], ends: Sequence[str]) -> list:
        out = []
        while line.text not in ends:
            out.append(item())
            if not line.accept(","):
                break
        if line.text not in ends:
            raise line.fail(" or ".join(ends))
        line.next()
        return out

    def buffer(self, line: _Line, place: str) -> Buffer:
        name = line.next()
        line.expect(":")
        dtype = line.next()
        line.expect("[")
        dims = self.separated(line, lambda: self.expr(line), "]")
        strides = None
        if line.accept("strides", "("):
            strides = tuple(self.separated(line, lambda: self.expr(line), ")"))
        readonly = line.accept("readonly") or place == "const"
        fresh = line.accept("fresh")
        data = None
        if line.accept("=", "("):
            data = tuple(self.separated(line, lambda: self.literal(line, dtype), ")"))
        b = Buffer(name, dtype, tuple(dims), strides, place, readonly, data)
        b.fresh = bool(fresh)
        if line.accept("at"):
            b.offset = line.integer()
            if line.accept("+", "worker", "*"):
                b.worker_stride = line.integer()
        self.buffers[name] = b
        return b

    # Statements.

    def body(self, depth: int) -> list[Stmt]:
        out = []
        while self.at < len(self.lines) and self.line.depth == depth and self.line.text != "error":
            first, second = self.line.text, self.line.peek(1)
            if (first in ("next", "yield") and second != "=") or (first in ("else", "test") and second != "="):
                break
            s = self.statement(depth)
            if s is not None:
                out.append(s)
        return out

    def statement(self, depth: int) -> Stmt | None:
        line = self.line
        if line.peek(1) == "=":
            return self.let(line)
        if line.peek(1) == "[":
            return self.store(line)
        word = line.next()
        self.at += 1
        if word == "pass":
            return None
        if word == "alloc":
            return Alloc(self.buffer(line, "temp"))
        if word == "raise":
            code = line.integer()
            line.expect("(")
            return Raise(code, tuple(self.separated(line, lambda: self.expr(line), ")")))
        if word == "call":
            return self.call(line)
        rules: dict[str, Callable[[_Line, int], Stmt]] = {"for": self.loop, "while": self.while_loop, "if": self.branch}
        if word not in rules:
            line.at -= 1
            raise line.fail("a statement")
        return rules[word](line, depth)

    def let(self, line: _Line) -> Let:
        name = line.next()
        line.expect("=")
        self.at += 1
        value = self.expr(line)
        self.types[name] = value.dtype
        return Let(name, value)

    def store(self, line: _Line) -> Store:
        b = self.named_buffer(line)
        line.expect("[")
        index = tuple(self.separated(line, lambda: self.expr(line), "]"))
        line.expect("=")
        self.at += 1
        return Store(b, index, self.expr(line))

    def loop(self, line: _Line, depth: int) -> For:
        kind, name = line.next(), line.next()
        line.expect("in")
        lo = self.expr(line)
        line.expect("..")
        s = For(name, lo, self.expr(line), kind=kind, loc=line.loc)
        self.types[name] = "i64"
        while line.text not in (":", "carry"):
            mark = line.next()
            if mark in ("vector", "threads"):
                setattr(s, mark, True)
            elif mark == "until":
                s.until = line.next()
            elif mark in ("step", "jam", "lanes"):
                setattr(s, mark, line.integer())
            else:
                raise line.fail("a mark of a loop")
        s.carried = self.carried(line)
        s.body = self.body(depth + 1)
        self.nexts(s.carried, depth + 1)
        return s

    def while_loop(self, line: _Line, depth: int) -> While:
        carried = self.carried(line)
        test = self.body(depth + 1)
        self.line.expect("test")
        cond = self.expr(self.line)
        self.at += 1
        body = self.body(depth + 1)
        self.nexts(carried, depth + 1)
        return While(carried, test, cond, body, line.loc)

    def carried(self, line: _Line) -> list[Carried]:
        out: list[Carried] = []
        while line.accept("carry") or line.accept(","):
            name = line.next()
            line.expect(":")
            dtype = line.next()
            line.expect("=")
            out.append(Carried(name, self.expr(line), combine=line.next() if line.accept("by") else None))
            self.types[name] = dtype
        return out

    def nexts(self, carried: list[Carried], depth: int) -> None:
        for c in carried:
            line = self.line
            if line.depth != depth or not line.accept("next", c.name, "="):
                raise line.fail(f"next {c.name}")
            c.next = self.expr(line)
            if line.accept("->"):
                c.result = line.next()
                self.types[c.result] = c.dtype
            self.at += 1

    def branch(self, line: _Line, depth: int) -> If:
        s = If(self.expr(line), loc=line.loc)
        s.then = self.body(depth + 1)
        if self.at < len(self.lines) and self.line.depth == depth and self.line.accept("else", ":"):
            self.at += 1
            s.other = self.body(depth + 1)
        while self.at < len(self.lines) and self.line.depth == depth + 1 and self.line.accept("yield"):
            line = self.line
            then = self.expr(line)
            line.expect("or")
            other = self.expr(line)
            line.expect("->")
            s.yields.append(Yielded(line.next(), then, other))
            self.types[s.yields[-1].result] = then.dtype
            self.at += 1
        return s

    def call(self, line: _Line) -> Call:
        routine = line.next()
        line.expect("(")
        scalars = tuple(self.separated(line, lambda: self.expr(line), ")"))
        sides = []
        for word in ("reads", "writes"):
            line.expect(word)
            line.expect("(")
            sides.append(tuple(self.separated(line, lambda: self.named_buffer(line), ")")))
        status = line.next() if line.accept("->") else None
        if status is not None:
            self.types[status] = "i64"
        return Call(routine, sides[0], sides[1], scalars, status, line.loc)

    # Expressions: an operand, or two with an infix between them; deeper ones stand in parentheses.

    def expr(self, line: _Line) -> Expr:
        """An expression, with the parts that a `where` behind it names."""
        start, depth = line.at, 0
        while line.kind != "end" and depth >= 0 and line.text != "where":
            depth += (line.text in ("(", "[")) - (line.text in (")", "]"))
            line.next()
        if line.text != "where" or depth < 0:
            line.at = start
            return self.infix(line)
        outer, self.parts = self.parts, {}
        while line.accept("where") or line.accept(","):
            name = line.next()
            line.expect("=")
            self.parts[name] = self.infix(line)
            if not re.fullmatch(r"t\d+", line.peek(1)) or line.peek(2) != "=":
                break
        end, line.at = line.at, start
        e = self.infix(line)
        line.at, self.parts = end, outer
        return e

    def infix(self, line: _Line) -> Expr:
        left = self.operand(line)
        if line.kind != "infix" or line.text not in _OPS:
            return left
        name = _OPS[line.next()]
        return op(name, left, self.operand(line))

    def operand(self, line: _Line) -> Expr:
        if line.accept("("):
            e = self.infix(line)
            line.expect(")")
            return e
        if line.kind == "number" or line.text in ("true", "false", "nan"):
            return self.constant(line)
        name = line.next()
        if line.accept("("):
            return self.applied(name, line)
        if line.text == "[":
            line.at -= 1
            b = self.named_buffer(line)
            line.expect("[")
            return load(b, self.separated(line, lambda: self.infix(line), "]"))
        if name in self.parts:
            return self.parts[name]
        if name not in self.types:
            line.at -= 1
            raise line.fail("a name bound before")
        return var(name, self.types[name])

    def applied(self, name: str, line: _Line) -> Expr:
        base, _, dtype = name.partition(".")
        if base == "table":
            values = self.separated(line, lambda: self.literal(line, dtype), ")")
            line.expect("[")
            index = self.infix(line)
            line.expect("]")
            return table(values, index, dtype)
        args = self.separated(line, lambda: self.infix(line), ")")
        if base == "select":
            return select(*args)
        if base in ("cast", "bitcast"):
            return (cast if base == "cast" else bitcast)(args[0], dtype)
        return op(base, *args)

    def constant(self, line: _Line) -> Expr:
        """`3`, `2.5`, `true`, or with a type behind it: `3:u8`."""
        text = line.text
        default = "i1" if text in ("true", "false") else "i64" if re.fullmatch(r"-?\d+", text) else "f64"
        value = self.literal(line, default)
        if line.text == ":" and re.fullmatch(r"[iuf]\d+", line.peek(1)):
            line.next()
            return const(value, line.next())
        return const(value, default)

    def literal(self, line: _Line, dtype: str) -> bool | int | float:
        text = line.next()
        if text in ("true", "false", "True", "False"):
            return text.lower() == "true"
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)

    def named_buffer(self, line: _Line) -> Buffer:
        if line.text not in self.buffers:
            raise line.fail("a buffer")
        return self.buffers[line.next()]
