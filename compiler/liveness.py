"""Which local names matter where: live names at loops and ifs, and reads that may come before any assignment.

Runs on a body whose jumps have been lowered.  `Liveness` goes backward: a name is state of a loop if it is assigned inside
and live at its head, of an `if` if it is assigned inside and live after it.  `uncertain_reads` goes forward.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from .scopes import stored_names


def loaded_names(nodes: ast.AST | Iterable[ast.AST]) -> set[str]:
    """The names read in these nodes, nested scopes included."""
    out: set[str] = set()
    for node in [nodes] if isinstance(nodes, ast.AST) else nodes:
        for n in ast.walk(node):
            if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Store):
                out.add(n.id)
            elif isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name):
                out.add(n.target.id)
    return out


def all_stored(statements: Iterable[ast.AST]) -> set[str]:
    return set().union(*(stored_names(s) for s in statements))


class Liveness:
    """live[s]: the names that are live at the head of loop `s`, or after `if` statement `s`."""

    def __init__(self, stops: dict[ast.stmt, list[str]]) -> None:
        self.stops = stops
        self.live: dict[ast.stmt, set[str]] = {}

    def block(self, statements: list[ast.stmt], after: set[str]) -> set[str]:
        """The names live before a block, given those live after it."""
        for s in reversed(statements):
            after = self.statement(s, after)
        return after

    def statement(self, s: ast.stmt, after: set[str]) -> set[str]:
        if isinstance(s, ast.If):
            self.live[s] = set(after)
            return self.block(s.body, set(after)) | self.block(s.orelse, set(after)) | loaded_names(s.test)
        if isinstance(s, (ast.For, ast.While)):
            return self._loop(s, after)
        if isinstance(s, (ast.With, ast.Try)):
            # Anything inside may be what a handler sees.
            inside = set(after) | loaded_names(s)
            for part in ("body", "orelse", "finalbody"):
                self.block(getattr(s, part, []), set(inside))
            for h in getattr(s, "handlers", ()):
                self.block(h.body, set(inside))
            return inside
        return (after - _killed(s)) | loaded_names(s)

    def _loop(self, s: ast.For | ast.While, after: set[str]) -> set[str]:
        head = set(after) | set(self.stops.get(s, ()))
        if isinstance(s, ast.While):
            head |= loaded_names(s.test)
        while True:
            size = len(head)
            body = self.block(s.body, set(head))
            head |= body - stored_names(s.target) if isinstance(s, ast.For) else body
            if len(head) == size:
                break
        self.live[s] = set(head)
        return head | loaded_names([s.iter, s.target] if isinstance(s, ast.For) else s.test)


def _killed(s: ast.stmt) -> set[str]:
    """The names that a simple statement surely assigns."""
    if not isinstance(s, ast.Assign):
        return {s.name} if isinstance(s, ast.FunctionDef) else set()
    return {n.id for t in s.targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


class UncertainReads:
    """Finds reads of local names that some path reaches without an assignment."""

    def __init__(self, local: set[str]) -> None:
        self.local = local
        self.found: set[ast.Name] = set()

    def block(self, statements: list[ast.stmt], bound: set[str]) -> set[str]:
        """The names surely bound after a block."""
        for s in statements:
            bound = self.statement(s, bound)
        return bound

    def read(self, node: ast.AST | None, bound: set[str]) -> None:
        for n in ast.walk(node) if node is not None else ():
            if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Store) and n.id in self.local - bound:
                self.found.add(n)

    def statement(self, s: ast.stmt, bound: set[str]) -> set[str]:
        if isinstance(s, ast.If):
            self.read(s.test, bound)
            return self.block(s.body, set(bound)) & self.block(s.orelse, set(bound))
        if isinstance(s, ast.For):
            self.read(s.iter, bound)
            self.block(s.body, bound | stored_names(s.target))
            return bound
        if isinstance(s, ast.While):
            self.read(s.test, bound)
            after = self.block(s.body, set(bound))
            return after if isinstance(s.test, ast.Constant) and s.test.value else bound
        if isinstance(s, ast.With):
            for item in s.items:
                self.read(item.context_expr, bound)
            return self.block(s.body, bound | all_stored(s.items))
        if isinstance(s, ast.Try):
            after = self.block(s.body, set(bound))
            for h in s.handlers:
                self.block(h.body, bound | ({h.name} if h.name else set()))
            self.block(s.orelse, set(after))
            self.block(s.finalbody, set(bound))
            return after if not s.handlers else bound
        if isinstance(s, (ast.FunctionDef, ast.ClassDef)):
            inner = UncertainReads(self.local - stored_in_function(s))
            inner.read(s, bound)
            self.found |= inner.found
            return bound | {s.name}
        self.read(s, bound)
        if isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name) and s.target.id in self.local - bound:
            self.found.add(s.target)
        return bound | stored_names(s)


def stored_in_function(s: ast.FunctionDef | ast.ClassDef) -> set[str]:
    """What a nested function binds for itself."""
    parameters = {a.arg for a in ast.walk(s) if isinstance(a, ast.arg)}
    return parameters | (all_stored(s.body) if isinstance(s, ast.FunctionDef) else set())
