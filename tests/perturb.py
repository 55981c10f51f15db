"""Runs a NumPy program with its inexact operations perturbed by a few ulp, to see how far its own answer moves.

The source is rewritten: every call of an inexact function, `@` and `**` has its operands and its result passed through
`_wobble`, which moves each float by up to ULP units in the last place (of the modulus, for a complex number).  Products and
quotients are exact for real numbers but not for complex ones: their operands pass through `_wobble_complex`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

import numpy as np

ULP = 4
EXACT = {
    "abs", "absolute", "sqrt", "floor", "ceil", "rint", "round", "trunc", "maximum", "minimum", "where", "clip", "max", "min",
    "argmax", "argmin", "any", "all", "sort", "argsort", "reshape", "transpose", "astype", "copy", "zeros", "ones", "full",
    "empty", "zeros_like", "ones_like", "full_like", "empty_like", "arange", "eye", "concatenate", "stack", "broadcast_to",
    "take", "flip", "roll", "negative", "sign", "isnan", "isinf", "isfinite", "len", "range", "float", "int", "bool", "ravel",
    "amax", "amin", "array", "asarray", "expand_dims", "squeeze", "swapaxes", "moveaxis", "hstack", "vstack", "fmax", "fmin",
    "nonzero", "enumerate", "zip", "reversed", "tuple", "list", "int64", "float64", "float32", "int32", "print", "append",
    "tile", "repeat", "diagonal", "split", "identity", "copysign", "flatten", "view", "fill", "item", "atleast_1d", "diag",
    "add", "subtract", "floor_divide", "remainder", "bitwise_and", "bitwise_or", "logical_and",
}
OPERATORS = (ast.Pow, ast.MatMult)
COMPLEX_OPERATORS = (ast.Mult, ast.Div)
COMPLEX_CALLS = {"multiply", "divide", "square", "reciprocal"}


def wobbler(direction: int, seed: int) -> Callable:
    """direction: -1 or 1 moves everything one way, 0 moves each element at random."""
    rng = np.random.default_rng(seed)

    def wobble(x):
        if isinstance(x, tuple | list):
            return type(x)(wobble(e) for e in x)
        if not isinstance(x, np.ndarray | np.generic | float | complex) or np.asarray(x).dtype.kind not in "fc":
            return x
        a = np.asarray(x)
        with np.errstate(all="ignore"):
            k = rng.integers(-ULP, ULP + 1, a.shape) if direction == 0 else direction * ULP
            if a.dtype.kind == "c":
                step = np.where(np.isfinite(a), np.spacing(np.abs(a)), 0) * k
                return np.asarray(a + step * rng.choice([1, 1j, -1j, 1 + 1j], a.shape)).astype(a.dtype)[()]
            moved = (a + k * np.where(a == 0, 0, np.spacing(a))).astype(a.dtype)
            # Exact zeros and ones (exp(0), tanh(inf)) are exact in any sensible implementation.
            moved = np.where(np.isfinite(moved), moved, a)
            moved = np.where((a == 0) | (np.abs(a) == 1), a, moved).astype(a.dtype)
        if isinstance(x, np.ndarray):
            out = np.empty_like(x)
            out[...] = moved
            return out
        return type(x)(moved) if isinstance(x, float | complex) and not isinstance(x, np.generic) else a.dtype.type(moved)

    return wobble


def only_complex(wobble: Callable) -> Callable:
    return lambda x: wobble(x) if np.iscomplexobj(x) else x


class _Rewrite(ast.NodeTransformer):
    @staticmethod
    def wrap(node: ast.expr, name: str = "_wobble") -> ast.expr:
        return ast.Call(ast.Name(name, ast.Load()), [node], [])

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        f = node.func
        name = f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""
        if name in COMPLEX_CALLS:
            node.args = [self.wrap(a, "_wobble_complex") if not isinstance(a, ast.Starred) else a for a in node.args]
            return node
        if name in EXACT or name.startswith("_"):
            return node
        node.args = [self.wrap(a) if not isinstance(a, ast.Constant | ast.Starred) else a for a in node.args]
        is_method = isinstance(f, ast.Attribute) and not (isinstance(f.value, ast.Name) and f.value.id in ("np", "math"))
        if is_method and not isinstance(f.value, ast.Attribute):
            f.value = self.wrap(f.value)
        # With out= the result must stay the array that was given; its operands moved, so it moves.
        return node if any(k.arg == "out" for k in node.keywords) else self.wrap(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, OPERATORS):
            node.left, node.right = self.wrap(node.left), self.wrap(node.right) if not isinstance(
                node.right, ast.Constant) else node.right
            return self.wrap(node)
        if isinstance(node.op, COMPLEX_OPERATORS):
            node.left, node.right = self.wrap(node.left, "_wobble_complex"), self.wrap(node.right, "_wobble_complex")
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, OPERATORS):
            node.value = self.wrap(node.value)
        elif isinstance(node.op, COMPLEX_OPERATORS):
            node.value = self.wrap(node.value, "_wobble_complex")
        return node


def perturbed_functions(source: str, name: str, namespace: dict) -> list[Callable]:
    """Variants of the function `name` defined by `source`, each with its inexact operations perturbed in another way."""
    tree = ast.fix_missing_locations(_Rewrite().visit(ast.parse(source)))
    code = compile(tree, "<perturbed>", "exec")
    out = []
    for k, direction in enumerate((1, -1, 0, 0, 0, 0)):
        env = dict(namespace)
        env["_wobble"] = wobbler(direction, k)
        env["_wobble_complex"] = only_complex(env["_wobble"])
        exec(code, env)
        out.append(env[name])
    return out
