"""Comprehensions over what only the run knows the length of, or with conditions that it decides.

`[element for target in items if test]` becomes

    H.comprehension(place, items, lambda target: element, lambda target: test, lambda items: the comprehension itself)

The last runs where `items` is at hand; else a loop appends the elements to a list (`list_algorithms.selected`).
"""

from __future__ import annotations

import ast
import copy

from .syntax import at, hook, parameter_list, thunk

_ITEMS = "__items"


def hooked(node: ast.ListComp | ast.GeneratorExp, place: ast.expr) -> ast.expr:
    """The comprehension, whose expressions have their hooks already, as a call of its own hook if it is of one plain loop."""
    (part, *more) = node.generators
    if more or part.is_async or not _is_plain(part.target) or any(isinstance(n, ast.NamedExpr) for n in ast.walk(node)):
        return node
    items = part.iter
    element, test = (_function(part.target, copy.deepcopy(e)) for e in (node.elt, _all_of(part.ifs)))
    part.iter = ast.Name(_ITEMS, ast.Load())
    part.ifs = [hook("decided", copy.deepcopy(place), e) for e in part.ifs]
    itself = ast.Lambda(parameter_list(_ITEMS), node)
    return at(hook("comprehension", place, items, element, test, itself), node)


def _is_plain(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or (isinstance(target, ast.Tuple) and all(map(_is_plain, target.elts)))


def _all_of(tests: list[ast.expr]) -> ast.expr:
    result: ast.expr = ast.Constant(True)
    for k, test in enumerate(reversed(tests)):
        test = copy.deepcopy(test)
        result = test if k == 0 else hook("and_", test, thunk(result))
    return result


def _function(target: ast.expr, body: ast.expr, depth: int = 0) -> ast.expr:
    """`lambda target: body`, where target may be a tuple of names."""
    if isinstance(target, ast.Name):
        return ast.Lambda(parameter_list(target.id), body)
    whole = f"__whole_{depth}"
    names = [e.id if isinstance(e, ast.Name) else f"__part_{depth}_{k}" for k, e in enumerate(target.elts)]  # type: ignore[attr-defined]
    for e, name in zip(target.elts, names, strict=True):  # type: ignore[attr-defined]
        if not isinstance(e, ast.Name):
            body = ast.Call(_function(e, body, depth + 1), [ast.Name(name, ast.Load())], [])
    inner = ast.Lambda(parameter_list(*names), body)
    return ast.Lambda(parameter_list(whole), ast.Call(inner, [ast.Starred(ast.Name(whole, ast.Load()), ast.Load())], []))
