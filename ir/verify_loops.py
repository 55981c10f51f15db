"""Checks the loop dialect's invariants: after every loop pass in tests.

A name is bound once in the function and before its uses, with one scalar type; a buffer is accessed with one i64 index
per axis, where it exists; what is read-only is not stored to; a parallel loop carries nothing; a reduction's carried
scalars are combined as they say.  Start with `verify_loops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from .errors import VerificationError
from .expr import Expr, show
from .loops import Alloc, Buffer, Call, Carried, For, If, Let, LoopFunction, Raise, Stmt, Store, While, own_exprs
from .loops_text import show_body

KINDS = ("seq", "par", "simd", "red")


def verify_loops(function: LoopFunction) -> LoopFunction:
    """`function` itself; raises VerificationError, with the statement at fault, if it is wrong."""
    _Verifier(function).run()
    return function


class _Verifier:
    def __init__(self, function: LoopFunction) -> None:
        self.function = function
        self.visible: dict[str, str] = {}
        self.bound: set[str] = set()
        self.buffers: set[Buffer] = set()
        self.buffer_names: set[str] = set()
        self.constants: set[Buffer] = set()
        self.here: Stmt | None = None

    def fail(self, message: str) -> NoReturn:
        place = "\n" + show_body([self.here]) if self.here is not None else ""
        raise VerificationError(f"in {self.function.name}: {message}{place}")

    def require(self, holds: bool, message: str) -> None:
        if not holds:
            self.fail(message)

    def run(self) -> None:
        for name, dtype in self.function.scalars:
            self.bind(name, dtype)
        for b in self.function.buffers:
            self.buffer(b)
        self.body(self.function.body)

    def bind(self, name: str, dtype: str) -> None:
        self.require(bool(name), "a name is empty")
        self.require(name not in self.bound, f"{name} is bound twice")
        self.bound.add(name)
        self.visible[name] = dtype

    def buffer(self, b: Buffer) -> None:
        self.require(b.name not in self.buffer_names, f"two buffers are called {b.name}")
        self.buffer_names.add(b.name)
        self.require(len(b.strides) == len(b.dims), f"{b.name} has {len(b.dims)} axes and {len(b.strides)} strides")
        for e in (*b.dims, *b.strides):
            self.expr(e, "i64")
        self.buffers.add(b)

    def constant(self, b: Buffer) -> None:
        """Constant data exists everywhere."""
        if b in self.constants:
            return
        self.require(b.name not in self.buffer_names, f"two buffers are called {b.name}")
        self.require(b.data is not None and all(d.is_const for d in b.dims), f"{b.name} has no data")
        self.buffer_names.add(b.name)
        self.constants.add(b)

    # Expressions.

    def expr(self, e: Expr, dtype: str | None = None) -> None:
        self.require(dtype is None or e.dtype == dtype, f"{show(e)} is {e.dtype}, where {dtype} is wanted")
        pending = [e]
        done = set()
        while pending:
            x = pending.pop()
            if x in done:
                continue
            done.add(x)
            pending += x.args
            if x.kind == "var":
                name = str(x.payload)
                self.require(name in self.visible, f"{name} is used but not bound here")
                self.require(self.visible[name] == x.dtype, f"{name} is {self.visible[name]}, not {x.dtype}")
            elif x.kind == "load":
                self.access(x.payload, x.args)  # type: ignore[arg-type]

    def access(self, b: Buffer, index: Sequence[Expr]) -> None:
        if b.place == "const":
            self.constant(b)
        self.require(b in self.buffers or b in self.constants, f"the buffer {b.name} does not exist here")
        self.require(len(index) == len(b.dims), f"{b.name} has {len(b.dims)} axes, {len(index)} indexes are given")
        for i in index:
            self.require(i.dtype == "i64", f"the index {show(i)} is {i.dtype}")

    def writable(self, b: Buffer) -> None:
        self.require(b in self.buffers, f"the buffer {b.name} does not exist here")
        self.require(not b.readonly and b.place != "const", f"{b.name} is read-only")

    # Statements.

    def body(self, body: Sequence[Stmt]) -> None:
        """What is bound inside is not visible afterwards."""
        visible, buffers = dict(self.visible), set(self.buffers)
        self.statements(body)
        self.visible, self.buffers = visible, buffers

    def statements(self, body: Sequence[Stmt]) -> None:
        for s in body:
            self.here = s
            self.statement(s)

    def statement(self, s: Stmt) -> None:
        if isinstance(s, For):
            self.loop(s)
        elif isinstance(s, While):
            self.while_loop(s)
        elif isinstance(s, If):
            self.branch(s)
        elif isinstance(s, Alloc):
            self.require(s.buffer.place == "temp", f"{s.buffer.name} is not a temporary")
            self.buffer(s.buffer)
        else:
            for e in own_exprs(s):
                self.expr(e)
            self.simple(s)

    def simple(self, s: Stmt) -> None:
        if isinstance(s, Let):
            self.bind(s.name, s.value.dtype)
        elif isinstance(s, Store):
            self.writable(s.buffer)
            self.access(s.buffer, s.index)
            self.require(s.value.dtype == s.buffer.dtype, f"{s.value.dtype} is stored into {s.buffer.dtype}")
        elif isinstance(s, Raise):
            self.require(0 <= s.code < len(self.function.errors), f"there is no error {s.code}")
            self.require(len(s.details) <= 3 and all(d.dtype == "i64" for d in s.details), "details are up to three i64")
        elif isinstance(s, Call):
            for b in s.reads:
                if b.place == "const":
                    self.constant(b)
                self.require(b in self.buffers or b in self.constants, f"the buffer {b.name} does not exist here")
            for b in s.writes:
                self.writable(b)
            if s.status:
                self.bind(s.status, "i64")

    def loop(self, s: For) -> None:
        self.require(s.kind in KINDS, f"there is no kind {s.kind}")
        self.require(s.step != 0, "the step is 0")
        self.require(s.jam >= 1, "the jam is not positive")
        self.require(s.lanes >= 1 and s.lanes & (s.lanes - 1) == 0, "the lanes are no power of two")
        self.expr(s.lo, "i64")
        self.expr(s.hi, "i64")
        self.require(s.kind not in ("par", "simd") or not s.carried, f"a {s.kind} loop carries scalars")
        self.require(not s.threads or s.kind == "par", "only a par loop is spread over threads")
        self.require(s.kind != "red" or (all(c.combine for c in s.carried) and s.until is None),
                     "every scalar carried by a reduction is combined")
        types = [c.dtype for c in s.carried if c.name == s.until]
        self.require(s.until is None or types == ["i1"], "until names a carried i1")
        self.inits(s.carried)
        visible, buffers = dict(self.visible), set(self.buffers)
        self.bind(s.var, "i64")
        for c in s.carried:
            self.bind(c.name, c.dtype)
        self.statements(s.body)
        self.here = s
        self.nexts(s.carried)
        self.visible, self.buffers = visible, buffers
        self.results(s.carried)

    def while_loop(self, s: While) -> None:
        self.inits(s.carried)
        visible, buffers = dict(self.visible), set(self.buffers)
        for c in s.carried:
            self.bind(c.name, c.dtype)
        self.statements(s.test)
        self.here = s
        self.expr(s.cond, "i1")
        self.statements(s.body)
        self.here = s
        self.nexts(s.carried)
        self.visible, self.buffers = visible, buffers
        self.results(s.carried)

    def inits(self, carried: Sequence[Carried]) -> None:
        for c in carried:
            self.expr(c.init)

    def nexts(self, carried: Sequence[Carried]) -> None:
        for c in carried:
            if c.next is None:
                self.fail(f"{c.name} has no next value")
            self.expr(c.next, c.dtype)
            if c.combine is not None:
                self.combined(c, c.next)

    def combined(self, c: Carried, following: Expr) -> None:
        """next == combine(name, term), the term not using the name; or the name alone, where the term turned out to add nothing."""
        if following.kind == "var" and following.payload == c.name:
            return
        uses = [a for a in following.args if a.kind == "var" and a.payload == c.name]
        good = following.kind == "op" and following.payload == c.combine and len(uses) == 1
        good = good and all(c.name not in a.variables for a in following.args if a is not uses[0])
        self.require(good, f"{c.name} is combined by {c.combine}, but next is {show(following)}")

    def results(self, carried: Sequence[Carried]) -> None:
        for c in carried:
            if c.result:
                self.bind(c.result, c.dtype)

    def branch(self, s: If) -> None:
        self.expr(s.cond, "i1")
        types = []
        for body, values in ((s.then, [y.then for y in s.yields]), (s.other, [y.other for y in s.yields])):
            visible, buffers = dict(self.visible), set(self.buffers)
            self.statements(body)
            self.here = s
            for e in values:
                self.expr(e)
            types.append([e.dtype for e in values])
            self.visible, self.buffers = visible, buffers
        self.require(types[0] == types[1], "the branches yield different types")
        for y, dtype in zip(s.yields, types[0], strict=True):
            self.bind(y.result, dtype)
