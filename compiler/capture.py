"""Rewrites a Python function so that what it reads, calls and stores goes through hooks; lines and scopes stay.

`g(x).a[i]` becomes `H.getitem(H.attribute(H.call(H.load_global("g"), x), "a"), i)`.  Loads of globals and of closure
variables go to `H` (a `hooks.FunctionHooks`, made for each function being traced), so the rewritten code needs no other cell.
Nested functions and lambdas are rewritten in place.  `ExpressionHooks` says what becomes what; `rewriting.py` makes code of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from .comprehensions import hooked
from .flow import Flow
from .jumps import RETURN_VALUE, RETURNED
from .liveness import all_stored, loaded_names
from .scopes import Scope, stored_names
from .syntax import (
    HOOKS,
    at,
    constant_names,
    definition,
    first_parameter,
    has_control_flow,
    has_places,
    hook,
    index_of,
    is_generator,
    is_hook,
    parameter_list,
    stand_in,
    thunk,
)

# Compound statements inside each other, each of which becomes two blocks.
_MOST_NESTED = 6
_KEPT_NAMES = frozenset({HOOKS, "super", "locals", "globals", "__class__"})


class ExpressionHooks(ast.NodeTransformer):
    """Puts hooks into the expressions and assignments of one function and of those nested in it."""

    def __init__(self, filename: str, scope: Scope, class_name: str | None, first_parameter: str | None) -> None:
        self.filename, self.scope = filename, scope
        self.class_name, self.first_parameter = class_name, first_parameter
        self.temporaries = 0
        self.depth = 0
        self.flow: Flow | None = None
        # `and` and `or` of which only the truth is asked for.
        self.tests: set[ast.expr] = set()

    # Names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in _KEPT_NAMES:
            return node
        place = self.scope.place(node.id)
        if place == "local":
            uncertain = (self.flow is not None and node in self.flow.uncertain) or (
                isinstance(node.ctx, ast.Load) and node.id not in self.scope.bound)
            what = "load_enclosing" if self.scope.is_enclosing(node.id) else "load_local"
            return at(hook(what, ast.Constant(node.id), ast.Name(node.id, ast.Load())), node) if uncertain else node
        if isinstance(node.ctx, ast.Load):
            return at(hook(f"load_{place}", ast.Constant(node.id)), node)
        # Stored: a local stands in; `stored` passes it on after the statement.
        return at(ast.Name(stand_in(node.id), node.ctx), node)

    def stored(self, statement: ast.stmt) -> list[ast.stmt]:
        """What to do after a statement that stores to globals or closure variables."""
        out: list[ast.stmt] = []
        for name in sorted(stored_names(statement)):
            place = self.scope.place(name)
            if place != "local":
                value = ast.Name(stand_in(name), ast.Load())
                out.append(at(ast.Expr(hook(f"store_{place}", ast.Constant(name), value)), statement))
        return out

    # Expressions

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or is_hook(node):
            return node
        return at(hook("attribute", node.value, ast.Constant(self.mangled(node.attr))), node)

    def mangled(self, name: str) -> str:
        """A private name inside a class, as Python stores it."""
        if self.class_name and name.startswith("__") and not name.endswith("__"):
            return f"_{self.class_name.lstrip('_')}{name}"
        return name

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            return node
        return at(hook("getitem", node.value, index_of(node.slice)), node)

    def visit_List(self, node: ast.List) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            return node
        if not any(isinstance(e, ast.Starred) for e in node.elts):
            return at(hook("list_", self._place(node), node), node)
        parts: list[ast.expr] = [ast.Tuple([ast.Constant(isinstance(e, ast.Starred)), e.value if isinstance(e, ast.Starred) else e],
                                           ast.Load()) for e in node.elts]
        return at(hook("list_of_parts", self._place(node), *parts), node)

    def visit_Dict(self, node: ast.Dict) -> ast.expr:
        """Keys and values one after the other; what is starred has no key."""
        self.generic_visit(node)
        parts = [e for k, v in zip(node.keys, node.values, strict=True) for e in (ast.Constant(None) if k is None else k, v)]
        starred = ast.Tuple([ast.Constant(n) for n, k in enumerate(node.keys) if k is None], ast.Load())
        return at(hook("dict_of_parts", self._place(node), starred, *parts), node)

    def visit_Set(self, node: ast.Set) -> ast.expr:
        self.generic_visit(node)
        return at(hook("set_of_parts", self._place(node), ast.Tuple(node.elts, ast.Load())), node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id in _KEPT_NAMES and self.scope.place(node.func.id) == "global":
            return self._kept_call(node)
        self.generic_visit(node)
        if is_hook(node.func):
            return node
        return at(ast.Call(ast.Attribute(ast.Name(HOOKS, ast.Load()), "call", ast.Load()),
                            [node.func, *node.args], node.keywords), node)

    def _kept_call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        if node.func.id == "super" and not node.args and self.first_parameter:
            owner = hook("load_cell", ast.Constant("__class__"))
            return at(ast.Call(node.func, [owner, ast.Name(self.first_parameter, ast.Load())], []), node)
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        name = "and_" if isinstance(node.op, ast.And) else "or_"
        if node in self.tests:
            name = "all_true" if isinstance(node.op, ast.And) else "any_true"
        self.generic_visit(node)
        out = node.values[-1]
        for value in reversed(node.values[:-1]):
            out = hook(name, value, thunk(out))
        return at(out, node)

    def test(self, e: ast.expr) -> ast.expr:
        """An expression that stands where only its truth matters."""
        self._mark(e)
        return self.visit(e)

    def _mark(self, e: ast.expr) -> None:
        if isinstance(e, ast.BoolOp):
            self.tests.add(e)
            for v in e.values:
                self._mark(v)
        elif isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.Not):
            self._mark(e.operand)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        self.generic_visit(node)
        pieces: list[ast.expr] = []
        for piece in node.values:
            if isinstance(piece, ast.FormattedValue):
                pieces.append(ast.Tuple([piece.value, ast.Constant(piece.conversion),
                                         piece.format_spec or ast.Constant("")], ast.Load()))
            else:
                pieces.append(piece)
        return at(hook("text", *pieces), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            return at(hook("percent", node.left, node.right), node)
        return at(hook("binary", ast.Constant(type(node.op).__name__), node.left, node.right), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self._mark(node)
        self.generic_visit(node)
        if isinstance(node.op, ast.Not):
            return at(hook("not_", node.operand), node)
        is_number = isinstance(node.operand, ast.Constant)
        return node if is_number else at(hook("unary", ast.Constant(type(node.op).__name__), node.operand), node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self._mark(node.test)
        self.generic_visit(node)
        return at(hook("choose", node.test, thunk(node.body), thunk(node.orelse)), node)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) == 1:
            return self._membership(node)
        # a < b < c: the middle operand is evaluated once, by a function call.
        steps = [self._membership(at(ast.Compare(ast.Name("__a", ast.Load()), [op], [ast.Name("__b", ast.Load())]), node))
                 for op in node.ops]
        tests: list[ast.expr] = [at(ast.Lambda(parameter_list("__a", "__b"), s), node) for s in steps]
        operands = [node.left, *(thunk(c) for c in node.comparators)]
        return at(hook("compare", ast.Tuple(tests, ast.Load()), *operands), node)

    def _membership(self, node: ast.Compare) -> ast.expr:
        if isinstance(node.ops[0], (ast.In, ast.NotIn)):
            found = hook("contains", node.comparators[0], node.left)
            return at(found if isinstance(node.ops[0], ast.In) else hook("not_", found), node)
        if isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            same = hook("is_", node.left, node.comparators[0])
            return at(same if isinstance(node.ops[0], ast.Is) else hook("not_", same), node)
        return at(hook("compare_two", ast.Constant(type(node.ops[0]).__name__), node.left, node.comparators[0]), node)

    # Nested scopes

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        node.args = self._visit_defaults(node.args)
        with self.scope.nested(node) as scope:
            saved, self.scope = self.scope, scope
            node.body = self.visit(node.body)
            self.scope = saved
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args = self._visit_defaults(node.args)
        node.returns = None
        with self.scope.nested(node) as scope:
            saved, self.scope = self.scope, scope
            outer, self.first_parameter = self.first_parameter, first_parameter(node)
            node.body = self.function_body(node)
            self.scope, self.first_parameter = saved, outer
        return node

    def function_body(self, node: ast.FunctionDef) -> list[ast.stmt]:
        """The body of a function, its control flow lowered and hooked. A generator's stays as Python has it."""
        if not has_control_flow(node) or is_generator(node):
            saved, self.flow = self.flow, None
            body = self.body(node.body)
            self.flow = saved
            return body
        saved, self.flow = self.flow, Flow(node, self.scope)
        flow = self.flow
        body = self.body(flow.statements)
        self.flow = saved
        undefined = ast.Attribute(ast.Name(HOOKS, ast.Load()), "UNDEFINED", ast.Load())
        first: list[ast.stmt] = [ast.Assign([ast.Name(n, ast.Store())], undefined) for n in [*flow.unset, RETURN_VALUE]]
        first += [ast.Assign([ast.Name(n, ast.Store())], ast.Constant(False)) for n in [*flow.flags, RETURNED]]
        nonlocals = [ast.Nonlocal(sorted(flow.outer))] if flow.outer else []
        last = ast.Return(hook("result", ast.Name(RETURN_VALUE, ast.Load()), ast.Name(RETURNED, ast.Load())))
        ends = [at(x, node.body[-1]) for x in (last,)]
        return [*(at(x, node) for x in [*nonlocals, *first]), *body, *ends]

    def _visit_defaults(self, args: ast.arguments) -> ast.arguments:
        args.defaults = [self.visit(d) for d in args.defaults]
        args.kw_defaults = [self.visit(d) if d is not None else None for d in args.kw_defaults]
        for a in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg):
            if a is not None:
                a.annotation = None
        return args

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        return node  # its methods are rewritten when they are called

    def _comprehension(self, node: ast.expr) -> ast.expr:
        with self.scope.nested(node) as scope:
            saved, self.scope = self.scope, scope
            self.generic_visit(node)
            self.scope = saved
        for part in node.generators:  # type: ignore[attr-defined]
            part.iter = at(hook("iterated", part.iter), part.iter)
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return hooked(node, self._place(node))
        if isinstance(node, ast.SetComp):
            items = at(ast.ListComp(node.elt, node.generators), node)
            return at(hook("set_of_parts", self._place(node), hooked(items, self._place(node))), node)
        if isinstance(node, ast.DictComp):
            pairs = at(ast.ListComp(ast.Tuple([node.key, node.value], ast.Load()), node.generators), node)
            return at(hook("dict_of_pairs", self._place(node), hooked(pairs, self._place(node))), node)
        return at(hook("list_", self._place(node), node), node)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    # Statements

    def body(self, statements: Iterable[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for s in statements:
            out += self.statement(s)
        return out or [ast.Pass()]

    def statement(self, s: ast.stmt) -> list[ast.stmt]:
        """One statement, rewritten."""
        if isinstance(s, (ast.Global, ast.Nonlocal)):
            if self.flow is not None:
                return []  # declared once, at the start of the function
            s.names = [n for n in s.names if self.scope.place(n) == "local"]
            return [s] if s.names else []
        if isinstance(s, ast.Assign):
            return self._assign(s)
        if isinstance(s, ast.AugAssign):
            return self._augmented(s)
        if isinstance(s, ast.Delete):
            return [self._deleted(t, s) for t in s.targets]
        if isinstance(s, ast.AnnAssign):
            if s.value is None:
                return []
            return self._assign(at(ast.Assign([s.target], s.value), s))
        if isinstance(s, (ast.For, ast.While, ast.If, ast.With, ast.Try)):
            return self._nested(s)
        if isinstance(s, ast.Match):
            return [self._match(s)]
        if isinstance(s, ast.ClassDef):
            return [s]
        if isinstance(s, (ast.Import, ast.ImportFrom)):
            return [s]
        new = self.visit(s)
        return [new]

    def _nested(self, s: ast.stmt) -> list[ast.stmt]:
        """A compound statement; at some depths in a function of its own, since Python nests 20 blocks at most."""
        stored = stored_names(s)
        self.depth += 1
        out = self.compound(s)
        self.depth -= 1
        if self.flow is None or self.depth == 0 or self.depth % _MOST_NESTED:
            return out
        self.temporaries += 1
        name = f"__deep{self.temporaries}"
        own = sorted(n for n in stored if n in self.flow.variables)
        body = [*([ast.Nonlocal(own)] if own else []), *out]
        return [at(definition(name, parameter_list(), body), s), at(ast.Expr(ast.Call(ast.Name(name, ast.Load()), [], [])), s)]

    def compound(self, s: ast.stmt) -> list[ast.stmt]:
        """A statement with a body."""
        if isinstance(s, (ast.For, ast.While, ast.If)) and self.flow is not None:
            return self._for(s) if isinstance(s, ast.For) else self._while(s) if isinstance(s, ast.While) else self._if(s)
        if isinstance(s, ast.For):
            targets = self.stored(at(ast.Assign([s.target], ast.Constant(None)), s))
            s.target, s.iter = self.visit(s.target), self.visit(s.iter)
            s.body, s.orelse = targets + self.body(s.body), self.body(s.orelse) if s.orelse else []
        elif isinstance(s, (ast.While, ast.If)):
            s.test = self.visit(s.test)
            s.body, s.orelse = self.body(s.body), self.body(s.orelse) if s.orelse else []
        elif isinstance(s, ast.With):
            s.items = [self.visit(i) for i in s.items]
            for i in s.items:
                i.context_expr = at(hook("context", i.context_expr), i.context_expr)
            s.body = self.body(s.body)
        elif isinstance(s, ast.Try):
            s.body, s.orelse, s.finalbody = (self.body(b) if b else [] for b in (s.body, s.orelse, s.finalbody))
            self.temporaries += 1
            mark = f"__try{self.temporaries}"
            for h in s.handlers:
                h.type = self.visit(h.type) if h.type is not None else None
                h.body = [at(ast.Expr(hook("handle", ast.Name(mark, ast.Load()))), h), *self.body(h.body)]
            if s.handlers:
                s.body.append(at(ast.Expr(hook("leave_try", ast.Name(mark, ast.Load()))), s))
                return [at(ast.Assign([ast.Name(mark, ast.Store())], hook("enter_try")), s), s]
        return [s]

    def _match(self, s: ast.Match) -> ast.stmt:
        """A `match` is decided while tracing; its patterns stay as they are."""
        s.subject = hook("known_subject", self.visit(s.subject))
        for c in s.cases:
            c.guard = self.visit(c.guard) if c.guard is not None else None
            c.body = self.body(c.body)
        return s

    def _state(self, s: ast.stmt, names: set[str], changed: set[str]) -> tuple[list[ast.stmt], list[ast.expr]]:
        """Functions that read and write the variables of a statement, and the arguments that pass them to its hook."""
        assert self.flow is not None
        own = sorted(n for n in names | self.flow.escaping if n in self.flow.variables)
        self.temporaries += 1
        get, put = f"__get{self.temporaries}", f"__set{self.temporaries}"
        read = ast.Return(ast.Tuple([ast.Name(n, ast.Load()) for n in own], ast.Load()))
        write: list[ast.stmt] = [ast.Pass()]
        if own:
            targets = ast.Tuple([ast.Name(n, ast.Store()) for n in own], ast.Store())
            write = [ast.Nonlocal(own), ast.Assign([targets], ast.Name("__values", ast.Load()))]
        defs = [definition(get, parameter_list(), [read]), definition(put, parameter_list("__values"), write)]
        carried = sorted(n for n in changed | self.flow.escaping if n in self.flow.variables)
        live = sorted((self.flow.live[s] | self.flow.captured) & self.flow.variables)
        lists = [constant_names(names) for names in (own, carried, live)]
        return [at(d, s) for d in defs], [ast.Name(get, ast.Load()), ast.Name(put, ast.Load()), *lists]

    def _place(self, s: ast.stmt | ast.expr) -> ast.Constant:
        return ast.Constant(f"{self.filename}:{s.lineno}:{s.col_offset}")

    def _for(self, s: ast.For) -> list[ast.stmt]:
        flow = self.flow
        assert flow is not None
        changed = stored_names(s) & flow.live[s]
        defs, state = self._state(s, changed | loaded_names(s.body), changed)
        flags = thunk(ast.Tuple([ast.Name(f, ast.Load()) for f in flow.stops[s]], ast.Load()))
        targets = self.stored(at(ast.Assign([s.target], ast.Constant(None)), s))
        items = hook("for_", self._place(s), self.visit(s.iter), *state, flags)
        new = at(ast.For(self.visit(s.target), items, self._guarded(targets + self.body(s.body), s), []), s)
        return [*defs, new, *self._forget(s, stored_names(s) - flow.live[s])]

    def _while(self, s: ast.While) -> list[ast.stmt]:
        flow = self.flow
        assert flow is not None
        changed = stored_names(s) & flow.live[s]
        defs, state = self._state(s, changed | loaded_names([*s.body, s.test]), changed)
        test = s.test
        for f in flow.stops[s]:
            test = ast.BoolOp(ast.And(), [ast.UnaryOp(ast.Not(), ast.Name(f, ast.Load())), test])
        endless = ast.Constant(isinstance(s.test, ast.Constant) and bool(s.test.value))
        items = hook("while_", self._place(s), thunk(self.test(at(test, s))), *state, endless)
        new = at(ast.For(ast.Name("__trip", ast.Store()), items, self._guarded(self.body(s.body), s), []), s)
        return [*defs, new, *self._forget(s, stored_names(s) - flow.live[s])]

    def _if(self, s: ast.If) -> list[ast.stmt]:
        flow = self.flow
        assert flow is not None
        bound = all_stored([*s.body, *s.orelse])
        changed = bound & flow.live[s]
        defs, state = self._state(s, changed | loaded_names([*s.body, *s.orelse]), changed)
        self.temporaries += 1
        side = f"__side{self.temporaries}"
        items = hook("if_", self._place(s), self.test(s.test), *state)
        choice = ast.If(ast.Name(side, ast.Load()), self.body(s.body), self.body(s.orelse) if s.orelse else [])
        new = at(ast.For(ast.Name(side, ast.Store()), items, self._guarded([at(choice, s)], s), []), s)
        return [*defs, new, *self._forget(s, bound - flow.live[s])]

    def _guarded(self, body: list[ast.stmt], s: ast.stmt) -> list[ast.stmt]:
        """A body whose exceptions reach its hook: in a region they are raised when the program gets there."""
        handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), "__error",
                                    [ast.Expr(hook("failed", ast.Name("__error", ast.Load())))])
        return [at(ast.Try(body, [handler], [], []), s)]

    def _forget(self, s: ast.stmt, names: set[str]) -> list[ast.stmt]:
        """Names that nothing reads any more lose their values, which belong to a pass of the body."""
        assert self.flow is not None
        undefined = ast.Attribute(ast.Name(HOOKS, ast.Load()), "UNDEFINED", ast.Load())
        return [at(ast.Assign([ast.Name(n, ast.Store())], undefined), s) for n in sorted(names)
                if n in self.flow.variables and not n.startswith("__")]

    def _assign(self, s: ast.Assign) -> list[ast.stmt]:
        after = self.stored(s)
        value = self.visit(s.value)
        if len(s.targets) == 1 and isinstance(s.targets[0], (ast.Name, ast.Tuple, ast.List)) and not has_places(s.targets[0]):
            return [at(ast.Assign([self.visit(s.targets[0])], value), s), *after]
        # a[i] = b.c = v: the value once, then the targets from left to right.
        name = self.temporary()
        out: list[ast.stmt] = [ast.Assign([ast.Name(name, ast.Store())], value)]
        for t in s.targets:
            out += self._store(t, ast.Name(name, ast.Load()))
        return [at(x, s) for x in out] + after

    def temporary(self) -> str:
        self.temporaries += 1
        return f"__t{self.temporaries}"

    def _store(self, target: ast.expr, value: ast.expr) -> list[ast.stmt]:
        """Store `value` (a temporary) to a target."""
        if isinstance(target, ast.Subscript):
            owner, index = self.visit(target.value), index_of(self.visit(target.slice))
            return [ast.Expr(hook("setitem", owner, index, value))]
        if isinstance(target, ast.Attribute):
            return [ast.Expr(hook("set_attribute", self.visit(target.value), ast.Constant(self.mangled(target.attr)), value))]
        if isinstance(target, (ast.Tuple, ast.List)) and has_places(target):
            names = [self.temporary() for _ in target.elts]
            stars: list[ast.expr] = [ast.Starred(ast.Name(n, ast.Store()), ast.Store()) if isinstance(e, ast.Starred)
                     else ast.Name(n, ast.Store()) for n, e in zip(names, target.elts, strict=True)]
            out: list[ast.stmt] = [ast.Assign([ast.Tuple(stars, ast.Store())], value)]
            for n, e in zip(names, target.elts, strict=True):
                out += self._store(e.value if isinstance(e, ast.Starred) else e, ast.Name(n, ast.Load()))
            return out
        return [ast.Assign([self.visit(target)], value)]

    def _augmented(self, s: ast.AugAssign) -> list[ast.stmt]:
        op, value = ast.Constant(type(s.op).__name__), self.visit(s.value)
        t = s.target
        if isinstance(t, ast.Subscript):
            # What the place held is read before the right side runs, which may write there.
            place = hook("item_place", self.visit(t.value), index_of(self.visit(t.slice)))
            new: ast.stmt = ast.Expr(hook("augment_item", op, place, value))
        elif isinstance(t, ast.Attribute):
            place = hook("attribute_place", self.visit(t.value), ast.Constant(self.mangled(t.attr)))
            new = ast.Expr(hook("augment_attribute", op, place, value))
        else:
            old = self.visit(at(ast.Name(t.id, ast.Load()), s))
            if self.flow is not None and t in self.flow.uncertain:
                old = hook("load_local", ast.Constant(t.id), old)
            new = ast.Assign([self.visit(ast.Name(t.id, ast.Store()))], hook("augment", op, old, value))
        return [at(new, s), *self.stored(s)]

    def _deleted(self, t: ast.expr, s: ast.Delete) -> ast.stmt:
        if isinstance(t, ast.Attribute):
            return at(ast.Expr(hook("delete_attribute", self.visit(t.value), ast.Constant(self.mangled(t.attr)))), s)
        if isinstance(t, ast.Subscript):
            return at(ast.Expr(hook("delete_item", self.visit(t.value), self.visit(t.slice))), s)
        return at(ast.Delete([t]), s)

    def visit_Assert(self, s: ast.Assert) -> ast.stmt:
        message = self.visit(s.msg) if s.msg is not None else ast.Constant(None)
        fixed = ast.Constant(s.msg is None or (isinstance(s.msg, ast.Constant) and isinstance(s.msg.value, str)))
        return at(ast.Expr(hook("check", self.test(s.test), thunk(message), fixed)), s)
