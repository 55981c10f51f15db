"""The pieces of syntax that rewritten functions are made of; `capture.py` puts them together."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeVar

from .source_code import FunctionNode

# The name that the hooks have in rewritten functions.
HOOKS = "__treadle__"
Node = TypeVar("Node", bound=ast.AST)
# A field of function definitions since Python 3.12.
_TYPE_PARAMS: dict[str, Any] = {"type_params": []} if "type_params" in ast.FunctionDef._fields else {}


def hook(name: str, *args: ast.expr) -> ast.Call:
    """A call of a hook."""
    return ast.Call(ast.Attribute(ast.Name(HOOKS, ast.Load()), name, ast.Load()), list(args), [])


def is_hook(e: ast.expr) -> bool:
    return isinstance(e, ast.Attribute) and isinstance(e.value, ast.Name) and e.value.id == HOOKS


def thunk(body: ast.expr) -> ast.Lambda:
    """`lambda: body`"""
    return ast.Lambda(parameter_list(), body)


def definition(name: str, args: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    """`def name(args): body`"""
    return ast.FunctionDef(name, args, body, [], None, None, **_TYPE_PARAMS)


def parameter_list(*names: str) -> ast.arguments:
    """Plain positional parameters."""
    return ast.arguments([], [ast.arg(n) for n in names], None, [], [], None, [])


def constant_names(names: Sequence[str]) -> ast.expr:
    """A tuple of strings."""
    return ast.Constant(tuple(names))  # type: ignore[arg-type]  # a tuple of constants is one


def at(new: Node, old: ast.AST) -> Node:
    """`new`, at the line and column of `old`."""
    return ast.fix_missing_locations(ast.copy_location(new, old))


def has_control_flow(node: ast.FunctionDef) -> bool:
    return any(isinstance(n, (ast.For, ast.While, ast.If, ast.Try, ast.With, ast.Match)) for n in ast.walk(node))


def is_generator(node: ast.FunctionDef) -> bool:
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(node))


def stand_in(name: str) -> str:
    return f"__stored_{name}"


def index_of(e: ast.expr) -> ast.expr:
    """The expression that makes the index object of a subscript."""
    if isinstance(e, ast.Slice):
        return ast.Call(ast.Attribute(ast.Name(HOOKS, ast.Load()), "slice", ast.Load()),
                        [x or ast.Constant(None) for x in (e.lower, e.upper, e.step)], [])
    if isinstance(e, ast.Tuple):
        return ast.Tuple([index_of(x) for x in e.elts], ast.Load())
    return e


def first_parameter(node: FunctionNode) -> str | None:
    found = [*node.args.posonlyargs, *node.args.args]
    return found[0].arg if found else None


def has_places(target: ast.expr) -> bool:
    return any(isinstance(n, (ast.Subscript, ast.Attribute)) for n in ast.walk(target))
