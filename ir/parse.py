"""Reads the text that `text.py` prints: `parse(show(f))` prints as the same text, and computes the same.

Types are read, not inferred, so a wrong program can be written down and given to the verifier.  Start with `parse`.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from .builder import Slot
from .graph import Block, Function, Op, Output, Parameter, Value
from .loc import Loc
from .types import DTYPES, TOKEN, ArrayType, Type, WeakType
from .viewmap import Axis

_TOKEN = re.compile(r"""
    (?P<space>[ \t\n]+) | (?P<loc>\#[^\n]*)
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<value>%\w+) | (?P<slot>\$\d+) | (?P<function>@[\w.<>]+)
  | (?P<number>-?(?:\d+\.\d*(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\d+|inf\b))
  | (?P<arrow>->) | (?P<view>i\d+\b)
  | (?P<name>[A-Za-z_<][\w.<>]*)
  | (?P<punct>[(){}\[\],:=+*])
""", re.VERBOSE)


class ParseError(ValueError):
    """The text is not a program; the message has its line."""


def parse(text: str) -> Function:
    """The first function of `text`, with those that it calls."""
    functions = parse_functions(text)
    return functions[next(iter(functions))]


def parse_functions(text: str) -> dict[str, Function]:
    """Every function of `text` by name."""
    reader = _Reader(text)
    while reader.kind != "end":
        reader.function()
    for op, attr, name in reader.calls:
        if name not in reader.functions:
            raise ParseError(f"no function {name} in the text")
        op.attrs[attr] = reader.functions[name]
    return reader.functions


def _tokens(text: str) -> list[tuple[str, str, int]]:
    out, at, line = [], 0, 1
    while at < len(text):
        m = _TOKEN.match(text, at)
        if m is None:
            raise ParseError(f"line {line}: cannot read {text[at:at + 20]!r}")
        assert m.lastgroup is not None
        if m.lastgroup != "space":
            out.append((m.lastgroup, m.group(), line))
        line += m.group().count("\n")
        at = m.end()
    return [*out, ("end", "", line)]


class _FunctionName(str):
    """A callee's name in an attribute, until all functions are read."""


class _Reader:
    """Recursive descent over the tokens; `kind` and `text` are those of the token to be read next."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.functions: dict[str, Function] = {}
        self.calls: list[tuple[Op, str, str]] = []
        self.values: dict[str, Value] = {}

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0]

    @property
    def text(self) -> str:
        return self.tokens[self.at][1]

    def fail(self, wanted: str) -> ParseError:
        return ParseError(f"line {self.tokens[self.at][2]}: {wanted} wanted, {self.text!r} found")

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def expect(self, text: str) -> None:
        if self.text != text:
            raise self.fail(repr(text))
        self.at += 1

    def accept(self, text: str) -> bool:
        if self.text == text and self.kind != "string":
            self.at += 1
            return True
        return False

    def separated(self, item, end: str) -> list:
        """Items up to the token `end`, separated by commas."""
        out = []
        while not self.accept(end):
            out.append(item())
            if not self.accept(","):
                self.expect(end)
                break
        return out

    # Functions, blocks and ops.

    def function(self) -> None:
        self.values = {}
        self.expect("func")
        name = self.next()
        block, parameters = Block(), []
        self.expect("(")
        for p in self.separated(partial(self.parameter, block), ")"):
            if p is not None:
                parameters.append(p)
        self.expect("->")
        self.expect("(")
        # The types here repeat those of the values returned, and may name values that are not yet read.
        outputs = [o for o in self.separated(partial(self.output, block), ")") if o is not None]
        self.body(block, "return")
        self.functions[name] = Function(name, block, parameters, outputs)

    def parameter(self, block: Block) -> Parameter | None:
        v = self.argument(block)
        if not self.accept("{"):
            return None
        facts = dict(self.separated(self.fact, "}"))
        return Parameter(facts.get("name", v.name), facts.get("strides"), "readonly" not in facts)

    def fact(self) -> tuple[str, object]:
        name = self.next()
        return name, self.attr() if self.accept("=") else None

    def output(self, block: Block) -> Output | None:
        self.type(lenient=True)
        if not self.accept("{"):
            return None
        layout: Any = None
        into: int | None = None
        while not self.accept("}"):
            if self.accept("layout"):
                self.expect("=")
                layout = self.attr()
            else:
                self.expect("into")
                self.expect("=")
                into = block.args.index(self.use())
            self.accept(",")
        return Output(layout, into)

    def argument(self, block: Block) -> Value:
        name = self.next()
        self.expect(":")
        v = block.add_arg(self.type(), _hint(name))
        self.values[name] = v
        return v

    def body(self, block: Block, end: str) -> None:
        self.expect("{")
        while not self.accept(end):
            block.append(self.op())
        while self.kind == "value":
            block.yields.append(self.use())
            self.accept(",")
        self.expect("}")

    def op(self) -> Op:
        line = self.tokens[self.at][2]
        results: list[tuple[str, Value]] = []
        while self.kind == "value":
            name = self.next()
            self.expect(":")
            v = Value(self.type(), name=_hint(name))
            self.values[name] = v
            results.append((name, v))
            self.expect("=") if not self.accept(",") else None
        if self.kind not in ("name", "view"):
            raise self.fail("an op")
        op = Op(self.next(), [], {}, [])
        op.results = [v for _, v in results]
        for v in op.results:
            v.op = op
        if op.name == "const" and self.text != "{":
            op.attrs = {"value": self.attr(), "type": op.results[0].type}
        while self.kind == "value" and self.tokens[self.at][2] == line:
            op.operands.append(self.use())
            self.accept(",")
        if self.accept("{"):
            op.attrs = dict(self.separated(self.fact, "}"))
            self.calls += [(op, k, x) for k, x in op.attrs.items() if isinstance(x, _FunctionName)]
        self.regions(op, line)
        if self.kind == "loc":
            op.loc = self.loc()
        return op

    def regions(self, op: Op, line: int) -> None:
        """Regions start on the op's line, or on that where the one before ends."""
        while self.kind == "name" and self.tokens[self.at + 1][1] == "(" and self.tokens[self.at][2] == line:
            self.next()
            self.expect("(")
            region = Block(owner=op)
            self.separated(partial(self.argument, region), ")")
            op.regions.append(region)
            if self.tokens[self.at + 1][0] == "loc":
                op.loc = self.loc(self.at + 1)
                del self.tokens[self.at + 1]
            self.body(region, "yield")
            line = self.tokens[self.at - 1][2]

    def loc(self, at: int | None = None) -> Loc:
        text = self.tokens[at][1] if at is not None else self.next()
        file, _, line = text[1:].strip().rpartition(":")
        return Loc(file, int(line))

    def use(self) -> Value:
        if self.text not in self.values:
            raise self.fail("a value defined before")
        return self.values[self.next()]

    # Types and attributes.

    def type(self, lenient: bool = False) -> Type:
        name = self.next()
        if name == "token":
            return TOKEN
        if name.startswith("py."):
            return WeakType(name[3:])
        if name not in DTYPES:
            self.at -= 1
            raise self.fail("a type")
        dims: tuple = ()
        if self.accept("["):
            dims = tuple(self.separated(partial(self.dim, lenient), "]"))
        return ArrayType(DTYPES[name], dims)

    def dim(self, lenient: bool) -> int | Value:
        if self.kind == "value":
            return self.values.get(self.next(), 0) if lenient else self.use()
        return int(self.next())

    def attr(self) -> object:
        kind, text = self.kind, self.text
        self.at += 1
        if kind == "number":
            return float(text) if re.search(r"[.einf]", text) else int(text)
        if kind == "string":
            return _unquote(text)
        if kind == "slot":
            return Slot(int(text[1:]))
        if kind == "function":
            return _FunctionName(text[1:])
        if text == "(":
            return tuple(self.separated(self.attr, ")"))
        if text == "[":
            return self.separated(self.attr, "]")
        if kind in ("name", "view"):
            return self.named(text)
        self.at -= 1
        raise self.fail("an attribute's value")

    def named(self, name: str) -> object:
        if name in _WORDS:
            return _WORDS[name]
        if not self.accept("("):
            return name
        if name == "dtype":
            (x,) = self.separated(self.next, ")")
            return DTYPES[x]
        if name == "type":
            (t,) = self.separated(self.type, ")")
            return t
        if name == "view":
            return tuple(self.separated(self.axis, ")"))
        args = self.separated(self.attr, ")")
        if name == "complex":
            return complex(*args)
        if name in DTYPES:
            return DTYPES[name].type(args[0])
        raise self.fail("dtype, type, view, complex or a dtype's name before '('")

    def axis(self) -> Axis:
        """`$1 + i0 + 2*i1`"""
        start: int | Slot = 0
        terms = []
        while True:
            if self.kind == "slot":
                start = Slot(int(self.next()[1:]))
            elif self.kind == "view":
                terms.append((1, int(self.next()[1:])))
            else:
                k = int(self.next())
                if self.accept("*"):
                    terms.append((k, int(self.next()[1:])))
                else:
                    start = k
            if not self.accept("+"):
                return Axis(start, tuple(terms))


_WORDS = {"None": None, "True": True, "False": False, "nan": float("nan"), "inf": float("inf")}


def _hint(name: str) -> str:
    return "" if name[1:].isdigit() else name[1:]


def _unquote(text: str) -> str:
    return re.sub(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|.)", _unescape, text[1:-1])


def _unescape(m: re.Match) -> str:
    code = m.group(1)
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r"}.get(code, code)
