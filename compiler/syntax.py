"""The pieces of syntax that rewritten functions are made of; `capture.py` puts them together."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeVar

from .jumps import HOOKS

Node = TypeVar("Node", bound=ast.AST)
# A field of function definitions since Python 3.12.
_TYPE_PARAMS: dict[str, Any] = {"type_params": []} if "type_params" in ast.FunctionDef._fields else {}


def hook(name: str, *args: ast.expr) -> ast.Call:
    """A call of a hook."""
    return ast.Call(ast.Attribute(ast.Name(HOOKS, ast.Load()), name, ast.Load()), list(args), [])


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
