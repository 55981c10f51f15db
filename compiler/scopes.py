"""Where a name inside a function lives: local to it (or to a function around it, up to the one being rewritten), a closure
variable of the outermost function, or global."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Scope:
    """The names bound in one scope, and those around it."""

    def __init__(self, bound: set[str], declared: set[str], free: frozenset[str], parent: Scope | None,
                 inlined: bool = False) -> None:
        self.bound, self.declared, self.free, self.parent, self.inlined = bound, declared, free, parent, inlined

    def place(self, name: str) -> str:
        """"local", "cell" or "global"."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.declared:
                return "global"
            if name in scope.bound:
                return "local"
            scope = scope.parent
        return "cell" if name in self.free else "global"

    def is_enclosing(self, name: str) -> bool:
        """Is a local name that of a function around this one?"""
        scope: Scope | None = self
        while scope is not None and name not in scope.bound and scope.inlined:
            scope = scope.parent
        return scope is not None and name not in scope.bound

    @contextmanager
    def nested(self, node: ast.AST) -> Iterator[Scope]:
        """The scope of a function or comprehension inside this one."""
        bound, declared = _bindings(node)
        inlined = sys.version_info >= (3, 12) and isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp)
        yield Scope(bound, declared, self.free, self, inlined)


def function_scope(node: ast.FunctionDef | ast.Lambda, free: tuple[str, ...]) -> Scope:
    """The scope of the outermost function, whose closure variables are `free`."""
    bound, declared = _bindings(node)
    return Scope(bound, declared, frozenset(free), None)


def stored_names(statement: ast.AST) -> set[str]:
    """The names that a statement binds in its own scope."""
    bound: set[str] = set()
    _collect(statement, bound, set(), set())
    return bound


def _bindings(node: ast.AST) -> tuple[set[str], set[str]]:
    """The names that a scope binds, and those it declares global."""
    bound: set[str] = set()
    outer: set[str] = set()
    declared: set[str] = set()
    if isinstance(node, _FUNCTIONS):
        a = node.args
        bound |= {x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if x is not None}
        for s in node.body if isinstance(node.body, list) else [node.body]:
            _collect(s, bound, outer, declared)
    else:
        for generator in node.generators:  # type: ignore[attr-defined]
            bound |= {n.id for n in ast.walk(generator.target) if isinstance(n, ast.Name)}
    return bound - outer - declared, declared


def _collect(node: ast.AST, bound: set[str], outer: set[str], declared: set[str]) -> None:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        bound.add(node.name)
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        bound.add(node.id)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        bound.update((a.asname or a.name).split(".")[0] for a in node.names)
    elif isinstance(node, ast.ExceptHandler) and node.name:
        bound.add(node.name)
    elif isinstance(node, ast.Global):
        declared.update(node.names)
    elif isinstance(node, ast.Nonlocal):
        outer.update(node.names)
    elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
        bound.add(node.name)
    if isinstance(node, _COMPREHENSIONS):
        # Its targets are its own; only `:=` inside binds out here.
        bound.update(n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        return
    for child in ast.iter_child_nodes(node):
        _collect(child, bound, outer, declared)
