"""The code of a Python function with hooks, made once per function: its source is found, rewritten (`capture.py`) and compiled.

Start with `rewrite`.
"""

from __future__ import annotations

import ast
import types
import weakref

from .capture import ExpressionHooks
from .scopes import function_scope
from .source_code import find_node
from .syntax import HOOKS, at, definition, first_parameter, parameter_list

# Forgotten with the code that was rewritten.
_rewritten: weakref.WeakKeyDictionary[types.CodeType, types.CodeType | None] = weakref.WeakKeyDictionary()


def rewrite(function: types.FunctionType) -> types.CodeType | None:
    """The code of `function` with hooks, whose only free variable is `HOOKS`; None if there is no source."""
    code = function.__code__
    if code not in _rewritten:
        _rewritten[code] = _rewrite(code, function.__qualname__)
    return _rewritten[code]


def is_rewritten(code: types.CodeType) -> bool:
    """Was this code made by `rewrite`, itself or as part of an enclosing function?"""
    return HOOKS in code.co_freevars or HOOKS in code.co_cellvars


def _rewrite(code: types.CodeType, qualname: str) -> types.CodeType | None:
    node = find_node(code)
    if node is None:
        return None
    parts = qualname.split(".")
    class_name = parts[-2] if len(parts) > 1 and parts[-2] != "<locals>" else None
    scope = function_scope(node, code.co_freevars)
    hooks = ExpressionHooks(code.co_filename, scope, class_name, first_parameter(node))
    name = "__function" if isinstance(node, ast.Lambda) else node.name
    if isinstance(node, ast.Lambda):
        body: list[ast.stmt] = [at(ast.Return(hooks.visit(node.body)), node)]
    else:
        body = hooks.function_body(node)
    args = hooks._visit_defaults(node.args)
    args.defaults = [ast.Constant(None) for _ in args.defaults]
    args.kw_defaults = [None if d is None else ast.Constant(None) for d in args.kw_defaults]
    # The hooks are mentioned even where no expression needs one, so that every rewritten function has them as free variable.
    mention = at(ast.Expr(ast.Name(HOOKS, ast.Load())), node)
    new = definition(name, args, [mention, *body])
    factory = definition("__factory", parameter_list(HOOKS), [ast.copy_location(new, node)])
    module = ast.fix_missing_locations(ast.Module([ast.copy_location(factory, node)], []))
    compiled = compile(module, code.co_filename, "exec", dont_inherit=True)
    inner = _nested_code(compiled, name)
    return inner.replace(co_name=code.co_name, co_qualname=code.co_qualname)


def _nested_code(module: types.CodeType, name: str) -> types.CodeType:
    factory = next(c for c in module.co_consts if isinstance(c, types.CodeType))
    return next(c for c in factory.co_consts if isinstance(c, types.CodeType) and c.co_name == name)
