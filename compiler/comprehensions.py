"""Comprehensions over what only the run knows the length of, or with conditions that it decides.

`[element for target in items if test]` becomes

    H.comprehension(place, items, lambda target: element, lambda target: test, lambda items: the comprehension itself)

The last runs where `items` is at hand; else a loop appends the elements to a list (`list_algorithms.selected`).  One with several
`for` is `H.flattened` likewise, whose second function makes the list of what the inner ones give.
"""

from __future__ import annotations

import ast
import copy

from .syntax import at, hook, parameter_list, thunk

_ITEMS = "__items"


def hooked(node: ast.ListComp | ast.GeneratorExp, place: ast.Constant) -> ast.expr:
    """The comprehension, whose expressions have their hooks already, as a call of its own hook if its loops are plain."""
    (part, *more) = node.generators
    if any(g.is_async or not _is_plain(g.target) for g in node.generators) or any(
            isinstance(n, ast.NamedExpr) for n in ast.walk(node)):
        return node
    items, what = part.iter, node.elt
    if more:
        inner = ast.copy_location(ast.ListComp(copy.deepcopy(node.elt), copy.deepcopy(more)), node)
        what = hooked(inner, ast.Constant(f"{place.value!s}, within"))
    element, test = (_function(part.target, copy.deepcopy(e)) for e in (what, _all_of(part.ifs)))
    part.iter = ast.Name(_ITEMS, ast.Load())
    for g in more:
        g.iter = hook("inside", copy.deepcopy(place), *g.iter.args)  # type: ignore[attr-defined]  # in place of `iterated`
    for g in node.generators:
        g.ifs = [hook("decided", copy.deepcopy(place), e) for e in g.ifs]
    itself = ast.Lambda(parameter_list(_ITEMS), node)
    return at(hook("flattened" if more else "comprehension", place, items, element, test, itself), node)


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
