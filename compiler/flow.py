"""What is known of one function's control flow before it is rewritten: its variables, which of them are state where, its jumps."""

from __future__ import annotations

import ast

from .jumps import RETURN_VALUE, RETURNED, Jumps
from .liveness import Liveness, UncertainReads, all_stored, loaded_names
from .scopes import Scope


class Flow:
    """What is known of one function's control flow, after its jumps have been lowered.

    variables: its local names.  unset: those to make undefined at the start.  outer: names of enclosing functions that it
    sets.  escaping, captured: names that nested functions set, and read.  stops, live, uncertain: see `jumps.py` and `liveness.py`.
    """

    def __init__(self, node: ast.FunctionDef, scope: Scope) -> None:
        jumps = Jumps()
        self.statements = jumps.function(node.body)
        self.stops = jumps.stops
        liveness = Liveness(jumps.stops)
        liveness.block(self.statements, {RETURN_VALUE, RETURNED})
        parameters = {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg,
                                      node.args.kwarg) if a is not None}
        stored = all_stored(self.statements)
        scope.bound.update({RETURN_VALUE, RETURNED} | {n for n in stored if n.startswith("__")})
        declared = {n for s in ast.walk(node) if isinstance(s, (ast.Global, ast.Nonlocal)) and not _is_nested(s, node)
                    for n in s.names}
        self.outer = {n for n in declared if scope.place(n) == "local"}
        own = {n for n in stored | parameters if scope.place(n) == "local" or n.startswith("__")} - declared
        self.variables = own | self.outer
        nested = [d for d in ast.walk(node) if isinstance(d, (ast.FunctionDef, ast.Lambda)) and d is not node]
        self.escaping = {n for d in nested for s in ast.walk(d) if isinstance(s, ast.Nonlocal) for n in s.names} & self.variables
        self.escaping |= self.outer
        self.captured = loaded_names(nested) & self.variables
        # A call may read these at any time.
        self.live = {s: names | self.captured | self.escaping for s, names in liveness.live.items()}
        generated = {n for n in own - parameters if n.startswith("__")}
        self.flags = sorted(generated - {RETURN_VALUE, RETURNED})
        self.unset = sorted(own - parameters - generated)
        reads = UncertainReads(set(self.unset))
        reads.block(self.statements, set())
        self.uncertain = reads.found


def _is_nested(s: ast.AST, node: ast.FunctionDef) -> bool:
    return any(s in ast.walk(d) for d in ast.walk(node) if isinstance(d, (ast.FunctionDef, ast.Lambda)) and d is not node)
