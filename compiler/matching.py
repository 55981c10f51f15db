"""`match` as branches: the statement becomes `if` statements before its function's jumps are lowered.

    match s:                          subject = s
        case 0 | 1: A                 if subject == 0 or subject == 1: A
        case (x, y) if x > y: B       else:
                                          taken = False
                                          if H.is_sequence(subject, 2, False):
                                              x, y = subject[0], subject[1]
                                              taken = x > y
                                          if taken: B

What is a sequence, and how long, is known while tracing; what is compared may be run-time values.  A statement with patterns
that are not lowered (`**rest`, alternatives that bind names) stays as it is, and its subject must be known.  Start with `lowered`.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Sequence

from .syntax import at, constant_names, hook


def lowered(s: ast.Match, fresh: Callable[[str], str]) -> list[ast.stmt] | None:
    """The statement as branches; None if one of its patterns has no such form. fresh: makes a name."""
    if not all(_has_form(c.pattern) for c in s.cases):
        return None
    subject = fresh("subject")
    statements = [at(ast.Assign([ast.Name(subject, ast.Store())], s.subject), s), *_cases(s.cases, subject, fresh)]
    # Each expression is rewritten in place later on, so that none may stand in two places.
    return [copy.deepcopy(x) for x in statements]


def _has_form(p: ast.pattern) -> bool:
    if isinstance(p, (ast.MatchSequence, ast.MatchOr)):
        parts = p.patterns
    elif isinstance(p, ast.MatchAs):
        parts = [p.pattern] if p.pattern is not None else []
    elif isinstance(p, ast.MatchMapping) and p.rest is None:
        parts = p.patterns
    elif isinstance(p, ast.MatchClass):
        parts = [*p.patterns, *p.kwd_patterns]
    else:
        return isinstance(p, (ast.MatchValue, ast.MatchSingleton, ast.MatchStar))
    # Alternatives that bind names bind them in different places.
    return all(map(_has_form, parts)) and not (isinstance(p, ast.MatchOr) and any(_captures(e, _load("_")) for e in parts))


def _cases(cases: Sequence[ast.match_case], subject: str, fresh: Callable[[str], str]) -> list[ast.stmt]:
    if not cases:
        return []
    first = cases[0]
    test = _all(_tests(first.pattern, _load(subject)))
    binding: list[ast.stmt] = [ast.Assign([ast.Name(n, ast.Store())], e) for n, e in _captures(first.pattern, _load(subject))]
    rest = _cases(cases[1:], subject, fresh)
    # Every branch has a place of its own.
    here, body = first.pattern, [at(x, first.pattern) for x in binding]
    if first.guard is None:
        body = [*body, *first.body]
        return body if test is None else [at(ast.If(test, body, rest), here)]
    taken = fresh("taken")
    body.append(at(ast.Assign([ast.Name(taken, ast.Store())], hook("truth", first.guard)), here))
    before = at(ast.Assign([ast.Name(taken, ast.Store())], ast.Constant(False)), here)
    asked = body if test is None else [at(ast.If(test, body, []), here)]
    return [before, *asked, at(ast.If(_load(taken), first.body, rest), first.guard)]


def _tests(p: ast.pattern, x: ast.expr) -> list[ast.expr]:
    """What must hold for `x` to match, in order."""
    if isinstance(p, ast.MatchValue):
        return [ast.Compare(x, [ast.Eq()], [p.value])]
    if isinstance(p, ast.MatchSingleton):
        return [ast.Compare(x, [ast.Is()], [ast.Constant(p.value)])]
    if isinstance(p, ast.MatchAs):
        return [] if p.pattern is None else _tests(p.pattern, x)
    if isinstance(p, ast.MatchOr):
        sides = [_all(_tests(e, x)) for e in p.patterns]
        return [] if None in sides else [ast.BoolOp(ast.Or(), [e for e in sides if e is not None])]
    if isinstance(p, ast.MatchSequence):
        star = any(isinstance(e, ast.MatchStar) for e in p.patterns)
        known = hook("is_sequence", x, ast.Constant(len(p.patterns) - star), ast.Constant(star))
        return [known, *(t for e, part in _parts(p, x) for t in _tests(e, part))]
    if isinstance(p, ast.MatchMapping):
        return [hook("is_mapping", x, *p.keys), *(t for e, part in _items(p, x) for t in _tests(e, part))]
    if isinstance(p, ast.MatchClass):
        fits = hook("fits_class", x, p.cls, ast.Constant(len(p.patterns)), constant_names(p.kwd_attrs))
        return [fits, *(t for e, part in _attributes(p, x) for t in _tests(e, part))]
    return []


def _captures(p: ast.pattern, x: ast.expr) -> list[tuple[str, ast.expr]]:
    """The names that a pattern binds, with what they are bound to."""
    if isinstance(p, ast.MatchAs):
        inner = [] if p.pattern is None else _captures(p.pattern, x)
        return inner if p.name is None else [*inner, (p.name, x)]
    if isinstance(p, ast.MatchStar):
        return [] if p.name is None else [(p.name, ast.List([ast.Starred(x, ast.Load())], ast.Load()))]
    if isinstance(p, ast.MatchSequence):
        return [found for e, part in _parts(p, x) for found in _captures(e, part)]
    if isinstance(p, ast.MatchMapping):
        return [found for e, part in _items(p, x) for found in _captures(e, part)]
    if isinstance(p, ast.MatchClass):
        return [found for e, part in _attributes(p, x) for found in _captures(e, part)]
    return []


def _parts(p: ast.MatchSequence, x: ast.expr) -> list[tuple[ast.pattern, ast.expr]]:
    """The patterns of a sequence, each with the element or, of a starred one, the elements that it is for."""
    star = next((k for k, e in enumerate(p.patterns) if isinstance(e, ast.MatchStar)), len(p.patterns))
    out: list[tuple[ast.pattern, ast.expr]] = []
    for k, e in enumerate(p.patterns):
        behind = len(p.patterns) - 1 - k
        if k == star:
            stop = ast.Constant(-behind) if behind else None
            index: ast.expr = ast.Slice(ast.Constant(k), stop)
        else:
            index = ast.Constant(k if k < star else -1 - behind)
        out.append((e, ast.Subscript(x, index, ast.Load())))
    return out


def _items(p: ast.MatchMapping, x: ast.expr) -> list[tuple[ast.pattern, ast.expr]]:
    return [(e, ast.Subscript(x, key, ast.Load())) for key, e in zip(p.keys, p.patterns, strict=True)]


def _attributes(p: ast.MatchClass, x: ast.expr) -> list[tuple[ast.pattern, ast.expr]]:
    """The patterns in a class's parentheses, each with the attribute that it is for."""
    keys = [*range(len(p.patterns)), *p.kwd_attrs]
    return [(e, hook("part", x, p.cls, ast.Constant(k))) for e, k in zip([*p.patterns, *p.kwd_patterns], keys, strict=True)]


def _all(tests: list[ast.expr]) -> ast.expr | None:
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)


def _load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())
