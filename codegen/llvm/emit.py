"""A loop function as LLVM IR text.

    emit(function, TARGETS["x86-64-v4"]).text

The entry is `i64 NAME(ptr slots, ptr error)`.  `slots` holds 8-byte words: a pointer for each of `function.buffers`, a
word for each of `function.scalars`, the arena.  The result is 0, or 1 + the number of the error raised; then `error`
holds that number and three details.  It is -1, and the number too, where a signal handler raised (`signals.py`).

No LLVM pass needs to run over the text: values are placed, shared and vectorised here.  Read `emit`, then `nests.py`
(statements), `values.py` (expressions), `memory.py` (addresses), `table.py` (operations).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from ...ir.expr import expression_scope, var
from ...ir.loops import Alloc, Call, For, If, Let, LoopFunction, Raise, Stmt, Store, While, stored_buffers, walk
from ...ir.target import Target
from .masked_loops import MaskedLoops
from .module import MEMORY_TYPE, Branch, FunctionText, Module, Phi, type_of
from .parallel import DETAILS
from .scopes import Value
from .shape import may_leave


@dataclass(frozen=True, slots=True)
class EmittedModule:
    """text: the module.  entry: its function's name.  externals: the C functions that it calls, which the linker supplies."""

    text: str
    entry: str
    externals: tuple[str, ...]


def emit(function: LoopFunction, target: Target) -> EmittedModule:
    """The text of a module that runs `function`; to be called in the expression scope that its expressions were made in."""
    with expression_scope():
        module = Module(function.name, target.vector_bits)
        text = module.function(f"define i64 @{quoted(function.name)}(ptr %slots, ptr %error)")
        emitter = Emitter(module, target, text)
        emitter.entry(function)
    return EmittedModule(module.text(), function.name, tuple(module.externals))


def quoted(name: str) -> str:
    """A symbol as LLVM spells it."""
    return name if name.replace(".", "_").isidentifier() else f'"{name}"'


class Emitter(MaskedLoops):
    """Emits one function."""

    def child(self, text: FunctionText) -> Emitter:
        return Emitter(self.module, self.target, text)

    def entry(self, function: LoopFunction) -> None:
        """The function that is called from outside."""
        buffers = function.buffers
        for k, b in enumerate(buffers):
            self.pointers[b] = Value((self._get_word("%slots", k, "ptr"),))
        for k, (name, dtype) in enumerate(function.scalars):
            raw = self._get_word("%slots", len(buffers) + k, MEMORY_TYPE[dtype])
            self.environment[name] = Value((self._from_memory(0, dtype, raw, 0),))
        if any(isinstance(s, Alloc) for s in walk(function.body)):
            self.arena = self._get_word("%slots", len(buffers) + len(function.scalars), "ptr")
        self.statements(function.body)
        self.block.end = "ret i64 0"

    def statement(self, s: Stmt) -> None:
        if isinstance(s, For) and s.threads and s.step > 0 and self.context is None and not self.replicated and not s.carried:
            self.parallel(s)
        else:
            STATEMENTS[type(s)](self, s)
        if isinstance(s, For | If | While) and may_leave([s]):
            self.seal()

    def allocate(self, s: Alloc) -> None:
        b = s.buffer
        if b.base is not None:
            pointer = Value((self.put(self.depth, f"inttoptr i64 {self.uniform(var(b.base))} to ptr"),), self.depth)
            if b.each is not None and self.worker != "0":
                apart = self.put(self.depth, f"mul i64 {self.uniform(var(b.each))}, {self.worker}")
                pointer = self._advance(pointer, Value((apart,), self.depth), 1, "i8")
            self.pointers[b] = pointer
            return
        if b.offset is None:
            count = prod(d.payload for d in b.dims if d.is_const)  # type: ignore[misc]
            assert all(d.is_const for d in b.dims), f"the temporary {b} has no place and no constant size"
            self.pointers[b] = Value((self.scratch(b.dtype, max(count, 1)),))
            return
        pointer = Value((str(self.arena),))
        if b.worker_stride and self.worker != "0":
            pointer = self._advance(pointer, Value((self.worker,)), b.worker_stride, "i8")
        if b.offset:
            pointer = self._advance(pointer, Value((str(b.offset),)), 1, "i8")
        self.pointers[b] = pointer

    def raising(self, s: Raise) -> None:
        details = [self.uniform(d) for d in s.details] + ["0"] * (DETAILS - len(s.details))
        if self.context is not None:
            self.leave_chunk(s.code, details)
        else:
            for k, x in enumerate([str(s.code), *details]):
                self._put_word("%error", k, "i64", x)
            self.block.end = f"ret i64 {s.code + 1}"
        # What follows in this list of statements cannot be reached, but must stand somewhere.
        self.scopes[-1].block = self.function.block("unreachable")

    def call(self, s: Call) -> None:
        operands = [f"ptr {self.base_pointer(b).operands[0]}" for b in (*s.reads, *s.writes)]
        operands += [f"i64 {self.uniform(e)}" for e in s.scalars]
        symbol = self.module.external(f"treadle_{s.routine}", "i64", [o.split()[0] for o in operands])
        status = self.put(self.depth, f"call i64 @{symbol}({', '.join(operands)})")
        if s.status is not None:
            self.environment[s.status] = Value((status,), self.depth)
        self.touch(s.writes)

    def while_loop(self, s: While) -> None:
        if self.vector_loop is not None:
            self.masked_while(s)
            return
        f, stored = self.function, stored_buffers([*s.test, *s.body])
        inits = [self.value(c.init) for c in s.carried]
        before, head, body, after = self.block, f.block("while"), f.fresh("do"), f.fresh("after")
        before.end = Branch(head)
        self.touch(stored)
        self.enter(head, "loop", stored)
        for c, v in zip(s.carried, inits, strict=True):
            head.phis.append(Phi(f.register(), type_of(c.dtype), [(self.spread(v, ())[0], before)]))
            self.environment[c.name] = Value((head.phis[-1].register,), self.depth)
        head.phis.append(Phi(f.register(), "i64", [("0", before)]))
        self.statements(s.test)
        self.block.end = Branch(body, self.uniform(s.cond), after)
        self.enter(f.place(body), "arm")
        self.statements(s.body)
        nexts = [self.uniform(c.next) for c in s.carried]  # type: ignore[arg-type]
        nexts.append(self.put(self.depth, f"add i64 {head.phis[-1].register}, 1"))
        self.look_in_while([*s.test, *s.body], head.phis[-1])
        self.block.end = Branch(head)
        last = self.leave()
        for phi, x in zip(head.phis, nexts, strict=True):
            phi.incoming.append((x, last))
        self.leave()
        self.touch(stored)
        self.scopes[-1].block = f.place(after)
        for c, phi in zip(s.carried, head.phis, strict=False):  # the last counts trips
            self.environment[c.result] = Value((phi.register,), self.depth)


STATEMENTS: dict[type, Callable[..., None]] = {
    Let: Emitter.let, Store: Emitter.store_statement, Alloc: Emitter.allocate, Raise: Emitter.raising,
    For: Emitter.for_statement, If: Emitter.branch, While: Emitter.while_loop, Call: Emitter.call,
}
