"""Scalar expressions of the loop dialect: immutable, hash-consed while one function is compiled.

An expression is a constant, a variable, a load from a buffer, a read of a constant table, or a scalar operation.
Within one `expression_scope` equal expressions are one object, so identity is equality and dictionaries keyed by
expressions are cheap.  Scalars carry no vector width: code generation decides that.  The small algebra done on
construction (integer constants, additive identities, `(i + k) - i`) is what lets trip counts be seen as constants.

    with expression_scope():
        i = var("i", "i64")
        load(buffer, (i + 1,)) * 2.0
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from .scalar import BITS, INTEGERS, NUMPY_DTYPE, SCALAR_OPS

if TYPE_CHECKING:
    from .loops import Buffer

Number = Union[bool, int, float]


class _Interned(threading.local):
    def __init__(self) -> None:
        self.table: dict[tuple, Expr] = {}
        self.depth = 0


_interned = _Interned()


@contextmanager
def expression_scope() -> Iterator[None]:
    """Expressions made inside are shared with each other and forgotten at the end of the outermost scope."""
    _interned.depth += 1
    try:
        yield
    finally:
        _interned.depth -= 1
        if not _interned.depth:
            _interned.table.clear()


class Expr:
    """One scalar expression.

    kind      payload                         args
    "const"   the Python value                ()
    "var"     the name                        ()
    "load"    the Buffer                      one index (i64) per axis
    "table"   a tuple of Python values        one index (i64), in range by construction
    "op"      a key of SCALAR_OPS             the operands
    """

    __slots__ = ("__weakref__", "args", "buffers", "dtype", "kind", "payload", "variables")

    kind: str
    payload: Any  # of a type that `kind` decides
    args: tuple[Expr, ...]
    dtype: str
    variables: frozenset[str]
    buffers: frozenset[Buffer]

    def __add__(self, other: Expr | Number) -> Expr:
        return op("add", self, other)

    def __radd__(self, other: Number) -> Expr:
        return op("add", as_expr(other, self.dtype), self)

    def __sub__(self, other: Expr | Number) -> Expr:
        return op("sub", self, other)

    def __rsub__(self, other: Number) -> Expr:
        return op("sub", as_expr(other, self.dtype), self)

    def __mul__(self, other: Expr | Number) -> Expr:
        return op("mul", self, other)

    def __rmul__(self, other: Number) -> Expr:
        return op("mul", as_expr(other, self.dtype), self)

    def __truediv__(self, other: Expr | Number) -> Expr:
        return op("div", self, other)

    def __rtruediv__(self, other: Number) -> Expr:
        return op("div", as_expr(other, self.dtype), self)

    def __neg__(self) -> Expr:
        return op("neg", self)

    def __and__(self, other: Expr | Number) -> Expr:
        return op("and", self, other)

    def __or__(self, other: Expr | Number) -> Expr:
        return op("or", self, other)

    def __xor__(self, other: Expr | Number) -> Expr:
        return op("xor", self, other)

    def __invert__(self) -> Expr:
        return op("not", self)

    def __lshift__(self, other: Expr | Number) -> Expr:
        return op("shl", self, other)

    def __rshift__(self, other: Expr | Number) -> Expr:
        return op("shr", self, other)

    def __lt__(self, other: Expr | Number) -> Expr:
        return op("lt", self, other)

    def __le__(self, other: Expr | Number) -> Expr:
        return op("le", self, other)

    def __gt__(self, other: Expr | Number) -> Expr:
        return op("gt", self, other)

    def __ge__(self, other: Expr | Number) -> Expr:
        return op("ge", self, other)

    def equals(self, other: Expr | Number) -> Expr:
        """`self == other` as an expression; `==` itself compares identity."""
        return op("eq", self, other)

    def differs(self, other: Expr | Number) -> Expr:
        return op("ne", self, other)

    @property
    def is_const(self) -> bool:
        return self.kind == "const"

    def __repr__(self) -> str:
        return show(self)


def _intern(kind: str, payload: Any, args: tuple[Expr, ...], dtype: str) -> Expr:
    # -0.0 == 0.0 and True == 1 == 1.0, so constants are keyed by type and text as well.
    mark = repr(payload) if kind in ("const", "table") else payload
    key = (kind, mark, args, dtype)
    e = _interned.table.get(key)
    if e is None:
        e = object.__new__(Expr)
        e.kind, e.payload, e.args, e.dtype = kind, payload, args, dtype
        e.variables = frozenset([payload]) if kind == "var" else frozenset().union(*[a.variables for a in args])
        e.buffers = frozenset().union([payload] if kind == "load" else [], *[a.buffers for a in args])
        if _interned.depth:
            _interned.table[key] = e
    return e


def const(value: Number, dtype: str = "i64") -> Expr:
    """A constant; integers are wrapped and floats rounded to `dtype`."""
    if dtype == "i1":
        value = bool(value)
    elif dtype in INTEGERS:
        bits = BITS[dtype]
        value = int(value) & ((1 << bits) - 1)
        if dtype[0] == "i" and value >> (bits - 1):
            value -= 1 << bits
    else:
        with np.errstate(over="ignore"):
            value = float(NUMPY_DTYPE[dtype].type(value))
    return _intern("const", value, (), dtype)


def var(name: str, dtype: str = "i64") -> Expr:
    return _intern("var", name, (), dtype)


def load(buffer: Buffer, index: Sequence[Expr]) -> Expr:
    assert len(index) == len(buffer.dims), (buffer, index)
    return _intern("load", buffer, tuple(index), buffer.dtype)


def table(values: Sequence[Number], index: Expr, dtype: str) -> Expr:
    """values[index] from a constant table; `index` is an i64 within range."""
    return _intern("table", tuple(const(v, dtype).payload for v in values), (index,), dtype)


def as_expr(x: Expr | Number, dtype: str) -> Expr:
    return x if isinstance(x, Expr) else const(x, dtype)


def cast(x: Expr, dtype: str) -> Expr:
    """Value conversion; the identity when the type is already `dtype`."""
    if x.dtype == dtype:
        return x
    if x.is_const and x.dtype in INTEGERS + ("i1",):
        return const(x.payload, dtype)  # type: ignore[arg-type]
    return _intern("op", "cast", (x,), dtype)


def bitcast(x: Expr, dtype: str) -> Expr:
    assert BITS[x.dtype] == BITS[dtype], (x.dtype, dtype)
    return x if x.dtype == dtype else _intern("op", "bitcast", (x,), dtype)


def select(condition: Expr, then: Expr | Number, other: Expr | Number) -> Expr:
    """`then` where `condition` (i1) holds, else `other`; both are evaluated."""
    dtype = then.dtype if isinstance(then, Expr) else other.dtype  # type: ignore[union-attr]
    a, b = as_expr(then, dtype), as_expr(other, dtype)
    if a is b:
        return a
    if condition.is_const:
        return a if condition.payload else b
    if dtype == "i1" and condition in (a, b):
        return op("and", condition, a) if condition is b else op("or", condition, b)
    return _intern("op", "select", (condition, a, b), dtype)


def op(name: str, *operands: Expr | Number) -> Expr:
    """A scalar operation; Python numbers among the operands take the type of the first expression."""
    row = SCALAR_OPS[name]
    dtype = next(x.dtype for x in operands if isinstance(x, Expr))
    args = tuple(as_expr(x, dtype) for x in operands)
    assert len(args) == row.arity and row.result != "attr" and name != "select", name
    assert dtype in row.types and all(a.dtype == dtype for a in args), (name, [a.dtype for a in args])
    if dtype in INTEGERS:
        simple = _integer_algebra(name, args)
        if simple is not None:
            return simple
    elif dtype == "i1" and name in ("and", "or", "not"):
        simple = _logic_algebra(name, args)
        if simple is not None:
            return simple
    return _intern("op", name, args, dtype if row.result == "same" else row.result)


_FOLD: dict[str, Callable[[int, int], int]] = {
    "add": int.__add__, "sub": int.__sub__, "mul": int.__mul__, "min": min, "max": max,
    "and": int.__and__, "or": int.__or__, "xor": int.__xor__}
_FOLD_COMPARE = {"lt": int.__lt__, "le": int.__le__, "gt": int.__gt__, "ge": int.__ge__,
                 "eq": int.__eq__, "ne": int.__ne__}


def _integer_algebra(name: str, args: tuple[Expr, ...]) -> Expr | None:
    if len(args) != 2:
        return None
    x, y = args
    if x.is_const and y.is_const:
        if name in _FOLD:
            return const(_FOLD[name](x.payload, y.payload), x.dtype)
        if name in _FOLD_COMPARE:
            return const(_FOLD_COMPARE[name](x.payload, y.payload), "i1")
        if name in ("quot", "rem") and y.payload:
            q = abs(x.payload) // abs(y.payload) * (1 if (x.payload < 0) == (y.payload < 0) else -1)  # type: ignore
            return const(q if name == "quot" else x.payload - q * y.payload, x.dtype)  # type: ignore[operator]
        return None
    if y.is_const and y.payload == 0 and name in ("add", "sub", "or", "xor", "shl", "shr"):
        return x
    if x.is_const and x.payload == 0 and name in ("add", "or", "xor"):
        return y
    if name == "mul":
        for a, b in ((x, y), (y, x)):
            if a.is_const and a.payload == 1:
                return b
            if a.is_const and a.payload == 0:
                return a
    if name == "quot" and y.is_const and y.payload == 1:
        return x
    if name == "sub":
        if x is y:
            return const(0, x.dtype)
        # (i + k) - i
        if x.kind == "op" and x.payload == "add":
            if x.args[0] is y:
                return x.args[1]
            if x.args[1] is y:
                return x.args[0]
    # (i + 1) + 2
    if name in ("add", "sub") and y.is_const and x.kind == "op" and x.payload == "add" and x.args[1].is_const:
        k = x.args[1].payload + (y.payload if name == "add" else -y.payload)  # type: ignore[operator]
        return op("add", x.args[0], const(k, x.dtype))
    if name == "sub" and y.is_const:
        return op("add", x, const(-y.payload, x.dtype))  # type: ignore[operator]
    if name == "add" and x.is_const:
        return op("add", y, x)
    return None


def _logic_algebra(name: str, args: tuple[Expr, ...]) -> Expr | None:
    if name == "not":
        return const(not args[0].payload, "i1") if args[0].is_const else None
    for a, b in (args, args[::-1]):
        if a.is_const:
            return (b if a.payload else a) if name == "and" else (a if a.payload else b)
    return args[0] if args[0] is args[1] else None


def substitute(e: Expr, mapping: dict[Expr, Expr]) -> Expr:
    """Replace subexpressions (keys) by others, rebuilding what lies above them."""
    memo: dict[Expr, Expr] = {}

    def go(x: Expr) -> Expr:
        if x in mapping:
            return mapping[x]
        if not x.args:
            return x
        got = memo.get(x)
        if got is None:
            args = tuple(go(a) for a in x.args)
            got = memo[x] = x if args == x.args else rebuild(x, args)
        return got

    return go(e)


def nodes(exprs: Iterable[Expr]) -> Iterator[Expr]:
    """Every expression in these, each once however often it is shared, operands after what uses them."""
    seen: set[Expr] = set()
    waiting = list(exprs)[::-1]
    while waiting:
        e = waiting.pop()
        if e not in seen:
            seen.add(e)
            yield e
            waiting += e.args[::-1]


def rebuild(e: Expr, args: tuple[Expr, ...]) -> Expr:
    """`e` over other operands."""
    if e.kind == "op" and e.payload == "select":
        return select(*args)
    if e.kind == "op" and e.payload not in ("cast", "bitcast"):
        return op(e.payload, *args)  # type: ignore[arg-type]
    return _intern(e.kind, e.payload, args, e.dtype)


_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
          "eq": "==", "ne": "!=", "and": "&", "or": "|", "xor": "^", "shl": "<<", "shr": ">>"}


# Trees with more nodes than this are printed with their shared parts named.
_MOST_NODES = 300
# A table is printed with its entries if it has no more than these.
_MOST_ENTRIES = 64


def show(e: Expr) -> str:
    """The text form, as printed in loop dumps. Large shared parts are named: `(t1 * t1) where t1 = exp(x)`."""
    sizes: dict[int, int] = {}
    if _tree_size(e, sizes) <= _MOST_NODES:
        return _show(e, {})
    names: dict[int, str] = {}
    parts = []
    for shared in _shared(e):
        if sizes[id(shared)] > 3:
            parts.append(_show(shared, names))
            names[id(shared)] = f"t{len(parts)}"
    return f"{_show(e, names)} where {', '.join(f't{k} = {text}' for k, text in enumerate(parts, 1))}"


def _tree_size(e: Expr, sizes: dict[int, int]) -> int:
    if id(e) not in sizes:
        sizes[id(e)] = 1 + sum([_tree_size(a, sizes) for a in e.args])
    return sizes[id(e)]


def _shared(e: Expr) -> list[Expr]:
    """The subexpressions that stand in several places, operands first."""
    seen: set[int] = set()
    found: dict[int, Expr] = {}
    order: list[Expr] = []

    def visit(x: Expr) -> None:
        if id(x) in seen:
            found[id(x)] = x
            return
        seen.add(id(x))
        for a in x.args:
            visit(a)
        order.append(x)

    visit(e)
    return [x for x in order if id(x) in found]


def _show(e: Expr, names: dict[int, str]) -> str:
    if id(e) in names:
        return names[id(e)]
    if e.kind == "const":
        text = str(e.payload).lower() if e.dtype == "i1" else repr(e.payload)
        return text if e.dtype in ("i64", "i1", "f64") else f"{text}:{e.dtype}"
    if e.kind == "var":
        return str(e.payload)
    args = [_show(a, names) for a in e.args]
    if e.kind == "load":
        return f"{e.payload.name}[{', '.join(args)}]"  # type: ignore[attr-defined]
    if e.kind == "table":
        values: tuple = e.payload  # type: ignore[assignment]
        entries = ", ".join(map(repr, values)) if len(values) <= _MOST_ENTRIES else f"{len(values)} entries"
        return f"table.{e.dtype}({entries})[{args[0]}]"
    if e.payload in _INFIX:
        return f"({args[0]} {_INFIX[e.payload]} {args[1]})"  # type: ignore[index]
    name = f"{e.payload}.{e.dtype}" if e.payload in ("cast", "bitcast") else e.payload
    return f"{name}({', '.join(args)})"
