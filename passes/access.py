"""How an access moves through memory: the stride, in elements, by which each variable advances it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..ir.expr import Expr
from ..ir.loops import Buffer
from ..ir.quotients import joined

# Variable -> coefficient; "" is the constant. A coefficient that is not a known number is None.
Form = dict[str, "int | None"]


def form_of(e: Expr) -> Form | None:
    """`e` as a linear form; None when it is not one (a load, a division, a product of variables)."""
    if e.kind == "const":
        return {"": e.payload}  # type: ignore[dict-item]
    if e.kind == "var":
        return {e.payload: 1}  # type: ignore[dict-item]
    if e.kind != "op" or e.payload not in ("add", "sub", "mul"):
        return None
    a, b = form_of(e.args[0]), form_of(e.args[1])
    if a is None or b is None:
        return None
    if e.payload == "mul":
        for x, y in ((a, b), (b, a)):
            if set(x) <= {""}:
                return {v: _times(c, x.get("", 0)) for v, c in y.items()}
        return None
    sign = 1 if e.payload == "add" else -1
    out = dict(a)
    for v, c in b.items():
        out[v] = _plus(out.get(v, 0), _times(c, sign))
    return out


def element_strides(buffer: Buffer, index: Sequence[Expr]) -> Form:
    """The element offset of an access as a linear form, as far as it is one.

    Strides that are run-time values give None coefficients, and so does, to its variables, an index that is no linear form.
    """
    out: Form = {}
    for e, stride in joined(index, buffer.strides):
        form = form_of(e)
        if form is None:
            form = dict.fromkeys(e.variables)
        by = stride.payload if stride.is_const else None
        for v, c in form.items():
            out[v] = _plus(out.get(v, 0), _times(c, by))  # type: ignore[arg-type]
    return out


def loads_of(exprs: Iterable[Expr]) -> list[Expr]:
    """Every load in these expressions, once."""
    seen: dict[Expr, None] = {}

    def go(e: Expr) -> None:
        if e in seen or not e.buffers:
            return
        seen[e] = None
        for a in e.args:
            go(a)

    for e in exprs:
        go(e)
    return [e for e in seen if e.kind == "load"]


def _times(a: int | None, b: int | None) -> int | None:
    if a == 0 or b == 0:
        return 0
    return None if a is None or b is None else a * b


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b
