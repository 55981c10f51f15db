"""Finds the syntax tree of a function: the `def` or `lambda` in its file that its code object was compiled from."""

from __future__ import annotations

import ast
import copy
import linecache
import types
from collections import OrderedDict
from collections.abc import Iterator

FunctionNode = ast.FunctionDef | ast.Lambda

# Syntax trees of the files used last, with a hash of their text.
_MOST_TREES = 32
_trees: OrderedDict[str, tuple[int, ast.Module | None]] = OrderedDict()


def find_node(code: types.CodeType) -> FunctionNode | None:
    """A copy of the syntax of `code`, with the line numbers of its file; None if there is no source, or none that fits."""
    tree = _tree(code.co_filename)
    if tree is None:
        return None
    fitting = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.Lambda)) and _fits(n, code)]
    if not fitting:
        return None
    if len(fitting) > 1 and code.co_name == "<lambda>":
        # Of a lambda that only returns a constant Python 3.12 keeps no columns.
        fitting = [n for n in fitting if _compiles_to(n, code)] or fitting
    return copy.deepcopy(min(fitting, key=lambda n: (n.lineno != code.co_firstlineno, *_extent(n))))


def _compiles_to(node: FunctionNode, code: types.CodeType) -> bool:
    """Does a lambda that reads no outer variable have this code?"""
    assert isinstance(node, ast.Lambda)
    made = compile(ast.Expression(node), code.co_filename, "eval").co_consts[0]
    return isinstance(made, types.CodeType) and (made.co_code, made.co_consts) == (code.co_code, code.co_consts)


def _tree(filename: str) -> ast.Module | None:
    lines = linecache.getlines(filename)
    text = "".join(lines)
    found = _trees.get(filename)
    if found is None or found[0] != hash(text):
        try:
            found = (hash(text), ast.parse(text) if lines else None)
        except SyntaxError:
            found = (hash(text), None)
        _trees[filename] = found
        if len(_trees) > _MOST_TREES:
            _trees.popitem(last=False)
    _trees.move_to_end(filename)
    return found[1]


def _fits(node: FunctionNode, code: types.CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        if code.co_name != "<lambda>" or node.lineno > code.co_firstlineno:
            return False
    elif node.name != code.co_name or code.co_firstlineno not in _first_lines(node):
        return False
    a = node.args
    names = [x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
    names += [x.arg for x in (a.vararg, a.kwarg) if x is not None]
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return tuple(names) == code.co_varnames[:count] and all(_inside(node, p) for p in _positions(node, code))


def _first_lines(node: ast.FunctionDef) -> set[int]:
    return {node.lineno, *(d.lineno for d in node.decorator_list)}


def _positions(node: FunctionNode, code: types.CodeType) -> Iterator[tuple[int, int]]:
    """Line and column of every instruction; of a `def` the lines only."""
    for line, _, column, end in code.co_positions():
        if line is not None and line != code.co_firstlineno:
            yield line, column if column is not None else 0
        elif isinstance(node, ast.Lambda) and line is not None and column is not None and end:
            yield line, column


def _inside(node: FunctionNode, place: tuple[int, int]) -> bool:
    body = node.body if isinstance(node, ast.Lambda) else node
    line, column = place
    if isinstance(node, ast.FunctionDef):
        return node.lineno <= line <= (node.end_lineno or line)
    start = (body.lineno, body.col_offset)
    end = (body.end_lineno or body.lineno, body.end_col_offset or 0)
    return start <= (line, column) <= end


def _extent(node: FunctionNode) -> tuple[int, int]:
    lines = (node.end_lineno or node.lineno) - node.lineno
    return lines, (node.end_col_offset or 0) - node.col_offset if lines == 0 else 0
