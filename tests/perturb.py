"""Runs a NumPy program with its inexact operations perturbed by a few ulp, to see how far its own answer moves.

The source is rewritten: every call of an inexact function, `@` and `**` has its operands and its result passed through
`_wobble`, which moves each float by up to ULP units in the last place (of the modulus, for a complex number).  Products and
quotients are exact for real numbers but not for complex ones: their operands pass through `_wobble_complex`.
The sign of a NaN is nobody's promise: whatever computes one may give it either.  Two variants also lay their operands out
otherwise, with gaps between the elements or in the other memory order, so that NumPy takes other loops; the first
multiplies by `einsum` instead of BLAS.  They add up in another order, round at other places, and infinities times zeros
meet elsewhere.
"""

from __future__ import annotations

import ast
import copy
import operator
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
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
ARITHMETIC_CALLS = COMPLEX_CALLS | {"add", "subtract", "floor_divide", "remainder"}


class OtherLoops:
    """NumPy, whose products are computed by `einsum`, and whose rounding goes element by element.

    What becomes of a float out of an integer's range depends on whether a vector loop or its tail converts it.
    """

    def __init__(self, module) -> None:
        self._module = module

    def __getattr__(self, name: str):
        return getattr(self._module, name)

    def tensordot(self, a, b, axes=2):
        a, b = np.asarray(a), np.asarray(b)
        pairs = zip(range(a.ndim - axes, a.ndim), range(axes)) if isinstance(axes, int) else zip(*map(np.atleast_1d, axes))
        first, second = list(range(a.ndim)), list(range(a.ndim, a.ndim + b.ndim))
        summed = [(int(i), int(j)) for i, j in pairs]
        for i, j in summed:
            second[j] = first[i]
        return np.einsum(a, first, b, second, [k for k in first + second if (k in first) != (k in second)])

    def dot(self, a, b, *out):
        if np.ndim(a) == 0 or np.ndim(b) == 0 or out:
            return np.dot(a, b, *out)
        return self.tensordot(a, b, ([-1], [-2 if np.ndim(b) > 1 else -1]))

    def matmul(self, a, b, **options):
        return np.matmul(a, b, **options) if np.ndim(a) > 2 or np.ndim(b) > 2 or options else self.dot(a, b)

    def inner(self, a, b):
        return np.inner(a, b) if np.ndim(a) == 0 or np.ndim(b) == 0 else self.tensordot(a, b, ([-1], [-1]))

    def einsum(self, subscripts, *operands, **options):
        """Extents of 1 are spelt out: NumPy adds up first along those that it only repeats."""
        if not isinstance(subscripts, str) or "." in subscripts:
            return np.einsum(subscripts, *operands, **options)
        named = list(zip(subscripts.partition("->")[0].replace(" ", "").split(","), operands))
        extents: dict[str, int] = {}
        for letters, x in named:
            for c, d in zip(letters, np.shape(x)):
                extents[c] = d if extents.get(c, 1) == 1 else extents[c]
        return np.einsum(subscripts, *[np.array(np.broadcast_to(x, [extents[c] for c in t])) for t, x in named], **options)

    def round(self, x, *digits, **options):
        if not isinstance(x, np.ndarray) or options:
            return np.round(x, *digits, **options)
        rounded = np.round(x, *digits)
        rounded[...] = np.reshape([np.round(e, *digits) for e in x.ravel()], x.shape)
        return rounded

    def vdot(self, a, b):
        return self.dot(np.conj(np.ravel(a)), np.ravel(b))


def nan_signs(seed: int) -> Callable:
    """Gives each NaN a sign at random."""
    rng = np.random.default_rng(seed)

    def change(x):
        if not isinstance(x, np.ndarray | np.generic | float) or np.asarray(x).dtype.kind != "f" or not np.isnan(x).any():
            return x
        sign = rng.choice([-1, 1], np.shape(x)).astype(np.asarray(x).dtype)
        changed = np.where(np.isnan(x), np.copysign(x, sign), x)
        if isinstance(x, np.ndarray):
            if x.flags.writeable:
                x[...] = changed
            return x
        return type(x)(changed)

    return change


def _gaps(x: np.ndarray) -> np.ndarray:
    return np.empty((*x.shape, 2), x.dtype)[..., 0]


def _turned(x: np.ndarray) -> np.ndarray:
    return np.empty(x.shape, x.dtype, "C" if x.flags.f_contiguous else "F")


def wobbler(direction: int, seed: int, empty: Callable = np.empty_like) -> Callable:
    """direction: -1 or 1 moves everything one way, 0 moves each element at random. empty: makes the memory of results."""
    rng = np.random.default_rng(seed)
    signs = nan_signs(seed + 100)

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
            out = empty(x)
            out[...] = moved
            return signs(out)
        return type(x)(moved) if isinstance(x, float | complex) and not isinstance(x, np.generic) else signs(a.dtype.type(moved))

    return wobble


def in_place(wobble: Callable) -> Callable:
    """Moves an array's elements in its own memory, and anything else as `wobble` does."""

    def move(x):
        if isinstance(x, tuple):
            return tuple(map(move, x))
        if not isinstance(x, np.ndarray) or not x.flags.writeable:
            return wobble(x)
        x[...] = wobble(x)
        return x

    return move


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
        if name in ARITHMETIC_CALLS:
            return self.wrap(node, "_nan_signs")
        if name in EXACT or name.startswith("_"):
            return node
        node.args = [self.wrap(a) if not isinstance(a, ast.Constant | ast.Starred) else a for a in node.args]
        is_method = isinstance(f, ast.Attribute) and not (isinstance(f.value, ast.Name) and f.value.id in ("np", "math"))
        if is_method and not isinstance(f.value, ast.Attribute):
            f.value = self.wrap(f.value)
        # With out= the result must stay the array that was given.
        return self.wrap(node, "_wobble_in_place" if any(k.arg == "out" for k in node.keywords) else "_wobble")

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, OPERATORS):
            node.left, node.right = self.wrap(node.left), self.wrap(node.right) if not isinstance(
                node.right, ast.Constant) else node.right
            if isinstance(node.op, ast.MatMult):
                return self.wrap(ast.Call(ast.Name("_matmul", ast.Load()), [node.left, node.right], []))
            return self.wrap(node)
        if isinstance(node.op, COMPLEX_OPERATORS):
            node.left, node.right = self.wrap(node.left, "_wobble_complex"), self.wrap(node.right, "_wobble_complex")
        return self.wrap(node, "_nan_signs") if isinstance(node.op, ARITHMETIC) else node

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        self.generic_visit(node)
        if isinstance(node.op, OPERATORS):
            node.value = self.wrap(node.value)
        elif isinstance(node.op, COMPLEX_OPERATORS):
            node.value = self.wrap(node.value, "_wobble_complex")
        made = copy.deepcopy(node.target)
        for part in ast.walk(made):
            if hasattr(part, "ctx"):
                part.ctx = ast.Load()
        # The target of an operator is a variable that may name an array: its NaN change in place, or not at all.
        after: list[ast.stmt] = [ast.Expr(self.wrap(made, "_nan_signs"))]
        if isinstance(node.op, OPERATORS):
            after.insert(0, ast.Assign([copy.deepcopy(node.target)], self.wrap(copy.deepcopy(made), "_wobble_in_place")))
        return [node, *after]


def perturbed_functions(source: str, name: str, namespace: dict) -> list[Callable]:
    """Variants of the function `name` defined by `source`, each with its inexact operations perturbed in another way."""
    tree = ast.fix_missing_locations(_Rewrite().visit(ast.parse(source)))
    code = compile(tree, "<perturbed>", "exec")
    out = []
    for k, direction in enumerate((1, -1, 0, 0, 0, 0, 0, 0)):
        env = dict(namespace)
        env["_wobble"] = wobbler(direction, k, {6: _gaps, 7: _turned}.get(k, np.empty_like))
        env["_wobble_in_place"] = in_place(env["_wobble"])
        env["_nan_signs"] = nan_signs(k)
        env["_wobble_complex"] = only_complex(env["_wobble"])
        env["_matmul"] = OtherLoops(np).matmul if k == 6 else operator.matmul
        exec(code, env)
        if k == 6:
            env.update({n: OtherLoops(v) for n, v in env.items() if v is np})
        out.append(env[name])
    return out
